"""What is known of the provider's clock against the database's.

Revision ID: r0032
Revises: r0030
"""

from alembic import op

revision = "r0032"
down_revision: str | None = "r0031"
branch_labels = None
depends_on = None

CLOCK = """
CREATE TABLE provider_clock (
    source text PRIMARY KEY CHECK (source IN ('created', 'date')),
    low double precision NOT NULL,   -- seconds, the provider's clock minus the database's
    high double precision NOT NULL CHECK (low <= high),
    seen_at timestamptz NOT NULL,
    doubts bigint NOT NULL DEFAULT 0 CHECK (doubts >= 0),
    step bigint NOT NULL DEFAULT 0   -- attempts up to this one were stamped before a clock stepped
)
"""


def upgrade() -> None:
    op.execute(CLOCK)


def downgrade() -> None:
    op.execute("DROP TABLE provider_clock")
