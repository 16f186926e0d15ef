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

-- What processes keep of pictures belongs to this number; whoever sees a newer one forgets what they kept.
CREATE TABLE erasure_number (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    number bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE erasure_number IS
    'One row, raised by every erasure in its own transaction, and again when the last object is deleted.';
INSERT INTO erasure_number DEFAULT VALUES;

-- As its owner, so that a desk whose roles were not set up anew since can erase as before.
CREATE FUNCTION raise_erasure_number() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE erasure_number SET number = number + 1;
    RETURN NULL;
END $$;

CREATE TRIGGER customer_erased AFTER UPDATE OF erased_at ON customer FOR EACH ROW
    WHEN (NEW.erased_at IS DISTINCT FROM OLD.erased_at) EXECUTE FUNCTION raise_erasure_number();
