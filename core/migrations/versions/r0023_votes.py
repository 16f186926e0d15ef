"""Blind votes between images, ratings, line-ups, and the tokens under which images are shown.

Revision ID: r0023
Revises: r0022
"""

from alembic import op

revision = "r0023"
down_revision: str | None = "r0022"
branch_labels = None
depends_on = None

# A token is all that an address says about an image.
IMAGES = """
CREATE TABLE blind_image (
    token text NOT NULL DEFAULT replace(gen_random_uuid()::text, '-', ''),
    generation_id bigint CONSTRAINT blind_image_generation_id_key UNIQUE
        CONSTRAINT blind_image_generation_id_fkey REFERENCES generation,
    selfie_id bigint CONSTRAINT blind_image_selfie_id_key UNIQUE
        CONSTRAINT blind_image_selfie_id_fkey REFERENCES selfie,
    CONSTRAINT blind_image_pkey PRIMARY KEY (token),
    CONSTRAINT blind_image_one CHECK (num_nonnulls(generation_id, selfie_id) = 1)
);
"""

# A pair never changes: which side a version stood on is part of what was voted. A vote that was taken back
# stays, marked; only one of a rater on a pair counts.
VOTES = """
CREATE TABLE vote_batch (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    experiment_id bigint NOT NULL CONSTRAINT vote_batch_experiment_id_fkey REFERENCES experiment,
    variant_ids bigint[] NOT NULL CONSTRAINT vote_batch_variants_two CHECK (cardinality(variant_ids) > 1),
    created_by bigint NOT NULL CONSTRAINT vote_batch_created_by_fkey REFERENCES staff,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_at timestamptz,
    closed_by bigint CONSTRAINT vote_batch_closed_by_fkey REFERENCES staff,
    CONSTRAINT vote_batch_closed_told CHECK ((closed_at IS NULL) = (closed_by IS NULL))
);
CREATE INDEX vote_batch_experiment_id ON vote_batch (experiment_id);
CREATE TABLE vote_pair (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id bigint NOT NULL CONSTRAINT vote_pair_batch_id_fkey REFERENCES vote_batch,
    position bigint NOT NULL,
    selfie_id bigint NOT NULL CONSTRAINT vote_pair_selfie_id_fkey REFERENCES selfie,
    left_variant_id bigint NOT NULL CONSTRAINT vote_pair_left_variant_id_fkey REFERENCES experiment_variant,
    right_variant_id bigint NOT NULL
        CONSTRAINT vote_pair_right_variant_id_fkey REFERENCES experiment_variant,
    left_generation_id bigint NOT NULL CONSTRAINT vote_pair_left_generation_id_fkey REFERENCES generation,
    right_generation_id bigint NOT NULL CONSTRAINT vote_pair_right_generation_id_fkey REFERENCES generation,
    CONSTRAINT vote_pair_two CHECK (left_generation_id <> right_generation_id),
    CONSTRAINT vote_pair_batch_id_position_key UNIQUE (batch_id, position)
);
CREATE INDEX vote_pair_of_two ON vote_pair (
    least(left_generation_id, right_generation_id), greatest(left_generation_id, right_generation_id));
CREATE TRIGGER vote_pair_kept BEFORE UPDATE OR DELETE ON vote_pair
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TABLE vote (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pair_id bigint NOT NULL CONSTRAINT vote_pair_id_fkey REFERENCES vote_pair,
    rater_id bigint NOT NULL CONSTRAINT vote_rater_id_fkey REFERENCES staff,
    answer text NOT NULL CONSTRAINT vote_answer_known
        CHECK (answer IN ('left','right','both_good','both_bad')),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    undone_at timestamptz
);
CREATE UNIQUE INDEX vote_once ON vote (pair_id, rater_id) WHERE undone_at IS NULL;
CREATE INDEX vote_rater_id ON vote (rater_id, id);
"""

RATINGS = """
CREATE TABLE rating (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    generation_id bigint NOT NULL CONSTRAINT rating_generation_id_fkey REFERENCES generation,
    rater_id bigint NOT NULL CONSTRAINT rating_rater_id_fkey REFERENCES staff,
    tags text[] NOT NULL DEFAULT '{}' CONSTRAINT rating_tags_known CHECK (tags <@ ARRAY[
        'cropped feet','wrong hair','not comic','extra limb','text in image','wrong likeness']),
    shippable boolean NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT rating_generation_id_rater_id_key UNIQUE (generation_id, rater_id)
);
CREATE TABLE lineup (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    experiment_id bigint NOT NULL CONSTRAINT lineup_experiment_id_fkey REFERENCES experiment,
    variant_id bigint NOT NULL CONSTRAINT lineup_variant_id_fkey REFERENCES experiment_variant,
    generation_id bigint NOT NULL CONSTRAINT lineup_generation_id_fkey REFERENCES generation,
    rater_id bigint NOT NULL CONSTRAINT lineup_rater_id_fkey REFERENCES staff,
    selfie_ids bigint[] NOT NULL CONSTRAINT lineup_of_six CHECK (cardinality(selfie_ids) = 6),
    right_id bigint NOT NULL CONSTRAINT lineup_right_id_fkey REFERENCES selfie,
    answer_id bigint CONSTRAINT lineup_answer_id_fkey REFERENCES selfie,
    drawn_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    answered_at timestamptz,
    CONSTRAINT lineup_right_shown CHECK (right_id = ANY (selfie_ids)),
    CONSTRAINT lineup_answer_shown CHECK (answer_id = ANY (selfie_ids)),
    CONSTRAINT lineup_answered CHECK ((answer_id IS NULL) = (answered_at IS NULL)),
    CONSTRAINT lineup_generation_id_rater_id_key UNIQUE (generation_id, rater_id)
);
CREATE INDEX lineup_experiment_id ON lineup (experiment_id);
"""


def upgrade() -> None:
    for part in (IMAGES, VOTES, RATINGS):
        op.execute(part)


def downgrade() -> None:
    for table in ("lineup", "rating", "vote", "vote_pair", "vote_batch", "blind_image"):
        op.execute(f"DROP TABLE {table}")
