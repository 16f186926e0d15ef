"""Staff, and the trail of what they changed."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Text, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from core.foundation.database import Base, HasId


class Staff(HasId, Base):
    """Somebody who works at the desk."""

    __tablename__ = "staff"

    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    active: Mapped[bool] = mapped_column(server_default="true")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AuditEvent(HasId, Base):
    """One change made by staff; append-only."""

    __tablename__ = "audit_event"

    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    action: Mapped[str]
    subject: Mapped[str]
    reason: Mapped[str | None]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
