"""Imported experiments: the grid as it came, its pictures in our store, and the people in them.

Revision ID: r0027
Revises: r0026
"""

from alembic import op

revision = "r0027"
down_revision: str | None = "r0026"
branch_labels = None
depends_on = None

# Somebody whose selfie came with an import: shown there, never tested on, and deleted like everybody.
PEOPLE = """
ALTER TABLE test_person
    DROP CONSTRAINT test_person_source_known,
    ADD CONSTRAINT test_person_source_known CHECK (source IN ('upload','customer','import'));
"""

IMPORTS = """
CREATE TABLE experiment_import (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token text NOT NULL CONSTRAINT experiment_import_token_key UNIQUE,
    name text NOT NULL CONSTRAINT experiment_import_name_filled CHECK (btrim(name) <> ''),
    grid_hash text NOT NULL,
    source_desk text,
    source_experiment bigint NOT NULL,
    exported_at timestamptz NOT NULL,
    document jsonb NOT NULL,
    imported_by bigint NOT NULL CONSTRAINT experiment_import_imported_by_fkey REFERENCES staff,
    imported_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TRIGGER experiment_import_kept BEFORE UPDATE OR DELETE ON experiment_import
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TABLE imported_selfie (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    import_id bigint NOT NULL CONSTRAINT imported_selfie_import_id_fkey REFERENCES experiment_import,
    position bigint NOT NULL,
    sha256 text NOT NULL,
    customer_id bigint CONSTRAINT imported_selfie_customer_id_fkey REFERENCES customer,
    object_key text,
    thumbnail_key text,
    owned boolean NOT NULL,
    CONSTRAINT imported_selfie_import_id_position_key UNIQUE (import_id, position),
    CONSTRAINT imported_selfie_whole CHECK ((object_key IS NULL) = (thumbnail_key IS NULL)),
    CONSTRAINT imported_selfie_somebodys CHECK (object_key IS NULL OR customer_id IS NOT NULL)
);
CREATE INDEX imported_selfie_customer_id ON imported_selfie (customer_id);
CREATE INDEX imported_selfie_sha256 ON imported_selfie (sha256);
CREATE TABLE imported_image (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    selfie_id bigint NOT NULL CONSTRAINT imported_image_selfie_id_fkey REFERENCES imported_selfie,
    sha256 text NOT NULL,
    object_key text NOT NULL,
    thumbnail_key text NOT NULL,
    owned boolean NOT NULL,
    CONSTRAINT imported_image_selfie_id_sha256_key UNIQUE (selfie_id, sha256)
);
CREATE INDEX imported_image_sha256 ON imported_image (sha256);
CREATE TABLE import_intent (
    token text NOT NULL CONSTRAINT import_intent_pkey PRIMARY KEY,
    staff_id bigint NOT NULL CONSTRAINT import_intent_staff_id_fkey REFERENCES staff,
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
"""

# The starts of one experiment, with what was forecast then.
STARTS = """
CREATE INDEX audit_event_experiment_start ON audit_event (subject, at) WHERE action = 'experiment.start';
"""


def upgrade() -> None:
    for part in (PEOPLE, IMPORTS, STARTS):
        op.execute(part)


def downgrade() -> None:
    op.execute("DROP INDEX audit_event_experiment_start")
    for table in ("import_intent", "imported_image", "imported_selfie", "experiment_import"):
        op.execute(f"DROP TABLE {table}")
    # Without consent they stay what they were: people who are never tested on, and can be deleted.
    op.execute("UPDATE test_person SET source = 'customer' WHERE source = 'import'")
    op.execute("""
        ALTER TABLE test_person
            DROP CONSTRAINT test_person_source_known,
            ADD CONSTRAINT test_person_source_known CHECK (source IN ('upload','customer'))
    """)
