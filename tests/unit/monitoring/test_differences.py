"""What stands out in a spike is its cause, and nothing stands out where chance alone was at work."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import pytest
from scipy.stats import fisher_exact

from core.foundation.statistics.rates import Rate, change_of, compare, exact_excess, exact_test
from core.monitoring.differences import Counts, Findings, Novelty, alike, findings

pytestmark = pytest.mark.slow

PROMPTS = [f"p{n}" for n in range(12)]
Generation = Mapping[str, str]


def traffic(chance: random.Random, size: int) -> list[Generation]:
    """Generations whose values have nothing to do with each other."""
    return [
        {
            "prompt": chance.choice(PROMPTS),
            "quality": chance.choice(["low", "medium", "high"]),
            "model": chance.choices(["image-1", "image-1-mini"], [9, 1])[0],
            "worker": chance.choice(["w1", "w2", "w3", "w4"]),
            "shape": chance.choice(["square", "portrait"]),
            "purpose": chance.choices(["avatar", "preview"], [8, 2])[0],
        }
        for _ in range(size)
    ]


def counted(made: Sequence[Generation], failed: Iterable[bool]) -> Counts:
    cases: Counter[tuple[str, str]] = Counter()
    hits: Counter[tuple[str, str]] = Counter()
    for each, lost in zip(made, failed, strict=True):
        for name in each.items():
            cases[name] += 1
            hits[name] += lost
    return {name: Rate(hits[name], n) for name, n in cases.items()}


def history(chance: random.Random, size: int = 2_000) -> Counts:
    made = traffic(chance, size)
    return counted(made, (chance.random() < 0.05 for _ in made))


def named(found: Findings) -> list[tuple[str, str]]:
    return [(each.dimension, each.value) for each in found.standouts]


@pytest.mark.parametrize("cause", [("prompt", "p3"), ("quality", "high"), ("worker", "w2")])
def test_a_planted_cause_comes_first_and_is_new(cause: tuple[str, str]) -> None:
    first = 0
    for seed in range(40):
        chance = random.Random(seed)  # noqa: S311 - no secret
        made = traffic(chance, 600)
        lost = [chance.random() < (0.6 if each[cause[0]] == cause[1] else 0.05) for each in made]
        found = findings(counted(made, lost), history(chance))
        first += named(found)[:1] == [cause] and found.standouts[0].novelty is Novelty.NEW
    assert first == 40


def test_shuffled_outcomes_raise_a_false_alarm_in_at_most_one_of_twenty() -> None:
    alarms = 0
    for seed in range(400):
        chance = random.Random(seed)  # noqa: S311 - no secret
        made = traffic(chance, 500)
        lost = [True] * chance.choice([12, 40, 150]) + [False] * 500
        lost = lost[:500]
        chance.shuffle(lost)
        alarms += bool(findings(counted(made, lost), history(chance, 300)).standouts)
    assert alarms <= 20


def test_few_failures_over_many_rare_values_raise_no_more_false_alarms() -> None:
    alarms = 0
    for seed in range(400):
        chance = random.Random(seed)  # noqa: S311 - no secret
        made = [{"prompt": f"p{n % 60}"} for n in range(60 * 25)]
        lost = [True] * 15 + [False] * (len(made) - 15)
        chance.shuffle(lost)
        alarms += bool(findings(counted(made, lost), {}).standouts)
    assert alarms <= 20


def test_two_values_that_always_came_together_both_show() -> None:
    chance = random.Random(4)  # noqa: S311 - no secret
    made = [dict(each) for each in traffic(chance, 600)]
    for each in made:
        if each["worker"] == "w2":
            each["prompt"] = "p-of-w2"
    lost = [chance.random() < (0.6 if each["worker"] == "w2" else 0.05) for each in made]
    found = findings(counted(made, lost), history(chance))
    assert set(named(found)[:2]) == {("worker", "w2"), ("prompt", "p-of-w2")}
    together, other = found.standouts[:2]
    assert together.explained == pytest.approx(other.explained)


def test_what_always_fails_more_comes_after_what_is_new() -> None:
    now = {
        ("quality", "high"): Rate(150, 300),
        ("quality", "low"): Rate(30, 300),
        ("prompt", "new"): Rate(80, 120),
        ("prompt", "old"): Rate(100, 480),
    }
    before = {
        ("quality", "high"): Rate(450, 1_000),
        ("quality", "low"): Rate(50, 1_000),
        ("prompt", "new"): Rate(75, 300),
        ("prompt", "old"): Rate(425, 1_700),
    }
    found = findings(now, before)
    assert [(each.value, each.novelty) for each in found.standouts] == [
        ("new", Novelty.NEW),
        ("high", Novelty.USUAL),
    ]
    high = found.standouts[1]
    assert high.explained == pytest.approx(0.4 * 300 / 180)
    assert (high.share.value, high.share_before.value) == (150 / 180, 0.9)


def test_a_value_that_was_never_there_before_is_called_so() -> None:
    now = {("prompt", "fresh"): Rate(60, 100), ("prompt", "old"): Rate(10, 200)}
    found = findings(now, {("prompt", "old"): Rate(30, 900)})
    assert [each.novelty for each in found.standouts] == [Novelty.UNSEEN]


def test_an_outage_that_hits_all_alike_points_at_nothing_but_at_a_common_cause() -> None:
    chance = random.Random(9)  # noqa: S311 - no secret
    made = traffic(chance, 600)
    found = findings(counted(made, (chance.random() < 0.7 for _ in made)), history(chance))
    assert found.standouts == []
    assert "none failed certainly more" in alike(found)
    assert "either the cause is common to all" in alike(found)


def test_under_twenty_cases_nothing_stands_out() -> None:
    found = findings({("quality", "high"): Rate(19, 19), ("quality", "low"): Rate(0, 400)}, {})
    assert (found.standouts, found.compared) == ([], 0)
    assert "no dimension has two values" in alike(found)
    few = findings({("quality", "high"): Rate(9, 9), ("quality", "low"): Rate(0, 9)}, {})
    assert "only 18 generations ended" in alike(few)


def test_the_better_values_of_a_spike_are_no_cause() -> None:
    found = findings({("quality", "high"): Rate(5, 200), ("quality", "low"): Rate(150, 200)}, {})
    assert named(found) == [("quality", "low")]


def test_the_exact_test_equals_the_reference() -> None:
    chance = random.Random(2)  # noqa: S311 - no secret
    for _ in range(300):
        n, m = chance.randint(1, 400), chance.randint(1, 400)
        one, other = Rate(chance.randint(0, n), n), Rate(chance.randint(0, m), m)
        table = [[one.hits, n - one.hits], [other.hits, m - other.hits]]
        tails = [fisher_exact(table, alternative=side).pvalue for side in ("greater", "less")]
        assert exact_test(one, other) == pytest.approx(min(1.0, 2 * min(tails)), rel=1e-8, abs=1e-300)
        if one.value > other.value:
            assert exact_excess(one, other) == pytest.approx(tails[0], rel=1e-8, abs=1e-300)
        assert one.value > other.value or exact_excess(one, other) == 1.0
    assert exact_test(Rate(0, 50), Rate(0, 60)) == 1.0
    assert exact_test(Rate(100_000, 300_000), Rate(200_000, 300_000)) == 0.0


def test_the_interval_of_a_change_covers_it_as_often_as_it_says() -> None:
    chance = random.Random(6)  # noqa: S311 - no secret

    def seen(share: float, cases: int) -> Rate:
        return Rate(sum(chance.random() < share for _ in range(cases)), cases)

    covered = 0
    for _ in range(1_000):
        now = compare(seen(0.5, 80), seen(0.1, 200))
        before = compare(seen(0.2, 150), seen(0.08, 300))
        assert now is not None
        assert before is not None
        interval = change_of(now, before)
        covered += interval.low <= 0.28 <= interval.high
    assert 0.93 <= covered / 1_000 <= 0.98
