"""A number that every erasure raises.

Revision ID: r0031
Revises: r0030
"""

from alembic import op

from core.migrations import erasures

revision = "r0031"
down_revision: str | None = "r0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(erasures.NUMBER)
    op.execute(erasures.RAISING)


def downgrade() -> None:
    op.execute(erasures.UNDO)
