"""The workers: who is alive, what each holds, and how its ticks last went."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from core.foundation.leases import NamedLease
from core.generation.workers import WorkerView, workers
from core.settings import Settings
from core.tables.generation import OPEN, Generation

# A silent worker is worth a look for a day, an orderly stop is history after an hour.
SILENT_HOURS = 24.0
STOPPED_FOR = timedelta(hours=1)
LEASES_SHOWN = 12
# A worker that has been gone for longer, and holds nothing, was taken away by somebody.
MISSED_FOR = timedelta(minutes=10)


@dataclasses.dataclass(frozen=True)
class TickHealth:
    """One tick of a worker: when it last ran and succeeded, how long it took, what was wrong."""

    name: str
    ran_at: datetime
    succeeded_at: datetime | None
    took: timedelta
    problem: str | None


@dataclasses.dataclass(frozen=True)
class WorkerHealth:
    """One worker. `leases` are the first of the `held` generations; `duties` what only it does now."""

    worker: WorkerView
    held: int
    leases: Sequence[int]
    duties: Sequence[str]
    ticks: Sequence[TickHealth]
    silent_for: timedelta

    @property
    def missed(self) -> bool:
        """Whether it vanished lately without a farewell, or still holds something."""
        return self.worker.state == "silent" and (self.held > 0 or self.silent_for < MISSED_FOR)

    @property
    def alive(self) -> bool:
        return self.worker.state == "alive"

    @property
    def problems(self) -> list[TickHealth]:
        """The ticks whose last run failed."""
        return [tick for tick in self.ticks if tick.problem]


def crew(session: Session, settings: Settings, *, now: datetime) -> list[WorkerHealth]:
    """The workers of the last day, the alive ones first."""
    seen = workers(session, heartbeat_seconds=settings.heartbeat_seconds, since_hours=SILENT_HOURS)
    kept = [each for each in seen if each.state != "stopped" or each.beat_at > now - STOPPED_FOR]
    held = _held(session)
    duties = _duties(session, now)
    found = [
        WorkerHealth(
            worker=each,
            held=held.get(each.id, (0, []))[0],
            leases=held.get(each.id, (0, []))[1],
            duties=duties.get(each.id, []),
            ticks=_ticks(each.ticks),
            silent_for=now - each.beat_at,
        )
        for each in kept
    ]
    order = ("alive", "silent", "stopped")
    return sorted(found, key=lambda each: (order.index(each.worker.state), -each.worker.beat_at.timestamp()))


def _held(session: Session) -> dict[str, tuple[int, list[int]]]:
    """By worker, what it holds; what a dead one held stays its own until another takes it over."""
    ids = func.array_agg(aggregate_order_by(Generation.id, Generation.id))
    rows = session.execute(
        select(Generation.lease_owner, func.count(), ids)
        .where(Generation.state.in_(OPEN), Generation.lease_owner.is_not(None))
        .group_by(Generation.lease_owner)
    )
    return {owner: (count, list(found)[:LEASES_SHOWN]) for owner, count, found in rows if owner}


def _duties(session: Session, now: datetime) -> dict[str, list[str]]:
    rows = session.execute(
        select(NamedLease.owner, NamedLease.name)
        .where(NamedLease.owner.is_not(None), NamedLease.lease_until >= now)
        .order_by(NamedLease.name)
    )
    found: dict[str, list[str]] = {}
    for owner, name in rows:
        found.setdefault(owner or "", []).append(name)
    return found


def _ticks(told: Mapping[str, Any]) -> list[TickHealth]:
    return [
        TickHealth(
            name=name,
            ran_at=datetime.fromtimestamp(tick["at"], UTC),
            succeeded_at=datetime.fromtimestamp(tick["ok_at"], UTC) if "ok_at" in tick else None,
            took=timedelta(seconds=tick["seconds"]),
            problem=tick["problem"],
        )
        for name, tick in sorted(told.items())
    ]
