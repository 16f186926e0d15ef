"""Spend in stages: all versions at low quality, losers dropped, the survivors at a higher one.

A version is dropped where it lost the paired test against the leader, and where the stage is full: then the
weakest go. With successive halving (Karnin et al. 2013) in thirds, most money is spent on few versions.
"""

import dataclasses
import math
from collections.abc import Sequence
from decimal import Decimal

from core.foundation.statistics.bradley_terry import Ballot, strengths
from core.foundation.statistics.paired import MOST_VOTES, PairedTest, paired_test

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


@dataclasses.dataclass(frozen=True)
class Decision:
    """Who would go on by the votes so far; until `decided`, about how many more votes that takes."""

    cut: Cut
    decided: bool
    more_votes: int


def decide(versions: Sequence[int], ballots: Sequence[Ballot], *, most: int, votes_left: int) -> Decision:
    """Whether the votes carry the cut. `votes_left` counts the pairs that nobody has voted on yet.

    They do where at most `most` did not lose against the leader, where everybody who is crowded out lost
    against the weakest survivor, and where nobody is left to be asked: then the strengths alone decide.
    """
    found = cut(versions, ballots, most=most)
    if len(versions) <= most:
        return Decision(found, decided=True, more_votes=0)
    if not ballots:
        return Decision(found, decided=False, more_votes=votes_left)
    weakest = found.survivors[-1]
    tests = [between(ballots, weakest, place, comparisons=len(versions) - 1) for place in found.crowded_out]
    undecided = [test for test in tests if not (test.decided and test.leader == 1)]
    if not undecided or not votes_left:
        return Decision(found, decided=True, more_votes=0)
    # Votes come on any two versions, so a test gets one of so many.
    pairs = len(versions) * (len(versions) - 1) // 2
    wanted = max(test.more_votes or MOST_VOTES for test in undecided) * pairs
    return Decision(found, decided=False, more_votes=max(1, min(votes_left, wanted)))


def default_keeps(versions: int, stages: int) -> tuple[int, ...]:
    """How many go on after each stage: at most a third of all at first, two later, and one wins the last.

    With more than a third the last stage's images, the dearest, would cost more than the drop has saved.
    """
    return (max(FINALISTS, versions // 3), *([FINALISTS] * (stages - 2)), 1)


def next_stage(keeps: Sequence[int], stage: int, left: int) -> int:
    """The place of the stage after `stage` for so many versions: one that drops nobody is passed over."""
    later = range(stage + 1, len(keeps))
    return next((place for place in later if left > keeps[place]), len(keeps) - 1)


def passed_over(keeps: Sequence[int], stage: int, left: int) -> list[int]:
    """The places after `stage` that are passed over for certain where at most `left` versions go on."""
    passed: list[int] = []
    while stage < len(keeps) - 1:
        following = next_stage(keeps, stage, left)
        passed += range(stage + 1, following)
        stage, left = following, min(left, keeps[following])
    return passed


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
