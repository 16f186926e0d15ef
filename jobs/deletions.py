"""Tick: finish deletions of people that the object store has held up."""

from core.testsets.people import finish_deletions
from jobs.ticker import Worker

LOOK_SECONDS = 900.0


def finish_open_deletions(worker: Worker) -> None:
    finish_deletions(worker.services.database, worker.services.objects)
