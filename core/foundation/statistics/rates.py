"""What counts of failures allow to say: intervals of rates and of their difference, and many tests at once.

Wilson (1927), "Probable inference, the law of succession, and statistical inference"; Newcombe (1998),
"Interval estimation for the difference between independent proportions", method 10; Holm (1979), "A simple
sequentially rejective multiple test procedure"; Zou and Donner (2008), "Construction of confidence intervals
about effect measures: a general approach". All intervals are two-sided and of 95 %.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

# The 97.5 % quantile of the normal distribution.
Z = 1.959963984540054
# Fewer cases say too little about a rate to show one.
FEWEST = 20
SIGNIFICANT = 0.05


@dataclasses.dataclass(frozen=True)
class Interval:
    """From `low` to `high`, both included."""

    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


@dataclasses.dataclass(frozen=True)
class Rate:
    """`hits` of `cases`. Raises ValueError for counts that no rate can have."""

    hits: int
    cases: int

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= self.cases:
            raise ValueError(f"{self.hits} of {self.cases} is no rate")

    @property
    def enough(self) -> bool:
        """Whether there are enough cases to speak of a rate at all."""
        return self.cases >= FEWEST

    @property
    def value(self) -> float:
        """The share, 0 to 1; 0 without cases."""
        return self.hits / self.cases if self.cases else 0.0

    @property
    def interval(self) -> Interval:
        """Wilson's interval; without cases everything is possible."""
        return wilson(self.hits, self.cases)


@dataclasses.dataclass(frozen=True)
class Difference:
    """How much higher one rate is than another, in shares (0.15 is 15 points)."""

    value: float
    interval: Interval
    p_value: float


def wilson(hits: float, cases: float) -> Interval:
    """Wilson's score interval of a share. It reaches 0 and 1 exactly where nothing or everything was hit."""
    if cases == 0:
        return Interval(0.0, 1.0)
    share = hits / cases
    square = Z * Z
    middle = (share + square / (2 * cases)) / (1 + square / cases)
    half = Z * math.sqrt(share * (1 - share) / cases + square / (4 * cases * cases)) / (1 + square / cases)
    # Rounding would leave a last bit at the very ends.
    low = 0.0 if hits == 0 else max(0.0, middle - half)
    high = 1.0 if hits == cases else min(1.0, middle + half)
    return Interval(low, high)


def newcombe(first: Rate, second: Rate) -> Interval:
    """The interval of `first` minus `second`, made of both Wilson intervals (hybrid score, no correction)."""
    one, other = first.interval, second.interval
    gap = first.value - second.value
    below = math.hypot(first.value - one.low, other.high - second.value)
    above = math.hypot(one.high - first.value, second.value - other.low)
    return Interval(max(-1.0, gap - below), min(1.0, gap + above))


def compare(first: Rate, second: Rate) -> Difference | None:
    """How `first` differs from `second`; None where one of them has too few cases."""
    if not (first.enough and second.enough):
        return None
    return Difference(first.value - second.value, newcombe(first, second), score_test(first, second))


def score_test(first: Rate, second: Rate) -> float:
    """The two-sided p-value of "both rates are the same": the score test on the pooled rate."""
    cases = first.cases + second.cases
    pooled = (first.hits + second.hits) / cases if cases else 0.0
    if pooled in (0.0, 1.0):
        return 1.0
    error = math.sqrt(pooled * (1 - pooled) * (1 / first.cases + 1 / second.cases))
    return math.erfc(abs(first.value - second.value) / error / math.sqrt(2))


def exact_test(first: Rate, second: Rate) -> float:
    """The two-sided p-value of "both rates are the same" by Fisher's exact test, the smaller tail doubled.

    Of many comparisons with few failures each, the score test calls far more different than it promises.
    """
    return min(1.0, 2 * min(exact_excess(first, second), exact_excess(second, first)))


def exact_excess(first: Rate, second: Rate) -> float:
    """The one-sided p-value of "the first rate is no higher", by Fisher's exact test; 1 where it is lower."""
    if first.value <= second.value:
        return 1.0
    tail = term = math.exp(_log_hypergeometric(first, second))
    hits, misses = first.hits, second.cases - second.hits
    # Each further table has one failure more among the first and one less among the second.
    while term > tail * 1e-17:
        left = (first.cases - hits) * (first.hits + second.hits - hits)
        hits, misses = hits + 1, misses + 1
        term *= left / (hits * misses)
        tail += term
    return min(1.0, tail)


def _log_hypergeometric(first: Rate, second: Rate) -> float:
    """How likely just this table is when all its sums are given."""
    hits, cases = first.hits + second.hits, first.cases + second.cases
    chosen = _log_choose(first.cases, first.hits) + _log_choose(second.cases, second.hits)
    return chosen - _log_choose(cases, hits)


def _log_choose(cases: int, hits: int) -> float:
    return math.lgamma(cases + 1) - math.lgamma(hits + 1) - math.lgamma(cases - hits + 1)


def change_of(now: Difference, before: Difference) -> Interval:
    """The interval of one difference minus another, independent one, made of both intervals (MOVER)."""
    gap = now.value - before.value
    below = math.hypot(now.value - now.interval.low, before.interval.high - before.value)
    above = math.hypot(now.interval.high - now.value, before.value - before.interval.low)
    return Interval(gap - below, gap + above)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values after Holm's correction, in the order given; each at most 1."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected = [1.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(order):
        # A later one is never more significant than an earlier one.
        highest = max(highest, min(1.0, p_values[index] * (len(p_values) - rank)))
        corrected[index] = highest
    return corrected


def verdicts(
    pairs: Sequence[tuple[Rate, Rate]], test: Callable[[Rate, Rate], float] = exact_test
) -> list[Difference | None]:
    """Each first against its second, with the test's p-values corrected for how many are compared."""
    found = [compare(first, second) for first, second in pairs]
    told = [pair for pair, each in zip(pairs, found, strict=True) if each is not None]
    corrected = iter(holm([test(*pair) for pair in told]))
    return [each and dataclasses.replace(each, p_value=next(corrected)) for each in found]


def differs(difference: Difference | None) -> bool:
    """Whether a difference may be called one: its interval and its (corrected) p-value both say so."""
    return difference is not None and difference.interval.excludes_zero and difference.p_value < SIGNIFICANT
