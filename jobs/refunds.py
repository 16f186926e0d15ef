"""Ticks: carry out decisions whose time to undo is over, work off decisions on many cases, let time pass."""

from core.desks.refunds.bulk import work_off
from core.desks.refunds.leaving import release_left
from core.refunds.clock import lapse
from core.refunds.intents import carry_out_due
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
