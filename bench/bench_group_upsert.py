"""One hot error group that 8 writers fail into at once, beside an upsert that counts while it fails.

    python -m bench.bench_group_upsert

Method: one embedded PostgreSQL with its default settings (commits are durable). Every transaction updates its
own generation, as a failure does, and then notes an error event of one and the same group. Ours leaves the
group's row alone and queues the event for the rollup tick, whose time is told and belongs to the price. The
rival writes the same event and counts at once, `INSERT ... ON CONFLICT DO UPDATE SET count = count + 1`: who
comes later waits until the first has committed. A failing transaction goes on after that (the refund, the
state, a slow disk), so both are measured once more with 5 ms between the note and the commit. Rates are of
all writers together; times are of one transaction.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.classification.events import Failure, note_failure
from core.classification.fingerprint import fingerprint
from core.foundation.database import Database, connect
from core.rollups.absorb import absorb
from core.schema.migrate import upgrade
from core.startup.postgres import EmbeddedPostgres
from tests.support.factories import make_generation

WRITERS = 8
PAUSE_SECONDS = 0.005
RIVAL = """
CREATE TABLE naive_event (LIKE error_event INCLUDING ALL);
CREATE TABLE naive_group (fingerprint text PRIMARY KEY, count bigint NOT NULL,
    last_seen timestamptz NOT NULL);
"""
OWN_ROW = text("UPDATE generation SET state_since = clock_timestamp() WHERE id = :id")
NAIVE_EVENT = text("""
    INSERT INTO naive_event (kind, generation_id, customer_id, fingerprint, failure_class, template_hash)
    VALUES ('generation', :id, 1, :name, 'timeout', 't')
""")
NAIVE_COUNT = text("""
    INSERT INTO naive_group VALUES (:name, 1, clock_timestamp())
    ON CONFLICT (fingerprint) DO UPDATE SET count = naive_group.count + 1, last_seen = EXCLUDED.last_seen
""")
Note = Callable[[Session, int, int], None]


def ours(session: Session, generation_id: int, number: int) -> None:
    note_failure(session, Failure(generation_id, 1, "timeout", f"It took {number} seconds", "t"))


def naive(session: Session, generation_id: int, number: int) -> None:
    values = {"id": generation_id, "name": fingerprint("timeout", f"It took {number} seconds")}
    session.execute(NAIVE_EVENT, values)
    session.execute(NAIVE_COUNT, values)


def race(database: Database, note: Note, *, writers: int, each: int, pause: float) -> tuple[float, float]:
    """Events a second over all writers, and the 95th percentile of one transaction in milliseconds."""
    spans: list[float] = []
    gate = threading.Barrier(writers + 1)

    def write(generation_id: int) -> None:
        gate.wait()
        for number in range(each):
            began = time.perf_counter()
            with database.transaction() as session:
                session.execute(OWN_ROW, {"id": generation_id})
                note(session, generation_id, number)
                time.sleep(pause)
            spans.append((time.perf_counter() - began) * 1000)

    threads = [threading.Thread(target=write, args=(number + 1,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    gate.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    return writers * each / (time.perf_counter() - began), statistics.quantiles(spans, n=20)[-1]


def report(database: Database, each: int) -> None:
    """Both by one writer and by eight, without and with something left to do before the commit."""
    for pause in (0.0, PAUSE_SECONDS):
        for writers in (1, WRITERS):
            for name, note in (("ours", ours), ("naive upsert", naive)):
                race(database, note, writers=writers, each=5, pause=0)
                rate, late = race(database, note, writers=writers, each=each, pause=pause)
                what = f"{name}, {writers} writers, {pause * 1000:.0f} ms to the commit"
                print(f"{what:45} {rate:7.0f} events a second {late:8.1f} ms p95")
    began = time.perf_counter()
    counted = absorb(database)
    spent = (time.perf_counter() - began) * 1000
    print(f"{'ours, counted afterwards by the tick':45} {spent:7.0f} ms for {counted.events:,} events")


def main() -> None:
    """Start, furnish, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=150, help="of each writer")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="inkdesk-") as folder:
        server = EmbeddedPostgres(Path(folder) / "pg")
        database = connect(server.start())
        try:
            upgrade(database)
            with database.transaction() as session:
                session.execute(text(RIVAL))
                for _ in range(WRITERS):
                    make_generation(session, state="failed")
            report(database, options.events)
        finally:
            database.dispose()
            server.stop()


if __name__ == "__main__":
    main()
