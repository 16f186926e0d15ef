"""Tick: read the provider's list; store at once what it tells to be drawn, and fill the place it leaves."""

from core.generation.sweep import sweep
from jobs.experiments import feed_experiments
from jobs.store import store_avatars
from jobs.ticker import Worker


def sweep_provider(worker: Worker) -> None:
    swept = sweep(worker.services, worker=worker.id)
    if swept is not None and swept.drawn:
        store_avatars(worker)
        feed_experiments(worker)
