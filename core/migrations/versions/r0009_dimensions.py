"""Times by dimension, and failures by more properties of the selfie; what is counted already is counted anew.

Revision ID: r0009
Revises: r0008
"""

from alembic import op

revision = "r0009"
down_revision: str | None = "r0008"
branch_labels = None
depends_on = None

# The tick must not count between the reading of its queue and the end of this; the number is the tick's.
NO_TICK_MEANWHILE = f"SELECT pg_advisory_xact_lock({0x1AD_7A11})"

SHAPE = """
CREATE FUNCTION add_histograms(jsonb, jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_object_agg(key, n), '{}') FROM (
        SELECT key, sum(value::bigint) AS n FROM (
            SELECT * FROM jsonb_each_text($1) UNION ALL SELECT * FROM jsonb_each_text($2)
        ) AS both_of_them GROUP BY key
    ) AS added
$$;
CREATE TABLE latency_histogram (
    grain text NOT NULL CONSTRAINT latency_tally_grain_known CHECK (grain IN ('quarter','day')),
    dimension text NOT NULL,
    start timestamptz NOT NULL,
    value text NOT NULL,
    stage text NOT NULL,
    histogram jsonb NOT NULL
) WITH (fillfactor = 70);
INSERT INTO latency_histogram
    SELECT grain, 'all', start, '', stage, jsonb_object_agg(bucket, generations)
    FROM latency_tally GROUP BY grain, start, stage;
DROP TABLE latency_tally;
ALTER TABLE latency_histogram RENAME TO latency_tally;
ALTER TABLE latency_tally
    ADD CONSTRAINT latency_tally_pkey PRIMARY KEY (grain, dimension, start, value, stage);
"""

# What waits in the queue is left to the tick.
GRAINS = """
CROSS JOIN LATERAL (VALUES
    ('quarter', date_bin('15 minutes', g.finished_at, '2000-01-01Z')),
    ('day', date_trunc('day', g.finished_at, 'UTC'))
) AS b (grain, start)
"""
COUNTED = """
g.finished_at IS NOT NULL
    AND NOT EXISTS (SELECT FROM rollup_queue q WHERE q.kind = 'generation' AND q.subject_id = g.id)
"""

FAILURES = f"""
INSERT INTO generation_tally
    (grain, dimension, start, value, outcome, failure_class, generations, paid, cost_usd)
SELECT b.grain, d.dimension, b.start, d.value, g.state,
    CASE WHEN g.state = 'failed' THEN coalesce(g.failure_class, 'unknown') ELSE '' END,
    count(*), count(*) FILTER (WHERE spent.usd > 0), coalesce(sum(spent.usd), 0)
FROM generation g
JOIN selfie s ON s.id = g.selfie_id
LEFT JOIN (SELECT generation_id, sum(cost_usd) AS usd FROM render_attempt GROUP BY generation_id) spent
    ON spent.generation_id = g.id
{GRAINS}
CROSS JOIN LATERAL (VALUES
    ('faces', CASE WHEN s.warnings @> '[{{"code": "no_face"}}]' THEN 'none found'
        WHEN s.warnings @> '[{{"code": "several_faces"}}]' THEN 'several' ELSE 'one' END),
    ('shape', CASE WHEN s.width * 10 > s.height * 11 THEN 'landscape'
        WHEN s.height * 10 > s.width * 11 THEN 'portrait' ELSE 'square' END),
    ('size', CASE WHEN least(s.width, s.height) < 512 THEN 'under 512 px'
        WHEN least(s.width, s.height) < 768 THEN '512 to 767 px' ELSE '768 px or more' END)
) AS d (dimension, value)
WHERE {COUNTED} GROUP BY 1, 2, 3, 4, 5, 6
"""  # noqa: S608 - words of this file only

TIMES = f"""
INSERT INTO latency_tally (grain, dimension, start, value, stage, histogram)
SELECT grain, dimension, start, value, stage, jsonb_object_agg(bucket, n) FROM (
SELECT b.grain, d.dimension, b.start, d.value, l.stage, count(*) AS n,
    floor(ln(greatest(extract(epoch FROM l.span), 0.001)::float8) / ln(1.05::float8))::bigint AS bucket
FROM generation g
JOIN (SELECT generation_id, min(submitted_at) AS submitted_at, max(number) AS number
    FROM render_attempt GROUP BY generation_id) tries ON tries.generation_id = g.id
JOIN render_attempt last ON last.generation_id = g.id AND last.number = tries.number
LEFT JOIN worker w ON w.id = last.worker
LEFT JOIN avatar a ON a.generation_id = g.id
{GRAINS}
CROSS JOIN LATERAL (VALUES
    ('queue', tries.submitted_at - g.created_at),
    ('render', coalesce(make_interval(secs => last.predict_seconds), last.completed_at - last.started_at)),
    ('detection', last.detected_at - last.completed_at),
    ('store', a.stored_at - last.detected_at)
) AS l (stage, span)
CROSS JOIN LATERAL (VALUES
    ('quality', coalesce(g.parameters ->> 'quality', '')), ('model', g.model),
    ('prompt', md5(g.template)), ('worker', coalesce(w.host, last.worker))
) AS d (dimension, value)
WHERE l.span IS NOT NULL AND {COUNTED}
GROUP BY b.grain, d.dimension, b.start, d.value, l.stage, bucket
) AS each GROUP BY 1, 2, 3, 4, 5
"""  # noqa: S608 - words of this file only

BACK = """
DELETE FROM generation_tally WHERE dimension IN ('faces', 'shape', 'size');
ALTER TABLE latency_tally RENAME TO latency_histogram;
ALTER TABLE latency_histogram DROP CONSTRAINT latency_tally_pkey;
CREATE TABLE latency_tally (
    grain text NOT NULL CONSTRAINT latency_tally_grain_known CHECK (grain IN ('quarter','day')),
    start timestamptz NOT NULL,
    stage text NOT NULL,
    bucket bigint NOT NULL,
    generations bigint NOT NULL,
    CONSTRAINT latency_tally_pkey PRIMARY KEY (grain, start, stage, bucket)
) WITH (fillfactor = 70);
INSERT INTO latency_tally
    SELECT grain, start, stage, b.key::bigint, b.value::bigint
    FROM latency_histogram, jsonb_each_text(histogram) AS b WHERE dimension = 'all';
DROP TABLE latency_histogram;
DROP FUNCTION add_histograms;
"""


def upgrade() -> None:
    for statement in (NO_TICK_MEANWHILE, SHAPE, FAILURES, TIMES):
        op.execute(statement)


def downgrade() -> None:
    op.execute(NO_TICK_MEANWHILE)
    op.execute(BACK)
