"""Buying the missing images of running experiments: never more in flight than set, never beyond a cap.

Any number of workers may do it; one at a time has its turn. What a turn asks for is committed together with
its purchase and the owned image, so a worker that is killed leaves cells that are missing or bought, nothing
between; the next turn buys exactly those that are missing.
"""

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.orm import Session

from core.access.permissions import Permission, require
from core.access.staff import actor_by_id
from core.experiments.cells import adopt, is_our_turn, missing
from core.experiments.money import money_today, money_under_cap
from core.experiments.purchases import Purchases
from core.experiments.runs import halt, own_open, settle
from core.foundation.database import Database
from core.foundation.errors import NotAllowed
from core.foundation.wording import dollars
from core.settings import Settings
from core.tables.experiments import Experiment, ExperimentCell, ExperimentVariant
from core.tables.generation import Generation, State
from core.tables.images import StoredSelfie

AT_PROVIDER = (State.QUEUED, State.SUBMITTING, State.RENDERING)


def feed(database: Database, settings: Settings) -> int:
    """Buy what may be bought now and end what is over; says how many images were asked for."""
    with database.transaction() as session:
        if session.scalar(select(Experiment.id).where(_active()).limit(1)) is None:
            return 0
    with database.transaction() as session:
        return take_turn(session, settings) if is_our_turn(session) else 0


def take_turn(session: Session, settings: Settings) -> int:
    """One turn over all active experiments, the oldest first."""
    active = session.scalars(
        select(Experiment)
        .where(_active())
        .order_by(Experiment.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    room = _room(session, settings)
    bought = 0
    for experiment in active:
        if experiment.state == "running":
            adopt(session, experiment.id)
            bought += _buy(session, settings, experiment, room - bought)
        settle(session, experiment)
    return bought


def _buy(session: Session, settings: Settings, experiment: Experiment, room: int) -> int:
    try:
        actor = actor_by_id(session, experiment.started_by or 0)
        require(actor, Permission.RUN_EXPERIMENTS)
    except NotAllowed as exc:
        halt(session, experiment, str(exc))
        return 0
    cells = _next_cells(session, experiment, room)
    if not cells:
        return 0
    caps, turn = _Caps(session, settings, experiment), Purchases(session, settings, actor, experiment, cells)
    for cell, variant, selfie in cells:
        if why := caps.refuse(variant.price_usd):
            # What is in flight may fail and cost nothing; only then it is known that no more can be bought.
            if not turn.bought and not own_open(session, experiment):
                halt(session, experiment, why)
            break
        if turn.fill(cell, variant, selfie):
            caps.add(variant.price_usd)
    turn.keep()
    return len(turn.bought)


def _next_cells(
    session: Session, experiment: Experiment, room: int
) -> Sequence[Row[ExperimentCell, ExperimentVariant, StoredSelfie]]:
    if room < 1:
        return []
    rows = session.execute(
        select(ExperimentCell, ExperimentVariant, StoredSelfie)
        .join(ExperimentVariant, ExperimentVariant.id == ExperimentCell.variant_id)
        .join(StoredSelfie, StoredSelfie.id == ExperimentCell.selfie_id)
        .where(ExperimentCell.experiment_id == experiment.id, *missing())
        .order_by(ExperimentCell.id)
        .limit(room)
        .execution_options(populate_existing=True)
    )
    return rows.all()


class _Caps:
    """What both caps still allow: read once a turn, while nobody else buys, and counted on from there."""

    def __init__(self, session: Session, settings: Settings, experiment: Experiment) -> None:
        self._budget, self._day = experiment.budget_usd, settings.experiment_day_cap_usd
        self._own = money_under_cap(session, experiment.id).committed
        self._today = money_today(session).committed

    def add(self, price: Decimal) -> None:
        self._own += price
        self._today += price

    def refuse(self, price: Decimal) -> str | None:
        """Why the next image may not be bought; None where it may."""
        if self._own + price > self._budget:
            return (
                f"The cap of {dollars(self._budget)} is reached: {dollars(self._own)} are spent, "
                f"and the next image costs {dollars(price)}. Raise the cap to go on."
            )
        if self._today + price > self._day:
            return (
                f"The day's cap of {dollars(self._day)} over all experiments is reached: "
                f"{dollars(self._today)} are spent or in flight, and the next image costs {dollars(price)}. "
                "Go on tomorrow (UTC), or ask for a higher cap."
            )
        return None


def _room(session: Session, settings: Settings) -> int:
    """How many more may be in flight; none while customers' own wishes fill what the provider may draw."""
    rows = session.execute(
        select(Generation.purpose, func.count())
        .where(Generation.state.in_(AT_PROVIDER))
        .group_by(Generation.purpose)
    )
    counts: dict[str, int] = dict(rows.all())
    own = counts.get("experiment", 0)
    return min(settings.experiment_in_flight - own, settings.max_in_flight - sum(counts.values()))


def _active() -> ColumnElement[bool]:
    return Experiment.state.in_(("running", "stopping"))
