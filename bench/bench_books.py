"""The books of 1,000,000 transfers: the full check, the recent one, and how fast seals are made.

    python -m bench.bench_books

Method: one embedded PostgreSQL with its default settings, seeded by SQL with valid hashes
(`bench.support.seeding`), vacuumed, and sealed as the minutes would have: 250 transfers a seal, each seal a
transaction. Checks are `check_books` and the rules in a recent scope, from call to findings, each in a new
transaction; the recent one has what five busy minutes post (charges and captures by the ledger's own
function) and some under way. CPU is that of the server's processes: on a machine that others use too, it says
more than the clock.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psutil
from sqlalchemy import text
from sqlalchemy.orm import Session

from bench.support.seeding import seal_history, seed_ledger
from core.foundation.database import Database, connect
from core.ledger.books.check import RULES, check_books, run, scope_since
from core.ledger.findings import Finding
from core.schema.migrate import upgrade
from core.startup.postgres import EmbeddedPostgres

BUSY = """
WITH made AS (
    INSERT INTO generation (request_key, purpose, customer_id, selfie_id, requested_by, template, prompt,
        model, parameters, credits, state, deadline_at, finished_at, max_attempts)
    SELECT 'busy-' || n, 'avatar', 1 + n % 1000, 1 + n % 1000, 1, 'A hero', 'A hero', 'bench', '{}', 10,
         CASE WHEN n % 10 = 0 THEN 'rendering' ELSE 'succeeded' END, now(),
        CASE WHEN n % 10 <> 0 THEN now() END, 3
    FROM generate_series(1, :generations) n RETURNING id, state
) SELECT id, state FROM made
"""
CHARGE = """
SELECT post_transfer('charge:' || id, 'charge', 'bench', NULL, 10, customer_id, id)
FROM generation WHERE id = ANY (:ids) ORDER BY id
"""
CAPTURE = """
SELECT post_transfer('capture:' || id, 'capture', 'bench', NULL, NULL, NULL, id)
FROM generation WHERE id = ANY (:ids) AND state = 'succeeded' ORDER BY id
"""


def busy_minutes(database: Database, generations: int) -> int:
    """Post what five busy minutes do; how many transfers that was."""
    with database.transaction() as session:
        before = session.scalar(text("SELECT count(*) FROM transfer")) or 0
        ids = [row.id for row in session.execute(text(BUSY), {"generations": generations})]
        for statement in (CHARGE, CAPTURE):
            session.execute(text(statement), {"ids": ids})
        return (session.scalar(text("SELECT count(*) FROM transfer")) or 0) - before


def timed(database: Database, check: Callable[[Session], list[Finding]], repeats: int) -> str:
    """The median and all runs, in seconds. Nothing may be found."""
    spans, work = [], []
    for _ in range(repeats):
        began, used = time.perf_counter(), server_cpu(database)
        with database.transaction() as session:
            found = check(session)
        spans.append(time.perf_counter() - began)
        work.append(server_cpu(database) - used)
        assert found == [], found[:5]
    runs = ", ".join(f"{span:.2f}" for span in spans)
    return f"{statistics.median(spans):.2f} s ({runs}), CPU {statistics.median(work):.2f} s"


def server_cpu(database: Database) -> float:
    """The CPU seconds that the server's processes have used, those that have ended included."""
    with database.transaction() as session:
        backend = session.scalar(text("SELECT pg_backend_pid()"))
    postmaster = psutil.Process(backend).parent()
    assert postmaster is not None
    total = 0.0
    for process in [postmaster, *postmaster.children()]:
        used = process.cpu_times()
        total += used.user + used.system
        if process == postmaster:
            total += used.children_user + used.children_system
    return total


def recent(session: Session) -> list[Finding]:
    """The recent check, behind the last seal but one."""
    seal = session.scalar(text("SELECT max(number) - 1 FROM ledger_seal")) or 0
    return run(session, RULES, scope_since(session, seal=seal, since=datetime.now(UTC)))


def report(database: Database, transfers: int, repeats: int) -> None:
    """Print every figure."""
    rows = seed_ledger(database, transfers, print)
    count, seconds = seal_history(database)
    print(f"{rows:,} transfers in {count:,} seals")
    print(f"sealing, {rows // (count - 1)} transfers a seal: {rows / seconds:,.0f} transfers/s")
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")
    print(f"full check: {timed(database, check_books, repeats)}")
    posted = busy_minutes(database, 500)
    print(f"recent check, {posted:,} transfers: {timed(database, recent, 5)}")
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transfers", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="inkdesk-") as folder:
        server = EmbeddedPostgres(Path(folder) / "pg")
        database = connect(server.start())
        upgrade(database)
        report(database, arguments.transfers, arguments.repeats)
        database.dispose()
        server.stop()


if __name__ == "__main__":
    main()
