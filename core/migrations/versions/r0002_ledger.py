"""The credit ledger: accounts, transfers, entries, charges, and what the database itself refuses.

Revision ID: r0002
Revises: r0001

SQLSTATEs of our own, beside IK001 (rows that are only ever added):

    IK002  entries that are no pair, or do not match their transfer
    IK003  a key that was used for another transfer
    IK004  the customer has no wallet
    IK005  the wallet does not hold that much
    IK006  the charge is captured or refunded already
    IK007  no charge of this generation, customer and amount
    IK008  not to be reversed: not there, bound to a charge, or a reversal itself
"""

from alembic import op

revision = "r0002"
down_revision: str | None = "r0001"
branch_labels = None
depends_on = None

IDENTITY = "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"

# Nothing refers to an account by foreign key but its own wallet: each posting would lock the row of the
# hot system accounts, and the locks of many at once are slow to keep. The books are checked for it instead.
TABLES = f"""
CREATE TABLE account (
    id {IDENTITY},
    kind text NOT NULL CONSTRAINT account_kind_known
        CHECK (kind IN ('wallet','issued','in_flight','revenue','goodwill','clawback')),
    customer_id bigint CONSTRAINT account_customer_id_key UNIQUE
        CONSTRAINT account_customer_id_fkey REFERENCES customer,
    opened_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT account_wallets_owned CHECK ((kind = 'wallet') = (customer_id IS NOT NULL))
);
CREATE UNIQUE INDEX account_system_kind ON account (kind) WHERE customer_id IS NULL;

CREATE TABLE wallet_balance (
    account_id bigint PRIMARY KEY CONSTRAINT wallet_balance_account_id_fkey REFERENCES account,
    balance bigint NOT NULL DEFAULT 0 CONSTRAINT wallet_balance_not_negative CHECK (balance >= 0),
    version bigint NOT NULL DEFAULT 0,
    head_hash bytea NOT NULL DEFAULT ''
) WITH (fillfactor = 40);

CREATE TABLE charge (
    generation_id bigint PRIMARY KEY CONSTRAINT charge_generation_id_fkey REFERENCES generation,
    customer_id bigint NOT NULL CONSTRAINT charge_customer_id_fkey REFERENCES customer,
    amount bigint NOT NULL CONSTRAINT charge_amount_positive CHECK (amount > 0),
    captured bigint NOT NULL DEFAULT 0 CONSTRAINT charge_captured_whole CHECK (captured IN (0, amount)),
    refunded bigint NOT NULL DEFAULT 0
        CONSTRAINT charge_refunded_within CHECK (refunded BETWEEN 0 AND amount),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT charge_settled_once CHECK (captured + refunded <= amount)
) WITH (fillfactor = 70);
CREATE INDEX charge_customer_id ON charge (customer_id, generation_id DESC);

CREATE TABLE transfer (
    id {IDENTITY},
    key text NOT NULL CONSTRAINT transfer_key_key UNIQUE,
    request_hash bytea NOT NULL,
    kind text NOT NULL CONSTRAINT transfer_kind_known
        CHECK (kind IN ('grant','charge','capture','refund','goodwill','reversal')),
    from_account bigint NOT NULL,
    to_account bigint NOT NULL,
    amount bigint NOT NULL CONSTRAINT transfer_amount_positive CHECK (amount > 0),
    generation_id bigint CONSTRAINT transfer_generation_id_fkey REFERENCES charge,
    reverses_id bigint CONSTRAINT transfer_reverses_id_fkey REFERENCES transfer,
    actor text NOT NULL CONSTRAINT transfer_actor_told CHECK (btrim(actor) <> ''),
    reason text CONSTRAINT transfer_reason_told
        CHECK (CASE WHEN reason IS NULL THEN kind IN ('charge','capture') ELSE btrim(reason) <> '' END),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT transfer_between_two CHECK (from_account <> to_account),
    CONSTRAINT transfer_charge_told
        CHECK (kind = 'reversal' OR (kind <> 'grant') = (generation_id IS NOT NULL)),
    CONSTRAINT transfer_reversed_told CHECK ((kind = 'reversal') = (reverses_id IS NOT NULL))
);
CREATE UNIQUE INDEX transfer_once_per_charge ON transfer (generation_id, kind)
    WHERE kind IN ('charge','capture','refund');
CREATE UNIQUE INDEX transfer_reversed_once ON transfer (reverses_id) WHERE reverses_id IS NOT NULL;
CREATE INDEX transfer_generation_id ON transfer (generation_id) WHERE generation_id IS NOT NULL;

CREATE TABLE entry (
    transfer_id bigint NOT NULL CONSTRAINT entry_transfer_id_fkey REFERENCES transfer,
    account_id bigint NOT NULL,
    amount bigint NOT NULL CONSTRAINT entry_amount_some CHECK (amount <> 0),
    version bigint CONSTRAINT entry_version_counts CHECK (version > 0),
    balance_after bigint CONSTRAINT entry_never_negative CHECK (balance_after >= 0),
    hash bytea,
    CONSTRAINT entry_pkey PRIMARY KEY (transfer_id, account_id),
    CONSTRAINT entry_run_whole CHECK (num_nonnulls(version, balance_after, hash) IN (0, 3))
);
-- Two postings that both saw the same balance cannot both be written.
CREATE UNIQUE INDEX entry_account_id_version ON entry (account_id, version) WHERE version IS NOT NULL;
"""

HASHES = """
-- What makes two requests under one key the same request.
CREATE FUNCTION transfer_request_hash(
    kind text, from_account bigint, to_account bigint, amount bigint, generation_id bigint, reverses_id bigint
) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(convert_to(
        jsonb_build_array(kind, from_account, to_account, amount, generation_id, reverses_id)::text, 'UTF8'))
$$;
-- All that a transfer says: who moved what from where to where, when and why.
CREATE FUNCTION transfer_digest(t transfer) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(convert_to(jsonb_build_array(
        t.id, t.key, t.kind, t.from_account, t.to_account, t.amount, t.generation_id, t.reverses_id,
        t.actor, t.reason, extract(epoch FROM t.created_at))::text, 'UTF8'))
$$;
-- One link of a wallet's chain.
CREATE FUNCTION entry_hash(
    previous bytea, account_id bigint, version bigint, amount bigint, balance_after bigint, digest bytea
) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(previous || int8send(account_id) || int8send(version) || int8send(amount)
                  || int8send(balance_after) || digest)
$$;
"""

REFUSALS = """
CREATE FUNCTION check_entry_pairs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added e LEFT JOIN transfer t ON t.id = e.transfer_id
        GROUP BY e.transfer_id
        HAVING count(*) <> 2 OR bool_and(
            (e.account_id = t.from_account AND e.amount = -t.amount)
            OR (e.account_id = t.to_account AND e.amount = t.amount)) IS NOT TRUE
    ) THEN
        RAISE EXCEPTION 'entries come in pairs that match their transfer' USING ERRCODE = 'IK002';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER entry_pairs AFTER INSERT ON entry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION check_entry_pairs();

CREATE FUNCTION check_transfer_entered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM entry WHERE transfer_id = NEW.id) THEN
        RAISE EXCEPTION 'transfer % has no entries', NEW.id USING ERRCODE = 'IK002';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER transfer_entered AFTER INSERT ON transfer DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION check_transfer_entered();

CREATE TRIGGER charge_terms_stay BEFORE UPDATE OF generation_id, customer_id, amount, created_at ON charge
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""

POSTING = """
CREATE FUNCTION open_wallet(p_customer bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    opened bigint;
BEGIN
    SELECT id INTO opened FROM account WHERE customer_id = p_customer;
    IF FOUND THEN
        RETURN opened;
    END IF;
    -- Waits for a twin under way; the next statement sees what it did.
    INSERT INTO account (kind, customer_id) VALUES ('wallet', p_customer)
        ON CONFLICT (customer_id) DO NOTHING RETURNING id INTO opened;
    IF NOT FOUND THEN
        SELECT id INTO STRICT opened FROM account WHERE customer_id = p_customer;
        RETURN opened;
    END IF;
    INSERT INTO wallet_balance (account_id) VALUES (opened);
    RETURN opened;
END $$;

CREATE FUNCTION account_of(p_kind text, p_customer bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF p_kind = 'wallet' THEN
        RETURN (SELECT id FROM account WHERE customer_id = p_customer);
    END IF;
    RETURN (SELECT id FROM account WHERE kind = p_kind AND customer_id IS NULL);
END $$;

-- The only writer of the ledger. From where to where follows from the kind. The same key with the same
-- content gives the first result again. Locks in one order: charge, key, wallet; no kind has two wallets.
CREATE FUNCTION post_transfer(
    p_key text, p_kind text, p_actor text, p_reason text, p_amount bigint,
    p_customer bigint DEFAULT NULL, p_generation bigint DEFAULT NULL, p_reverses bigint DEFAULT NULL,
    OUT posted_id bigint, OUT replayed boolean
) LANGUAGE plpgsql AS $$
DECLARE
    owed charge%ROWTYPE;
    origin transfer%ROWTYPE;
    made transfer%ROWTYPE;
    wallet wallet_balance%ROWTYPE;
    moved bigint := p_amount;
    delta bigint;
    source bigint;
    target bigint;
    requested bytea;
    digest bytea;
BEGIN
    -- 1. The charge, which holds the cap. Without an amount, all of it moves.
    IF p_kind = 'charge' THEN
        INSERT INTO charge (generation_id, customer_id, amount)
            SELECT g.id, g.customer_id, g.credits FROM generation g
            WHERE g.id = p_generation AND g.credits = p_amount
            ON CONFLICT DO NOTHING;
    END IF;
    IF p_generation IS NOT NULL THEN
        SELECT * INTO owed FROM charge WHERE generation_id = p_generation FOR NO KEY UPDATE;
        IF NOT FOUND OR p_customer <> owed.customer_id THEN
            RAISE EXCEPTION 'generation % has no such charge', p_generation USING ERRCODE = 'IK007';
        END IF;
        moved := coalesce(p_amount, owed.amount);
    END IF;

    IF p_kind = 'reversal' THEN
        SELECT * INTO origin FROM transfer WHERE id = p_reverses;
        -- What is bound to a charge is settled by capture or refund, never by a reversal.
        IF NOT FOUND OR origin.kind = 'reversal' OR origin.generation_id IS NOT NULL
           OR p_generation IS NOT NULL OR p_amount <> origin.amount THEN
            RAISE EXCEPTION 'transfer % cannot be reversed so', p_reverses USING ERRCODE = 'IK008';
        END IF;
        source := origin.to_account;
        target := origin.from_account;
        moved := origin.amount;
    ELSE
        source := account_of(CASE p_kind WHEN 'grant' THEN 'issued' WHEN 'charge' THEN 'wallet'
            WHEN 'goodwill' THEN 'goodwill' ELSE 'in_flight' END, p_customer);
        target := account_of(CASE p_kind WHEN 'charge' THEN 'in_flight' WHEN 'capture' THEN 'revenue'
            ELSE 'wallet' END, coalesce(p_customer, owed.customer_id));
        IF source IS NULL OR target IS NULL THEN
            RAISE EXCEPTION 'customer % has no wallet', p_customer USING ERRCODE = 'IK004';
        END IF;
    END IF;

    -- 2. The key. A twin under way is waited for, and then seen by the next statement.
    requested := transfer_request_hash(p_kind, source, target, moved, p_generation, p_reverses);
    INSERT INTO transfer (key, request_hash, kind, from_account, to_account, amount,
                          generation_id, reverses_id, actor, reason)
        VALUES (p_key, requested, p_kind, source, target, moved, p_generation, p_reverses, p_actor, p_reason)
        ON CONFLICT (key) DO NOTHING RETURNING * INTO made;
    replayed := NOT FOUND;
    IF replayed THEN
        SELECT * INTO STRICT made FROM transfer t WHERE t.key = p_key;
        IF made.request_hash <> requested THEN
            RAISE EXCEPTION 'key % was used for another transfer', p_key USING ERRCODE = 'IK003';
        END IF;
        posted_id := made.id;
        RETURN;
    END IF;
    posted_id := made.id;

    IF p_kind IN ('capture', 'refund') THEN
        IF owed.captured + owed.refunded + moved > owed.amount THEN
            RAISE EXCEPTION 'the charge of generation % is settled', p_generation USING ERRCODE = 'IK006';
        END IF;
        UPDATE charge c SET
            captured = c.captured + CASE p_kind WHEN 'capture' THEN moved ELSE 0 END,
            refunded = c.refunded + CASE p_kind WHEN 'refund' THEN moved ELSE 0 END
            WHERE c.generation_id = p_generation;
    END IF;

    -- 3. The wallet. System accounts have no row here, so none of them is ever waited for.
    IF p_kind <> 'capture' THEN
        digest := transfer_digest(made);
        delta := CASE WHEN p_kind IN ('charge', 'reversal') THEN -moved ELSE moved END;
        UPDATE wallet_balance w SET
            balance = w.balance + delta,
            version = w.version + 1,
            head_hash = entry_hash(
                w.head_hash, w.account_id, w.version + 1, delta, w.balance + delta, digest)
            WHERE w.account_id = CASE WHEN delta < 0 THEN source ELSE target END AND w.balance + delta >= 0
            RETURNING w.* INTO wallet;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the wallet holds less than % credits', moved USING ERRCODE = 'IK005';
        END IF;
    END IF;
    INSERT INTO entry (transfer_id, account_id, amount, version, balance_after, hash)
        SELECT made.id, d.account_id, d.delta, w.version, w.balance_after, w.hash
        FROM (VALUES (source, -moved), (target, moved)) AS d (account_id, delta)
        LEFT JOIN (VALUES (wallet.account_id, wallet.version, wallet.balance, wallet.head_hash))
            AS w (account_id, version, balance_after, hash) ON w.account_id = d.account_id;
END $$;
"""

SEED = """
INSERT INTO account (kind) VALUES ('issued'), ('in_flight'), ('revenue'), ('goodwill'), ('clawback');
"""

# Which rows of which table may be added and never changed, or changed and never taken away.
KEPT = {
    "account": "UPDATE OR DELETE",
    "transfer": "UPDATE OR DELETE",
    "entry": "UPDATE OR DELETE",
    "wallet_balance": "DELETE",
    "charge": "DELETE",
}

FUNCTIONS = (
    "post_transfer open_wallet account_of check_transfer_entered check_entry_pairs "
    "entry_hash transfer_digest transfer_request_hash"
)


def upgrade() -> None:
    for statements in (TABLES, HASHES, REFUSALS, POSTING, SEED):
        op.execute(statements)
    for table, change in KEPT.items():
        op.execute(f"""
            CREATE TRIGGER {table}_kept BEFORE {change} ON {table}
                FOR EACH ROW EXECUTE FUNCTION refuse_change();
            CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION refuse_change();
        """)


def downgrade() -> None:
    op.execute("DROP TABLE entry")
    op.execute("DROP FUNCTION transfer_digest")
    for table in ("transfer", "charge", "wallet_balance", "account"):
        op.execute(f"DROP TABLE {table}")
    for function in FUNCTIONS.split():
        op.execute(f"DROP FUNCTION IF EXISTS {function}")
