"""Tick: fetch, check and keep what the provider has drawn."""

import functools

from core.generation.leases import Claim
from core.generation.store import claim_to_store, store
from jobs.ticker import Worker


def store_avatars(worker: Worker) -> None:
    free = worker.storing.free
    if free < 1:
        return
    for claim in claim_to_store(worker.services, worker=worker.id, free=free):
        worker.storing.run(functools.partial(_store, worker, claim))


def _store(worker: Worker, claim: Claim) -> None:
    worker.fence(store(worker.services, claim))
