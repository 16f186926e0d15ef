-- Variants of prompts side by side on a test set.

CREATE TABLE experiment (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CONSTRAINT experiment_name_filled CHECK (btrim(name) <> ''),
    test_set_version_id bigint NOT NULL REFERENCES test_set_version,
    selfie_ids bigint[] NOT NULL CONSTRAINT experiment_selfies_some CHECK (cardinality(selfie_ids) > 0),
    repeats bigint NOT NULL CONSTRAINT experiment_repeats_some CHECK (repeats > 0),
    budget_usd numeric(10,4) NOT NULL CONSTRAINT experiment_budget_some CHECK (budget_usd > 0),
    state text NOT NULL DEFAULT 'draft'
        CONSTRAINT experiment_state_known
            CHECK (state IN ('draft', 'running', 'stopping', 'stopped', 'done')),
    created_by bigint NOT NULL REFERENCES staff,
    started_by bigint REFERENCES staff,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    ended_at timestamptz,
    stop_reason text,
    CONSTRAINT experiment_ended CHECK ((state IN ('stopped', 'done')) = (ended_at IS NOT NULL)),
    CONSTRAINT experiment_started
        CHECK (state = 'draft' OR started_at IS NOT NULL AND started_by IS NOT NULL),
    CONSTRAINT experiment_stop_told CHECK ((state IN ('stopping', 'stopped')) = (stop_reason IS NOT NULL))
) WITH (fillfactor = 70);
COMMENT ON TABLE experiment IS
    'Variants x selfies x repeats under a cap of budget_usd. Whoever started it last acts in it. '
    'selfie_ids are all selfies of the test set''s version or some of them, in the order of the grid.';
CREATE INDEX experiment_active ON experiment (id) WHERE state IN ('running', 'stopping');

CREATE TABLE experiment_variant (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    experiment_id bigint NOT NULL REFERENCES experiment,
    position bigint NOT NULL
        CONSTRAINT experiment_variant_position_known CHECK ("position" >= 1 AND "position" <= 8),
    version_id bigint REFERENCES prompt_version,
    template text NOT NULL,
    template_hash text NOT NULL,
    filled_in jsonb NOT NULL DEFAULT '{}'::jsonb,
    prompt text NOT NULL CONSTRAINT experiment_variant_prompt_filled CHECK (btrim(prompt) <> ''),
    model text NOT NULL,
    parameters jsonb NOT NULL,
    label_text text NOT NULL,
    price_usd numeric(10,4) NOT NULL,
    price_published boolean NOT NULL,
    UNIQUE (experiment_id, "position"),
    CONSTRAINT experiment_variant_hash_right CHECK (template_hash = md5(template))
);
COMMENT ON TABLE experiment_variant IS
    'One column of the grid, frozen: a saved version or a draft, with its parameters and what is sent. '
    'filled_in are the values of the template''s variables. price_usd is what one image is counted with; '
    'where it is not published (price_published), that is the most it can cost by OpenAI''s prices.';
CREATE INDEX experiment_variant_version_id ON experiment_variant (version_id) WHERE version_id IS NOT NULL;

CREATE TABLE experiment_cell (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    experiment_id bigint NOT NULL REFERENCES experiment,
    variant_id bigint NOT NULL REFERENCES experiment_variant,
    selfie_id bigint NOT NULL REFERENCES selfie,
    repeat bigint NOT NULL CONSTRAINT experiment_cell_repeat_positive CHECK (repeat > 0),
    key text NOT NULL,
    generation_id bigint REFERENCES generation,
    problem text,
    UNIQUE (variant_id, selfie_id, repeat)
) WITH (fillfactor = 70);
COMMENT ON TABLE experiment_cell IS
    'One image of the grid. Without generation it is missing; problem says why it is not asked for.';
CREATE INDEX experiment_cell_experiment_id ON experiment_cell (experiment_id, id);
CREATE INDEX experiment_cell_generation_id ON experiment_cell (generation_id)
    WHERE generation_id IS NOT NULL;

CREATE TABLE experiment_purchase (
    generation_id bigint PRIMARY KEY REFERENCES generation,
    experiment_id bigint NOT NULL REFERENCES experiment,
    key text NOT NULL,
    price_usd numeric(10,4) NOT NULL,
    bought_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE experiment_purchase IS
    'A generation that an experiment asked for, and what it was counted with beforehand.';
CREATE INDEX experiment_purchase_bought_at ON experiment_purchase (bought_at);
CREATE INDEX experiment_purchase_experiment_id ON experiment_purchase (experiment_id);
CREATE INDEX experiment_purchase_key ON experiment_purchase (key);

CREATE TABLE owned_image (
    key text PRIMARY KEY,
    generation_id bigint NOT NULL REFERENCES generation,
    buys bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE owned_image IS
    'The image of a key (see keys.image_key): the generation that was last asked for it, of buys.';
CREATE INDEX owned_image_generation_id ON owned_image (generation_id);

-- Rows that are only ever added, or changed and never taken away.
CREATE TRIGGER experiment_variant_kept BEFORE DELETE OR UPDATE ON experiment_variant
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
