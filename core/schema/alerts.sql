-- Rules that are watched, and their alerts.

CREATE TABLE alert_rule (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug text NOT NULL UNIQUE,
    version bigint NOT NULL DEFAULT 1,
    evaluated_until timestamptz,
    failures bigint NOT NULL DEFAULT 0,
    problem text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE alert_rule IS
    'A rule and how far it was evaluated. version is the one in force. evaluated_until is the watermark: '
    'what happened after it is still to be looked at, however late. failures counts the evaluations in a '
    'row that could not be made, problem says why.';

CREATE TABLE alert_rule_version (
    rule_id bigint NOT NULL REFERENCES alert_rule,
    version bigint NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    parameters jsonb NOT NULL,
    severity text NOT NULL
        CONSTRAINT alert_rule_version_severity_known CHECK (severity IN ('info', 'warning', 'critical')),
    every_seconds double precision NOT NULL
        CONSTRAINT alert_rule_version_every_positive CHECK (every_seconds > 0),
    for_seconds double precision NOT NULL
        CONSTRAINT alert_rule_version_for_possible CHECK (for_seconds >= 0),
    keep_seconds double precision NOT NULL
        CONSTRAINT alert_rule_version_keep_possible CHECK (keep_seconds >= 0),
    no_data text NOT NULL
        CONSTRAINT alert_rule_version_no_data_known CHECK (no_data IN ('keep', 'good', 'bad')),
    enabled boolean NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason text,
    PRIMARY KEY (rule_id, version)
);
COMMENT ON TABLE alert_rule_version IS
    'What a rule said from one edit to the next; append-only. Times are in seconds.';

CREATE TABLE alert (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule_id bigint NOT NULL REFERENCES alert_rule,
    subject text NOT NULL,
    title text NOT NULL,
    severity text NOT NULL
        CONSTRAINT alert_severity_known CHECK (severity IN ('info', 'warning', 'critical')),
    state text NOT NULL
        CONSTRAINT alert_state_known CHECK (state IN ('pending', 'firing', 'recovering', 'resolved')),
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
    CONSTRAINT alert_acknowledged_while_open CHECK (state <> 'resolved' OR acknowledged_by IS NULL),
    CONSTRAINT alert_fired_when CHECK ((state NOT IN ('firing', 'recovering')) OR fired_at IS NOT NULL),
    CONSTRAINT alert_resolved_when CHECK ((state = 'resolved') = (resolved_at IS NOT NULL))
) WITH (fillfactor = 70);
COMMENT ON TABLE alert IS
    'One episode of a rule for one subject, from pending to resolved. At most one is open at a time. '
    'fired_at stays empty where it never got beyond pending. held says why nobody is told: silenced, '
    'snoozed or inhibited by another alert.';
CREATE INDEX alert_fired ON alert (id DESC) WHERE fired_at IS NOT NULL;
CREATE UNIQUE INDEX alert_one_open ON alert (rule_id, subject) WHERE state <> 'resolved';

CREATE TABLE alert_notice (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id bigint NOT NULL REFERENCES alert,
    event text NOT NULL
        CONSTRAINT alert_notice_event_known CHECK (event IN ('fired', 'raised', 'reminder', 'resolved')),
    number bigint NOT NULL DEFAULT 0,
    topic text NOT NULL,
    at timestamptz NOT NULL,
    noted_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'waiting'
        CONSTRAINT alert_notice_state_known CHECK (state IN ('waiting', 'announced', 'dropped')),
    notification_id bigint REFERENCES notification,
    UNIQUE (alert_id, event, number),
    CONSTRAINT alert_notice_announced_by CHECK ((state = 'announced') = (notification_id IS NOT NULL))
);
COMMENT ON TABLE alert_notice IS
    'A transition that people are to hear of, until it is part of a notification or dropped. at is when '
    'it happened, noted_at when the evaluator found out.';
CREATE INDEX alert_notice_waiting ON alert_notice (id) WHERE state = 'waiting';

CREATE TABLE alert_history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id bigint NOT NULL REFERENCES alert,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    action text NOT NULL,
    from_state text,
    to_state text NOT NULL,
    note text
);
COMMENT ON TABLE alert_history IS
    'One line of an alert''s history; append-only. actor is a person''s name, or system.';
CREATE INDEX alert_history_alert_id ON alert_history (alert_id, id);

CREATE TABLE silence (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    matchers jsonb NOT NULL CONSTRAINT silence_matches_something CHECK (matchers <> '{}'::jsonb),
    starts_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ends_at timestamptz NOT NULL,
    reason text NOT NULL,
    made_by text NOT NULL,
    ended_by text,
    CONSTRAINT silence_ends_later CHECK (ends_at >= starts_at)
);
COMMENT ON TABLE silence IS 'Nobody is told of alerts that match all of matchers until it ends.';
CREATE INDEX silence_ends_at ON silence (ends_at);

-- Rows that are only ever added, or changed and never taken away.
CREATE TRIGGER alert_rule_version_kept BEFORE DELETE OR UPDATE ON alert_rule_version
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER alert_rule_version_no_truncate BEFORE TRUNCATE ON alert_rule_version
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER alert_history_kept BEFORE DELETE OR UPDATE ON alert_history
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER alert_history_no_truncate BEFORE TRUNCATE ON alert_history
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
