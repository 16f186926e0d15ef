"""Ticks: carry out decisions whose time to undo is over, work off decisions on many cases, let time pass."""

from core.credits.cases.bulk import work_off
from core.credits.cases.clock import lapse
from core.credits.cases.intents import carry_out_due
from core.credits.cases.leaving import release_left
from jobs.ticker import Worker


def carry_out_decisions(worker: Worker) -> None:
    carry_out_due(worker.services.database)


def lapse_cases(worker: Worker) -> None:
    lapse(worker.services.database)


def decide_batches(worker: Worker) -> None:
    work_off(worker.services.database)


def give_back_left_cases(worker: Worker) -> None:
    with worker.services.database.transaction() as session:
        release_left(session)
