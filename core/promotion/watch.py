"""How a promoted version stands against the one before it; pure. Asked after every job, see `sequential`."""

import dataclasses
from collections.abc import Callable, Sequence

from core.foundation.statistics.rates import Rate
from core.foundation.wording import count
from core.promotion.live import Counts, Job
from core.promotion.sequential import REFUSAL_ALPHA, REQUEST_ALPHA, boundary, crossed


@dataclasses.dataclass(frozen=True)
class Sign:
    """One thing that is watched: what it is called, when a job shows it, and what the former version met."""

    words: str
    alpha: float
    shows: Callable[[Job], bool]
    former: Callable[[Counts], Rate]


SIGNS = (
    Sign("refused", REFUSAL_ALPHA, lambda job: job.refused, lambda told: told.refusals),
    Sign("not accepted as requests", REQUEST_ALPHA, lambda job: job.not_accepted, lambda told: told.requests),
)


@dataclasses.dataclass(frozen=True)
class Regress:
    """What went wrong too often: `hits` of the first `jobs`."""

    sign: Sign
    hits: int
    jobs: int
    former: Rate

    def sentence(self, title: str, former_title: str) -> str:
        """With both versions' figures, and no word that a reader has to look up."""
        now = (
            f"{self.hits:,} of the first {count(self.jobs, 'customer job')} of {title} were {self.sign.words}"
        )
        if not self.former.cases:
            return f"{now}; {former_title} had no jobs in the 30 days before to compare with."
        low, high = 100 * self.former.interval.low, 100 * self.former.interval.high
        return (
            f"{now}; of {former_title} {self.former.hits:,} of {self.former.cases:,} were "
            f"({low:.0f} to {high:.0f} %)."
        )


def regressed(former: Counts, jobs: Sequence[Job], *, most: int) -> Regress | None:
    """What crossed its boundary within the first `most` jobs; None where nothing did.

    Jobs stand in the order in which they were asked for, and one under way counts as one that went well: a
    refusal comes within seconds and a picture within a minute, so in the order of their ends the refusals
    would run ahead.
    """
    counted = [job for job in jobs if job.counts][:most]
    for sign in SIGNS:
        rate = sign.former(former)
        bounds = boundary(rate.hits, rate.cases, jobs=most, alpha=sign.alpha)
        marks = [sign.shows(job) for job in counted]
        if (job := crossed(marks, bounds)) is not None:
            return Regress(sign, sum(marks[:job]), job, rate)
    return None


def too_many(former: Counts, jobs: Sequence[Job], *, most: int) -> int:
    """From how many refusals on the next job would be one too many."""
    bounds = boundary(former.refused, former.cases, jobs=most, alpha=REFUSAL_ALPHA)
    done = sum(job.counts for job in jobs)
    return bounds[min(done, most - 1)]
