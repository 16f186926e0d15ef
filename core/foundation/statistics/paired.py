"""Which of two versions wins, by a test that may be looked at after every vote.

E = 2^n B(w+1, l+1) is how much a fortune would have grown by betting against "both win equally often", with a
uniform mixture of bets. It stays below 20 for ever with at least 95 % if there is no difference (Ville 1939;
Shafer 2021, "Testing by betting"; Ramdas et al. 2023, "Game-theoretic statistics"), whenever one stops.

Votes on one selfie hang together: a version may suit one face. So a selfie bets once, with its first
decided vote; what follows on it says nothing sure about other faces.
"""

import dataclasses
import math
from collections.abc import Hashable, Iterable

ENOUGH = 20.0
# Beyond that no more votes are asked for: what was not seen by then is small.
MOST_VOTES = 100


@dataclasses.dataclass(frozen=True)
class PairedTest:
    """`wins` and `losses` that bet, the E-value, and the E-value that was asked for."""

    wins: int
    losses: int
    needed: float = ENOUGH

    @property
    def votes(self) -> int:
        return self.wins + self.losses

    @property
    def e_value(self) -> float:
        return e_value(self.wins, self.losses)

    @property
    def decided(self) -> bool:
        """Whether the votes carry a winner; then voting may stop."""
        return self.e_value >= self.needed

    @property
    def exhausted(self) -> bool:
        """Whether so many votes without a winner mean: no difference worth looking for."""
        return not self.decided and self.votes >= MOST_VOTES

    @property
    def fewest(self) -> int:
        """How many votes decide it at the least, if one side wins them all."""
        return next(n for n in range(1, MOST_VOTES) if e_value(n, 0) >= self.needed)

    @property
    def leader(self) -> int:
        """1 where the first leads, -1 where the second does, 0 where neither."""
        return (self.wins > self.losses) - (self.wins < self.losses)

    @property
    def more_votes(self) -> int | None:
        """About how many more votes decide it if they go on as so far; None where MOST_VOTES will not do."""
        if self.decided:
            return 0
        high, low = max(self.wins, self.losses), min(self.wins, self.losses)
        share = (high + 1) / (self.votes + 2)
        for more in range(1, MOST_VOTES - self.votes + 1):
            won = round(more * share)
            if e_value(high + won, low + more - won) >= self.needed:
                return more
        return None


def e_value(wins: int, losses: int) -> float:
    """2^n B(wins + 1, losses + 1); 1 without votes. Never so large that it cannot be a float."""
    logarithm = (
        (wins + losses) * math.log(2)
        + math.lgamma(wins + 1)
        + math.lgamma(losses + 1)
        - math.lgamma(wins + losses + 2)
    )
    return math.exp(min(logarithm, 700.0))


def paired_test(
    votes: Iterable[tuple[bool, Hashable]], *, comparisons: int = 1, by_cluster: bool = True
) -> PairedTest:
    """The test of decided votes in the order in which they came: (whether the first won, the vote's cluster).

    With `comparisons` other tests of the same kind, each needs so many times more evidence (Bonferroni).
    """
    wins = losses = 0
    seen: set[Hashable] = set()
    for won, cluster in votes:
        if by_cluster and cluster in seen:
            continue
        seen.add(cluster)
        wins, losses = wins + won, losses + (not won)
    return PairedTest(wins, losses, ENOUGH * max(1, comparisons))
