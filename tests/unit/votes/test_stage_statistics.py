"""Stages, rank agreement and refusal rates, proven by simulation: seeded, so every run counts the same."""

from decimal import Decimal

import numpy as np
import pytest

from core.catalog.prices import price_usd
from core.foundation.statistics.bradley_terry import Ballot, strengths
from core.foundation.statistics.rank_agreement import rank_agreement
from core.foundation.statistics.rates import Rate
from core.votes.staging import STAGES, Decision, decide, default_keeps, next_stage
from tests.unit.foundation.test_vote_statistics import Generator, all_pairs

pytestmark = pytest.mark.slow

VERSIONS, SELFIES, BATCH = 8, 24, 400
# What is seen in low and medium quality differs a little from what is seen in high.
SEEN = (0.3, 0.15, 0.0)
PRICES = [
    price_usd("openai/gpt-image-1", {"quality": quality, "input_fidelity": "low"}) or Decimal(0)
    for quality in STAGES
]


def voted(random: Generator, left: list[int], ballots: list[Ballot], keep: int) -> Decision:
    """Votes come in any order, of one batch at most, and are looked at as they come."""
    random.shuffle(ballots)
    asked = ballots[:BATCH]
    for cast in (*range(56, len(asked), 56), len(asked)):
        found = decide(left, asked[:cast], most=keep, votes_left=len(asked) - cast)
        if found.decided:
            break
    return found


def staged(random: Generator, theta: "np.ndarray", full: list[Ballot]) -> tuple[int, Decimal]:
    """A plan with the default shares: its winner and its cost."""
    keeps = default_keeps(VERSIONS, len(STAGES))
    left, stage, usd = list(range(VERSIONS)), 0, Decimal(0)
    while True:
        usd += PRICES[stage] * len(left) * SELFIES
        last = stage == len(STAGES) - 1
        seen = theta + random.normal(0, SEEN[stage], VERSIONS)
        ballots = [each for each in full if {each.first, each.second} <= set(left)]
        found = voted(random, left, ballots if last else all_pairs(random, seen, left, SELFIES), keeps[stage])
        left = list(found.cut.survivors)
        if last or len(left) == 1:
            return left[0], usd
        stage = next_stage(keeps, stage, len(left))


def test_a_plan_of_default_shares_finds_the_full_grids_winner_for_two_fifths_of_its_cost() -> None:
    random = np.random.default_rng(41)
    same, spent = [], []
    for _ in range(100):
        theta = random.normal(0, 1, VERSIONS)
        theta[theta.argmax()] += 0.5
        full = all_pairs(random, theta, list(range(VERSIONS)), SELFIES)
        best = max(strengths(VERSIONS, full), key=lambda each: each.value).place
        winner, usd = staged(random, theta, full)
        same.append(winner == best)
        spent.append(usd / (PRICES[-1] * VERSIONS * SELFIES))
    assert np.mean(same) >= 0.9
    assert max(spent) <= Decimal("0.4")


def test_a_cut_waits_for_votes_and_says_about_how_many() -> None:
    one_sided = [Ballot(0, other, 1.0, selfie) for selfie in range(12) for other in (1, 2)]
    nothing = decide(range(3), [], most=2, votes_left=36)
    assert (nothing.decided, nothing.more_votes) == (False, 36)
    begun = decide(range(3), one_sided[:6], most=2, votes_left=30)
    assert not begun.decided
    assert 0 < begun.more_votes <= 30
    # Both others lost against the first, so nobody needs to be crowded out.
    clear = decide(range(3), one_sided, most=2, votes_left=12)
    assert (clear.decided, clear.cut.survivors, set(clear.cut.lost)) == (True, (0,), {1, 2})
    # Nobody is left to be asked: the strengths decide.
    thin = decide(range(3), one_sided[:6], most=2, votes_left=0)
    assert (thin.decided, thin.more_votes, len(thin.cut.crowded_out)) == (True, 0, 1)
    assert not decide(range(3), [], most=2, votes_left=0).decided
    assert decide(range(2), [], most=2, votes_left=0).decided


def test_a_stage_that_would_drop_nobody_is_passed_over() -> None:
    assert [default_keeps(versions, 3) for versions in (3, 6, 8, 9)] == [(2, 2, 1)] * 3 + [(3, 2, 1)]
    assert default_keeps(5, 2) == (2, 1)
    assert next_stage((3, 2, 1), 0, 3) == 1
    assert next_stage((3, 2, 1), 0, 2) == 2
    assert next_stage((3, 2, 1), 1, 2) == 2


@pytest.mark.parametrize("sizes", [[8], [2] * 12, [3] * 5, [6, 4, 2]])
@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.9])
def test_the_interval_of_rank_agreement_holds_the_truth_in_93_of_100(
    sizes: list[int], correlation: float
) -> None:
    random = np.random.default_rng(17)
    truth = 2 / np.pi * np.arcsin(correlation)
    held = []
    for _ in range(600):
        groups = []
        for size in sizes:
            low, noise = random.normal(size=(2, size))
            high = correlation * low + np.sqrt(1 - correlation**2) * noise
            groups.append(list(zip(low.tolist(), high.tolist(), strict=True)))
        found = rank_agreement(groups)
        assert found.interval is not None
        held.append(found.interval.low <= truth <= found.interval.high)
    assert np.mean(held) >= 0.93


def test_few_versions_are_too_few_to_tell_and_ties_count_as_ties() -> None:
    assert not rank_agreement([]).told
    assert not rank_agreement([[(1.0, 1.0), (2.0, 2.0)]]).told
    assert rank_agreement([[(1.0, 1.0), (2.0, 2.0)], [(1.0, 5.0)]]).versions == 2
    same = rank_agreement([[(n, n) for n in range(6)]])
    assert same.tau == 1
    assert same.interval is not None
    assert 0 < same.interval.low < 0.6
    assert same.interval.high == 1
    opposite = rank_agreement([[(n, -n) for n in range(6)]])
    assert opposite.tau == -1
    # Kendall's tau-b of this table, by hand: 8 pairs agree, 1 does not, 1 is tied in the first measure.
    tied = rank_agreement([[(1, 1), (1, 2), (2, 3), (3, 5), (4, 4)]])
    assert tied.tau == pytest.approx(7 / (9 * 10) ** 0.5 * (10 / 10) ** 0.5, abs=0.01)


@pytest.mark.parametrize("jobs", [36, 40, 72, 120])
def test_a_refusal_rate_of_10_in_100_lies_in_the_shown_interval_in_93_of_100_runs(jobs: int) -> None:
    random = np.random.default_rng(jobs)
    held = [
        rate.interval.low <= 0.1 <= rate.interval.high
        for rate in (Rate(int(hits), jobs) for hits in random.binomial(jobs, 0.1, 500))
    ]
    assert np.mean(held) >= 0.93


def test_no_refusal_so_far_still_allows_what_the_interval_says() -> None:
    assert Rate(0, 20).interval.high == pytest.approx(0.161, abs=0.001)
    assert Rate(0, 40).interval.high == pytest.approx(0.088, abs=0.001)
