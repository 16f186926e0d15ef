"""Alert rules, alerts and their history, silences, and the outbox of notifications.

Revision ID: r0005
Revises: r0004
"""

from alembic import op

revision = "r0005"
down_revision: str | None = "r0004"
branch_labels = None
depends_on = None

IDENTITY = "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
SEVERITY = "CHECK (severity IN ('info','warning','critical'))"

ALERTS = f"""
CREATE TABLE alert_rule (
    id {IDENTITY},
    slug text NOT NULL CONSTRAINT alert_rule_slug_key UNIQUE,
    version bigint NOT NULL DEFAULT 1,
    evaluated_until timestamptz,
    failures bigint NOT NULL DEFAULT 0,
    problem text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE alert_rule_version (
    rule_id bigint NOT NULL CONSTRAINT alert_rule_version_rule_id_fkey REFERENCES alert_rule,
    version bigint NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    parameters jsonb NOT NULL,
    severity text NOT NULL CONSTRAINT alert_rule_version_severity_known {SEVERITY},
    every_seconds double precision NOT NULL
        CONSTRAINT alert_rule_version_every_positive CHECK (every_seconds > 0),
    for_seconds double precision NOT NULL CONSTRAINT alert_rule_version_for_possible CHECK (for_seconds >= 0),
    keep_seconds double precision NOT NULL
        CONSTRAINT alert_rule_version_keep_possible CHECK (keep_seconds >= 0),
    no_data text NOT NULL
        CONSTRAINT alert_rule_version_no_data_known CHECK (no_data IN ('keep','good','bad')),
    enabled boolean NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason text,
    CONSTRAINT alert_rule_version_pkey PRIMARY KEY (rule_id, version)
);
CREATE TABLE alert (
    id {IDENTITY},
    rule_id bigint NOT NULL CONSTRAINT alert_rule_id_fkey REFERENCES alert_rule,
    subject text NOT NULL,
    title text NOT NULL,
    severity text NOT NULL CONSTRAINT alert_severity_known {SEVERITY},
    state text NOT NULL
        CONSTRAINT alert_state_known CHECK (state IN ('pending','firing','recovering','resolved')),
    state_since timestamptz NOT NULL,
    pending_since timestamptz NOT NULL,
    heard_at timestamptz NOT NULL,
    fired_at timestamptz,
    resolved_at timestamptz,
    reading jsonb NOT NULL,
    acknowledged_by text,
    acknowledged_at timestamptz,
    acknowledged_until timestamptz,
    acknowledged_why text,
    snoozed_by text,
    snoozed_until timestamptz,
    reminded_at timestamptz,
    held text,
    CONSTRAINT alert_fired_when CHECK (state NOT IN ('firing','recovering') OR fired_at IS NOT NULL),
    CONSTRAINT alert_resolved_when CHECK ((state = 'resolved') = (resolved_at IS NOT NULL)),
    CONSTRAINT alert_acknowledged_while_open CHECK (state <> 'resolved' OR acknowledged_by IS NULL)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX alert_one_open ON alert (rule_id, subject) WHERE state <> 'resolved';
CREATE INDEX alert_fired ON alert (id DESC) WHERE fired_at IS NOT NULL;
CREATE TABLE alert_history (
    id {IDENTITY},
    alert_id bigint NOT NULL CONSTRAINT alert_history_alert_id_fkey REFERENCES alert,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    action text NOT NULL,
    from_state text,
    to_state text NOT NULL,
    note text
);
CREATE INDEX alert_history_alert_id ON alert_history (alert_id, id);
CREATE TABLE silence (
    id {IDENTITY},
    matchers jsonb NOT NULL CONSTRAINT silence_matches_something CHECK (matchers <> '{{}}'),
    starts_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ends_at timestamptz NOT NULL,
    reason text NOT NULL,
    made_by text NOT NULL,
    ended_by text,
    CONSTRAINT silence_ends_later CHECK (ends_at >= starts_at)
);
CREATE INDEX silence_ends_at ON silence (ends_at);
"""

OUTBOX = f"""
CREATE TABLE notification_channel (
    id {IDENTITY},
    name text NOT NULL CONSTRAINT notification_channel_name_key UNIQUE,
    kind text NOT NULL
        CONSTRAINT notification_channel_kind_known CHECK (kind IN ('webhook','email','apprise')),
    address text NOT NULL,
    min_severity text NOT NULL CONSTRAINT notification_channel_severity_known
        CHECK (min_severity IN ('info','warning','critical')),
    enabled boolean NOT NULL DEFAULT true,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE notification (
    id {IDENTITY},
    key text NOT NULL CONSTRAINT notification_key_key UNIQUE,
    topic text NOT NULL,
    event text NOT NULL,
    severity text NOT NULL CONSTRAINT notification_severity_known {SEVERITY},
    title text NOT NULL,
    body text NOT NULL,
    link text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX notification_topic ON notification (topic, event, created_at DESC);
CREATE TABLE delivery (
    id {IDENTITY},
    notification_id bigint NOT NULL CONSTRAINT delivery_notification_id_fkey REFERENCES notification,
    channel_id bigint NOT NULL CONSTRAINT delivery_channel_id_fkey REFERENCES notification_channel,
    state text NOT NULL DEFAULT 'waiting'
        CONSTRAINT delivery_state_known CHECK (state IN ('waiting','delivered','given_up')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tries bigint NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease_token bigint NOT NULL DEFAULT 0,
    ended_at timestamptz,
    status bigint,
    answer text,
    CONSTRAINT delivery_notification_id_channel_id_key UNIQUE (notification_id, channel_id)
) WITH (fillfactor = 70);
CREATE INDEX delivery_waiting ON delivery (next_try_at) WHERE state = 'waiting';
CREATE INDEX delivery_channel_id ON delivery (channel_id, id DESC);
CREATE TABLE delivery_try (
    id {IDENTITY},
    delivery_id bigint NOT NULL CONSTRAINT delivery_try_delivery_id_fkey REFERENCES delivery,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seconds double precision NOT NULL,
    outcome text NOT NULL
        CONSTRAINT delivery_try_outcome_known CHECK (outcome IN ('accepted','retry','refused')),
    status bigint,
    answer text NOT NULL
);
CREATE INDEX delivery_try_delivery_id ON delivery_try (delivery_id, id);
-- Each transition that people are to hear of, until it has become part of a notification.
CREATE TABLE alert_notice (
    id {IDENTITY},
    alert_id bigint NOT NULL CONSTRAINT alert_notice_alert_id_fkey REFERENCES alert,
    event text NOT NULL
        CONSTRAINT alert_notice_event_known CHECK (event IN ('fired','raised','reminder','resolved')),
    number bigint NOT NULL DEFAULT 0,
    topic text NOT NULL,
    at timestamptz NOT NULL,
    noted_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'waiting'
        CONSTRAINT alert_notice_state_known CHECK (state IN ('waiting','announced','dropped')),
    notification_id bigint CONSTRAINT alert_notice_notification_id_fkey REFERENCES notification,
    CONSTRAINT alert_notice_alert_id_event_number_key UNIQUE (alert_id, event, number),
    CONSTRAINT alert_notice_announced_by CHECK ((state = 'announced') = (notification_id IS NOT NULL))
);
CREATE INDEX alert_notice_waiting ON alert_notice (id) WHERE state = 'waiting';
"""

MEASURED = """
CREATE INDEX render_attempt_spent ON render_attempt (ended_at) INCLUDE (cost_usd) WHERE cost_usd > 0;
CREATE INDEX transfer_settled_at ON transfer (created_at) INCLUDE (kind) WHERE kind IN ('capture','refund');
"""

KEPT = ("alert_rule_version", "alert_history", "delivery_try")
TABLES = (
    "alert_notice delivery_try delivery notification notification_channel silence alert_history alert "
    "alert_rule_version alert_rule"
)


def upgrade() -> None:
    for statements in (ALERTS, OUTBOX, MEASURED):
        op.execute(statements)
    for table in KEPT:
        op.execute(f"""
            CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table}
                FOR EACH ROW EXECUTE FUNCTION refuse_change();
            CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION refuse_change();
        """)


def downgrade() -> None:
    op.execute("DROP INDEX transfer_settled_at")
    op.execute("DROP INDEX render_attempt_spent")
    for table in TABLES.split():
        op.execute(f"DROP TABLE {table}")
