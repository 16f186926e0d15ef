"""Tick: send what waits in the outbox."""

from core.notifications.outbox import deliver_due
from jobs.ticker import Worker


def send_notifications(worker: Worker) -> None:
    deliver_due(worker.services)
