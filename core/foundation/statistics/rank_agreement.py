"""How well one order of versions predicts another: Kendall's tau-b over pairs, with a 95 % interval.

Kendall (1938), "A new measure of rank correlation"; tau-b for ties after Kendall (1945). Versions are
compared within their own group (a plan) only, and the pairs of all groups are counted together. Pairs that
share a version hang together: n versions tell as much as 9n(n-1) / (2(2n+5)) independent pairs, which is one
over tau's own variance where there is no agreement. With so many cases, less one, the share of pairs in the
same order has Wilson's interval; simulated, that holds the truth in at least 93 of 100.
"""

import dataclasses
import math
from collections.abc import Sequence
from itertools import combinations

from core.foundation.statistics.rates import Interval, wilson

# With fewer independent pairs any order may look like any other: six are five versions of one plan.
FEWEST_PAIRS = 6.0


@dataclasses.dataclass(frozen=True)
class RankAgreement:
    """`tau` is 1 for the same order, -1 for the opposite one; None where there are too few to tell."""

    versions: int
    groups: int
    tau: float | None
    interval: Interval | None

    @property
    def told(self) -> bool:
        return self.tau is not None


def rank_agreement(groups: Sequence[Sequence[tuple[float, float]]]) -> RankAgreement:
    """The agreement of two measures (first, second) of each version, group by group."""
    told = [group for group in groups if len(group) > 1]
    versions = sum(len(group) for group in told)
    same = opposite = first_ties = second_ties = 0
    for group in told:
        for (one, one_later), (other, other_later) in combinations(group, 2):
            first, second = _sign(one - other), _sign(one_later - other_later)
            same += first * second > 0
            opposite += first * second < 0
            first_ties += first == 0 and second != 0
            second_ties += second == 0 and first != 0
    apart = same + opposite
    room = math.sqrt((apart + first_ties) * (apart + second_ties))
    pairs = sum(independent_pairs(len(group)) for group in told)
    if pairs < FEWEST_PAIRS or not room:
        return RankAgreement(versions, len(told), None, None)
    tau = (same - opposite) / room
    share = wilson((1 + tau) / 2 * (pairs - 1), pairs - 1)
    return RankAgreement(versions, len(told), tau, Interval(2 * share.low - 1, 2 * share.high - 1))


def independent_pairs(versions: int) -> float:
    """How many independent pairs tell as much as the order of so many versions."""
    return 9 * versions * (versions - 1) / (2 * (2 * versions + 5))


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)
