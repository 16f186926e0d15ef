"""The Health page's look at 1,000,000 ended and 5,000 open generations, beside GROUP BY on the raw rows.

    python -m bench.bench_health

Method: one embedded PostgreSQL with its default settings, seeded by SQL, vacuumed. Each figure is of `health`
from call to filled dataclasses, in a new transaction each time, after one warm-up. Every statement of it is
explained, and must read no big table from end to end; the server's own count of such scans is asked as well.
The naive rival counts all generations by state and takes the quantile of all renderings of the last days.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, text
from sqlalchemy.orm import Session

from bench.bench_errors import seed
from core.foundation.database import Database, connect
from core.health.view import health
from core.schema.migrate import upgrade
from core.settings import Settings
from core.startup.postgres import EmbeddedPostgres

OPEN = 5_000
BIG = ("generation", "render_attempt", "generation_event", "error_event", "avatar", "customer", "selfie")
SETTINGS = Settings()
# Of 100 open ones 60 are queued, 6 submitting, 28 rendering and 6 storing; of each state some are stuck.
SEED_OPEN = """
WITH made AS (
    SELECT n, n % 100 AS part, n / 100 % 10 AS kind, now() - make_interval(secs => n % 40) AS at
    FROM generate_series(1, :open) n
), asked AS (
    SELECT *, CASE WHEN part < 60 THEN 'queued' WHEN part < 66 THEN 'submitting'
        WHEN part < 94 THEN 'rendering' ELSE 'storing' END AS state FROM made
), held AS (
    SELECT *, state = 'submitting' AND kind > 1 OR state = 'storing' AND kind = 9 AS leased FROM asked
)
INSERT INTO generation (request_key, purpose, customer_id, selfie_id, requested_by, template, prompt, model,
    parameters, credits, state, created_at, state_since, due_at, deadline_at, max_attempts, attempts,
    lease_owner, lease_until)
SELECT 'open-' || n, 'avatar', 1 + n, 1 + n, 1, 'A hero', 'A hero', 'openai/gpt-image-2',
    '{"quality": "low"}', 10, state, at, CASE WHEN kind = 0 THEN at - interval '4 min' ELSE at END, at,
    now() + interval '15 min', 3, 1, CASE WHEN leased THEN 'w-' || n % 6 END,
    CASE WHEN leased THEN CASE WHEN kind = 2 THEN now() - interval '1 min' ELSE now() + interval '1 h' END END
FROM held ORDER BY n;
INSERT INTO render_attempt (generation_id, number, client_ref, status, remote_id, worker, submitted_at,
    accepted_at, detected_at, save_by, store_tries)
SELECT id, 1, gen_random_uuid(),
    CASE state WHEN 'submitting' THEN 'open' WHEN 'rendering' THEN 'accepted' ELSE 'succeeded' END,
    CASE WHEN state <> 'submitting' THEN 'open-' || id END, 'w-' || id % 6, created_at, created_at,
    CASE WHEN state = 'storing' THEN now() END,
    CASE WHEN state = 'storing' THEN now() + make_interval(mins => 20 + (id / 100 % 40)::int) END, id % 4
FROM generation WHERE state IN ('submitting','rendering','storing') ORDER BY id;
INSERT INTO worker (id, host, pid, version, beat_at)
    SELECT 'w-' || n, 'host-' || n % 3, n, '0.1.0', now() + CASE WHEN n = 5 THEN interval '-1 min' ELSE
        interval '1 day' END FROM generate_series(0, 5) n;
"""
NAIVE = (
    """
    SELECT state, count(*), min(state_since), min(due_at) FILTER (WHERE due_at <= now())
    FROM generation GROUP BY state
    """,
    """
    SELECT g.model, percentile_cont(0.995) WITHIN GROUP (ORDER BY a.detected_at - a.accepted_at)
    FROM generation g JOIN render_attempt a ON a.generation_id = g.id
    WHERE g.state = 'succeeded' AND g.finished_at > now() - interval '3 days' AND a.status = 'succeeded'
    GROUP BY g.model
    """,
)


def look(session: Session) -> None:
    health(session, SETTINGS)


def naive(session: Session) -> None:
    for statement in NAIVE:
        session.execute(text(statement)).all()


def timed(database: Database, act: Callable[[Session], None], rounds: int) -> tuple[float, float]:
    """The median and 95th percentile in milliseconds."""
    took = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        with database.transaction() as session:
            act(session)
        took.append((time.perf_counter() - start) * 1000)
    return statistics.median(took[1:]), statistics.quantiles(took[1:], n=20)[-1]


@contextmanager
def listening(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are sent meanwhile."""
    heard: list[tuple[str, Any]] = []

    def hear(_c: Connection, _k: Any, statement: str, values: Any, *_: object) -> None:
        heard.append((statement, values))

    event.listen(database.engine, "before_cursor_execute", hear)
    yield heard
    event.remove(database.engine, "before_cursor_execute", hear)


def whole_scans(database: Database) -> list[str]:
    """The big tables that a statement of the look reads from end to end, by their plans."""
    with listening(database) as heard, database.transaction() as session:
        look(session)
    found = []
    with database.engine.connect() as connection:
        for statement, values in heard:
            plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar_one()
            found += [
                each["Relation Name"] for each in nodes(plan[0]["Plan"]) if "Seq Scan" in each["Node Type"]
            ]
    return [table for table in found if table in BIG]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def scans_so_far(database: Database) -> int:
    """How often the server has read a big table from end to end, by its own count."""
    time.sleep(1.5)  # sessions report at most once a second
    counted = text("SELECT sum(seq_scan) FROM pg_stat_user_tables WHERE relname = ANY(:big)")
    with database.transaction() as session:
        return int(session.execute(counted, {"big": list(BIG)}).scalar_one())


def report(database: Database, rounds: int) -> None:
    before = scans_so_far(database)
    median, late = timed(database, look, rounds)
    after = scans_so_far(database)
    with database.transaction() as session:
        seen = health(session, SETTINGS)
    print({reason.value: count for reason, count in seen.stuck.counts.items()})
    print({each.state.value: each.count for each in seen.queue})
    scans = whole_scans(database)
    line("Health, all of it", median, late)
    line("naive GROUP BY of two of its figures", *timed(database, naive, 7))
    print(f"big tables read from end to end: by plan {scans}, by the server's count {after - before}")
    assert not scans
    assert after == before


def line(name: str, median: float, late: float) -> None:
    print(f"{name:40} {median:8.1f} ms median {late:8.1f} ms p95")


def main() -> None:
    """Seed, vacuum, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="inkdesk-") as folder:
        server = EmbeddedPostgres(Path(folder) / "pg")
        database = connect(server.start())
        try:
            upgrade(database)
            fill(database, options.rows)
            report(database, options.rounds)
        finally:
            database.dispose()
            server.stop()


def fill(database: Database, rows: int) -> None:
    """Make the history, and what is open at this moment."""
    print(f"{rows:,} generations seeded in {seed(database, rows):.0f} s")
    with database.transaction() as session:
        for statement in SEED_OPEN.split(";\n")[:3]:
            session.execute(text(statement), {"open": OPEN})
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


if __name__ == "__main__":
    main()
