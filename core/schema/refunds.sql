-- Who gets what back: policies, cases, decisions, and what two people must agree to.

CREATE TABLE refund_policy (
    version bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    body jsonb NOT NULL,
    note text NOT NULL,
    author_id bigint REFERENCES staff,
    parent bigint REFERENCES refund_policy,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE refund_policy IS
    'One immutable version of the rules; the last activation says which one decides.';

CREATE TABLE refund_policy_activation (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version bigint NOT NULL REFERENCES refund_policy,
    staff_id bigint REFERENCES staff,
    reason text NOT NULL CONSTRAINT refund_policy_activation_reason_told CHECK (btrim(reason) <> ''),
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE refund_policy_activation IS 'When a version was put in force, by whom and why; append-only.';

CREATE TABLE case_state (
    state text PRIMARY KEY,
    open boolean NOT NULL,
    paid boolean NOT NULL
);
COMMENT ON TABLE case_state IS 'A state that a case can be in; core.tables.refund_states mirrors these rows.';

CREATE TABLE case_edge (
    from_state text NOT NULL REFERENCES case_state,
    to_state text NOT NULL REFERENCES case_state,
    actor_kind text NOT NULL
        CONSTRAINT case_edge_actor_known CHECK (actor_kind IN ('policy', 'staff', 'clock', 'system')),
    PRIMARY KEY (from_state, to_state, actor_kind)
);
COMMENT ON TABLE case_edge IS 'A legal move, and who may make it: policy, staff, clock or system.';

CREATE TABLE compensation_case (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL
        CONSTRAINT compensation_case_kind_known CHECK (kind IN ('failure', 'cancel', 'goodwill')),
    cause_key text NOT NULL UNIQUE,
    generation_id bigint NOT NULL REFERENCES charge,
    customer_id bigint NOT NULL REFERENCES customer,
    failure_class text,
    fingerprint text,
    requested bigint NOT NULL CONSTRAINT compensation_case_requested_positive CHECK (requested > 0),
    amount bigint,
    required_approvals bigint NOT NULL DEFAULT 1
        CONSTRAINT compensation_case_approvals_known CHECK (required_approvals IN (1, 2)),
    round bigint NOT NULL DEFAULT 1,
    state text NOT NULL REFERENCES case_state,
    seq bigint NOT NULL,
    policy_version bigint REFERENCES refund_policy,
    rule text,
    why text,
    reason_code text,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL,
    hard_limit_at timestamptz NOT NULL,
    closed_at timestamptz,
    decided_by bigint REFERENCES staff,
    claimed_by bigint REFERENCES staff,
    claim_until timestamptz,
    CONSTRAINT compensation_case_amount_within CHECK (amount >= 1 AND amount <= requested),
    CONSTRAINT compensation_case_class_told CHECK ((failure_class IS NULL) = (kind = 'goodwill')),
    CONSTRAINT compensation_case_closed_when
        CHECK ((closed_at IS NULL) = (state IN ('new', 'pending', 'needs_second', 'expired'))),
    CONSTRAINT compensation_case_paid_amount
        CHECK ((amount IS NOT NULL) = (state IN ('approved', 'auto_approved', 'reversed')))
) WITH (fillfactor = 70);
COMMENT ON TABLE compensation_case IS
    'What one customer may get back for one charge, and where the decision stands. requested is the most '
    'that may be paid, amount what was paid. seq counts the moves: a reviewer''s click bears the one that '
    'was on the screen. rule and why are the policy''s, in words.';
CREATE INDEX compensation_case_claimed ON compensation_case (claimed_by)
    WHERE claimed_by IS NOT NULL AND closed_at IS NULL;
CREATE INDEX compensation_case_closed ON compensation_case (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX compensation_case_customer ON compensation_case (customer_id, opened_at);
CREATE INDEX compensation_case_decided ON compensation_case (closed_at DESC, id DESC)
    INCLUDE (state, kind, customer_id, generation_id, decided_by) WHERE closed_at IS NOT NULL;
CREATE INDEX compensation_case_generation ON compensation_case (generation_id);
CREATE INDEX compensation_case_hard_limit ON compensation_case (hard_limit_at)
    WHERE state IN ('pending', 'needs_second');
CREATE INDEX compensation_case_incident ON compensation_case (fingerprint, opened_at)
    INCLUDE (id, due_at, requested, customer_id, state, kind, failure_class, rule) WHERE closed_at IS NULL;
CREATE UNIQUE INDEX compensation_case_one_open ON compensation_case (generation_id) WHERE closed_at IS NULL;
CREATE INDEX compensation_case_queue ON compensation_case (due_at, id)
    INCLUDE (state, kind, failure_class, rule, requested, opened_at, customer_id, fingerprint)
    WHERE closed_at IS NULL;

CREATE TABLE case_log (
    case_id bigint NOT NULL REFERENCES compensation_case,
    seq bigint NOT NULL CONSTRAINT case_log_seq_positive CHECK (seq >= 1),
    former_seq bigint GENERATED ALWAYS AS (NULLIF((seq - 1), 0)) STORED,
    from_state text NOT NULL,
    to_state text NOT NULL,
    actor_kind text NOT NULL,
    actor text NOT NULL CONSTRAINT case_log_actor_told CHECK (btrim(actor) <> ''),
    staff_id bigint REFERENCES staff,
    amount bigint,
    reason_code text,
    note text,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (case_id, seq),
    CONSTRAINT case_log_state_key UNIQUE (case_id, seq, to_state),
    CONSTRAINT case_log_edge_fkey FOREIGN KEY (from_state, to_state, actor_kind)
        REFERENCES case_edge (from_state, to_state, actor_kind),
    CONSTRAINT case_log_goes_on FOREIGN KEY (case_id, former_seq, from_state)
        REFERENCES case_log (case_id, seq, to_state),
    CONSTRAINT case_log_begins CHECK ((seq = 1) = (from_state = 'new')),
    CONSTRAINT case_log_staff_told CHECK ((actor_kind = 'staff') = (staff_id IS NOT NULL))
);
COMMENT ON TABLE case_log IS 'One move of a case; append-only, each line bound to the one before it.';
CREATE INDEX case_log_staff ON case_log (staff_id, at) WHERE staff_id IS NOT NULL;

ALTER TABLE compensation_case ADD CONSTRAINT compensation_case_logged FOREIGN KEY (id, seq, state)
    REFERENCES case_log (case_id, seq, to_state) DEFERRABLE INITIALLY DEFERRED;

CREATE TABLE case_approval (
    case_id bigint NOT NULL REFERENCES compensation_case,
    round bigint NOT NULL,
    staff_id bigint NOT NULL REFERENCES staff,
    amount bigint NOT NULL CONSTRAINT case_approval_amount_positive CHECK (amount > 0),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (case_id, round, staff_id)
);
COMMENT ON TABLE case_approval IS
    'One person''s consent to an amount, in one round; the same person never counts twice.';

CREATE TABLE policy_decision (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id bigint NOT NULL REFERENCES compensation_case,
    version bigint NOT NULL REFERENCES refund_policy,
    inputs jsonb NOT NULL,
    rule text NOT NULL,
    outcome text NOT NULL
        CONSTRAINT policy_decision_outcome_known CHECK (outcome IN ('auto', 'review', 'deny')),
    why text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE policy_decision IS 'What the policy saw and said of a case; append-only.';
CREATE INDEX policy_decision_case_id ON policy_decision (case_id);

CREATE TABLE refund_budget (
    scope text NOT NULL,
    window_start timestamptz NOT NULL,
    used bigint NOT NULL DEFAULT 0,
    refunds bigint NOT NULL DEFAULT 0,
    credit_cap bigint NOT NULL,
    refund_cap bigint NOT NULL,
    tripped_at timestamptz,
    PRIMARY KEY (scope, window_start),
    CONSTRAINT refund_budget_credits_within CHECK (used >= 0 AND used <= credit_cap),
    CONSTRAINT refund_budget_refunds_within CHECK (refunds >= 0 AND refunds <= refund_cap)
) WITH (fillfactor = 50);
COMMENT ON TABLE refund_budget IS
    'How much was refunded automatically within a scope and window, and how much may be.';

CREATE TABLE case_viewer (
    case_id bigint NOT NULL REFERENCES compensation_case,
    staff_id bigint NOT NULL REFERENCES staff,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (case_id, staff_id)
);
COMMENT ON TABLE case_viewer IS 'Who had a case on the screen last, and when.';

CREATE TABLE case_intent (
    case_id bigint PRIMARY KEY REFERENCES compensation_case,
    staff_id bigint NOT NULL REFERENCES staff,
    decision text NOT NULL
        CONSTRAINT case_intent_decision_known CHECK (decision IN ('approve', 'deny', 'second')),
    amount bigint NOT NULL CONSTRAINT case_intent_amount_positive CHECK (amount > 0),
    reason_code text NOT NULL,
    note text,
    seen_seq bigint NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    commit_at timestamptz NOT NULL,
    refused text
);
COMMENT ON TABLE case_intent IS
    'A decision that waits, so that it can still be undone. refused says why it was not carried out.';
CREATE INDEX case_intent_commit_at ON case_intent (commit_at) WHERE refused IS NULL;

CREATE TABLE double_review (
    case_id bigint PRIMARY KEY REFERENCES compensation_case,
    first_staff_id bigint NOT NULL CONSTRAINT double_review_first_fkey REFERENCES staff,
    first_outcome text NOT NULL
        CONSTRAINT double_review_first_known CHECK (first_outcome IN ('approved', 'denied')),
    second_staff_id bigint CONSTRAINT double_review_second_fkey REFERENCES staff,
    second_outcome text
        CONSTRAINT double_review_second_known CHECK (second_outcome IN ('approved', 'denied')),
    sampled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    reviewed_at timestamptz,
    CONSTRAINT double_review_two_people CHECK (second_staff_id <> first_staff_id),
    CONSTRAINT double_review_whole
        CHECK (num_nonnulls(second_staff_id, second_outcome, reviewed_at) IN (0, 3))
);
COMMENT ON TABLE double_review IS 'A blind second opinion on a decision that stands; it moves no credits.';
CREATE INDEX double_review_open ON double_review (sampled_at) WHERE second_staff_id IS NULL;

CREATE TABLE customer_receipt (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transfer_id bigint NOT NULL UNIQUE REFERENCES transfer,
    case_id bigint NOT NULL REFERENCES compensation_case,
    customer_id bigint NOT NULL REFERENCES customer,
    sentence text NOT NULL,
    amount bigint NOT NULL,
    balance_after bigint NOT NULL,
    entry_hash bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    delivered_at timestamptz
);
COMMENT ON TABLE customer_receipt IS
    'What the product tells the customer of one payment; verifiable by the hash of the wallet''s entry.';
CREATE INDEX customer_receipt_case_id ON customer_receipt (case_id);
CREATE INDEX customer_receipt_customer ON customer_receipt (customer_id, id DESC);
CREATE INDEX customer_receipt_due ON customer_receipt (id) WHERE delivered_at IS NULL;

CREATE TABLE refund_batch (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL UNIQUE,
    staff_id bigint NOT NULL REFERENCES staff,
    decision text NOT NULL CONSTRAINT refund_batch_decision_known CHECK (decision IN ('approve', 'deny')),
    reason_code text NOT NULL,
    note text,
    filters jsonb NOT NULL,
    cases bigint NOT NULL CONSTRAINT refund_batch_cases_positive CHECK (cases > 0),
    credits bigint NOT NULL CONSTRAINT refund_batch_credits_positive CHECK (credits > 0),
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    stopped_by bigint REFERENCES staff,
    stopped_at timestamptz,
    finished_at timestamptz,
    CONSTRAINT refund_batch_one_end CHECK (num_nonnulls(stopped_at, finished_at) <= 1),
    CONSTRAINT refund_batch_stop_told CHECK ((stopped_at IS NULL) = (stopped_by IS NULL))
);
COMMENT ON TABLE refund_batch IS
    'One decision on many cases; cases and credits are the numbers that the reviewer agreed to.';
CREATE INDEX refund_batch_running ON refund_batch (id) WHERE stopped_at IS NULL AND finished_at IS NULL;

CREATE TABLE refund_batch_item (
    batch_id bigint NOT NULL REFERENCES refund_batch,
    case_id bigint NOT NULL REFERENCES compensation_case,
    place bigint NOT NULL,
    seen_seq bigint NOT NULL,
    amount bigint NOT NULL CONSTRAINT refund_batch_item_amount_positive CHECK (amount > 0),
    outcome text
        CONSTRAINT refund_batch_item_outcome_known CHECK (outcome IN ('done', 'second', 'refused')),
    sentence text,
    at timestamptz,
    PRIMARY KEY (batch_id, case_id),
    CONSTRAINT refund_batch_item_whole CHECK (num_nonnulls(outcome, sentence, at) IN (0, 3))
);
COMMENT ON TABLE refund_batch_item IS
    'One case of a batch. Without an outcome it is still to be done; sentence says what became of it.';
CREATE INDEX refund_batch_item_case_id ON refund_batch_item (case_id) WHERE outcome IS NULL;
CREATE INDEX refund_batch_item_due ON refund_batch_item (batch_id, place) WHERE outcome IS NULL;

CREATE TABLE money_request (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL UNIQUE,
    kind text NOT NULL
        CONSTRAINT money_request_kind_known CHECK (kind IN ('grant', 'reverse_grant', 'reverse_case')),
    customer_id bigint NOT NULL REFERENCES customer,
    amount bigint NOT NULL CONSTRAINT money_request_amount_positive CHECK (amount > 0),
    transfer_id bigint REFERENCES transfer,
    case_id bigint REFERENCES compensation_case,
    seen_seq bigint,
    reason text NOT NULL CONSTRAINT money_request_reason_told CHECK (btrim(reason) <> ''),
    preview jsonb NOT NULL,
    asked_by bigint NOT NULL REFERENCES staff,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'waiting'
        CONSTRAINT money_request_state_known
            CHECK (state IN ('waiting', 'done', 'refused', 'stale', 'withdrawn', 'expired')),
    answered_by bigint REFERENCES staff,
    answered_at timestamptz,
    note text,
    posted_id bigint UNIQUE REFERENCES transfer,
    CONSTRAINT money_request_answered_when CHECK ((state = 'waiting') = (answered_at IS NULL)),
    CONSTRAINT money_request_answered_whom
        CHECK ((state IN ('done', 'refused', 'stale')) = (answered_by IS NOT NULL)),
    CONSTRAINT money_request_case_told
        CHECK ((kind = 'reverse_case') = (case_id IS NOT NULL) AND (case_id IS NULL) = (seen_seq IS NULL)),
    CONSTRAINT money_request_posted CHECK ((state = 'done') = (posted_id IS NOT NULL)),
    CONSTRAINT money_request_taken_back CHECK ((kind = 'grant') = (transfer_id IS NULL)),
    CONSTRAINT money_request_two_people CHECK (answered_by <> asked_by)
);
COMMENT ON TABLE money_request IS
    'A grant or reversal that one person asked for. key is the form''s own, unique for ever. transfer_id '
    'is what is to be taken back, posted_id what was posted when the second person agreed. preview is '
    'what stood on the screen of whoever asked.';
CREATE UNIQUE INDEX money_request_one_open ON money_request (transfer_id) WHERE state = 'waiting';
CREATE INDEX money_request_waiting ON money_request (expires_at) WHERE state = 'waiting';

INSERT INTO case_state (state, open, paid) VALUES
    ('new', false, false),
    ('pending', true, false),
    ('needs_second', true, false),
    ('expired', true, false),
    ('auto_approved', false, true),
    ('approved', false, true),
    ('denied', false, false),
    ('withdrawn', false, false),
    ('reversed', false, false);
INSERT INTO case_edge (from_state, to_state, actor_kind) VALUES
    ('new', 'auto_approved', 'policy'),
    ('new', 'pending', 'policy'),
    ('new', 'denied', 'policy'),
    ('new', 'pending', 'staff'),
    ('pending', 'approved', 'staff'),
    ('pending', 'needs_second', 'staff'),
    ('pending', 'denied', 'staff'),
    ('pending', 'auto_approved', 'clock'),
    ('pending', 'expired', 'clock'),
    ('pending', 'withdrawn', 'system'),
    ('needs_second', 'approved', 'staff'),
    ('needs_second', 'pending', 'staff'),
    ('needs_second', 'denied', 'staff'),
    ('needs_second', 'expired', 'clock'),
    ('needs_second', 'withdrawn', 'system'),
    ('expired', 'approved', 'staff'),
    ('expired', 'needs_second', 'staff'),
    ('expired', 'denied', 'staff'),
    ('expired', 'pending', 'staff'),
    ('expired', 'withdrawn', 'system'),
    ('denied', 'pending', 'staff'),
    ('approved', 'reversed', 'staff'),
    ('auto_approved', 'reversed', 'staff');

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

CREATE FUNCTION check_case_paid() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM check_case(NEW.id, NEW.generation_id);
    PERFORM check_charge_settled(NEW.generation_id);
    RETURN NULL;
END $$;

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

CREATE FUNCTION check_request_posted() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE CONSTRAINT TRIGGER transfer_taken_back AFTER INSERT ON transfer DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (new.reverses_id IS NOT NULL) EXECUTE FUNCTION check_taken_back();
CREATE CONSTRAINT TRIGGER compensation_case_paid AFTER INSERT OR UPDATE OF state,
    amount ON compensation_case DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION check_case_paid();
CREATE TRIGGER compensation_case_terms_stay BEFORE UPDATE OF kind, cause_key, generation_id, customer_id,
    failure_class, requested, opened_at ON compensation_case FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER customer_receipt_delivered_once BEFORE UPDATE ON customer_receipt
    FOR EACH ROW WHEN (old.delivered_at IS NOT NULL) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER customer_receipt_terms_stay BEFORE UPDATE OF transfer_id, case_id, customer_id, sentence,
    amount, balance_after, entry_hash, created_at ON customer_receipt
        FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refund_batch_item_once BEFORE UPDATE ON refund_batch_item
    FOR EACH ROW WHEN (old.outcome IS NOT NULL) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER money_request_answered_once BEFORE UPDATE ON money_request
    FOR EACH ROW WHEN (old.state <> 'waiting') EXECUTE FUNCTION refuse_change();
CREATE TRIGGER money_request_posted BEFORE INSERT OR UPDATE ON money_request
    FOR EACH ROW EXECUTE FUNCTION check_request_posted();
CREATE TRIGGER money_request_terms_stay BEFORE UPDATE OF key, kind, customer_id, amount, transfer_id,
    case_id, seen_seq, reason, preview, asked_by, asked_at, expires_at ON money_request
        FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Rows that are only ever added, or changed and never taken away.
CREATE TRIGGER refund_policy_kept BEFORE DELETE OR UPDATE ON refund_policy
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refund_policy_no_truncate BEFORE TRUNCATE ON refund_policy
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refund_policy_activation_kept BEFORE DELETE OR UPDATE ON refund_policy_activation
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refund_policy_activation_no_truncate BEFORE TRUNCATE ON refund_policy_activation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER case_state_kept BEFORE INSERT OR DELETE OR UPDATE ON case_state
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER case_state_no_truncate BEFORE TRUNCATE ON case_state
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER case_edge_kept BEFORE INSERT OR DELETE OR UPDATE ON case_edge
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER case_edge_no_truncate BEFORE TRUNCATE ON case_edge
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER compensation_case_kept BEFORE DELETE ON compensation_case
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER compensation_case_no_truncate BEFORE TRUNCATE ON compensation_case
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER case_log_kept BEFORE DELETE OR UPDATE ON case_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER case_log_no_truncate BEFORE TRUNCATE ON case_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER case_approval_kept BEFORE DELETE OR UPDATE ON case_approval
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER case_approval_no_truncate BEFORE TRUNCATE ON case_approval
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER policy_decision_kept BEFORE DELETE OR UPDATE ON policy_decision
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER policy_decision_no_truncate BEFORE TRUNCATE ON policy_decision
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refund_budget_kept BEFORE DELETE ON refund_budget
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refund_budget_no_truncate BEFORE TRUNCATE ON refund_budget
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER customer_receipt_kept BEFORE DELETE ON customer_receipt
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER customer_receipt_no_truncate BEFORE TRUNCATE ON customer_receipt
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refund_batch_kept BEFORE DELETE ON refund_batch
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refund_batch_item_kept BEFORE DELETE ON refund_batch_item
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER money_request_kept BEFORE DELETE ON money_request
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER money_request_no_truncate BEFORE TRUNCATE ON money_request
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
