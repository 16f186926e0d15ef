"""The rows of plans: their stages and lines, what a stage's end writes, and how the next stage is made."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.experiments.plan import Forecast, Wish, forecast_start
from core.experiments.runs import create, start
from core.experiments.stages_plan import in_quality, stage_name
from core.experiments.stages_votes import close_voting
from core.experiments.variants import Variant
from core.foundation.database import LARGEST_ID
from core.foundation.errors import Conflict, NotFound
from core.foundation.wording import dollars
from core.settings import Settings
from core.tables.experiment_stages import ExperimentLine, ExperimentPlan, ExperimentStage
from core.tables.experiments import Experiment, ExperimentVariant
from core.testsets.sets import refused_selfies
from core.votes.staging import next_stage


def get_plan(session: Session, plan_id: int, *, lock: bool = False) -> ExperimentPlan:
    """Raises NotFound."""
    known = 0 < plan_id <= LARGEST_ID
    found = (
        session.get(ExperimentPlan, plan_id, with_for_update=lock, populate_existing=True) if known else None
    )
    if found is None:
        raise NotFound(f"There is no plan {plan_id}.")
    return found


def stages_of(session: Session, plan_id: int) -> list[tuple[ExperimentStage, Experiment]]:
    """The stages that were made, in turn, with their experiments."""
    query = (
        select(ExperimentStage, Experiment)
        .join(Experiment, Experiment.id == ExperimentStage.experiment_id)
        .where(ExperimentStage.plan_id == plan_id)
        .order_by(ExperimentStage.number)
        .execution_options(populate_existing=True)
    )
    return [(stage, experiment) for stage, experiment in session.execute(query)]


def lines_of(session: Session, experiment_id: int) -> list[ExperimentLine]:
    query = select(ExperimentLine).where(ExperimentLine.experiment_id == experiment_id)
    return list(session.scalars(query.order_by(ExperimentLine.line)))


def decide_stage(
    session: Session,
    stage: ExperimentStage,
    outcomes: Mapping[int, str],
    actor: Actor,
    *,
    by_hand: bool = False,
) -> None:
    """Write who goes on; voting ends, because the names are told from now on."""
    for line in lines_of(session, stage.experiment_id):
        line.outcome = outcomes.get(line.variant_id)
    stage.decided_at = session.scalars(select(func.clock_timestamp())).one()
    stage.decided_by = actor.id if by_hand else None
    close_voting(session, stage, actor)
    session.flush()


def start_next(
    session: Session,
    settings: Settings,
    plan: ExperimentPlan,
    stage: ExperimentStage,
    experiment: Experiment,
    *,
    actor: Actor,
    most_usd: Decimal | None,
) -> Experiment:
    """Make the next stage and start it; without `most_usd` by itself, where the caps allow all of it."""
    made = make_next(session, settings, plan, stage, experiment, actor=actor)
    if most_usd is None:
        found = forecast_start(session, settings, made)
        _refuse_beyond_caps(found)
        most_usd = found.usd
    return start(session, settings, actor=actor, experiment_id=made.id, most_usd=most_usd)


def make_next(
    session: Session,
    settings: Settings,
    plan: ExperimentPlan,
    stage: ExperimentStage,
    experiment: Experiment,
    *,
    actor: Actor,
) -> Experiment:
    left = [each for each in lines_of(session, experiment.id) if each.outcome == "survived"]
    place = next_stage(plan.keeps, stage.place, len(left))
    refused = refused_selfies(session, experiment.selfie_ids)
    wish = Wish(
        name=stage_name(plan.name, plan.qualities[place]),
        test_set_version_id=experiment.test_set_version_id,
        variants=[_again(session, each.variant_id, plan.qualities[place]) for each in left],
        budget_usd=experiment.budget_usd,
        repeats=experiment.repeats,
        selfie_ids=[each for each in experiment.selfie_ids if each not in refused],
        own_key=settings.own_openai_key,
    )
    made = create(session, actor=actor, wish=wish)
    lines = [each.line for each in left]
    add_stage(session, plan, made, number=stage.number + 1, place=place, lines=lines)
    return made


def _again(session: Session, variant_id: int, quality: str) -> Variant:
    row = session.get_one(ExperimentVariant, variant_id)
    same = Variant(
        version_id=row.version_id,
        template="" if row.version_id else row.template,
        model="" if row.version_id else row.model,
        overrides={name: str(value) for name, value in row.parameters.items()},
        values={name: str(value) for name, value in row.filled_in.items()},
    )
    return in_quality(same, quality, label=row.label_text)


def add_stage(
    session: Session,
    plan: ExperimentPlan,
    experiment: Experiment,
    *,
    number: int,
    place: int,
    lines: Sequence[int],
) -> None:
    session.add(ExperimentStage(experiment_id=experiment.id, plan_id=plan.id, number=number, place=place))
    session.flush()
    variants = session.scalars(
        select(ExperimentVariant.id)
        .where(ExperimentVariant.experiment_id == experiment.id)
        .order_by(ExperimentVariant.position)
    ).all()
    session.add_all(
        ExperimentLine(variant_id=variant_id, experiment_id=experiment.id, line=line)
        for variant_id, line in zip(variants, lines, strict=True)
    )
    session.flush()


def _refuse_beyond_caps(found: Forecast) -> None:
    """A stage that the caps would end half-way says little; it is not begun."""
    if found.over_budget:
        raise Conflict(
            f"The next stage costs {dollars(found.usd)}, and the cap over all stages leaves "
            f"{dollars(found.budget_left)}. Raise the cap, go on with fewer versions, or end here."
        )
    if found.over_day:
        raise Conflict(
            f"The next stage costs {dollars(found.usd)}, and the day's cap over all experiments leaves "
            f"{dollars(found.day_left)}. It starts by itself once there is room: "
            "a new day begins at midnight, UTC."
        )
