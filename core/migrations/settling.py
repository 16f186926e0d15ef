"""SQL of revision r0030: a transfer settles its charge itself, as it enters itself since r0029.

Its trigger opens the charge or counts on it, and nobody else may write charges. So none is there without its
transfer, no counter says what no transfer says, and caps are raised once the key is known to be new: locks go
in the order case, key, charge, wallet.

What may be settled is seen when it is, not at COMMIT: a payment is what its case says, and a capture takes
all that is left of a charge that nothing waits for any more. A case that is decided shows at COMMIT that it
was paid so and that nothing is left in flight. Only what is taken back may leave something there, and is
looked at again at COMMIT.

What this makes needless went: the foreign keys from a transfer to its charge and from there to generation and
customer; the indexes that found a second charge (the charge's own key does) and a second payment of a case
(its key names the case, and keys are unique); the hash of a request (its columns are compared); and what an
entry must say, which its transfer's own statement writes. A CHECK's function takes the whole row, and no
index or trigger has a long condition: PostgreSQL reads those anew for each statement, part by part.
"""

INDEXES = """
DROP INDEX transfer_charged_once;
DROP INDEX transfer_paid_once;
DROP INDEX transfer_settled_at;
DROP INDEX charge_customer_id;
"""
UNDO_INDEXES = """
CREATE UNIQUE INDEX transfer_charged_once ON transfer (generation_id) WHERE kind = 'charge';
CREATE UNIQUE INDEX transfer_paid_once ON transfer (case_id) WHERE kind IN ('refund','goodwill');
CREATE INDEX transfer_settled_at ON transfer (created_at) INCLUDE (kind) WHERE kind IN ('capture','refund');
CREATE INDEX charge_customer_id ON charge (customer_id, generation_id DESC);
"""

KEYS = """
ALTER TABLE transfer DROP CONSTRAINT transfer_generation_id_fkey;
ALTER TABLE charge
    DROP CONSTRAINT charge_generation_id_fkey,
    DROP CONSTRAINT charge_customer_id_fkey;
-- What was charged stays, and so does whose it is: a customer goes only after all of their generations.
CREATE TRIGGER generation_charged_stays BEFORE DELETE ON generation
    FOR EACH ROW WHEN (OLD.credits > 0) EXECUTE FUNCTION refuse_change();
"""
UNDO_KEYS = """
DROP TRIGGER generation_charged_stays ON generation;
ALTER TABLE charge
    ADD CONSTRAINT charge_generation_id_fkey FOREIGN KEY (generation_id) REFERENCES generation,
    ADD CONSTRAINT charge_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customer;
ALTER TABLE transfer
    ADD CONSTRAINT transfer_generation_id_fkey FOREIGN KEY (generation_id) REFERENCES charge;
"""

DROP_TOLD = """
ALTER TABLE entry DROP CONSTRAINT entry_told;
DROP FUNCTION entry_told;
ALTER TABLE charge DROP CONSTRAINT charge_told;
DROP FUNCTION charge_told;
ALTER TABLE transfer DROP CONSTRAINT transfer_told;
DROP FUNCTION transfer_told;
"""
TOLD = """
CREATE FUNCTION charge_told(c charge) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN c.amount > 0 AND c.captured >= 0 AND c.refunded >= 0 AND c.goodwill >= 0
        AND c.captured + c.refunded <= c.amount AND c.refunded + c.goodwill <= c.amount;
END $$;
ALTER TABLE charge ADD CONSTRAINT charge_told CHECK (charge_told(charge));

-- A refund without a case is from before there were any: the last of those is written down here.
DO $do$ BEGIN
    EXECUTE format($create$
        CREATE FUNCTION transfer_told(t transfer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
        BEGIN
            RETURN t.kind IN ('grant','charge','capture','refund','goodwill','clawback','reversal')
                AND t.amount > 0 AND t.from_account <> t.to_account AND btrim(t.actor) <> ''
                AND CASE WHEN t.reason IS NULL THEN t.kind IN ('charge','capture')
                         ELSE btrim(t.reason) <> '' END
                AND (t.kind IN ('reversal','clawback') OR (t.kind <> 'grant') = (t.generation_id IS NOT NULL))
                AND (t.kind = 'reversal') = (t.reverses_id IS NOT NULL)
                AND (t.kind NOT IN ('refund','goodwill') OR t.case_id IS NOT NULL OR t.id <= %s);
        END $$
    $create$, (SELECT coalesce(max(id), 0) FROM transfer
               WHERE kind IN ('refund','goodwill') AND case_id IS NULL));
END $do$;
ALTER TABLE transfer ADD CONSTRAINT transfer_told CHECK (transfer_told(transfer));
"""

# The same key with other content was found by a hash of the content; the row itself says all of it.
REQUESTS = """
ALTER TABLE transfer DROP COLUMN request_hash;
DROP FUNCTION transfer_request_hash;
"""
UNDO_REQUESTS = """
ALTER FUNCTION transfer_request_hash PARALLEL SAFE;
ALTER TABLE transfer ADD COLUMN request_hash bytea;
ALTER TABLE transfer DISABLE TRIGGER transfer_kept;
UPDATE transfer SET request_hash =
    transfer_request_hash(kind, from_account, to_account, amount, generation_id, reverses_id);
ALTER TABLE transfer ENABLE TRIGGER transfer_kept;
ALTER TABLE transfer ALTER COLUMN request_hash SET NOT NULL;
"""

# Refunds wait for the charts in a table of their own: one number, and nothing to look at.
QUEUE = """
CREATE TABLE refund_rollup (transfer_id bigint PRIMARY KEY);
INSERT INTO refund_rollup SELECT subject_id FROM rollup_queue WHERE kind = 'refund';
DELETE FROM rollup_queue WHERE kind = 'refund';
ALTER TABLE rollup_queue
    DROP CONSTRAINT rollup_queue_kind_known,
    ADD CONSTRAINT rollup_queue_kind_known CHECK (kind IN ('event','generation'));
"""
UNDO_QUEUE = """
ALTER TABLE rollup_queue
    DROP CONSTRAINT rollup_queue_kind_known,
    ADD CONSTRAINT rollup_queue_kind_known CHECK (kind IN ('event','generation','refund'));
INSERT INTO rollup_queue (kind, subject_id)
    SELECT 'refund', transfer_id FROM refund_rollup ORDER BY transfer_id;
DROP TABLE refund_rollup;
"""

# The depth is 0 where a session writes, and 1 where a transfer does.
GUARDS = """
DROP TRIGGER entry_by_transfer ON entry;
DROP FUNCTION refuse_entry;
DROP TRIGGER charge_settled ON charge;
DROP FUNCTION check_charge_update;
DROP TRIGGER transfer_case_agrees ON transfer;
DROP FUNCTION check_transfer_case;
CREATE FUNCTION refuse_by_hand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% rows are written by their transfers alone', TG_TABLE_NAME USING ERRCODE = 'IK002';
END $$;
CREATE TRIGGER entry_by_transfer BEFORE INSERT ON entry
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_by_hand();
CREATE TRIGGER charge_by_transfer BEFORE INSERT OR UPDATE ON charge
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_by_hand();

-- What is taken back is in flight again only where somebody decides on it anew.
CREATE FUNCTION check_taken_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.case_id IS NOT NULL THEN
        PERFORM public.check_case(NEW.case_id, NEW.generation_id);
    END IF;
    IF NEW.generation_id IS NOT NULL THEN
        PERFORM public.check_charge_settled(NEW.generation_id);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER transfer_taken_back AFTER INSERT ON transfer
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.reverses_id IS NOT NULL)
    EXECUTE FUNCTION check_taken_back();
-- A payment looks at its case's amount when it is made, so a later change of that is looked at too.
DROP TRIGGER compensation_case_paid ON compensation_case;
CREATE CONSTRAINT TRIGGER compensation_case_paid AFTER INSERT OR UPDATE OF state, amount ON compensation_case
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_case_paid();
"""
UNDO_GUARDS = """
DROP TRIGGER compensation_case_paid ON compensation_case;
CREATE CONSTRAINT TRIGGER compensation_case_paid AFTER INSERT OR UPDATE OF state ON compensation_case
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_case_paid();
DROP TRIGGER transfer_taken_back ON transfer;
DROP FUNCTION check_taken_back;
DROP TRIGGER charge_by_transfer ON charge;
DROP TRIGGER entry_by_transfer ON entry;
DROP FUNCTION refuse_by_hand;
CREATE TRIGGER entry_by_transfer BEFORE INSERT ON entry
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_entry();
CREATE CONSTRAINT TRIGGER charge_settled AFTER UPDATE OF captured, refunded ON charge
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_charge_update();
CREATE CONSTRAINT TRIGGER transfer_case_agrees AFTER INSERT ON transfer
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.case_id IS NOT NULL)
    EXECUTE FUNCTION check_transfer_case();
"""

SETTLING = """
-- Says why a charge cannot be settled so.
CREATE FUNCTION refuse_settling(t transfer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    owed public.charge%ROWTYPE;
BEGIN
    SELECT * INTO owed FROM public.charge WHERE generation_id = t.generation_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'generation % has no such charge', t.generation_id USING ERRCODE = 'IK007';
    ELSIF t.amount > owed.amount - owed.refunded
            - (CASE t.kind WHEN 'goodwill' THEN owed.goodwill ELSE owed.captured END) THEN
        RAISE EXCEPTION 'the charge of generation % is settled', t.generation_id USING ERRCODE = 'IK006';
    ELSIF t.kind = 'capture' THEN
        RAISE EXCEPTION 'credits of generation % are or stay in flight', t.generation_id
            USING ERRCODE = 'IK009';
    END IF;
    RAISE EXCEPTION 'case % did not decide on %: a % of % credits of generation %',
        t.case_id, t.key, t.kind, t.amount, t.generation_id USING ERRCODE = 'IK010';
END $$;

-- What a case is named by without being paid.
CREATE FUNCTION check_case_named(t transfer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.compensation_case k
                   WHERE k.id = t.case_id AND k.generation_id = t.generation_id) THEN
        RAISE EXCEPTION 'case % is not of generation %', t.case_id, t.generation_id USING ERRCODE = 'IK010';
    END IF;
END $$;

-- The charge, the wallet, and both entries. House accounts have no row here: none of them is ever waited for.
CREATE OR REPLACE FUNCTION enter_transfer() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wallet public.wallet_balance%ROWTYPE;
    settles text := NEW.kind;
    holder bigint := NEW.to_account;
    house bigint := NEW.from_account;
    delta bigint := NEW.amount;
BEGIN
    IF NEW.kind IN ('charge', 'reversal') THEN
        holder := NEW.from_account;
        house := NEW.to_account;
        delta := -NEW.amount;
    END IF;

    IF NEW.kind = 'charge' THEN
        INSERT INTO public.charge (generation_id, customer_id, amount)
            SELECT g.id, g.customer_id, g.credits FROM public.generation g
            WHERE g.id = NEW.generation_id AND g.credits = NEW.amount;
        IF NOT FOUND THEN
            PERFORM public.refuse_settling(NEW);
        END IF;
    ELSIF NEW.kind = 'capture' THEN
        UPDATE public.charge c SET captured = c.captured + NEW.amount
            FROM public.generation g
            WHERE c.generation_id = NEW.generation_id AND g.id = c.generation_id
              AND c.captured + c.refunded + NEW.amount = c.amount
              AND g.state NOT IN ('queued','submitting','rendering','storing')
              AND NOT EXISTS (SELECT FROM public.compensation_case k
                              WHERE k.generation_id = c.generation_id AND k.kind <> 'goodwill'
                                AND k.closed_at IS NULL);
        IF NOT FOUND THEN
            PERFORM public.refuse_settling(NEW);
        END IF;
        IF NEW.case_id IS NOT NULL THEN
            PERFORM public.check_case_named(NEW);
        END IF;
    ELSIF NEW.kind = 'refund' THEN
        UPDATE public.charge c SET refunded = c.refunded + NEW.amount
            FROM public.compensation_case k
            WHERE c.generation_id = NEW.generation_id AND k.id = NEW.case_id
              AND c.captured + c.refunded + NEW.amount <= c.amount
              AND k.generation_id = c.generation_id AND k.amount = NEW.amount
              AND k.state <> 'reversed' AND k.kind <> 'goodwill' AND NEW.key = 'refund:case:' || k.id;
        IF NOT FOUND THEN
            PERFORM public.refuse_settling(NEW);
        END IF;
    ELSIF NEW.kind = 'goodwill' THEN
        UPDATE public.charge c SET goodwill = c.goodwill + NEW.amount
            FROM public.compensation_case k
            WHERE c.generation_id = NEW.generation_id AND k.id = NEW.case_id
              AND c.refunded + c.goodwill + NEW.amount <= c.amount
              AND k.generation_id = c.generation_id AND k.amount = NEW.amount
              AND k.state <> 'reversed' AND k.kind = 'goodwill' AND NEW.key = 'refund:case:' || k.id;
        IF NOT FOUND THEN
            PERFORM public.refuse_settling(NEW);
        END IF;
    ELSIF NEW.kind = 'reversal' THEN
        -- Of the same case too: what is taken back without it would be looked at by nobody.
        SELECT t.kind INTO settles FROM public.transfer t
            WHERE t.id = NEW.reverses_id AND t.amount = NEW.amount
              AND t.from_account = NEW.to_account AND t.to_account = NEW.from_account
              AND (t.generation_id, t.case_id) IS NOT DISTINCT FROM (NEW.generation_id, NEW.case_id);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'transfer % is no mirror image of what it takes back', NEW.id
                USING ERRCODE = 'IK010';
        END IF;
        UPDATE public.charge c SET
            captured = c.captured - CASE settles WHEN 'capture' THEN NEW.amount ELSE 0 END,
            refunded = c.refunded - CASE settles WHEN 'refund' THEN NEW.amount ELSE 0 END,
            goodwill = c.goodwill - CASE settles WHEN 'goodwill' THEN NEW.amount ELSE 0 END
            WHERE c.generation_id = NEW.generation_id;
    ELSIF NEW.case_id IS NOT NULL THEN
        PERFORM public.check_case_named(NEW);
    END IF;

    -- A capture, and what takes it back, is between house accounts.
    IF settles = 'capture' THEN
        INSERT INTO public.entry (transfer_id, account_id, amount)
            VALUES (NEW.id, holder, delta), (NEW.id, house, -delta);
        RETURN NULL;
    END IF;
    UPDATE public.wallet_balance w SET
        balance = w.balance + delta,
        version = w.version + 1,
        head_hash = public.entry_hash(w.head_hash, w.account_id, w.version + 1, delta, w.balance + delta,
                                      public.transfer_digest(NEW))
        WHERE w.account_id = holder AND w.balance + delta >= 0
        RETURNING w.* INTO wallet;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the wallet holds less than % credits', NEW.amount USING ERRCODE = 'IK005';
    END IF;
    INSERT INTO public.entry (transfer_id, account_id, amount, version, balance_after, hash) VALUES
        (NEW.id, holder, delta, wallet.version, wallet.balance, wallet.head_hash),
        (NEW.id, house, -delta, NULL, NULL, NULL);
    -- For the charts: it waits for their next tick in this very transaction.
    IF NEW.kind = 'refund' THEN
        INSERT INTO public.refund_rollup (transfer_id) VALUES (NEW.id);
    END IF;
    RETURN NULL;
END $$;
"""

POSTING = """
-- The only writer of the ledger. From where to where follows from the kind, that of a reversal from what it
-- reverses; without an amount, all of a charge moves. The same key with the same content gives the first
-- result again.
CREATE OR REPLACE FUNCTION post_transfer(
    p_key text, p_kind text, p_actor text, p_reason text, p_amount bigint,
    p_customer bigint DEFAULT NULL, p_generation bigint DEFAULT NULL, p_reverses bigint DEFAULT NULL,
    p_case bigint DEFAULT NULL, OUT posted_id bigint, OUT replayed boolean
) LANGUAGE plpgsql AS $$
DECLARE
    origin transfer%ROWTYPE;
    made transfer%ROWTYPE;
    moved bigint := p_amount;
    holder bigint;
    source bigint;
    target bigint;
BEGIN
    IF p_kind = 'reversal' THEN
        SELECT * INTO origin FROM transfer WHERE id = p_reverses;
        IF NOT FOUND OR origin.kind NOT IN ('grant', 'refund', 'goodwill', 'capture')
           OR origin.generation_id IS DISTINCT FROM p_generation OR p_amount <> origin.amount THEN
            RAISE EXCEPTION 'transfer % cannot be reversed so', p_reverses USING ERRCODE = 'IK008';
        END IF;
        source := origin.to_account;
        target := origin.from_account;
        moved := origin.amount;
    ELSE
        IF p_kind = 'charge' THEN
            SELECT a.id INTO holder FROM generation g LEFT JOIN account a ON a.customer_id = g.customer_id
                WHERE g.id = p_generation AND g.credits = p_amount
                  AND g.customer_id = coalesce(p_customer, g.customer_id);
        ELSIF p_generation IS NULL THEN
            SELECT id INTO holder FROM account WHERE customer_id = p_customer;
        ELSIF p_kind = 'capture' THEN
            SELECT house_account('revenue'), coalesce(p_amount, c.amount) INTO holder, moved
                FROM charge c WHERE c.generation_id = p_generation;
        ELSE
            SELECT a.id, coalesce(p_amount, c.amount) INTO holder, moved
                FROM charge c LEFT JOIN account a ON a.customer_id = c.customer_id
                WHERE c.generation_id = p_generation
                  AND c.customer_id = coalesce(p_customer, c.customer_id);
        END IF;
        IF NOT FOUND AND p_generation IS NOT NULL THEN
            RAISE EXCEPTION 'generation % has no such charge', p_generation USING ERRCODE = 'IK007';
        ELSIF holder IS NULL THEN
            RAISE EXCEPTION 'customer % has no wallet', p_customer USING ERRCODE = 'IK004';
        END IF;
        source := CASE p_kind WHEN 'charge' THEN holder ELSE house_account(
            CASE p_kind WHEN 'grant' THEN 'issued' WHEN 'goodwill' THEN 'goodwill'
                        WHEN 'clawback' THEN 'clawback' ELSE 'in_flight' END) END;
        target := CASE p_kind WHEN 'charge' THEN house_account('in_flight') ELSE holder END;
    END IF;

    -- A twin under way is waited for, and then seen by the next statement.
    INSERT INTO transfer (key, kind, from_account, to_account, amount, generation_id, reverses_id, case_id,
                          actor, reason)
        VALUES (p_key, p_kind, source, target, moved, p_generation, p_reverses, p_case, p_actor, p_reason)
        ON CONFLICT (key) DO NOTHING RETURNING id INTO posted_id;
    replayed := NOT FOUND;
    IF replayed THEN
        SELECT * INTO STRICT made FROM transfer t WHERE t.key = p_key;
        IF (made.kind, made.from_account, made.to_account, made.amount, made.generation_id, made.reverses_id)
           IS DISTINCT FROM (p_kind, source, target, moved, p_generation, p_reverses) THEN
            RAISE EXCEPTION 'key % was used for another transfer', p_key USING ERRCODE = 'IK003';
        END IF;
        posted_id := made.id;
    END IF;
END $$;
"""

UNDO_SETTLING = """
DROP FUNCTION check_case_named;
DROP FUNCTION refuse_settling;
ALTER TABLE charge DROP CONSTRAINT charge_told;
DROP FUNCTION charge_told;
ALTER TABLE transfer DROP CONSTRAINT transfer_told;
DROP FUNCTION transfer_told;
"""
