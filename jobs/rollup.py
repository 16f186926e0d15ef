"""Tick: count what has ended and failed, for charts and error groups."""

from core.rollups.absorb import absorb_in_turn
from jobs.ticker import Worker


def roll_up(worker: Worker) -> None:
    settings = worker.services.settings
    absorb_in_turn(
        worker.services.database,
        worker=worker.id,
        every_seconds=settings.rollup_interval_seconds,
        lease_seconds=settings.lease_seconds,
    )
