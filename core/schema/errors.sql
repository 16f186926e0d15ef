-- What failed and why: events, groups, counts for the charts, overrides and retries.

CREATE TABLE error_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text NOT NULL CONSTRAINT error_event_kind_known CHECK (kind IN ('attempt', 'generation')),
    generation_id bigint NOT NULL REFERENCES generation,
    attempt_id bigint REFERENCES render_attempt,
    customer_id bigint NOT NULL,
    fingerprint text NOT NULL,
    failure_class text NOT NULL,
    rule text,
    template_hash text NOT NULL,
    cost_usd numeric(10,4) NOT NULL DEFAULT 0,
    credits bigint NOT NULL DEFAULT 0,
    place text,
    http_status bigint,
    code text,
    exception text,
    CONSTRAINT error_event_attempt_told CHECK ((kind = 'attempt') = (attempt_id IS NOT NULL))
);
COMMENT ON TABLE error_event IS
    'One failed attempt, or one generation that failed in the end; append-only. cost_usd is what the '
    'attempt cost us although it failed, credits what the lost generation had charged. place, '
    'http_status, code and exception are what the classifier was given beside the text; empty where we '
    'knew the class ourselves, and in events that are older than these columns.';
CREATE INDEX error_event_at ON error_event (at) INCLUDE (kind, failure_class);
CREATE INDEX error_event_fingerprint ON error_event (fingerprint, generation_id DESC);
CREATE INDEX error_event_generation_id ON error_event (generation_id);
CREATE INDEX error_event_override ON error_event (rule, at) WHERE rule ~~ 'override:%';

CREATE TABLE prompt_template (
    hash text PRIMARY KEY,
    template text NOT NULL,
    first_seen timestamptz NOT NULL
);
COMMENT ON TABLE prompt_template IS 'The words behind the hash of a template.';

CREATE TABLE error_group (
    fingerprint text PRIMARY KEY,
    failure_class text NOT NULL,
    message text NOT NULL,
    state text NOT NULL DEFAULT 'new'
        CONSTRAINT error_group_state_known
            CHECK (state IN ('new', 'ongoing', 'escalating', 'regressed', 'acknowledged', 'muted',
            'resolved')),
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
    assignee_id bigint REFERENCES staff,
    note text,
    CONSTRAINT error_group_acknowledged_by_whom
        CHECK ((state = 'acknowledged') = (acknowledged_by IS NOT NULL)),
    CONSTRAINT error_group_muted_or_resolved CHECK (muted_until IS NULL OR resolved_at IS NULL),
    CONSTRAINT error_group_muted_until_when CHECK ((state = 'muted') = (muted_until IS NOT NULL)),
    CONSTRAINT error_group_resolved_of CHECK (resolved_template IS NULL OR state = 'resolved'),
    CONSTRAINT error_group_resolved_when CHECK ((state = 'resolved') = (resolved_at IS NOT NULL))
) WITH (fillfactor = 50);
COMMENT ON TABLE error_group IS
    'All failures of one fingerprint. Its counts follow by the rollup tick; its state is true at once. '
    'muted_until is set while it is muted and resolved_at while it is resolved, so it is never both. With '
    'resolved_template only a later failure of that very template brings it back.';

CREATE TABLE error_group_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fingerprint text NOT NULL REFERENCES error_group,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    action text NOT NULL,
    from_state text,
    to_state text NOT NULL,
    note text
);
COMMENT ON TABLE error_group_change IS
    'One line of a group''s history; append-only. actor is a person''s name, or system.';
CREATE INDEX error_group_change_fingerprint ON error_group_change (fingerprint, id);

CREATE TABLE error_group_customer (
    fingerprint text NOT NULL,
    customer_id bigint NOT NULL,
    PRIMARY KEY (fingerprint, customer_id)
);
COMMENT ON TABLE error_group_customer IS 'A customer whom a group has hit.';

CREATE TABLE error_group_hour (
    fingerprint text NOT NULL,
    hour timestamptz NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (fingerprint, hour)
) WITH (fillfactor = 70);
COMMENT ON TABLE error_group_hour IS 'How often a group occurred in one hour (UTC).';

CREATE TABLE generation_tally (
    grain text NOT NULL CONSTRAINT generation_tally_grain_known CHECK (grain IN ('quarter', 'day')),
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
    PRIMARY KEY (grain, dimension, start, value, outcome, failure_class)
) WITH (fillfactor = 70);
COMMENT ON TABLE generation_tally IS
    'How many generations ended how, in one quarter of an hour or one UTC day, by one dimension at a '
    'time. dimension all has the value ''''. Refunds count at the time of the refund, the rest at the end '
    'of the generation. paid counts those that cost us something, cost_usd how much that was.';

CREATE TABLE latency_tally (
    grain text NOT NULL CONSTRAINT latency_tally_grain_known CHECK (grain IN ('quarter', 'day')),
    dimension text NOT NULL,
    start timestamptz NOT NULL,
    value text NOT NULL,
    stage text NOT NULL,
    histogram jsonb NOT NULL,
    PRIMARY KEY (grain, dimension, start, value, stage)
) WITH (fillfactor = 70);
COMMENT ON TABLE latency_tally IS
    'How many generations took how long in a stage, by one dimension at a time; all has the value ''''. '
    'histogram has how many lie in each bucket, by its number. Bucket n begins at BUCKET_RATIO to the '
    'n-th power in seconds. In one row, because a row of its own for each bucket makes the tick many '
    'times dearer.';

CREATE TABLE rollup_queue (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CONSTRAINT rollup_queue_kind_known CHECK (kind IN ('event', 'generation')),
    subject_id bigint NOT NULL,
    queued_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE rollup_queue IS
    'What the rollup tick has not counted yet; filled by triggers in the transaction that caused it.';
CREATE INDEX rollup_queue_kind_id ON rollup_queue (kind, id);

CREATE TABLE refund_rollup (
    transfer_id bigint PRIMARY KEY
);
COMMENT ON TABLE refund_rollup IS
    'A refund that the rollup tick has not counted yet; its transfer wrote this row with itself.';

CREATE TABLE error_override (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE error_override IS
    'A rule that is asked before the built-in ones. version is the one in force.';

CREATE TABLE error_override_version (
    override_id bigint NOT NULL REFERENCES error_override,
    version bigint NOT NULL,
    pattern text NOT NULL,
    place text,
    http_status bigint,
    code text,
    model text,
    failure_class text NOT NULL,
    position bigint NOT NULL,
    enabled boolean NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason text NOT NULL CONSTRAINT error_override_version_reason_told CHECK (reason <> ''),
    PRIMARY KEY (override_id, version),
    CONSTRAINT error_override_version_asks_something
        CHECK (pattern <> '' OR http_status IS NOT NULL OR code IS NOT NULL)
);
COMMENT ON TABLE error_override_version IS
    'What a rule said from one change to the next; append-only. Rules are asked by position, the smallest '
    'first, and among equals the older first.';

CREATE TABLE retry_batch (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token text NOT NULL UNIQUE,
    fingerprint text NOT NULL REFERENCES error_group,
    started_by bigint NOT NULL REFERENCES staff,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    since timestamptz,
    until timestamptz NOT NULL,
    credits bigint NOT NULL CONSTRAINT retry_batch_credits_positive CHECK (credits >= 0),
    cost_usd numeric(14,4) NOT NULL,
    state text NOT NULL DEFAULT 'running'
        CONSTRAINT retry_batch_state_known CHECK (state IN ('running', 'done', 'stopped', 'halted')),
    ended_at timestamptz,
    ended_because text,
    CONSTRAINT retry_batch_ended CHECK ((state = 'running') = (ended_at IS NULL)),
    CONSTRAINT retry_batch_told CHECK ((state IN ('stopped', 'halted')) = (ended_because IS NOT NULL))
);
COMMENT ON TABLE retry_batch IS
    'Failed generations of one error group that are retried together; token names what was confirmed. '
    'credits and cost_usd are what was confirmed, in credits of customers and dollars of ours.';
CREATE INDEX retry_batch_fingerprint ON retry_batch (fingerprint, id DESC);
CREATE INDEX retry_batch_running ON retry_batch (id) WHERE state = 'running';

CREATE TABLE retry_batch_item (
    batch_id bigint NOT NULL REFERENCES retry_batch,
    generation_id bigint NOT NULL REFERENCES generation,
    credits bigint NOT NULL,
    state text NOT NULL DEFAULT 'waiting'
        CONSTRAINT retry_batch_item_state_known CHECK (state IN ('waiting', 'requested', 'skipped')),
    retry_id bigint UNIQUE REFERENCES generation,
    reason text,
    settled_at timestamptz,
    PRIMARY KEY (batch_id, generation_id),
    CONSTRAINT retry_batch_item_requested CHECK ((state = 'requested') = (retry_id IS NOT NULL)),
    CONSTRAINT retry_batch_item_settled CHECK ((state = 'waiting') = (settled_at IS NULL)),
    CONSTRAINT retry_batch_item_skipped CHECK ((state = 'skipped') = (reason IS NOT NULL))
);
COMMENT ON TABLE retry_batch_item IS
    'One failed generation of a batch: retry_id is what it became, or reason says why nothing. credits is '
    'the price that was confirmed for it.';
CREATE INDEX retry_batch_item_generation ON retry_batch_item (generation_id) WHERE state = 'waiting';
CREATE INDEX retry_batch_item_waiting ON retry_batch_item (batch_id, generation_id) WHERE state = 'waiting';

CREATE FUNCTION add_histograms(jsonb,
    jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $_$
    SELECT coalesce(jsonb_object_agg(key, n), '{}') FROM (
        SELECT key, sum(value::bigint) AS n FROM (
            SELECT * FROM jsonb_each_text($1) UNION ALL SELECT * FROM jsonb_each_text($2)
        ) AS both_of_them GROUP BY key
    ) AS added
$_$;

CREATE FUNCTION queue_rollup() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rollup_queue (kind, subject_id) VALUES (TG_ARGV[0], NEW.id);
    RETURN NULL;
END $$;

CREATE TRIGGER generation_queue_rollup AFTER UPDATE OF finished_at ON generation
    FOR EACH ROW WHEN (old.finished_at IS NULL
    AND new.finished_at IS NOT NULL) EXECUTE FUNCTION queue_rollup('generation');
CREATE TRIGGER generation_queue_rollup_new AFTER INSERT ON generation
    FOR EACH ROW WHEN (new.finished_at IS NOT NULL) EXECUTE FUNCTION queue_rollup('generation');
CREATE TRIGGER error_event_queue_rollup AFTER INSERT ON error_event
    FOR EACH ROW EXECUTE FUNCTION queue_rollup('event');

-- Rows that are only ever added, or changed and never taken away.
CREATE TRIGGER error_event_kept BEFORE DELETE OR UPDATE ON error_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER error_event_no_truncate BEFORE TRUNCATE ON error_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER error_group_change_kept BEFORE DELETE OR UPDATE ON error_group_change
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER error_group_change_no_truncate BEFORE TRUNCATE ON error_group_change
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER error_override_version_kept BEFORE DELETE OR UPDATE ON error_override_version
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER error_override_version_no_truncate BEFORE TRUNCATE ON error_override_version
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
