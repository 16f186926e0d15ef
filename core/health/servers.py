"""Database and object store: whether they answer, and how quickly."""

import dataclasses
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.health.crew import TickHealth, WorkerHealth
from core.storage import keys
from core.storage.objects import ObjectStore

# The worker's tick that stores, reads and deletes a tiny object.
PROOF_TICK = "prove_object_store"

FACTS = text(
    "SELECT current_setting('server_version'), pg_database_size(current_database()),"
    " current_setting('max_connections')::int, sum(numbackends)::int FROM pg_stat_database"
)


@dataclasses.dataclass(frozen=True)
class DatabaseHealth:
    """PostgreSQL as it answered: its version, the database's size in bytes, and the connections in use."""

    round_trip: timedelta
    version: str
    size_bytes: int
    connections: int
    most_connections: int


@dataclasses.dataclass(frozen=True)
class StoreHealth:
    """The object store as the worker saw it that looked last; `took` is for a put, a get and a delete."""

    seen_at: datetime
    worker: str
    took: timedelta
    problem: str | None


def database_health(session: Session) -> DatabaseHealth:
    """Ask for the simplest answer, and for some facts."""
    start = time.perf_counter()
    session.execute(text("SELECT 1"))
    round_trip = timedelta(seconds=time.perf_counter() - start)
    version, size, most, connections = session.execute(FACTS).one()
    # Packagers add their own words: "16.4 (Debian 16.4-1)".
    return DatabaseHealth(round_trip, version.split(" ")[0], size, connections, most)


def store_health(found: Sequence[WorkerHealth]) -> StoreHealth | None:
    """What the workers that are alive told last; a problem that one of them has is the answer."""
    told = [(tick, each) for each in found if each.alive for tick in each.ticks if tick.name == PROOF_TICK]
    if not told:
        return None
    tick, seen_by = max(told, key=lambda one: (one[0].problem is not None, one[0].ran_at))
    return _seen(tick, seen_by)


def prove_store(objects: ObjectStore, *, name: str) -> timedelta:
    """Store, read and delete a tiny object now; how long it took. Raises ServiceUnavailable."""
    start = time.perf_counter()
    objects.prove(keys.proof(name))
    return timedelta(seconds=time.perf_counter() - start)


def _seen(tick: TickHealth, seen_by: WorkerHealth) -> StoreHealth:
    return StoreHealth(tick.ran_at, seen_by.worker.id, tick.took, tick.problem)
