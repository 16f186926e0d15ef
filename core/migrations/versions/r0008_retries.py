"""Batches of retries of an error group, and the index that tells whether a generation was retried.

Revision ID: r0008
Revises: r0007
"""

from alembic import op

revision = "r0008"
down_revision: str | None = "r0007"
branch_labels = None
depends_on = None

BATCHES = """
CREATE TABLE retry_batch (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token text NOT NULL CONSTRAINT retry_batch_token_key UNIQUE,
    fingerprint text NOT NULL CONSTRAINT retry_batch_fingerprint_fkey REFERENCES error_group,
    started_by bigint NOT NULL CONSTRAINT retry_batch_started_by_fkey REFERENCES staff,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    since timestamptz,
    until timestamptz NOT NULL,
    credits bigint NOT NULL CONSTRAINT retry_batch_credits_positive CHECK (credits >= 0),
    cost_usd numeric(14,4) NOT NULL,
    state text NOT NULL DEFAULT 'running' CONSTRAINT retry_batch_state_known
        CHECK (state IN ('running','done','stopped','halted')),
    ended_at timestamptz,
    ended_because text,
    CONSTRAINT retry_batch_ended CHECK ((state = 'running') = (ended_at IS NULL)),
    CONSTRAINT retry_batch_told CHECK ((state IN ('stopped','halted')) = (ended_because IS NOT NULL))
);
CREATE INDEX retry_batch_fingerprint ON retry_batch (fingerprint, id DESC);
CREATE INDEX retry_batch_running ON retry_batch (id) WHERE state = 'running';

CREATE TABLE retry_batch_item (
    batch_id bigint NOT NULL CONSTRAINT retry_batch_item_batch_id_fkey REFERENCES retry_batch,
    generation_id bigint NOT NULL CONSTRAINT retry_batch_item_generation_id_fkey REFERENCES generation,
    credits bigint NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CONSTRAINT retry_batch_item_state_known
        CHECK (state IN ('waiting','requested','skipped')),
    retry_id bigint CONSTRAINT retry_batch_item_retry_id_key UNIQUE
        CONSTRAINT retry_batch_item_retry_id_fkey REFERENCES generation,
    reason text,
    settled_at timestamptz,
    CONSTRAINT retry_batch_item_pkey PRIMARY KEY (batch_id, generation_id),
    CONSTRAINT retry_batch_item_requested CHECK ((state = 'requested') = (retry_id IS NOT NULL)),
    CONSTRAINT retry_batch_item_skipped CHECK ((state = 'skipped') = (reason IS NOT NULL)),
    CONSTRAINT retry_batch_item_settled CHECK ((state = 'waiting') = (settled_at IS NULL))
);
CREATE INDEX retry_batch_item_waiting ON retry_batch_item (batch_id, generation_id) WHERE state = 'waiting';
CREATE INDEX retry_batch_item_generation ON retry_batch_item (generation_id) WHERE state = 'waiting';
CREATE INDEX generation_retry_of ON generation (retry_of) WHERE retry_of IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(BATCHES)


def downgrade() -> None:
    op.execute("DROP INDEX generation_retry_of")
    op.execute("DROP TABLE retry_batch_item")
    op.execute("DROP TABLE retry_batch")
