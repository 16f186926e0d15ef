"""What an experiment says of a version, beside the version in production: images, votes, framing, money."""

import dataclasses
from collections.abc import Hashable, Sequence
from decimal import Decimal

from sqlalchemy import func, select, union
from sqlalchemy.orm import Session

from core.catalog.models import MODELS, checked_parameters
from core.catalog.prices import price_of
from core.foundation.statistics.bradley_terry import Ballot
from core.foundation.statistics.paired import ENOUGH, PairedTest
from core.foundation.statistics.rates import Rate
from core.images.checks.verdicts import Verdict
from core.promotion.live import REFUSED
from core.tables.experiments import Experiment, ExperimentCell, ExperimentPurchase, ExperimentVariant
from core.tables.generation import Generation, RenderAttempt, State
from core.tables.image_checks import ImageCheck
from core.tables.prompts import PromptVersion
from core.tables.votes import Vote, VotePair
from core.votes.results import ballots_of, counted_votes
from core.votes.verdict import verdict


@dataclasses.dataclass(frozen=True)
class Drawn:
    """One variant's images. A refusal counts however often its cell was bought again.

    `unjudged` avatars have a framing that no check can tell, `unchecked` ones wait for the check.
    """

    selfies: int = 0
    refused: Rate = dataclasses.field(default_factory=lambda: Rate(0, 0))
    cropped: Rate = dataclasses.field(default_factory=lambda: Rate(0, 0))
    unjudged: int = 0
    unchecked: int = 0
    cost_usd: Decimal | None = None


@dataclasses.dataclass(frozen=True)
class Evidence:
    """All that the gate looks at. `compared`: the version in production took part, with its own parameters.

    `lost_to` names whom it lost to by the stop rule, at whatever moment. Costs are of an avatar in dollars,
    `measured` in this experiment or else by the price list.
    """

    experiment_id: int | None
    experiment: str | None
    compared: bool
    drawn: Drawn
    votes: int
    lost_to: str | None
    cost_usd: Decimal | None
    production_usd: Decimal | None
    measured: bool


def gather(
    session: Session, *, version: PromptVersion, production: PromptVersion, experiment_id: int | None = None
) -> Evidence:
    """The evidence of one experiment; without a number of the best that there is for this version."""
    chosen = experiment_id or best_experiment(session, version, production)
    own = None if chosen is None else variant_of(session, chosen, version)
    if chosen is None or own is None:
        return _nothing(version, production)
    rival = variant_of(session, chosen, production)
    drawn = drawn_of(session, own.id)
    beside = Drawn() if rival is None else drawn_of(session, rival.id)
    measured = drawn.cost_usd is not None and beside.cost_usd is not None
    cast = counted_votes(session, chosen)
    names, ballots = ballots_of(session, chosen, cast)
    rival_id = None if rival is None else rival.id
    return Evidence(
        experiment_id=chosen,
        experiment=session.get_one(Experiment, chosen).name,
        compared=rival is not None,
        drawn=drawn,
        votes=_decided(cast, own.id, rival_id),
        lost_to=_lost_to(names, ballots, own.id, rival_id),
        cost_usd=drawn.cost_usd if measured else _price(version),
        production_usd=beside.cost_usd if measured else _price(production),
        measured=measured,
    )


def best_experiment(session: Session, version: PromptVersion, production: PromptVersion) -> int | None:
    """The experiment that drew this version as it is: with production beside it first, then by its votes,
    then the newest; None where there is none."""
    of_it = select(ExperimentVariant.experiment_id).where(ExperimentVariant.version_id == version.id)
    found = []
    for each in session.scalars(of_it.distinct()):
        own, rival = variant_of(session, each, version), variant_of(session, each, production)
        if own is not None:
            votes = _decided(counted_votes(session, each), own.id, None if rival is None else rival.id)
            found.append((rival is not None, votes, each))
    return max(found)[2] if found else None


def variant_of(session: Session, experiment_id: int, version: PromptVersion) -> ExperimentVariant | None:
    """The column that drew a version with its own parameters; others say nothing of what customers get."""
    rows = session.scalars(
        select(ExperimentVariant)
        .where(ExperimentVariant.experiment_id == experiment_id, ExperimentVariant.version_id == version.id)
        .order_by(ExperimentVariant.position)
    )
    return next((row for row in rows if _as_it_is(row, version)), None)


def drawn_of(session: Session, variant_id: int) -> Drawn:
    """What came of everything that was asked for in a variant's cells, whoever paid for it."""
    cell = ExperimentCell
    current = select(cell.selfie_id, cell.generation_id).where(cell.variant_id == variant_id)
    bought = (
        select(cell.selfie_id, ExperimentPurchase.generation_id)
        .join(ExperimentPurchase, ExperimentPurchase.key == cell.key)
        .where(cell.variant_id == variant_id)
    )
    asked = union(current.where(cell.generation_id.is_not(None)), bought).subquery()
    # By one drawn picture at most: the attempt that led to it.
    rows = session.execute(
        select(
            asked.c.selfie_id,
            Generation.state,
            Generation.failure_class,
            func.coalesce(RenderAttempt.cost_usd, Generation.price_usd),
            ImageCheck.framing,
        )
        .join(Generation, Generation.id == asked.c.generation_id)
        .outerjoin(
            RenderAttempt,
            (RenderAttempt.generation_id == Generation.id) & (RenderAttempt.status == "succeeded"),
        )
        .outerjoin(ImageCheck, ImageCheck.generation_id == Generation.id)
    ).all()
    avatars = [row for row in rows if row[1] == State.SUCCEEDED]
    refused = sum(row[2] == REFUSED for row in rows)
    framings = [row[4] for row in avatars]
    failed, passed = framings.count(Verdict.FAILED), framings.count(Verdict.PASSED)
    paid = [Decimal(row[3]) for row in avatars if row[3] is not None]
    return Drawn(
        selfies=len({row[0] for row in avatars}),
        refused=Rate(refused, refused + len(avatars)),
        cropped=Rate(failed, failed + passed),
        unjudged=framings.count(Verdict.UNKNOWN),
        unchecked=framings.count(None),
        cost_usd=sum(paid, Decimal(0)) / len(paid) if paid else None,
    )


def ever_lost(ballots: Sequence[Ballot], version: int, rival: int, *, comparisons: int = 1) -> bool:
    """Whether the paired test was decided for the rival at any moment: a stop rule is not asked again."""
    seen: set[Hashable] = set()
    wins = losses = 0
    for each in ballots:
        if {each.first, each.second} != {version, rival} or each.score == 0.5 or each.cluster in seen:
            continue
        seen.add(each.cluster)
        won = (each.score == 1) == (each.first == version)
        wins, losses = wins + won, losses + (not won)
        test = PairedTest(wins, losses, ENOUGH * comparisons)
        if test.decided and test.leader == -1:
            return True
    return False


def _lost_to(names: dict[int, str], ballots: Sequence[Ballot], own: int, rival: int | None) -> str | None:
    """Against production it is one test; the leader was chosen among all others, which asks for more."""
    places = list(names)
    mine = places.index(own)
    if rival is not None and ever_lost(ballots, mine, places.index(rival)):
        return names[rival]
    leader = verdict(list(names.values()), ballots).leader
    if leader is None or leader == mine:
        return None
    lost = ever_lost(ballots, mine, leader, comparisons=len(places) - 1)
    return names[places[leader]] if lost else None


def _decided(cast: Sequence[tuple[Vote, VotePair]], own: int, rival: int | None) -> int:
    """Votes for one of two images where it stood, against production if that took part."""
    found = 0
    for vote, pair in cast:
        sides = {pair.left_variant_id, pair.right_variant_id}
        wanted = own in sides and (rival is None or rival in sides)
        found += wanted and vote.answer in ("left", "right")
    return found


def _as_it_is(variant: ExperimentVariant, version: PromptVersion) -> bool:
    return variant.model == version.model and _parameters(variant) == _parameters(version)


def _parameters(of: ExperimentVariant | PromptVersion) -> dict[str, str]:
    """With a value for every input that the model takes today, as they are sent."""
    told = {name: str(value) for name, value in of.parameters.items()}
    model = MODELS.get(of.model)
    if model is None:
        return told
    known = {each.name for each in model.parameters}
    return checked_parameters(model, {name: value for name, value in told.items() if name in known})


def _price(version: PromptVersion) -> Decimal | None:
    """Both sides at list prices, whoever pays: it is their difference that is judged."""
    if version.model not in MODELS:
        return None
    return price_of(version.model, _parameters(version)).usd


def _nothing(version: PromptVersion, production: PromptVersion) -> Evidence:
    return Evidence(
        experiment_id=None,
        experiment=None,
        compared=False,
        drawn=Drawn(),
        votes=0,
        lost_to=None,
        cost_usd=_price(version),
        production_usd=_price(production),
        measured=False,
    )
