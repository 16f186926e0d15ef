"""Promotions with the conditions that they met, the limits of those, and the watch over what was promoted.

Revision ID: r0026
Revises: r0024
"""

from alembic import op

revision = "r0026"
down_revision: str | None = "r0024"
branch_labels = None
depends_on = None

LIMITS = """
CREATE TABLE promotion_limits (
    version bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    body jsonb NOT NULL,
    reason text NOT NULL CONSTRAINT promotion_limits_reason_told CHECK (btrim(reason) <> ''),
    author_id bigint CONSTRAINT promotion_limits_author_id_fkey REFERENCES staff,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TRIGGER promotion_limits_kept BEFORE UPDATE OR DELETE ON promotion_limits
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER promotion_limits_no_truncate BEFORE TRUNCATE ON promotion_limits
    EXECUTE FUNCTION refuse_change();
"""

# Whoever writes it: a condition that is not met goes with an override, and that with its reason.
PROMOTIONS = """
CREATE TABLE promotion (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version_id bigint NOT NULL CONSTRAINT promotion_version_id_fkey REFERENCES prompt_version,
    former_id bigint NOT NULL CONSTRAINT promotion_former_id_fkey REFERENCES prompt_version,
    experiment_id bigint CONSTRAINT promotion_experiment_id_fkey REFERENCES experiment,
    limits_version bigint NOT NULL CONSTRAINT promotion_limits_version_fkey REFERENCES promotion_limits,
    conditions jsonb NOT NULL,
    overridden boolean NOT NULL,
    reason text NOT NULL CONSTRAINT promotion_reason_told CHECK (btrim(reason) <> ''),
    actor_id bigint NOT NULL CONSTRAINT promotion_actor_id_fkey REFERENCES staff,
    moves bigint NOT NULL CONSTRAINT promotion_moves_key UNIQUE,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT promotion_of_two CHECK (version_id <> former_id),
    CONSTRAINT promotion_met_or_overridden
        CHECK (overridden = jsonb_path_exists(conditions, '$[*] ? (@.met == false)'))
);
CREATE INDEX promotion_version_id ON promotion (version_id);
CREATE INDEX promotion_former_id ON promotion (former_id);
CREATE INDEX promotion_experiment_id ON promotion (experiment_id) WHERE experiment_id IS NOT NULL;
CREATE TRIGGER promotion_kept BEFORE UPDATE OR DELETE ON promotion
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER promotion_no_truncate BEFORE TRUNCATE ON promotion EXECUTE FUNCTION refuse_change();
"""

# One watch at a time: only what is in production now can be watched.
GUARDS = """
CREATE TABLE promotion_guard (
    promotion_id bigint NOT NULL CONSTRAINT promotion_guard_promotion_id_fkey REFERENCES promotion,
    automatic boolean NOT NULL,
    state text NOT NULL DEFAULT 'watching' CONSTRAINT promotion_guard_state_known
        CHECK (state IN ('watching','regressed','passed','rolled_back','superseded')),
    former jsonb NOT NULL,
    jobs bigint NOT NULL CONSTRAINT promotion_guard_jobs_some CHECK (jobs > 0),
    until timestamptz NOT NULL,
    after_id bigint NOT NULL,
    said text,
    regressed_at timestamptz,
    ended_at timestamptz,
    ended_by bigint CONSTRAINT promotion_guard_ended_by_fkey REFERENCES staff,
    CONSTRAINT promotion_guard_pkey PRIMARY KEY (promotion_id),
    CONSTRAINT promotion_guard_ended CHECK ((state IN ('watching','regressed')) = (ended_at IS NULL)),
    CONSTRAINT promotion_guard_told CHECK ((state = 'watching') = (said IS NULL)),
    CONSTRAINT promotion_guard_regressed CHECK (state <> 'regressed' OR regressed_at IS NOT NULL)
);
CREATE UNIQUE INDEX promotion_guard_one ON promotion_guard ((true)) WHERE ended_at IS NULL;
-- Refusals count however often a cell was bought again.
CREATE INDEX experiment_purchase_key ON experiment_purchase (key);
"""


def upgrade() -> None:
    for part in (LIMITS, PROMOTIONS, GUARDS):
        op.execute(part)


def downgrade() -> None:
    op.execute("DROP INDEX experiment_purchase_key")
    for table in ("promotion_guard", "promotion", "promotion_limits"):
        op.execute(f"DROP TABLE {table}")
