"""A number that every erasure raises, whoever erases: what processes keep of pictures is of one number."""

# One row. It is raised within the transaction that erases, so whoever sees the new number sees the erasure;
# and once more when the last object is deleted, so that what was read meanwhile is forgotten as well.
NUMBER = """
CREATE TABLE erasure_number (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    number bigint NOT NULL DEFAULT 0
);
INSERT INTO erasure_number DEFAULT VALUES;
"""

# As its owner, so that a desk whose roles were not set up anew since can erase as before.
RAISING = """
CREATE FUNCTION raise_erasure_number() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE erasure_number SET number = number + 1;
    RETURN NULL;
END $$;

CREATE TRIGGER customer_erased AFTER UPDATE OF erased_at ON customer FOR EACH ROW
    WHEN (NEW.erased_at IS DISTINCT FROM OLD.erased_at) EXECUTE FUNCTION raise_erasure_number();
CREATE TRIGGER test_person_deleted AFTER UPDATE OF deleted_at ON test_person FOR EACH ROW
    WHEN (NEW.deleted_at IS DISTINCT FROM OLD.deleted_at) EXECUTE FUNCTION raise_erasure_number();
"""

UNDO = """
DROP TRIGGER test_person_deleted ON test_person;
DROP TRIGGER customer_erased ON customer;
DROP FUNCTION raise_erasure_number();
DROP TABLE erasure_number;
"""
