"""What the checks said about each delivered avatar."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.foundation.database import Base


class ImageCheck(Base):
    """The verdicts on one avatar. `version` is that of the rules; `verdicts` maps a check to its verdict."""

    __tablename__ = "image_check"

    generation_id: Mapped[int] = mapped_column(ForeignKey("generation.id"), primary_key=True)
    version: Mapped[int]
    framing: Mapped[str]  # passed, failed, cannot_tell: all framing checks in one word
    verdicts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    checked_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
