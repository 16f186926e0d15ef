"""Batches of blind pairs: drawn from an experiment, voted on one after another, revealed at the end."""

import dataclasses
import itertools
import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Select, and_, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.foundation.errors import Conflict, InvalidInput, NotFound
from core.tables.customers import Customer
from core.tables.experiments import Experiment, ExperimentCell, ExperimentVariant
from core.tables.generation import Avatar, Generation
from core.tables.votes import Vote, VoteBatch, VotePair
from core.votes.images import generation_tokens, selfie_tokens

Answer = Literal["left", "right", "both_good", "both_bad"]
ANSWERS: tuple[Answer, ...] = ("left", "right", "both_good", "both_bad")
# More than anybody votes on in one sitting; the next batch takes what is left.
MOST_PAIRS = 400
# A variant and its generation; a selfie with what stands left and right of it.
Image = tuple[int, int]
Pair = tuple[int, Image, Image]


@dataclasses.dataclass(frozen=True)
class BlindPair:
    """What a rater gets to see of a pair: tokens and nothing else."""

    id: int
    left: str
    right: str
    selfie: str


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a rater is in a batch."""

    done: int
    total: int
    closed: bool

    @property
    def over(self) -> bool:
        return self.closed or self.done >= self.total


@dataclasses.dataclass(frozen=True)
class BatchRow:
    """A batch in a list. It names no variant: they are told when it is over."""

    id: int
    experiment_id: int
    experiment: str
    pairs: int
    votes: int
    raters: int
    created_at: datetime
    closed_at: datetime | None


@dataclasses.dataclass(frozen=True)
class Rateable:
    """An experiment with images to look at."""

    id: int
    name: str
    images: int


def create_batch(
    session: Session,
    *,
    actor: Actor,
    experiment_id: int,
    variant_ids: Sequence[int] = (),
    most: int = MOST_PAIRS,
    chance: random.Random | None = None,
) -> VoteBatch:
    """Draw every pair of images of the same selfie and repeat, with sides and order by chance.

    Without `variant_ids` all variants of the experiment take part. `chance` is the system's own randomness
    unless a test gives another. Raises NotAllowed, NotFound, InvalidInput where there is nothing to compare.
    """
    require(actor, Permission.RATE)
    if session.get(Experiment, experiment_id) is None:
        raise NotFound(f"There is no experiment {experiment_id}.")
    draw = chance or random.SystemRandom()
    images = _images(session, experiment_id, variant_ids)
    pairs = _pairs(images, draw)
    if not pairs:
        raise InvalidInput("There is no selfie yet with images of two of these variants.")
    draw.shuffle(pairs)
    taken = sorted({variant for _, left, right in pairs for variant in (left[0], right[0])})
    batch = VoteBatch(experiment_id=experiment_id, variant_ids=taken, created_by=actor.id)
    session.add(batch)
    session.flush()
    session.execute(
        insert(VotePair),
        [
            {
                "batch_id": batch.id,
                "position": position,
                "selfie_id": selfie_id,
                "left_variant_id": left[0],
                "left_generation_id": left[1],
                "right_variant_id": right[0],
                "right_generation_id": right[1],
            }
            for position, (selfie_id, left, right) in enumerate(pairs[:most], start=1)
        ],
    )
    record(
        session,
        actor=actor,
        action="vote_batch.create",
        subject=f"vote_batch:{batch.id}",
        after={"experiment_id": experiment_id, "pairs": min(most, len(pairs))},
    )
    session.flush()
    return batch


def next_pairs(session: Session, *, actor: Actor, batch_id: int, most: int = 2) -> list[BlindPair]:
    """The pairs that this rater votes on next: the first is shown, the others may be loaded beforehand.

    Nobody gets a pair of images that they voted on already, be it in another batch.
    """
    require(actor, Permission.RATE)
    if _batch(session, batch_id).closed_at is not None:
        return []
    query = select(VotePair).where(VotePair.batch_id == batch_id, _still_open(actor.id))
    pairs = session.scalars(query.order_by(VotePair.position).limit(most)).all()
    avatars = generation_tokens(
        session, [each for pair in pairs for each in (pair.left_generation_id, pair.right_generation_id)]
    )
    selfies = selfie_tokens(session, [pair.selfie_id for pair in pairs])
    return [
        BlindPair(
            pair.id,
            avatars[pair.left_generation_id],
            avatars[pair.right_generation_id],
            selfies[pair.selfie_id],
        )
        for pair in pairs
    ]


def cast(session: Session, *, actor: Actor, pair_id: int, answer: Answer) -> bool:
    """Count one vote; False where this rater voted on the pair already (a key that was hit twice).

    Raises NotAllowed, NotFound, InvalidInput, and Conflict where the batch is closed.
    """
    require(actor, Permission.RATE)
    if answer not in ANSWERS:
        raise InvalidInput("Answer left, right, both good or both bad.")
    pair = session.get(VotePair, pair_id)
    if pair is None:
        raise NotFound("There is no such pair.")
    if _batch(session, pair.batch_id, share=True).closed_at is not None:
        raise Conflict("This batch was closed meanwhile; the vote was not counted.")
    made = insert(Vote).values(pair_id=pair_id, rater_id=actor.id, answer=answer)
    return session.scalar(made.on_conflict_do_nothing().returning(Vote.id)) is not None


def undo(session: Session, *, actor: Actor, batch_id: int) -> bool:
    """Take this rater's last vote of a batch back: its pair comes again. False where there is none."""
    require(actor, Permission.RATE)
    if progress(session, actor=actor, batch_id=batch_id).over:
        raise Conflict("The batch is over and its names are told; votes stay as they are.")
    last = (
        select(Vote.id)
        .join(VotePair, VotePair.id == Vote.pair_id)
        .where(VotePair.batch_id == batch_id, Vote.rater_id == actor.id, Vote.undone_at.is_(None))
        .order_by(Vote.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    taken = update(Vote).where(Vote.id == last).values(undone_at=func.clock_timestamp()).returning(Vote.id)
    return session.scalar(taken) is not None


def progress(session: Session, *, actor: Actor, batch_id: int) -> Progress:
    """How many of the pairs that this rater can vote on are done. Raises NotFound."""
    batch = _batch(session, batch_id)
    done = session.scalar(
        select(func.count())
        .select_from(Vote)
        .join(VotePair, VotePair.id == Vote.pair_id)
        .where(VotePair.batch_id == batch_id, Vote.rater_id == actor.id, Vote.undone_at.is_(None))
    )
    left = session.scalar(
        select(func.count()).select_from(VotePair).where(VotePair.batch_id == batch_id, _still_open(actor.id))
    )
    return Progress(done or 0, (done or 0) + (left or 0), batch.closed_at is not None)


def close_batch(session: Session, *, actor: Actor, batch_id: int) -> None:
    """End a batch for everybody: its names are told and no more votes are taken."""
    require(actor, Permission.RATE)
    batch = _batch(session, batch_id, lock=True)
    if batch.closed_at is not None:
        return
    batch.closed_at, batch.closed_by = session.scalar(select(func.clock_timestamp())), actor.id
    record(session, actor=actor, action="vote_batch.close", subject=f"vote_batch:{batch_id}")
    session.flush()


def batches(session: Session, *, experiment_id: int | None = None) -> list[BatchRow]:
    """Batches, the newest first, with how many votes of how many raters count."""
    counted = (
        select(
            VotePair.batch_id,
            func.count(VotePair.id.distinct()).label("pairs"),
            func.count(Vote.id).label("votes"),
            func.count(Vote.rater_id.distinct()).label("raters"),
        )
        .outerjoin(Vote, and_(Vote.pair_id == VotePair.id, Vote.undone_at.is_(None)))
        .group_by(VotePair.batch_id)
        .subquery()
    )
    query = (
        select(VoteBatch, Experiment.name, counted.c.pairs, counted.c.votes, counted.c.raters)
        .join(Experiment, Experiment.id == VoteBatch.experiment_id)
        .join(counted, counted.c.batch_id == VoteBatch.id)
        .order_by(VoteBatch.id.desc())
        .limit(100)
    )
    if experiment_id is not None:
        query = query.where(VoteBatch.experiment_id == experiment_id)
    return [
        BatchRow(batch.id, batch.experiment_id, name, pairs, votes, raters, batch.created_at, batch.closed_at)
        for batch, name, pairs, votes, raters in session.execute(query)
    ]


def rateable(session: Session) -> list[Rateable]:
    """Experiments with images, the newest first."""
    shown = shown_images().subquery()
    query = (
        select(Experiment.id, Experiment.name, func.count())
        .join(shown, shown.c.experiment_id == Experiment.id)
        .group_by(Experiment.id)
        .order_by(Experiment.id.desc())
        .limit(100)
    )
    return [Rateable(*row) for row in session.execute(query)]


def batch_experiment(session: Session, batch_id: int) -> tuple[int, str]:
    """Which experiment a batch is of: number and name. Raises NotFound."""
    batch = _batch(session, batch_id)
    return batch.experiment_id, session.get_one(Experiment, batch.experiment_id).name


def shown_images() -> Select[ExperimentCell]:
    """Cells whose image is there to be looked at."""
    return (
        select(ExperimentCell)
        .join(Generation, Generation.id == ExperimentCell.generation_id)
        .join(Avatar, Avatar.generation_id == Generation.id)
        .join(Customer, Customer.id == Generation.customer_id)
        .where(Generation.state == "succeeded", Customer.erased_at.is_(None))
    )


def variant_names(session: Session, experiment_id: int) -> dict[int, str]:
    """The names of an experiment's variants, in their order; for views after the reveal only."""
    query = select(ExperimentVariant).where(ExperimentVariant.experiment_id == experiment_id)
    return {row.id: row.label_text for row in session.scalars(query.order_by(ExperimentVariant.position))}


def _pairs(images: Mapping[tuple[int, int], Sequence[Image]], draw: random.Random) -> list[Pair]:
    """Every two images of the same selfie and repeat, each with the sides that chance gave them."""
    pairs = []
    for (selfie_id, _repeat), shown in images.items():
        for one, other in itertools.combinations(shown, 2):
            if one[1] != other[1]:
                left, right = (one, other) if draw.random() < 0.5 else (other, one)
                pairs.append((selfie_id, left, right))
    return pairs


def _images(
    session: Session, experiment_id: int, variant_ids: Sequence[int]
) -> dict[tuple[int, int], list[Image]]:
    """By selfie and repeat: the (variant, generation) that were drawn."""
    query = shown_images().where(ExperimentCell.experiment_id == experiment_id)
    if variant_ids:
        query = query.where(ExperimentCell.variant_id.in_(variant_ids))
    found: dict[tuple[int, int], list[Image]] = {}
    for cell in session.scalars(query.order_by(ExperimentCell.id)):
        if cell.generation_id is not None:
            key = (cell.selfie_id, cell.repeat)
            found.setdefault(key, []).append((cell.variant_id, cell.generation_id))
    return found


def _still_open(rater_id: int) -> ColumnElement[bool]:
    """Whether a VotePair waits for this rater: its two images were not voted on by them, and are there."""
    former = aliased(VotePair)
    voted = exists().where(
        former.id == Vote.pair_id,
        Vote.rater_id == rater_id,
        Vote.undone_at.is_(None),
        func.least(former.left_generation_id, former.right_generation_id)
        == func.least(VotePair.left_generation_id, VotePair.right_generation_id),
        func.greatest(former.left_generation_id, former.right_generation_id)
        == func.greatest(VotePair.left_generation_id, VotePair.right_generation_id),
    )
    erased = exists().where(
        Generation.id == VotePair.left_generation_id,
        Customer.id == Generation.customer_id,
        Customer.erased_at.is_not(None),
    )
    return and_(~voted, ~erased)


def _batch(session: Session, batch_id: int, *, lock: bool = False, share: bool = False) -> VoteBatch:
    query = select(VoteBatch).where(VoteBatch.id == batch_id).execution_options(populate_existing=True)
    if lock or share:
        query = query.with_for_update(read=share)
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFound(f"There is no batch {batch_id}.")
    return found
