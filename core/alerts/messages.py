"""What a message says: class, rate with its interval, count, what differs most, and where to look."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from core.alerts.kinds import OURS, Kind
from core.alerts.rules import RuleView
from core.alerts.wording import sentence
from core.classification.taxonomy import TAXONOMY, FailureClass
from core.foundation.wording import count, duration
from core.monitoring.differences import alike, novelty, what_differs
from core.monitoring.rollups import floor_quarter
from core.notifications.message import Message
from core.rollups.bins import QUARTER
from core.rollups.dimensions import DIMENSIONS
from core.settings import Settings
from core.tables.alerts import Alert, AlertNotice

VERBS = {"fired": "Firing", "raised": "More pressing", "reminder": "Still firing", "resolved": "Resolved"}
# A message lists so many alerts by name.
MOST_LINES = 12
NOTICED_LATE = timedelta(minutes=2)
# What differs is looked for in this time, and held against the time before it.
LOOKED_AT = timedelta(hours=1)
COMPARED_WITH = timedelta(days=1)


@dataclasses.dataclass(frozen=True)
class Told:
    """One alert that a message tells of, with its rule and the transition."""

    alert: Alert
    rule: RuleView
    notice: AlertNotice


def compose(
    session: Session, settings: Settings, event: str, told: Sequence[Told], *, now: datetime
) -> Message:
    """The message of one transition of one or more alerts."""
    lines = [_line(each, event) for each in told[:MOST_LINES]]
    if len(told) > MOST_LINES:
        lines.append(f"and {count(len(told) - MOST_LINES, 'more alert')}")
    if event != "resolved" and (differing := _differing(session, told, now)):
        lines.append(differing)
    return Message(f"{VERBS[event]}: {_subject(told)}", "\n".join(lines), _link(settings, told))


def _subject(told: Sequence[Told]) -> str:
    names = list(dict.fromkeys(each.rule.spec.name for each in told))
    if len(told) == 1:
        only = told[0].alert
        return f"{names[0]} ({only.title})" if only.subject else names[0]
    return f"{count(len(told), 'alert')}: {', '.join(names)}"


def _line(told: Told, event: str) -> str:
    alert, kind = told.alert, told.rule.spec.kind
    said = f"[{alert.severity}] {alert.title}: {sentence(kind, alert.reading)}"
    if kind is Kind.FAILURE_RATE and (main := _classes(alert.reading.get("classes") or {})):
        said += f". Mostly {main}"
    if event == "resolved" and alert.fired_at is not None:
        lasted = duration(alert.state_since - alert.fired_at)
        said = f"{alert.title}: over after {lasted}; last seen: {sentence(kind, alert.reading)}"
    if told.notice.noted_at - told.notice.at >= NOTICED_LATE:
        at = told.notice.at.astimezone(UTC)
        said += f" (it was at {at:%d %b %H:%M:%S} UTC, while nobody was evaluating)"
    return said


def _classes(classes: dict[str, int]) -> str:
    worst = sorted(classes.items(), key=lambda item: -item[1])[:3]
    return ", ".join(f"{TAXONOMY[FailureClass(name)].title} ({n:,})" for name, n in worst)


def _differing(session: Session, told: Sequence[Told], now: datetime) -> str | None:
    """What differs most in the last hour, as the Errors page would say it."""
    if not any(each.rule.spec.kind is Kind.FAILURE_RATE for each in told):
        return None
    until = floor_quarter(now) + QUARTER
    since = until - LOOKED_AT
    found = what_differs(session, (since, until), (since - COMPARED_WITH, since), OURS)
    if not found.spike.enough:
        return None
    if not found.standouts:
        return f"Nothing stands out in the last hour: {alike(found)}"
    top = found.standouts[0]
    above = f"{DIMENSIONS[top.dimension]} {top.title}, {top.difference.value * 100:.0f} points above the rest"
    explains = f"explains {top.explained:.0%} of the failures ({novelty(top)})"
    return f"Differs most: {above} in the last hour, which {explains}"


def _link(settings: Settings, told: Sequence[Told]) -> str | None:
    if settings.desk_url is None:
        return None
    one = f"?alert={told[0].alert.id}" if len(told) == 1 else ""
    return f"{settings.desk_url.rstrip('/')}/alerts{one}"
