"""SQL of revision r0029: a posting says and proves the same with fewer statements.

Every statement inside a function starts and ends a small machine of its own, which costs more than the rows
that it touches. So: a transfer enters itself, by a trigger that writes its two entries and moves the wallet,
and nobody else may write entries, so there is no pair to look for afterwards; the caps are raised by the
statement that locks the charge; house accounts, which never change, are not looked up; a table's CHECKs are
one function, kept ready, instead of trees read anew each time. Two foreign keys went: an entry's transfer is
the one that writes it, and a transfer's case is looked at when it pays. Neither transfers nor cases are ever
taken away, nor do their numbers change.

The recipes of all hashes stay as they were: their jsonb costs 5 of a posting's microseconds, text would
cost 3.
"""

# The promises of one row.
CHARGE_TOLD = """
CREATE FUNCTION charge_told(amount bigint, captured bigint, refunded bigint, goodwill bigint)
RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN amount > 0 AND captured >= 0 AND refunded >= 0 AND goodwill >= 0
        AND captured + refunded <= amount AND refunded + goodwill <= amount AND captured <= amount
        AND goodwill <= amount;
END $$;
ALTER TABLE charge
    ADD CONSTRAINT charge_told CHECK (charge_told(amount, captured, refunded, goodwill));
"""
ENTRY_TOLD = """
CREATE FUNCTION entry_told(amount bigint, version bigint, balance_after bigint, hash bytea)
RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN amount <> 0 AND CASE num_nonnulls(version, balance_after, hash)
        WHEN 0 THEN true WHEN 3 THEN version > 0 AND balance_after >= 0 ELSE false END;
END $$;
ALTER TABLE entry
    ADD CONSTRAINT entry_told CHECK (entry_told(amount, version, balance_after, hash));
"""
# A refund without a case is from before there were any: the last of those is written down here.
TRANSFER_TOLD = """
DO $do$ BEGIN
    EXECUTE format($create$
        CREATE FUNCTION transfer_told(
            kind text, actor text, reason text, from_account bigint, to_account bigint, amount bigint,
            generation_id bigint, reverses_id bigint, case_id bigint, id bigint
        ) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
        BEGIN
            RETURN kind IN ('grant','charge','capture','refund','goodwill','clawback','reversal')
                AND amount > 0 AND from_account <> to_account AND btrim(actor) <> ''
                AND CASE WHEN reason IS NULL THEN kind IN ('charge','capture') ELSE btrim(reason) <> '' END
                AND (kind IN ('reversal','clawback') OR (kind <> 'grant') = (generation_id IS NOT NULL))
                AND (kind = 'reversal') = (reverses_id IS NOT NULL)
                -- A refund from before cases existed has none; every later one has its own.
                AND (kind NOT IN ('refund','goodwill') OR case_id IS NOT NULL OR id <= %s);
        END $$
    $create$, (SELECT coalesce(max(id), 0) FROM transfer
               WHERE kind IN ('refund','goodwill') AND case_id IS NULL));
END $do$;
ALTER TABLE transfer ADD CONSTRAINT transfer_told CHECK (transfer_told(
    kind, actor, reason, from_account, to_account, amount, generation_id, reverses_id, case_id, id));
"""
FORMER_TOLD = """
ALTER TABLE charge
    DROP CONSTRAINT charge_amount_positive,
    DROP CONSTRAINT charge_captured_within,
    DROP CONSTRAINT charge_refunded_within,
    DROP CONSTRAINT charge_goodwill_within,
    DROP CONSTRAINT charge_settled_once,
    DROP CONSTRAINT charge_given_back_within;
ALTER TABLE entry
    DROP CONSTRAINT entry_amount_some,
    DROP CONSTRAINT entry_version_counts,
    DROP CONSTRAINT entry_never_negative,
    DROP CONSTRAINT entry_run_whole,
    DROP CONSTRAINT entry_transfer_id_fkey;
ALTER TABLE transfer
    DROP CONSTRAINT transfer_told,
    DROP CONSTRAINT transfer_case_told,
    DROP CONSTRAINT transfer_case_id_fkey;
DROP FUNCTION transfer_told;
"""

# The house's accounts never change their number, so that one is written down here.
HOUSE = """
DO $do$ BEGIN
    EXECUTE (
        SELECT format('CREATE FUNCTION house_account(kind text) RETURNS bigint LANGUAGE sql IMMUTABLE
                           PARALLEL SAFE AS $$ SELECT CASE kind %s END $$',
                      string_agg(format('WHEN %L THEN %s::bigint', kind, id), ' '))
        FROM account WHERE customer_id IS NULL);
END $do$;
"""

# A transfer's two entries are written with it and by nothing else: there is no transfer without its pair, and
# no entry without its transfer. Tables and functions are named with their schema: what is proven at COMMIT
# runs outside of the ledger's function, where a session's temporary table would be looked at first.
ENTERING = """
DROP TRIGGER entry_pairs ON entry;
DROP TRIGGER transfer_entered ON transfer;
DROP TRIGGER transfer_queue_rollup ON transfer;
DROP FUNCTION check_entry_pairs;
DROP FUNCTION check_transfer_entered;
CREATE FUNCTION refuse_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'entries are written by their transfer alone' USING ERRCODE = 'IK002';
END $$;
-- The depth is 0 where a session writes, and 1 where a transfer does.
CREATE TRIGGER entry_by_transfer BEFORE INSERT ON entry
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_entry();

-- The wallet, and both entries. House accounts have no row here, so none of them is ever waited for.
CREATE FUNCTION enter_transfer() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wallet public.wallet_balance%ROWTYPE;
    holder bigint := NEW.to_account;
    house bigint := NEW.from_account;
    delta bigint := NEW.amount;
BEGIN
    IF NEW.kind IN ('charge', 'reversal') THEN
        holder := NEW.from_account;
        house := NEW.to_account;
        delta := -NEW.amount;
    END IF;
    -- Else a payment could be taken back without its case, which is looked at by what names it.
    IF NEW.reverses_id IS NOT NULL THEN
        IF EXISTS (SELECT FROM public.transfer
                   WHERE id = NEW.reverses_id AND case_id IS DISTINCT FROM NEW.case_id) THEN
            RAISE EXCEPTION 'transfer % is of another case than what it takes back', NEW.id
                USING ERRCODE = 'IK010';
        END IF;
    END IF;
    -- A capture, and what takes it back, is between house accounts.
    IF NEW.kind = 'capture' OR (NEW.kind = 'reversal' AND holder = public.house_account('revenue')) THEN
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
        INSERT INTO public.rollup_queue (kind, subject_id) VALUES ('refund', NEW.id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER transfer_entered AFTER INSERT ON transfer FOR EACH ROW EXECUTE FUNCTION enter_transfer();
"""

REFUSALS = """
-- Under way or undecided means all of it in flight, and else nothing: a part never is.
CREATE OR REPLACE FUNCTION check_charge_settled(p_generation bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    flying bigint;
    owing bigint;
BEGIN
    SELECT c.amount - c.captured - c.refunded,
           CASE WHEN g.state IN ('queued','submitting','rendering','storing')
                OR EXISTS (SELECT FROM public.compensation_case k WHERE k.generation_id = p_generation
                           AND k.kind <> 'goodwill' AND k.closed_at IS NULL) THEN c.amount ELSE 0 END
        INTO flying, owing
        FROM public.charge c, public.generation g
        WHERE c.generation_id = p_generation AND g.id = p_generation;
    IF flying <> owing THEN
        RAISE EXCEPTION '% credits of generation % are in flight', flying, p_generation
            USING ERRCODE = 'IK009';
    END IF;
END $$;

-- What a case paid is what it says, once, and for the generation that the case is of.
CREATE FUNCTION check_case(p_case bigint, p_generation bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    k compensation_case%ROWTYPE;
    payments bigint;
    paid bigint;
    reversals bigint;
BEGIN
    SELECT * INTO k FROM public.compensation_case WHERE id = p_case;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no case %', p_case USING ERRCODE = 'IK010';
    END IF;
    SELECT count(*), count(r.id),
           coalesce(sum(t.amount) FILTER (WHERE (t.kind = 'goodwill') = (k.kind = 'goodwill')), 0)
        INTO payments, reversals, paid
        FROM public.transfer t LEFT JOIN public.transfer r ON r.reverses_id = t.id
        WHERE t.case_id = p_case AND t.kind IN ('refund','goodwill');
    IF payments <> (k.amount IS NOT NULL)::int OR paid <> coalesce(k.amount, 0)
       OR reversals <> (k.state = 'reversed')::int OR p_generation IS DISTINCT FROM k.generation_id THEN
        RAISE EXCEPTION 'case % of generation % is % of %, the ledger has % payments of % and % reversals',
            p_case, p_generation, k.state, k.amount, payments, paid, reversals USING ERRCODE = 'IK010';
    END IF;
END $$;
CREATE OR REPLACE FUNCTION check_case_paid() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM check_case(NEW.id, NEW.generation_id);
    PERFORM check_charge_settled(NEW.generation_id);
    RETURN NULL;
END $$;
-- A payment that is what its case says, of which an index lets no second one be, has nothing else to show.
CREATE FUNCTION check_transfer_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.kind IN ('refund','goodwill') THEN
        IF EXISTS (
            SELECT FROM public.compensation_case k
            WHERE k.id = NEW.case_id AND k.generation_id = NEW.generation_id AND k.amount = NEW.amount
              AND k.state <> 'reversed' AND (k.kind = 'goodwill') = (NEW.kind = 'goodwill')
        ) THEN
            RETURN NULL;
        END IF;
    END IF;
    PERFORM check_case(NEW.case_id, NEW.generation_id);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER transfer_case_agrees AFTER INSERT ON transfer
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.case_id IS NOT NULL)
    EXECUTE FUNCTION check_transfer_case();
CREATE OR REPLACE FUNCTION check_request_posted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'done' AND NOT EXISTS (
        SELECT FROM public.transfer t
        WHERE t.id = NEW.posted_id AND t.amount = NEW.amount
          AND t.reverses_id IS NOT DISTINCT FROM NEW.transfer_id
          AND CASE NEW.kind WHEN 'grant' THEN t.key = 'grant:request:' || NEW.id ELSE t.kind = 'reversal' END
    ) THEN
        RAISE EXCEPTION 'request % was not carried out by transfer %', NEW.id, NEW.posted_id
            USING ERRCODE = 'IK012';
    END IF;
    RETURN NEW;
END $$;
"""

POSTING = """
-- The only writer of the ledger. From where to where follows from the kind, that of a reversal from what it
-- reverses. The same key with the same content gives the first result again. Locks in one order: charge,
-- key, and the wallet as the transfer enters itself; no kind has two wallets.
CREATE OR REPLACE FUNCTION post_transfer(
    p_key text, p_kind text, p_actor text, p_reason text, p_amount bigint,
    p_customer bigint DEFAULT NULL, p_generation bigint DEFAULT NULL, p_reverses bigint DEFAULT NULL,
    p_case bigint DEFAULT NULL, OUT posted_id bigint, OUT replayed boolean
) LANGUAGE plpgsql AS $$
DECLARE
    owed charge%ROWTYPE;
    origin transfer%ROWTYPE;
    made transfer%ROWTYPE;
    moved bigint := p_amount;
    settles text := p_kind;
    counted boolean := false;
    way int := 1;
    delta bigint;
    source bigint;
    target bigint;
    requested bytea;
BEGIN
    -- 1. The charge, which holds the caps. Without an amount, all of it moves. What fits is counted by the
    -- statement that locks it, and taken off again should the key turn out to be used already.
    IF p_kind = 'charge' THEN
        INSERT INTO charge (generation_id, customer_id, amount)
            SELECT g.id, g.customer_id, g.credits FROM generation g
            WHERE g.id = p_generation AND g.credits = p_amount
            ON CONFLICT DO NOTHING RETURNING * INTO owed;
    ELSIF p_kind IN ('capture', 'refund', 'goodwill') THEN
        UPDATE charge c SET
            captured = c.captured + CASE p_kind WHEN 'capture' THEN coalesce(p_amount, c.amount) ELSE 0 END,
            refunded = c.refunded + CASE p_kind WHEN 'refund' THEN coalesce(p_amount, c.amount) ELSE 0 END,
            goodwill = c.goodwill + CASE p_kind WHEN 'goodwill' THEN coalesce(p_amount, c.amount) ELSE 0 END
            WHERE c.generation_id = p_generation
              AND coalesce(p_amount, c.amount) BETWEEN 1 AND c.amount - c.refunded
                  - CASE p_kind WHEN 'goodwill' THEN c.goodwill ELSE c.captured END
            RETURNING c.* INTO owed;
        counted := FOUND;
    END IF;
    IF p_generation IS NOT NULL THEN
        IF owed.generation_id IS NULL THEN
            SELECT * INTO owed FROM charge WHERE generation_id = p_generation FOR NO KEY UPDATE;
        END IF;
        IF owed.generation_id IS NULL OR p_customer <> owed.customer_id THEN
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
    ELSIF p_kind = 'capture' THEN
        source := house_account('in_flight');
        target := house_account('revenue');
    ELSE
        SELECT id INTO target FROM account WHERE customer_id = coalesce(p_customer, owed.customer_id);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'customer % has no wallet', p_customer USING ERRCODE = 'IK004';
        END IF;
        source := house_account(CASE p_kind WHEN 'grant' THEN 'issued' WHEN 'goodwill' THEN 'goodwill'
            WHEN 'clawback' THEN 'clawback' ELSE 'in_flight' END);
        IF p_kind = 'charge' THEN
            source := target;
            target := house_account('in_flight');
        END IF;
    END IF;

    -- 2. The key. A twin under way is waited for, and then seen by the next statement.
    requested := transfer_request_hash(p_kind, source, target, moved, p_generation, p_reverses);
    INSERT INTO transfer (key, request_hash, kind, from_account, to_account, amount,
                          generation_id, reverses_id, case_id, actor, reason)
        VALUES (p_key, requested, p_kind, source, target, moved, p_generation, p_reverses, p_case,
                p_actor, p_reason)
        ON CONFLICT (key) DO NOTHING RETURNING id INTO posted_id;
    replayed := NOT FOUND;
    IF replayed THEN
        SELECT * INTO STRICT made FROM transfer t WHERE t.key = p_key;
        IF made.request_hash <> requested THEN
            RAISE EXCEPTION 'key % was used for another transfer', p_key USING ERRCODE = 'IK003';
        END IF;
        posted_id := made.id;
    END IF;

    IF replayed = counted AND settles IN ('capture', 'refund', 'goodwill') THEN
        IF NOT replayed AND way = 1 AND moved > owed.amount - owed.refunded
                - (CASE settles WHEN 'goodwill' THEN owed.goodwill ELSE owed.captured END) THEN
            RAISE EXCEPTION 'the charge of generation % is settled', p_generation USING ERRCODE = 'IK006';
        END IF;
        delta := CASE WHEN replayed THEN -moved ELSE way * moved END;
        UPDATE charge c SET
            captured = c.captured + CASE settles WHEN 'capture' THEN delta ELSE 0 END,
            refunded = c.refunded + CASE settles WHEN 'refund' THEN delta ELSE 0 END,
            goodwill = c.goodwill + CASE settles WHEN 'goodwill' THEN delta ELSE 0 END
            WHERE c.generation_id = p_generation;
    END IF;
END $$;
DROP FUNCTION account_of;
"""

UNDO_TOLD = """
DROP TRIGGER transfer_entered ON transfer;
DROP TRIGGER entry_by_transfer ON entry;
DROP FUNCTION enter_transfer;
DROP FUNCTION refuse_entry;
DROP TRIGGER transfer_case_agrees ON transfer;
DROP FUNCTION check_transfer_case;
DROP FUNCTION check_case;
DROP FUNCTION house_account;
ALTER TABLE charge
    DROP CONSTRAINT charge_told,
    ADD CONSTRAINT charge_amount_positive CHECK (amount > 0),
    ADD CONSTRAINT charge_captured_within CHECK (captured BETWEEN 0 AND amount),
    ADD CONSTRAINT charge_refunded_within CHECK (refunded BETWEEN 0 AND amount),
    ADD CONSTRAINT charge_goodwill_within CHECK (goodwill BETWEEN 0 AND amount),
    ADD CONSTRAINT charge_settled_once CHECK (captured + refunded <= amount),
    ADD CONSTRAINT charge_given_back_within CHECK (refunded + goodwill <= amount);
DROP FUNCTION charge_told;
ALTER TABLE entry
    DROP CONSTRAINT entry_told,
    ADD CONSTRAINT entry_transfer_id_fkey FOREIGN KEY (transfer_id) REFERENCES transfer,
    ADD CONSTRAINT entry_amount_some CHECK (amount <> 0),
    ADD CONSTRAINT entry_version_counts CHECK (version > 0),
    ADD CONSTRAINT entry_never_negative CHECK (balance_after >= 0),
    ADD CONSTRAINT entry_run_whole CHECK (num_nonnulls(version, balance_after, hash) IN (0, 3));
DROP FUNCTION entry_told;
ALTER TABLE transfer DROP CONSTRAINT transfer_told;
DROP FUNCTION transfer_told;
"""
UNDO_TRANSFER = """
ALTER TABLE transfer
    ADD CONSTRAINT transfer_case_id_fkey FOREIGN KEY (case_id) REFERENCES compensation_case,
    ADD CONSTRAINT transfer_told CHECK (transfer_told(
        kind, actor, reason, from_account, to_account, amount, generation_id, reverses_id));
DO $$ BEGIN
    EXECUTE format('ALTER TABLE transfer ADD CONSTRAINT transfer_case_told
        CHECK (kind NOT IN (''refund'',''goodwill'') OR case_id IS NOT NULL OR id <= %s)',
        (SELECT coalesce(max(id), 0) FROM transfer
         WHERE kind IN ('refund','goodwill') AND case_id IS NULL));
END $$;
CREATE TRIGGER transfer_queue_rollup AFTER INSERT ON transfer
    FOR EACH ROW WHEN (NEW.kind = 'refund') EXECUTE FUNCTION queue_rollup('refund');
CREATE TRIGGER entry_pairs AFTER INSERT ON entry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION check_entry_pairs();
CREATE CONSTRAINT TRIGGER transfer_entered AFTER INSERT ON transfer DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION check_transfer_entered();
"""
