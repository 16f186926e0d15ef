"""Blind votes, ratings and line-ups, and the tokens under which images are shown meanwhile."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from core.foundation.database import Base, HasId


class BlindImage(Base):
    """A random token that stands for an avatar or a selfie, and says nothing about it."""

    __tablename__ = "blind_image"

    token: Mapped[str] = mapped_column(
        primary_key=True, server_default=text("replace(gen_random_uuid()::text, '-', '')")
    )
    generation_id: Mapped[int | None] = mapped_column(ForeignKey("generation.id"), unique=True)
    selfie_id: Mapped[int | None] = mapped_column(ForeignKey("selfie.id"), unique=True)


class VoteBatch(HasId, Base):
    """Pairs that raters vote on, and the variants that stand in them; closed, it takes no more votes."""

    __tablename__ = "vote_batch"

    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiment.id"))
    variant_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    created_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


class VotePair(HasId, Base):
    """Two images of the same selfie, each on the side that was drawn for it; immutable."""

    __tablename__ = "vote_pair"
    __table_args__ = (UniqueConstraint("batch_id", "position"),)

    batch_id: Mapped[int] = mapped_column(ForeignKey("vote_batch.id"))
    position: Mapped[int]
    selfie_id: Mapped[int] = mapped_column(ForeignKey("selfie.id"))
    left_variant_id: Mapped[int] = mapped_column(ForeignKey("experiment_variant.id"))
    right_variant_id: Mapped[int] = mapped_column(ForeignKey("experiment_variant.id"))
    left_generation_id: Mapped[int] = mapped_column(ForeignKey("generation.id"))
    right_generation_id: Mapped[int] = mapped_column(ForeignKey("generation.id"))


class Vote(HasId, Base):
    """One rater's answer to a pair; taken back where `undone_at` is set."""

    __tablename__ = "vote"

    pair_id: Mapped[int] = mapped_column(ForeignKey("vote_pair.id"))
    rater_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    answer: Mapped[str]  # left, right, both_good, both_bad
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    undone_at: Mapped[datetime | None]


class Rating(HasId, Base):
    """What one rater says of one image: its faults, and whether they would ship it."""

    __tablename__ = "rating"
    __table_args__ = (UniqueConstraint("generation_id", "rater_id"),)

    generation_id: Mapped[int] = mapped_column(ForeignKey("generation.id"))
    rater_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    shippable: Mapped[bool]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class Lineup(HasId, Base):
    """An avatar and six selfies in the order shown: who is it?"""

    __tablename__ = "lineup"
    __table_args__ = (UniqueConstraint("generation_id", "rater_id"),)

    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiment.id"))
    variant_id: Mapped[int] = mapped_column(ForeignKey("experiment_variant.id"))
    generation_id: Mapped[int] = mapped_column(ForeignKey("generation.id"))
    rater_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    selfie_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    right_id: Mapped[int] = mapped_column(ForeignKey("selfie.id"))
    answer_id: Mapped[int | None] = mapped_column(ForeignKey("selfie.id"))
    drawn_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    answered_at: Mapped[datetime | None]
