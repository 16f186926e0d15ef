"""The reviewers' queue: open cases by the time that is left, incidents as one entry, and counts per filter.

A page is found by keyset in the index `compensation_case_queue`, never by counting what was skipped.
"""

import dataclasses
import enum
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.desks.refunds.queue_filters import (
    FACETS,
    OPENED_HOUR,
    Band,
    Held,
    Incident,
    QueueFilter,
    hour_of,
    is_open,
    narrow,
    of_incident,
    other_conditions,
)
from core.tables.access import Staff
from core.tables.customers import Customer
from core.tables.refund_states import CaseKind, CaseState
from core.tables.refunds import CompensationCase

Case = CompensationCase
# From so many cases of one fingerprint and hour on, they are one entry of the queue.
INCIDENT_FROM = 3
LAST_MINUTES = timedelta(minutes=15)
LAST_PART = 0.25


class Urgency(enum.StrEnum):
    """How pressing a case is."""

    OVERDUE = "overdue"
    RED = "red"  # fifteen minutes left, or less
    AMBER = "amber"  # a quarter of its time left, or less
    CALM = "calm"


@dataclasses.dataclass(frozen=True)
class Place:
    """Where in the queue an entry stands."""

    due_at: datetime
    id: int


@dataclasses.dataclass(frozen=True)
class CaseRow:
    """One case of the queue. `held_by` has it on the desk at this moment."""

    id: int
    seq: int
    state: CaseState
    kind: CaseKind
    failure_class: str | None
    requested: int
    customer: str
    opened_at: datetime
    due_at: datetime
    left: timedelta
    fingerprint: str | None
    held_by: str | None
    held_by_me: bool

    @property
    def urgency(self) -> Urgency:
        return urgency(self.left, self.due_at - self.opened_at)

    @property
    def place(self) -> Place:
        return Place(self.due_at, self.id)

    @property
    def held_elsewhere(self) -> bool:
        return self.held_by is not None and not self.held_by_me


@dataclasses.dataclass(frozen=True)
class IncidentRow:
    """Cases of one incident as one entry, at the place of the one that is due first."""

    incident: Incident
    failure_class: str | None
    cases: int
    credits: int
    customers: int
    first: CaseRow


Entry = CaseRow | IncidentRow


@dataclasses.dataclass(frozen=True)
class QueuePage:
    """Entries by the time that is left; `next` is where the next page begins, None at the end."""

    entries: Sequence[Entry]
    next: Place | None
    now: datetime


@dataclasses.dataclass(frozen=True)
class Counts:
    """How many cases each choice of a filter would show, were the other filters as they are."""

    cases: int
    credits: int
    by: dict[str, dict[str, int]]
    held: dict[Held, int]


def urgency(left: timedelta, whole: timedelta) -> Urgency:
    """The colour of a case with so much of its whole time left."""
    if left <= timedelta(0):
        return Urgency.OVERDUE
    if left <= LAST_MINUTES:
        return Urgency.RED
    return Urgency.AMBER if left <= whole * LAST_PART else Urgency.CALM


def queue_page(
    session: Session, filter_: QueueFilter, *, actor: Actor, after: Place | None = None, limit: int = 20
) -> QueuePage:
    """At most `limit` entries behind the place `after`, the least time left first."""
    # A plan made for any value would be one for the worst of them.
    session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
    now = session.scalars(select(func.now())).one()
    entries = _entries(session, filter_, actor, after, limit + 1)
    more = len(entries) > limit
    entries = entries[:limit]
    return QueuePage(entries, _place(entries[-1]) if more else None, now)


def neighbour(
    session: Session,
    filter_: QueueFilter,
    *,
    actor: Actor,
    place: Place | None = None,
    before: bool = False,
    free: bool = False,
) -> CaseRow | None:
    """The case after a place (or before it), members of incidents one by one; without a place the first.

    `free` leaves out what somebody else holds at this moment.
    """
    held = and_(Case.claimed_by.is_not(None), Case.claimed_by != actor.id, Case.claim_until > func.now())
    conditions = [*narrow(filter_, actor.id), *([~held] if free else [])]
    rows = _rows(session, conditions, actor, place, 1, before=before)
    return rows[0] if rows else None


def counts(session: Session, filter_: QueueFilter, *, actor: Actor) -> Counts:
    """One look at all open cases, counted by everything that one can filter by."""
    columns = list(FACETS.values())
    # There are some hundreds of groups; the planner, who cannot know, fears as many as rows and would sort.
    session.execute(text("SET LOCAL enable_sort = off"))
    rows = session.execute(
        select(*columns, func.count(), func.sum(Case.requested))
        .where(is_open(), *other_conditions(filter_, actor.id))
        .group_by(*columns)
    ).all()
    session.execute(text("SET LOCAL enable_sort = on"))
    names = list(FACETS)
    by: dict[str, dict[str, int]] = {name: defaultdict(int) for name in names}
    cases = total = 0
    for row in rows:
        values, number = tuple(row[: len(names)]), int(row[-2])
        unmet = [
            name
            for name, value in zip(names, values, strict=True)
            if getattr(filter_, name) and value not in getattr(filter_, name)
        ]
        if not unmet:
            cases, total = cases + number, total + int(row[-1])
        for name, value in zip(names, values, strict=True):
            if not unmet or unmet == [name]:
                by[name][value] += number
    return Counts(cases, total, {name: dict(found) for name, found in by.items()}, _holders(session, actor))


def band_of(left: timedelta) -> Band:
    """The band of a case with so much time left."""
    hours = left / timedelta(hours=1)
    if hours <= 0:
        return Band.OVERDUE
    return next(
        (band for limit, band in ((1, Band.HOUR), (4, Band.FOUR), (24, Band.DAY)) if hours < limit),
        Band.LATER,
    )


def _entries(
    session: Session, filter_: QueueFilter, actor: Actor, after: Place | None, wanted: int
) -> list[Entry]:
    """Cases and incidents in order. An incident stands where its first case does, and nowhere else."""
    conditions = narrow(filter_, actor.id)
    entries: list[Entry] = []
    known: dict[Incident, IncidentRow | None] = {}
    while len(entries) < wanted:
        skipped = [incident for incident, entry in known.items() if entry is not None]
        rows = _rows(session, [*conditions, *_outside(skipped)], actor, after, wanted)
        if filter_.incident is None:
            known |= _incidents(session, conditions, rows, known)
        for row in rows:
            after = row.place
            entry = known.get(_incident(row)) if row.fingerprint else None
            if entry is None:
                entries.append(row)
            elif entry.first.id == row.id:
                entries.append(dataclasses.replace(entry, first=row))
            if len(entries) == wanted:
                break
        if len(rows) < wanted:
            break
    return entries


def _incident(row: CaseRow) -> Incident:
    return Incident(row.fingerprint or "", hour_of(row.opened_at))


def _outside(incidents: list[Incident]) -> list[ColumnElement[bool]]:
    if not incidents:
        return []
    pairs = [(incident.fingerprint, incident.hour) for incident in incidents]
    return [or_(Case.fingerprint.is_(None), tuple_(Case.fingerprint, OPENED_HOUR).not_in(pairs))]


def _incidents(
    session: Session,
    conditions: list[ColumnElement[bool]],
    rows: Sequence[CaseRow],
    known: dict[Incident, IncidentRow | None],
) -> dict[Incident, IncidentRow | None]:
    """The incidents among these rows that were not looked up yet; None where they are too few to be one."""
    firsts: dict[Incident, CaseRow] = {}
    for row in rows:
        if row.fingerprint and (incident := _incident(row)) not in known:
            firsts.setdefault(incident, row)
    found: dict[Incident, IncidentRow | None] = dict.fromkeys(firsts)
    if not firsts:
        return found
    members = (
        select(
            Case.fingerprint,
            OPENED_HOUR.label("hour"),
            Case.id,
            Case.due_at,
            Case.requested,
            Case.customer_id,
            Case.failure_class,
        )
        .where(is_open(), *conditions, or_(*(of_incident(incident) for incident in firsts)))
        .subquery()
    )
    grouped = session.execute(
        select(
            members.c.fingerprint,
            members.c.hour,
            func.count(),
            func.sum(members.c.requested),
            func.count(members.c.customer_id.distinct()),
            func.array_agg(aggregate_order_by(members.c.id, members.c.due_at, members.c.id))[1],
            func.min(members.c.failure_class),
        )
        .group_by(members.c.fingerprint, members.c.hour)
        .having(func.count() >= INCIDENT_FROM)
    )
    for fingerprint, hour, cases, total, customers, first, failure_class in grouped:
        incident = Incident(fingerprint, hour_of(hour))
        row = firsts[incident]
        if row.id != first:
            row = dataclasses.replace(row, id=first)  # the entry stands on an earlier page
        found[incident] = IncidentRow(incident, failure_class, cases, int(total), customers, row)
    return found


def _rows(
    session: Session,
    conditions: list[ColumnElement[bool]],
    actor: Actor,
    after: Place | None,
    limit: int,
    *,
    before: bool = False,
) -> list[CaseRow]:
    place = tuple_(Case.due_at, Case.id)
    edge = (after.due_at, after.id) if after else None
    behind = [place < edge if before else place > edge] if edge else []
    order = (Case.due_at.desc(), Case.id.desc()) if before else (Case.due_at, Case.id)
    picked = select(Case.id).where(is_open(), *conditions, *behind).order_by(*order).limit(limit).subquery()
    rows = session.execute(
        select(Case, Customer.name, Staff.name, func.now(), Case.claim_until > func.now())
        .join(picked, picked.c.id == Case.id)
        .join(Customer, Customer.id == Case.customer_id)
        .join(Staff, Staff.id == Case.claimed_by, isouter=True)
        .order_by(Case.due_at, Case.id)
        .execution_options(populate_existing=True)
    )
    return [_row(row, actor) for row in rows]


def _row(row: Row[*tuple[Any, ...]], actor: Actor) -> CaseRow:
    case, customer, holder, now, held = row
    return CaseRow(
        id=case.id,
        seq=case.seq,
        state=CaseState(case.state),
        kind=CaseKind(case.kind),
        failure_class=case.failure_class,
        requested=case.requested,
        customer=customer,
        opened_at=case.opened_at,
        due_at=case.due_at,
        left=case.due_at - now,
        fingerprint=case.fingerprint,
        held_by=holder if held else None,
        held_by_me=bool(held) and case.claimed_by == actor.id,
    )


def _place(entry: Entry) -> Place:
    return entry.place if isinstance(entry, CaseRow) else entry.first.place


def _holders(session: Session, actor: Actor) -> dict[Held, int]:
    mine = Case.claimed_by == actor.id
    rows = session.execute(
        select(mine, func.count())
        .where(is_open(), Case.claimed_by.is_not(None), Case.claim_until > func.now())
        .group_by(mine)
    )
    return {Held.ME if own else Held.OTHERS: number or 0 for own, number in rows}
