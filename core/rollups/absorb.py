"""The rollup tick: counts what has ended, failed and been refunded since the last one, each exactly once.

Triggers queue whatever is to be counted in the transaction that causes it, so nothing is missed however late
that commits; taking it off the queue and counting it is one transaction too.
"""

import dataclasses
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import TextClause, delete, func, select, text
from sqlalchemy.orm import Session

from core.foundation.database import Database
from core.foundation.leases import take_named
from core.rollups.dimensions import LATENCY_DIMENSIONS, SELFIE_VALUES
from core.rollups.triage import triage
from core.tables.failures import RefundRollup, RollupQueue
from core.tables.ledger import Transfer

BATCH = 2_000
# A tick leaves the rest of a long backlog to the next one.
MOST_BATCHES = 20
LEASE = "rollup"
# Two ticks at once would wait for each other's rows in another order; the number is only ours.
ONE_AT_A_TIME = 0x1AD_7A11
# The next bucket begins at 5 % more, so a percentile is right to 2.5 %.
BUCKET_RATIO = 1.05


@dataclasses.dataclass(frozen=True)
class Absorbed:
    """How many of each kind one tick has counted."""

    events: int = 0
    generations: int = 0
    refunds: int = 0

    def __add__(self, other: "Absorbed") -> "Absorbed":
        return Absorbed(
            self.events + other.events,
            self.generations + other.generations,
            self.refunds + other.refunds,
        )

    @property
    def backlog(self) -> bool:
        """Whether there may be more to count."""
        return max(self.events, self.generations, self.refunds) >= BATCH


def absorb(database: Database, *, batches: int = MOST_BATCHES) -> Absorbed:
    """Count what waits, in batches of one transaction each, and let the states of groups follow."""
    done = Absorbed()
    for _ in range(batches):
        with database.transaction() as session:
            batch = absorb_batch(session)
        done += batch
        if not batch.backlog:
            break
    with database.transaction() as session:
        triage(session)
    return done


def absorb_in_turn(database: Database, *, worker: str, every_seconds: float, lease_seconds: float) -> bool:
    """`absorb`, by one worker at a time and not more often than asked; says whether it was its turn."""
    with database.transaction() as session:
        mine = take_named(
            session, LEASE, worker=worker, lease_seconds=lease_seconds, every_seconds=every_seconds
        )
    if mine:
        absorb(database)
    return mine


def absorb_batch(session: Session, limit: int = BATCH) -> Absorbed:
    """Count at most `limit` of each kind."""
    session.execute(select(func.pg_advisory_xact_lock(ONE_AT_A_TIME)))
    return Absorbed(
        events=_run(session, EVENTS, limit),
        generations=_run(session, GENERATIONS, limit),
        refunds=_run(session, REFUNDS, limit),
    )


def take_back(session: Session, generation_id: int) -> None:
    """Make uncounted what ended and goes on after all, before it does; its next end is counted as any."""
    session.execute(select(func.pg_advisory_xact_lock(ONE_AT_A_TIME)))
    waiting = delete(RollupQueue).where(
        RollupQueue.kind == "generation", RollupQueue.subject_id == generation_id
    )
    if session.scalars(waiting.returning(RollupQueue.id)).all():
        return  # not counted yet
    session.execute(TAKEN_BACK, {"subject": generation_id, "ratio": BUCKET_RATIO, "sign": -1})


def counted_until(session: Session) -> datetime:
    """Everything that was committed before this moment is counted."""
    queued = session.scalar(select(func.min(RollupQueue.queued_at)))
    refunded = session.scalar(
        select(Transfer.created_at)
        .join(RefundRollup, RefundRollup.transfer_id == Transfer.id)
        .order_by(RefundRollup.transfer_id)
        .limit(1)
    )
    waiting = [moment for moment in (queued, refunded) if moment]
    return min(waiting) if waiting else session.scalars(select(func.clock_timestamp())).one()


def _run(session: Session, statement: TextClause, limit: int) -> int:
    return int(session.scalar(statement, {"limit": limit, "ratio": BUCKET_RATIO, "sign": 1}) or 0)


def _taken(kind: str) -> str:
    return f"""
    taken AS (
        DELETE FROM rollup_queue WHERE id IN (
            SELECT id FROM rollup_queue WHERE kind = '{kind}' ORDER BY id LIMIT :limit)
        RETURNING subject_id
    )"""  # noqa: S608 - words of this file only


# Groups are locked in the order of their names, as whoever else locks several of them does.
EVENTS = text(f"""
WITH {_taken("event")},
noted AS (
    SELECT e.* FROM error_event e JOIN taken ON taken.subject_id = e.id
),
hours AS (
    INSERT INTO error_group_hour (fingerprint, hour, events)
        SELECT fingerprint, date_trunc('hour', at, 'UTC') AS hour, count(*) FROM noted
        GROUP BY fingerprint, hour ORDER BY fingerprint, hour
    ON CONFLICT (fingerprint, hour) DO UPDATE SET events = error_group_hour.events + EXCLUDED.events
),
hit AS (
    INSERT INTO error_group_customer (fingerprint, customer_id)
        SELECT DISTINCT fingerprint, customer_id FROM noted ORDER BY fingerprint, customer_id
    ON CONFLICT DO NOTHING RETURNING fingerprint
),
more AS (
    SELECT fingerprint, min(at) AS first_seen, max(at) AS last_seen,
        count(*) FILTER (WHERE kind = 'attempt') AS attempts,
        count(*) FILTER (WHERE kind = 'generation') AS generations,
        sum(cost_usd) AS cost_usd, sum(credits) AS credits,
        (SELECT count(*) FROM hit WHERE hit.fingerprint = noted.fingerprint) AS customers
    FROM noted GROUP BY fingerprint
),
held AS (
    SELECT g.fingerprint FROM error_group g JOIN more USING (fingerprint)
    ORDER BY g.fingerprint FOR NO KEY UPDATE OF g
),
counted AS (
    UPDATE error_group g SET
        first_seen = least(g.first_seen, more.first_seen),
        last_seen = greatest(g.last_seen, more.last_seen),
        failed_attempts = g.failed_attempts + more.attempts,
        failed_generations = g.failed_generations + more.generations,
        customers = g.customers + more.customers,
        cost_usd = g.cost_usd + more.cost_usd,
        credits = g.credits + more.credits
    FROM more JOIN held USING (fingerprint) WHERE g.fingerprint = more.fingerprint
)
SELECT count(*) FROM taken
""")  # noqa: S608 - words of this file only

GRAINS = """
CROSS JOIN LATERAL (VALUES
    ('quarter', date_bin('15 minutes', {at}, '2000-01-01Z')), ('day', date_trunc('day', {at}, 'UTC'))
) AS g (grain, start)"""

# The column of what ended that holds the value of each dimension.
COLUMNS = {
    "model": "model",
    "quality": "quality",
    "prompt": "template_hash",
    "worker": "worker",
    "purpose": "purpose",
    **{name: name for name in SELFIE_VALUES},
}


def _named(dimensions: Iterable[str]) -> str:
    return ", ".join(f"('{name}', {COLUMNS[name]})" for name in dimensions)


def _selfie_values() -> str:
    return ", ".join(f"{sql} AS {name}" for name, sql in SELFIE_VALUES.items())


# How what ended is counted, once for each that `taken` names; with a sign of -1 that is taken back.
COUNTED = f"""
ended AS (
    SELECT g.id, g.finished_at, g.state AS outcome,
        CASE WHEN g.state = 'failed' THEN coalesce(g.failure_class, 'unknown') ELSE '' END AS failure_class,
        g.model, g.purpose, coalesce(g.parameters ->> 'quality', '') AS quality,
        g.template, md5(g.template) AS template_hash,
        coalesce(w.host, last.worker, '') AS worker, {_selfie_values()},
        coalesce(spent.cost_usd, 0) AS cost_usd,
        spent.submitted_at - g.created_at AS queue,
        coalesce(make_interval(secs => last.predict_seconds), last.completed_at - last.started_at) AS render,
        last.detected_at - last.completed_at AS detection,
        a.stored_at - last.detected_at AS store
    FROM taken
    JOIN generation g ON g.id = taken.subject_id
    JOIN selfie ON selfie.id = g.selfie_id
    LEFT JOIN LATERAL (
        SELECT * FROM render_attempt t WHERE t.generation_id = g.id ORDER BY t.number DESC LIMIT 1
    ) last ON true
    LEFT JOIN LATERAL (
        SELECT sum(t.cost_usd) AS cost_usd, min(t.submitted_at) AS submitted_at
        FROM render_attempt t WHERE t.generation_id = g.id
    ) spent ON true
    LEFT JOIN worker w ON w.id = last.worker
    LEFT JOIN avatar a ON a.generation_id = g.id
),
tallied AS (
    INSERT INTO generation_tally AS t
        (grain, dimension, start, value, outcome, failure_class, generations, paid, cost_usd)
        SELECT g.grain, d.dimension, g.start, d.value, outcome, failure_class,
            :sign * count(*), :sign * count(*) FILTER (WHERE cost_usd > 0), :sign * sum(cost_usd)
        FROM ended {GRAINS.format(at="finished_at")}
        CROSS JOIN LATERAL (VALUES
            ('all', ''), {_named(COLUMNS)}
        ) AS d (dimension, value)
        GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (grain, dimension, start, value, outcome, failure_class) DO UPDATE SET
        generations = t.generations + EXCLUDED.generations,
        paid = t.paid + EXCLUDED.paid,
        cost_usd = t.cost_usd + EXCLUDED.cost_usd
),
timed AS (
    INSERT INTO latency_tally AS t (grain, dimension, start, value, stage, histogram)
        SELECT grain, dimension, start, value, stage, jsonb_object_agg(bucket, n) FROM (
            SELECT g.grain, d.dimension, g.start, d.value, l.stage, :sign * count(*) AS n,
                floor(ln(greatest(extract(epoch FROM l.span), 0.001)::float8) / ln(:ratio))::bigint AS bucket
            FROM ended {GRAINS.format(at="finished_at")}
            CROSS JOIN LATERAL (VALUES
                ('queue', queue), ('render', render), ('detection', detection), ('store', store)
            ) AS l (stage, span)
            CROSS JOIN LATERAL (VALUES
                ('all', ''), {_named(LATENCY_DIMENSIONS)}
            ) AS d (dimension, value)
            WHERE l.span IS NOT NULL
            GROUP BY g.grain, d.dimension, g.start, d.value, l.stage, bucket
        ) AS each
        GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (grain, dimension, start, value, stage) DO UPDATE SET
        histogram = add_histograms(t.histogram, EXCLUDED.histogram)
),
worded AS (
    INSERT INTO prompt_template (hash, template, first_seen)
        SELECT DISTINCT ON (template_hash) template_hash, template, finished_at FROM ended
        ORDER BY template_hash, finished_at
    ON CONFLICT DO NOTHING
)
SELECT count(*) FROM taken
"""  # noqa: S608 - words of this file only
GENERATIONS = text(f"WITH {_taken('generation')}, {COUNTED}")
TAKEN_BACK = text(f"WITH taken AS (SELECT cast(:subject AS bigint) AS subject_id), {COUNTED}")

REFUNDS = text(f"""
WITH taken AS (
    DELETE FROM refund_rollup WHERE transfer_id IN (
        SELECT transfer_id FROM refund_rollup ORDER BY transfer_id LIMIT :limit)
    RETURNING transfer_id
),
refunded AS (
    INSERT INTO generation_tally AS t
        (grain, dimension, start, value, outcome, failure_class, refunds, refunded_credits)
        SELECT g.grain, 'all', g.start, '', n.state,
            CASE WHEN n.state = 'failed' THEN coalesce(n.failure_class, 'unknown') ELSE '' END,
            count(*), sum(r.amount)
        FROM taken
        JOIN transfer r ON r.id = taken.transfer_id
        JOIN generation n ON n.id = r.generation_id
        {GRAINS.format(at="r.created_at")}
        GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (grain, dimension, start, value, outcome, failure_class) DO UPDATE SET
        refunds = t.refunds + EXCLUDED.refunds,
        refunded_credits = t.refunded_credits + EXCLUDED.refunded_credits
)
SELECT count(*) FROM taken
""")  # noqa: S608 - words of this file only
