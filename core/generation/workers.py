"""Workers as the desk sees them: who is alive, since when, and what they did last."""

import dataclasses
import os
import socket
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.foundation.clock import NOW
from core.generation.leases import release_all
from core.tables.generation import WorkerBeat

VERSION = "0.1.0"
# A worker that missed this many beats is called silent.
BEATS_UNTIL_SILENT = 3


@dataclasses.dataclass(frozen=True)
class WorkerView:
    """One worker as the desk shows it."""

    id: str
    host: str
    pid: int
    version: str
    started_at: datetime
    beat_at: datetime
    state: str  # alive, silent, stopped
    fenced_writes: int
    ticks: dict[str, Any]


def new_worker_id() -> str:
    """A name that stays apart from that of any other worker, on the same host too."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:6]}"


def beat(session: Session, *, worker: str, fenced_writes: int, ticks: dict[str, Any]) -> None:
    """Leave a sign of life."""
    fresh = {"beat_at": NOW, "stopped_at": None, "fenced_writes": fenced_writes, "ticks": ticks}
    session.execute(
        insert(WorkerBeat)
        .values(id=worker, host=socket.gethostname(), pid=os.getpid(), version=VERSION, **fresh)
        .on_conflict_do_update(index_elements=["id"], set_=fresh)
    )


def farewell(session: Session, *, worker: str) -> int:
    """Stop orderly: give all leases back; says how many there were."""
    released = release_all(session, worker=worker)
    session.execute(update(WorkerBeat).where(WorkerBeat.id == worker).values(stopped_at=NOW, beat_at=NOW))
    return released


def workers(session: Session, *, heartbeat_seconds: float, since_hours: float = 24) -> list[WorkerView]:
    """The workers that were alive lately, the latest sign of life first."""
    now: datetime = session.scalars(select(func.clock_timestamp())).one()
    rows = session.scalars(
        select(WorkerBeat)
        .where(WorkerBeat.beat_at > now - timedelta(hours=since_hours))
        .order_by(WorkerBeat.beat_at.desc())
    )
    silent_before = now - timedelta(seconds=BEATS_UNTIL_SILENT * heartbeat_seconds)
    return [_view(row, silent_before) for row in rows]


def _view(row: WorkerBeat, silent_before: datetime) -> WorkerView:
    state = "silent" if row.beat_at < silent_before else "alive"
    return WorkerView(
        id=row.id,
        host=row.host,
        pid=row.pid,
        version=row.version,
        started_at=row.started_at,
        beat_at=row.beat_at,
        state=state if row.stopped_at is None else "stopped",
        fenced_writes=row.fenced_writes,
        ticks=row.ticks,
    )
