"""Promotions, the limits that they are held against, and the watch over what was promoted last."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.foundation.database import Base, HasId


class PromotionLimits(Base):
    """One version of the gate's limits; append-only, the newest counts. Without an author: Inkdesk's own."""

    __tablename__ = "promotion_limits"

    version: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    reason: Mapped[str]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class Promotion(HasId, Base):
    """One move of `production` through the gate; append-only.

    `conditions` are as they were judged in the move's transaction (see `conditions.Condition`), `moves` is
    the label's count after it. Without experiment there was no evidence, and it was overridden.
    """

    __tablename__ = "promotion"

    version_id: Mapped[int] = mapped_column(ForeignKey("prompt_version.id"))
    former_id: Mapped[int] = mapped_column(ForeignKey("prompt_version.id"))
    experiment_id: Mapped[int | None] = mapped_column(ForeignKey("experiment.id"))
    limits_version: Mapped[int] = mapped_column(ForeignKey("promotion_limits.version"))
    conditions: Mapped[list[Any]] = mapped_column(JSONB)
    overridden: Mapped[bool]
    reason: Mapped[str]
    actor_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    moves: Mapped[int] = mapped_column(unique=True)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class PromotionGuard(Base):
    """The watch over one promotion.

    `former` counts the former version's customers' jobs as they were at the promotion (see `live.Counts`).
    `jobs` and `until` end the watch; jobs after the one numbered `after_id` are in it. `said` tells in a
    sentence how it stands or ended, `ended_by` who ended it, None where it was Inkdesk.
    """

    __tablename__ = "promotion_guard"

    promotion_id: Mapped[int] = mapped_column(ForeignKey("promotion.id"), primary_key=True)
    automatic: Mapped[bool]
    state: Mapped[str] = mapped_column(
        server_default="watching"
    )  # regressed, passed, rolled_back, superseded
    former: Mapped[dict[str, Any]] = mapped_column(JSONB)
    jobs: Mapped[int]
    until: Mapped[datetime]
    after_id: Mapped[int]
    said: Mapped[str | None]
    regressed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
