"""How the desk stands at this moment: the queue, today's outcomes, workers, and what is not set up."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.classification.taxonomy import TAXONOMY, FailureClass
from core.desks.generations.notices import Notice, notices
from core.desks.generations.views import GenerationRow, latest
from core.generation.workers import WorkerView, workers
from core.prompts.retired import Retirements, retirements
from core.settings import Settings
from core.tables.generation import ENDED, OPEN, Generation, State
from core.tables.provider import ApiBudget

HOURS = 24
# A worker that stopped, or fell silent, longer ago is history and no news.
FORGOTTEN_AFTER_HOURS = 1.0


@dataclasses.dataclass(frozen=True)
class Standing:
    """How many are in one state, and for how long the oldest of them has been."""

    state: State
    count: int
    oldest: timedelta | None


@dataclasses.dataclass(frozen=True)
class ClassCount:
    """How often something failed today, and why."""

    failure_class: FailureClass
    title: str
    count: int


@dataclasses.dataclass(frozen=True)
class Today:
    """What ended since midnight at the operator's place."""

    succeeded: int
    failed: int
    canceled: int
    classes: Sequence[ClassCount]

    @property
    def ended(self) -> int:
        return self.succeeded + self.failed + self.canceled

    @property
    def success_rate(self) -> float | None:
        """Of those that ended by themselves; None before the first."""
        tried = self.succeeded + self.failed
        return self.succeeded / tried if tried else None


@dataclasses.dataclass(frozen=True)
class Pause:
    """The provider asked us to wait with one kind of request (`create` or `read`)."""

    kind: str
    left: timedelta


@dataclasses.dataclass(frozen=True)
class Hour:
    """What ended in one hour from `start`."""

    start: datetime
    succeeded: int = 0
    failed: int = 0
    canceled: int = 0


@dataclasses.dataclass(frozen=True)
class Overview:
    """All of it; one of these is one look."""

    now: datetime
    standings: Sequence[Standing]
    today: Today
    workers: Sequence[WorkerView]
    pauses: Sequence[Pause]
    notices: Sequence[Notice]
    retirements: Retirements
    hours: Sequence[Hour]
    latest: Sequence[GenerationRow]
    erasures: int

    @property
    def queued(self) -> int:
        return self._count(State.QUEUED)

    @property
    def in_flight(self) -> int:
        return self._count(State.SUBMITTING) + self._count(State.RENDERING) + self._count(State.STORING)

    @property
    def fresh(self) -> bool:
        """Whether nothing was ever generated here."""
        return not self.latest

    @property
    def workers_alive(self) -> int:
        return sum(worker.state == "alive" for worker in self.workers)

    def _count(self, state: State) -> int:
        return sum(standing.count for standing in self.standings if standing.state is state)


def overview(session: Session, settings: Settings, *, zone: tzinfo, strip: int = 8) -> Overview:
    """Look once, with the `strip` latest generations. `zone` is where the operator's day begins."""
    now = session.scalars(select(func.clock_timestamp())).one()
    day = now.astimezone(zone).date()
    newest = latest(session, limit=strip)
    return Overview(
        now=now,
        standings=_standings(session, now),
        today=_today(session, now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)),
        workers=workers(
            session, heartbeat_seconds=settings.heartbeat_seconds, since_hours=FORGOTTEN_AFTER_HOURS
        ),
        pauses=_pauses(session, now),
        notices=notices(settings, day),
        retirements=retirements(session, today=day),
        hours=_hours(session, now.astimezone(zone)),
        latest=newest.rows,
        erasures=newest.erasures,
    )


def _standings(session: Session, now: datetime) -> list[Standing]:
    found = {
        state: (count, now - since)
        for state, count, since in session.execute(
            select(Generation.state, func.count(), func.min(Generation.state_since))
            .where(Generation.state.in_(OPEN))
            .group_by(Generation.state)
        )
    }
    return [Standing(state, *found.get(state, (0, None))) for state in OPEN]


def _today(session: Session, midnight: datetime) -> Today:
    counts = session.execute(
        select(Generation.state, Generation.failure_class, func.count())
        .where(Generation.finished_at >= midnight)
        .group_by(Generation.state, Generation.failure_class)
    ).all()
    of = {state: sum(n for found, _, n in counts if found == state) for state in ENDED}
    classes = [
        ClassCount(FailureClass(name), TAXONOMY[FailureClass(name)].title, n)
        for state, name, n in counts
        if state == State.FAILED and name
    ]
    return Today(
        succeeded=of[State.SUCCEEDED],
        failed=of[State.FAILED],
        canceled=of[State.CANCELED],
        classes=sorted(classes, key=lambda each: (-each.count, each.title)),
    )


def _pauses(session: Session, now: datetime) -> list[Pause]:
    paused = select(ApiBudget).where(ApiBudget.paused_until > now).order_by(ApiBudget.kind)
    return [Pause(row.kind, row.paused_until - now) for row in session.scalars(paused) if row.paused_until]


def _hours(session: Session, now: datetime) -> list[Hour]:
    """The last 24 hours on the operator's clock, the running one last; quiet hours count zero."""
    running = now.replace(minute=0, second=0, microsecond=0)
    # Whole hours back from this one: no names of time zones in SQL, and half-hour zones come out right.
    starts = [running - timedelta(hours=back) for back in reversed(range(HOURS))]
    # A subquery, because PostgreSQL takes two parameters of GROUP BY and SELECT for two expressions.
    binned = select(
        func.date_bin(timedelta(hours=1), Generation.finished_at, running).label("start"), Generation.state
    ).where(Generation.finished_at >= starts[0])
    bins = binned.subquery()
    counts = session.execute(
        select(bins.c.start, bins.c.state, func.count()).group_by(bins.c.start, bins.c.state)
    )
    found: dict[datetime, dict[str, int]] = {}
    for start, state, n in counts:
        found.setdefault(start, {})[state] = n
    return [Hour(start, **found.get(start, {})) for start in starts]
