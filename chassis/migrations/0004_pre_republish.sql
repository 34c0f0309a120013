-- Up to which position a slot was published when an operator set its cursor back: until it is there again, what is
-- published is known to be old.
ALTER TABLE outbox_cursor ADD COLUMN reached bigint NOT NULL DEFAULT 0;

-- Pruning goes over the log once, in order of position, and this is how far it is; one row.
CREATE TABLE outbox_pruned (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    position bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO outbox_pruned DEFAULT VALUES;

-- Of what pruning has gone over, the last event of each aggregate: it stays in the log until a later one is as old.
CREATE TABLE outbox_latest (
    key uuid NOT NULL,
    topic text NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (key, topic)
);
