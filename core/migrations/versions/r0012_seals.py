"""Seals over the whole ledger, balances at each seal, and the record of every check of the books.

Revision ID: r0012
Revises: r0011

A wallet's chain shows what was edited in that wallet; captures touch none. A seal covers every transfer with
its entries, whatever accounts it touches. Sealing is exact without making anybody wait: a row is sealed once
its transaction is certainly over (its number lies below the snapshot's oldest running one), so that one which
commits late under a lower id is neither lost nor taken early.

    IK011  this cluster, database or table is not the one that the newest epoch was sealed in: begin another
"""

from alembic import op

revision = "r0012"
down_revision: str | None = "r0011"
branch_labels = None
depends_on = None

IDENTITY = "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"

# Transaction numbers only mean something within one cluster. What has `restored_id` or a lower number was
# there when the epoch began and is sealed as one; above it the transaction's number decides.
TABLES = f"""
CREATE TABLE ledger_epoch (
    number bigint PRIMARY KEY CONSTRAINT ledger_epoch_number_positive CHECK (number > 0),
    home text NOT NULL,
    restored_id bigint NOT NULL,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT ledger_epoch_restored_key UNIQUE (number, restored_id)
);
CREATE TABLE ledger_epoch_acceptance (
    epoch bigint PRIMARY KEY CONSTRAINT ledger_epoch_acceptance_epoch_fkey REFERENCES ledger_epoch,
    accepted_by text NOT NULL CONSTRAINT ledger_epoch_acceptance_by_told CHECK (btrim(accepted_by) <> ''),
    reason text NOT NULL CONSTRAINT ledger_epoch_acceptance_reason_told CHECK (btrim(reason) <> ''),
    accepted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE ledger_seal (
    number bigint PRIMARY KEY CONSTRAINT ledger_seal_number_positive CHECK (number > 0),
    epoch bigint NOT NULL,
    restored_id bigint NOT NULL,
    upto_xid xid8 NOT NULL,
    last_id bigint NOT NULL,
    transfers bigint NOT NULL,
    latest_at timestamptz,
    rows_hash bytea NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    CONSTRAINT ledger_seal_epoch_fkey FOREIGN KEY (epoch, restored_id)
        REFERENCES ledger_epoch (number, restored_id)
);
CREATE INDEX ledger_seal_latest_at ON ledger_seal (latest_at);
CREATE TABLE account_snapshot (
    seal bigint NOT NULL CONSTRAINT account_snapshot_seal_fkey REFERENCES ledger_seal,
    account_id bigint NOT NULL CONSTRAINT account_snapshot_account_id_fkey REFERENCES account,
    balance bigint NOT NULL,
    CONSTRAINT account_snapshot_pkey PRIMARY KEY (seal, account_id)
);
CREATE TABLE seal_anchor (
    seal bigint PRIMARY KEY CONSTRAINT seal_anchor_seal_fkey REFERENCES ledger_seal,
    object_key text NOT NULL,
    anchored_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE books_check (
    id {IDENTITY},
    kind text NOT NULL CONSTRAINT books_check_kind_known CHECK (kind IN ('full','recent')),
    started_at timestamptz NOT NULL,
    took_seconds double precision NOT NULL,
    transfers bigint NOT NULL,
    findings bigint NOT NULL,
    seal bigint,
    head_hash bytea,
    anchor text NOT NULL CONSTRAINT books_check_anchor_known
        CHECK (anchor IN ('matches','none','missing','mismatch','unreachable'))
);
CREATE INDEX books_check_full ON books_check (id DESC) WHERE kind = 'full';
CREATE TABLE books_finding (
    id {IDENTITY},
    check_id bigint NOT NULL CONSTRAINT books_finding_check_id_fkey REFERENCES books_check,
    rule text NOT NULL,
    subject text NOT NULL,
    detail text NOT NULL
);
CREATE INDEX books_finding_check_id ON books_finding (check_id);

CREATE INDEX transfer_xid ON transfer (xid);
CREATE TRIGGER wallet_balance_owner_stays BEFORE UPDATE OF account_id ON wallet_balance
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""

# What hashes runs beside itself in a check of the whole ledger.
PARALLEL = """
ALTER FUNCTION transfer_request_hash PARALLEL {0};
ALTER FUNCTION transfer_digest PARALLEL {0};
ALTER FUNCTION entry_hash PARALLEL {0};
"""

HASHES = """
CREATE FUNCTION entry_bytes(e entry) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT int8send(e.account_id) || int8send(e.amount)
        || coalesce(int8send(e.version) || int8send(e.balance_after) || e.hash, '')
$$;
-- One transfer with its entries, as a seal covers it.
CREATE FUNCTION transfer_leaf(digest bytea, xid xid8, entries bytea) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(digest || convert_to(xid::text, 'UTF8') || coalesce(entries, ''))
$$;
-- All that a seal says, with the balances that were drawn up with it.
CREATE FUNCTION seal_hash(s ledger_seal, home text, balances jsonb) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(s.previous_hash || s.rows_hash || convert_to(jsonb_build_array(
        s.number, s.epoch, home, s.restored_id, s.upto_xid::text, s.last_id, s.transfers,
        extract(epoch FROM s.latest_at), extract(epoch FROM s.sealed_at), balances)::text, 'UTF8'))
$$;
CREATE FUNCTION seal_balances(p_seal bigint) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_array(account_id, balance) ORDER BY account_id), '[]')
    FROM account_snapshot WHERE seal = p_seal
$$;
"""

SEALING = """
-- Where the ledger lives: cluster, its timeline, database and table. A restored backup lives elsewhere.
CREATE FUNCTION ledger_home() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()),
        left(pg_walfile_name(pg_current_wal_insert_lsn()), 8),
        (SELECT oid FROM pg_database WHERE datname = current_database()), 'transfer'::regclass::oid::bigint)
$$;

-- Whether the next seal must begin an epoch: there is none, it was another home, or numbers ran backwards.
CREATE FUNCTION needs_epoch() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT e.home <> ledger_home() OR EXISTS (
            SELECT FROM ledger_seal s
            WHERE s.epoch = e.number AND s.upto_xid > pg_snapshot_xmin(pg_current_snapshot()))
        FROM ledger_epoch e ORDER BY e.number DESC LIMIT 1), true)
$$;

-- Writers wait here for the blink of an eye, once in a cluster's life: without that nobody could say later
-- which of two rows with the same transaction number came with the backup.
CREATE FUNCTION begin_epoch(p_number bigint, p_forced boolean) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    made ledger_epoch;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger_seal', 0));
    IF NOT p_forced AND NOT needs_epoch() THEN
        RETURN NULL;
    END IF;
    LOCK TABLE transfer IN SHARE ROW EXCLUSIVE MODE;
    INSERT INTO ledger_epoch (number, home, restored_id)
        SELECT p_number, ledger_home(), coalesce(max(id), 0) FROM transfer RETURNING * INTO made;
    RETURN made.number;
END $$;

-- Seals every transfer of transactions below `finished` that no seal has yet; its number, or nothing.
-- Planned with its numbers each time: without them the planner would read the whole ledger for a few rows.
CREATE FUNCTION seal_upto(finished xid8) RETURNS bigint LANGUAGE plpgsql
SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    era ledger_epoch;
    former ledger_seal;
    made ledger_seal;
    opening boolean;
    balances jsonb;
BEGIN
    SELECT * INTO STRICT era FROM ledger_epoch ORDER BY number DESC LIMIT 1;
    SELECT * INTO former FROM ledger_seal ORDER BY number DESC LIMIT 1;
    opening := former.epoch IS DISTINCT FROM era.number;
    WITH members AS MATERIALIZED (
        SELECT t.id, t.from_account, t.to_account, t.amount, t.created_at,
               transfer_leaf(transfer_digest(t), t.xid, e.bytes) AS leaf
        FROM transfer t
        LEFT JOIN LATERAL (SELECT string_agg(entry_bytes(e), '' ORDER BY e.account_id) AS bytes
                           FROM entry e WHERE e.transfer_id = t.id) e ON true
        -- What came with a backup: all but what the former epoch sealed, told by its own numbers.
        WHERE (opening AND t.id <= era.restored_id
               AND (former.number IS NULL OR t.id > former.last_id
                    OR (t.id > former.restored_id AND t.xid >= former.upto_xid)))
           OR (NOT opening AND t.id > era.restored_id AND t.xid >= former.upto_xid AND t.xid < finished)
    ), moved AS (
        SELECT v.account_id, sum(v.credits) AS credits
        FROM members m
        CROSS JOIN LATERAL (VALUES (m.from_account, -m.amount), (m.to_account, m.amount))
            AS v (account_id, credits)
        GROUP BY v.account_id
    )
    SELECT coalesce(former.number, 0) + 1, era.number, era.restored_id,
           CASE WHEN opening THEN '0' ELSE finished END,
           greatest(max(m.id), era.restored_id, former.last_id), count(*),
           greatest(max(m.created_at), former.latest_at),
           sha256(coalesce(string_agg(m.leaf, '' ORDER BY m.id), '')),
           coalesce(former.hash, ''), '', clock_timestamp(),
           (SELECT coalesce(jsonb_agg(jsonb_build_array(
                       a.id, coalesce(p.balance, 0) + coalesce(v.credits, 0)) ORDER BY a.id), '[]')
            FROM account a
            LEFT JOIN account_snapshot p ON p.seal = former.number AND p.account_id = a.id
            LEFT JOIN moved v ON v.account_id = a.id
            WHERE a.customer_id IS NULL)
        INTO made.number, made.epoch, made.restored_id, made.upto_xid, made.last_id, made.transfers,
             made.latest_at, made.rows_hash, made.previous_hash, made.hash, made.sealed_at, balances
        FROM members m;
    IF made.transfers = 0 AND NOT opening THEN
        RETURN NULL;
    END IF;
    made.hash := seal_hash(made, era.home, balances);
    INSERT INTO ledger_seal SELECT made.*;
    INSERT INTO account_snapshot (seal, account_id, balance)
        SELECT made.number, (b ->> 0)::bigint, (b ->> 1)::bigint FROM jsonb_array_elements(balances) b;
    RETURN made.number;
END $$;

-- Seals what was finished since the last seal; its number, or nothing where there was nothing to seal or
-- another session is at it. No writer ever waits for this.
CREATE FUNCTION seal_ledger() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    finished xid8;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('ledger_seal', 0)) THEN
        RETURN NULL;
    END IF;
    IF needs_epoch() THEN
        RAISE EXCEPTION 'the ledger lives elsewhere than when it was last sealed' USING ERRCODE = 'IK011';
    END IF;
    -- Taken before the rows are read: what is below is over, and is seen by the next statement.
    finished := pg_snapshot_xmin(pg_current_snapshot());
    RETURN seal_upto(finished);
END $$;
"""

APPEND_ONLY = (
    "ledger_epoch ledger_epoch_acceptance ledger_seal account_snapshot seal_anchor books_check books_finding"
)
FUNCTIONS = (
    "seal_ledger() seal_upto(xid8) begin_epoch(bigint,boolean) needs_epoch() ledger_home() "
    "seal_balances(bigint) seal_hash(ledger_seal,text,jsonb) "
    "transfer_leaf(bytea,xid8,bytea) entry_bytes(entry)"
)


def upgrade() -> None:
    for statements in (TABLES, PARALLEL.format("SAFE"), HASHES, SEALING):
        op.execute(statements)
    for table in APPEND_ONLY.split():
        op.execute(f"""
            CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table}
                FOR EACH ROW EXECUTE FUNCTION refuse_change();
            CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION refuse_change();
        """)


def downgrade() -> None:
    for function in FUNCTIONS.split():
        op.execute(f"DROP FUNCTION {function}")
    op.execute(PARALLEL.format("UNSAFE"))
    op.execute("DROP TRIGGER wallet_balance_owner_stays ON wallet_balance")
    op.execute("DROP INDEX transfer_xid")
    for table in reversed(APPEND_ONLY.split()):
        op.execute(f"DROP TABLE {table}")
