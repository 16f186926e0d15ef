"""Error events and groups, and the tallies that charts read instead of a million rows.

Revision ID: r0004
Revises: r0003
"""

from alembic import op

revision = "r0004"
down_revision: str | None = "r0003"
branch_labels = None
depends_on = None

IDENTITY = "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"

# Events bear the name of their group without a foreign key: each failure would lock the group's row, and a
# provider outage is the moment in which hundreds fail into one group at once.
GROUPS = f"""
CREATE TABLE error_event (
    id {IDENTITY},
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text NOT NULL CONSTRAINT error_event_kind_known CHECK (kind IN ('attempt','generation')),
    generation_id bigint NOT NULL CONSTRAINT error_event_generation_id_fkey REFERENCES generation,
    attempt_id bigint CONSTRAINT error_event_attempt_id_fkey REFERENCES render_attempt,
    customer_id bigint NOT NULL,
    fingerprint text NOT NULL,
    failure_class text NOT NULL,
    rule text,
    template_hash text NOT NULL,
    cost_usd numeric(10,4) NOT NULL DEFAULT 0,
    credits bigint NOT NULL DEFAULT 0,
    CONSTRAINT error_event_attempt_told CHECK ((kind = 'attempt') = (attempt_id IS NOT NULL))
);
CREATE INDEX error_event_fingerprint ON error_event (fingerprint, generation_id DESC);
CREATE INDEX error_event_at ON error_event (at) INCLUDE (kind, failure_class);
CREATE INDEX error_event_generation_id ON error_event (generation_id);

CREATE TABLE error_group (
    fingerprint text PRIMARY KEY,
    failure_class text NOT NULL,
    message text NOT NULL,
    state text NOT NULL DEFAULT 'new' CONSTRAINT error_group_state_known CHECK (state IN
        ('new','ongoing','escalating','regressed','acknowledged','muted','resolved')),
    state_since timestamptz NOT NULL DEFAULT clock_timestamp(),
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    failed_attempts bigint NOT NULL DEFAULT 0,
    failed_generations bigint NOT NULL DEFAULT 0,
    customers bigint NOT NULL DEFAULT 0,
    cost_usd numeric(14,4) NOT NULL DEFAULT 0,
    credits bigint NOT NULL DEFAULT 0,
    acknowledged_by text,
    muted_until timestamptz,
    resolved_at timestamptz,
    resolved_template text,
    assignee_id bigint CONSTRAINT error_group_assignee_id_fkey REFERENCES staff,
    note text,
    CONSTRAINT error_group_muted_or_resolved CHECK (muted_until IS NULL OR resolved_at IS NULL),
    CONSTRAINT error_group_acknowledged_by_whom
        CHECK ((state = 'acknowledged') = (acknowledged_by IS NOT NULL)),
    CONSTRAINT error_group_muted_until_when CHECK ((state = 'muted') = (muted_until IS NOT NULL)),
    CONSTRAINT error_group_resolved_when CHECK ((state = 'resolved') = (resolved_at IS NOT NULL)),
    CONSTRAINT error_group_resolved_of CHECK (resolved_template IS NULL OR state = 'resolved')
) WITH (fillfactor = 50);

CREATE TABLE error_group_customer (
    fingerprint text NOT NULL,
    customer_id bigint NOT NULL,
    CONSTRAINT error_group_customer_pkey PRIMARY KEY (fingerprint, customer_id)
);
CREATE TABLE error_group_hour (
    fingerprint text NOT NULL,
    hour timestamptz NOT NULL,
    events bigint NOT NULL,
    CONSTRAINT error_group_hour_pkey PRIMARY KEY (fingerprint, hour)
) WITH (fillfactor = 70);
CREATE TABLE error_group_change (
    id {IDENTITY},
    fingerprint text NOT NULL CONSTRAINT error_group_change_fingerprint_fkey REFERENCES error_group,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    action text NOT NULL,
    from_state text,
    to_state text NOT NULL,
    note text
);
CREATE INDEX error_group_change_fingerprint ON error_group_change (fingerprint, id);
"""

# A grain of quarters of an hour, because time zones differ by such: days and hours of any of them are made of
# whole rows. Days (UTC) hold the same sums once more, so that a long range reads few rows.
TALLIES = f"""
CREATE TABLE generation_tally (
    grain text NOT NULL CONSTRAINT generation_tally_grain_known CHECK (grain IN ('quarter','day')),
    dimension text NOT NULL,
    start timestamptz NOT NULL,
    value text NOT NULL,
    outcome text NOT NULL,
    failure_class text NOT NULL,
    generations bigint NOT NULL DEFAULT 0,
    paid bigint NOT NULL DEFAULT 0,
    cost_usd numeric(14,4) NOT NULL DEFAULT 0,
    refunds bigint NOT NULL DEFAULT 0,
    refunded_credits bigint NOT NULL DEFAULT 0,
    CONSTRAINT generation_tally_pkey PRIMARY KEY (grain, dimension, start, value, outcome, failure_class)
) WITH (fillfactor = 70);
CREATE TABLE latency_tally (
    grain text NOT NULL CONSTRAINT latency_tally_grain_known CHECK (grain IN ('quarter','day')),
    start timestamptz NOT NULL,
    stage text NOT NULL,
    bucket bigint NOT NULL,
    generations bigint NOT NULL,
    CONSTRAINT latency_tally_pkey PRIMARY KEY (grain, start, stage, bucket)
) WITH (fillfactor = 70);
CREATE TABLE prompt_template (
    hash text PRIMARY KEY,
    template text NOT NULL,
    first_seen timestamptz NOT NULL
);
CREATE TABLE rollup_queue (
    id {IDENTITY},
    kind text NOT NULL CONSTRAINT rollup_queue_kind_known CHECK (kind IN ('event','generation','refund')),
    subject_id bigint NOT NULL,
    queued_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX rollup_queue_kind_id ON rollup_queue (kind, id);
-- What a chart's click asks the list for.
CREATE INDEX generation_template_ended ON generation (md5(template), finished_at)
    WHERE finished_at IS NOT NULL;
"""

# Whatever ends, fails or is refunded waits for the next tick in the same transaction: however late that
# commits, nothing is missed and nothing is counted twice.
QUEUEING = """
CREATE FUNCTION queue_rollup() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rollup_queue (kind, subject_id) VALUES (TG_ARGV[0], NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER generation_queue_rollup_new AFTER INSERT ON generation
    FOR EACH ROW WHEN (NEW.finished_at IS NOT NULL) EXECUTE FUNCTION queue_rollup('generation');
CREATE TRIGGER generation_queue_rollup AFTER UPDATE OF finished_at ON generation
    FOR EACH ROW WHEN (OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL)
    EXECUTE FUNCTION queue_rollup('generation');
CREATE TRIGGER error_event_queue_rollup AFTER INSERT ON error_event
    FOR EACH ROW EXECUTE FUNCTION queue_rollup('event');
CREATE TRIGGER transfer_queue_rollup AFTER INSERT ON transfer
    FOR EACH ROW WHEN (NEW.kind = 'refund') EXECUTE FUNCTION queue_rollup('refund');
"""

KEPT = ("error_event", "error_group_change")

# What happened before this table was there: failed generations bear their fingerprint already.
HISTORY = """
INSERT INTO error_group (fingerprint, failure_class, message, first_seen, last_seen)
    SELECT fingerprint, failure_class, (array_agg(left(coalesce(failure_detail, ''), 2000) ORDER BY id))[1],
        min(finished_at), max(finished_at)
    FROM generation WHERE state = 'failed' AND fingerprint IS NOT NULL GROUP BY fingerprint, failure_class;
INSERT INTO error_group_change (fingerprint, at, actor, action, to_state)
    SELECT fingerprint, first_seen, 'system', 'seen', 'new' FROM error_group;
INSERT INTO error_event (at, kind, generation_id, customer_id, fingerprint, failure_class, rule,
                         template_hash, credits)
    SELECT finished_at, 'generation', id, customer_id, fingerprint, failure_class, failure_rule,
        md5(template), credits
    FROM generation WHERE state = 'failed' AND fingerprint IS NOT NULL ORDER BY id;
INSERT INTO rollup_queue (kind, subject_id)
    SELECT 'generation', id FROM generation WHERE finished_at IS NOT NULL ORDER BY id;
INSERT INTO rollup_queue (kind, subject_id)
    SELECT 'refund', id FROM transfer WHERE kind = 'refund' ORDER BY id;
"""

TABLES = (
    "rollup_queue prompt_template latency_tally generation_tally "
    "error_group_change error_group_hour error_group_customer error_group error_event"
)


def upgrade() -> None:
    for statements in (GROUPS, TALLIES, QUEUEING):
        op.execute(statements)
    for table in KEPT:
        op.execute(f"""
            CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table}
                FOR EACH ROW EXECUTE FUNCTION refuse_change();
            CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION refuse_change();
        """)
    op.execute(HISTORY)


def downgrade() -> None:
    op.execute("DROP INDEX generation_template_ended")
    op.execute("DROP TRIGGER transfer_queue_rollup ON transfer")
    op.execute("DROP TRIGGER generation_queue_rollup ON generation")
    op.execute("DROP TRIGGER generation_queue_rollup_new ON generation")
    for table in TABLES.split():
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION queue_rollup")
