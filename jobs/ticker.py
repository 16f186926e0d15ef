"""A worker: APScheduler ticks over the core's functions, with pools of threads and a sign of life.

All state is in the database, guarded by leases, so any number of workers may run, here and on other machines.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler

from core.foundation.errors import ServiceUnavailable, StillKept
from core.generation.workers import beat, farewell, new_worker_id
from core.provider.errors import ProviderError
from core.services import Services
from jobs.pool import Pool

log = logging.getLogger(__name__)

# A tick that is skipped because its last run is still under way is no news.
logging.getLogger("apscheduler").setLevel(logging.ERROR)

Tick = Callable[["Worker"], None]


class Worker:
    """One worker process (or the one inside the app): pools of threads, ticks, and a sign of life."""

    def __init__(self, services: Services, schedule: "Sequence[tuple[Tick, float]]") -> None:
        self.services = services
        self._schedule = schedule
        self.id = new_worker_id()
        threads = services.settings.worker_threads
        self.submitting = Pool("submit", threads)
        self.storing = Pool("store", threads)
        self._fenced = 0
        self._ticks: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._stopping = False
        self._scheduler = BackgroundScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(16)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
        )

    def start(self) -> None:
        """Begin ticking; returns at once."""
        self.sign_of_life()
        for tick, seconds in self._schedule:
            self._scheduler.add_job(self._run, "interval", [tick], seconds=seconds, id=tick.__name__)
        self._scheduler.start()
        log.info("worker %s is at work", self.id)

    def stop(self) -> None:
        """Claim nothing more, finish what is under way, give the rest back."""
        self._stopping = True
        self._scheduler.shutdown(wait=True)
        patience = self.services.settings.provider_timeout_seconds
        finished = [pool.drain(patience) for pool in (self.submitting, self.storing)]
        try:
            with self.services.database.transaction() as session:
                released = farewell(session, worker=self.id)
        except ServiceUnavailable:
            log.warning("the database is away; leases of %s run out by themselves", self.id)
            return
        log.info("worker %s stopped, finished=%s, leases given back: %d", self.id, all(finished), released)

    def fence(self, held: bool) -> None:
        """Count a late write that was refused because another worker has the generation now."""
        if not held:
            with self._lock:
                self._fenced += 1

    def sign_of_life(self) -> None:
        """Write the heartbeat row."""
        with self._lock:
            fenced, told = self._fenced, dict(self._ticks)
        with self.services.database.transaction() as session:
            beat(session, worker=self.id, fenced_writes=fenced, ticks=told)

    def _run(self, tick: Tick) -> None:
        if self._stopping:
            return
        began = time.time()
        try:
            tick(self)
        except (ServiceUnavailable, StillKept, ProviderError) as exc:
            self._note(tick, began, problem=str(exc))
            log.warning("%s: %s", tick.__name__, exc)
        except Exception as exc:
            self._note(tick, began, problem=type(exc).__name__)
            log.exception("%s failed", tick.__name__)
        else:
            self._note(tick, began)

    def _note(self, tick: Tick, began: float, problem: str | None = None) -> None:
        with self._lock:
            told = self._ticks.setdefault(tick.__name__, {})
            told |= {"at": began, "seconds": round(time.time() - began, 3), "problem": problem}
            if problem is None:
                told["ok_at"] = began
