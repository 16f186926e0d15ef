"""Tick: check delivered avatars."""

from core.images.checks.service import check_in_turn
from jobs.ticker import Worker


def check_avatars(worker: Worker) -> None:
    services = worker.services
    every = services.settings.rollup_interval_seconds
    check_in_turn(services.database, services.objects, worker=worker.id, every_seconds=every)
