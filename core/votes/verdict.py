"""What an experiment's votes allow to say, in one sentence; a winner only where the numbers carry one."""

import dataclasses
from collections.abc import Sequence

from core.foundation.statistics.bradley_terry import Ballot, Strength, strengths
from core.foundation.statistics.paired import MOST_VOTES, PairedTest
from core.foundation.statistics.rates import Rate, differs, verdicts
from core.votes.staging import between

# From this share of answers on, the better one may well be no good one.
MOSTLY_BAD = 0.3


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Strengths by places, the leader's test against each other one, the winner's place, and the sentence."""

    strengths: tuple[Strength, ...]
    leader: int | None
    tests: dict[int, PairedTest]
    winner: int | None
    more_votes: int | None
    sentence: str


def verdict(
    names: Sequence[str],
    ballots: Sequence[Ballot],
    *,
    both_bad: Rate | None = None,
    failures: Sequence[Rate] | None = None,
) -> Verdict:
    """The verdict on versions by their places. `ballots` come in the order in which they were cast."""
    found = tuple(strengths(len(names), ballots))
    if not ballots or len(names) < 2:
        return Verdict(found, None, {}, None, None, "No votes yet, so nothing can be said.")
    leader = max(range(len(names)), key=lambda place: found[place].value)
    tests = {
        place: between(ballots, leader, place, comparisons=len(names) - 1)
        for place in range(len(names))
        if place != leader
    }
    won = all(test.decided and test.leader == 1 for test in tests.values())
    waits = [test.more_votes for test in tests.values()]
    more = None if None in waits else sum(each for each in waits if each)
    parts = [_main(names, ballots, leader, tests, won=won, more=more)]
    if both_bad is not None and both_bad.cases and both_bad.value >= MOSTLY_BAD:
        parts.append(f"In {both_bad.value:.0%} of the answers both were bad, so the best is not yet good.")
    if failures is not None:
        parts += _failing(names, failures, leader)
    return Verdict(found, leader, tests, leader if won else None, more, " ".join(parts))


def _main(
    names: Sequence[str],
    ballots: Sequence[Ballot],
    leader: int,
    tests: dict[int, PairedTest],
    *,
    won: bool,
    more: int | None,
) -> str:
    hardest = min(tests, key=lambda place: _margin(tests[place]))
    rival, against = names[hardest], tests[hardest]
    cast = sum({each.first, each.second} == {leader, hardest} for each in ballots)
    if won:
        share = tenths(ballots, leader, hardest)
        return f"{names[leader]} wins about {share} of 10 against {rival}; {cast} votes; keep voting: no."
    if against.exhausted:
        return f"No difference between {names[leader]} and {rival} seen on {against.votes} selfies."
    so_far = f"No winner yet: {names[leader]} is ahead of {rival} by chance or by merit ({cast} votes)"
    if against.leader <= 0:
        so_far = f"No winner yet: {names[leader]} and {rival} are level ({cast} votes)"
    if against.votes < against.fewest:
        return f"{so_far}; that takes decided votes on at least {against.fewest} selfies."
    if more is None:
        return f"{so_far}; at this pace {MOST_VOTES} selfies would not tell them apart."
    return f"{so_far}; about {more} more votes on further selfies would decide it."


def tenths(ballots: Sequence[Ballot], first: int, second: int) -> int:
    """How many of ten votes the first wins against the second, ties half for each; never 0 or 10."""
    scores = [
        each.score if each.first == first else 1 - each.score
        for each in ballots
        if {each.first, each.second} == {first, second}
    ]
    return min(9, max(1, round(10 * (sum(scores) + 0.5) / (len(scores) + 1))))


def _margin(test: PairedTest) -> float:
    """The evidence for the first; what speaks for the second counts against."""
    return test.e_value if test.leader == 1 else -test.e_value


def _failing(names: Sequence[str], failures: Sequence[Rate], leader: int) -> list[str]:
    """A warning where the leader is refused or fails more often than another version."""
    others = [place for place in range(len(names)) if place != leader]
    compared = verdicts([(failures[leader], failures[place]) for place in others])
    worse = [
        place
        for place, difference in zip(others, compared, strict=True)
        if difference is not None and difference.value > 0 and differs(difference)
    ]
    return [
        f"But it fails more often: {failures[leader].value:.0%} against {failures[place].value:.0%} of "
        f"{names[place]}."
        for place in worse[:1]
    ]
