-- What workers share about the remote API.

CREATE TABLE api_budget (
    kind text PRIMARY KEY,
    next_free_at timestamptz NOT NULL,
    paused_until timestamptz,
    throttled_count bigint NOT NULL DEFAULT 0,
    minute_at timestamptz NOT NULL DEFAULT now(),
    minute_used bigint NOT NULL DEFAULT 0,
    minute_before bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
COMMENT ON TABLE api_budget IS
    'One row a kind of request (create, read): a GCRA bucket that all workers share.';

CREATE TABLE webhook_inbox (
    webhook_id text PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE webhook_inbox IS
    'Webhook ids already handled: the provider may deliver the same one more than once.';

CREATE TABLE provider_clock (
    source text PRIMARY KEY CHECK (source IN ('created', 'date')),
    low double precision NOT NULL,   -- seconds, the provider's clock minus the database's
    high double precision NOT NULL CHECK (low <= high),
    seen_at timestamptz NOT NULL,
    doubts bigint NOT NULL DEFAULT 0 CHECK (doubts >= 0),
    step bigint NOT NULL DEFAULT 0   -- attempts up to this one were stamped before a clock stepped
);
COMMENT ON TABLE provider_clock IS
    'What is known of the provider''s clock against the database''s: one row a source, shared by all processes.';

INSERT INTO api_budget (kind, next_free_at) VALUES ('create', now()), ('read', now());
