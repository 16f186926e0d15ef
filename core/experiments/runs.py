"""Experiments are created, started, stopped and started again; the worker buys what is missing (`feed`)."""

from decimal import Decimal

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session, aliased

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.experiments.cells import add_cells, adopt, give_free, missing, wait_for_turn
from core.experiments.money import under_one_cap
from core.experiments.plan import Wish, check, check_budget, check_repeats, forecast_start
from core.foundation.database import LARGEST_ID
from core.foundation.errors import Conflict, InvalidInput, NotFound
from core.foundation.wording import dollars
from core.generation import endings
from core.settings import Settings
from core.tables.experiments import Experiment, ExperimentCell, ExperimentPurchase
from core.tables.generation import OPEN, Generation, State


def create(session: Session, *, actor: Actor, wish: Wish) -> Experiment:
    """Save an experiment with all its cells; nothing is bought before its start.

    Raises NotAllowed, InvalidInput, NotFound, Conflict (an archived version).
    """
    require(actor, Permission.RUN_EXPERIMENTS)
    found = check(session, wish)
    experiment = Experiment(
        name=found.name,
        test_set_version_id=wish.test_set_version_id,
        selfie_ids=list(found.selfie_ids),
        repeats=wish.repeats,
        budget_usd=wish.budget_usd,
        state="draft",
        created_by=actor.id,
    )
    session.add(experiment)
    session.flush()
    session.add_all(
        variant.row(experiment.id, position) for position, variant in enumerate(found.variants, start=1)
    )
    session.flush()
    add_cells(session, experiment, range(1, wish.repeats + 1))
    record(session, actor=actor, action="experiment.create", subject=f"experiment:{experiment.id}")
    session.flush()
    return experiment


def start(
    session: Session,
    settings: Settings,
    *,
    actor: Actor,
    experiment_id: int,
    most_usd: Decimal,
    repeats: int | None = None,
    retry: bool = False,
    budget_usd: Decimal | None = None,
) -> Experiment:
    """Buy what is missing, as `plan.forecast_start` tells it; `most_usd` is the price that was confirmed.

    `repeats` raises the samples of each cell, `retry` tries failures again, `budget_usd` is a new cap. One
    that runs already with nothing to add goes on. Raises NotAllowed, NotFound, InvalidInput, and Conflict
    when it is being stopped, nothing is missing, or it has become dearer than was confirmed.
    """
    require(actor, Permission.RUN_EXPERIMENTS)
    wait_for_turn(session)
    experiment = get_experiment(session, experiment_id, lock=True)
    if experiment.state == "stopping":
        raise Conflict("It is being stopped. Start it again once nothing is in flight.")
    if repeats is not None:
        check_repeats(repeats)
        if repeats < experiment.repeats:
            raise InvalidInput(
                f"It has {experiment.repeats} samples a cell already; samples are never removed."
            )
    if budget_usd is not None:
        check_budget(budget_usd)
    found = forecast_start(session, settings, experiment, repeats=repeats, retry=retry, budget_usd=budget_usd)
    if found.settled == found.cells:
        raise Conflict("Nothing is missing: every image of it is there, or has failed.")
    if found.usd > most_usd:
        raise Conflict(
            f"It would cost {dollars(found.usd)} by now; {dollars(most_usd)} were confirmed. "
            "Nothing was started; look at the figures of now and confirm again."
        )
    before: dict[str, object] = {"state": experiment.state, "repeats": experiment.repeats}
    add_cells(session, experiment, range(experiment.repeats + 1, (repeats or 0) + 1))
    give_free(session, experiment.id, State.CANCELED)
    if retry:
        give_free(session, experiment.id, State.FAILED, problems=True)
    experiment.repeats = repeats or experiment.repeats
    if budget_usd is not None:
        raise_cap(session, experiment, budget_usd)
    _set(session, experiment, "running", actor=actor)
    adopt(session, experiment.id)
    record(
        session,
        actor=actor,
        action="experiment.start",
        subject=f"experiment:{experiment.id}",
        before=before,
        # The forecast is kept: it is compared with what came of it.
        after={
            "new": found.new,
            "usd": str(found.usd),
            "seconds": found.takes.total_seconds() if found.takes is not None else None,
            "repeats": experiment.repeats,
            "retry": retry,
        },
    )
    settle(session, experiment)
    return experiment


def stop_now(session: Session, *, actor: Actor, experiment_id: int) -> Experiment:
    """Buy nothing more and cancel what is in flight, here and at the provider.

    What is drawn already is kept, and so is what another running experiment waits for. Other stages of its
    plan are stopped with it. Raises NotAllowed, NotFound, and Conflict when it does not run.
    """
    return _stop(session, actor, experiment_id, "now", (State.QUEUED, State.SUBMITTING, State.RENDERING))


def stop_after_these(session: Session, *, actor: Actor, experiment_id: int) -> Experiment:
    """Buy nothing more; what the provider has already is waited for. Raises as `stop_now`."""
    return _stop(session, actor, experiment_id, "after what was in flight", (State.QUEUED,))


def get_experiment(session: Session, experiment_id: int, *, lock: bool = False) -> Experiment:
    """Raises NotFound."""
    if not 0 < experiment_id <= LARGEST_ID:
        raise NotFound(f"There is no experiment {experiment_id}.")
    found = session.get(Experiment, experiment_id, with_for_update=lock, populate_existing=True)
    if found is None:
        raise NotFound(f"There is no experiment {experiment_id}.")
    return found


def raise_cap(session: Session, experiment: Experiment, budget_usd: Decimal) -> None:
    """Set the cap of an experiment, and of the other stages of its plan: they have one together."""
    under_it = Experiment.id.in_(under_one_cap(session, experiment.id))
    session.execute(update(Experiment).where(under_it).values(budget_usd=budget_usd))


def settle(session: Session, experiment: Experiment) -> None:
    """End an experiment that has nothing more to do. The caller holds the turn."""
    if (
        experiment.state == "running"
        and not _missing(session, experiment)
        and not _waits(session, experiment)
    ):
        _set(session, experiment, "done")
    elif experiment.state == "stopping" and not own_open(session, experiment):
        _set(session, experiment, "stopped", because=experiment.stop_reason)


def halt(session: Session, experiment: Experiment, because: str) -> None:
    """Buy nothing more for this reason; what is in flight is waited for. The caller holds the turn."""
    _set(session, experiment, "stopping", because=because)
    settle(session, experiment)


def own_open(session: Session, experiment: Experiment) -> bool:
    """Whether anything that it bought itself has not ended."""
    query = (
        select(Generation.id)
        .join(ExperimentPurchase, ExperimentPurchase.generation_id == Generation.id)
        .where(ExperimentPurchase.experiment_id == experiment.id, Generation.state.in_(OPEN))
    )
    return session.scalar(query.limit(1)) is not None


def _stop(
    session: Session, actor: Actor, experiment_id: int, how: str, cancelable: tuple[State, ...]
) -> Experiment:
    require(actor, Permission.RUN_EXPERIMENTS)
    wait_for_turn(session)
    experiment = get_experiment(session, experiment_id, lock=True)
    if experiment.state not in ("running", "stopping"):
        raise Conflict(f"The experiment is {experiment.state} already. Reload to see what came of it.")
    for number in under_one_cap(session, experiment_id):
        each = get_experiment(session, number, lock=True)
        if each.state in ("running", "stopping"):
            _stop_one(session, actor, each, how, cancelable)
    return experiment


def _stop_one(
    session: Session, actor: Actor, experiment: Experiment, how: str, cancelable: tuple[State, ...]
) -> None:
    for generation in _to_cancel(session, experiment.id, cancelable):
        endings.cancel(session, generation, actor=actor.name)
    _set(session, experiment, "stopping", because=f"Stopped {how} by {actor.name}.")
    record(
        session,
        actor=actor,
        action="experiment.stop",
        subject=f"experiment:{experiment.id}",
        reason=experiment.stop_reason,
    )
    settle(session, experiment)


def _to_cancel(session: Session, experiment_id: int, states: tuple[State, ...]) -> list[Generation]:
    """Its own generations of these states, in the order of their numbers, but for those that are shared."""
    others = aliased(Experiment)
    shared = (
        exists()
        .where(ExperimentCell.generation_id == Generation.id, ExperimentCell.experiment_id != experiment_id)
        .where(others.id == ExperimentCell.experiment_id, others.state == "running")
    )
    found = session.scalars(
        select(Generation)
        .join(ExperimentPurchase, ExperimentPurchase.generation_id == Generation.id)
        .where(ExperimentPurchase.experiment_id == experiment_id, Generation.state.in_(states), ~shared)
        .order_by(Generation.id)
        .with_for_update(of=Generation)
        .execution_options(populate_existing=True)
    )
    return list(found)


def _missing(session: Session, experiment: Experiment) -> bool:
    of_it = ExperimentCell.experiment_id == experiment.id
    return session.scalar(select(ExperimentCell.id).where(of_it, *missing()).limit(1)) is not None


def _waits(session: Session, experiment: Experiment) -> bool:
    """Whether an image of the grid is still under way, whoever bought it."""
    query = (
        select(ExperimentCell.id)
        .join(Generation, Generation.id == ExperimentCell.generation_id)
        .where(ExperimentCell.experiment_id == experiment.id, Generation.state.in_(OPEN))
    )
    return session.scalar(query.limit(1)) is not None


def _set(
    session: Session,
    experiment: Experiment,
    state: str,
    *,
    because: str | None = None,
    actor: Actor | None = None,
) -> None:
    """One flush: the table wants state, times and reason together."""
    now = session.scalars(select(func.clock_timestamp())).one()
    with session.no_autoflush:
        if actor is not None:
            experiment.started_at, experiment.started_by = now, actor.id
        experiment.ended_at = now if state in ("stopped", "done") else None
        experiment.stop_reason = because
        experiment.state = state
    session.flush()
