"""How many requests the governor granted in this minute and in the one before.

Revision ID: r0006
Revises: r0005
"""

from alembic import op

revision = "r0006"
down_revision: str | None = "r0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE api_budget
            ADD COLUMN minute_at timestamptz NOT NULL DEFAULT now(),
            ADD COLUMN minute_used bigint NOT NULL DEFAULT 0,
            ADD COLUMN minute_before bigint NOT NULL DEFAULT 0;
    """)


def downgrade() -> None:
    op.execute("ALTER TABLE api_budget DROP minute_at, DROP minute_used, DROP minute_before")
