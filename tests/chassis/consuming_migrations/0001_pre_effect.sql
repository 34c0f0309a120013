CREATE TABLE effect (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL UNIQUE,
    thing_id uuid NOT NULL,
    version integer NOT NULL,
    topic text NOT NULL
);
