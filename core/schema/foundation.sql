-- What every domain builds on: the refusal to change what is only ever added, and whose turn it is.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: rows of this table are only ever added', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'IK001';
END $$;

CREATE TABLE worker (
    id text PRIMARY KEY,
    host text NOT NULL,
    pid bigint NOT NULL,
    version text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    beat_at timestamptz NOT NULL DEFAULT now(),
    stopped_at timestamptz,
    fenced_writes bigint NOT NULL DEFAULT 0,
    ticks jsonb NOT NULL DEFAULT '{}'::jsonb
) WITH (fillfactor = 50);
COMMENT ON TABLE worker IS 'A worker process and its last sign of life.';

CREATE TABLE named_lease (
    name text PRIMARY KEY,
    owner text,
    token bigint NOT NULL DEFAULT 0,
    lease_until timestamptz,
    last_run_at timestamptz
) WITH (fillfactor = 50);
COMMENT ON TABLE named_lease IS 'Work that only one worker at a time may do, such as the sweep.';
