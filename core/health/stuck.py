"""Generations that do not go on as they should: each with exactly one reason and one next step.

What is told here goes away by itself when its cause does; a step by a person only makes it quicker.
"""

import dataclasses
import enum
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Interval,
    Row,
    Select,
    and_,
    case,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import LateralFromClause

from core.health.render_times import overdue_after
from core.settings import Settings
from core.tables.customers import Customer
from core.tables.generation import OPEN, Generation, KeptOutput, RenderAttempt, State

# The provider deletes what it drew; this long before, somebody must know.
SAVE_WITHIN = timedelta(minutes=30)
TRIES_UNTIL_STUCK = 2
SHOWN_OF_A_REASON = 20
COLUMNS = ("id", "state", "state_since", "customer_id", "model", "lease_owner", "lease_until", "due_at")


class Reason(enum.StrEnum):
    """Why one is stuck, the most pressing first."""

    OUTPUT_EXPIRING = "output_expiring"  # drawn, not stored, and soon deleted by the provider
    NOT_FETCHED = "not_fetched"  # drawn, but the provider's files do not come
    STORE_AWAY = "store_away"  # fetched and kept in the database until the object store takes it
    WORKER_VANISHED = "worker_vanished"  # its worker is silent or let its lease run out; nobody took over yet
    ANSWER_LOST = "answer_lost"  # sent without an answer; the provider's list will tell
    PROVIDER_OVERDUE = "provider_overdue"  # rendering for longer than nearly all others
    NO_WORKER = "no_worker"  # due, and no worker is alive to take it


class Step(enum.StrEnum):
    """What an operator can do about it."""

    STORE = "store"  # hand it to the next worker at once
    ADOPT = "adopt"  # read the provider's list now
    POLL = "poll"  # ask the provider about this one now
    CANCEL = "cancel"  # end it, with the credits back


@dataclasses.dataclass(frozen=True)
class Stuck:
    """One stuck generation.

    `waiting` is how long it has been in its state, `usual` after what time it counts as overdue, `left` the
    time until the provider deletes its picture, or until a lost answer is given up. `busy`: its `holder` is
    working on it right now.
    """

    id: int
    state: State
    customer: str
    reason: Reason
    waiting: timedelta
    holder: str | None
    busy: bool
    tries: int
    left: timedelta | None
    usual: timedelta | None

    @property
    def step(self) -> Step:
        """The one thing to do next."""
        return next_step(self.reason, self.state)


@dataclasses.dataclass(frozen=True)
class StuckGenerations:
    """How many are stuck for each reason, and the longest waiting of each."""

    counts: Mapping[Reason, int]
    shown: Sequence[Stuck]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def next_step(reason: Reason, state: State) -> Step:
    """What helps against this reason."""
    match reason:
        case Reason.ANSWER_LOST:
            return Step.ADOPT
        case Reason.WORKER_VANISHED:
            return Step.ADOPT if state is State.SUBMITTING else Step.STORE
        case Reason.PROVIDER_OVERDUE:
            return Step.POLL
        case Reason.NO_WORKER:
            return Step.CANCEL
        case _:
            return Step.STORE


@dataclasses.dataclass(frozen=True)
class _Limits:
    """What the reasons are measured by. `usual` is by model, `patience` how long due work may wait."""

    now: datetime
    usual: Mapping[str, timedelta]
    longest: timedelta
    soon: timedelta
    patience: timedelta
    workers_alive: bool
    silent: Collection[str]


def stuck_generations(
    session: Session,
    settings: Settings,
    *,
    now: datetime,
    patience: timedelta,
    workers_alive: bool,
    silent: Collection[str] = (),
) -> StuckGenerations:
    """Look through everything unfinished. `patience`: how long work may be due while no worker is alive.

    What a `silent` worker holds counts as given up before its lease has run out.
    """
    models = session.scalars(select(Generation.model).where(Generation.state == State.RENDERING).distinct())
    limits = _Limits(
        now=now,
        usual=overdue_after(session, models, now=now, at_most=settings.attempt_timeout_seconds),
        longest=timedelta(seconds=settings.attempt_timeout_seconds),
        soon=min(SAVE_WITHIN, timedelta(seconds=settings.provider_retention_seconds / 2)),
        patience=patience,
        workers_alive=workers_alive,
        silent=silent,
    )
    rows = session.execute(_longest_of_each(limits)).all()
    counts = {row.reason: row.total for row in rows}
    shown = [_stuck(row, limits) for row in rows]
    shown.sort(key=lambda each: (list(Reason).index(each.reason), -each.waiting, each.id))
    return StuckGenerations({each: counts[each] for each in Reason if each in counts}, shown)


def _longest_of_each(limits: _Limits) -> Select[Any]:
    """The longest waiting of each reason, with how many there are."""
    drawn = _drawn()
    found = (
        select(
            *(getattr(Generation, name) for name in COLUMNS),
            drawn.c.save_by,
            drawn.c.store_tries,
            _reason(limits, drawn).label("reason"),
        )
        .select_from(Generation)
        .outerjoin(drawn, true())
        .where(Generation.state.in_(OPEN))
        .subquery()
    )
    total = func.count().over(partition_by=found.c.reason)
    place = func.row_number().over(partition_by=found.c.reason, order_by=found.c.state_since)
    ranked = (
        select(found, total.label("total"), place.label("place"))
        .where(found.c.reason.is_not(None))
        .subquery()
    )
    # Looked up one by one: the planner cannot know how few are left, and would read all customers for a join.
    customer = select(Customer.name).where(Customer.id == ranked.c.customer_id).scalar_subquery()
    return select(ranked, customer.label("customer")).where(ranked.c.place <= SHOWN_OF_A_REASON)


def _drawn() -> LateralFromClause:
    """The attempt whose picture waits to be stored; not even looked for in other states."""
    return (
        select(RenderAttempt.save_by, RenderAttempt.store_tries)
        .where(Generation.state == State.STORING)
        .where(RenderAttempt.generation_id == Generation.id, RenderAttempt.status == "succeeded")
        .limit(1)
        .correlate(Generation)
        .lateral("drawn")
    )


def _reason(limits: _Limits, drawn: LateralFromClause) -> ColumnElement[str]:
    """The first that holds is the one."""
    vanished = or_(Generation.lease_until < limits.now, Generation.lease_owner.in_(limits.silent))
    unheld = Generation.lease_until.is_(None)
    kept = exists().where(KeptOutput.generation_id == Generation.id)
    nobody = and_(literal(not limits.workers_alive), Generation.due_at < limits.now - limits.patience)
    overdue = Generation.state_since < limits.now - _usual(limits)
    holds = {
        State.STORING: (
            (kept, Reason.STORE_AWAY),
            (drawn.c.save_by < limits.now + limits.soon, Reason.OUTPUT_EXPIRING),
            (vanished, Reason.WORKER_VANISHED),
            (drawn.c.store_tries >= TRIES_UNTIL_STUCK, Reason.NOT_FETCHED),
            (and_(nobody, unheld), Reason.NO_WORKER),
        ),
        State.SUBMITTING: ((vanished, Reason.WORKER_VANISHED), (unheld, Reason.ANSWER_LOST)),
        State.RENDERING: ((overdue, Reason.PROVIDER_OVERDUE),),
        State.QUEUED: ((nobody, Reason.NO_WORKER),),
    }
    return case(
        *((Generation.state == state, case(*whens, else_=null())) for state, whens in holds.items()),
        else_=null(),
    )


def _usual(limits: _Limits) -> ColumnElement[timedelta]:
    longest = literal(limits.longest, Interval)
    if not limits.usual:
        return longest
    return case(
        *((Generation.model == model, literal(span, Interval)) for model, span in limits.usual.items()),
        else_=longest,
    )


def _stuck(row: Row[Any], limits: _Limits) -> Stuck:
    reason = Reason(row.reason)
    until = row.due_at if row.state == State.SUBMITTING else row.save_by
    return Stuck(
        id=row.id,
        state=State(row.state),
        customer=row.customer,
        reason=reason,
        waiting=limits.now - row.state_since,
        holder=row.lease_owner,
        busy=bool(row.lease_until and row.lease_until >= limits.now and row.lease_owner not in limits.silent),
        tries=row.store_tries or 0,
        left=until - limits.now if until else None,
        usual=limits.usual.get(row.model) if reason is Reason.PROVIDER_OVERDUE else None,
    )
