"""Selfies as they are kept: the normalised picture lies in the object store, the facts here."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.foundation.database import Base, HasId


class StoredSelfie(HasId, Base):
    """One normalised selfie of one customer; the same picture is kept once."""

    __tablename__ = "selfie"
    __table_args__ = (UniqueConstraint("customer_id", "sha256"),)

    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    sha256: Mapped[str]
    object_key: Mapped[str]
    thumbnail_key: Mapped[str]
    content_type: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    size_bytes: Mapped[int]
    cropped: Mapped[bool]
    warnings: Mapped[list[Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
