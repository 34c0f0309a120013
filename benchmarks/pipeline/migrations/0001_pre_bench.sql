-- What writers write beside the outbox: an aggregate's row.
CREATE TABLE thing (
    id uuid PRIMARY KEY,
    version bigint NOT NULL
);

-- What consumers leave: one row per event.
CREATE TABLE effect (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    thing_id uuid NOT NULL,
    version bigint NOT NULL
);

-- A booking with nothing but the rule that no two overlap: what bookings over HTTP are compared with.
CREATE TYPE uuidrange AS RANGE (subtype = uuid);
CREATE TABLE bare_booking (
    id uuid PRIMARY KEY,
    resource_id uuid NOT NULL,
    period tstzrange NOT NULL,
    EXCLUDE USING gist (uuidrange(resource_id, resource_id, '[]') WITH &&, period WITH &&)
);
