-- Blind votes on an experiment's pictures.

CREATE TABLE vote_batch (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    experiment_id bigint NOT NULL REFERENCES experiment,
    variant_ids bigint[] NOT NULL CONSTRAINT vote_batch_variants_two CHECK (cardinality(variant_ids) > 1),
    created_by bigint NOT NULL REFERENCES staff,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_at timestamptz,
    closed_by bigint REFERENCES staff,
    CONSTRAINT vote_batch_closed_told CHECK ((closed_at IS NULL) = (closed_by IS NULL))
);
COMMENT ON TABLE vote_batch IS
    'Pairs that raters vote on, and the variants that stand in them; closed, it takes no more votes.';
CREATE INDEX vote_batch_experiment_id ON vote_batch (experiment_id);

CREATE TABLE vote_pair (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id bigint NOT NULL REFERENCES vote_batch,
    position bigint NOT NULL,
    selfie_id bigint NOT NULL REFERENCES selfie,
    left_variant_id bigint NOT NULL REFERENCES experiment_variant,
    right_variant_id bigint NOT NULL REFERENCES experiment_variant,
    left_generation_id bigint NOT NULL REFERENCES generation,
    right_generation_id bigint NOT NULL REFERENCES generation,
    UNIQUE (batch_id, "position"),
    CONSTRAINT vote_pair_two CHECK (left_generation_id <> right_generation_id)
);
COMMENT ON TABLE vote_pair IS
    'Two images of the same selfie, each on the side that was drawn for it; immutable.';
CREATE INDEX vote_pair_of_two ON vote_pair (LEAST(left_generation_id, right_generation_id),
    GREATEST(left_generation_id, right_generation_id));

CREATE TABLE vote (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pair_id bigint NOT NULL REFERENCES vote_pair,
    rater_id bigint NOT NULL REFERENCES staff,
    answer text NOT NULL
        CONSTRAINT vote_answer_known CHECK (answer IN ('left', 'right', 'both_good', 'both_bad')),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    undone_at timestamptz
);
COMMENT ON TABLE vote IS 'One rater''s answer to a pair; taken back where undone_at is set.';
CREATE UNIQUE INDEX vote_once ON vote (pair_id, rater_id) WHERE undone_at IS NULL;
CREATE INDEX vote_rater_id ON vote (rater_id, id);

CREATE TABLE rating (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    generation_id bigint NOT NULL REFERENCES generation,
    rater_id bigint NOT NULL REFERENCES staff,
    tags text[] NOT NULL DEFAULT '{}'::text[]
        CONSTRAINT rating_tags_known
            CHECK (tags <@ ARRAY['cropped feet', 'wrong hair', 'not comic', 'extra limb', 'text in image',
            'wrong likeness']),
    shippable boolean NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (generation_id, rater_id)
);
COMMENT ON TABLE rating IS 'What one rater says of one image: its faults, and whether they would ship it.';

CREATE TABLE blind_image (
    token text DEFAULT replace(gen_random_uuid()::text, '-', '') PRIMARY KEY,
    generation_id bigint UNIQUE REFERENCES generation,
    selfie_id bigint UNIQUE REFERENCES selfie,
    CONSTRAINT blind_image_one CHECK (num_nonnulls(generation_id, selfie_id) = 1)
);
COMMENT ON TABLE blind_image IS
    'A random token that stands for an avatar or a selfie, and says nothing about it.';

CREATE TABLE lineup (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    experiment_id bigint NOT NULL REFERENCES experiment,
    variant_id bigint NOT NULL REFERENCES experiment_variant,
    generation_id bigint NOT NULL REFERENCES generation,
    rater_id bigint NOT NULL REFERENCES staff,
    selfie_ids bigint[] NOT NULL CONSTRAINT lineup_of_six CHECK (cardinality(selfie_ids) = 6),
    right_id bigint NOT NULL REFERENCES selfie,
    answer_id bigint REFERENCES selfie,
    drawn_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    answered_at timestamptz,
    UNIQUE (generation_id, rater_id),
    CONSTRAINT lineup_answer_shown CHECK (answer_id = ANY (selfie_ids)),
    CONSTRAINT lineup_answered CHECK ((answer_id IS NULL) = (answered_at IS NULL)),
    CONSTRAINT lineup_right_shown CHECK (right_id = ANY (selfie_ids))
);
COMMENT ON TABLE lineup IS 'An avatar and six selfies in the order shown: who is it?';
CREATE INDEX lineup_experiment_id ON lineup (experiment_id);

-- Rows that are only ever added, or changed and never taken away.
CREATE TRIGGER vote_pair_kept BEFORE DELETE OR UPDATE ON vote_pair
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
