"""Ticks: carry out decisions whose time to undo is over, and let time do what it does to cases."""

from core.credits.cases.clock import lapse
from core.credits.cases.intents import carry_out_due
from jobs.ticker import Worker


def carry_out_decisions(worker: Worker) -> None:
    carry_out_due(worker.services.database)


def lapse_cases(worker: Worker) -> None:
    with worker.services.database.transaction() as session:
        lapse(session)
