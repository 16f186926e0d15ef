"""Ticks: seal the ledger and copy the seals outside; check the books."""

import logging

from core.ledger.books.records import check_in_turn
from core.ledger.seals import anchor_seals, seal_ledger
from jobs.ticker import Worker

log = logging.getLogger(__name__)

SEAL_SECONDS = 60
# How often a worker asks whether a check is due.
LOOK_SECONDS = 30


def seal_the_ledger(worker: Worker) -> None:
    services = worker.services
    seal_ledger(services.database, services.objects)
    anchor_seals(services.database, services.objects)


def check_the_books(worker: Worker) -> None:
    services = worker.services
    check = check_in_turn(services.database, services.objects, worker=worker.id)
    if check is not None and check.findings:
        log.error("%s check of the books: %d findings", check.kind, check.findings)
