"""What pages show of decisions on many cases: how far they are, and what became of each case."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.foundation.errors import NotFound
from core.tables.access import Staff
from core.tables.customers import Customer
from core.tables.refund_batches import RefundBatch, RefundBatchItem
from core.tables.refunds import CompensationCase

Case = CompensationCase


@dataclasses.dataclass(frozen=True)
class Batch:
    """A decision on many cases and how far it is."""

    id: int
    decision: str
    reason_code: str
    note: str | None
    by: str
    cases: int
    credits: int
    made_at: datetime
    stopped_by: str | None
    stopped_at: datetime | None
    finished_at: datetime | None
    outcomes: dict[str, int]

    @property
    def done(self) -> int:
        return sum(self.outcomes.values())

    @property
    def running(self) -> bool:
        return self.stopped_at is None and self.finished_at is None


@dataclasses.dataclass(frozen=True)
class ItemRow:
    """What became of one case of a batch; without an outcome it is still to be done, or was left."""

    case_id: int
    customer: str
    amount: int
    outcome: str | None
    sentence: str | None
    at: datetime | None


def batches(session: Session, limit: int = 20) -> list[Batch]:
    """The newest first."""
    rows = session.scalars(
        select(RefundBatch)
        .order_by(RefundBatch.id.desc())
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    return [_batch(session, row) for row in rows]


def batch(session: Session, batch_id: int) -> Batch:
    """One batch. Raises NotFound."""
    row = session.get(RefundBatch, batch_id, populate_existing=True)
    if row is None:
        raise NotFound(f"There is no batch {batch_id}.")
    return _batch(session, row)


def items(session: Session, batch_id: int, limit: int = 1_000) -> Sequence[ItemRow]:
    """What became of each case: first what was refused, then in the order of work."""
    rows = session.execute(
        select(RefundBatchItem, Customer.name)
        .join(Case, Case.id == RefundBatchItem.case_id)
        .join(Customer, Customer.id == Case.customer_id)
        .where(RefundBatchItem.batch_id == batch_id)
        .order_by((RefundBatchItem.outcome == "refused").desc().nulls_last(), RefundBatchItem.place)
        .limit(limit)
        .execution_options(populate_existing=True)
    ).all()
    return [
        ItemRow(item.case_id, customer, item.amount, item.outcome, item.sentence, item.at)
        for item, customer in rows
    ]


def _batch(session: Session, row: RefundBatch) -> Batch:
    outcomes = session.execute(
        select(RefundBatchItem.outcome, func.count())
        .where(RefundBatchItem.batch_id == row.id, RefundBatchItem.outcome.is_not(None))
        .group_by(RefundBatchItem.outcome)
    )
    return Batch(
        id=row.id,
        decision=row.decision,
        reason_code=row.reason_code,
        note=row.note,
        by=session.get_one(Staff, row.staff_id).name,
        cases=row.cases,
        credits=row.credits,
        made_at=row.made_at,
        stopped_by=session.get_one(Staff, row.stopped_by).name if row.stopped_by else None,
        stopped_at=row.stopped_at,
        finished_at=row.finished_at,
        outcomes={str(outcome): number or 0 for outcome, number in outcomes},
    )
