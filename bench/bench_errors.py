"""The Errors page on 1,000,000 generations, 300,000 of them failed, beside GROUP BY on the raw rows.

Method: one embedded PostgreSQL with its default settings, seeded by SQL, counted by the rollup tick itself,
vacuumed. Each figure is of the functions that the page calls, in a new transaction each time, after one
warm-up. The naive rivals group the generations themselves by hour or day and class, and look for the rows of
a list without asking the tallies where they are. Tick: 600 generations that ended, three in ten of them with
an error event, counted at once.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.classification.taxonomy import FailureClass
from core.desks.generations import filters
from core.desks.generations.filters import Filter
from core.desks.generations.views import page_of_generations
from core.foundation.database import Database, connect
from core.monitoring.differences import what_differs
from core.monitoring.group_views import count_unhandled, group_detail, list_groups
from core.monitoring.latencies import stage_times, stage_times_by
from core.monitoring.rollups import Slice, counts_over_time, money, rates_by
from core.rollups.absorb import absorb
from core.rollups.bins import Grain, bins
from core.schema.migrate import upgrade
from core.startup.postgres import EmbeddedPostgres
from core.tables.generation import State

DAYS = 90
CUSTOMERS = 20_000
CLASSES = [name.value for name in FailureClass][:12]
RARE, RARE_EVERY = "w-rare", 25_013

SEED_PEOPLE = f"""
INSERT INTO staff (email, name, roles) VALUES ('bench@desk.test', 'Bench', '{{admin}}');
INSERT INTO customer (reference, name)
    SELECT 'customer-' || n || '@example.com', 'Customer ' || n FROM generate_series(1, {CUSTOMERS}) n;
INSERT INTO selfie (customer_id, sha256, object_key, thumbnail_key, content_type, width, height, size_bytes,
                    cropped, warnings)
    SELECT id, md5(id::text), 'k', 't', 'image/png', 1024, 1024, 1, true,
        CASE WHEN id % 5 = 0 THEN '[{{"code": "too_dark"}}]'::jsonb ELSE '[]' END FROM customer ORDER BY id;
"""  # noqa: S608 - numbers of this file only
SEED_GENERATIONS = """
WITH made AS (
    SELECT n, hashint4(n) & 1023 AS dice,
        now() - make_interval(secs => (:rows - n) * :seconds) - interval '1 hour' AS at
    FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) n
)
INSERT INTO generation (request_key, purpose, customer_id, selfie_id, requested_by, template, prompt, model,
    parameters, credits, state, created_at, state_since, deadline_at, finished_at, max_attempts,
    failure_class, failure_message, failure_detail, fingerprint)
SELECT 'bench-' || n, 'avatar', 1 + n % :customers, 1 + n % :customers, 1,
    'A full-body comic hero, version ' || dice % 12, 'A full-body comic hero, version ' || dice % 12,
    CASE WHEN dice % 7 = 0 THEN 'openai/gpt-image-1-mini' ELSE 'openai/gpt-image-2' END,
    jsonb_build_object('quality', (ARRAY['low', 'medium', 'high'])[1 + n % 3]), 10,
    CASE WHEN dice < 307 THEN 'failed' ELSE 'succeeded' END, at - interval '40 s', at, at, at, 3,
    CASE WHEN dice < 307 THEN (CAST(:classes AS text[]))[1 + dice % 12] END,
    CASE WHEN dice < 307 THEN 'It did not work.' END, CASE WHEN dice < 307 THEN 'It broke.' END,
    CASE WHEN dice < 307 THEN 'v1:' || md5((dice % 12)::text || (n % 40)::text) END
FROM made ORDER BY n
"""
SEED_ATTEMPTS = f"""
INSERT INTO render_attempt (generation_id, number, client_ref, status, remote_id, worker, submitted_at,
    accepted_at, completed_at, detected_at, predict_seconds, cost_usd, failure_class, failure_detail)
SELECT id, 1, gen_random_uuid(), state, 'r' || id,
    CASE WHEN id % {RARE_EVERY} = 0 THEN '{RARE}' ELSE 'w-' || id % 4 END,
    created_at + interval '1 s' * exp(random_normal()), created_at + interval '8 s',
    finished_at - interval '2 s', finished_at - interval '2 s' + interval '0.5 s' * exp(random_normal()),
    20 * exp(random_normal() / 2), CASE WHEN state = 'succeeded' THEN 0.042 END, failure_class, failure_detail
FROM generation WHERE id BETWEEN :first AND :last
"""  # noqa: S608 - words of this file only
SEED_FAILED = """
INSERT INTO error_event (at, kind, generation_id, customer_id, fingerprint, failure_class, template_hash)
    SELECT finished_at, 'generation', id, customer_id, fingerprint, failure_class, md5(template)
    FROM generation WHERE state = 'failed' AND id BETWEEN :first AND :last ORDER BY id
"""
SEED_GROUPS = """
INSERT INTO error_group (fingerprint, failure_class, message, first_seen, last_seen)
    SELECT fingerprint, min(failure_class), 'it broke', min(finished_at), max(finished_at)
    FROM generation WHERE fingerprint IS NOT NULL GROUP BY fingerprint;
INSERT INTO error_event (at, kind, generation_id, attempt_id, customer_id, fingerprint, failure_class,
                         template_hash, credits)
    SELECT g.finished_at, k.kind, g.id, CASE k.kind WHEN 'attempt' THEN a.id END, g.customer_id,
        g.fingerprint, g.failure_class, md5(g.template), CASE k.kind WHEN 'attempt' THEN 0 ELSE g.credits END
    FROM generation g JOIN render_attempt a ON a.generation_id = g.id,
        (VALUES ('attempt'), ('generation')) AS k (kind)
    WHERE g.state = 'failed' ORDER BY g.id;
"""
NAIVE = """
SELECT date_trunc(:grain, finished_at, 'Europe/Berlin'), state, failure_class, count(*)
FROM generation WHERE finished_at >= :since AND finished_at < :until GROUP BY 1, 2, 3
"""
BATCH = 50_000


def seed(database: Database, rows: int) -> float:
    """Fill the database; how many seconds that took."""
    began = time.perf_counter()
    values = {"rows": rows, "customers": CUSTOMERS, "seconds": DAYS * 86_400 / rows, "classes": CLASSES}
    with database.transaction() as session:
        session.execute(text(SEED_PEOPLE))
    for first in range(1, rows + 1, BATCH):
        edges = {"first": first, "last": min(first + BATCH - 1, rows)}
        with database.transaction() as session:
            session.execute(text(SEED_GENERATIONS), values | edges)
            session.execute(text(SEED_ATTEMPTS), edges)
    with database.transaction() as session:
        session.execute(text(SEED_GROUPS))
    return time.perf_counter() - began


def count_all(database: Database) -> float:
    """Let the tick count everything; how many seconds that took."""
    began = time.perf_counter()
    while absorb(database).backlog:
        pass
    return time.perf_counter() - began


def timed(database: Database, work: Callable[[Session], object], repeats: int) -> tuple[float, float]:
    """Median and 95th percentile in milliseconds."""
    spans = []
    for n in range(repeats + 1):
        began = time.perf_counter()
        with database.transaction() as session:
            work(session)
        if n:
            spans.append((time.perf_counter() - began) * 1000)
    return statistics.median(spans), sorted(spans)[max(0, round(0.95 * len(spans)) - 1)]


def page(session: Session, days: int, grain: Grain, only: Slice, view: str) -> None:
    """What one run of the page asks for."""
    now = datetime.now(UTC)
    chosen = bins(now - timedelta(days=days), now, grain, UTC)
    since, until = chosen[0].start, chosen[-1].end
    counts_over_time(session, chosen, only)
    money(session, since, until)
    count_unhandled(session)
    if view == "groups":
        list_groups(session, since=since)
    elif view == "rates":
        rates_by(session, "prompt", since, until)
    elif view == "different":
        spike = chosen[-2]
        what_differs(session, (spike.start, spike.end), (since, until))
    elif view == "times by model":
        stage_times_by(session, "model", since, until)
    else:
        stage_times(session, since, until)


def report(database: Database, repeats: int) -> None:
    """Print every reading figure."""
    now = datetime.now(UTC)
    everything, high = Slice(), Slice("quality", "high")
    for name, arguments in {
        "page, 24 hours by hour, groups": (1, Grain.HOUR, everything, "groups"),
        "page, 30 days by hour, rates by prompt": (30, Grain.HOUR, everything, "rates"),
        "page, 90 days by day, groups": (90, Grain.DAY, everything, "groups"),
        "page, 90 days by day, rates by prompt": (90, Grain.DAY, everything, "rates"),
        "page, 90 days by day, one quality, times": (90, Grain.DAY, high, "times"),
        "page, 90 days by day, times by model": (90, Grain.DAY, everything, "times by model"),
        "page, 30 days by hour, what is different": (30, Grain.HOUR, everything, "different"),
        "page, 90 days by day, what is different": (90, Grain.DAY, everything, "different"),
    }.items():
        line(name, *timed(database, lambda s, a=arguments: page(s, *a), repeats))  # type: ignore[misc]
    for grain, days in (("hour", 30), ("day", 90)):
        values = {"grain": grain, "since": now - timedelta(days=days), "until": now}
        naive = timed(database, lambda s, v=values: s.execute(text(NAIVE), v).all(), 5)  # type: ignore[misc]
        line(f"naive GROUP BY of the bars alone, {days} days by {grain}", *naive)
    lists(database, repeats)
    with database.transaction() as session:
        (group, *_) = list_groups(session, limit=1)
    line("one error group opened", *timed(database, lambda s: group_detail(s, group.fingerprint), repeats))


def lists(database: Database, repeats: int) -> None:
    """What a click on the page leads to; what hardly occurs is also looked for without the tallies."""
    now = datetime.now(UTC)
    hour = {"ended_since": now - timedelta(days=60, hours=1), "ended_until": now - timedelta(days=60)}
    month = {"ended_since": now - timedelta(days=30), "ended_until": now}
    season = {"ended_since": now - timedelta(days=90), "ended_until": now}
    past = {"ended_since": now - timedelta(days=85), "ended_until": now - timedelta(days=45)}
    nothing = {"dimension": "worker", "value": "nobody"}
    with database.transaction() as session:
        (group, *_) = list_groups(session, limit=1)
    for name, asked in {
        "one hour, 60 days ago": hour,
        "one hour and class": {"failure_classes": (FailureClass.TIMEOUT,), **hour},
        "30 days, one quality": {"dimension": "quality", "value": "high", **month},
        "90 days, one worker": {"dimension": "worker", "value": "w-1", **season},
        "90 days, a worker of very few": {"dimension": "worker", "value": RARE, **season},
        "90 days, a worker of none": {**nothing, **season},
        "90 days, a selfie doubt of none": {"dimension": "selfie", "value": "none", **season},
        "40 days in the past": past,
        "40 days in the past, a worker of none": {**nothing, **past},
    }.items():
        failed = Filter(states=(State.FAILED,), **asked)  # type: ignore[arg-type]
        line(f"list: {name}", *timed(database, lambda s, f=failed: page_of_generations(s, f), repeats))  # type: ignore[misc]
    of_group = Filter(error_group=group.fingerprint)
    line("list: one error group", *timed(database, lambda s: page_of_generations(s, of_group), repeats))
    with patch.object(filters, "spans_of", lambda *_: None):
        for name, asked in {"90 days, a worker of none": season, "40 days in the past": past}.items():
            failed = Filter(states=(State.FAILED,), **nothing, **asked)  # type: ignore[arg-type]
            naive = timed(database, lambda s, f=failed: page_of_generations(s, f), 5)  # type: ignore[misc]
            line(f"naive list by the rows alone: {name}", *naive)


def tick(database: Database, rows: int) -> None:
    """What a minute of 600 generations costs the tick."""
    edges = {"first": rows + 1, "last": rows + 600}
    values = {"rows": rows, "customers": CUSTOMERS, "seconds": 1, "classes": CLASSES, **edges}
    with database.transaction() as session:
        session.execute(text(SEED_GENERATIONS), values)
        session.execute(text(SEED_ATTEMPTS), edges)
        session.execute(text(SEED_FAILED), edges)
    began = time.perf_counter()
    counted = absorb(database)
    print(
        f"{'tick over a minute of 600 generations':55} {(time.perf_counter() - began) * 1000:8.0f} ms"
        f"   ({counted.generations} counted, {counted.events} of them failed)"
    )


def line(name: str, median: float, late: float) -> None:
    print(f"{name:55} {median:8.1f} ms median {late:8.1f} ms p95")


def main() -> None:
    """Seed, count, vacuum, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="inkdesk-") as folder:
        server = EmbeddedPostgres(Path(folder) / "pg")
        database = connect(server.start())
        upgrade(database)
        print(f"{options.rows:,} generations seeded in {seed(database, options.rows):.0f} s")
        print(f"counted by the tick in {count_all(database):.0f} s")
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
        report(database, options.repeats)
        tick(database, options.rows)
        database.dispose()
        server.stop()


if __name__ == "__main__":
    main()
