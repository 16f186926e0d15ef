"""Experiments in stages: planned, carried on by the votes or by hand, and ended.

The votes of a stage decide who goes on; then the next stage is made, and started by whoever started the
last one, with their rights and the caps of that moment. That is one transaction, in the turn of whoever buys,
and a plan has one stage of a number: any number of workers may try it, and one that is killed leaves nothing
half done.
"""

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import actor_by_id, record
from core.experiments.cells import is_our_turn, wait_for_turn
from core.experiments.plan import LONGEST_NAME, Forecast, Wish, forecast_start
from core.experiments.runs import create, raise_cap
from core.experiments.stages_made import (
    add_stage,
    decide_stage,
    get_plan,
    lines_of,
    make_next,
    stages_of,
    start_next,
)
from core.experiments.stages_plan import Staging, check_staging, first_wish
from core.experiments.stages_votes import Standing, ask_raters, standing_of
from core.foundation.database import Database
from core.foundation.errors import Conflict, InvalidInput, NotAllowed, NotFound
from core.settings import Settings
from core.tables.experiment_stages import ExperimentPlan, ExperimentStage
from core.tables.experiments import Experiment, ExperimentVariant

ACTIVE = ("running", "stopping")


def create_plan(session: Session, *, actor: Actor, wish: Wish, staging: Staging) -> Experiment:
    """Save a plan with its first stage; nothing is bought before that is started. Its cap is of all stages.

    Raises as `runs.create`, and InvalidInput for stages that make no sense.
    """
    require(actor, Permission.RUN_EXPERIMENTS)
    keeps = check_staging(staging, len(wish.variants))
    experiment = create(session, actor=actor, wish=first_wish(session, wish, staging))
    plan = ExperimentPlan(
        name=" ".join(wish.name.split())[:LONGEST_NAME],
        qualities=list(staging.qualities),
        keeps=list(keeps),
        created_by=actor.id,
    )
    session.add(plan)
    session.flush()
    add_stage(session, plan, experiment, number=1, place=0, lines=range(1, len(wish.variants) + 1))
    record(
        session,
        actor=actor,
        action="experiment_plan.create",
        subject=f"experiment_plan:{plan.id}",
        after={"qualities": plan.qualities, "keeps": plan.keeps, "usd": str(wish.budget_usd)},
    )
    session.flush()
    return experiment


def carry_on_plans(database: Database, settings: Settings) -> int:
    """Carry on every plan whose votes allow it; says how many stages were started."""
    with database.transaction() as session:
        open_plans = select(ExperimentPlan.id).where(ExperimentPlan.ended_at.is_(None))
        plans = session.scalars(open_plans.order_by(ExperimentPlan.id)).all()
    started = 0
    for plan_id in plans:
        with database.transaction() as session:
            started += is_our_turn(session) and carry_on(session, settings, plan_id)
    return started


def carry_on(session: Session, settings: Settings, plan_id: int) -> bool:
    """Do what one plan's votes allow; whether a stage was started. The caller holds the turn."""
    plan = get_plan(session, plan_id, lock=True)
    stages = stages_of(session, plan_id)
    if plan.ended_at is not None or any(each.state != "done" for _, each in stages):
        return False
    stage, experiment = stages[-1]
    waits_for: str | None = None
    try:
        # What is refused leaves nothing behind but the word of why.
        with session.begin_nested():
            started = _carry_on(session, settings, plan, stage, experiment)
    except (Conflict, InvalidInput, NotAllowed, NotFound) as exc:
        started, waits_for = False, str(exc)
    if plan.waits_for != waits_for:
        plan.waits_for = waits_for
        session.flush()
    return started


def next_by_hand(
    session: Session,
    settings: Settings,
    *,
    actor: Actor,
    plan_id: int,
    seen: int,
    variant_ids: Sequence[int],
    most_usd: Decimal,
    budget_usd: Decimal | None = None,
) -> Experiment:
    """Start the next stage now with these variants of the last one, whatever the votes say.

    `seen` is the number of the last stage that was seen, `most_usd` the price that was confirmed,
    `budget_usd` a new cap over all stages. Raises NotAllowed, NotFound, InvalidInput, and Conflict where a
    stage was started meanwhile or one is under way.
    """
    require(actor, Permission.RUN_EXPERIMENTS)
    wait_for_turn(session)
    plan = get_plan(session, plan_id, lock=True)
    stages = stages_of(session, plan_id)
    stage, experiment = stages[-1]
    if stage.number != seen:
        raise Conflict(f"Stage {stage.number} was started meanwhile. Look at it first.")
    if stage.place == len(plan.qualities) - 1:
        raise Conflict("This is the last stage; there is no higher quality.")
    if any(each.state in ACTIVE for _, each in stages):
        raise Conflict("Images of this plan are still under way. Stop them first, or wait for them.")
    lines = lines_of(session, experiment.id)
    if not variant_ids or not set(variant_ids) <= {each.variant_id for each in lines}:
        raise InvalidInput("Choose versions of the last stage.")
    if budget_usd is not None:
        raise_cap(session, experiment, budget_usd)
    outcomes = {
        each.variant_id: "survived" if each.variant_id in variant_ids else "left_out" for each in lines
    }
    plan.waits_for = plan.ended_at = plan.end_reason = None
    decide_stage(session, stage, outcomes, actor, by_hand=True)
    return start_next(session, settings, plan, stage, experiment, actor=actor, most_usd=most_usd)


def forecast_next(
    session: Session,
    settings: Settings,
    *,
    actor: Actor,
    plan_id: int,
    variant_ids: Sequence[int],
    budget_usd: Decimal | None = None,
) -> Forecast:
    """What `next_by_hand` would buy; nothing is kept. Raises as it does."""
    with session.begin_nested() as trial:
        plan = get_plan(session, plan_id)
        stage, experiment = stages_of(session, plan_id)[-1]
        decide_stage(session, stage, dict.fromkeys(variant_ids, "survived"), actor, by_hand=True)
        made = make_next(session, settings, plan, stage, experiment, actor=actor)
        found = forecast_start(session, settings, made, budget_usd=budget_usd)
        trial.rollback()
    return found


def end_plan(session: Session, *, actor: Actor, plan_id: int) -> None:
    """Start no further stage. Raises NotAllowed, NotFound, Conflict where it is over or under way."""
    require(actor, Permission.RUN_EXPERIMENTS)
    wait_for_turn(session)
    plan = get_plan(session, plan_id, lock=True)
    if plan.ended_at is not None:
        raise Conflict("This plan is over already.")
    if any(each.state in ACTIVE for _, each in stages_of(session, plan_id)):
        raise Conflict("Images of this plan are still under way. Stop them first, or wait for them.")
    _end(session, plan, f"Ended by {actor.name}.", actor)


def _carry_on(
    session: Session, settings: Settings, plan: ExperimentPlan, stage: ExperimentStage, experiment: Experiment
) -> bool:
    actor = actor_by_id(session, experiment.started_by or 0)
    require(actor, Permission.RUN_EXPERIMENTS)
    ask_raters(session, stage, actor)
    found = standing_of(session, stage, keep=plan.keeps[stage.place])
    if not found.decided:
        return False
    decide_stage(session, stage, found.outcomes, actor)
    if why := _over(session, plan, stage, found):
        _end(session, plan, why, actor)
        return False
    start_next(session, settings, plan, stage, experiment, actor=actor, most_usd=None)
    return True


def _over(session: Session, plan: ExperimentPlan, stage: ExperimentStage, found: Standing) -> str | None:
    """Why no stage follows; None where one does."""
    first = session.get_one(ExperimentVariant, found.survivors[0]).label_text
    if "lost" not in found.outcomes.values() and len(found.survivors) == 1 and not found.open:
        return f"{first} is the only version with images."
    if len(found.survivors) == 1 and not found.open:
        return f"{first} won against every other version in {plan.qualities[stage.place]} quality."
    if stage.place == len(plan.qualities) - 1:
        return f"All votes are in: {first} is ahead, but not by enough to call it the winner."
    return None


def _end(session: Session, plan: ExperimentPlan, why: str, actor: Actor) -> None:
    plan.ended_at, plan.end_reason = session.scalars(select(func.clock_timestamp())).one(), why
    plan.waits_for = None
    record(
        session,
        actor=actor,
        action="experiment_plan.end",
        subject=f"experiment_plan:{plan.id}",
        reason=why,
    )
    session.flush()
