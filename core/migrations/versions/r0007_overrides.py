"""Override rules with their versions, and what a failure's classification was based on.

Revision ID: r0007
Revises: r0006
"""

from alembic import op

revision = "r0007"
down_revision: str | None = "r0006"
branch_labels = None
depends_on = None

OVERRIDES = """
CREATE TABLE error_override (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE error_override_version (
    override_id bigint NOT NULL
        CONSTRAINT error_override_version_override_id_fkey REFERENCES error_override,
    version bigint NOT NULL,
    pattern text NOT NULL,
    place text,
    http_status bigint,
    code text,
    model text,
    failure_class text NOT NULL,
    position bigint NOT NULL,
    enabled boolean NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason text NOT NULL,
    CONSTRAINT error_override_version_pkey PRIMARY KEY (override_id, version),
    CONSTRAINT error_override_version_reason_told CHECK (reason <> ''),
    CONSTRAINT error_override_version_asks_something
        CHECK (pattern <> '' OR http_status IS NOT NULL OR code IS NOT NULL)
);
CREATE TRIGGER error_override_version_kept BEFORE UPDATE OR DELETE ON error_override_version
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER error_override_version_no_truncate BEFORE TRUNCATE ON error_override_version
    EXECUTE FUNCTION refuse_change();
"""

# A rule that is tried on the past needs what the classifier was given; earlier events do not tell it.
EVIDENCE = """
ALTER TABLE error_event
    ADD COLUMN place text,
    ADD COLUMN http_status bigint,
    ADD COLUMN code text,
    ADD COLUMN exception text;
CREATE INDEX error_event_override ON error_event (rule, at) WHERE rule LIKE 'override:%';
"""


def upgrade() -> None:
    op.execute(OVERRIDES)
    op.execute(EVIDENCE)


def downgrade() -> None:
    op.execute("DROP INDEX error_event_override")
    op.execute("ALTER TABLE error_event DROP place, DROP http_status, DROP code, DROP exception")
    op.execute("DROP TABLE error_override_version")
    op.execute("DROP TABLE error_override")
