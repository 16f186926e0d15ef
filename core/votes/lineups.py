"""Likeness by line-up: an avatar and six selfies of similar people, "who is it?"; chance finds one of six."""

import dataclasses
import random

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.foundation.errors import InvalidInput, NotFound
from core.foundation.statistics.rates import Rate
from core.tables.customers import Customer
from core.tables.experiments import ExperimentCell
from core.tables.images import StoredSelfie
from core.tables.testsets import TestPerson, TestSetMember
from core.tables.votes import Lineup
from core.testsets.sets import may_be_tested_on
from core.votes.batches import shown_images
from core.votes.images import generation_tokens, selfie_tokens

SIZE = 6
CHANCE = 1 / SIZE


@dataclasses.dataclass(frozen=True)
class ShownLineup:
    """What a rater sees: the avatar's token and those of six selfies, with the numbers to answer by."""

    id: int
    avatar: str
    selfies: tuple[tuple[int, str], ...]


def next_lineup(
    session: Session, *, actor: Actor, experiment_id: int, chance: random.Random | None = None
) -> ShownLineup | None:
    """The line-up this rater has before them, else a new one; None where they have seen every avatar.

    The other five look most alike by the tags of the test sets. Raises NotAllowed, and InvalidInput where
    fewer than six people agreed to tests.
    """
    require(actor, Permission.RATE)
    mine = (Lineup.experiment_id == experiment_id, Lineup.rater_id == actor.id)
    lineup = session.scalars(select(Lineup).where(*mine, Lineup.answered_at.is_(None)).limit(1)).first()
    if lineup is None or not set(lineup.selfie_ids) <= set(_people(session)):
        lineup = _draw(session, actor.id, experiment_id, chance or random.SystemRandom())
    if lineup is None:
        return None
    tokens = selfie_tokens(session, lineup.selfie_ids)
    return ShownLineup(
        lineup.id,
        generation_tokens(session, [lineup.generation_id])[lineup.generation_id],
        tuple((each, tokens[each]) for each in lineup.selfie_ids),
    )


def answer(session: Session, *, actor: Actor, lineup_id: int, selfie_id: int) -> bool:
    """Keep who the rater says it is; False where they said so before. Raises NotAllowed, NotFound."""
    require(actor, Permission.RATE)
    lineup = session.get(Lineup, lineup_id)
    if lineup is None or lineup.rater_id != actor.id:
        raise NotFound("There is no such line-up for you.")
    if selfie_id not in lineup.selfie_ids:
        raise InvalidInput("Choose one of the six selfies.")
    said = (
        update(Lineup)
        .where(Lineup.id == lineup_id, Lineup.answered_at.is_(None))
        .values(answer_id=selfie_id, answered_at=func.clock_timestamp())
        .returning(Lineup.id)
    )
    return session.scalar(said) is not None


def recognised(session: Session, experiment_id: int) -> dict[int, Rate]:
    """By variant: how many of the answers named the right person."""
    query = (
        select(
            Lineup.variant_id,
            func.count().filter(Lineup.answer_id == Lineup.right_id),
            func.count(),
        )
        .where(Lineup.experiment_id == experiment_id, Lineup.answered_at.is_not(None))
        .group_by(Lineup.variant_id)
    )
    return {variant: Rate(hits, cases) for variant, hits, cases in session.execute(query)}


def _draw(session: Session, rater_id: int, experiment_id: int, chance: random.Random) -> Lineup | None:
    seen = exists().where(Lineup.generation_id == ExperimentCell.generation_id, Lineup.rater_id == rater_id)
    of_it = shown_images().where(ExperimentCell.experiment_id == experiment_id, ~seen)
    cells = session.scalars(of_it.order_by(ExperimentCell.id)).all()
    if not cells:
        return None
    cell: ExperimentCell = chance.choice(cells)
    people = _people(session)
    if cell.selfie_id not in people:
        raise InvalidInput("The person on this avatar no longer agrees to tests.")
    owner, tags = people.pop(cell.selfie_id)
    others: dict[int, tuple[int, int]] = {}
    for selfie_id in chance.sample(sorted(people), len(people)):
        customer_id, theirs = people[selfie_id]
        alike = len(tags & theirs)
        if customer_id != owner and alike > others.get(customer_id, (0, -1))[1]:
            others[customer_id] = (selfie_id, alike)
    if len(others) < SIZE - 1:
        raise InvalidInput(f"A line-up needs {SIZE} people in test sets; there are {len(others) + 1}.")
    closest = sorted(others.values(), key=lambda each: -each[1])[: SIZE - 1]
    shown = [cell.selfie_id, *(selfie_id for selfie_id, _ in closest)]
    chance.shuffle(shown)
    lineup = Lineup(
        experiment_id=experiment_id,
        variant_id=cell.variant_id,
        generation_id=cell.generation_id,
        rater_id=rater_id,
        selfie_ids=shown,
        right_id=cell.selfie_id,
    )
    session.add(lineup)
    session.flush()
    return lineup


def _people(session: Session) -> dict[int, tuple[int, frozenset[str]]]:
    """Selfies of test sets that may be shown: whose it is, and its tags in any version."""
    query = (
        select(StoredSelfie.id, StoredSelfie.customer_id, TestSetMember.tags)
        .join(TestSetMember, TestSetMember.selfie_id == StoredSelfie.id)
        .join(Customer, Customer.id == StoredSelfie.customer_id)
        .outerjoin(TestPerson, TestPerson.customer_id == Customer.id)
        .where(may_be_tested_on())
    )
    found: dict[int, tuple[int, frozenset[str]]] = {}
    for selfie_id, customer_id, tags in session.execute(query):
        known = found.get(selfie_id, (customer_id, frozenset()))[1]
        found[selfie_id] = (customer_id, known | frozenset(tags))
    return found
