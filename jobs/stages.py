"""Tick: start the next stage of plans whose votes are in."""

from core.experiments.stages import carry_on_plans
from jobs.ticker import Worker


def carry_on_stages(worker: Worker) -> None:
    carry_on_plans(worker.services.database, worker.services.settings)
