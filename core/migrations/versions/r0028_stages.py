"""Experiments in stages: a plan, its stages in turn, and what became of each version in them.

Revision ID: r0028
Revises: r0027
"""

from alembic import op

revision = "r0028"
down_revision: str | None = "r0027"
branch_labels = None
depends_on = None

# One row a number: whatever asks for the next stage, and how often, there is one.
STAGES = """
CREATE TABLE experiment_plan (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CONSTRAINT experiment_plan_name_filled CHECK (btrim(name) <> ''),
    qualities text[] NOT NULL CONSTRAINT experiment_plan_stages_some CHECK (cardinality(qualities) > 1),
    keeps bigint[] NOT NULL
        CONSTRAINT experiment_plan_keeps_each CHECK (cardinality(keeps) = cardinality(qualities)),
    created_by bigint NOT NULL CONSTRAINT experiment_plan_created_by_fkey REFERENCES staff,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    waits_for text,
    ended_at timestamptz,
    end_reason text,
    CONSTRAINT experiment_plan_end_told CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CONSTRAINT experiment_plan_ended_waits_not CHECK (ended_at IS NULL OR waits_for IS NULL)
) WITH (fillfactor = 70);
CREATE INDEX experiment_plan_open ON experiment_plan (id) WHERE ended_at IS NULL;

CREATE TABLE experiment_stage (
    experiment_id bigint PRIMARY KEY CONSTRAINT experiment_stage_experiment_id_fkey REFERENCES experiment,
    plan_id bigint NOT NULL CONSTRAINT experiment_stage_plan_id_fkey REFERENCES experiment_plan,
    number bigint NOT NULL CONSTRAINT experiment_stage_number_positive CHECK (number > 0),
    place bigint NOT NULL CONSTRAINT experiment_stage_place_known CHECK (place >= 0),
    batch_id bigint CONSTRAINT experiment_stage_batch_id_fkey REFERENCES vote_batch,
    decided_at timestamptz,
    decided_by bigint CONSTRAINT experiment_stage_decided_by_fkey REFERENCES staff,
    CONSTRAINT experiment_stage_plan_id_number_key UNIQUE (plan_id, number),
    CONSTRAINT experiment_stage_plan_id_place_key UNIQUE (plan_id, place),
    CONSTRAINT experiment_stage_decided CHECK (decided_by IS NULL OR decided_at IS NOT NULL)
);

CREATE TABLE experiment_line (
    variant_id bigint PRIMARY KEY
        CONSTRAINT experiment_line_variant_id_fkey REFERENCES experiment_variant,
    experiment_id bigint NOT NULL
        CONSTRAINT experiment_line_experiment_id_fkey REFERENCES experiment_stage,
    line bigint NOT NULL,
    outcome text CONSTRAINT experiment_line_outcome_known
        CHECK (outcome IN ('survived','lost','crowded_out','not_drawn','left_out')),
    CONSTRAINT experiment_line_experiment_id_line_key UNIQUE (experiment_id, line)
);
"""


def upgrade() -> None:
    op.execute(STAGES)


def downgrade() -> None:
    # The stages stay, as experiments of their own.
    op.execute("DROP TABLE experiment_line, experiment_stage, experiment_plan")
