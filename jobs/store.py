"""Tick: fetch, check and keep what the provider has drawn."""

from core.generation.store import claim_to_store, store
from jobs.ticker import Worker


def store_avatars(worker: Worker) -> None:
    worker.storing.fill(
        lambda free: claim_to_store(worker.services, worker=worker.id, free=free),
        lambda claim: worker.fence(store(worker.services, claim)),
    )
