"""What customers' jobs of a version came to: refusals, requests that were not accepted, time and money.

Experiments and previews are no customers' jobs, and a retry of a refused job is no new job. What the provider
or our own servers are to blame for says nothing about a prompt, so such jobs leave the count; they are shown.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from core.classification.taxonomy import FailureClass
from core.foundation.statistics.rates import Rate
from core.tables.generation import OPEN, Generation, RenderAttempt, State

REFUSED = FailureClass.CONTENT_POLICY
# The one other class that a version itself brings about: its model does not take its parameters or its text.
# A provider's outage, our network, storage and accounts, and what nobody knows the cause of blame no version.
NOT_ACCEPTED = FailureClass.INVALID_INPUT
# The former version's jobs that it is held against.
LOOKED_BACK = timedelta(days=30)
MOST_FORMER = 1_000


@dataclasses.dataclass(frozen=True)
class Job:
    """One customer's job. `open` while it has no end yet."""

    id: int
    state: str
    failure_class: str | None

    @property
    def open(self) -> bool:
        return self.state in OPEN

    @property
    def refused(self) -> bool:
        return self.failure_class == REFUSED

    @property
    def not_accepted(self) -> bool:
        return self.failure_class == NOT_ACCEPTED

    @property
    def counts(self) -> bool:
        """Whether it says something about its version; open ones may yet."""
        return self.open or self.state == State.SUCCEEDED or self.refused or self.not_accepted


@dataclasses.dataclass(frozen=True)
class Counts:
    """Ended jobs that count, and how many of them went wrong; `others` failed by no fault of the version."""

    cases: int
    refused: int
    not_accepted: int
    others: int = 0

    @property
    def refusals(self) -> Rate:
        return Rate(self.refused, self.cases)

    @property
    def requests(self) -> Rate:
        return Rate(self.not_accepted, self.cases)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Counts":
        return cls(**{field.name: int(told.get(field.name, 0)) for field in dataclasses.fields(cls)})


@dataclasses.dataclass(frozen=True)
class Spread:
    """The median with its 95 % interval, in seconds; None with too few pictures for one."""

    median: float | None
    low: float | None
    high: float | None


@dataclasses.dataclass(frozen=True)
class Figures:
    """One version's jobs in one time: counts, seconds from submission to the picture, dollars an avatar."""

    counts: Counts
    under_way: int
    took: Spread
    cost_usd: Decimal | None


def jobs_since(session: Session, version_id: int, since: datetime, *, after_id: int, most: int) -> list[Job]:
    """A version's jobs asked for since a moment and with a higher number, in the order of these."""
    later = (Generation.id > after_id, Generation.created_at >= since)
    query = _jobs(version_id, *later).order_by(Generation.id).limit(most)
    return [Job(*row) for row in session.execute(query)]


def former_jobs(session: Session, version_id: int, before: datetime) -> list[Job]:
    """A version's latest ended jobs before a moment."""
    within = Generation.created_at.between(before - LOOKED_BACK, before)
    ended = Generation.finished_at <= before
    query = _jobs(version_id, within, ended).order_by(Generation.id.desc()).limit(MOST_FORMER)
    return [Job(*row) for row in session.execute(query)]


def counts(jobs: Sequence[Job]) -> Counts:
    """The counts of what has ended."""
    ended = [each for each in jobs if not each.open]
    return Counts(
        cases=sum(each.counts for each in ended),
        refused=sum(each.refused for each in ended),
        not_accepted=sum(each.not_accepted for each in ended),
        others=sum(each.state == State.FAILED and not each.counts for each in ended),
    )


def figures(session: Session, jobs: Sequence[Job]) -> Figures:
    """Counts, times and money of these jobs."""
    took = func.extract("epoch", RenderAttempt.completed_at - RenderAttempt.submitted_at)
    query = (
        select(took, func.coalesce(RenderAttempt.cost_usd, Generation.price_usd))
        .join(Generation, Generation.id == RenderAttempt.generation_id)
        .where(
            RenderAttempt.generation_id.in_([each.id for each in jobs]),
            RenderAttempt.status == "succeeded",
            Generation.state == State.SUCCEEDED,
        )
    )
    rows = session.execute(query).all()
    paid = [Decimal(cost) for _, cost in rows if cost is not None]
    return Figures(
        counts=counts(jobs),
        under_way=sum(each.open for each in jobs),
        took=spread([float(seconds) for seconds, _ in rows if seconds is not None]),
        cost_usd=sum(paid, Decimal(0)) / len(paid) if paid else None,
    )


def spread(values: Sequence[float]) -> Spread:
    """The median, and the two ordered values that hold the true one between them with 95 % or more.

    By the binomial distribution of how many values lie below it, whatever the values' own distribution.
    """
    ordered = sorted(values)
    count = len(ordered)
    if not count:
        return Spread(None, None, None)
    middle = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
    tail, chance, place = 0.0, 0.5**count, 0
    while tail + chance <= 0.025:
        tail += chance
        chance *= (count - place) / (place + 1)
        place += 1
    if not place:
        return Spread(middle, None, None)
    return Spread(middle, ordered[place - 1], ordered[count - place])


def _jobs(version_id: int, *wanted: ColumnElement[bool]) -> Select[int, str, str | None]:
    return select(Generation.id, Generation.state, Generation.failure_class).where(
        Generation.prompt_version_id == version_id,
        Generation.purpose == "avatar",
        Generation.retry_of.is_(None),
        Generation.state != State.CANCELED,
        *wanted,
    )
