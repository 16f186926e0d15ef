"""Experiments, their cells, what was bought for them, and which images are owned."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Numeric, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.foundation.database import Base, HasId


class Experiment(HasId, Base):
    """Variants x selfies x repeats under a cap of `budget_usd`. Whoever started it last acts in it.

    `selfie_ids` are all selfies of the test set's version or some of them, in the order of the grid.
    """

    __tablename__ = "experiment"

    name: Mapped[str]
    test_set_version_id: Mapped[int] = mapped_column(ForeignKey("test_set_version.id"))
    selfie_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    repeats: Mapped[int]
    budget_usd: Mapped[Decimal] = mapped_column(Numeric(10, 4))
    state: Mapped[str] = mapped_column(server_default="draft")  # draft, running, stopping, stopped, done
    created_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    started_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    stop_reason: Mapped[str | None]


class ExperimentVariant(HasId, Base):
    """One column of the grid, frozen: a saved version or a draft, with its parameters and what is sent.

    `filled_in` are the values of the template's variables. `price_usd` is what one image is counted with;
    where it is not published (`price_published`), that is the most it can cost by what is published.
    """

    __tablename__ = "experiment_variant"
    __table_args__ = (UniqueConstraint("experiment_id", "position"),)

    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiment.id"))
    position: Mapped[int]
    version_id: Mapped[int | None] = mapped_column(ForeignKey("prompt_version.id"))
    template: Mapped[str]
    template_hash: Mapped[str]
    filled_in: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    prompt: Mapped[str]
    model: Mapped[str]
    parameters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    label_text: Mapped[str]
    price_usd: Mapped[Decimal] = mapped_column(Numeric(10, 4))
    price_published: Mapped[bool]


class ExperimentCell(HasId, Base):
    """One image of the grid. Without generation it is missing; `problem` says why it is not asked for."""

    __tablename__ = "experiment_cell"
    __table_args__ = (UniqueConstraint("variant_id", "selfie_id", "repeat"),)

    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiment.id"))
    variant_id: Mapped[int] = mapped_column(ForeignKey("experiment_variant.id"))
    selfie_id: Mapped[int] = mapped_column(ForeignKey("selfie.id"))
    repeat: Mapped[int]
    key: Mapped[str]
    generation_id: Mapped[int | None] = mapped_column(ForeignKey("generation.id"))
    problem: Mapped[str | None]


class OwnedImage(Base):
    """The image of a key (see `keys.image_key`): the generation that was last asked for it, of `buys`."""

    __tablename__ = "owned_image"

    key: Mapped[str] = mapped_column(primary_key=True)
    generation_id: Mapped[int] = mapped_column(ForeignKey("generation.id"))
    buys: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class ExperimentPurchase(Base):
    """A generation that an experiment asked for, and what it was counted with beforehand."""

    __tablename__ = "experiment_purchase"

    generation_id: Mapped[int] = mapped_column(ForeignKey("generation.id"), primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiment.id"))
    key: Mapped[str]
    price_usd: Mapped[Decimal] = mapped_column(Numeric(10, 4))
    bought_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
