"""What came of an experiment: votes, failures, time, money, ratings and line-ups, version by version."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.foundation.errors import Conflict
from core.foundation.statistics.agreement import Agreement, agreement
from core.foundation.statistics.bradley_terry import Ballot
from core.foundation.statistics.rates import Rate
from core.tables.experiments import ExperimentCell
from core.tables.generation import Generation, RenderAttempt
from core.tables.votes import Vote, VoteBatch, VotePair
from core.votes.batches import progress, variant_names
from core.votes.lineups import recognised
from core.votes.ratings import rating_agreement, ratings, shipping_of
from core.votes.samples import Shipping
from core.votes.staging import Cut, cut
from core.votes.verdict import Verdict, verdict

REFUSED = "content_policy"
SCORES = {"left": 1.0, "right": 0.0, "both_good": 0.5}


@dataclasses.dataclass(frozen=True)
class Measured:
    """What one version's images took: refused and failed are apart, canceled ones count in neither."""

    refused: Rate
    failed: Rate
    median: timedelta | None
    late: timedelta | None
    cost_usd: Decimal | None

    @property
    def lost(self) -> Rate:
        """Refused or failed."""
        return Rate(self.refused.hits + self.failed.hits, self.failed.cases)


@dataclasses.dataclass(frozen=True)
class VersionResult:
    """One version in the verdict; `both_bad` is of the answers to pairs that it stood in."""

    variant_id: int
    name: str
    measured: Measured
    both_bad: Rate
    shipping: Shipping
    recognised: Rate


@dataclasses.dataclass(frozen=True)
class Results:
    """The verdict and what it rests on; versions stand in the order of its places.

    `next_stage` says which versions are worth images of a higher quality.
    """

    verdict: Verdict
    versions: tuple[VersionResult, ...]
    votes: int
    raters: int
    both_bad: Rate
    next_stage: Cut
    vote_agreement: Agreement | None
    rating_agreement: Agreement | None


def results(session: Session, *, actor: Actor, experiment_id: int) -> Results:
    """The experiment's results. Raises Conflict while this rater is in the middle of a batch."""
    refuse_in_the_middle(session, actor, experiment_id)
    cast = counted_votes(session, experiment_id)
    names, ballots = ballots_of(session, experiment_id, cast)
    measured = _measured(session, experiment_id)
    nothing = Measured(Rate(0, 0), Rate(0, 0), None, None, None)
    bad = Rate(sum(vote.answer == "both_bad" for vote, _ in cast), len(cast))
    found = [measured.get(variant_id, nothing) for variant_id in names]
    rated, faces = ratings(session, experiment_id=experiment_id), recognised(session, experiment_id)
    return Results(
        verdict=verdict(list(names.values()), ballots, both_bad=bad, failures=[each.lost for each in found]),
        versions=tuple(
            VersionResult(
                variant_id=variant_id,
                name=name,
                measured=each,
                both_bad=_bad_of(cast, variant_id),
                shipping=shipping_of([one for one in rated if one.variant_id == variant_id]),
                recognised=faces.get(variant_id, Rate(0, 0)),
            )
            for (variant_id, name), each in zip(names.items(), found, strict=True)
        ),
        votes=len(cast),
        raters=len({vote.rater_id for vote, _ in cast}),
        both_bad=bad,
        next_stage=cut(range(len(names)), ballots),
        vote_agreement=_vote_agreement(cast),
        rating_agreement=rating_agreement(rated),
    )


def ballots_of(
    session: Session, experiment_id: int, cast: Sequence[tuple[Vote, VotePair]]
) -> tuple[dict[int, str], list[Ballot]]:
    """The variants' names in the order of their places, and the votes that count as ballots between these."""
    names = variant_names(session, experiment_id)
    places = {variant_id: place for place, variant_id in enumerate(names)}
    return names, ballots_between(cast, places)


def ballots_between(cast: Sequence[tuple[Vote, VotePair]], places: Mapping[int, int]) -> list[Ballot]:
    """The votes between the variants of `places`, in the order in which they were cast."""
    return [
        Ballot(
            places[pair.left_variant_id], places[pair.right_variant_id], SCORES[vote.answer], pair.selfie_id
        )
        for vote, pair in cast
        if vote.answer in SCORES and {pair.left_variant_id, pair.right_variant_id} <= places.keys()
    ]


def refuse_in_the_middle(session: Session, actor: Actor, experiment_id: int) -> None:
    """Raises Conflict while this rater is in the middle of a batch: names would bias the rest."""
    begun = (
        select(VotePair.batch_id)
        .join(Vote, Vote.pair_id == VotePair.id)
        .join(VoteBatch, VoteBatch.id == VotePair.batch_id)
        .where(
            VoteBatch.experiment_id == experiment_id,
            VoteBatch.closed_at.is_(None),
            Vote.rater_id == actor.id,
            Vote.undone_at.is_(None),
        )
        .distinct()
    )
    for batch_id in session.scalars(begun).all():
        far = progress(session, actor=actor, batch_id=batch_id)
        if not far.over:
            left = far.total - far.done
            raise Conflict(f"Names are told at the end: {left} pairs of batch {batch_id} wait for you.")


def counted_votes(session: Session, experiment_id: int) -> list[tuple[Vote, VotePair]]:
    """The votes that count, in the order in which they were cast."""
    query = (
        select(Vote, VotePair)
        .join(VotePair, VotePair.id == Vote.pair_id)
        .join(VoteBatch, VoteBatch.id == VotePair.batch_id)
        .where(VoteBatch.experiment_id == experiment_id, Vote.undone_at.is_(None))
        .order_by(Vote.id)
    )
    return [(vote, pair) for vote, pair in session.execute(query)]


def _bad_of(cast: list[tuple[Vote, VotePair]], variant_id: int) -> Rate:
    mine = [vote for vote, pair in cast if variant_id in (pair.left_variant_id, pair.right_variant_id)]
    return Rate(sum(vote.answer == "both_bad" for vote in mine), len(mine))


def _vote_agreement(cast: list[tuple[Vote, VotePair]]) -> Agreement | None:
    """How far raters agree on the same two images, whichever side they stood on."""
    items: dict[tuple[int, int], list[str]] = {}
    for vote, pair in cast:
        shown = (pair.left_generation_id, pair.right_generation_id)
        chosen = {"left": str(shown[0]), "right": str(shown[1])}.get(vote.answer)
        low = str(min(shown))
        word = vote.answer if chosen is None else ("lower" if chosen == low else "higher")
        items.setdefault((min(shown), max(shown)), []).append(word)
    return agreement(list(items.values()))


def _measured(session: Session, experiment_id: int) -> dict[int, Measured]:
    """By variant: ends, seconds from submission to the picture, and dollars an image."""
    drawn = Generation.state == "succeeded"
    refused = Generation.failure_class == REFUSED
    took = func.extract("epoch", RenderAttempt.completed_at - RenderAttempt.submitted_at)
    paid = case((drawn, func.coalesce(RenderAttempt.cost_usd, Generation.price_usd)))
    last = RenderAttempt.number == (
        select(func.max(RenderAttempt.number))
        .where(RenderAttempt.generation_id == Generation.id)
        .correlate(Generation)
        .scalar_subquery()
    )
    query = (
        select(
            ExperimentCell.variant_id,
            func.count().filter(Generation.state.in_(("succeeded", "failed"))),
            func.count().filter(Generation.state == "failed", refused),
            func.count().filter(Generation.state == "failed", ~refused),
            func.percentile_cont(0.5).within_group(took).filter(drawn),
            func.percentile_cont(0.95).within_group(took).filter(drawn),
            func.avg(paid),
        )
        .join(Generation, Generation.id == ExperimentCell.generation_id)
        .outerjoin(RenderAttempt, (RenderAttempt.generation_id == Generation.id) & last)
        .where(ExperimentCell.experiment_id == experiment_id)
        .group_by(ExperimentCell.variant_id)
    )
    return {row[0]: _of_row(row) for row in session.execute(query)}


def _of_row(row: Any) -> Measured:
    _, cases, refused, failed, median, late, cost = row
    return Measured(
        Rate(refused, cases),
        Rate(failed, cases),
        None if median is None else timedelta(seconds=float(median)),
        None if late is None else timedelta(seconds=float(late)),
        None if cost is None else Decimal(cost),
    )
