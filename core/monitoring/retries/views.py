"""What the desk shows of batches of retries, and how long one would take."""

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Float, func, select
from sqlalchemy.orm import Session

from core.settings import Settings
from core.tables.access import Staff
from core.tables.generation import OPEN, Generation, RenderAttempt, State
from core.tables.retries import RetryBatch, RetryBatchItem

MOST_BATCHES = 20
MOST_REASONS = 5
# The latest of this time say how long a generation takes.
RECENT = timedelta(hours=24)
SAMPLES = 200


@dataclasses.dataclass(frozen=True)
class BatchView:
    """One batch. `states` counts the requested retries by where they stand, `skipped` the others by reason.

    `credits` and `quoted_usd` are what was confirmed, `cost_usd` is what the retries have cost us so far.
    """

    id: int
    state: str
    ended_because: str | None
    started_by: str
    started_at: datetime
    ended_at: datetime | None
    credits: int
    quoted_usd: Decimal
    cost_usd: Decimal
    total: int
    waiting: int
    states: Mapping[State, int]
    skipped: Sequence[tuple[str, int]]
    skipped_count: int

    @property
    def requested(self) -> int:
        return sum(self.states.values())

    @property
    def under_way(self) -> int:
        return sum(self.states.get(state, 0) for state in OPEN)

    @property
    def succeeded(self) -> int:
        return self.states.get(State.SUCCEEDED, 0)

    @property
    def failed(self) -> int:
        return self.states.get(State.FAILED, 0)

    @property
    def canceled(self) -> int:
        return self.states.get(State.CANCELED, 0)

    @property
    def not_requested(self) -> int:
        """What is never requested, because the batch was stopped or halted before."""
        return 0 if self.state == "running" else self.waiting

    @property
    def settled(self) -> int:
        """Those whose end is known."""
        return self.total - self.under_way - (self.waiting - self.not_requested)

    @property
    def active(self) -> bool:
        """Whether anything about it still changes."""
        return self.state == "running" or self.under_way > 0


def batches_of_group(session: Session, fingerprint: str, *, limit: int = MOST_BATCHES) -> list[BatchView]:
    """The batches of an error group, the latest first."""
    found = session.execute(
        select(RetryBatch, Staff.name)
        .join(Staff, Staff.id == RetryBatch.started_by)
        .where(RetryBatch.fingerprint == fingerprint)
        .order_by(RetryBatch.id.desc())
        .limit(limit)
        .execution_options(populate_existing=True)
    ).all()
    ids = [batch.id for batch, _ in found]
    states, reasons, costs = _states(session, ids), _reasons(session, ids), _costs(session, ids)
    return [_view(batch, name, states, reasons, costs) for batch, name in found]


def expected_time(session: Session, settings: Settings, retries: int) -> timedelta | None:
    """How long so many more generations take, from the queue of now and how long one took of late.

    None where nothing succeeded in the last 24 hours.
    """
    now = session.scalars(select(func.clock_timestamp())).one()
    latest = (
        select(Generation.id, Generation.finished_at)
        .where(Generation.finished_at >= now - RECENT, Generation.state == State.SUCCEEDED)
        .order_by(Generation.finished_at.desc())
        .limit(SAMPLES)
        .subquery()
    )
    # From its last attempt on: what it waited in the queue is told by the queue of now.
    took = func.extract("epoch", latest.c.finished_at - RenderAttempt.submitted_at).cast(Float)
    usual = session.scalar(
        select(func.percentile_cont(0.5).within_group(took))
        .join_from(latest, RenderAttempt, RenderAttempt.generation_id == latest.c.id)
        .where(RenderAttempt.status == "succeeded")
    )
    if usual is None:
        return None
    ahead = select(func.count()).select_from(Generation).where(Generation.state.in_(OPEN))
    rounds = math.ceil(((session.scalar(ahead) or 0) + retries) / settings.max_in_flight)
    return timedelta(seconds=rounds * usual)


def _view(
    batch: RetryBatch,
    started_by: str,
    states: Mapping[int, Counter[tuple[str, str | None]]],
    reasons: Mapping[int, list[tuple[str, int]]],
    costs: Mapping[int, Decimal],
) -> BatchView:
    counted = states.get(batch.id, Counter())
    return BatchView(
        id=batch.id,
        state=batch.state,
        ended_because=batch.ended_because,
        started_by=started_by,
        started_at=batch.started_at,
        ended_at=batch.ended_at,
        credits=batch.credits,
        quoted_usd=batch.cost_usd,
        cost_usd=costs.get(batch.id, Decimal(0)),
        total=counted.total(),
        waiting=counted["waiting", None],
        states={State(state): n for (kind, state), n in counted.items() if kind == "requested" and state},
        skipped=reasons.get(batch.id, [])[:MOST_REASONS],
        skipped_count=counted["skipped", None],
    )


def _states(session: Session, ids: Sequence[int]) -> dict[int, Counter[tuple[str, str | None]]]:
    rows = session.execute(
        select(RetryBatchItem.batch_id, RetryBatchItem.state, Generation.state, func.count())
        .outerjoin(Generation, Generation.id == RetryBatchItem.retry_id)
        .where(RetryBatchItem.batch_id.in_(ids))
        .group_by(RetryBatchItem.batch_id, RetryBatchItem.state, Generation.state)
    )
    found: dict[int, Counter[tuple[str, str | None]]] = {}
    for batch, kind, state, n in rows:
        found.setdefault(batch, Counter())[kind, state] = n
    return found


def _reasons(session: Session, ids: Sequence[int]) -> dict[int, list[tuple[str, int]]]:
    rows = session.execute(
        select(RetryBatchItem.batch_id, RetryBatchItem.reason, func.count())
        .where(RetryBatchItem.batch_id.in_(ids), RetryBatchItem.state == "skipped")
        .group_by(RetryBatchItem.batch_id, RetryBatchItem.reason)
        .order_by(func.count().desc(), RetryBatchItem.reason)
    )
    found: dict[int, list[tuple[str, int]]] = {}
    for batch, reason, n in rows:
        found.setdefault(batch, []).append((reason or "", n))
    return found


def _costs(session: Session, ids: Sequence[int]) -> dict[int, Decimal]:
    rows = session.execute(
        select(RetryBatchItem.batch_id, func.sum(RenderAttempt.cost_usd))
        .join(RenderAttempt, RenderAttempt.generation_id == RetryBatchItem.retry_id)
        .where(RetryBatchItem.batch_id.in_(ids), RenderAttempt.cost_usd.is_not(None))
        .group_by(RetryBatchItem.batch_id)
    )
    return {batch: spent for batch, spent in rows if spent is not None}
