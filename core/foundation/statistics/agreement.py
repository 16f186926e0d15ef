"""How far raters agree beyond chance: share of equal answers, and kappa with an interval.

Kappa of pooled pairs of raters (Scott 1955, Fleiss 1971); the interval by a bootstrap of whole items
(Efron 1979), because the answers to one item hang together.
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from core.foundation.statistics.rates import Interval, Rate

DRAWS = 1_000
SEED = 20_240_601


@dataclasses.dataclass(frozen=True)
class Agreement:
    """`equal` counts pairs of answers to the same item; kappa is 1 for full agreement, 0 for chance."""

    equal: Rate
    kappa: float | None
    interval: Interval | None


def agreement(items: Sequence[Sequence[str]]) -> Agreement | None:
    """Agreement on items, each with its raters' answers; None where no item has two."""
    shared = [item for item in items if len(item) > 1]
    if not shared:
        return None
    answers = sorted({answer for item in shared for answer in item})
    counts = np.array([[Counter(item)[answer] for answer in answers] for item in shared], dtype=float)
    pairs = [a == b for item in shared for a, b in combinations(item, 2)]
    equal = Rate(sum(pairs), len(pairs))
    value = _kappa(counts)
    if value is None:
        return Agreement(equal, None, None)
    random = np.random.default_rng(SEED)
    drawn = [
        found
        for _ in range(DRAWS)
        if (found := _kappa(counts[random.integers(0, len(counts), len(counts))])) is not None
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Agreement(equal, value, Interval(float(low), float(high)))


def _kappa(counts: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> float | None:
    """Kappa of a table of items by answers; None where everybody always answered the same."""
    raters = counts.sum(axis=1)
    equal = float((counts * (counts - 1)).sum() / (raters * (raters - 1)).sum())
    shares = counts.sum(axis=0) / counts.sum()
    chance = float((shares**2).sum())
    return None if chance > 1 - 1e-9 else (equal - chance) / (1 - chance)
