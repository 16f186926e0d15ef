"""What one round of alert evaluation costs on 1,000,000 generations, 600 of them a minute in the last hour.

    python -m bench.bench_alerts

Method: one embedded PostgreSQL with its default settings, seeded by SQL, counted by the rollup tick and
vacuumed; its error groups are old ones. A round is `evaluate`, as the worker's tick calls it: every rule in a
transaction of its own, then what is to be told. Each round looks at the moment at which the busy hour ends.
"Every rule due" forgets before each round how far the rules were evaluated; "made up for" lets an hour have
passed instead, which the rules whose past is kept look at bit by bit. The slow look at the ledger has a tick
and a lease of its own and is not part of it. The rival in the same run evaluates only the failure rate, by
GROUP BY over the day.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from sqlalchemy import select, text, update

from bench.bench_errors import (
    CLASSES,
    CUSTOMERS,
    SEED_ATTEMPTS,
    SEED_FAILED,
    SEED_GENERATIONS,
    count_all,
    seed,
)
from core.alerts.evaluate import evaluate
from core.alerts.rules import rules, seed_rules
from core.foundation.database import Database, connect
from core.schema.migrate import upgrade
from core.services import Services
from core.settings import Settings
from core.startup.postgres import EmbeddedPostgres
from core.tables.alerts import Alert, AlertRule

A_MINUTE = 600
BUSY = timedelta(hours=1)
PAID = text("UPDATE render_attempt SET ended_at = detected_at WHERE generation_id BETWEEN :first AND :last")
NAIVE = text("""
    SELECT state, failure_class, count(*) FROM generation
    WHERE date_trunc('day', finished_at) >= date_trunc('day', CAST(:now AS timestamptz)) - interval '1 day'
    GROUP BY 1, 2
""")


def busy_hour(database: Database, rows: int) -> datetime:
    """Add the generations of a busy hour; its end."""
    more = int(A_MINUTE * BUSY.total_seconds() / 60)
    edges = {"first": rows + 1, "last": rows + more}
    values = {"rows": rows + more, "customers": CUSTOMERS, "seconds": 60 / A_MINUTE, "classes": CLASSES}
    with database.transaction() as session:
        session.execute(text(SEED_GENERATIONS), values | edges)
        session.execute(text(SEED_ATTEMPTS), edges)
        session.execute(text(SEED_FAILED), edges)
        session.execute(PAID, edges)
        session.execute(text("UPDATE error_group SET state = 'ongoing'"))
        seed_rules(session)
        end: datetime = session.execute(text("SELECT max(finished_at) FROM generation")).scalar_one()
    return end


def watermark(database: Database, at: datetime | None) -> None:
    """Let the rules have been evaluated until then."""
    with database.transaction() as session:
        session.execute(update(AlertRule).values(evaluated_until=at))


def timed(prepare: Callable[[], None], work: Callable[[], object], rounds: int) -> str:
    """Median and 95th percentile of `work` alone; the first round warms up."""
    spans = []
    for number in range(rounds + 1):
        prepare()
        began = time.perf_counter()
        work()
        if number:
            spans.append((time.perf_counter() - began) * 1000)
    return f"{statistics.median(spans):8.1f} ms median {statistics.quantiles(spans, n=20)[-1]:8.1f} ms p95"


def report(services: Services, now: datetime, rounds: int) -> None:
    """Print every figure."""
    database = services.database

    def look() -> None:
        evaluate(services, now=now)

    def naive() -> None:
        with database.transaction() as session:
            session.execute(NAIVE, {"now": now}).all()

    with database.transaction() as session:
        print(f"{len(rules(session))} rules, as they are there from the first start")
    print(f"{'a round, every rule due':45} {timed(lambda: watermark(database, None), look, rounds)}")
    print(f"{'a round, no rule due':45} {timed(lambda: watermark(database, now), look, rounds)}")
    stopped = now - BUSY
    print(f"{'an hour made up for':45} {timed(lambda: watermark(database, stopped), look, 10)}")
    print(f"{'naive GROUP BY of the failure rate alone':45} {timed(lambda: None, naive, 5)}")
    with database.transaction() as session:
        blind = session.scalars(select(AlertRule.slug).where(AlertRule.failures > 0)).all()
        states = session.scalars(select(Alert.state)).all()
    print(f"alerts meanwhile: {len(states)}, rules that could not be evaluated: {list(blind)}")


def main() -> None:
    """Seed, count, vacuum, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="inkdesk-") as folder:
        server = EmbeddedPostgres(Path(folder) / "pg")
        database = connect(server.start())
        try:
            upgrade(database)
            print(f"{options.rows:,} generations seeded in {seed(database, options.rows):.0f} s")
            now = busy_hour(database, options.rows)
            count_all(database)
            with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))
            # Alerts ask the tables only.
            doors = cast(Any, None)
            report(Services(Settings(), database, doors, doors), now, options.rounds)
        finally:
            database.dispose()
            server.stop()


if __name__ == "__main__":
    main()
