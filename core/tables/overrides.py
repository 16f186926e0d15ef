"""Override rules of the operators, with every version."""

from datetime import datetime

from sqlalchemy import ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from core.foundation.database import Base, HasId


class ErrorOverride(HasId, Base):
    """A rule that is asked before the built-in ones. `version` is the one in force."""

    __tablename__ = "error_override"

    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class ErrorOverrideVersion(Base):
    """What a rule said from one change to the next; append-only.

    Rules are asked by `position`, the smallest first, and among equals the older first.
    """

    __tablename__ = "error_override_version"

    override_id: Mapped[int] = mapped_column(ForeignKey("error_override.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    pattern: Mapped[str]
    place: Mapped[str | None]
    http_status: Mapped[int | None]
    code: Mapped[str | None]
    model: Mapped[str | None]
    failure_class: Mapped[str]
    position: Mapped[int]
    enabled: Mapped[bool]
    made_by: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    reason: Mapped[str]
