"""Tick: remove what imports have left that were killed."""

from core.exports.imports import clear_left
from jobs.ticker import Worker

LOOK_SECONDS = 900.0


def clear_left_imports(worker: Worker) -> None:
    clear_left(worker.services.database, worker.services.objects)
