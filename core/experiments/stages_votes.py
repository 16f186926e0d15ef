"""The voting that decides a stage: blind pairs of its images, and how far the votes carry the cut."""

import dataclasses
from collections.abc import Mapping, Sequence

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.foundation.errors import Conflict
from core.foundation.statistics.bradley_terry import strengths
from core.tables.customers import Customer
from core.tables.experiment_stages import ExperimentLine, ExperimentStage
from core.tables.experiments import ExperimentCell
from core.tables.generation import Generation
from core.tables.votes import Vote, VoteBatch, VotePair
from core.votes.batches import close_batch, create_batch, shown_images
from core.votes.results import ballots_between, counted_votes
from core.votes.staging import decide

NOTHING_DRAWN = (
    "No image of this stage was drawn, so nothing can be voted on. Retry its failures, or end here."
)
ALL_BAD = (
    "Every answer was that both images are bad, so no version is better. "
    "Start the next stage by hand, or end here and write better versions."
)
CLOSED = (
    "Its blind votes were closed before they told the versions apart. Draw a new batch of this stage on "
    "Votes, or start the next stage by hand."
)


@dataclasses.dataclass(frozen=True)
class Standing:
    """Where the voting of a stage stands: the outcome of each variant if it ended now, the best first.

    `open` says that even then not every one that is dropped has lost by the test.
    """

    survivors: Sequence[int]
    outcomes: Mapping[int, str]
    decided: bool
    open: bool
    votes: int
    more_votes: int


def ask_raters(session: Session, stage: ExperimentStage, actor: Actor) -> None:
    """Draw the stage's blind pairs, once. Raises NotAllowed, Conflict where there is nothing to look at."""
    drawn = drawn_variants(session, stage.experiment_id)
    if not drawn:
        raise Conflict(NOTHING_DRAWN)
    if len(drawn) > 1 and stage.batch_id is None:
        stage.batch_id = create_batch(session, actor=actor, experiment_id=stage.experiment_id).id
        session.flush()


def standing_of(session: Session, stage: ExperimentStage, *, keep: int) -> Standing:
    """What the votes say by now; `keep` versions at most go on.

    Raises Conflict where nobody can vote any more and the votes say nothing.
    """
    of_stage = ExperimentLine.experiment_id == stage.experiment_id
    variants = session.scalars(
        select(ExperimentLine.variant_id).where(of_stage).order_by(ExperimentLine.line)
    ).all()
    drawn = drawn_variants(session, stage.experiment_id)
    candidates = [each for each in variants if each in drawn]
    places = {variant_id: place for place, variant_id in enumerate(candidates)}
    ballots = ballots_between(counted_votes(session, stage.experiment_id), places)
    left, asked = votes_left(session, stage.experiment_id)
    found = decide(range(len(candidates)), ballots, most=keep, votes_left=left)
    if not found.decided and not asked:
        raise Conflict(CLOSED if left else ALL_BAD)
    outcomes = dict.fromkeys(variants, "not_drawn")
    outcomes |= {candidates[place]: "survived" for place in found.cut.survivors}
    outcomes |= {candidates[place]: "lost" for place in found.cut.lost}
    outcomes |= {candidates[place]: "crowded_out" for place in found.cut.crowded_out}
    return Standing(
        survivors=[candidates[place] for place in found.cut.survivors],
        outcomes=outcomes,
        decided=found.decided,
        open=bool(found.cut.crowded_out) and not left,
        votes=len(ballots),
        more_votes=found.more_votes,
    )


def votes_left(session: Session, experiment_id: int) -> tuple[int, bool]:
    """How many pairs of images nobody has voted on, and whether a batch still asks for them.

    Pairs of people who were erased do not wait.
    """
    counted = exists().where(Vote.pair_id == VotePair.id, Vote.undone_at.is_(None))
    rows = session.execute(
        select(
            func.least(VotePair.left_generation_id, VotePair.right_generation_id),
            func.greatest(VotePair.left_generation_id, VotePair.right_generation_id),
            counted,
            VoteBatch.closed_at.is_(None),
        )
        .join(VoteBatch, VoteBatch.id == VotePair.batch_id)
        .join(Generation, Generation.id == VotePair.left_generation_id)
        .join(Customer, Customer.id == Generation.customer_id)
        .where(VoteBatch.experiment_id == experiment_id, Customer.erased_at.is_(None))
    ).all()
    voted = {(one, other) for one, other, done, _ in rows if done}
    left = {(one, other) for one, other, _, _ in rows} - voted
    return len(left), any(asked and (one, other) in left for one, other, _, asked in rows)


def close_voting(session: Session, stage: ExperimentStage, actor: Actor) -> None:
    """End every batch of the stage: names are told from now on."""
    of_stage = VoteBatch.experiment_id == stage.experiment_id
    query = select(VoteBatch.id).where(of_stage, VoteBatch.closed_at.is_(None)).order_by(VoteBatch.id)
    for batch_id in session.scalars(query).all():
        close_batch(session, actor=actor, batch_id=batch_id)


def drawn_variants(session: Session, experiment_id: int) -> set[int]:
    """The variants of which there is an image."""
    shown = shown_images().where(ExperimentCell.experiment_id == experiment_id).subquery()
    return set(session.scalars(select(shown.c.variant_id).distinct()))


def line_strengths(session: Session, experiment_id: int) -> dict[int, float]:
    """How strong each line is by the votes of one stage; lines without votes are left out."""
    lines = session.execute(
        select(ExperimentLine.variant_id, ExperimentLine.line).where(
            ExperimentLine.experiment_id == experiment_id
        )
    ).all()
    places = {variant_id: place for place, (variant_id, _) in enumerate(lines)}
    found = strengths(len(lines), ballots_between(counted_votes(session, experiment_id), places))
    return {line: found[place].value for place, (_, line) in enumerate(lines) if found[place].votes}
