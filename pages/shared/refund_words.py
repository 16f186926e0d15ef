"""How cases, time left and reasons are written on the Refunds page."""

from datetime import timedelta

from core.classification.taxonomy import TAXONOMY, FailureClass
from core.desks.refunds.queue import CaseRow, Urgency, urgency
from core.desks.refunds.queue_filters import Age, Band, Held, Size
from core.foundation.wording import count
from core.refunds.reasons import REASONS
from core.tables.refund_states import STATE_TITLES, CaseKind, CaseState

STATE_COLOURS = {
    CaseState.PENDING: "blue",
    CaseState.NEEDS_SECOND: "violet",
    CaseState.EXPIRED: "red",
    CaseState.AUTO_APPROVED: "green",
    CaseState.APPROVED: "green",
    CaseState.DENIED: "orange",
    CaseState.WITHDRAWN: "gray",
    CaseState.REVERSED: "gray",
}
URGENCY_COLOURS = {
    Urgency.OVERDUE: "red",
    Urgency.RED: "red",
    Urgency.AMBER: "orange",
    Urgency.CALM: "gray",
}
KINDS = {CaseKind.FAILURE: "Failure", CaseKind.CANCEL: "Canceled", CaseKind.GOODWILL: "Goodwill"}
BANDS = {
    Band.OVERDUE: "Overdue",
    Band.HOUR: "Under 1 hour",
    Band.FOUR: "1 to 4 hours",
    Band.DAY: "4 to 24 hours",
    Band.LATER: "Later",
}
SIZES = {Size.SMALL: "Up to 20", Size.MIDDLE: "21 to 100", Size.LARGE: "Over 100"}
AGES = {Age.HOUR: "Under 1 hour", Age.DAY: "1 to 24 hours", Age.OLDER: "Over a day"}
HOLDERS = {Held.ME: "Held by me", Held.OTHERS: "Held by others", Held.NOBODY: "Free"}
DECISIONS = {"approve": "Approve", "deny": "Deny", "second": "Send to a second person"}


def state_badge(state: CaseState) -> str:
    """Markdown of a case state's badge."""
    return f":{STATE_COLOURS.get(state, 'gray')}-badge[{STATE_TITLES[state]}]"


def class_title(failure_class: str | None) -> str:
    """What a class is called; without one it is goodwill."""
    if failure_class is None or failure_class not in set(FailureClass):
        return "Goodwill"
    return TAXONOMY[FailureClass(failure_class)].title


def left(span: timedelta) -> str:
    """`12 min`, `3 h 20`, `2 d`, or `-5 min` when it is over."""
    minutes = abs(int(span.total_seconds() // 60))
    sign = "-" if span < timedelta(0) else ""
    if minutes < 60:
        return f"{sign}{minutes} min"
    if minutes < 48 * 60:
        return f"{sign}{minutes // 60} h {minutes % 60:02d}"
    return f"{sign}{minutes // (24 * 60)} d"


def coloured_left(span: timedelta, whole: timedelta) -> str:
    """The time left in the colour of its urgency; overdue says so in words as well."""
    how = urgency(span, whole)
    words = f"{left(span)} over" if how is Urgency.OVERDUE else left(span)
    colour = URGENCY_COLOURS[how]
    return f":{colour}[**{words.removeprefix('-')}**]" if how is not Urgency.CALM else f":gray[{words}]"


def row_label(row: CaseRow, customer: str) -> str:
    """One line of the queue. `customer` is fit for Markdown."""
    mark = ":material/lock: " if row.held_elsewhere else ""
    second = ":violet[2nd] " if row.state is CaseState.NEEDS_SECOND else ""
    return (
        f"{mark}{coloured_left(row.left, row.due_at - row.opened_at)} {second}"
        f"**{row.requested:,}** {class_title(row.failure_class)} :gray[{customer}]"
    )


def reason_title(code: str) -> str:
    """A reason code in words."""
    return REASONS[code].title if code in REASONS else code


def credits_of(number: int) -> str:
    return count(number, "credit")
