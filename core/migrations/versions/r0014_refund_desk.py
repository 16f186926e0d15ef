"""The reviewers' desk: indexes that answer the queue by themselves, and decisions on many cases at once.

Revision ID: r0014
Revises: r0013
"""

from alembic import op

revision = "r0014"
down_revision: str | None = "r0013"
branch_labels = None
depends_on = None

# Whatever the queue filters and counts by lies in the index, in the queue's own order.
INDEXES = """
DROP INDEX compensation_case_queue;
DROP INDEX compensation_case_incident;
CREATE INDEX compensation_case_queue ON compensation_case (due_at, id)
    INCLUDE (state, kind, failure_class, rule, requested, opened_at, customer_id, fingerprint)
    WHERE closed_at IS NULL;
CREATE INDEX compensation_case_incident ON compensation_case (fingerprint, opened_at)
    INCLUDE (id, due_at, requested, customer_id, state, kind, failure_class, rule) WHERE closed_at IS NULL;
CREATE INDEX compensation_case_claimed ON compensation_case (claimed_by)
    WHERE claimed_by IS NOT NULL AND closed_at IS NULL;
-- Decided cases, the newest first; the number settles what closed in the same moment.
CREATE INDEX compensation_case_decided ON compensation_case (closed_at DESC, id DESC)
    INCLUDE (state, kind, customer_id, generation_id, decided_by) WHERE closed_at IS NOT NULL;
CREATE INDEX double_review_open ON double_review (sampled_at) WHERE second_staff_id IS NULL;
CREATE INDEX customer_receipt_case_id ON customer_receipt (case_id);
"""

UNDO_INDEXES = """
DROP INDEX customer_receipt_case_id;
DROP INDEX double_review_open;
DROP INDEX compensation_case_decided;
DROP INDEX compensation_case_claimed;
DROP INDEX compensation_case_incident;
DROP INDEX compensation_case_queue;
CREATE INDEX compensation_case_queue ON compensation_case (due_at, id) WHERE closed_at IS NULL;
CREATE INDEX compensation_case_incident ON compensation_case (fingerprint, opened_at) WHERE closed_at IS NULL;
"""

# What is to be decided is fixed when the batch begins: a case that comes later was not in the number that the
# reviewer agreed to. Each item has one outcome, for ever.
TABLES = """
CREATE TABLE refund_batch (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL CONSTRAINT refund_batch_key_key UNIQUE,
    staff_id bigint NOT NULL CONSTRAINT refund_batch_staff_id_fkey REFERENCES staff,
    decision text NOT NULL CONSTRAINT refund_batch_decision_known CHECK (decision IN ('approve','deny')),
    reason_code text NOT NULL,
    note text,
    filters jsonb NOT NULL,
    cases bigint NOT NULL CONSTRAINT refund_batch_cases_positive CHECK (cases > 0),
    credits bigint NOT NULL CONSTRAINT refund_batch_credits_positive CHECK (credits > 0),
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    stopped_by bigint CONSTRAINT refund_batch_stopped_by_fkey REFERENCES staff,
    stopped_at timestamptz,
    finished_at timestamptz,
    CONSTRAINT refund_batch_stop_told CHECK ((stopped_at IS NULL) = (stopped_by IS NULL)),
    CONSTRAINT refund_batch_one_end CHECK (num_nonnulls(stopped_at, finished_at) <= 1)
);
CREATE INDEX refund_batch_running ON refund_batch (id) WHERE stopped_at IS NULL AND finished_at IS NULL;
CREATE TABLE refund_batch_item (
    batch_id bigint NOT NULL CONSTRAINT refund_batch_item_batch_id_fkey REFERENCES refund_batch,
    case_id bigint NOT NULL CONSTRAINT refund_batch_item_case_id_fkey REFERENCES compensation_case,
    place bigint NOT NULL,
    seen_seq bigint NOT NULL,
    amount bigint NOT NULL CONSTRAINT refund_batch_item_amount_positive CHECK (amount > 0),
    outcome text CONSTRAINT refund_batch_item_outcome_known CHECK (outcome IN ('done','second','refused')),
    sentence text,
    at timestamptz,
    CONSTRAINT refund_batch_item_pkey PRIMARY KEY (batch_id, case_id),
    CONSTRAINT refund_batch_item_whole CHECK (num_nonnulls(outcome, sentence, at) IN (0, 3))
);
CREATE INDEX refund_batch_item_due ON refund_batch_item (batch_id, place) WHERE outcome IS NULL;
CREATE INDEX refund_batch_item_case_id ON refund_batch_item (case_id) WHERE outcome IS NULL;
CREATE TRIGGER refund_batch_item_once BEFORE UPDATE ON refund_batch_item
    FOR EACH ROW WHEN (OLD.outcome IS NOT NULL) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refund_batch_item_kept BEFORE DELETE ON refund_batch_item
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refund_batch_kept BEFORE DELETE ON refund_batch
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    op.execute(INDEXES)
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE refund_batch_item")
    op.execute("DROP TABLE refund_batch")
    op.execute(UNDO_INDEXES)
