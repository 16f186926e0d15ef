"""What the desk shows of error groups: the table, and one opened with samples, customers and history."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import Session

from core.classification.taxonomy import FailureClass
from core.foundation.errors import NotFound
from core.monitoring.groups import UNHANDLED
from core.monitoring.rollups import value_titles
from core.prompts.views import versions_beside
from core.tables.access import Staff
from core.tables.customers import Customer
from core.tables.failures import (
    ErrorEvent,
    ErrorGroup,
    ErrorGroupChange,
    ErrorGroupHour,
    GroupState,
    PromptTemplate,
)
from core.tables.generation import Generation, RenderAttempt

MOST_ROWS = 200
SAMPLES = 8
MOST_CUSTOMERS = 20
TREND_HOURS = 24

# What needs somebody comes first.
URGENCY = {
    GroupState.ESCALATING: 0,
    GroupState.REGRESSED: 1,
    GroupState.NEW: 2,
    GroupState.ONGOING: 3,
    GroupState.ACKNOWLEDGED: 4,
    GroupState.MUTED: 5,
    GroupState.RESOLVED: 6,
}


@dataclasses.dataclass(frozen=True)
class GroupRow:
    """One line of the table of groups. `trend` counts the last 24 hours, the running one last.

    `cost_usd` is what its failed attempts cost us, `credits` what the lost generations had charged.
    """

    fingerprint: str
    failure_class: FailureClass
    message: str
    state: GroupState
    first_seen: datetime
    last_seen: datetime
    failed_attempts: int
    failed_generations: int
    customers: int
    cost_usd: Decimal
    credits: int
    assignee: str | None
    note: str | None
    trend: Sequence[int]


@dataclasses.dataclass(frozen=True)
class Sample:
    """One occurrence: what was received, scrubbed, word for word."""

    at: datetime
    kind: str
    generation_id: int
    customer: str
    text: str
    remote_id: str | None
    rule: str | None


@dataclasses.dataclass(frozen=True)
class HitCustomer:
    """A customer whom the group has hit, and in how many generations."""

    name: str
    reference: str
    generations: int
    last_seen: datetime


@dataclasses.dataclass(frozen=True)
class Change:
    """One line of a group's history."""

    at: datetime
    actor: str
    action: str
    to_state: GroupState
    note: str | None


@dataclasses.dataclass(frozen=True)
class GroupDetail:
    """One error group, opened. `resolved_in` names the template in which it was said to be mended.

    `templates` are what it may be mended in, by hash: all versions of the prompts that it occurred with of
    late, the newest first, then drafts.
    """

    row: GroupRow
    state_since: datetime
    acknowledged_by: str | None
    muted_until: datetime | None
    resolved_in: str | None
    assignee_id: int | None
    samples: Sequence[Sample]
    customers: Sequence[HitCustomer]
    history: Sequence[Change]
    templates: dict[str, str]


def list_groups(
    session: Session,
    *,
    since: datetime | None = None,
    states: Sequence[GroupState] = (),
    classes: Sequence[str] = (),
    limit: int = MOST_ROWS,
) -> list[GroupRow]:
    """Groups that occurred after `since`, the most urgent first, of one urgency the latest first."""
    conditions: list[ColumnElement[bool]] = []
    if since is not None:
        conditions.append(ErrorGroup.last_seen >= since)
    if states:
        conditions.append(ErrorGroup.state.in_(states))
    if classes:
        conditions.append(ErrorGroup.failure_class.in_(classes))
    urgency = case(*((ErrorGroup.state == state, n) for state, n in URGENCY.items()), else_=9)
    rows = session.execute(
        _groups().where(*conditions).order_by(urgency, ErrorGroup.last_seen.desc()).limit(limit)
    ).all()
    trends = _trends(session, [group.fingerprint for group, _ in rows])
    return [_row(group, assignee, trends) for group, assignee in rows]


def group_detail(session: Session, fingerprint: str) -> GroupDetail:
    """All about one group. Raises NotFound."""
    found = session.execute(_groups().where(ErrorGroup.fingerprint == fingerprint)).one_or_none()
    if found is None:
        raise NotFound("There is no such error group.")
    group, assignee = found
    return GroupDetail(
        row=_row(group, assignee, _trends(session, [fingerprint])),
        state_since=group.state_since,
        acknowledged_by=group.acknowledged_by,
        muted_until=group.muted_until,
        resolved_in=_resolved_in(session, group.resolved_template),
        assignee_id=group.assignee_id,
        samples=_samples(session, fingerprint),
        customers=_customers(session, fingerprint),
        history=_history(session, fingerprint),
        templates=_templates(session, fingerprint),
    )


def _groups() -> Select[ErrorGroup, str | None]:
    return (
        select(ErrorGroup, Staff.name)
        .outerjoin(Staff, Staff.id == ErrorGroup.assignee_id)
        .execution_options(populate_existing=True)
    )


def _row(group: ErrorGroup, assignee: str | None, trends: dict[str, list[int]]) -> GroupRow:
    return GroupRow(
        fingerprint=group.fingerprint,
        failure_class=FailureClass(group.failure_class),
        message=group.message,
        state=GroupState(group.state),
        first_seen=group.first_seen,
        last_seen=group.last_seen,
        failed_attempts=group.failed_attempts,
        failed_generations=group.failed_generations,
        customers=group.customers,
        cost_usd=group.cost_usd,
        credits=group.credits,
        assignee=assignee,
        note=group.note,
        trend=trends.get(group.fingerprint, [0] * TREND_HOURS),
    )


def _trends(session: Session, names: Sequence[str]) -> dict[str, list[int]]:
    now = session.scalars(select(func.clock_timestamp())).one().astimezone(UTC)
    hour = timedelta(hours=1)
    first = now.replace(minute=0, second=0, microsecond=0) - (TREND_HOURS - 1) * hour
    rows = session.execute(
        select(ErrorGroupHour.fingerprint, ErrorGroupHour.hour, ErrorGroupHour.events).where(
            ErrorGroupHour.fingerprint.in_(names), ErrorGroupHour.hour >= first
        )
    )
    trends: dict[str, list[int]] = {}
    for name, at, events in rows:
        place = (at - first) // hour
        if place < TREND_HOURS:
            trends.setdefault(name, [0] * TREND_HOURS)[place] = events
    return trends


def _samples(session: Session, fingerprint: str) -> list[Sample]:
    """The latest occurrences; a generation that failed by its attempt is shown once, as the attempt."""
    text = func.coalesce(RenderAttempt.failure_detail, Generation.failure_detail, "")
    rows = session.execute(
        select(
            ErrorEvent.at,
            ErrorEvent.kind,
            ErrorEvent.generation_id,
            Customer.name,
            text,
            RenderAttempt.remote_id,
            ErrorEvent.rule,
        )
        .join(Generation, Generation.id == ErrorEvent.generation_id)
        .join(Customer, Customer.id == Generation.customer_id)
        .outerjoin(RenderAttempt, RenderAttempt.id == ErrorEvent.attempt_id)
        .where(ErrorEvent.fingerprint == fingerprint)
        .order_by(ErrorEvent.generation_id.desc(), ErrorEvent.id)
        .limit(SAMPLES * 4)
    ).all()
    once: dict[int, Sample] = {}
    for row in rows:
        once.setdefault(row.generation_id, Sample(*row))
    return list(once.values())[:SAMPLES]


def _customers(session: Session, fingerprint: str) -> list[HitCustomer]:
    """Of the latest occurrences, who was hit most."""
    recent = (
        select(ErrorEvent.generation_id, ErrorEvent.customer_id, ErrorEvent.at)
        .where(ErrorEvent.fingerprint == fingerprint)
        .order_by(ErrorEvent.generation_id.desc())
        .limit(5_000)
        .subquery()
    )
    generations = func.count(recent.c.generation_id.distinct())
    rows = session.execute(
        select(Customer.name, Customer.reference, generations, func.max(recent.c.at))
        .join(Customer, Customer.id == recent.c.customer_id)
        .group_by(Customer.id)
        .order_by(generations.desc(), func.max(recent.c.at).desc())
        .limit(MOST_CUSTOMERS)
    )
    return [HitCustomer(*row) for row in rows]


def _history(session: Session, fingerprint: str) -> list[Change]:
    rows = session.scalars(
        select(ErrorGroupChange)
        .where(ErrorGroupChange.fingerprint == fingerprint)
        .order_by(ErrorGroupChange.id.desc())
        .limit(100)
    )
    return [Change(row.at, row.actor, row.action, GroupState(row.to_state), row.note) for row in rows]


def _templates(session: Session, fingerprint: str) -> dict[str, str]:
    recent = (
        select(ErrorEvent.template_hash)
        .where(ErrorEvent.fingerprint == fingerprint)
        .order_by(ErrorEvent.generation_id.desc())
        .limit(500)
        .subquery()
    )
    hashes = session.scalars(select(recent.c.template_hash).distinct()).all()
    known = session.scalars(select(PromptTemplate.hash).where(PromptTemplate.hash.in_(hashes))).all()
    saved = versions_beside(session, hashes)
    drafts = [name for name in known if name not in saved]
    return saved | value_titles(session, "prompt", drafts)


def _resolved_in(session: Session, template_hash: str | None) -> str | None:
    return template_hash and value_titles(session, "prompt", [template_hash])[template_hash]


def count_unhandled(session: Session) -> int:
    """How many groups nobody has taken, muted or resolved."""
    waiting = select(func.count()).select_from(ErrorGroup).where(ErrorGroup.state.in_(UNHANDLED))
    return session.scalar(waiting) or 0
