-- The service's event log. Rows come in the transaction that changes the state; the relay gives committed rows their
-- position and publishes them in that order per slot of keys.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL,
    topic text NOT NULL,
    type text NOT NULL,
    key uuid NOT NULL,
    slot smallint NOT NULL GENERATED ALWAYS AS (get_byte(uuid_send(key), 15) & 3) STORED,
    data text NOT NULL,
    traceparent text,
    time timestamptz NOT NULL DEFAULT now(),
    position bigint
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

-- Partial, so that the writers' inserts touch the primary key and one small index only.
CREATE INDEX outbox_unpositioned ON outbox (id) WHERE position IS NULL;
CREATE UNIQUE INDEX outbox_position ON outbox (position) WHERE position IS NOT NULL;
CREATE UNIQUE INDEX outbox_slot_position ON outbox (slot, position) WHERE position IS NOT NULL;

-- The last position given; one row.
CREATE TABLE outbox_counter (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    position bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO outbox_counter DEFAULT VALUES;

-- Up to which position each slot has been acknowledged by the broker.
CREATE TABLE outbox_cursor (
    slot smallint PRIMARY KEY CHECK (slot BETWEEN 0 AND 3),
    position bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO outbox_cursor (slot) SELECT generate_series(0, 3);
