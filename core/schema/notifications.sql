-- Messages to people outside, and their delivery.

CREATE TABLE notification_channel (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    kind text NOT NULL
        CONSTRAINT notification_channel_kind_known CHECK (kind IN ('webhook', 'email', 'apprise')),
    address text NOT NULL,
    min_severity text NOT NULL
        CONSTRAINT notification_channel_severity_known
            CHECK (min_severity IN ('info', 'warning', 'critical')),
    enabled boolean NOT NULL DEFAULT true,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE notification_channel IS
    'Where messages go. The address may hold a secret: it is never shown or logged whole.';

CREATE TABLE notification (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL UNIQUE,
    topic text NOT NULL,
    event text NOT NULL,
    severity text NOT NULL
        CONSTRAINT notification_severity_known CHECK (severity IN ('info', 'warning', 'critical')),
    title text NOT NULL,
    body text NOT NULL,
    link text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE notification IS
    'One logical message. Its key is made of what it tells and never changes, whatever is tried again.';
CREATE INDEX notification_topic ON notification (topic, event, created_at DESC);

CREATE TABLE delivery (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notification_id bigint NOT NULL REFERENCES notification,
    channel_id bigint NOT NULL REFERENCES notification_channel,
    state text NOT NULL DEFAULT 'waiting'
        CONSTRAINT delivery_state_known CHECK (state IN ('waiting', 'delivered', 'given_up')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tries bigint NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease_token bigint NOT NULL DEFAULT 0,
    ended_at timestamptz,
    status bigint,
    answer text,
    UNIQUE (notification_id, channel_id)
) WITH (fillfactor = 70);
COMMENT ON TABLE delivery IS
    'The outbox: one message on its way through one channel. A claim moves next_try_at beyond its lease '
    'and counts lease_token up, which fences late answers.';
CREATE INDEX delivery_channel_id ON delivery (channel_id, id DESC);
CREATE INDEX delivery_waiting ON delivery (next_try_at) WHERE state = 'waiting';

CREATE TABLE delivery_try (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id bigint NOT NULL REFERENCES delivery,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seconds double precision NOT NULL,
    outcome text NOT NULL
        CONSTRAINT delivery_try_outcome_known CHECK (outcome IN ('accepted', 'retry', 'refused')),
    status bigint,
    answer text NOT NULL
);
COMMENT ON TABLE delivery_try IS 'One try and the last answer of the other side; append-only.';
CREATE INDEX delivery_try_delivery_id ON delivery_try (delivery_id, id);

-- Rows that are only ever added, or changed and never taken away.
CREATE TRIGGER delivery_try_kept BEFORE DELETE OR UPDATE ON delivery_try
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER delivery_try_no_truncate BEFORE TRUNCATE ON delivery_try
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
