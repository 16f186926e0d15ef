"""The table of what a second person must agree to; refunds.sql holds what the database refuses."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from core.foundation.database import Base, HasId


class RequestKind(enum.StrEnum):
    """What is asked for."""

    GRANT = "grant"
    REVERSE_GRANT = "reverse_grant"
    REVERSE_CASE = "reverse_case"  # takes a refund or goodwill back


class RequestState(enum.StrEnum):
    """Where a request stands; all but waiting are ends."""

    WAITING = "waiting"
    DONE = "done"  # agreed to, and posted in the same transaction
    REFUSED = "refused"
    STALE = "stale"  # agreed to, but what it was about had changed
    WITHDRAWN = "withdrawn"  # by whoever asked
    EXPIRED = "expired"


class MoneyRequest(HasId, Base):
    """A grant or reversal that one person asked for. `key` is the form's own, unique for ever.

    `transfer_id` is what is to be taken back, `posted_id` what was posted when the second person agreed.
    `preview` is what stood on the screen of whoever asked.
    """

    __tablename__ = "money_request"

    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]  # grant, reverse_grant, reverse_case
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    amount: Mapped[int]
    transfer_id: Mapped[int | None] = mapped_column(ForeignKey("transfer.id"))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("compensation_case.id"))
    seen_seq: Mapped[int | None]
    reason: Mapped[str]
    preview: Mapped[dict[str, Any]]
    asked_by: Mapped[int] = mapped_column(ForeignKey("staff.id", name="money_request_asked_by_fkey"))
    asked_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    expires_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(server_default="waiting")
    answered_by: Mapped[int | None] = mapped_column(
        ForeignKey("staff.id", name="money_request_answered_by_fkey")
    )
    answered_at: Mapped[datetime | None]
    note: Mapped[str | None]
    posted_id: Mapped[int | None] = mapped_column(
        ForeignKey("transfer.id", name="money_request_posted_id_fkey"), unique=True
    )
