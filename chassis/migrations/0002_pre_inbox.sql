-- Events whose effects are committed; a redelivery finds its id here and changes nothing.
CREATE TABLE inbox (
    event_id uuid PRIMARY KEY,
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
);
-- Rows arrive and go in order of time: a block range index costs the writers nothing.
CREATE INDEX inbox_received_at ON inbox USING brin (received_at);
