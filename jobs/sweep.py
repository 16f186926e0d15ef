"""Tick: read the provider's list; fill at once the places that pictures have left, and store those."""

from core.generation.sweep import sweep
from jobs.experiments import feed_experiments
from jobs.store import store_avatars
from jobs.ticker import Worker


def sweep_provider(worker: Worker) -> None:
    swept = sweep(worker.services, worker=worker.id)
    if swept is not None and swept.drawn:
        # An empty place at the provider costs time; a drawn picture is kept there for an hour.
        feed_experiments(worker)
        store_avatars(worker)
