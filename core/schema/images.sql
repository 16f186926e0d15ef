-- Selfies.

CREATE TABLE selfie (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customer,
    sha256 text NOT NULL,
    object_key text NOT NULL,
    thumbnail_key text NOT NULL,
    content_type text NOT NULL,
    width bigint NOT NULL,
    height bigint NOT NULL,
    size_bytes bigint NOT NULL,
    cropped boolean NOT NULL,
    warnings jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (customer_id, sha256)
);
COMMENT ON TABLE selfie IS 'One normalised selfie of one customer; the same picture is kept once.';
