"""What the engine costs per generation: processor time, database commits, requests to the provider.

    python -m bench.bench_engine_cost

Method: as bench_finish; once 50 generations in flight at the same time, once three, one after another.
Processor time is `time.process_time()` of this process, which runs the worker, from the first request to the
end of the last generation, less the bench's own thread (`time.thread_time()`) and less what the threads of
the worker spend in `check_and_decode` and `thumbnail_of` (wrapped, `time.thread_time()` around each call);
libraries that start threads of their own within these calls would be counted against the engine. Reading the
provider's list is measured the same way, and told apart. Commits are the difference of
`pg_stat_database.xact_commit` with all connections closed on both ends, so that every backend has reported,
less the bench's own looks; they include transactions that only read and the pool's check of each connection.
Writing ones are the difference of `pg_snapshot_xmax(pg_current_snapshot())`.
Requests are counted by the gateway. First the same worker is
measured with nothing to do. The rival in the same run: one GET per prediction every 5 s.
"""

import dataclasses
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg

import core.generation.store
from bench.support.desk import BenchDesk, bench_desk
from bench.support.naive import EVERY_SECONDS, NaivePoller
from jobs.schedule import ticks
from jobs.ticker import Worker

RUNS = ((50, 1), (1, 3))  # in flight, and how often in a row
IDLE_SECONDS = 20


class Meter:
    """Processor seconds spent in wrapped functions, by name."""

    def __init__(self) -> None:
        self._seconds: Counter[str] = Counter()
        self._lock = threading.Lock()

    def wrap(self, owner: object, name: str, label: str) -> None:
        """Count what calls of this attribute spend, from now on."""
        act: Callable[..., Any] = getattr(owner, name)

        def metered(*given: Any, **named: Any) -> Any:
            begun = time.thread_time()
            try:
                return act(*given, **named)
            finally:
                with self._lock:
                    self._seconds[label] += time.thread_time() - begun  # type: ignore[assignment]

        setattr(owner, name, metered)

    def read(self) -> dict[str, float]:
        with self._lock:
            return dict(self._seconds)


@dataclasses.dataclass(frozen=True)
class Cost:
    """Of a whole run. Processor time in seconds."""

    generations: int
    seconds: float
    processor: float
    images: float
    listing: float
    commits: int
    writes: int
    requests: dict[str, int]


def main() -> None:
    meter = Meter()
    meter.wrap(core.generation.store, "check_and_decode", "images")
    meter.wrap(core.generation.store, "thumbnail_of", "images")
    with bench_desk() as desk:
        meter.wrap(desk.services.gateway, "list_since", "listing")
        show_idle(measure(desk, meter, 0, 1, 0))
        done = 0
        for in_flight, times in RUNS:
            cost = measure(desk, meter, in_flight, times, done)
            done += cost.generations
            show(in_flight, cost)
            asked = Counter[str]()
            for _ in range(times):
                asked.update(NaivePoller(desk).run(in_flight))
            print(
                f"  rival, one GET per prediction every {EVERY_SECONDS:.0f} s: {per(asked, cost.generations)}"
            )


def measure(desk: BenchDesk, meter: Meter, in_flight: int, times: int, done: int) -> Cost:
    """Run `times` batches of `in_flight` generations, one batch after another."""
    commits, writes = transactions(desk)
    looks = desk.looks
    metered, requests = meter.read(), desk.services.gateway.requests
    worker = Worker(desk.services, ticks(desk.services.settings))
    worker.start()
    begun, processor, own = time.perf_counter(), time.process_time(), time.thread_time()
    for batch in range(times):
        for number in range(in_flight):
            desk.ask(number)
        desk.wait_for(done + (batch + 1) * in_flight)
    if not in_flight:
        time.sleep(IDLE_SECONDS)
    own = time.thread_time() - own
    processor, seconds = time.process_time() - processor - own, time.perf_counter() - begun
    worker.stop()
    commits_now, writes_now = transactions(desk)
    spent = {name: value - metered.get(name, 0.0) for name, value in meter.read().items()}
    asked = desk.services.gateway.requests
    return Cost(
        generations=in_flight * times,
        seconds=seconds,
        processor=processor,
        images=spent.get("images", 0.0),
        listing=spent.get("listing", 0.0),
        commits=commits_now - commits - (desk.looks - looks),
        writes=writes_now - writes,
        requests={name: asked[name] - requests.get(name, 0) for name in asked},
    )


def transactions(desk: BenchDesk) -> tuple[int, int]:
    """The database's commits so far, and how many transactions wrote something; all of ours included."""
    desk.services.database.dispose()
    # A backend that ends reports a moment after its client has left.
    time.sleep(0.5)
    query = (
        "SELECT xact_commit, pg_snapshot_xmax(pg_current_snapshot())::text::bigint FROM pg_stat_database"
        " WHERE datname = current_database()"
    )
    with psycopg.connect(desk.url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def show_idle(cost: Cost) -> None:
    print(f"nothing to do for {cost.seconds:.0f} s; per second:")
    print(f"  processor {cost.processor / cost.seconds * 1000:.0f} ms")
    print(f"  commits {cost.commits / cost.seconds:.1f}, writing {cost.writes / cost.seconds:.1f}")
    print(f"  requests to the provider: {sum(cost.requests.values())}")


def show(in_flight: int, cost: Cost) -> None:
    count = cost.generations
    engine, images, listing = cost.processor - cost.images, cost.images, cost.listing
    print(f"{in_flight} in flight, {count} generations in {cost.seconds:.0f} s; per generation:")
    print(
        f"  processor {engine / count * 1000:.0f} ms, {listing / count * 1000:.0f} ms of it to read the list"
    )
    print(f"  image work, not counted in it, {images / count * 1000:.0f} ms")
    print(f"  commits {cost.commits / count:.1f}, writing {cost.writes / count:.1f}")
    print(f"  requests to the provider: {per(cost.requests, count)}")


def per(requests: dict[str, int], count: int) -> str:
    """Requests per generation, in all and by operation."""
    told = ", ".join(f"{name} {number / count:.2f}" for name, number in sorted(requests.items()) if number)
    return f"{sum(requests.values()) / count:.2f} ({told})"


if __name__ == "__main__":
    main()
