"""Plans of experiments in stages: each stage is an experiment, each version a line through all of them."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Text, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from core.foundation.database import Base, HasId


class ExperimentPlan(HasId, Base):
    """Qualities in turn, the lowest first, and how many versions at most go on after each.

    `waits_for` says why the next stage is not started although the votes would allow it.
    """

    __tablename__ = "experiment_plan"

    name: Mapped[str]
    qualities: Mapped[list[str]] = mapped_column(ARRAY(Text))
    keeps: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    created_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    waits_for: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]


class ExperimentStage(Base):
    """One stage that was made: `number` counts them, `place` is that of its quality in the plan.

    `batch_id` are the blind pairs that decide it. `decided_by` is empty where the votes did.
    """

    __tablename__ = "experiment_stage"
    __table_args__ = (UniqueConstraint("plan_id", "number"), UniqueConstraint("plan_id", "place"))

    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiment.id"), primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("experiment_plan.id"))
    number: Mapped[int]
    place: Mapped[int]
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("vote_batch.id"))
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


class ExperimentLine(Base):
    """A version in one stage. `line` is its number in all stages of the plan.

    `outcome`, once it is decided: survived, lost (against the best), crowded_out (weakest of the rest),
    not_drawn (no image of it), left_out (by a person).
    """

    __tablename__ = "experiment_line"
    __table_args__ = (UniqueConstraint("experiment_id", "line"),)

    variant_id: Mapped[int] = mapped_column(ForeignKey("experiment_variant.id"), primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiment_stage.experiment_id"))
    line: Mapped[int]
    outcome: Mapped[str | None]
