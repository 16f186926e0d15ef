-- The gate before production, and the watch after it.

CREATE TABLE promotion_limits (
    version bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    body jsonb NOT NULL,
    reason text NOT NULL CONSTRAINT promotion_limits_reason_told CHECK (btrim(reason) <> ''),
    author_id bigint REFERENCES staff,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE promotion_limits IS
    'One version of the gate''s limits; append-only, the newest counts. Without an author: Inkdesk''s '
    'own.';

CREATE TABLE promotion (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version_id bigint NOT NULL REFERENCES prompt_version,
    former_id bigint NOT NULL REFERENCES prompt_version,
    experiment_id bigint REFERENCES experiment,
    limits_version bigint NOT NULL REFERENCES promotion_limits,
    conditions jsonb NOT NULL,
    overridden boolean NOT NULL,
    reason text NOT NULL CONSTRAINT promotion_reason_told CHECK (btrim(reason) <> ''),
    actor_id bigint NOT NULL REFERENCES staff,
    moves bigint NOT NULL UNIQUE,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT promotion_met_or_overridden
        CHECK (overridden = jsonb_path_exists(conditions, '$[*]?(@."met" == false)'::jsonpath)),
    CONSTRAINT promotion_of_two CHECK (version_id <> former_id)
);
COMMENT ON TABLE promotion IS
    'One move of production through the gate; append-only. conditions are as they were judged in the '
    'move''s transaction (see conditions.Condition), moves is the label''s count after it. Without '
    'experiment there was no evidence, and it was overridden.';
CREATE INDEX promotion_experiment_id ON promotion (experiment_id) WHERE experiment_id IS NOT NULL;
CREATE INDEX promotion_former_id ON promotion (former_id);
CREATE INDEX promotion_version_id ON promotion (version_id);

CREATE TABLE promotion_guard (
    promotion_id bigint PRIMARY KEY REFERENCES promotion,
    automatic boolean NOT NULL,
    state text NOT NULL DEFAULT 'watching'
        CONSTRAINT promotion_guard_state_known
            CHECK (state IN ('watching', 'regressed', 'passed', 'rolled_back', 'superseded')),
    former jsonb NOT NULL,
    jobs bigint NOT NULL CONSTRAINT promotion_guard_jobs_some CHECK (jobs > 0),
    until timestamptz NOT NULL,
    after_id bigint NOT NULL,
    said text,
    regressed_at timestamptz,
    ended_at timestamptz,
    ended_by bigint REFERENCES staff,
    CONSTRAINT promotion_guard_ended CHECK ((state IN ('watching', 'regressed')) = (ended_at IS NULL)),
    CONSTRAINT promotion_guard_regressed CHECK (state <> 'regressed' OR regressed_at IS NOT NULL),
    CONSTRAINT promotion_guard_told CHECK ((state = 'watching') = (said IS NULL))
);
COMMENT ON TABLE promotion_guard IS
    'The watch over one promotion. former counts the former version''s customers'' jobs as they were at '
    'the promotion (see live.Counts). jobs and until end the watch; jobs after the one numbered after_id '
    'are in it. said tells in a sentence how it stands or ended, ended_by who ended it, None where it was '
    'Inkdesk.';
CREATE UNIQUE INDEX promotion_guard_one ON promotion_guard ((true)) WHERE ended_at IS NULL;

-- Rows that are only ever added, or changed and never taken away.
CREATE TRIGGER promotion_limits_kept BEFORE DELETE OR UPDATE ON promotion_limits
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER promotion_limits_no_truncate BEFORE TRUNCATE ON promotion_limits
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER promotion_kept BEFORE DELETE OR UPDATE ON promotion
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER promotion_no_truncate BEFORE TRUNCATE ON promotion
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
