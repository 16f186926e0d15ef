"""A pool of threads that claims work for the free ones, so that no more is claimed than can be done."""

import functools
import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


class Pool:
    """Threads for calls to the outside."""

    def __init__(self, name: str, threads: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._threads = threads
        self._busy = 0
        self._lock = threading.Lock()
        self._filling = threading.Lock()

    def fill(self, claim: Callable[[int], Iterable[T]], work: Callable[[T], None]) -> None:
        """Claim as much as threads are free, and start `work` on each; what it raises is logged, never lost.

        One caller at a time: two ticks that fill the same pool would otherwise count the same free threads.
        """
        with self._filling:
            with self._lock:
                free = self._threads - self._busy
            for each in claim(free) if free else ():
                with self._lock:
                    self._busy += 1
                self._executor.submit(self._do, functools.partial(work, each))

    def _do(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            log.exception("work in a pool thread failed; its lease runs out and it is done again")
        finally:
            with self._lock:
                self._busy -= 1

    def drain(self, seconds: float) -> bool:
        """Wait for what is under way; False when it took longer than `seconds`."""
        marks = [self._executor.submit(lambda: None) for _ in range(self._threads)]
        done, late = wait(marks, timeout=seconds)
        self._executor.shutdown(wait=False, cancel_futures=True)
        return bool(done) and not late
