"""The list of 100,000 generations: time of a page, by filter, beside the same page by OFFSET.

Method: one embedded PostgreSQL with its default settings, 100,000 generations of 20,000 customers with
prompts of about 1,000 characters, vacuumed. Each figure is of `page_of_generations` with 50 rows, from call
to filled dataclasses, in a new transaction each time, after one warm-up. The rival asks for the same rows
of the same tables with ORDER BY id DESC, ILIKE for prompts, and OFFSET.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from core.classification.taxonomy import FailureClass
from core.desks.generations.filters import Cursor, Filter
from core.desks.generations.overview import overview
from core.desks.generations.views import page_of_generations
from core.foundation.database import Database, connect
from core.prompts.starter import STARTER_TEMPLATE
from core.schema.migrate import upgrade
from core.settings import Settings
from core.startup.postgres import EmbeddedPostgres
from core.tables.access import Staff
from core.tables.customers import Customer
from core.tables.generation import Avatar, Generation, State

ROWS = 100_000
CUSTOMERS = 20_000
LIMIT = 50
DEEP = ROWS - 5_000
SECONDS_APART = 60

SEED = f"""
INSERT INTO staff (email, name, roles) VALUES ('bench@desk.test', 'Bench', '{{admin}}');
INSERT INTO customer (reference, name)
    SELECT 'customer-' || n || '@example.com', 'Customer ' || md5(n::text)
    FROM generate_series(1, {CUSTOMERS}) n;
INSERT INTO selfie (customer_id, sha256, object_key, thumbnail_key, content_type, width, height, size_bytes,
                    cropped, warnings)
    SELECT id, md5(id::text), 'k', 't', 'image/png', 1024, 1024, 1, true, '[]' FROM customer ORDER BY id;
WITH made AS (
    SELECT n, CASE WHEN n > {ROWS} - 40 THEN 'rendering' WHEN n % 997 = 0 THEN 'canceled'
        WHEN n % 11 = 0 THEN 'failed' ELSE 'succeeded' END AS state,
        now() - make_interval(secs => ({ROWS} - n) * {SECONDS_APART}) AS at
    FROM generate_series(1, {ROWS}) n
)
INSERT INTO generation (request_key, purpose, customer_id, selfie_id, requested_by, template, prompt, model,
    parameters, credits, state, created_at, state_since, deadline_at, finished_at, max_attempts,
    failure_class, failure_message)
    SELECT 'bench-' || n, CASE WHEN n % 50 = 0 THEN 'preview' ELSE 'avatar' END,
        1 + n * 7919 % {CUSTOMERS}, 1 + n * 7919 % {CUSTOMERS}, 1, :prompt,
        replace(replace(:prompt, '{{{{ style }}}}', (ARRAY['ink', 'manga', 'noir', 'pop art'])[1 + n % 4]),
            '{{{{ outfit }}}}', CASE WHEN n % 9973 = 0 THEN 'a zeppelin pilot coat'
            WHEN n < {ROWS} / 3 THEN 'a vintage coat' ELSE 'outfit ' || n END),
        CASE WHEN n < 2000 THEN 'openai/gpt-image-1-mini' ELSE 'openai/gpt-image-2' END,
        '{{"quality": "medium"}}', CASE WHEN n % 50 = 0 THEN 0 ELSE 10 END, state, at, at, at,
        CASE WHEN state <> 'rendering' THEN at END, 3,
        CASE WHEN state = 'failed' THEN CASE WHEN n < 9000 THEN 'auth' ELSE 'timeout' END END,
        CASE WHEN state = 'failed' THEN 'It did not work.' END
    FROM made ORDER BY n
"""  # noqa: S608 - numbers of this file only


def filters(now: datetime) -> dict[str, Filter]:
    """What operators ask for; rare and far-away matches are the hard ones."""
    old = now - timedelta(seconds=SECONDS_APART * (ROWS - 2_000))
    return {
        "no filter": Filter(),
        "state rendering (40 rows)": Filter(states=(State.RENDERING,)),
        "state failed (9 %)": Filter(states=(State.FAILED,)),
        "state canceled (0.1 %)": Filter(states=(State.CANCELED,)),
        "class auth (only old ones)": Filter(failure_classes=(FailureClass.AUTH,)),
        "customer by reference (5 rows)": Filter(customer="customer-4711@"),
        "customer text that all have": Filter(customer="example.com"),
        "customer that does not exist": Filter(customer="nobody"),
        "time: a window long ago": Filter(since=old, until=old + timedelta(hours=12)),
        "time: last 24 hours": Filter(since=now - timedelta(hours=24)),
        "purpose preview (2 %)": Filter(purpose="preview"),
        "model (only old ones)": Filter(model="openai/gpt-image-1-mini"),
        "prompt: rare word (10 rows)": Filter(prompt="zeppelin"),
        "prompt: word of every 4th": Filter(prompt="manga"),
        "prompt: word of the oldest third": Filter(prompt="vintage"),
        "prompt: word of none": Filter(prompt="submarine"),
        "prompt, state and customer": Filter(prompt="noir ink", states=(State.FAILED,), customer="99@"),
    }


def by_offset(session: Session, filter_: Filter, offset: int) -> int:
    """The rival: the obvious query, which counts what it skips."""
    query = (
        select(Generation, Customer, Staff, Avatar)
        .join(Customer, Customer.id == Generation.customer_id)
        .join(Staff, Staff.id == Generation.requested_by)
        .outerjoin(Avatar, Avatar.generation_id == Generation.id)
        .order_by(Generation.id.desc())
        .limit(LIMIT)
        .offset(offset)
    )
    if filter_.states:
        query = query.where(Generation.state.in_(filter_.states))
    if filter_.failure_classes:
        query = query.where(Generation.failure_class.in_(filter_.failure_classes))
    if filter_.customer:
        named = Customer.reference.icontains(filter_.customer) | Customer.name.icontains(filter_.customer)
        query = query.where(named)
    for word in filter_.prompt.split():
        query = query.where(Generation.prompt.icontains(word))
    if filter_.since:
        query = query.where(Generation.created_at >= filter_.since)
    if filter_.until:
        query = query.where(Generation.created_at < filter_.until)
    if filter_.purpose:
        query = query.where(Generation.purpose == filter_.purpose)
    if filter_.model:
        query = query.where(Generation.model == filter_.model)
    return len(session.execute(query).all())


def timed(database: Database, act: Callable[[Session], int], rounds: int) -> tuple[float, float, int]:
    """The median and 95th percentile in milliseconds, and how many rows came."""
    took, rows = [], 0
    for _ in range(rounds + 1):
        with database.transaction() as session:
            start = time.perf_counter()
            rows = act(session)
            took.append((time.perf_counter() - start) * 1000)
    took = took[1:]
    return statistics.median(took), statistics.quantiles(took, n=20)[-1], rows


def keyset(filter_: Filter, cursor: Cursor | None = None) -> Callable[[Session], int]:
    return lambda session: len(page_of_generations(session, filter_, after=cursor, limit=LIMIT).rows)


def offset(filter_: Filter, skipped: int = 0) -> Callable[[Session], int]:
    return lambda session: by_offset(session, filter_, skipped)


def report(database: Database, rounds: int) -> None:
    print(__doc__)
    print(f"{ROWS:,} generations, {rounds} rounds; milliseconds")
    print(f"{'page':<40}{'rows':>5}{'p50':>9}{'p95':>9}{'OFFSET p50':>13}{'p95':>9}")
    cases = [(name, keyset(each), offset(each)) for name, each in filters(datetime.now(UTC)).items()]
    cases.insert(
        1, (f"deep: after {DEEP:,} others", keyset(Filter(), Cursor(ROWS - DEEP + 1)), offset(Filter(), DEEP))
    )
    for name, ours, rival in cases:
        p50, p95, rows = timed(database, ours, rounds)
        r50, r95, rival_rows = timed(database, rival, rounds)
        assert rows == rival_rows, (name, rows, rival_rows)
        print(f"{name:<40}{rows:>5}{p50:>9.1f}{p95:>9.1f}{r50:>13.1f}{r95:>9.1f}")

    p50, p95, _ = timed(database, lambda session: len(overview(session, Settings(), zone=UTC).latest), rounds)
    print(f"{'the overview, all of it':<40}{'':>5}{p50:>9.1f}{p95:>9.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--folder", type=Path, help="keep the database here and use it again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        server = EmbeddedPostgres((options.folder or Path(scratch)) / "pg")
        database = connect(server.start())
        try:
            upgrade(database)
            with database.transaction() as session:
                if session.scalar(select(Generation.id).limit(1)) is None:
                    for statement in SEED.split(";\n"):
                        session.execute(text(statement), {"prompt": STARTER_TEMPLATE})
            with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))
            report(database, options.rounds)
        finally:
            database.dispose()
            server.stop()


if __name__ == "__main__":
    main()
