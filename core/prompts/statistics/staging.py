"""Spend in stages: all versions at low quality, losers dropped, the survivors at a higher one.

A version is dropped where it lost the paired test against the leader, and where the stage is full: then the
weakest go. With successive halving (Karnin et al. 2013) in thirds, most money is spent on few versions.
"""

import dataclasses
import math
from collections.abc import Sequence
from decimal import Decimal

from core.prompts.statistics.bradley_terry import Ballot, strengths
from core.prompts.statistics.paired import PairedTest, paired_test

STAGES = ("low", "medium", "high")
FINALISTS = 2


@dataclasses.dataclass(frozen=True)
class Cut:
    """Who goes on (best first), and why the others do not, by their places."""

    survivors: tuple[int, ...]
    lost: tuple[int, ...]
    crowded_out: tuple[int, ...]


def cut(versions: Sequence[int], ballots: Sequence[Ballot], *, most: int | None = None) -> Cut:
    """Who of these versions goes on to the next stage; at most `most` (a third of them, at least two)."""
    room = max(FINALISTS, math.ceil(len(versions) / 3)) if most is None else most
    if not ballots:
        return Cut(tuple(versions), (), ())
    found = strengths(max(versions) + 1, ballots)
    order = sorted(versions, key=lambda place: -found[place].value)
    lost = tuple(
        place
        for place in order[1:]
        if (test := between(ballots, order[0], place, comparisons=len(versions) - 1)).decided
        and test.leader == 1
    )
    standing = [place for place in order if place not in lost]
    return Cut(tuple(standing[:room]), lost, tuple(standing[room:]))


def between(ballots: Sequence[Ballot], first: int, second: int, *, comparisons: int = 1) -> PairedTest:
    """The paired test of two versions, by the ballots in the order in which they came; ties do not bet."""
    votes = [
        ((each.score == 1) == (each.first == first), each.cluster)
        for each in ballots
        if {each.first, each.second} == {first, second} and each.score != 0.5
    ]
    return paired_test(votes, comparisons=comparisons)


def cost(survivors: Sequence[int], selfies: int, repeats: int, prices: Sequence[Decimal]) -> Decimal:
    """Dollars of stages with so many versions each, at these prices an image."""
    return sum(
        (price * versions * selfies * repeats for versions, price in zip(survivors, prices, strict=True)),
        Decimal(0),
    )
