-- The saved answers of creating requests, by who asked and their Idempotency-Key.
CREATE TABLE idempotency (
    subject uuid NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    status integer NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, key)
);
CREATE INDEX idempotency_created_at ON idempotency USING brin (created_at);
