"""The whole schema, as the files of `core/schema` say it.

Revision ID: 0001
"""

from alembic import op

from core.schema.files import DOMAINS, run_file

revision = "0001"
down_revision: str | None = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for domain in DOMAINS:
        run_file(op.get_bind(), domain)
