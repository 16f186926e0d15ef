"""Indexes of the operator's lists: any filter over many generations, words of prompts, what ended when.

Revision ID: r0003
Revises: r0002
"""

from alembic import op

revision = "r0003"
down_revision: str | None = "r0002"
branch_labels = None
depends_on = None

INDEXES = """
-- Whatever a list filters by, in the list's own order: a page is found without touching the wide rows.
CREATE INDEX generation_list ON generation (id DESC)
    INCLUDE (state, purpose, failure_class, model, customer_id, created_at);
CREATE INDEX generation_finished_at ON generation (finished_at) INCLUDE (state, failure_class)
    WHERE finished_at IS NOT NULL;
-- Words, because pg_trgm is not everywhere. Signs that would glue words together (a/b, a.b) become blanks.
-- Ended generations only: each move writes all indexes of a row anew, and this is the dear one.
CREATE INDEX generation_prompt_words ON generation
    USING gin (to_tsvector('simple', translate(prompt, './@_:-', '      ')))
    WHERE finished_at IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(INDEXES)


def downgrade() -> None:
    for index in ("generation_prompt_words", "generation_finished_at", "generation_list"):
        op.execute(f"DROP INDEX {index}")
