"""How many refusals are too many, by a rule that may be asked after every job.

Alpha spending (Lan and DeMets 1983, "Discrete sequential boundaries for clinical trials"), computed exactly:
with no difference between the versions, the number of refusals among the next t jobs is beta-binomial, given
what the former version met before. The boundary at t is the smallest number at which the chance of having
crossed it by then stays within what may be spent by then. More is spent early, for what is very wrong must be
seen within few jobs; never on fewer than LEAST refusals.

Until there are jobs of the former version, a tenth refused is expected, as sure as PRIOR jobs would make it.
`tests/unit/promotion/test_promotion_statistics.py` holds what that gives.
"""

import functools

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# So large a share of watches may end in a false alarm: over refusals, and over requests not accepted.
REFUSAL_ALPHA, REQUEST_ALPHA = 0.035, 0.01
LEAST = 3
EARLY = 0.15
PRIOR = (1.0, 9.0)


@functools.lru_cache(maxsize=64)
def boundary(hits: int, cases: int, *, jobs: int, alpha: float) -> tuple[int, ...]:
    """After job t (the first at place 0), from which number on there were too many; it never falls.

    `hits` of `cases` is what the former version met. No more than `alpha` of watches over `jobs` jobs cross
    it where nothing has changed.
    """
    a, b = PRIOR[0] + hits, PRIOR[1] + cases - hits
    chances, spent, least, found = np.ones(1), 0.0, LEAST, []
    for job in range(1, jobs + 1):
        chances = _next(chances, a, b, job)
        allowed = max(0.0, alpha * (job / jobs) ** EARLY - spent)
        # The chance of at least so many.
        tails = np.append(np.cumsum(chances[::-1])[::-1], 0.0)
        limit = max(least, int(np.argmax(tails <= allowed)))
        found.append(limit)
        spent += float(tails[limit]) if limit < len(tails) else 0.0
        chances, least = chances[:limit], limit
    return tuple(found)


def crossed(marks: list[bool], bounds: tuple[int, ...]) -> int | None:
    """After which job (the first is 1) there first were too many; None where there never were."""
    hits = 0
    for job, (mark, bound) in enumerate(zip(marks, bounds, strict=False), start=1):
        hits += mark
        if hits >= bound:
            return job
    return None


def _next(chances: Floats, a: float, b: float, job: int) -> Floats:
    """The chances of each number after one job more, by Polya's urn."""
    share = (a + np.arange(len(chances))) / (a + b + job - 1)
    after = np.zeros(len(chances) + 1)
    after[:-1] = chances * (1 - share)
    after[1:] += chances * share
    return after
