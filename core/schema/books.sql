-- The checks of the books, and the seals over the ledger.

CREATE TABLE ledger_epoch (
    number bigint PRIMARY KEY CONSTRAINT ledger_epoch_number_positive CHECK (number > 0),
    home text NOT NULL,
    restored_id bigint NOT NULL,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT ledger_epoch_restored_key UNIQUE (number, restored_id)
);
COMMENT ON TABLE ledger_epoch IS
    'A life of the ledger in one cluster; what is restored_id or below came with it.';

CREATE TABLE ledger_epoch_acceptance (
    epoch bigint PRIMARY KEY REFERENCES ledger_epoch,
    accepted_by text NOT NULL CONSTRAINT ledger_epoch_acceptance_by_told CHECK (btrim(accepted_by) <> ''),
    reason text NOT NULL CONSTRAINT ledger_epoch_acceptance_reason_told CHECK (btrim(reason) <> ''),
    accepted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE ledger_epoch_acceptance IS
    'Who says that an epoch began for an honest reason, such as a restored backup.';

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
COMMENT ON TABLE ledger_seal IS
    'One link of the chain over the whole ledger: transfers rows with all their entries.';
CREATE INDEX ledger_seal_latest_at ON ledger_seal (latest_at);

CREATE TABLE account_snapshot (
    seal bigint NOT NULL REFERENCES ledger_seal,
    account_id bigint NOT NULL REFERENCES account,
    balance bigint NOT NULL,
    PRIMARY KEY (seal, account_id)
);
COMMENT ON TABLE account_snapshot IS 'What a system account holds by all transfers sealed up to a seal.';

CREATE TABLE seal_anchor (
    seal bigint PRIMARY KEY REFERENCES ledger_seal,
    object_key text NOT NULL,
    anchored_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE seal_anchor IS 'Where a seal''s copy lies outside the database.';

CREATE TABLE books_check (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CONSTRAINT books_check_kind_known CHECK (kind IN ('full', 'recent')),
    started_at timestamptz NOT NULL,
    took_seconds double precision NOT NULL,
    transfers bigint NOT NULL,
    findings bigint NOT NULL,
    seal bigint,
    head_hash bytea,
    anchor text NOT NULL
        CONSTRAINT books_check_anchor_known
            CHECK (anchor IN ('matches', 'none', 'missing', 'mismatch', 'unreachable'))
);
COMMENT ON TABLE books_check IS
    'One check of the books: when, how much it read, what it found, and the seal that stood then.';
CREATE INDEX books_check_full ON books_check (id DESC) WHERE kind = 'full';

CREATE TABLE books_finding (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    check_id bigint NOT NULL REFERENCES books_check,
    rule text NOT NULL,
    subject text NOT NULL,
    detail text NOT NULL
);
COMMENT ON TABLE books_finding IS 'What one check found.';
CREATE INDEX books_finding_check_id ON books_finding (check_id);

CREATE FUNCTION entry_bytes(e entry) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT int8send(e.account_id) || int8send(e.amount)
        || coalesce(int8send(e.version) || int8send(e.balance_after) || e.hash, '')
$$;

CREATE FUNCTION transfer_leaf(digest bytea, xid xid8,
    entries bytea) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(digest || convert_to(xid::text, 'UTF8') || coalesce(entries, ''))
$$;

CREATE FUNCTION seal_balances(p_seal bigint) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_array(account_id, balance) ORDER BY account_id), '[]')
    FROM account_snapshot WHERE seal = p_seal
$$;

CREATE FUNCTION seal_hash(s ledger_seal, home text,
    balances jsonb) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(s.previous_hash || s.rows_hash || convert_to(jsonb_build_array(
        s.number, s.epoch, home, s.restored_id, s.upto_xid::text, s.last_id, s.transfers,
        extract(epoch FROM s.latest_at), extract(epoch FROM s.sealed_at), balances)::text, 'UTF8'))
$$;

CREATE FUNCTION ledger_home() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()),
        left(pg_walfile_name(pg_current_wal_insert_lsn()), 8),
        (SELECT oid FROM pg_database WHERE datname = current_database()), 'transfer'::regclass::oid::bigint)
$$;

CREATE FUNCTION needs_epoch() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT e.home <> ledger_home() OR EXISTS (
            SELECT FROM ledger_seal s
            WHERE s.epoch = e.number AND s.upto_xid > pg_snapshot_xmin(pg_current_snapshot()))
        FROM ledger_epoch e ORDER BY e.number DESC LIMIT 1), true)
$$;

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

CREATE FUNCTION seal_upto(finished xid8) RETURNS bigint LANGUAGE plpgsql
SET plan_cache_mode TO 'force_custom_plan' AS $$
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

-- Rows that are only ever added, or changed and never taken away.
CREATE TRIGGER ledger_epoch_kept BEFORE DELETE OR UPDATE ON ledger_epoch
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_epoch_no_truncate BEFORE TRUNCATE ON ledger_epoch
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_epoch_acceptance_kept BEFORE DELETE OR UPDATE ON ledger_epoch_acceptance
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_epoch_acceptance_no_truncate BEFORE TRUNCATE ON ledger_epoch_acceptance
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_seal_kept BEFORE DELETE OR UPDATE ON ledger_seal
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_seal_no_truncate BEFORE TRUNCATE ON ledger_seal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER account_snapshot_kept BEFORE DELETE OR UPDATE ON account_snapshot
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER account_snapshot_no_truncate BEFORE TRUNCATE ON account_snapshot
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER seal_anchor_kept BEFORE DELETE OR UPDATE ON seal_anchor
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER seal_anchor_no_truncate BEFORE TRUNCATE ON seal_anchor
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER books_check_kept BEFORE DELETE OR UPDATE ON books_check
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER books_check_no_truncate BEFORE TRUNCATE ON books_check
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER books_finding_kept BEFORE DELETE OR UPDATE ON books_finding
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER books_finding_no_truncate BEFORE TRUNCATE ON books_finding
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
