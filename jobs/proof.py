"""Tick: prove that this worker can use the object store; the Health page shows what came of it."""

from core.health.servers import prove_store
from jobs.ticker import Worker


def prove_object_store(worker: Worker) -> None:
    prove_store(worker.services.objects, name=worker.id)
