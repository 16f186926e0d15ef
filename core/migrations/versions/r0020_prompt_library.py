"""The prompt library: snippets, prompts with immutable versions, labels with their history.

Revision ID: r0020
Revises: r0014
"""

from alembic import op

revision = "r0020"
down_revision: str | None = "r0014"
branch_labels = None
depends_on = None

SNIPPETS = """
CREATE TABLE snippet (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CONSTRAINT snippet_name_key UNIQUE
        CONSTRAINT snippet_name_plain CHECK (name ~ '^[a-z][a-z0-9_]{0,39}$'),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE snippet_version (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    snippet_id bigint NOT NULL CONSTRAINT snippet_version_snippet_id_fkey REFERENCES snippet,
    number bigint NOT NULL CONSTRAINT snippet_version_number_positive CHECK (number > 0),
    text text NOT NULL,
    author_id bigint CONSTRAINT snippet_version_author_id_fkey REFERENCES staff,
    note text NOT NULL CONSTRAINT snippet_version_note_short CHECK (char_length(note) <= 500),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT snippet_version_snippet_id_number_key UNIQUE (snippet_id, number)
);
CREATE TRIGGER snippet_version_kept BEFORE UPDATE OR DELETE ON snippet_version
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER snippet_version_no_truncate BEFORE TRUNCATE ON snippet_version
    EXECUTE FUNCTION refuse_change();
"""

# A version may be deleted where nothing refers to it; the foreign keys see to that. Its number is not given
# out again: `last_number` only grows.
PROMPTS = """
CREATE TABLE prompt (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CONSTRAINT prompt_name_key UNIQUE
        CONSTRAINT prompt_name_filled CHECK (btrim(name) <> ''),
    description text NOT NULL DEFAULT '',
    last_number bigint NOT NULL DEFAULT 0,
    created_by bigint CONSTRAINT prompt_created_by_fkey REFERENCES staff,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    archived_at timestamptz
);
CREATE UNIQUE INDEX prompt_name_folded ON prompt (lower(name));
CREATE TABLE prompt_version (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    prompt_id bigint NOT NULL CONSTRAINT prompt_version_prompt_id_fkey REFERENCES prompt,
    number bigint NOT NULL CONSTRAINT prompt_version_number_positive CHECK (number > 0),
    template text NOT NULL,
    resolved text NOT NULL CONSTRAINT prompt_version_resolved_filled CHECK (btrim(resolved) <> ''),
    template_hash text NOT NULL
        CONSTRAINT prompt_version_hash_right CHECK (template_hash = md5(resolved)),
    model text NOT NULL,
    parameters jsonb NOT NULL,
    note text NOT NULL CONSTRAINT prompt_version_note_short CHECK (char_length(note) <= 500),
    author_id bigint CONSTRAINT prompt_version_author_id_fkey REFERENCES staff,
    parent_id bigint CONSTRAINT prompt_version_parent_id_fkey REFERENCES prompt_version,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    archived_at timestamptz,
    CONSTRAINT prompt_version_prompt_id_number_key UNIQUE (prompt_id, number)
);
CREATE INDEX prompt_version_template_hash ON prompt_version (template_hash);
CREATE INDEX prompt_version_parent_id ON prompt_version (parent_id);
CREATE TRIGGER prompt_version_kept BEFORE UPDATE ON prompt_version FOR EACH ROW
    WHEN (to_jsonb(OLD) - 'archived_at' IS DISTINCT FROM to_jsonb(NEW) - 'archived_at')
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER prompt_version_no_truncate BEFORE TRUNCATE ON prompt_version
    EXECUTE FUNCTION refuse_change();
"""

LABELS = """
CREATE TABLE prompt_label (
    name text NOT NULL CONSTRAINT prompt_label_name_plain CHECK (name ~ '^[a-z][a-z0-9-]{0,39}$'),
    version_id bigint NOT NULL CONSTRAINT prompt_label_version_id_fkey REFERENCES prompt_version,
    moves bigint NOT NULL CONSTRAINT prompt_label_moves_positive CHECK (moves > 0),
    moved_by bigint CONSTRAINT prompt_label_moved_by_fkey REFERENCES staff,
    moved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT prompt_label_pkey PRIMARY KEY (name)
);
CREATE INDEX prompt_label_version_id ON prompt_label (version_id);
CREATE TABLE prompt_label_move (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    from_version_id bigint CONSTRAINT prompt_label_move_from_version_id_fkey REFERENCES prompt_version,
    to_version_id bigint CONSTRAINT prompt_label_move_to_version_id_fkey REFERENCES prompt_version,
    actor_id bigint CONSTRAINT prompt_label_move_actor_id_fkey REFERENCES staff,
    reason text NOT NULL CONSTRAINT prompt_label_move_reason_told CHECK (btrim(reason) <> ''),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT prompt_label_move_moves CHECK (from_version_id IS DISTINCT FROM to_version_id)
);
CREATE INDEX prompt_label_move_name ON prompt_label_move (name, id DESC);
CREATE INDEX prompt_label_move_from_version_id ON prompt_label_move (from_version_id);
CREATE INDEX prompt_label_move_to_version_id ON prompt_label_move (to_version_id);
CREATE TRIGGER prompt_label_move_kept BEFORE UPDATE OR DELETE ON prompt_label_move
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER prompt_label_move_no_truncate BEFORE TRUNCATE ON prompt_label_move
    EXECUTE FUNCTION refuse_change();
"""

GENERATIONS = """
ALTER TABLE generation ADD COLUMN prompt_version_id bigint
    CONSTRAINT generation_prompt_version_id_fkey REFERENCES prompt_version;
CREATE INDEX generation_prompt_version_id ON generation (prompt_version_id, id)
    WHERE prompt_version_id IS NOT NULL;
"""


def upgrade() -> None:
    for part in (SNIPPETS, PROMPTS, LABELS, GENERATIONS):
        op.execute(part)


def downgrade() -> None:
    op.execute("DROP INDEX generation_prompt_version_id")
    op.execute("ALTER TABLE generation DROP prompt_version_id")
    for table in (
        "prompt_label_move",
        "prompt_label",
        "prompt_version",
        "prompt",
        "snippet_version",
        "snippet",
    ):
        op.execute(f"DROP TABLE {table}")
