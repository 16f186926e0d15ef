-- Experiments in stages.

CREATE TABLE experiment_plan (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CONSTRAINT experiment_plan_name_filled CHECK (btrim(name) <> ''),
    qualities text[] NOT NULL CONSTRAINT experiment_plan_stages_some CHECK (cardinality(qualities) > 1),
    keeps bigint[] NOT NULL,
    created_by bigint NOT NULL REFERENCES staff,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    waits_for text,
    ended_at timestamptz,
    end_reason text,
    CONSTRAINT experiment_plan_end_told CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CONSTRAINT experiment_plan_ended_waits_not CHECK (ended_at IS NULL OR waits_for IS NULL),
    CONSTRAINT experiment_plan_keeps_each CHECK (cardinality(keeps) = cardinality(qualities))
) WITH (fillfactor = 70);
COMMENT ON TABLE experiment_plan IS
    'Qualities in turn, the lowest first, and how many versions at most go on after each. waits_for says '
    'why the next stage is not started although the votes would allow it.';
CREATE INDEX experiment_plan_open ON experiment_plan (id) WHERE ended_at IS NULL;

CREATE TABLE experiment_stage (
    experiment_id bigint PRIMARY KEY REFERENCES experiment,
    plan_id bigint NOT NULL REFERENCES experiment_plan,
    number bigint NOT NULL CONSTRAINT experiment_stage_number_positive CHECK (number > 0),
    place bigint NOT NULL CONSTRAINT experiment_stage_place_known CHECK (place >= 0),
    batch_id bigint REFERENCES vote_batch,
    decided_at timestamptz,
    decided_by bigint REFERENCES staff,
    UNIQUE (plan_id, number),
    UNIQUE (plan_id, place),
    CONSTRAINT experiment_stage_decided CHECK (decided_by IS NULL OR decided_at IS NOT NULL)
);
COMMENT ON TABLE experiment_stage IS
    'One stage that was made: number counts them, place is that of its quality in the plan. batch_id are '
    'the blind pairs that decide it. decided_by is empty where the votes did.';

CREATE TABLE experiment_line (
    variant_id bigint PRIMARY KEY REFERENCES experiment_variant,
    experiment_id bigint NOT NULL REFERENCES experiment_stage,
    line bigint NOT NULL,
    outcome text
        CONSTRAINT experiment_line_outcome_known
            CHECK (outcome IN ('survived', 'lost', 'crowded_out', 'not_drawn', 'left_out')),
    UNIQUE (experiment_id, line)
);
COMMENT ON TABLE experiment_line IS
    'A version in one stage. line is its number in all stages of the plan. outcome, once it is decided: '
    'survived, lost (against the best), crowded_out (weakest of the rest), not_drawn (no image of it), '
    'left_out (by a person).';
