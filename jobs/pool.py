"""A pool of threads that knows how many of them are free, so that no more is claimed than can be done."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

log = logging.getLogger(__name__)


class Pool:
    """Threads for calls to the outside. `free` says how many could start work at once."""

    def __init__(self, name: str, threads: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._threads = threads
        self._busy = 0
        self._lock = threading.Lock()

    @property
    def free(self) -> int:
        with self._lock:
            return self._threads - self._busy

    def run(self, work: Callable[[], None]) -> None:
        """Start `work`; what it raises is logged, never lost."""
        with self._lock:
            self._busy += 1
        self._executor.submit(self._do, work)

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
