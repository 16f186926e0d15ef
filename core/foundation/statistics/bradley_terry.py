"""How strong each version is by votes between two: Bradley-Terry with ties, 95 % intervals, shared ranks.

Bradley and Terry (1952), "Rank analysis of incomplete block designs"; ties after Davidson (1970), "On
extending the Bradley-Terry model to accommodate ties in paired comparison experiments". Intervals by the
sandwich of White (1982), with the votes of one cluster (a selfie) taken together. "Both bad" is no vote
between two: it is left out here and counted apart.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from core.foundation.statistics.rates import Interval, Z

Floats = npt.NDArray[np.float64]
# Strengths are logits; this prior keeps a version that won everything finite, and a few votes outweigh it.
PRIOR_DEVIATION = 4.0
MOST_STEPS = 60
# With fewer clusters their spread tells too little; the votes' own noise is then the least that is claimed.
FEW_CLUSTERS_PER_PARAMETER = 2


@dataclasses.dataclass(frozen=True)
class Ballot:
    """One vote between two versions, by their places: `score` is 1 for `first`, 0 for `second`, else 0.5."""

    first: int
    second: int
    score: float
    cluster: int = 0


@dataclasses.dataclass(frozen=True)
class Strength:
    """A version's logit above the average of all, its 95 % interval, and the ranks that it may hold."""

    place: int
    value: float
    interval: Interval
    best_rank: int
    worst_rank: int
    votes: int

    @property
    def rank(self) -> str:
        """`1`, or `1-2` where intervals overlap."""
        return (
            f"{self.best_rank}"
            if self.best_rank == self.worst_rank
            else f"{self.best_rank}-{self.worst_rank}"
        )

    @property
    def expected_share(self) -> float:
        """The share of decided votes it would win against an average version."""
        return 1 / (1 + math.exp(-self.value))


def strengths(versions: int, ballots: Sequence[Ballot]) -> list[Strength]:
    """Every version's strength, in the order of their places. Without votes every interval is endless."""
    if versions < 1:
        return []
    first = np.array([each.first for each in ballots], dtype=np.int64)
    second = np.array([each.second for each in ballots], dtype=np.int64)
    votes = np.bincount(np.concatenate([first, second]), minlength=versions)
    if not ballots:
        return _ranked(np.zeros(versions), np.full(versions, math.inf), votes)
    outcome = np.array([round(each.score * 2) for each in ballots], dtype=np.int64)
    clusters = np.unique(np.array([each.cluster for each in ballots]), return_inverse=True)[1]
    features = _features(versions, first, second)
    beta, bread = _fit(features, outcome)
    centre = np.eye(versions) - 1 / versions
    spread = centre @ _covariance(features, outcome, clusters, beta, bread)[:versions, :versions] @ centre
    errors = np.sqrt(np.maximum(np.diag(spread), 0))
    errors[votes == 0] = math.inf
    return _ranked(centre @ beta[:versions], errors * _quantile(int(clusters.max()) + 1), votes)


def _features(versions: int, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]) -> Floats:
    """Rows of the difference in strength; the last parameter is how likely ties are."""
    rows = np.zeros((len(first), versions))
    every = np.arange(len(first))
    rows[every, first] = 0.5
    rows[every, second] = -0.5
    return rows


def _fit(features: Floats, outcome: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Newton's method; the likelihood is log-concave. Returns parameters and the inverse of the curvature."""
    size = features.shape[1] + 1
    beta = np.zeros(size)
    prior = np.eye(size) / PRIOR_DEVIATION**2
    for _ in range(MOST_STEPS):
        gradient, curvature = _derivatives(features, outcome, beta)
        step = np.linalg.solve(curvature + prior, gradient.sum(axis=0) - prior @ beta)
        # A long step could overshoot far from the top, where the curve is flat.
        beta = beta + step * min(1.0, 2.0 / max(1e-12, float(np.abs(step).max())))
        if float(np.abs(step).max()) < 1e-9:
            break
    curvature = _derivatives(features, outcome, beta)[1]
    return beta, np.asarray(np.linalg.inv(curvature + prior), dtype=np.float64)


def _derivatives(features: Floats, outcome: npt.NDArray[np.int64], beta: Floats) -> tuple[Floats, Floats]:
    """Each vote's slope of the log-likelihood, and the curvature of all."""
    half = features @ beta[:-1]
    weights = np.exp(np.stack([-half, np.full_like(half, beta[-1]), half], axis=1))
    chance = weights / weights.sum(axis=1, keepdims=True)
    lean, tied = chance[:, 2] - chance[:, 0], chance[:, 1]
    seen_lean, seen_tie = outcome - 1, outcome == 1
    slopes = np.column_stack([features * (seen_lean - lean)[:, None], seen_tie - tied])
    curvature = np.empty((len(beta), len(beta)))
    curvature[:-1, :-1] = features.T @ (features * (chance[:, 2] + chance[:, 0] - lean**2)[:, None])
    curvature[:-1, -1] = curvature[-1, :-1] = features.T @ (-lean * tied)
    curvature[-1, -1] = float((tied * (1 - tied)).sum())
    return slopes, curvature


def _covariance(
    features: Floats,
    outcome: npt.NDArray[np.int64],
    clusters: npt.NDArray[np.int64],
    beta: Floats,
    bread: Floats,
) -> Floats:
    """The sandwich with summed clusters; where those are few, never less than the votes' own noise."""
    slopes = _derivatives(features, outcome, beta)[0]
    groups = int(clusters.max()) + 1
    summed = np.zeros((groups, slopes.shape[1]))
    np.add.at(summed, clusters, slopes)
    if groups < 2:
        return bread
    robust: Floats = bread @ (summed.T @ summed) @ bread * groups / (groups - 1)
    if groups >= FEW_CLUSTERS_PER_PARAMETER * slopes.shape[1]:
        return robust
    if groups > slopes.shape[1]:
        return _at_least(robust, bread)
    return _at_least(bread, robust)


def _at_least(matrix: Floats, floor: Floats) -> Floats:
    """The matrix, stretched so that no variance is below the floor's."""
    larger = np.sqrt(np.maximum(1.0, np.diag(floor) / np.maximum(np.diag(matrix), 1e-12)))
    stretched: Floats = matrix * np.outer(larger, larger)
    return stretched


def _quantile(groups: int) -> float:
    """Student's 97.5 % quantile for this many clusters (Abramowitz and Stegun, 26.7.5)."""
    free = groups - 1
    if free < 3:
        return Z if free < 1 else {1: 12.706, 2: 4.303}[free]
    first = (Z**3 + Z) / 4
    second = (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96
    third = (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384
    return Z + first / free + second / free**2 + third / free**3


def _ranked(values: Floats, half: Floats, votes: npt.NDArray[np.int64]) -> list[Strength]:
    """One rank below every version whose interval lies wholly above, one above every one wholly below."""
    low, high = values - half, values + half
    return [
        Strength(
            place=place,
            value=float(values[place]),
            interval=Interval(float(low[place]), float(high[place])),
            best_rank=1 + int((low > high[place]).sum()),
            worst_rank=len(values) - int((high < low[place]).sum()),
            votes=int(votes[place]),
        )
        for place in range(len(values))
    ]
