"""SQL of revision r0011: the ledger learns of cases, goodwill, clawback and reversals.

Which case a transfer belongs to is part of its key, and so of the hashes already: those stay as they were.
"""

# A refund from before cases existed has none, and stays as it is; every later one has its own.
# What a row must say is one constraint with a function: PostgreSQL reads the tree of every CHECK anew for
# each statement, which for seven of them was a sixth of a posting's work. A function is kept ready.
TABLES = """
CREATE FUNCTION transfer_told(
    kind text, actor text, reason text, from_account bigint, to_account bigint, amount bigint,
    generation_id bigint, reverses_id bigint
) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN kind IN ('grant','charge','capture','refund','goodwill','clawback','reversal')
        AND amount > 0 AND from_account <> to_account AND btrim(actor) <> ''
        AND CASE WHEN reason IS NULL THEN kind IN ('charge','capture') ELSE btrim(reason) <> '' END
        AND (kind IN ('reversal','clawback') OR (kind <> 'grant') = (generation_id IS NOT NULL))
        AND (kind = 'reversal') = (reverses_id IS NOT NULL);
END $$;
ALTER TABLE transfer
    ADD COLUMN case_id bigint CONSTRAINT transfer_case_id_fkey REFERENCES compensation_case,
    DROP CONSTRAINT transfer_kind_known,
    DROP CONSTRAINT transfer_charge_told,
    DROP CONSTRAINT transfer_reason_told,
    DROP CONSTRAINT transfer_reversed_told,
    DROP CONSTRAINT transfer_actor_told,
    DROP CONSTRAINT transfer_between_two,
    DROP CONSTRAINT transfer_amount_positive,
    ADD CONSTRAINT transfer_told CHECK (transfer_told(
        kind, actor, reason, from_account, to_account, amount, generation_id, reverses_id));
DO $$ BEGIN
    EXECUTE format('ALTER TABLE transfer ADD CONSTRAINT transfer_case_told
        CHECK (kind NOT IN (''refund'',''goodwill'') OR case_id IS NOT NULL OR id <= %s)',
        (SELECT coalesce(max(id), 0) FROM transfer));
END $$;
DROP INDEX transfer_once_per_charge;
CREATE UNIQUE INDEX transfer_charged_once ON transfer (generation_id) WHERE kind = 'charge';
CREATE UNIQUE INDEX transfer_paid_once ON transfer (case_id) WHERE kind IN ('refund','goodwill');
CREATE INDEX transfer_case_id ON transfer (case_id) WHERE case_id IS NOT NULL;

ALTER TABLE charge
    ADD COLUMN goodwill bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT charge_captured_whole,
    ADD CONSTRAINT charge_captured_within CHECK (captured BETWEEN 0 AND amount),
    ADD CONSTRAINT charge_goodwill_within CHECK (goodwill BETWEEN 0 AND amount),
    ADD CONSTRAINT charge_given_back_within CHECK (refunded + goodwill <= amount);
"""

POSTING = """
DROP FUNCTION post_transfer(text, text, text, text, bigint, bigint, bigint, bigint);
-- The only writer of the ledger. From where to where follows from the kind, that of a reversal from what it
-- reverses. The same key with the same content gives the first result again. Locks in one order: charge,
-- key, wallet; no kind has two wallets.
CREATE FUNCTION post_transfer(
    p_key text, p_kind text, p_actor text, p_reason text, p_amount bigint,
    p_customer bigint DEFAULT NULL, p_generation bigint DEFAULT NULL, p_reverses bigint DEFAULT NULL,
    p_case bigint DEFAULT NULL, OUT posted_id bigint, OUT replayed boolean
) LANGUAGE plpgsql AS $$
DECLARE
    owed charge%ROWTYPE;
    origin transfer%ROWTYPE;
    made transfer%ROWTYPE;
    wallet wallet_balance%ROWTYPE;
    moved bigint := p_amount;
    settles text := p_kind;
    way int := 1;
    delta bigint;
    source bigint;
    target bigint;
    requested bytea;
    digest bytea;
BEGIN
    -- 1. The charge, which holds the caps. Without an amount, all of it moves.
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
        IF NOT FOUND OR origin.kind NOT IN ('grant', 'refund', 'goodwill', 'capture')
           OR origin.generation_id IS DISTINCT FROM p_generation OR p_amount <> origin.amount THEN
            RAISE EXCEPTION 'transfer % cannot be reversed so', p_reverses USING ERRCODE = 'IK008';
        END IF;
        source := origin.to_account;
        target := origin.from_account;
        moved := origin.amount;
        settles := origin.kind;
        way := -1;
    ELSE
        source := account_of(CASE p_kind WHEN 'grant' THEN 'issued' WHEN 'charge' THEN 'wallet'
            WHEN 'goodwill' THEN 'goodwill' WHEN 'clawback' THEN 'clawback' ELSE 'in_flight' END, p_customer);
        target := account_of(CASE p_kind WHEN 'charge' THEN 'in_flight' WHEN 'capture' THEN 'revenue'
            ELSE 'wallet' END, coalesce(p_customer, owed.customer_id));
        IF source IS NULL OR target IS NULL THEN
            RAISE EXCEPTION 'customer % has no wallet', p_customer USING ERRCODE = 'IK004';
        END IF;
    END IF;

    -- 2. The key. A twin under way is waited for, and then seen by the next statement.
    requested := transfer_request_hash(p_kind, source, target, moved, p_generation, p_reverses);
    INSERT INTO transfer (key, request_hash, kind, from_account, to_account, amount,
                          generation_id, reverses_id, case_id, actor, reason)
        VALUES (p_key, requested, p_kind, source, target, moved, p_generation, p_reverses, p_case,
                p_actor, p_reason)
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

    IF settles IN ('capture', 'refund', 'goodwill') THEN
        IF way = 1 AND moved > owed.amount - owed.refunded
                - (CASE settles WHEN 'goodwill' THEN owed.goodwill ELSE owed.captured END) THEN
            RAISE EXCEPTION 'the charge of generation % is settled', p_generation USING ERRCODE = 'IK006';
        END IF;
        UPDATE charge c SET
            captured = c.captured + CASE settles WHEN 'capture' THEN way * moved ELSE 0 END,
            refunded = c.refunded + CASE settles WHEN 'refund' THEN way * moved ELSE 0 END,
            goodwill = c.goodwill + CASE settles WHEN 'goodwill' THEN way * moved ELSE 0 END
            WHERE c.generation_id = p_generation;
    END IF;

    -- 3. The wallet. System accounts have no row here, so none of them is ever waited for.
    IF settles <> 'capture' THEN
        digest := transfer_digest(made);
        delta := CASE WHEN p_kind = 'charge' THEN -moved ELSE way * moved END;
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

# At COMMIT: what is in flight belongs to a generation under way or to an open case, and nothing else is.
REFUSALS = """
CREATE FUNCTION check_charge_settled(p_generation bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    flying bigint;
    waiting boolean;
BEGIN
    SELECT c.amount - c.captured - c.refunded, g.state IN ('queued','submitting','rendering','storing')
           OR EXISTS (SELECT FROM compensation_case k WHERE k.generation_id = c.generation_id
                      AND k.kind <> 'goodwill' AND k.closed_at IS NULL)
        INTO flying, waiting
        FROM charge c JOIN generation g ON g.id = c.generation_id WHERE c.generation_id = p_generation;
    IF (flying > 0) <> waiting THEN
        RAISE EXCEPTION '% credits of generation % are in flight', flying, p_generation
            USING ERRCODE = 'IK009';
    END IF;
END $$;
CREATE FUNCTION check_charge_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM check_charge_settled(NEW.generation_id);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER charge_settled AFTER UPDATE OF captured, refunded ON charge
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_charge_update();
"""

UNDO = """
DROP TRIGGER charge_settled ON charge;
DROP FUNCTION check_charge_update;
DROP FUNCTION check_charge_settled;
DROP FUNCTION post_transfer;
"""

# What stands in the ledger stays, also what the former rules did not know: they bind new rows only.
UNDO_TABLES = """
DROP INDEX transfer_case_id;
DROP INDEX transfer_paid_once;
DROP INDEX transfer_charged_once;
ALTER TABLE transfer
    DROP COLUMN case_id,
    DROP CONSTRAINT transfer_told,
    ADD CONSTRAINT transfer_amount_positive CHECK (amount > 0),
    ADD CONSTRAINT transfer_between_two CHECK (from_account <> to_account),
    ADD CONSTRAINT transfer_actor_told CHECK (btrim(actor) <> ''),
    ADD CONSTRAINT transfer_reason_told
        CHECK (CASE WHEN reason IS NULL THEN kind IN ('charge','capture') ELSE btrim(reason) <> '' END),
    ADD CONSTRAINT transfer_reversed_told CHECK ((kind = 'reversal') = (reverses_id IS NOT NULL)),
    ADD CONSTRAINT transfer_charge_told
        CHECK (kind = 'reversal' OR (kind <> 'grant') = (generation_id IS NOT NULL)) NOT VALID,
    ADD CONSTRAINT transfer_kind_known
        CHECK (kind IN ('grant','charge','capture','refund','goodwill','reversal')) NOT VALID;
DROP FUNCTION transfer_told;
-- A charge may have been captured more than once by now, when an appeal took the first capture back.
CREATE UNIQUE INDEX transfer_once_per_charge ON transfer (generation_id, kind)
    WHERE kind IN ('charge','capture','refund') AND key !~ '^capture:.*:';
ALTER TABLE charge
    DROP CONSTRAINT charge_given_back_within,
    DROP CONSTRAINT charge_goodwill_within,
    DROP CONSTRAINT charge_captured_within,
    ADD CONSTRAINT charge_captured_whole CHECK (captured IN (0, amount)) NOT VALID,
    DROP COLUMN goodwill;
"""
