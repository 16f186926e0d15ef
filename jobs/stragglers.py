"""Ticks for what the list does not settle."""

from core.generation.stragglers import check_stragglers, end_overdue, stop_unwanted
from jobs.ticker import Worker


def ask_for_stragglers(worker: Worker) -> None:
    check_stragglers(worker.services)


def stop_unwanted_predictions(worker: Worker) -> None:
    stop_unwanted(worker.services)


def end_overdue_generations(worker: Worker) -> None:
    end_overdue(worker.services)
