"""Blind pairs are drawn, voted on, taken back and revealed; ratings and line-ups per rater."""

import random

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.foundation.errors import Conflict, InvalidInput, NotAllowed
from core.foundation.statistics.rates import Rate
from core.tables.customers import Customer
from core.tables.generation import Generation
from core.tables.images import StoredSelfie
from core.tables.votes import Lineup, Vote, VotePair
from core.votes.batches import batches, cast, close_batch, create_batch, next_pairs, progress, rateable, undo
from core.votes.lineups import answer, next_lineup, recognised
from core.votes.ratings import next_unrated, rate, rating_agreement, ratings, shipping_of
from core.votes.results import results
from tests.support.prompts import make_actor
from tests.support.votes import Drawn, answer_for, drawn_experiment

pytestmark = pytest.mark.slow


@pytest.fixture
def tom(session: Session) -> Actor:
    return make_actor(session)


@pytest.fixture
def drawn(session: Session, tom: Actor) -> Drawn:
    return drawn_experiment(session, tom)


def batch_of(session: Session, actor: Actor, drawn: Drawn) -> int:
    return create_batch(session, actor=actor, experiment_id=drawn.experiment_id).id


def vote_on_all(session: Session, actor: Actor, batch_id: int, winner: int) -> None:
    while pairs := next_pairs(session, actor=actor, batch_id=batch_id):
        assert cast(session, actor=actor, pair_id=pairs[0].id, answer=answer_for(session, pairs[0], winner))


def test_a_pair_is_of_one_selfie_and_two_variants(session: Session, tom: Actor, drawn: Drawn) -> None:
    batch_id = batch_of(session, tom, drawn)
    pairs = session.scalars(select(VotePair).where(VotePair.batch_id == batch_id)).all()
    assert {pair.selfie_id for pair in pairs} == set(drawn.selfie_ids)
    for pair in pairs:
        sides = [
            session.get_one(Generation, each) for each in (pair.left_generation_id, pair.right_generation_id)
        ]
        assert {each.selfie_id for each in sides} == {pair.selfie_id}
        assert {pair.left_variant_id, pair.right_variant_id} == set(drawn.variants)


def test_over_4000_drawn_pairs_each_variant_stands_left_in_48_to_52_of_100(
    session: Session, tom: Actor
) -> None:
    drawn = drawn_experiment(session, tom, selfies=20)
    chance = random.Random(4)  # noqa: S311 - counted, not guessed
    batch_ids = [
        create_batch(session, actor=tom, experiment_id=drawn.experiment_id, chance=chance).id
        for _ in range(200)
    ]
    first = min(drawn.variants)
    left = select(func.count()).where(VotePair.batch_id.in_(batch_ids))
    assert session.scalar(left) == 4_000
    share = (session.scalar(left.where(VotePair.left_variant_id == first)) or 0) / 4_000
    assert 0.48 <= share <= 0.52


def test_a_side_that_was_shown_cannot_be_rewritten(session: Session, tom: Actor, drawn: Drawn) -> None:
    batch_of(session, tom, drawn)
    swapped = update(VotePair).values(left_variant_id=VotePair.right_variant_id)
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(swapped)


def test_nobody_sees_a_pair_twice_even_in_another_batch_and_raters_share_a_batch(
    session: Session, tom: Actor, drawn: Drawn
) -> None:
    sue = make_actor(session, "support")
    first, second = batch_of(session, tom, drawn), batch_of(session, tom, drawn)
    seen = []
    while pairs := next_pairs(session, actor=tom, batch_id=first):
        seen.append(pairs[0].id)
        assert cast(session, actor=tom, pair_id=pairs[0].id, answer="both_good")
        assert not cast(session, actor=tom, pair_id=pairs[0].id, answer="left")
    assert len(seen) == len(set(seen)) == 6
    assert next_pairs(session, actor=tom, batch_id=second) == []
    assert progress(session, actor=tom, batch_id=second).over
    assert len(next_pairs(session, actor=sue, batch_id=first, most=10)) == 6


def test_undo_brings_the_last_pair_back_until_the_names_are_told(
    session: Session, tom: Actor, drawn: Drawn
) -> None:
    batch_id = batch_of(session, tom, drawn)
    assert not undo(session, actor=tom, batch_id=batch_id)
    shown = next_pairs(session, actor=tom, batch_id=batch_id)
    cast(session, actor=tom, pair_id=shown[0].id, answer="left")
    assert next_pairs(session, actor=tom, batch_id=batch_id)[0] == shown[1]
    assert undo(session, actor=tom, batch_id=batch_id)
    assert next_pairs(session, actor=tom, batch_id=batch_id)[0] == shown[0]
    assert cast(session, actor=tom, pair_id=shown[0].id, answer="right")
    counted = session.execute(select(Vote.answer, Vote.undone_at.is_(None)).order_by(Vote.id)).all()
    assert [tuple(row) for row in counted] == [("left", False), ("right", True)]
    vote_on_all(session, tom, batch_id, min(drawn.variants))
    with pytest.raises(Conflict, match="batch is over"):
        undo(session, actor=tom, batch_id=batch_id)


def test_results_are_told_only_at_the_end_of_the_batch(session: Session, tom: Actor, drawn: Drawn) -> None:
    batch_id = batch_of(session, tom, drawn)
    shown = next_pairs(session, actor=tom, batch_id=batch_id)[0]
    cast(session, actor=tom, pair_id=shown.id, answer="both_bad")
    with pytest.raises(Conflict, match="5 pairs of batch"):
        results(session, actor=tom, experiment_id=drawn.experiment_id)
    close_batch(session, actor=tom, batch_id=batch_id)
    found = results(session, actor=tom, experiment_id=drawn.experiment_id)
    assert (found.votes, found.both_bad) == (1, Rate(1, 1))
    with pytest.raises(Conflict, match="closed meanwhile"):
        cast(session, actor=make_actor(session), pair_id=shown.id, answer="left")


def test_a_version_that_wins_on_every_face_wins_the_verdict(session: Session, tom: Actor) -> None:
    drawn = drawn_experiment(session, tom, selfies=10)
    better = max(drawn.variants)
    batch_id = batch_of(session, tom, drawn)
    for actor in (tom, make_actor(session, "support")):
        vote_on_all(session, actor, batch_id, better)
    found = results(session, actor=tom, experiment_id=drawn.experiment_id)
    assert found.verdict.winner == 1
    assert found.verdict.sentence.startswith("Secret v7 wins about 9 of 10 against Secret v6; 20 votes")
    assert found.verdict.tests[0].e_value == pytest.approx(1024 / 11)
    assert found.vote_agreement is not None
    assert found.vote_agreement.equal == Rate(10, 10)
    row = next(each for each in batches(session) if each.id == batch_id)
    assert (row.pairs, row.votes, row.raters) == (10, 20, 2)


def test_of_three_versions_the_loser_is_not_worth_a_higher_quality(session: Session, tom: Actor) -> None:
    drawn = drawn_experiment(session, tom, names=("v6", "v7", "v8"), selfies=10)
    worst, _, best = sorted(drawn.variants)
    batch_id = batch_of(session, tom, drawn)
    while pairs := next_pairs(session, actor=tom, batch_id=batch_id):
        pair = session.get_one(VotePair, pairs[0].id)
        standing = (pair.left_variant_id, pair.right_variant_id)
        wanted = best if best in standing else next(each for each in standing if each != worst)
        cast(session, actor=tom, pair_id=pair.id, answer=answer_for(session, pairs[0], wanted))
    found = results(session, actor=tom, experiment_id=drawn.experiment_id)
    assert found.verdict.winner == 2
    assert found.next_stage.survivors == (2,)
    assert set(found.next_stage.lost) == {0, 1}
    assert [each.rank for each in found.verdict.strengths][2] == "1"


def test_refusals_failures_time_and_money_are_told_by_version(session: Session, tom: Actor) -> None:
    drawn = drawn_experiment(session, tom, selfies=4, ends=("succeeded", "failed"))
    of_first = select(Generation).where(Generation.selfie_id.in_(drawn.selfie_ids)).order_by(Generation.id)
    refused = session.scalars(of_first.where(Generation.state == "failed")).first()
    assert refused is not None
    refused.failure_class = "content_policy"
    session.flush()
    found = results(session, actor=tom, experiment_id=drawn.experiment_id)
    first = found.versions[0].measured
    assert (first.refused, first.failed, first.lost) == (Rate(1, 4), Rate(1, 4), Rate(2, 4))
    assert first.median is not None
    assert first.median.total_seconds() == 20
    assert first.cost_usd is not None
    assert float(first.cost_usd) == pytest.approx(0.011)
    assert found.verdict.winner is None


def test_refusals_lower_no_quality_average_and_are_counted_apart_from_time_outs(
    session: Session, tom: Actor
) -> None:
    drawn = drawn_experiment(session, tom, selfies=6, ends=("succeeded", "succeeded", "failed"))
    first, second = sorted(drawn.variants)
    failed = session.scalars(
        select(Generation).where(Generation.state == "failed").order_by(Generation.id)
    ).all()
    assert len(failed) == 4
    for generation, kind in zip(failed, ["content_policy", "timeout"] * 2, strict=True):
        generation.failure_class = kind
    session.flush()
    batch_id = batch_of(session, tom, drawn)
    while shown := next_unrated(session, actor=tom, experiment_id=drawn.experiment_id):
        rate(session, actor=tom, generation_id=shown.generation_id, shippable=True)
    vote_on_all(session, tom, batch_id, first)
    found = results(session, actor=tom, experiment_id=drawn.experiment_id)
    for each in found.versions:
        assert (each.measured.refused, each.measured.failed) == (Rate(1, 6), Rate(1, 6))
        # What was not drawn is neither bad nor unshippable; it is not there.
        assert (each.shipping.samples, each.shipping.worst) == (Rate(4, 4), Rate(4, 4))
        assert each.both_bad.hits == 0
    pairs = session.scalars(select(VotePair).where(VotePair.batch_id == batch_id)).all()
    stood = {pair.left_generation_id for pair in pairs} | {pair.right_generation_id for pair in pairs}
    assert stood.isdisjoint(generation.id for generation in failed)
    assert found.votes == len(pairs) == 4
    assert [each.variant_id for each in found.versions] == [first, second]


def test_raters_ratings_stay_apart_and_a_second_one_replaces_only_the_own(
    session: Session, tom: Actor, drawn: Drawn
) -> None:
    sue = make_actor(session, "support")
    shown = next_unrated(session, actor=tom, experiment_id=drawn.experiment_id)
    assert shown is not None
    assert shown.total == 12
    image = shown.generation_id
    rate(session, actor=tom, generation_id=image, shippable=True)
    rate(session, actor=tom, generation_id=image, shippable=False, tags=["wrong hair", "cropped feet"])
    rate(session, actor=sue, generation_id=image, shippable=True)
    rated = ratings(session, experiment_id=drawn.experiment_id)
    assert [(each.shippable, each.tags) for each in rated] == [
        (False, ("cropped feet", "wrong hair")),
        (True, ()),
    ]
    variant_id = rated[0].variant_id
    marked = {"experiment_id": drawn.experiment_id, "tag": "cropped feet"}
    assert len(ratings(session, variant_id=variant_id, **marked)) == 1  # type: ignore[arg-type]
    assert ratings(session, variant_id=variant_id + 1000, **marked) == []  # type: ignore[arg-type]
    assert shipping_of(rated).samples == Rate(0, 1)
    agreed = rating_agreement(rated)
    assert agreed is not None
    assert agreed.equal == Rate(0, 1)
    assert session.get_one(Generation, image).state == "succeeded"
    after = next_unrated(session, actor=tom, experiment_id=drawn.experiment_id)
    assert after is not None
    assert (after.done, after.generation_id != image) == (1, True)
    with pytest.raises(InvalidInput, match="no fault 'ugly'"):
        rate(session, actor=tom, generation_id=image, shippable=True, tags=["ugly"])


def test_a_line_up_shows_six_people_and_counts_who_was_recognised(
    session: Session, tom: Actor, drawn: Drawn
) -> None:
    answered = 0
    while shown := next_lineup(session, actor=tom, experiment_id=drawn.experiment_id):
        again = next_lineup(session, actor=tom, experiment_id=drawn.experiment_id)
        assert again == shown
        lineup = session.get_one(Lineup, shown.id)
        people = select(StoredSelfie.customer_id).where(StoredSelfie.id.in_(lineup.selfie_ids))
        assert len(set(session.scalars(people))) == 6
        assert answer(session, actor=tom, lineup_id=shown.id, selfie_id=lineup.right_id)
        assert not answer(session, actor=tom, lineup_id=shown.id, selfie_id=lineup.right_id)
        answered += 1
    assert answered == 12
    assert recognised(session, drawn.experiment_id) == {each: Rate(6, 6) for each in drawn.variants}


def test_too_few_people_make_no_line_up(session: Session, tom: Actor) -> None:
    few = drawn_experiment(session, tom, selfies=3)
    with pytest.raises(InvalidInput, match="needs 6 people"):
        next_lineup(session, actor=tom, experiment_id=few.experiment_id)


def test_raters_who_know_half_the_faces_are_told_apart_from_chance_within_15_answers() -> None:
    draw = random.Random(9)  # noqa: S311 - counted, not guessed
    told = 0
    for _ in range(400):
        hits = sum(draw.random() < 0.5 + 0.5 / 6 for _ in range(15))
        told += Rate(hits, 15).interval.low > 1 / 6
    assert told >= 0.9 * 400


def test_an_erased_persons_pairs_are_not_shown_any_more(session: Session, tom: Actor, drawn: Drawn) -> None:
    batch_id = batch_of(session, tom, drawn)
    generation = session.scalars(select(Generation).order_by(Generation.id.desc())).first()
    assert generation is not None
    session.get_one(Customer, generation.customer_id).erased_at = func.now()
    session.flush()
    assert next_pairs(session, actor=tom, batch_id=batch_id) == []
    assert drawn.experiment_id not in [each.id for each in rateable(session)]


def test_who_may_only_look_neither_votes_nor_rates(session: Session, tom: Actor, drawn: Drawn) -> None:
    vic = make_actor(session, "viewer")
    batch_id = batch_of(session, tom, drawn)
    pair = next_pairs(session, actor=tom, batch_id=batch_id)[0]
    for act in (
        lambda: batch_of(session, vic, drawn),
        lambda: next_pairs(session, actor=vic, batch_id=batch_id),
        lambda: cast(session, actor=vic, pair_id=pair.id, answer="left"),
        lambda: undo(session, actor=vic, batch_id=batch_id),
        lambda: close_batch(session, actor=vic, batch_id=batch_id),
        lambda: rate(session, actor=vic, generation_id=1, shippable=True),
        lambda: next_lineup(session, actor=vic, experiment_id=drawn.experiment_id),
    ):
        with pytest.raises(NotAllowed, match="may not vote"):
            act()
