-- Experiments of other desks.

CREATE TABLE experiment_import (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token text NOT NULL UNIQUE,
    name text NOT NULL CONSTRAINT experiment_import_name_filled CHECK (btrim(name) <> ''),
    grid_hash text NOT NULL,
    source_desk text,
    source_experiment bigint NOT NULL,
    exported_at timestamptz NOT NULL,
    document jsonb NOT NULL,
    imported_by bigint NOT NULL REFERENCES staff,
    imported_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE experiment_import IS
    'An experiment of another desk, or an earlier one of this; immutable. It can buy nothing. token is '
    'made once per form, so that one file is imported once; document is what the file said.';

CREATE TABLE imported_selfie (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    import_id bigint NOT NULL REFERENCES experiment_import,
    position bigint NOT NULL,
    sha256 text NOT NULL,
    customer_id bigint REFERENCES customer,
    object_key text,
    thumbnail_key text,
    owned boolean NOT NULL,
    UNIQUE (import_id, "position"),
    CONSTRAINT imported_selfie_somebodys CHECK (object_key IS NULL OR customer_id IS NOT NULL),
    CONSTRAINT imported_selfie_whole CHECK ((object_key IS NULL) = (thumbnail_key IS NULL))
);
COMMENT ON TABLE imported_selfie IS
    'A row of an imported grid, and whose it is. Without keys the picture is not here. customer_id is '
    'empty where the person was deleted here before: nothing of them is taken. The object is owned where '
    'it came with the import; else it is that of a selfie that was here.';
CREATE INDEX imported_selfie_customer_id ON imported_selfie (customer_id);
CREATE INDEX imported_selfie_sha256 ON imported_selfie (sha256);

CREATE TABLE imported_image (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    selfie_id bigint NOT NULL REFERENCES imported_selfie,
    sha256 text NOT NULL,
    object_key text NOT NULL,
    thumbnail_key text NOT NULL,
    owned boolean NOT NULL,
    UNIQUE (selfie_id, sha256)
);
COMMENT ON TABLE imported_image IS 'An image of an imported grid that lies in our store.';
CREATE INDEX imported_image_sha256 ON imported_image (sha256);

CREATE TABLE import_intent (
    token text PRIMARY KEY,
    staff_id bigint NOT NULL REFERENCES staff,
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE import_intent IS
    'An import that was begun: what it stored is removed where it came to no end.';

-- Rows that are only ever added, or changed and never taken away.
CREATE TRIGGER experiment_import_kept BEFORE DELETE OR UPDATE ON experiment_import
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
