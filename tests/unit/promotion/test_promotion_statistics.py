"""The live watch, proven by exact sums and by simulation: seeded, so that every run counts the same."""

import math

import numpy as np
import pytest

from core.promotion.live import Counts, Job, spread
from core.promotion.sequential import LEAST, REFUSAL_ALPHA, REQUEST_ALPHA, boundary, crossed
from core.promotion.watch import regressed, too_many

JOBS = 500


def crossing(bounds: tuple[int, ...], share: float, jobs: int) -> float:
    """The exact chance that refusals of this share cross a boundary within so many jobs."""
    chances, over = np.ones(1), 0.0
    for bound in bounds[:jobs]:
        after = np.zeros(len(chances) + 1)
        after[:-1] = chances * (1 - share)
        after[1:] += chances * share
        over += float(after[bound:].sum())
        chances = after[:bound]
    return over


def chance(former_jobs: int, former: float, now: float, *, jobs: int, alpha: float) -> float:
    """The chance of an alarm, over all that a former version of this share may have met."""
    total = 0.0
    for hits in range(former_jobs + 1):
        weight = math.comb(former_jobs, hits) * former**hits * (1 - former) ** (former_jobs - hits)
        if weight > 1e-5:
            bounds = boundary(hits, former_jobs, jobs=JOBS, alpha=alpha)
            total += weight * crossing(bounds, now, jobs)
    return total


@pytest.mark.parametrize("former_jobs", [0, 20, 50, 200])
@pytest.mark.parametrize("share", [0.01, 0.025, 0.05, 0.1])
def test_without_a_difference_at_most_5_of_100_watches_of_500_jobs_end_in_an_alarm(
    former_jobs: int, share: float
) -> None:
    refusals = chance(former_jobs, share, share, jobs=JOBS, alpha=REFUSAL_ALPHA)
    # Requests that are not accepted are rare: a hundredth of a version's jobs would be many.
    requests = chance(former_jobs, 0.01, 0.01, jobs=JOBS, alpha=REQUEST_ALPHA)
    assert refusals + requests <= 0.05


@pytest.mark.parametrize("share", [0.02, 0.025, 0.03])
def test_30_of_100_refused_are_seen_within_20_jobs_in_9_of_10_watches(share: float) -> None:
    assert chance(200, share, 0.3, jobs=20, alpha=REFUSAL_ALPHA) >= 0.9
    assert chance(500, share, 0.3, jobs=20, alpha=REFUSAL_ALPHA) >= 0.93


def watches(random: np.random.Generator, now: float, jobs: int, runs: int = 1_000) -> float:
    """The share of simulated watches that alarm; the former version refuses 2.5 of 100, in 200 jobs."""
    alarms = 0
    for _ in range(runs):
        former = Counts(200, int(random.binomial(200, 0.025)), 0)
        marks = random.random(jobs) < now
        done = [
            Job(n, "failed", "content_policy") if hit else Job(n, "succeeded", None)
            for n, hit in enumerate(marks.tolist())
        ]
        alarms += regressed(former, done, most=JOBS) is not None
    return alarms / runs


def test_simulated_watches_say_the_same() -> None:
    random = np.random.default_rng(11)
    assert watches(random, 0.025, JOBS) <= 0.05
    assert watches(random, 0.3, 20) >= 0.9


def test_looking_with_a_fixed_test_after_every_job_would_roll_back_far_more_often() -> None:
    """What the boundary is for: a plain test at 5 %, asked after each job, alarms in far more watches."""
    random = np.random.default_rng(12)
    alarms = 0
    for _ in range(300):
        hits = np.cumsum(random.random(JOBS) < 0.025)
        jobs = np.arange(1, JOBS + 1)
        score = (hits - 0.025 * jobs) / np.sqrt(jobs * 0.025 * 0.975)
        alarms += bool(np.any((score > 1.645) & (hits >= LEAST)))
    assert alarms / 300 > 0.15


def test_a_boundary_never_falls_and_never_rests_on_fewer_than_three() -> None:
    for hits, cases in ((0, 0), (0, 400), (12, 400), (200, 400)):
        bounds = boundary(hits, cases, jobs=JOBS, alpha=REFUSAL_ALPHA)
        assert len(bounds) == JOBS
        assert min(bounds) == LEAST or bounds[0] > LEAST
        assert list(bounds) == sorted(bounds)


def test_a_version_that_refuses_everybody_is_seen_after_three_jobs_whatever_is_known_of_the_former() -> None:
    for cases in (0, 5, 50, 1_000):
        assert crossed([True] * 5, boundary(0, cases, jobs=JOBS, alpha=REFUSAL_ALPHA)) == 3


def jobs_of(*ends: str) -> list[Job]:
    return [
        Job(number, end, None) if end in ("succeeded", "queued") else Job(number, "failed", end)
        for number, end in enumerate(ends)
    ]


FORMER = Counts(200, 5, 0)


def test_refusals_that_come_quicker_than_pictures_do_not_run_ahead() -> None:
    """Of 60 jobs under way 4 were refused so far: 60 count, not 4."""
    refused = ["content_policy", *["queued"] * 14] * 4
    assert regressed(FORMER, jobs_of(*refused), most=JOBS) is None
    assert regressed(FORMER, jobs_of(*["content_policy"] * 4), most=JOBS) is not None


@pytest.mark.parametrize(
    "failure", ["provider_outage", "timeout", "network", "storage", "rate_limited", "auth", "unknown"]
)
def test_what_no_version_brings_about_blames_none(failure: str) -> None:
    assert regressed(FORMER, jobs_of(*[failure] * 200), most=JOBS) is None
    hidden = jobs_of(*[failure] * 30, *["content_policy"] * 3)
    found = regressed(FORMER, hidden, most=JOBS)
    assert found is not None
    assert (found.hits, found.jobs) == (3, 3)


def test_requests_that_are_not_accepted_are_the_versions_own_fault() -> None:
    found = regressed(FORMER, jobs_of(*["succeeded"] * 3, *["invalid_input"] * 4), most=JOBS)
    assert found is not None
    assert found.sentence("Woodcut v7", "Woodcut v6") == (
        "3 of the first 6 customer jobs of Woodcut v7 were not accepted as requests; of Woodcut v6 0 of 200 "
        "were (0 to 2 %)."
    )


def test_the_sentence_says_when_there_was_nothing_to_compare_with() -> None:
    found = regressed(Counts(0, 0, 0), jobs_of(*["content_policy"] * 3), most=JOBS)
    assert found is not None
    assert found.sentence("B v2", "B v1").endswith("B v1 had no jobs in the 30 days before to compare with.")


def test_too_many_names_the_refusal_that_would_cross() -> None:
    done = jobs_of(*["content_policy"] * 2, *["succeeded"] * 8)
    limit = too_many(FORMER, done, most=JOBS)
    worse = [*done, *jobs_of(*["content_policy"] * (limit - 2))]
    assert regressed(FORMER, done, most=JOBS) is None
    assert regressed(FORMER, worse, most=JOBS) is not None


def test_the_interval_of_a_median_holds_it_in_95_of_100_samples() -> None:
    random = np.random.default_rng(13)
    held = []
    for _ in range(1_000):
        found = spread(random.exponential(10, 15).tolist())
        assert found.low is not None
        assert found.high is not None
        held.append(found.low <= 10 * math.log(2) <= found.high)
    assert 0.95 <= np.mean(held) <= 0.985
    assert spread([3.0, 1.0]) == spread([1.0, 3.0])
    assert (spread([1.0, 3.0]).median, spread([1.0, 3.0]).low) == (2.0, None)
    assert spread([]).median is None
