"""Tick: look at the alert rules."""

from core.alerts.evaluate import evaluate_in_turn
from jobs.ticker import Worker


def evaluate_alerts(worker: Worker) -> None:
    evaluate_in_turn(worker.services, worker=worker.id)
