-- The customers of the service.

CREATE TABLE customer (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reference text NOT NULL UNIQUE CONSTRAINT customer_reference_filled CHECK (btrim(reference) <> ''),
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    erased_at timestamptz,
    test_consent_at timestamptz,
    test_consent_by bigint REFERENCES staff,
    CONSTRAINT customer_test_consent_told CHECK ((test_consent_at IS NULL) = (test_consent_by IS NULL))
);
COMMENT ON TABLE customer IS
    'A customer of the service. reference is the product''s own name for them: a number or an e-mail. '
    'test_consent_at is when staff noted that prompts may be tested on this customer''s selfies.';
