"""The statistics of votes, proven by simulation: seeded, so that every run counts the same."""

import itertools
from decimal import Decimal

import numpy as np
import pytest

from core.foundation.statistics.agreement import agreement
from core.foundation.statistics.bradley_terry import Ballot, strengths
from core.foundation.statistics.paired import MOST_VOTES, e_value, paired_test
from core.foundation.statistics.rates import Rate
from core.votes.samples import Sample, best_first, shipping
from core.votes.staging import cost, cut
from core.votes.verdict import verdict

pytestmark = pytest.mark.slow

Generator = np.random.Generator
TIES = 0.6


def ballot(random: Generator, theta: "np.ndarray", first: int, second: int, selfie: int) -> Ballot:
    """One vote as Davidson's model has it."""
    half = (theta[first] - theta[second]) / 2
    weights = np.exp([-half, np.log(TIES), half])
    score = float(random.choice([0.0, 0.5, 1.0], p=weights / weights.sum()))
    return Ballot(first, second, score, selfie)


def election(
    random: Generator,
    theta: "np.ndarray",
    votes: int,
    selfies: int,
    copied: float = 0.0,
) -> list[Ballot]:
    """Random votes; `copied` is the share that only repeats the last one on the same selfie."""
    last: dict[int, Ballot] = {}
    for selfie in random.integers(0, selfies, votes).tolist():
        if selfie in last and random.random() < copied:
            last[-1 - len(last)] = last[selfie]
            continue
        first, second = random.choice(len(theta), 2, replace=False).tolist()
        last[selfie] = ballot(random, theta, first, second, selfie)
        last[-1 - len(last)] = last[selfie]
    return [each for place, each in last.items() if place < 0]


@pytest.mark.parametrize("copied", [0.0, 0.5])
def test_the_intervals_hold_the_truth_in_93_to_97_of_100_elections(copied: float) -> None:
    random = np.random.default_rng(7)
    held = []
    for _ in range(250):
        theta = random.normal(0, 0.7, 5)
        theta -= theta.mean()
        found = strengths(5, election(random, theta, 300, 30, copied))
        held += [s.interval.low <= theta[s.place] <= s.interval.high for s in found]
    assert len(held) == 1250
    assert 0.93 <= np.mean(held) <= 0.97


def test_few_selfies_make_intervals_wider_never_too_narrow() -> None:
    random = np.random.default_rng(8)
    theta = np.array([-0.5, 0.0, 0.5])
    held = []
    for _ in range(120):
        found = strengths(3, election(random, theta, 90, 6, 0.5))
        held += [s.interval.low <= theta[s.place] <= s.interval.high for s in found]
    assert np.mean(held) >= 0.93


def test_overlapping_versions_share_a_rank_and_clear_ones_do_not() -> None:
    random = np.random.default_rng(3)
    found = strengths(3, election(random, np.array([2.0, 2.0, -4.0]), 600, 40))
    assert [each.rank for each in found] == ["1-2", "1-2", "3"]
    assert sum(each.value for each in found) == pytest.approx(0)


def test_a_version_without_votes_may_hold_any_rank() -> None:
    found = strengths(3, [Ballot(0, 1, 1.0, selfie) for selfie in range(40)])
    assert found[2].votes == 0
    assert found[2].rank == "1-3"
    assert found[0].value > found[1].value


def test_equal_versions_raise_a_false_alarm_in_at_most_5_of_100_at_any_stopping_time() -> None:
    random = np.random.default_rng(11)
    wins = np.cumsum(random.random((2_000, MOST_VOTES)) < 0.5, axis=1)
    alarms = sum(
        any(e_value(int(won), n - int(won)) >= 20 for n, won in enumerate(row, start=1)) for row in wins
    )
    assert 0 < alarms <= 0.05 * 2_000


def test_a_taste_for_single_faces_is_no_difference_between_versions() -> None:
    """Each face has a favourite that all its votes go to: only by selfie this is no evidence."""
    random = np.random.default_rng(12)
    alarms = {True: 0, False: 0}
    for _ in range(400):
        favourite = random.random(20) < 0.5
        votes = [(bool(favourite[face]), face) for face in random.integers(0, 20, 60).tolist()]
        for by_cluster in alarms:
            alarms[by_cluster] += any(
                paired_test(votes[:n], by_cluster=by_cluster).decided for n in range(1, len(votes) + 1)
            )
    assert alarms[True] <= 0.05 * 400
    assert alarms[False] > 0.1 * 400


def test_four_of_five_is_found_soon_and_what_is_missing_is_told() -> None:
    random = np.random.default_rng(13)
    needed = []
    for _ in range(300):
        votes = [(bool(random.random() < 0.8), face) for face in range(MOST_VOTES)]
        stops = [n for n in range(1, MOST_VOTES + 1) if paired_test(votes[:n]).decided]
        needed.append(stops[0] if stops else MOST_VOTES)
    assert 18 <= np.mean(needed) <= 28
    started = paired_test([(True, face) for face in range(4)])
    assert not started.decided
    assert started.more_votes is not None
    assert 4 <= started.more_votes <= 9
    assert paired_test([(True, face) for face in range(8)]).more_votes == 0
    assert paired_test([(face % 2 == 0, face) for face in range(90)]).more_votes is None


def test_one_bad_of_four_never_ranks_above_none_bad_of_four() -> None:
    good = [Sample("a", [True])] * 4
    marred = [*good[:3], Sample("a", [False, True])]
    found = {"marred": shipping(marred), "good": shipping(good)}
    assert best_first(found) == ["good", "marred"]
    assert (found["marred"].samples, found["marred"].worst) == (Rate(3, 4), Rate(0, 1))
    assert found["good"].worst == Rate(1, 1)


def test_raters_who_answer_alike_agree_and_raters_who_guess_do_not() -> None:
    random = np.random.default_rng(5)
    alike = agreement([[side, side] for side in random.choice(["left", "right"], 60).tolist()])
    assert alike is not None
    assert alike.kappa == pytest.approx(1)
    chance = []
    for _ in range(40):
        guessed = agreement(random.choice(["left", "right"], (80, 3)).tolist())
        assert guessed is not None
        assert guessed.interval is not None
        chance.append(guessed.interval.low < 0 < guessed.interval.high)
    assert sum(chance) >= 34
    assert agreement([["left"], ["right"]]) is None
    constant = agreement([["left", "left"]])
    assert constant is not None
    assert constant.kappa is None


def all_pairs(random: Generator, theta: "np.ndarray", places: list[int], selfies: int) -> list[Ballot]:
    return [
        ballot(random, theta, first, second, selfie)
        for first, second in itertools.combinations(places, 2)
        for selfie in range(selfies)
    ]


def test_staged_spending_finds_the_full_grids_winner_for_two_fifths_of_its_cost() -> None:
    """Nine versions on 24 selfies; what is seen at lower quality differs a little from the highest."""
    random = np.random.default_rng(21)
    prices = [Decimal("0.011"), Decimal("0.042"), Decimal("0.167")]
    same, spent = [], []
    for _ in range(100):
        theta = random.normal(0, 1, 9)
        theta[theta.argmax()] += 0.5
        final = all_pairs(random, theta, list(range(9)), 24)
        best = max(strengths(9, final), key=lambda each: each.value).place
        places, counts = list(range(9)), []
        for deviation in (0.3, 0.15):
            counts.append(len(places))
            seen = theta + random.normal(0, deviation, 9)
            left = cut(places, all_pairs(random, seen, places, 24), most=None if len(counts) == 1 else 2)
            places = list(left.survivors)
        counts.append(len(places))
        again = [each for each in final if each.first in places and each.second in places]
        same.append(cut(places, again, most=1).survivors[0] == best)
        spent.append(cost(counts, 24, 1, prices) / cost([9], 24, 1, prices[2:]))
    assert np.mean(same) >= 0.9
    assert max(spent) <= Decimal("0.4")


def test_the_verdict_names_a_winner_only_where_every_other_one_lost() -> None:
    names = ["v6", "v7", "v8"]
    thin = [Ballot(1, 0, 1.0, 0), Ballot(1, 2, 1.0, 1)]
    assert verdict(names, []).sentence == "No votes yet, so nothing can be said."
    leading = verdict(names, thin)
    assert leading.winner is None
    assert "No winner yet" in leading.sentence
    clear = [Ballot(1, other, 1.0, face) for face in range(14) for other in (0, 2)]
    clear += [Ballot(0, 2, face % 2, face) for face in range(14)]
    decided = verdict(names, clear)
    assert decided.winner == 1
    assert decided.sentence.startswith("v7 wins about 9 of 10 against v")
    half = verdict(names, [each for each in clear if {each.first, each.second} != {1, 2}])
    assert half.winner is None


def test_equal_versions_get_a_winner_in_at_most_5_of_100_experiments_looked_at_after_every_row() -> None:
    random = np.random.default_rng(31)
    alarms = 0
    for _ in range(120):
        ballots: list[Ballot] = []
        for selfie in range(40):
            ballots += [
                ballot(random, np.zeros(3), *pair, selfie) for pair in itertools.combinations(range(3), 2)
            ]
            if selfie % 4 == 3 and verdict(["a", "b", "c"], ballots).winner is not None:
                alarms += 1
                break
    assert alarms <= 0.05 * 120


def test_the_verdict_warns_of_bad_pairs_and_of_a_leader_that_fails_more() -> None:
    ballots = [Ballot(0, 1, 1.0, face) for face in range(12)]
    told = verdict(["a", "b"], ballots, both_bad=Rate(10, 22), failures=[Rate(12, 40), Rate(1, 40)])
    assert told.winner == 0
    assert "In 45% of the answers both were bad" in told.sentence
    assert "But it fails more often: 30% against 2% of b." in told.sentence


def test_ten_versions_and_5000_votes_are_ranked_as_they_are() -> None:
    random = np.random.default_rng(51)
    theta = np.linspace(-2, 2, 10)
    found = strengths(10, election(random, theta, 5_000, 60))
    assert [each.place for each in sorted(found, key=lambda each: each.value)] == list(range(10))
    assert sum(each.votes for each in found) == 10_000
