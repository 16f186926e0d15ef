"""Tick: send queued generations to the provider."""

from core.generation.submit import claim_to_submit, submit
from jobs.ticker import Worker


def submit_generations(worker: Worker) -> None:
    worker.submitting.fill(
        lambda free: claim_to_submit(worker.services, worker=worker.id, free=free),
        lambda claim: worker.fence(submit(worker.services, claim)),
    )
