"""Staff, customers, selfies, generations and the worker's tables.

Revision ID: r0001
Revises:
"""

from alembic import op

revision = "r0001"
down_revision: str | None = None
branch_labels = None
depends_on = None

IDENTITY = "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"

PEOPLE = f"""
CREATE TABLE staff (
    id {IDENTITY},
    email text NOT NULL CONSTRAINT staff_email_key UNIQUE,
    name text NOT NULL,
    roles text[] NOT NULL CONSTRAINT staff_roles_known
        CHECK (roles <@ ARRAY['viewer','tuner','support','approver','operator','admin']),
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE audit_event (
    id {IDENTITY},
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    staff_id bigint NOT NULL CONSTRAINT audit_event_staff_id_fkey REFERENCES staff,
    action text NOT NULL,
    subject text NOT NULL,
    reason text,
    before jsonb,
    after jsonb
);
CREATE TABLE customer (
    id {IDENTITY},
    reference text NOT NULL CONSTRAINT customer_reference_key UNIQUE
        CONSTRAINT customer_reference_filled CHECK (btrim(reference) <> ''),
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    erased_at timestamptz
);
CREATE TABLE selfie (
    id {IDENTITY},
    customer_id bigint NOT NULL CONSTRAINT selfie_customer_id_fkey REFERENCES customer,
    sha256 text NOT NULL,
    object_key text NOT NULL,
    thumbnail_key text NOT NULL,
    content_type text NOT NULL,
    width bigint NOT NULL,
    height bigint NOT NULL,
    size_bytes bigint NOT NULL,
    cropped boolean NOT NULL,
    warnings jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT selfie_customer_id_sha256_key UNIQUE (customer_id, sha256)
);
"""

GENERATIONS = f"""
CREATE TABLE generation (
    id {IDENTITY},
    request_key text NOT NULL CONSTRAINT generation_request_key_key UNIQUE,
    purpose text NOT NULL CONSTRAINT generation_purpose_known CHECK (purpose IN ('avatar','preview')),
    customer_id bigint NOT NULL CONSTRAINT generation_customer_id_fkey REFERENCES customer,
    selfie_id bigint NOT NULL CONSTRAINT generation_selfie_id_fkey REFERENCES selfie,
    requested_by bigint NOT NULL CONSTRAINT generation_requested_by_fkey REFERENCES staff,
    retry_of bigint CONSTRAINT generation_retry_of_fkey REFERENCES generation,
    template text NOT NULL,
    prompt text NOT NULL CONSTRAINT generation_prompt_filled CHECK (btrim(prompt) <> ''),
    model text NOT NULL,
    parameters jsonb NOT NULL,
    credits bigint NOT NULL,
    price_usd numeric(10,4),
    priority bigint NOT NULL DEFAULT 0,
    state text NOT NULL CONSTRAINT generation_state_known CHECK (state IN
        ('queued','submitting','rendering','storing','succeeded','failed','canceled')),
    previous_state text,
    created_at timestamptz NOT NULL DEFAULT now(),
    state_since timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL DEFAULT now(),
    deadline_at timestamptz NOT NULL,
    finished_at timestamptz,
    attempts bigint NOT NULL DEFAULT 0,
    max_attempts bigint NOT NULL CONSTRAINT generation_attempts_some CHECK (max_attempts > 0),
    canceled_by text,
    lease_owner text,
    lease_token bigint NOT NULL DEFAULT 0,
    lease_until timestamptz,
    failure_class text,
    failure_rule text,
    failure_message text,
    failure_detail text,
    fingerprint text,
    CONSTRAINT generation_preview_free CHECK ((purpose = 'preview') = (credits = 0)),
    CONSTRAINT generation_credits_positive CHECK (credits >= 0),
    CONSTRAINT generation_ended CHECK
        ((state IN ('succeeded','failed','canceled')) = (finished_at IS NOT NULL)),
    CONSTRAINT generation_failure_told CHECK
        (state <> 'failed' OR (failure_class IS NOT NULL AND failure_message IS NOT NULL))
) WITH (fillfactor = 70);
-- No index bears a lease column, so that claims stay HOT updates.
CREATE INDEX generation_open_due ON generation (state, priority DESC, due_at)
    WHERE state IN ('queued','submitting','rendering','storing');
CREATE INDEX generation_open_deadline ON generation (deadline_at)
    WHERE state IN ('queued','submitting','rendering','storing');
CREATE INDEX generation_customer_id ON generation (customer_id, id DESC);
CREATE INDEX generation_state_id ON generation (state, id DESC);
CREATE INDEX generation_failure_class_id ON generation (failure_class, id DESC)
    WHERE failure_class IS NOT NULL;
CREATE INDEX generation_created_at ON generation (created_at);

CREATE TABLE render_attempt (
    id {IDENTITY},
    generation_id bigint NOT NULL CONSTRAINT render_attempt_generation_id_fkey REFERENCES generation,
    number bigint NOT NULL,
    client_ref uuid NOT NULL CONSTRAINT render_attempt_client_ref_key UNIQUE,
    status text NOT NULL CONSTRAINT render_attempt_status_known
        CHECK (status IN ('open','accepted','succeeded','failed','canceled','lost')),
    remote_id text CONSTRAINT render_attempt_remote_id_key UNIQUE,
    remote_status text,
    remote_url text,
    worker text NOT NULL,
    submitted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    accepted_at timestamptz,
    started_at timestamptz,
    completed_at timestamptz,
    ended_at timestamptz,
    predict_seconds double precision,
    adopted boolean NOT NULL DEFAULT false,
    detected_by text,
    detected_at timestamptz,
    output jsonb,
    save_by timestamptz,
    store_tries bigint NOT NULL DEFAULT 0,
    next_check_at timestamptz,
    cost_usd numeric(10,4),
    failure_class text,
    failure_rule text,
    failure_detail text,
    CONSTRAINT render_attempt_generation_id_number_key UNIQUE (generation_id, number),
    CONSTRAINT render_attempt_accepted_known CHECK
        (status NOT IN ('accepted','succeeded') OR remote_id IS NOT NULL)
) WITH (fillfactor = 70);
-- A generation never has two tries under way.
CREATE UNIQUE INDEX render_attempt_one_open ON render_attempt (generation_id)
    WHERE status IN ('open','accepted');
CREATE INDEX render_attempt_under_way ON render_attempt (submitted_at) WHERE status IN ('open','accepted');
-- What has ended here but may still be drawn, and billed, there.
CREATE INDEX render_attempt_to_stop ON render_attempt (next_check_at)
    WHERE status IN ('failed','canceled','lost') AND remote_status IN ('starting','processing');

CREATE TABLE kept_output (
    generation_id bigint PRIMARY KEY CONSTRAINT kept_output_generation_id_fkey REFERENCES generation,
    content bytea NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE avatar (
    generation_id bigint PRIMARY KEY CONSTRAINT avatar_generation_id_fkey REFERENCES generation,
    attempt_id bigint NOT NULL CONSTRAINT avatar_attempt_id_fkey REFERENCES render_attempt,
    object_key text NOT NULL,
    thumbnail_key text NOT NULL,
    content_type text NOT NULL,
    sha256 text NOT NULL,
    width bigint NOT NULL,
    height bigint NOT NULL,
    size_bytes bigint NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE generation_event (
    id {IDENTITY},
    generation_id bigint NOT NULL CONSTRAINT generation_event_generation_id_fkey REFERENCES generation,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    from_state text,
    to_state text NOT NULL,
    actor text NOT NULL,
    note text
);
CREATE INDEX generation_event_generation_id ON generation_event (generation_id, id);
"""

WORKERS = """
CREATE TABLE worker (
    id text PRIMARY KEY,
    host text NOT NULL,
    pid bigint NOT NULL,
    version text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    beat_at timestamptz NOT NULL DEFAULT now(),
    stopped_at timestamptz,
    fenced_writes bigint NOT NULL DEFAULT 0,
    ticks jsonb NOT NULL DEFAULT '{}'
) WITH (fillfactor = 50);
CREATE TABLE named_lease (
    name text PRIMARY KEY,
    owner text,
    token bigint NOT NULL DEFAULT 0,
    lease_until timestamptz,
    last_run_at timestamptz
) WITH (fillfactor = 50);
CREATE TABLE api_budget (
    kind text PRIMARY KEY,
    next_free_at timestamptz NOT NULL,
    paused_until timestamptz,
    throttled_count bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE TABLE webhook_inbox (
    webhook_id text PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT now()
);
"""

APPEND_ONLY = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: rows of this table are only ever added', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'IK001';
END $$;
CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_event_no_truncate BEFORE TRUNCATE ON audit_event EXECUTE FUNCTION refuse_change();
"""

SEED = """
INSERT INTO api_budget (kind, next_free_at) VALUES ('create', now()), ('read', now());
"""

TABLES = (
    "webhook_inbox api_budget named_lease worker generation_event avatar kept_output render_attempt "
    "generation selfie customer audit_event staff"
)


def upgrade() -> None:
    for statements in (PEOPLE, GENERATIONS, WORKERS, APPEND_ONLY, SEED):
        op.execute(statements)


def downgrade() -> None:
    for table in TABLES.split():
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION refuse_change")
