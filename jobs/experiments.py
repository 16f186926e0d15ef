"""Tick: buy the missing images of running experiments."""

from core.experiments.feed import feed
from jobs.submit import submit_generations
from jobs.ticker import Worker


def feed_experiments(worker: Worker) -> None:
    if feed(worker.services.database, worker.services.settings):
        submit_generations(worker)
