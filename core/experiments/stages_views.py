"""What pages show of a plan: its stages, who went on and why the others did not, and what it waits for."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.experiments.money import Money, money_of
from core.experiments.stages_made import get_plan, lines_of, stages_of
from core.experiments.stages_votes import line_strengths, standing_of
from core.experiments.views import Progress, progress
from core.foundation.errors import Conflict
from core.foundation.statistics.rank_agreement import RankAgreement, rank_agreement
from core.settings import Settings
from core.tables.access import Staff
from core.tables.experiment_stages import ExperimentPlan, ExperimentStage
from core.votes.batches import variant_names
from core.votes.staging import passed_over

# Later plans say more about today's prompts.
MOST_PLANS = 100


@dataclasses.dataclass(frozen=True)
class StageVersion:
    """A version in a stage; `outcome` is empty until the stage is decided (see ExperimentLine)."""

    variant_id: int
    name: str
    outcome: str | None


@dataclasses.dataclass(frozen=True)
class StageView:
    """A stage that was made. `more_votes` is about how many it waits for; None where it does not wait."""

    number: int
    quality: str
    progress: Progress
    versions: Sequence[StageVersion]
    batch_id: int | None
    more_votes: int | None
    decided_at: datetime | None
    decided_by: str | None

    def named(self, outcome: str) -> list[str]:
        return [each.name for each in self.versions if each.outcome == outcome]


@dataclasses.dataclass(frozen=True)
class PlanView:
    """A plan over all stages. `ahead` are the qualities that are still to come, `keep` how many go on now."""

    id: int
    name: str
    stages: Sequence[StageView]
    passed_over: Sequence[str]
    ahead: Sequence[str]
    keep: int
    qualities: Sequence[str]
    money: Money
    budget_usd: Decimal
    waits_for: str | None
    ended_at: datetime | None
    end_reason: str | None

    @property
    def last(self) -> StageView:
        return self.stages[-1]

    @property
    def active(self) -> bool:
        return any(each.progress.active for each in self.stages)

    @property
    def begun(self) -> bool:
        return self.stages[0].progress.state != "draft"

    @property
    def may_go_on(self) -> bool:
        """Whether a person may start the next stage."""
        return bool(self.ahead) and not self.active and self.begun


@dataclasses.dataclass(frozen=True)
class Prediction:
    """How well the first quality of a plan predicts its last one: in this plan, and in all like it."""

    lower: str
    higher: str
    own: RankAgreement
    pooled: RankAgreement


def plan_of(session: Session, experiment_id: int) -> int | None:
    """The plan that an experiment is a stage of; None where it stands alone."""
    of_it = ExperimentStage.experiment_id == experiment_id
    return session.scalar(select(ExperimentStage.plan_id).where(of_it))


def plan_view(session: Session, settings: Settings, plan_id: int) -> PlanView:
    """One plan. Raises NotFound."""
    plan = get_plan(session, plan_id)
    stages = stages_of(session, plan_id)
    money = money_of(session, [experiment.id for _, experiment in stages])
    made = {stage.place for stage, _ in stages}
    last, experiment = stages[-1]
    going_on = min(plan.keeps[last.place], len(lines_of(session, experiment.id)))
    passed = {place for place in range(last.place) if place not in made}
    passed |= set(passed_over(plan.keeps, last.place, going_on))
    return PlanView(
        id=plan.id,
        name=plan.name,
        stages=[_stage(session, settings, plan, stage, waits=stage is last) for stage, _ in stages],
        passed_over=[plan.qualities[place] for place in sorted(passed)],
        ahead=[
            each for place, each in enumerate(plan.qualities) if place > last.place and place not in passed
        ],
        keep=going_on,
        qualities=plan.qualities,
        money=sum(money.values(), Money()),
        budget_usd=experiment.budget_usd,
        waits_for=plan.waits_for,
        ended_at=plan.ended_at,
        end_reason=plan.end_reason,
    )


def prediction(session: Session, plan_id: int) -> Prediction:
    """How well the first quality predicts the last, by the votes of decided stages. Raises NotFound."""
    plan = get_plan(session, plan_id)
    lower, higher = plan.qualities[0], plan.qualities[-1]
    orders = {plan_id: _orders(session, plan_id, len(plan.qualities) - 1)}
    alike = (
        select(ExperimentPlan.id, func.cardinality(ExperimentPlan.qualities))
        .where(ExperimentPlan.qualities[1] == lower)
        .where(ExperimentPlan.qualities[func.cardinality(ExperimentPlan.qualities)] == higher)
        .order_by(ExperimentPlan.id.desc())
        .limit(MOST_PLANS)
    )
    for other, stages in session.execute(alike).all():
        orders.setdefault(other, _orders(session, other, stages - 1))
    return Prediction(lower, higher, rank_agreement([orders[plan_id]]), rank_agreement(list(orders.values())))


def _orders(session: Session, plan_id: int, last_place: int) -> list[tuple[float, float]]:
    """The strengths of each line in the first and in the last stage, once both are decided."""
    decided = {stage.place: stage for stage, _ in stages_of(session, plan_id) if stage.decided_at}
    if not {0, last_place} <= decided.keys():
        return []
    first, last = (line_strengths(session, decided[place].experiment_id) for place in (0, last_place))
    return [(first[line], last[line]) for line in sorted(first.keys() & last.keys())]


def _stage(
    session: Session, settings: Settings, plan: ExperimentPlan, stage: ExperimentStage, *, waits: bool
) -> StageView:
    names = variant_names(session, stage.experiment_id)
    seen = progress(session, settings, stage.experiment_id)
    waits = waits and seen.state == "done" and stage.decided_at is None and stage.batch_id is not None
    return StageView(
        number=stage.number,
        quality=plan.qualities[stage.place],
        progress=seen,
        versions=[
            StageVersion(each.variant_id, names[each.variant_id], each.outcome)
            for each in lines_of(session, stage.experiment_id)
        ],
        batch_id=stage.batch_id,
        more_votes=_more_votes(session, stage, plan.keeps[stage.place]) if waits else None,
        decided_at=stage.decided_at,
        decided_by=None if stage.decided_by is None else session.get_one(Staff, stage.decided_by).name,
    )


def _more_votes(session: Session, stage: ExperimentStage, keep: int) -> int | None:
    try:
        return standing_of(session, stage, keep=keep).more_votes
    except Conflict:
        return None
