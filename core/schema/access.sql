-- Who works at the desk, and what they did.

CREATE TABLE staff (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE,
    name text NOT NULL,
    roles text[] NOT NULL
        CONSTRAINT staff_roles_known
            CHECK (roles <@ ARRAY['viewer', 'tuner', 'support', 'approver', 'operator', 'admin']),
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE staff IS 'Somebody who works at the desk.';

CREATE TABLE audit_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    staff_id bigint NOT NULL REFERENCES staff,
    action text NOT NULL,
    subject text NOT NULL,
    reason text,
    before jsonb,
    after jsonb
);
COMMENT ON TABLE audit_event IS 'One change made by staff; append-only.';
CREATE INDEX audit_event_experiment_start ON audit_event (subject, at) WHERE action = 'experiment.start';
CREATE INDEX audit_event_granted ON audit_event (subject, at) WHERE action = 'credits.grant';

-- Rows that are only ever added, or changed and never taken away.
CREATE TRIGGER audit_event_append_only BEFORE DELETE OR UPDATE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_event_no_truncate BEFORE TRUNCATE ON audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
