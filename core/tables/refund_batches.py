"""Decisions on many cases at once, and what became of each case."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.foundation.database import Base, HasId


class RefundBatch(HasId, Base):
    """One decision on many cases; `cases` and `credits` are the numbers that the reviewer agreed to."""

    __tablename__ = "refund_batch"

    key: Mapped[str] = mapped_column(unique=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    decision: Mapped[str]  # approve, deny
    reason_code: Mapped[str]
    note: Mapped[str | None]
    filters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    cases: Mapped[int]
    credits: Mapped[int]
    made_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    stopped_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    stopped_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class RefundBatchItem(Base):
    """One case of a batch. Without an outcome it is still to be done; `sentence` says what became of it."""

    __tablename__ = "refund_batch_item"

    batch_id: Mapped[int] = mapped_column(ForeignKey("refund_batch.id"), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("compensation_case.id"), primary_key=True)
    place: Mapped[int]
    seen_seq: Mapped[int]
    amount: Mapped[int]
    outcome: Mapped[str | None]  # done, second, refused
    sentence: Mapped[str | None]
    at: Mapped[datetime | None]
