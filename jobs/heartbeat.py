"""Tick: the worker's sign of life."""

from jobs.ticker import Worker


def beat_heart(worker: Worker) -> None:
    worker.sign_of_life()
