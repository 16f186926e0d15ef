"""Tick: send queued generations to the provider."""

import functools

from core.generation.leases import Claim
from core.generation.submit import claim_to_submit, submit
from jobs.ticker import Worker


def submit_generations(worker: Worker) -> None:
    for claim in claim_to_submit(worker.services, worker=worker.id, free=worker.submitting.free):
        worker.submitting.run(functools.partial(_submit, worker, claim))


def _submit(worker: Worker, claim: Claim) -> None:
    worker.fence(submit(worker.services, claim))
