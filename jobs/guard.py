"""Tick: look at the watch over what was promoted last."""

from core.promotion.guard import look
from jobs.ticker import Worker


def guard_promotion(worker: Worker) -> None:
    look(worker.services.database)
