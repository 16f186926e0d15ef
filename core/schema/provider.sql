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

INSERT INTO api_budget (kind, next_free_at) VALUES ('create', now()), ('read', now());
