"""Compensation cases: who gets which credits back, decided by policy or by people, paid in one transaction.

Revision ID: r0011
Revises: r0009

SQLSTATEs of our own, beside those of the ledger:

    IK009  at COMMIT, credits are in flight of what neither runs nor waits for a decision
    IK010  at COMMIT, a case says one thing and the ledger another
"""

from alembic import op

from core.migrations import case_money
from core.migrations.versions.r0002_ledger import POSTING as FORMER_POSTING

revision = "r0011"
down_revision: str | None = "r0009"
branch_labels = None
depends_on = None

IDENTITY = "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"

# The whole state machine is these rows: whatever writes, a move that is not among them cannot commit.
MACHINE = """
CREATE TABLE case_state (
    state text PRIMARY KEY,
    open boolean NOT NULL,
    paid boolean NOT NULL
);
INSERT INTO case_state VALUES
    ('new', false, false), ('pending', true, false), ('needs_second', true, false), ('expired', true, false),
    ('auto_approved', false, true), ('approved', false, true), ('denied', false, false),
    ('withdrawn', false, false), ('reversed', false, false);

CREATE TABLE case_edge (
    from_state text NOT NULL CONSTRAINT case_edge_from_state_fkey REFERENCES case_state,
    to_state text NOT NULL CONSTRAINT case_edge_to_state_fkey REFERENCES case_state,
    actor_kind text NOT NULL CONSTRAINT case_edge_actor_known
        CHECK (actor_kind IN ('policy','staff','clock','system')),
    CONSTRAINT case_edge_pkey PRIMARY KEY (from_state, to_state, actor_kind)
);
INSERT INTO case_edge VALUES
    ('new', 'auto_approved', 'policy'), ('new', 'pending', 'policy'), ('new', 'denied', 'policy'),
    ('new', 'pending', 'staff'),
    ('pending', 'approved', 'staff'), ('pending', 'needs_second', 'staff'), ('pending', 'denied', 'staff'),
    ('pending', 'auto_approved', 'clock'), ('pending', 'expired', 'clock'),
    ('pending', 'withdrawn', 'system'),
    ('needs_second', 'approved', 'staff'), ('needs_second', 'pending', 'staff'),
    ('needs_second', 'denied', 'staff'), ('needs_second', 'expired', 'clock'),
    ('needs_second', 'withdrawn', 'system'),
    ('expired', 'approved', 'staff'), ('expired', 'needs_second', 'staff'), ('expired', 'denied', 'staff'),
    ('expired', 'pending', 'staff'), ('expired', 'withdrawn', 'system'),
    ('denied', 'pending', 'staff'),
    ('approved', 'reversed', 'staff'), ('auto_approved', 'reversed', 'staff');
"""

POLICY = f"""
CREATE TABLE refund_policy (
    version bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    body jsonb NOT NULL,
    note text NOT NULL,
    author_id bigint CONSTRAINT refund_policy_author_id_fkey REFERENCES staff,
    parent bigint CONSTRAINT refund_policy_parent_fkey REFERENCES refund_policy,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE refund_policy_activation (
    id {IDENTITY},
    version bigint NOT NULL CONSTRAINT refund_policy_activation_version_fkey REFERENCES refund_policy,
    staff_id bigint CONSTRAINT refund_policy_activation_staff_id_fkey REFERENCES staff,
    reason text NOT NULL CONSTRAINT refund_policy_activation_reason_told CHECK (btrim(reason) <> ''),
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- A limit that is a row holds under any concurrency, which a count of rows does not.
CREATE TABLE refund_budget (
    scope text NOT NULL,
    window_start timestamptz NOT NULL,
    used bigint NOT NULL DEFAULT 0,
    refunds bigint NOT NULL DEFAULT 0,
    credit_cap bigint NOT NULL,
    refund_cap bigint NOT NULL,
    tripped_at timestamptz,
    CONSTRAINT refund_budget_pkey PRIMARY KEY (scope, window_start),
    CONSTRAINT refund_budget_credits_within CHECK (used BETWEEN 0 AND credit_cap),
    CONSTRAINT refund_budget_refunds_within CHECK (refunds BETWEEN 0 AND refund_cap)
) WITH (fillfactor = 50);
"""

CASES = f"""
CREATE TABLE compensation_case (
    id {IDENTITY},
    kind text NOT NULL CONSTRAINT compensation_case_kind_known
        CHECK (kind IN ('failure','cancel','goodwill')),
    cause_key text NOT NULL CONSTRAINT compensation_case_cause_key_key UNIQUE,
    generation_id bigint NOT NULL CONSTRAINT compensation_case_generation_id_fkey REFERENCES charge,
    customer_id bigint NOT NULL CONSTRAINT compensation_case_customer_id_fkey REFERENCES customer,
    failure_class text CONSTRAINT compensation_case_class_told
        CHECK ((failure_class IS NULL) = (kind = 'goodwill')),
    fingerprint text,
    requested bigint NOT NULL CONSTRAINT compensation_case_requested_positive CHECK (requested > 0),
    amount bigint CONSTRAINT compensation_case_amount_within CHECK (amount BETWEEN 1 AND requested),
    required_approvals bigint NOT NULL DEFAULT 1
        CONSTRAINT compensation_case_approvals_known CHECK (required_approvals IN (1, 2)),
    round bigint NOT NULL DEFAULT 1,
    state text NOT NULL CONSTRAINT compensation_case_state_fkey REFERENCES case_state,
    seq bigint NOT NULL,
    policy_version bigint CONSTRAINT compensation_case_policy_version_fkey REFERENCES refund_policy,
    rule text,
    why text,
    reason_code text,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL,
    hard_limit_at timestamptz NOT NULL,
    closed_at timestamptz,
    decided_by bigint CONSTRAINT compensation_case_decided_by_fkey REFERENCES staff,
    claimed_by bigint CONSTRAINT compensation_case_claimed_by_fkey REFERENCES staff,
    claim_until timestamptz,
    CONSTRAINT compensation_case_paid_amount
        CHECK ((amount IS NOT NULL) = (state IN ('approved','auto_approved','reversed'))),
    CONSTRAINT compensation_case_closed_when
        CHECK ((closed_at IS NULL) = (state IN ('new','pending','needs_second','expired')))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX compensation_case_one_open ON compensation_case (generation_id) WHERE closed_at IS NULL;
CREATE INDEX compensation_case_queue ON compensation_case (due_at, id) WHERE closed_at IS NULL;
CREATE INDEX compensation_case_hard_limit ON compensation_case (hard_limit_at)
    WHERE state IN ('pending','needs_second');
CREATE INDEX compensation_case_incident ON compensation_case (fingerprint, opened_at) WHERE closed_at IS NULL;
CREATE INDEX compensation_case_customer ON compensation_case (customer_id, opened_at);
CREATE INDEX compensation_case_generation ON compensation_case (generation_id);
CREATE INDEX compensation_case_closed ON compensation_case (closed_at) WHERE closed_at IS NOT NULL;

CREATE TABLE case_log (
    case_id bigint NOT NULL CONSTRAINT case_log_case_id_fkey REFERENCES compensation_case,
    seq bigint NOT NULL CONSTRAINT case_log_seq_positive CHECK (seq >= 1),
    former_seq bigint GENERATED ALWAYS AS (nullif(seq - 1, 0)) STORED,
    from_state text NOT NULL,
    to_state text NOT NULL,
    actor_kind text NOT NULL,
    actor text NOT NULL CONSTRAINT case_log_actor_told CHECK (btrim(actor) <> ''),
    staff_id bigint CONSTRAINT case_log_staff_id_fkey REFERENCES staff,
    amount bigint,
    reason_code text,
    note text,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT case_log_pkey PRIMARY KEY (case_id, seq),
    CONSTRAINT case_log_state_key UNIQUE (case_id, seq, to_state),
    CONSTRAINT case_log_edge_fkey FOREIGN KEY (from_state, to_state, actor_kind) REFERENCES case_edge,
    -- No gap and no jump: each line goes on from where the one before it ended.
    CONSTRAINT case_log_goes_on FOREIGN KEY (case_id, former_seq, from_state)
        REFERENCES case_log (case_id, seq, to_state),
    CONSTRAINT case_log_begins CHECK ((seq = 1) = (from_state = 'new')),
    CONSTRAINT case_log_staff_told CHECK ((actor_kind = 'staff') = (staff_id IS NOT NULL))
);
CREATE INDEX case_log_staff ON case_log (staff_id, at) WHERE staff_id IS NOT NULL;
-- A state that was not logged cannot commit.
ALTER TABLE compensation_case ADD CONSTRAINT compensation_case_logged FOREIGN KEY (id, seq, state)
    REFERENCES case_log (case_id, seq, to_state) DEFERRABLE INITIALLY DEFERRED;

-- The key makes one person count once, in each round.
CREATE TABLE case_approval (
    case_id bigint NOT NULL CONSTRAINT case_approval_case_id_fkey REFERENCES compensation_case,
    round bigint NOT NULL,
    staff_id bigint NOT NULL CONSTRAINT case_approval_staff_id_fkey REFERENCES staff,
    amount bigint NOT NULL CONSTRAINT case_approval_amount_positive CHECK (amount > 0),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT case_approval_pkey PRIMARY KEY (case_id, round, staff_id)
);
CREATE TABLE policy_decision (
    id {IDENTITY},
    case_id bigint NOT NULL CONSTRAINT policy_decision_case_id_fkey REFERENCES compensation_case,
    version bigint NOT NULL CONSTRAINT policy_decision_version_fkey REFERENCES refund_policy,
    inputs jsonb NOT NULL,
    rule text NOT NULL,
    outcome text NOT NULL CONSTRAINT policy_decision_outcome_known
        CHECK (outcome IN ('auto','review','deny')),
    why text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX policy_decision_case_id ON policy_decision (case_id);

-- A decision that can still be undone. It is carried out when its time has come, whoever is still there.
CREATE TABLE case_intent (
    case_id bigint PRIMARY KEY CONSTRAINT case_intent_case_id_fkey REFERENCES compensation_case,
    staff_id bigint NOT NULL CONSTRAINT case_intent_staff_id_fkey REFERENCES staff,
    decision text NOT NULL CONSTRAINT case_intent_decision_known
        CHECK (decision IN ('approve','deny','second')),
    amount bigint NOT NULL CONSTRAINT case_intent_amount_positive CHECK (amount > 0),
    reason_code text NOT NULL,
    note text,
    seen_seq bigint NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    commit_at timestamptz NOT NULL,
    refused text
);
CREATE INDEX case_intent_commit_at ON case_intent (commit_at) WHERE refused IS NULL;
CREATE TABLE case_viewer (
    case_id bigint NOT NULL CONSTRAINT case_viewer_case_id_fkey REFERENCES compensation_case,
    staff_id bigint NOT NULL CONSTRAINT case_viewer_staff_id_fkey REFERENCES staff,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT case_viewer_pkey PRIMARY KEY (case_id, staff_id)
);
-- A blind second opinion on a decision that stands; it moves no credits.
CREATE TABLE double_review (
    case_id bigint PRIMARY KEY CONSTRAINT double_review_case_id_fkey REFERENCES compensation_case,
    first_staff_id bigint NOT NULL CONSTRAINT double_review_first_fkey REFERENCES staff,
    first_outcome text NOT NULL CONSTRAINT double_review_first_known
        CHECK (first_outcome IN ('approved','denied')),
    second_staff_id bigint CONSTRAINT double_review_second_fkey REFERENCES staff,
    second_outcome text CONSTRAINT double_review_second_known CHECK (second_outcome IN ('approved','denied')),
    sampled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    reviewed_at timestamptz,
    CONSTRAINT double_review_two_people CHECK (second_staff_id <> first_staff_id),
    CONSTRAINT double_review_whole
        CHECK (num_nonnulls(second_staff_id, second_outcome, reviewed_at) IN (0, 3))
);
-- What the product tells the customer: written with the money, delivered afterwards.
CREATE TABLE customer_receipt (
    id {IDENTITY},
    transfer_id bigint NOT NULL CONSTRAINT customer_receipt_transfer_id_key UNIQUE
        CONSTRAINT customer_receipt_transfer_id_fkey REFERENCES transfer,
    case_id bigint NOT NULL CONSTRAINT customer_receipt_case_id_fkey REFERENCES compensation_case,
    customer_id bigint NOT NULL CONSTRAINT customer_receipt_customer_id_fkey REFERENCES customer,
    sentence text NOT NULL,
    amount bigint NOT NULL,
    balance_after bigint NOT NULL,
    entry_hash bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    delivered_at timestamptz
);
CREATE INDEX customer_receipt_customer ON customer_receipt (customer_id, id DESC);
CREATE INDEX customer_receipt_due ON customer_receipt (id) WHERE delivered_at IS NULL;
"""

# At COMMIT: paid means paid, once and exactly that much; not paid means not paid.
PROOF = """
CREATE FUNCTION check_case_paid() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    k compensation_case%ROWTYPE;
    payments bigint;
    paid bigint;
    reversals bigint;
BEGIN
    SELECT * INTO k FROM compensation_case WHERE id = NEW.id;
    SELECT count(*), coalesce(sum(t.amount), 0), count(r.id) INTO payments, paid, reversals
        FROM transfer t LEFT JOIN transfer r ON r.reverses_id = t.id
        WHERE t.case_id = k.id AND t.kind = CASE k.kind WHEN 'goodwill' THEN 'goodwill' ELSE 'refund' END;
    IF payments <> (k.amount IS NOT NULL)::int OR paid <> coalesce(k.amount, 0)
       OR reversals <> (k.state = 'reversed')::int THEN
        RAISE EXCEPTION 'case % is % of %, the ledger has % payments of % and % reversals',
            k.id, k.state, k.amount, payments, paid, reversals USING ERRCODE = 'IK010';
    END IF;
    PERFORM check_charge_settled(k.generation_id);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER compensation_case_paid AFTER INSERT OR UPDATE OF state ON compensation_case
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_case_paid();
CREATE TRIGGER compensation_case_terms_stay
    BEFORE UPDATE OF kind, cause_key, generation_id, customer_id, failure_class, requested, opened_at
    ON compensation_case FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""

# Which rows of which table may be added and never changed, or changed and never taken away.
KEPT = {
    "case_state": "INSERT OR UPDATE OR DELETE",
    "case_edge": "INSERT OR UPDATE OR DELETE",
    "case_log": "UPDATE OR DELETE",
    "case_approval": "UPDATE OR DELETE",
    "policy_decision": "UPDATE OR DELETE",
    "refund_policy": "UPDATE OR DELETE",
    "refund_policy_activation": "UPDATE OR DELETE",
    "refund_budget": "DELETE",
    "compensation_case": "DELETE",
    "customer_receipt": "DELETE",
}

TABLES = (
    "customer_receipt double_review case_viewer case_intent policy_decision case_approval "
    "refund_policy_activation refund_budget case_edge"
)


def upgrade() -> None:
    for statements in (
        MACHINE,
        POLICY,
        CASES,
        case_money.TABLES,
        case_money.POSTING,
        case_money.REFUSALS,
        PROOF,
    ):
        op.execute(statements)
    for table, change in KEPT.items():
        op.execute(f"""
            CREATE TRIGGER {table}_kept BEFORE {change} ON {table}
                FOR EACH ROW EXECUTE FUNCTION refuse_change();
            CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION refuse_change();
        """)


def downgrade() -> None:
    op.execute(case_money.UNDO)
    op.execute(FORMER_POSTING[FORMER_POSTING.index("-- The only writer") :])
    op.execute(case_money.UNDO_TABLES)
    for table in TABLES.split():
        op.execute(f"DROP TABLE {table} CASCADE")
    op.execute("ALTER TABLE compensation_case DROP CONSTRAINT compensation_case_logged")
    for table in ("case_log", "compensation_case", "refund_policy", "case_state"):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION check_case_paid")
