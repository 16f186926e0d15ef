"""Checks of delivered avatars: verdicts and the facts behind them.

Revision ID: r0024
Revises: r0023
"""

from alembic import op

revision = "r0024"
down_revision: str | None = "r0023"
branch_labels = None
depends_on = None

CHECKS = """
CREATE TABLE image_check (
    generation_id bigint PRIMARY KEY CONSTRAINT image_check_generation_id_fkey REFERENCES generation,
    version bigint NOT NULL,
    framing text NOT NULL CONSTRAINT image_check_framing_known
        CHECK (framing IN ('passed','failed','cannot_tell')),
    verdicts jsonb NOT NULL,
    facts jsonb NOT NULL,
    checked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX avatar_sha256 ON avatar (sha256);
CREATE INDEX avatar_stored_at ON avatar (stored_at);
"""


def upgrade() -> None:
    op.execute(CHECKS)


def downgrade() -> None:
    op.execute("DROP INDEX avatar_sha256, avatar_stored_at")
    op.execute("DROP TABLE image_check")
