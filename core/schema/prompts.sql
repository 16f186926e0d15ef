-- Prompts, their versions, labels and snippets.

CREATE TABLE prompt (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CONSTRAINT prompt_name_filled CHECK (btrim(name) <> ''),
    description text NOT NULL DEFAULT '',
    last_number bigint NOT NULL DEFAULT 0,
    created_by bigint REFERENCES staff,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    archived_at timestamptz
);
COMMENT ON TABLE prompt IS
    'A prompt; what it says is in its versions. last_number is the highest number given out so far.';
CREATE UNIQUE INDEX prompt_name_folded ON prompt (lower(name));

CREATE TABLE prompt_version (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    prompt_id bigint NOT NULL REFERENCES prompt,
    number bigint NOT NULL CONSTRAINT prompt_version_number_positive CHECK (number > 0),
    template text NOT NULL,
    resolved text NOT NULL CONSTRAINT prompt_version_resolved_filled CHECK (btrim(resolved) <> ''),
    template_hash text NOT NULL,
    model text NOT NULL,
    parameters jsonb NOT NULL,
    note text NOT NULL CONSTRAINT prompt_version_note_short CHECK (char_length(note) <= 500),
    author_id bigint REFERENCES staff,
    parent_id bigint REFERENCES prompt_version,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    archived_at timestamptz,
    UNIQUE (prompt_id, number),
    CONSTRAINT prompt_version_hash_right CHECK (template_hash = md5(resolved))
);
COMMENT ON TABLE prompt_version IS
    'One state of a prompt, immutable but for archived_at. template is what was written, with snippets by '
    'name; resolved has their text in it, is what gets rendered, and is what a generation keeps as its '
    'template. template_hash is its MD5, by which failure rates are counted. Without an author it came '
    'with Inkdesk.';
CREATE INDEX prompt_version_parent_id ON prompt_version (parent_id);
CREATE INDEX prompt_version_template_hash ON prompt_version (template_hash);

CREATE TABLE prompt_label (
    name text PRIMARY KEY CONSTRAINT prompt_label_name_plain CHECK (name ~ '^[a-z][a-z0-9-]{0,39}$'),
    version_id bigint NOT NULL REFERENCES prompt_version,
    moves bigint NOT NULL CONSTRAINT prompt_label_moves_positive CHECK (moves > 0),
    moved_by bigint REFERENCES staff,
    moved_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE prompt_label IS
    'A name that points at one version. moves grows with every move, so that a stale page is noticed.';
CREATE INDEX prompt_label_version_id ON prompt_label (version_id);

CREATE TABLE prompt_label_move (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    from_version_id bigint REFERENCES prompt_version,
    to_version_id bigint REFERENCES prompt_version,
    actor_id bigint REFERENCES staff,
    reason text NOT NULL CONSTRAINT prompt_label_move_reason_told CHECK (btrim(reason) <> ''),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT prompt_label_move_moves CHECK (from_version_id IS DISTINCT FROM to_version_id)
);
COMMENT ON TABLE prompt_label_move IS
    'One move of a label; append-only. The first comes from nowhere; one to nowhere removes the label.';
CREATE INDEX prompt_label_move_from_version_id ON prompt_label_move (from_version_id);
CREATE INDEX prompt_label_move_name ON prompt_label_move (name, id DESC);
CREATE INDEX prompt_label_move_to_version_id ON prompt_label_move (to_version_id);

CREATE TABLE snippet (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CONSTRAINT snippet_name_plain CHECK (name ~ '^[a-z][a-z0-9_]{0,39}$'),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE snippet IS
    'A piece of text that prompts share; its newest version is the one that new versions of prompts take.';

CREATE TABLE snippet_version (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    snippet_id bigint NOT NULL REFERENCES snippet,
    number bigint NOT NULL CONSTRAINT snippet_version_number_positive CHECK (number > 0),
    text text NOT NULL,
    author_id bigint REFERENCES staff,
    note text NOT NULL CONSTRAINT snippet_version_note_short CHECK (char_length(note) <= 500),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (snippet_id, number)
);
COMMENT ON TABLE snippet_version IS
    'What a snippet said from one change to the next; append-only. Without an author: Inkdesk''s own.';

-- Rows that are only ever added, or changed and never taken away.
CREATE TRIGGER prompt_version_kept BEFORE UPDATE ON prompt_version
    FOR EACH ROW WHEN ((to_jsonb(old.*) - 'archived_at') IS DISTINCT FROM (to_jsonb(new.*) - 'archived_at'))
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER prompt_version_no_truncate BEFORE TRUNCATE ON prompt_version
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER prompt_label_move_kept BEFORE DELETE OR UPDATE ON prompt_label_move
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER prompt_label_move_no_truncate BEFORE TRUNCATE ON prompt_label_move
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER snippet_version_kept BEFORE DELETE OR UPDATE ON snippet_version
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER snippet_version_no_truncate BEFORE TRUNCATE ON snippet_version
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
