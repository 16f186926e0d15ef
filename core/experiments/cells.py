"""The cells of experiments: made, adopted from what is owned, and given free for another try."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.experiments.variants import thawed
from core.tables.customers import Customer
from core.tables.experiments import Experiment, ExperimentCell, ExperimentVariant, OwnedImage
from core.tables.generation import OPEN, Generation, State
from core.tables.images import StoredSelfie

# One lock for whoever buys or stops: the caps hold over all experiments and workers. ("experiment" in ASCII.)
LOCK = 0x6578706572696D65


def wait_for_turn(session: Session) -> None:
    """Until the end of the transaction nobody else buys, starts or stops."""
    session.execute(select(func.pg_advisory_xact_lock(LOCK)))


def is_our_turn(session: Session) -> bool:
    """As `wait_for_turn`, but says False where somebody is at it."""
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(LOCK))))


def add_cells(session: Session, experiment: Experiment, repeats: Sequence[int]) -> None:
    """Cells of these repeats, in the order in which they are bought: whole rows first."""
    if not repeats:
        return
    rows = session.scalars(
        select(ExperimentVariant)
        .where(ExperimentVariant.experiment_id == experiment.id)
        .order_by(ExperimentVariant.position)
    ).all()
    hashes = selfie_hashes(session, experiment.selfie_ids)
    variants = [(row.id, thawed(row)) for row in rows]
    session.execute(
        insert(ExperimentCell),
        [
            {
                "experiment_id": experiment.id,
                "variant_id": variant_id,
                "selfie_id": selfie_id,
                "repeat": repeat,
                "key": variant.key(hashes[selfie_id], repeat),
            }
            for repeat in repeats
            for selfie_id in experiment.selfie_ids
            for variant_id, variant in variants
        ],
    )


def selfie_hashes(session: Session, selfie_ids: Sequence[int]) -> dict[int, str]:
    query = select(StoredSelfie.id, StoredSelfie.sha256).where(StoredSelfie.id.in_(selfie_ids))
    return {row.id: row.sha256 for row in session.execute(query)}


def usable() -> ColumnElement[bool]:
    """Whether a Generation holds, or is about to hold, an image that may be shown."""
    erased = exists().where(Customer.id == Generation.customer_id, Customer.erased_at.is_not(None))
    return and_(Generation.state.in_((*OPEN, State.SUCCEEDED)), ~erased)


def adopt(session: Session, experiment_id: int) -> None:
    """Give missing cells the images that are owned or under way already, whoever bought them."""
    session.execute(
        update(ExperimentCell)
        .where(ExperimentCell.experiment_id == experiment_id, *missing())
        .where(OwnedImage.key == ExperimentCell.key, Generation.id == OwnedImage.generation_id, usable())
        .values(generation_id=OwnedImage.generation_id)
        .execution_options(synchronize_session=False)
    )


def missing() -> list[ColumnElement[bool]]:
    return [ExperimentCell.generation_id.is_(None), ExperimentCell.problem.is_(None)]


def give_free(session: Session, experiment_id: int, *states: State, problems: bool = False) -> None:
    """Let cells whose generation ended like this be tried again; with `problems` also what was refused."""
    of_it = ExperimentCell.experiment_id == experiment_id
    session.execute(
        update(ExperimentCell)
        .where(of_it, Generation.id == ExperimentCell.generation_id, Generation.state.in_(states))
        .values(generation_id=None)
        .execution_options(synchronize_session=False)
    )
    if problems:
        session.execute(
            update(ExperimentCell).where(of_it, ExperimentCell.problem.is_not(None)).values(problem=None)
        )
