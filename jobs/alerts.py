"""Ticks: look at the alert rules; the ledger's, which reads all of it, apart from the others."""

from core.failures.alerts.evaluate import evaluate_in_turn
from jobs.ticker import Worker


def evaluate_alerts(worker: Worker) -> None:
    evaluate_in_turn(worker.services, worker=worker.id)


def evaluate_books(worker: Worker) -> None:
    evaluate_in_turn(worker.services, worker=worker.id, books=True)
