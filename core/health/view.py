"""The health of the desk at this moment: workers, queue, provider, servers, and what is stuck."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.generation.workers import BEATS_UNTIL_SILENT
from core.health.clock import ClockHealth, clock_health
from core.health.crew import WorkerHealth, crew
from core.health.outbox import OutboxHealth, outbox_health
from core.health.provider import ApiUse, SweepHealth, api_use, sweep_health
from core.health.queue import Depth, depths, lag
from core.health.servers import DatabaseHealth, StoreHealth, database_health, store_health
from core.health.stuck import StuckGenerations, stuck_generations
from core.settings import Settings


@dataclasses.dataclass(frozen=True)
class Health:
    """All of it; one of these is one look. `store` is None while no worker has told about it."""

    now: datetime
    workers: Sequence[WorkerHealth]
    queue: Sequence[Depth]
    stuck: StuckGenerations
    budgets: Sequence[ApiUse]
    sweep: SweepHealth
    clock: ClockHealth
    outbox: OutboxHealth
    database: DatabaseHealth
    store: StoreHealth | None

    @property
    def lag(self) -> timedelta | None:
        """For how long the oldest due work has been waiting for a worker."""
        return lag(self.queue)

    @property
    def alive(self) -> int:
        return sum(each.alive for each in self.workers)

    @property
    def missed(self) -> list[WorkerHealth]:
        """Workers that vanished lately, or still hold something."""
        return [each for each in self.workers if each.missed]


def health(session: Session, settings: Settings) -> Health:
    """Look once."""
    now = session.scalars(select(func.clock_timestamp())).one()
    found = crew(session, settings, now=now)
    return Health(
        now=now,
        workers=found,
        queue=depths(session, now=now),
        stuck=stuck_generations(
            session,
            settings,
            now=now,
            patience=timedelta(seconds=BEATS_UNTIL_SILENT * settings.heartbeat_seconds),
            workers_alive=any(each.alive for each in found),
            silent=[each.worker.id for each in found if each.worker.state == "silent"],
        ),
        budgets=api_use(session, now=now),
        sweep=sweep_health(session, settings, now=now),
        clock=clock_health(session, settings, now=now),
        outbox=outbox_health(session, now=now),
        database=database_health(session),
        store=store_health(found),
    )
