"""Two callers at once, statement by statement: who may go on is decided by a schedule, not by luck.

Every statement and every COMMIT of a caller waits at a gate until the schedule lets it pass. A caller that
waits for a lock in PostgreSQL is noticed, and the other one goes on.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

import psycopg
from sqlalchemy import event

from core.foundation.database import Database
from core.foundation.errors import OperatorError

Stop = Literal["gate", "lock", "done"]
LONGEST_WAIT = 30.0
BLOCKED = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s"


class Caller:
    """One call in a thread of its own; `answer` is what it gave, or the sentence that refused it.

    `ended_early` tells that a turn of it was over before its steps were: a longer turn would change nothing.
    """

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._arrived = threading.Event()
        self._pass = threading.Semaphore(0)
        self._free = False
        self.pid: int | None = None
        self.answer: object = None
        self.error: BaseException | None = None
        self.done = threading.Event()
        self.statements = 0
        self.ended_early = False
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        _local.caller = self
        try:
            self.answer = self._call()
        except OperatorError as exc:
            self.answer = exc
        except BaseException as exc:  # noqa: BLE001 - told to the test
            self.error = exc
        finally:
            self.done.set()
            self._arrived.set()

    def gate(self, pid: int) -> None:
        """Wait until the schedule lets the next statement pass."""
        self.pid = pid
        self.statements += 1
        if self._free:
            return
        self._arrived.set()
        assert self._pass.acquire(timeout=LONGEST_WAIT)

    def begin(self, watch: psycopg.Connection[Any]) -> Stop:
        """Start, up to the first gate."""
        self.thread.start()
        return self._until_it_stops(watch)

    def advance(self, watch: psycopg.Connection[Any]) -> Stop:
        """Let one statement pass, or a blocked one go on, and see where the caller stops then."""
        if self.done.is_set():
            return "done"
        if self._arrived.is_set():
            self._arrived.clear()
            self._pass.release()
        return self._until_it_stops(watch)

    def _until_it_stops(self, watch: psycopg.Connection[Any]) -> Stop:
        until = time.monotonic() + LONGEST_WAIT
        wait = 0.003
        while not self._arrived.wait(wait):
            if self.pid is not None and (row := watch.execute(BLOCKED, (self.pid,)).fetchone()) and row[0]:
                return "lock"
            assert time.monotonic() < until, "a caller neither goes on nor waits for a lock"
        return "done" if self.done.is_set() else "gate"


class _Local(threading.local):
    caller: Caller | None = None


_local = _Local()


@contextlib.contextmanager
def gated(database: Database) -> Iterator[None]:
    """While this lasts, statements of callers wait at their gates; those of others pass."""

    def before(connection: Any, cursor: Any, *_: object) -> None:
        if _local.caller is not None:
            _local.caller.gate(cursor.connection.info.backend_pid)

    def commit(connection: Any) -> None:
        if _local.caller is not None:
            _local.caller.gate(connection.connection.driver_connection.info.backend_pid)

    event.listen(database.engine, "before_cursor_execute", before)
    event.listen(database.engine, "commit", commit)
    try:
        yield
    finally:
        event.remove(database.engine, "before_cursor_execute", before)
        event.remove(database.engine, "commit", commit)


def play(
    database: Database, calls: tuple[Callable[[], object], Callable[[], object]], switches: tuple[int, ...]
) -> tuple[Caller, Caller]:
    """Run two calls by turns: `switches` says after how many statements each turn ends, beginning with the
    first call; afterwards the one whose turn it is goes on to its end, and then the other. Errors of either
    that are no sentence for the operator are raised; a deadlock is one."""
    both = (Caller(calls[0]), Caller(calls[1]))
    url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as watch, gated(database):
        for caller in both:
            caller.begin(watch)
        turn = 0
        for steps in switches:
            for _ in range(steps):
                if both[turn].advance(watch) != "gate":
                    both[turn].ended_early = True
                    break
            turn = 1 - turn
        while not all(caller.done.is_set() for caller in both):
            if both[turn].advance(watch) != "gate":
                turn = 1 - turn
    for caller in both:
        caller.thread.join(LONGEST_WAIT)
        if caller.error is not None:
            raise caller.error
    return both
