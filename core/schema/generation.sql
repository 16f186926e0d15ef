-- One avatar's way from the click to the picture.

CREATE TABLE generation (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_key text NOT NULL UNIQUE,
    purpose text NOT NULL
        CONSTRAINT generation_purpose_known CHECK (purpose IN ('avatar', 'preview', 'experiment')),
    customer_id bigint NOT NULL REFERENCES customer,
    selfie_id bigint NOT NULL REFERENCES selfie,
    requested_by bigint NOT NULL REFERENCES staff,
    retry_of bigint REFERENCES generation,
    template text NOT NULL,
    prompt text NOT NULL CONSTRAINT generation_prompt_filled CHECK (btrim(prompt) <> ''),
    model text NOT NULL,
    parameters jsonb NOT NULL,
    credits bigint NOT NULL CONSTRAINT generation_credits_positive CHECK (credits >= 0),
    price_usd numeric(10,4),
    priority bigint NOT NULL DEFAULT 0,
    state text NOT NULL
        CONSTRAINT generation_state_known
            CHECK (state IN ('queued', 'submitting', 'rendering', 'storing', 'succeeded', 'failed',
            'canceled')),
    previous_state text,
    created_at timestamptz NOT NULL DEFAULT now(),
    state_since timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL DEFAULT now(),
    deadline_at timestamptz NOT NULL,
    finished_at timestamptz,
    attempts bigint NOT NULL DEFAULT 0,
    max_attempts bigint NOT NULL CONSTRAINT generation_attempts_some CHECK (max_attempts > 0),
    canceled_by text,
    lease_owner text,
    lease_token bigint NOT NULL DEFAULT 0,
    lease_until timestamptz,
    failure_class text,
    failure_rule text,
    failure_message text,
    failure_detail text,
    fingerprint text,
    prompt_version_id bigint REFERENCES prompt_version,
    CONSTRAINT generation_ended
        CHECK ((state IN ('succeeded', 'failed', 'canceled')) = (finished_at IS NOT NULL)),
    CONSTRAINT generation_failure_told
        CHECK (state <> 'failed' OR failure_class IS NOT NULL AND failure_message IS NOT NULL),
    CONSTRAINT generation_preview_free CHECK ((purpose = 'avatar') = (credits > 0))
) WITH (fillfactor = 70);
COMMENT ON TABLE generation IS
    'One avatar that was asked for, from the click to its end. request_key is made once per filled-in '
    'form, so that a second click is the same generation. The lease columns say which worker holds it; '
    'lease_token grows with every claim and fences late writes.';
CREATE INDEX generation_created_at ON generation (created_at);
CREATE INDEX generation_customer_id ON generation (customer_id, id DESC);
CREATE INDEX generation_experiment_open ON generation (id)
    WHERE purpose = 'experiment' AND (state IN ('queued', 'submitting', 'rendering', 'storing'));
CREATE INDEX generation_failure_class_id ON generation (failure_class, id DESC)
    WHERE failure_class IS NOT NULL;
CREATE INDEX generation_finished_at ON generation (finished_at)
    INCLUDE (state, failure_class) WHERE finished_at IS NOT NULL;
CREATE INDEX generation_list ON generation (id DESC)
    INCLUDE (state, purpose, failure_class, model, customer_id, created_at);
CREATE INDEX generation_open_deadline ON generation (deadline_at)
    WHERE state IN ('queued', 'submitting', 'rendering', 'storing');
CREATE INDEX generation_open_due ON generation (state, priority DESC, due_at)
    WHERE state IN ('queued', 'submitting', 'rendering', 'storing');
CREATE INDEX generation_prompt_version_id ON generation (prompt_version_id, id)
    WHERE prompt_version_id IS NOT NULL;
CREATE INDEX generation_prompt_words ON generation USING gin (to_tsvector('simple'::regconfig,
    translate(prompt, './@_:-', '      '))) WHERE finished_at IS NOT NULL;
CREATE INDEX generation_retry_of ON generation (retry_of) WHERE retry_of IS NOT NULL;
CREATE INDEX generation_state_id ON generation (state, id DESC);
CREATE INDEX generation_template_ended ON generation (md5(template), finished_at)
    WHERE finished_at IS NOT NULL;

CREATE TABLE generation_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    generation_id bigint NOT NULL REFERENCES generation,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    from_state text,
    to_state text NOT NULL,
    actor text NOT NULL,
    note text
);
COMMENT ON TABLE generation_event IS 'One line of a generation''s timeline.';
CREATE INDEX generation_event_generation_id ON generation_event (generation_id, id);

CREATE TABLE render_attempt (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    generation_id bigint NOT NULL REFERENCES generation,
    number bigint NOT NULL,
    client_ref uuid NOT NULL UNIQUE,
    status text NOT NULL
        CONSTRAINT render_attempt_status_known
            CHECK (status IN ('open', 'accepted', 'succeeded', 'failed', 'canceled', 'lost')),
    remote_id text UNIQUE,
    remote_status text,
    remote_url text,
    worker text NOT NULL,
    submitted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    accepted_at timestamptz,
    started_at timestamptz,
    completed_at timestamptz,
    ended_at timestamptz,
    predict_seconds double precision,
    adopted boolean NOT NULL DEFAULT false,
    detected_by text,
    detected_at timestamptz,
    output jsonb,
    save_by timestamptz,
    store_tries bigint NOT NULL DEFAULT 0,
    next_check_at timestamptz,
    cost_usd numeric(10,4),
    failure_class text,
    failure_rule text,
    failure_detail text,
    UNIQUE (generation_id, number),
    CONSTRAINT render_attempt_accepted_known
        CHECK ((status NOT IN ('accepted', 'succeeded')) OR remote_id IS NOT NULL)
) WITH (fillfactor = 70);
COMMENT ON TABLE render_attempt IS
    'One try to have it drawn. The row is written before the provider is called: it is the intent.';
CREATE UNIQUE INDEX render_attempt_one_open ON render_attempt (generation_id)
    WHERE status IN ('open', 'accepted');
CREATE INDEX render_attempt_spent ON render_attempt (ended_at) INCLUDE (cost_usd) WHERE cost_usd > 0;
CREATE INDEX render_attempt_to_stop ON render_attempt (next_check_at)
    WHERE (status IN ('failed', 'canceled', 'lost')) AND (remote_status IN ('starting', 'processing'));
CREATE INDEX render_attempt_under_way ON render_attempt (submitted_at) WHERE status IN ('open', 'accepted');

CREATE TABLE avatar (
    generation_id bigint PRIMARY KEY REFERENCES generation,
    attempt_id bigint NOT NULL REFERENCES render_attempt,
    object_key text NOT NULL,
    thumbnail_key text NOT NULL,
    content_type text NOT NULL,
    sha256 text NOT NULL,
    width bigint NOT NULL,
    height bigint NOT NULL,
    size_bytes bigint NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE avatar IS 'The delivered picture of a generation.';
CREATE INDEX avatar_sha256 ON avatar (sha256);
CREATE INDEX avatar_stored_at ON avatar (stored_at);

CREATE TABLE kept_output (
    generation_id bigint PRIMARY KEY REFERENCES generation,
    content bytea NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE kept_output IS
    'A fetched picture that the object store could not take yet: kept here until it can.';

CREATE TABLE image_check (
    generation_id bigint PRIMARY KEY REFERENCES generation,
    version bigint NOT NULL,
    framing text NOT NULL
        CONSTRAINT image_check_framing_known CHECK (framing IN ('passed', 'failed', 'cannot_tell')),
    verdicts jsonb NOT NULL,
    facts jsonb NOT NULL,
    checked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE image_check IS
    'The verdicts on one avatar. version is that of the rules; verdicts maps a check to its verdict.';

CREATE TRIGGER generation_charged_stays BEFORE DELETE ON generation
    FOR EACH ROW WHEN (old.credits > 0) EXECUTE FUNCTION refuse_change();
