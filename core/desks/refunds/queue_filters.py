"""What the reviewers' queue is filtered by, as conditions on open cases."""

import dataclasses
import enum
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, case, func, literal_column, or_, select

from core.foundation.database import LARGEST_ID
from core.tables.customers import Customer
from core.tables.refund_batches import RefundBatch, RefundBatchItem
from core.tables.refund_states import OPEN_STATES, CaseState
from core.tables.refunds import CaseIntent, CompensationCase

HOUR = timedelta(hours=1)


class Band(enum.StrEnum):
    """How much time is left until a decision is due."""

    OVERDUE = "overdue"
    HOUR = "hour"  # less than one
    FOUR = "four"  # one to four hours
    DAY = "day"  # four to 24 hours
    LATER = "later"


class Size(enum.StrEnum):
    """How many credits a case is about."""

    SMALL = "small"  # up to 20
    MIDDLE = "middle"  # up to 100
    LARGE = "large"


class Age(enum.StrEnum):
    """How long ago a case was opened."""

    HOUR = "hour"  # less than one
    DAY = "day"  # one to 24 hours
    OLDER = "older"


class Held(enum.StrEnum):
    """Who holds a case at this moment."""

    ME = "me"
    OTHERS = "others"
    NOBODY = "nobody"


@dataclasses.dataclass(frozen=True)
class Incident:
    """All cases of one fingerprint that were opened within one hour (`hour` is its beginning, UTC)."""

    fingerprint: str
    hour: datetime


@dataclasses.dataclass(frozen=True)
class QueueFilter:
    """What is asked for; empty fields ask for nothing.

    `search` is a part of the customer's name or reference, or the number of a case or generation.
    """

    states: tuple[CaseState, ...] = ()
    classes: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    bands: tuple[Band, ...] = ()
    sizes: tuple[Size, ...] = ()
    ages: tuple[Age, ...] = ()
    search: str = ""
    incident: Incident | None = None
    held: Held | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is kept with a batch."""
        given = dataclasses.asdict(self)
        if self.incident:
            given["incident"]["hour"] = self.incident.hour.isoformat()
        return {name: value for name, value in given.items() if value}


Case = CompensationCase


def _word(value: str) -> ColumnElement[str]:
    # Written out, because a parameter in each of the same expressions would make them different ones.
    return literal_column(f"'{value}'", Text)


def _hours(count: int) -> ColumnElement[Any]:
    return literal_column(f"interval '{count} hours'")


# The band, size and age of a row, as the database counts them: by moments, which cost less than time spans.
BAND: ColumnElement[str] = case(
    (Case.due_at <= func.now(), _word(Band.OVERDUE)),
    (Case.due_at < func.now() + _hours(1), _word(Band.HOUR)),
    (Case.due_at < func.now() + _hours(4), _word(Band.FOUR)),
    (Case.due_at < func.now() + _hours(24), _word(Band.DAY)),
    else_=_word(Band.LATER),
)
SIZE: ColumnElement[str] = case(
    (Case.requested <= literal_column("20"), _word(Size.SMALL)),
    (Case.requested <= literal_column("100"), _word(Size.MIDDLE)),
    else_=_word(Size.LARGE),
)
AGES: ColumnElement[str] = case(
    (Case.opened_at > func.now() - _hours(1), _word(Age.HOUR)),
    (Case.opened_at > func.now() - _hours(24), _word(Age.DAY)),
    else_=_word(Age.OLDER),
)

# A decision that waits for its ten seconds takes the case out of everybody's queue, and so does one on many
# cases that is being worked off. Both lists are short; each is read once, whatever the planner thinks.
DECIDING = select(CaseIntent.case_id).where(CaseIntent.refused.is_(None))
IN_BATCH = (
    select(RefundBatchItem.case_id)
    .join(RefundBatch, RefundBatch.id == RefundBatchItem.batch_id)
    .where(
        RefundBatchItem.outcome.is_(None),
        RefundBatch.stopped_at.is_(None),
        RefundBatch.finished_at.is_(None),
    )
)
# The hour that an incident begins in.
OPENED_HOUR = func.date_trunc("hour", Case.opened_at, "UTC")


def hour_of(at: datetime) -> datetime:
    """The beginning of a moment's hour, UTC."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def is_open() -> ColumnElement[bool]:
    """Whether a case waits for people, and no decision on it waits to be carried out."""
    return and_(
        Case.closed_at.is_(None),
        Case.state.in_(OPEN_STATES),
        Case.id.not_in(DECIDING),
        Case.id.not_in(IN_BATCH),
    )


def narrow(filter_: QueueFilter, actor_id: int) -> list[ColumnElement[bool]]:
    """The conditions of a filter; `actor_id` is who asks."""
    return [*facet_conditions(filter_), *other_conditions(filter_, actor_id)]


def facet_conditions(filter_: QueueFilter) -> list[ColumnElement[bool]]:
    """The conditions that the counts are told for."""
    columns = FACETS
    return [columns[name].in_(getattr(filter_, name)) for name in columns if getattr(filter_, name)]


def other_conditions(filter_: QueueFilter, actor_id: int) -> list[ColumnElement[bool]]:
    """All other conditions."""
    conditions = []
    if filter_.search.strip():
        conditions.append(found_by(filter_.search.strip()))
    if filter_.incident:
        conditions.append(of_incident(filter_.incident))
    if filter_.held:
        conditions.append(_held(filter_.held, actor_id))
    return conditions


FACETS: dict[str, ColumnElement[Any]] = {
    "states": Case.state.expression,
    "classes": func.coalesce(Case.failure_class, _word("goodwill")),
    "kinds": Case.kind.expression,
    "rules": func.coalesce(Case.rule, _word("")),
    "bands": BAND,
    "sizes": SIZE,
    "ages": AGES,
}


def of_incident(incident: Incident) -> ColumnElement[bool]:
    """Whether a case belongs to an incident."""
    return and_(
        Case.fingerprint == incident.fingerprint,
        Case.opened_at >= incident.hour,
        Case.opened_at < incident.hour + HOUR,
    )


def found_by(text: str) -> ColumnElement[bool]:
    """Whether a customer is meant by what was typed, or a case or generation by its number."""
    named = or_(
        Customer.reference.icontains(text, autoescape=True), Customer.name.icontains(text, autoescape=True)
    )
    customers = Case.customer_id.in_(select(Customer.id).where(named))
    number = text.lstrip("#")
    if number.isdecimal() and int(number) <= LARGEST_ID:
        return or_(Case.id == int(number), Case.generation_id == int(number), customers)
    return customers


def _held(held: Held, actor_id: int) -> ColumnElement[bool]:
    taken = and_(Case.claimed_by.is_not(None), Case.claim_until > func.now())
    if held is Held.NOBODY:
        return ~func.coalesce(taken, False)
    mine = Case.claimed_by == actor_id
    return and_(taken, mine if held is Held.ME else ~mine)
