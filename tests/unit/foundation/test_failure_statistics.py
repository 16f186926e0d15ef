"""Intervals of failure rates equal a reference, and say no more than the counts allow."""

import random

import pytest
from scipy.stats import binomtest

from core.foundation.statistics.rates import (
    Rate,
    compare,
    differs,
    holm,
    newcombe,
    score_test,
    verdicts,
    wilson,
)

CASES = [1, 2, 5, 19, 20, 40, 81, 263, 400, 10_000]


@pytest.mark.parametrize("cases", CASES)
def test_wilson_equals_the_reference_also_for_none_and_all(cases: int) -> None:
    for hits in sorted({0, 1, cases // 7, cases // 2, cases - 1, cases}):
        reference = binomtest(hits, cases).proportion_ci(method="wilson")
        found = wilson(hits, cases)
        assert found.low == pytest.approx(reference.low, abs=1e-9)
        assert found.high == pytest.approx(reference.high, abs=1e-9)
    assert wilson(0, cases).low == 0.0
    assert wilson(cases, cases).high == 1.0


# Newcombe (1998), table II, method 10: the eight contrasts of the article, to its four places.
ARTICLE = [
    ((56, 70), (48, 80), (0.0524, 0.3339)),
    ((9, 10), (3, 10), (0.1705, 0.8090)),
    ((6, 7), (2, 7), (0.0582, 0.8062)),
    ((5, 56), (0, 29), (-0.0381, 0.1926)),
    ((0, 10), (0, 20), (-0.1611, 0.2775)),
    ((0, 10), (0, 10), (-0.2775, 0.2775)),
    ((10, 10), (0, 20), (0.6791, 1.0000)),
    ((10, 10), (0, 10), (0.6075, 1.0000)),
]


@pytest.mark.parametrize(("first", "second", "expected"), ARTICLE)
def test_newcombe_gives_the_intervals_of_the_article(
    first: tuple[int, int], second: tuple[int, int], expected: tuple[float, float]
) -> None:
    found = newcombe(Rate(*first), Rate(*second))
    assert (found.low, found.high) == pytest.approx(expected, abs=5.1e-5)


def test_newcombe_equals_the_textbook_formula_on_the_reference_intervals() -> None:
    chance = random.Random(7)  # noqa: S311 - no secret
    for _ in range(300):
        n, m = chance.randint(1, 500), chance.randint(1, 500)
        x, y = chance.choice([0, n, chance.randint(0, n)]), chance.choice([0, m, chance.randint(0, m)])
        one = binomtest(x, n).proportion_ci(method="wilson")
        two = binomtest(y, m).proportion_ci(method="wilson")
        low = x / n - y / m - ((x / n - one.low) ** 2 + (two.high - y / m) ** 2) ** 0.5
        high = x / n - y / m + ((one.high - x / n) ** 2 + (y / m - two.low) ** 2) ** 0.5
        found = newcombe(Rate(x, n), Rate(y, m))
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


def test_a_difference_is_called_one_only_where_the_counts_allow_it() -> None:
    few = compare(Rate(9, 40), Rate(3, 40))
    many = compare(Rate(90, 400), Rate(30, 400))
    assert few is not None
    assert many is not None
    assert not differs(few)
    assert (round(few.interval.low, 2), round(few.interval.high, 2)) == (-0.01, 0.31)
    assert differs(many)
    assert (round(many.interval.low, 2), round(many.interval.high, 2)) == (0.10, 0.20)


def test_under_twenty_cases_nothing_is_said() -> None:
    assert not Rate(19, 19).enough
    assert Rate(0, 20).enough
    assert compare(Rate(19, 19), Rate(0, 400)) is None
    assert not differs(None)


def test_impossible_counts_are_refused() -> None:
    for hits, cases in ((2, 1), (-1, 5)):
        with pytest.raises(ValueError, match="is no rate"):
            Rate(hits, cases)


def test_holm_corrects_as_in_his_article() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


def test_many_versions_at_once_need_more_than_two_do() -> None:
    rest = Rate(40, 400)
    alone = Rate(33, 200)
    assert differs(verdicts([(alone, rest)])[0])
    among = verdicts([(alone, rest), *[(Rate(20, 200), rest)] * 5, (Rate(1, 5), rest)])
    assert not differs(among[0])
    assert among[-1] is None


def test_equal_rates_are_as_likely_as_can_be() -> None:
    assert score_test(Rate(0, 50), Rate(0, 60)) == 1.0
    assert score_test(Rate(60, 60), Rate(50, 50)) == 1.0
    assert score_test(Rate(10, 100), Rate(20, 200)) == pytest.approx(1.0)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    chance = random.Random(3)  # noqa: S311 - no secret
    covered = 0
    for _ in range(2_000):
        hits = sum(chance.random() < 0.12 for _ in range(120))
        interval = wilson(hits, 120)
        covered += interval.low <= 0.12 <= interval.high
    assert 0.93 <= covered / 2_000 <= 0.97
