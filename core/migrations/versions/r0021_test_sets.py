"""Selfie test sets: consent of customers, people who are only tested on, sets with immutable versions.

Revision ID: r0021
Revises: r0020
"""

from alembic import op

revision = "r0021"
down_revision: str | None = "r0020"
branch_labels = None
depends_on = None

PEOPLE = """
ALTER TABLE customer
    ADD COLUMN test_consent_at timestamptz,
    ADD COLUMN test_consent_by bigint CONSTRAINT customer_test_consent_by_fkey REFERENCES staff,
    ADD CONSTRAINT customer_test_consent_told CHECK ((test_consent_at IS NULL) = (test_consent_by IS NULL));
CREATE TABLE test_person (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL CONSTRAINT test_person_customer_id_key UNIQUE
        CONSTRAINT test_person_customer_id_fkey REFERENCES customer,
    source text NOT NULL CONSTRAINT test_person_source_known CHECK (source IN ('upload','customer')),
    consent_note text NOT NULL CONSTRAINT test_person_consent_told CHECK (btrim(consent_note) <> ''),
    created_by bigint NOT NULL CONSTRAINT test_person_created_by_fkey REFERENCES staff,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    deleted_at timestamptz
);
"""

# A version is never changed: who is added, left out or tagged anew makes the next one.
SETS = """
CREATE TABLE test_set (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CONSTRAINT test_set_name_key UNIQUE
        CONSTRAINT test_set_name_filled CHECK (btrim(name) <> ''),
    description text NOT NULL DEFAULT '',
    created_by bigint NOT NULL CONSTRAINT test_set_created_by_fkey REFERENCES staff,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    archived_at timestamptz
);
CREATE UNIQUE INDEX test_set_name_folded ON test_set (lower(name));
CREATE TABLE test_set_version (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    test_set_id bigint NOT NULL CONSTRAINT test_set_version_test_set_id_fkey REFERENCES test_set,
    number bigint NOT NULL CONSTRAINT test_set_version_number_positive CHECK (number > 0),
    note text NOT NULL CONSTRAINT test_set_version_note_short CHECK (char_length(note) <= 500),
    author_id bigint NOT NULL CONSTRAINT test_set_version_author_id_fkey REFERENCES staff,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT test_set_version_test_set_id_number_key UNIQUE (test_set_id, number)
);
CREATE TABLE test_set_member (
    version_id bigint NOT NULL CONSTRAINT test_set_member_version_id_fkey REFERENCES test_set_version,
    selfie_id bigint NOT NULL CONSTRAINT test_set_member_selfie_id_fkey REFERENCES selfie,
    position bigint NOT NULL,
    tags text[] NOT NULL DEFAULT '{}',
    CONSTRAINT test_set_member_pkey PRIMARY KEY (version_id, selfie_id),
    CONSTRAINT test_set_member_version_id_position_key UNIQUE (version_id, position)
);
CREATE INDEX test_set_member_selfie_id ON test_set_member (selfie_id);
CREATE TRIGGER test_set_version_kept BEFORE UPDATE OR DELETE ON test_set_version
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER test_set_version_no_truncate BEFORE TRUNCATE ON test_set_version
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER test_set_member_kept BEFORE UPDATE OR DELETE ON test_set_member
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER test_set_member_no_truncate BEFORE TRUNCATE ON test_set_member
    EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    op.execute(PEOPLE)
    op.execute(SETS)


def downgrade() -> None:
    for table in ("test_set_member", "test_set_version", "test_set", "test_person"):
        op.execute(f"DROP TABLE {table}")
    op.execute("ALTER TABLE customer DROP test_consent_at, DROP test_consent_by")
