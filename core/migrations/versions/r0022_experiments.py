"""Experiments: variants x selfies x repeats, what was bought for them, and the images that are owned.

Revision ID: r0022
Revises: r0021
"""

from alembic import op

revision = "r0022"
down_revision: str | None = "r0021"
branch_labels = None
depends_on = None

PURPOSE = """
ALTER TABLE generation
    DROP CONSTRAINT generation_purpose_known,
    DROP CONSTRAINT generation_preview_free,
    ADD CONSTRAINT generation_purpose_known CHECK (purpose IN ('avatar','preview','experiment')),
    ADD CONSTRAINT generation_preview_free CHECK ((purpose = 'avatar') = (credits > 0));
CREATE INDEX generation_experiment_open ON generation (id)
    WHERE purpose = 'experiment' AND state IN ('queued','submitting','rendering','storing');
"""

EXPERIMENTS = """
CREATE TABLE experiment (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CONSTRAINT experiment_name_filled CHECK (btrim(name) <> ''),
    test_set_version_id bigint NOT NULL
        CONSTRAINT experiment_test_set_version_id_fkey REFERENCES test_set_version,
    selfie_ids bigint[] NOT NULL CONSTRAINT experiment_selfies_some CHECK (cardinality(selfie_ids) > 0),
    repeats bigint NOT NULL CONSTRAINT experiment_repeats_some CHECK (repeats > 0),
    budget_usd numeric(10,4) NOT NULL CONSTRAINT experiment_budget_some CHECK (budget_usd > 0),
    state text NOT NULL DEFAULT 'draft' CONSTRAINT experiment_state_known
        CHECK (state IN ('draft','running','stopping','stopped','done')),
    created_by bigint NOT NULL CONSTRAINT experiment_created_by_fkey REFERENCES staff,
    started_by bigint CONSTRAINT experiment_started_by_fkey REFERENCES staff,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    ended_at timestamptz,
    stop_reason text,
    CONSTRAINT experiment_started CHECK
        (state = 'draft' OR (started_at IS NOT NULL AND started_by IS NOT NULL)),
    CONSTRAINT experiment_ended CHECK ((state IN ('stopped','done')) = (ended_at IS NOT NULL)),
    CONSTRAINT experiment_stop_told CHECK ((state IN ('stopping','stopped')) = (stop_reason IS NOT NULL))
) WITH (fillfactor = 70);
CREATE INDEX experiment_active ON experiment (id) WHERE state IN ('running','stopping');

CREATE TABLE experiment_variant (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    experiment_id bigint NOT NULL CONSTRAINT experiment_variant_experiment_id_fkey REFERENCES experiment,
    position bigint NOT NULL CONSTRAINT experiment_variant_position_known CHECK (position BETWEEN 1 AND 8),
    version_id bigint CONSTRAINT experiment_variant_version_id_fkey REFERENCES prompt_version,
    template text NOT NULL,
    template_hash text NOT NULL
        CONSTRAINT experiment_variant_hash_right CHECK (template_hash = md5(template)),
    filled_in jsonb NOT NULL DEFAULT '{}',
    prompt text NOT NULL CONSTRAINT experiment_variant_prompt_filled CHECK (btrim(prompt) <> ''),
    model text NOT NULL,
    parameters jsonb NOT NULL,
    label_text text NOT NULL,
    price_usd numeric(10,4) NOT NULL,
    price_published boolean NOT NULL,
    CONSTRAINT experiment_variant_experiment_id_position_key UNIQUE (experiment_id, position)
);
CREATE INDEX experiment_variant_version_id ON experiment_variant (version_id) WHERE version_id IS NOT NULL;
CREATE TRIGGER experiment_variant_kept BEFORE UPDATE OR DELETE ON experiment_variant
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""

# A cell without generation is missing; one with a problem is not asked for. `owned_image` says which
# generation holds an image, `experiment_purchase` who paid for it: an image is shared, its price is not.
CELLS = """
CREATE TABLE experiment_cell (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    experiment_id bigint NOT NULL CONSTRAINT experiment_cell_experiment_id_fkey REFERENCES experiment,
    variant_id bigint NOT NULL CONSTRAINT experiment_cell_variant_id_fkey REFERENCES experiment_variant,
    selfie_id bigint NOT NULL CONSTRAINT experiment_cell_selfie_id_fkey REFERENCES selfie,
    repeat bigint NOT NULL CONSTRAINT experiment_cell_repeat_positive CHECK (repeat > 0),
    key text NOT NULL,
    generation_id bigint CONSTRAINT experiment_cell_generation_id_fkey REFERENCES generation,
    problem text,
    CONSTRAINT experiment_cell_variant_id_selfie_id_repeat_key UNIQUE (variant_id, selfie_id, repeat)
) WITH (fillfactor = 70);
CREATE INDEX experiment_cell_experiment_id ON experiment_cell (experiment_id, id);
CREATE INDEX experiment_cell_generation_id ON experiment_cell (generation_id)
    WHERE generation_id IS NOT NULL;
CREATE TABLE owned_image (
    key text PRIMARY KEY,
    generation_id bigint NOT NULL CONSTRAINT owned_image_generation_id_fkey REFERENCES generation,
    buys bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX owned_image_generation_id ON owned_image (generation_id);
CREATE TABLE experiment_purchase (
    generation_id bigint NOT NULL CONSTRAINT experiment_purchase_generation_id_fkey REFERENCES generation,
    experiment_id bigint NOT NULL
        CONSTRAINT experiment_purchase_experiment_id_fkey REFERENCES experiment,
    key text NOT NULL,
    price_usd numeric(10,4) NOT NULL,
    bought_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT experiment_purchase_pkey PRIMARY KEY (generation_id)
);
CREATE INDEX experiment_purchase_experiment_id ON experiment_purchase (experiment_id);
CREATE INDEX experiment_purchase_bought_at ON experiment_purchase (bought_at);
"""


def upgrade() -> None:
    for part in (PURPOSE, EXPERIMENTS, CELLS):
        op.execute(part)


def downgrade() -> None:
    for table in (
        "experiment_purchase",
        "owned_image",
        "experiment_cell",
        "experiment_variant",
        "experiment",
    ):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP INDEX generation_experiment_open")
    # What was drawn for experiments cost no credits, as previews.
    op.execute("ALTER TABLE generation DROP CONSTRAINT generation_purpose_known")
    op.execute("UPDATE generation SET purpose = 'preview' WHERE purpose = 'experiment'")
    op.execute("""
        ALTER TABLE generation
            DROP CONSTRAINT generation_preview_free,
            ADD CONSTRAINT generation_purpose_known CHECK (purpose IN ('avatar','preview')),
            ADD CONSTRAINT generation_preview_free CHECK ((purpose = 'preview') = (credits = 0))
    """)
