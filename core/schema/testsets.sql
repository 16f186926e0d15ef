-- Whom prompts are tested on.

CREATE TABLE test_person (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL UNIQUE REFERENCES customer,
    source text NOT NULL
        CONSTRAINT test_person_source_known CHECK (source IN ('upload', 'customer', 'import')),
    consent_note text NOT NULL CONSTRAINT test_person_consent_told CHECK (btrim(consent_note) <> ''),
    created_by bigint NOT NULL REFERENCES staff,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    deleted_at timestamptz
);
COMMENT ON TABLE test_person IS
    'Somebody whose selfies are tested on: uploaded for tests only, or a customer who consented; or '
    'somebody who is seen in an imported experiment and never tested on. The row and its counts stay '
    'after the pictures were deleted.';

CREATE TABLE test_set (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CONSTRAINT test_set_name_filled CHECK (btrim(name) <> ''),
    description text NOT NULL DEFAULT '',
    created_by bigint NOT NULL REFERENCES staff,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    archived_at timestamptz
);
COMMENT ON TABLE test_set IS
    'A set of selfies that prompts are compared on; who is in it is told by its versions.';
CREATE UNIQUE INDEX test_set_name_folded ON test_set (lower(name));

CREATE TABLE test_set_version (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    test_set_id bigint NOT NULL REFERENCES test_set,
    number bigint NOT NULL CONSTRAINT test_set_version_number_positive CHECK (number > 0),
    note text NOT NULL CONSTRAINT test_set_version_note_short CHECK (char_length(note) <= 500),
    author_id bigint NOT NULL REFERENCES staff,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (test_set_id, number)
);
COMMENT ON TABLE test_set_version IS 'One state of a test set; immutable.';

CREATE TABLE test_set_member (
    version_id bigint NOT NULL REFERENCES test_set_version,
    selfie_id bigint NOT NULL REFERENCES selfie,
    position bigint NOT NULL,
    tags text[] NOT NULL DEFAULT '{}'::text[],
    PRIMARY KEY (version_id, selfie_id),
    UNIQUE (version_id, "position")
);
COMMENT ON TABLE test_set_member IS 'One selfie of a version, with its tags; positions count from 1.';
CREATE INDEX test_set_member_selfie_id ON test_set_member (selfie_id);

-- Rows that are only ever added, or changed and never taken away.
CREATE TRIGGER test_set_version_kept BEFORE DELETE OR UPDATE ON test_set_version
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER test_set_version_no_truncate BEFORE TRUNCATE ON test_set_version
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER test_set_member_kept BEFORE DELETE OR UPDATE ON test_set_member
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER test_set_member_no_truncate BEFORE TRUNCATE ON test_set_member
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER test_person_deleted AFTER UPDATE OF deleted_at ON test_person FOR EACH ROW
    WHEN (NEW.deleted_at IS DISTINCT FROM OLD.deleted_at) EXECUTE FUNCTION raise_erasure_number();
