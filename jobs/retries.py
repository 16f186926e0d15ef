"""Tick: ask for the retries of confirmed batches."""

from core.monitoring.retries.work import work_off
from jobs.ticker import Worker


def make_retries(worker: Worker) -> None:
    work_off(worker.services.database, worker.services.settings)
