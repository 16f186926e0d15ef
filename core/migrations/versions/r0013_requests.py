"""What two people must agree to: large grants, and whatever is taken back.

Revision ID: r0013
Revises: r0012

    IK012  a request says that it was carried out, and the ledger says otherwise
"""

from alembic import op

revision = "r0013"
down_revision: str | None = "r0012"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE money_request (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL CONSTRAINT money_request_key_key UNIQUE,
    kind text NOT NULL CONSTRAINT money_request_kind_known
        CHECK (kind IN ('grant','reverse_grant','reverse_case')),
    customer_id bigint NOT NULL CONSTRAINT money_request_customer_id_fkey REFERENCES customer,
    amount bigint NOT NULL CONSTRAINT money_request_amount_positive CHECK (amount > 0),
    transfer_id bigint CONSTRAINT money_request_transfer_id_fkey REFERENCES transfer,
    case_id bigint CONSTRAINT money_request_case_id_fkey REFERENCES compensation_case,
    seen_seq bigint,
    reason text NOT NULL CONSTRAINT money_request_reason_told CHECK (btrim(reason) <> ''),
    preview jsonb NOT NULL,
    asked_by bigint NOT NULL CONSTRAINT money_request_asked_by_fkey REFERENCES staff,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CONSTRAINT money_request_state_known
        CHECK (state IN ('waiting','done','refused','stale','withdrawn','expired')),
    answered_by bigint CONSTRAINT money_request_answered_by_fkey REFERENCES staff,
    answered_at timestamptz,
    note text,
    posted_id bigint CONSTRAINT money_request_posted_id_key UNIQUE
        CONSTRAINT money_request_posted_id_fkey REFERENCES transfer,
    -- Whatever the role: nobody answers what they asked for themselves.
    CONSTRAINT money_request_two_people CHECK (answered_by <> asked_by),
    CONSTRAINT money_request_answered_when CHECK ((state = 'waiting') = (answered_at IS NULL)),
    CONSTRAINT money_request_answered_whom
        CHECK ((state IN ('done','refused','stale')) = (answered_by IS NOT NULL)),
    CONSTRAINT money_request_posted CHECK ((state = 'done') = (posted_id IS NOT NULL)),
    CONSTRAINT money_request_taken_back CHECK ((kind = 'grant') = (transfer_id IS NULL)),
    CONSTRAINT money_request_case_told
        CHECK ((kind = 'reverse_case') = (case_id IS NOT NULL) AND (case_id IS NULL) = (seen_seq IS NULL))
);
CREATE UNIQUE INDEX money_request_one_open ON money_request (transfer_id) WHERE state = 'waiting';
CREATE INDEX money_request_waiting ON money_request (expires_at) WHERE state = 'waiting';
-- What one person has granted a customer lately is added up by it.
CREATE INDEX audit_event_granted ON audit_event (subject, at) WHERE action = 'credits.grant';
"""

REFUSALS = """
-- Checked while it is answered: the ledger holds the very transfer that was asked for.
CREATE FUNCTION check_request_posted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'done' AND NOT EXISTS (
        SELECT FROM transfer t
        WHERE t.id = NEW.posted_id AND t.amount = NEW.amount
          AND t.reverses_id IS NOT DISTINCT FROM NEW.transfer_id
          AND CASE NEW.kind WHEN 'grant' THEN t.key = 'grant:request:' || NEW.id ELSE t.kind = 'reversal' END
    ) THEN
        RAISE EXCEPTION 'request % was not carried out by transfer %', NEW.id, NEW.posted_id
            USING ERRCODE = 'IK012';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER money_request_posted BEFORE INSERT OR UPDATE ON money_request
    FOR EACH ROW EXECUTE FUNCTION check_request_posted();
CREATE TRIGGER money_request_terms_stay
    BEFORE UPDATE OF key, kind, customer_id, amount, transfer_id, case_id, seen_seq, reason, preview,
        asked_by, asked_at, expires_at
    ON money_request FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER money_request_answered_once BEFORE UPDATE ON money_request
    FOR EACH ROW WHEN (OLD.state <> 'waiting') EXECUTE FUNCTION refuse_change();
CREATE TRIGGER money_request_kept BEFORE DELETE ON money_request
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER money_request_no_truncate BEFORE TRUNCATE ON money_request EXECUTE FUNCTION refuse_change();
"""

# What a customer was told stays told; only its delivery is noted, once.
RECEIPTS = """
CREATE TRIGGER customer_receipt_terms_stay
    BEFORE UPDATE OF transfer_id, case_id, customer_id, sentence, amount, balance_after, entry_hash,
        created_at
    ON customer_receipt FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER customer_receipt_delivered_once BEFORE UPDATE ON customer_receipt
    FOR EACH ROW WHEN (OLD.delivered_at IS NOT NULL) EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    for statements in (TABLES, REFUSALS, RECEIPTS):
        op.execute(statements)


def downgrade() -> None:
    op.execute("DROP TRIGGER customer_receipt_delivered_once ON customer_receipt")
    op.execute("DROP TRIGGER customer_receipt_terms_stay ON customer_receipt")
    op.execute("DROP INDEX audit_event_granted")
    op.execute("DROP TABLE money_request")
    op.execute("DROP FUNCTION check_request_posted")
