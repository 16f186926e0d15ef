"""Batches of retries: what somebody confirmed at once, and what has become of each generation in it."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Numeric, func
from sqlalchemy.orm import Mapped, mapped_column

from core.foundation.database import Base, HasId


class RetryBatch(HasId, Base):
    """Failed generations of one error group that are retried together; `token` names what was confirmed.

    `credits` and `cost_usd` are what was confirmed, in credits of customers and dollars of ours.
    """

    __tablename__ = "retry_batch"

    token: Mapped[str] = mapped_column(unique=True)
    fingerprint: Mapped[str] = mapped_column(ForeignKey("error_group.fingerprint"))
    started_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    started_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    since: Mapped[datetime | None]
    until: Mapped[datetime]
    credits: Mapped[int]
    cost_usd: Mapped[Decimal] = mapped_column(Numeric(14, 4))
    state: Mapped[str] = mapped_column(server_default="running")  # running, done, stopped, halted
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[str | None]


class RetryBatchItem(Base):
    """One failed generation of a batch: `retry_id` is what it became, or `reason` says why nothing.

    `credits` is the price that was confirmed for it.
    """

    __tablename__ = "retry_batch_item"

    batch_id: Mapped[int] = mapped_column(ForeignKey("retry_batch.id"), primary_key=True)
    generation_id: Mapped[int] = mapped_column(ForeignKey("generation.id"), primary_key=True)
    credits: Mapped[int]
    state: Mapped[str] = mapped_column(server_default="waiting")  # waiting, requested, skipped
    retry_id: Mapped[int | None] = mapped_column(ForeignKey("generation.id"), unique=True)
    reason: Mapped[str | None]
    settled_at: Mapped[datetime | None]
