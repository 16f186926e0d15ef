"""Bradley-Terry with ties and clustered intervals of 10 versions and 5,000 votes on 50 selfies; at most 1 s.

    python -m bench.bench_votes

Method: seeded votes; the best and worst of 20 fits, from plain ballots to intervals and ranks.
"""

import random
import time

from core.foundation.statistics.bradley_terry import Ballot, strengths
from core.votes.verdict import verdict

VERSIONS, VOTES, SELFIES, ROUNDS = 10, 5_000, 50, 20
LIMIT_SECONDS = 1.0


def ballots() -> list[Ballot]:
    draw = random.Random(1)
    made = []
    for _ in range(VOTES):
        first, second = draw.sample(range(VERSIONS), 2)
        better = 1.0 if draw.random() < 0.5 + (first - second) / 25 else 0.0
        made.append(Ballot(first, second, 0.5 if draw.random() < 0.2 else better, draw.randrange(SELFIES)))
    return made


def main() -> None:
    cast = ballots()
    took = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        found = strengths(VERSIONS, cast)
        took.append(time.perf_counter() - start)
    assert len(found) == VERSIONS
    start = time.perf_counter()
    verdict([f"v{n}" for n in range(VERSIONS)], cast)
    whole = time.perf_counter() - start
    print(f"{VERSIONS} versions, {VOTES:,} votes: {min(took) * 1000:.0f} to {max(took) * 1000:.0f} ms a fit")
    print(f"the whole verdict: {whole * 1000:.0f} ms")
    assert max(*took, whole) <= LIMIT_SECONDS


if __name__ == "__main__":
    main()
