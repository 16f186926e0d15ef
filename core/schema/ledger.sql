-- The credit ledger: accounts, charges, transfers and entries.

CREATE TABLE account (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL
        CONSTRAINT account_kind_known
            CHECK (kind IN ('wallet', 'issued', 'in_flight', 'revenue', 'goodwill', 'clawback')),
    customer_id bigint UNIQUE REFERENCES customer,
    opened_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT account_wallets_owned CHECK ((kind = 'wallet') = (customer_id IS NOT NULL))
);
COMMENT ON TABLE account IS 'Where credits are: one wallet a customer, and five system accounts.';
CREATE UNIQUE INDEX account_system_kind ON account (kind) WHERE customer_id IS NULL;

CREATE TABLE wallet_balance (
    account_id bigint PRIMARY KEY REFERENCES account,
    balance bigint NOT NULL DEFAULT 0 CONSTRAINT wallet_balance_not_negative CHECK (balance >= 0),
    version bigint NOT NULL DEFAULT 0,
    head_hash bytea NOT NULL DEFAULT '\x'::bytea
) WITH (fillfactor = 40);
COMMENT ON TABLE wallet_balance IS
    'What a wallet holds now, and the head of its chain. System accounts have no such row: none is hot.';

CREATE TABLE charge (
    generation_id bigint PRIMARY KEY,
    customer_id bigint NOT NULL,
    amount bigint NOT NULL,
    captured bigint NOT NULL DEFAULT 0,
    refunded bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    goodwill bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
COMMENT ON TABLE charge IS
    'What one generation cost, and the caps on what of it is captured or given back. Its transfers write '
    'it, and nobody else: opened by that of the charge, counted on by those that settle it.';

CREATE TABLE transfer (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL UNIQUE,
    kind text NOT NULL,
    from_account bigint NOT NULL,
    to_account bigint NOT NULL,
    amount bigint NOT NULL,
    generation_id bigint,
    reverses_id bigint REFERENCES transfer,
    actor text NOT NULL,
    reason text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    case_id bigint
);
COMMENT ON TABLE transfer IS
    'One move of credits between two accounts. key is unique for ever: the same key never moves twice. A '
    'trigger writes its charge and its entries and moves the wallet, after it has looked at what they are '
    'named by: the generation, the case and what is taken back.';
CREATE INDEX transfer_case_id ON transfer (case_id) WHERE case_id IS NOT NULL;
CREATE INDEX transfer_generation_id ON transfer (generation_id) WHERE generation_id IS NOT NULL;
CREATE UNIQUE INDEX transfer_reversed_once ON transfer (reverses_id) WHERE reverses_id IS NOT NULL;
CREATE INDEX transfer_xid ON transfer (xid);

CREATE TABLE entry (
    transfer_id bigint NOT NULL,
    account_id bigint NOT NULL,
    amount bigint NOT NULL,
    version bigint,
    balance_after bigint,
    hash bytea,
    PRIMARY KEY (transfer_id, account_id)
);
COMMENT ON TABLE entry IS
    'One leg of a transfer, which writes it; a wallet''s are numbered, chained and carry the balance.';
CREATE UNIQUE INDEX entry_account_id_version ON entry (account_id, version) WHERE version IS NOT NULL;

INSERT INTO account (kind) VALUES ('issued'), ('in_flight'), ('revenue'), ('goodwill'), ('clawback');

CREATE FUNCTION entry_hash(previous bytea, account_id bigint, version bigint, amount bigint,
    balance_after bigint, digest bytea) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT sha256(previous || int8send(account_id) || int8send(version) || int8send(amount)
                  || int8send(balance_after) || digest)
$$;

CREATE FUNCTION transfer_digest(t transfer) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(convert_to(jsonb_build_array(
        t.id, t.key, t.kind, t.from_account, t.to_account, t.amount, t.generation_id, t.reverses_id,
        t.actor, t.reason, extract(epoch FROM t.created_at))::text, 'UTF8'))
$$;

CREATE FUNCTION charge_told(c charge) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN c.amount > 0 AND c.captured >= 0 AND c.refunded >= 0 AND c.goodwill >= 0
        AND c.captured + c.refunded <= c.amount AND c.refunded + c.goodwill <= c.amount;
END $$;

CREATE FUNCTION transfer_told(t transfer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
        BEGIN
            RETURN t.kind IN ('grant','charge','capture','refund','goodwill','clawback','reversal')
                AND t.amount > 0 AND t.from_account <> t.to_account AND btrim(t.actor) <> ''
                AND CASE WHEN t.reason IS NULL THEN t.kind IN ('charge','capture')
                         ELSE btrim(t.reason) <> '' END
                AND (t.kind IN ('reversal','clawback') OR (t.kind <> 'grant') = (t.generation_id IS NOT NULL))
                AND (t.kind = 'reversal') = (t.reverses_id IS NOT NULL)
                AND (t.kind NOT IN ('refund','goodwill') OR t.case_id IS NOT NULL OR t.id <= 0);
        END $$;

CREATE FUNCTION house_account(kind text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE kind WHEN 'issued' THEN 1::bigint WHEN 'in_flight' THEN 2::bigint
        WHEN 'revenue' THEN 3::bigint WHEN 'goodwill' THEN 4::bigint WHEN 'clawback' THEN 5::bigint END
$$;

CREATE FUNCTION check_charge_settled(p_generation bigint) RETURNS void LANGUAGE plpgsql AS $$
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

CREATE FUNCTION check_case_named(t transfer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.compensation_case k
                   WHERE k.id = t.case_id AND k.generation_id = t.generation_id) THEN
        RAISE EXCEPTION 'case % is not of generation %', t.case_id, t.generation_id USING ERRCODE = 'IK010';
    END IF;
END $$;

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

CREATE FUNCTION enter_transfer() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE FUNCTION refuse_by_hand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% rows are written by their transfers alone', TG_TABLE_NAME USING ERRCODE = 'IK002';
END $$;

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

CREATE FUNCTION post_transfer(p_key text, p_kind text, p_actor text, p_reason text, p_amount bigint,
    p_customer bigint DEFAULT NULL::bigint, p_generation bigint DEFAULT NULL::bigint,
        p_reverses bigint DEFAULT NULL::bigint, p_case bigint DEFAULT NULL::bigint, OUT posted_id bigint,
            OUT replayed boolean) RETURNS record LANGUAGE plpgsql AS $$
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

ALTER TABLE charge ADD CONSTRAINT charge_told CHECK (charge_told(charge.*));

ALTER TABLE transfer ADD CONSTRAINT transfer_told CHECK (transfer_told(transfer.*));

CREATE TRIGGER wallet_balance_owner_stays BEFORE UPDATE OF account_id ON wallet_balance
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER charge_by_transfer BEFORE INSERT OR UPDATE ON charge
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_by_hand();
CREATE TRIGGER charge_terms_stay BEFORE UPDATE OF generation_id, customer_id, amount, created_at ON charge
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transfer_entered AFTER INSERT ON transfer FOR EACH ROW EXECUTE FUNCTION enter_transfer();
CREATE TRIGGER entry_by_transfer BEFORE INSERT ON entry
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_by_hand();

-- Rows that are only ever added, or changed and never taken away.
CREATE TRIGGER account_kept BEFORE DELETE OR UPDATE ON account
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER account_no_truncate BEFORE TRUNCATE ON account
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER wallet_balance_kept BEFORE DELETE ON wallet_balance
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER wallet_balance_no_truncate BEFORE TRUNCATE ON wallet_balance
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER charge_kept BEFORE DELETE ON charge
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER charge_no_truncate BEFORE TRUNCATE ON charge
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transfer_kept BEFORE DELETE OR UPDATE ON transfer
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transfer_no_truncate BEFORE TRUNCATE ON transfer
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entry_kept BEFORE DELETE OR UPDATE ON entry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entry_no_truncate BEFORE TRUNCATE ON entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
