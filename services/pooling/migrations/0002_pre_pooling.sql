-- Resources, requests, matches and bookings.

-- No extension is needed for an exclusion constraint on an id and a period.
CREATE TYPE uuidrange AS RANGE (subtype = uuid);

CREATE TABLE resource (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    pole_id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    -- The version of the owner's membership when it was offered: ends with a departure of a later version.
    stay bigint NOT NULL,
    status text NOT NULL CHECK (status IN ('offered', 'withdrawn')),
    title text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('vehicle', 'premises', 'staff')),
    characteristics jsonb NOT NULL,
    features text [] NOT NULL,
    measures jsonb NOT NULL,
    commune text NOT NULL,
    place text NOT NULL,
    latitude double precision NOT NULL CHECK (latitude BETWEEN -90 AND 90),
    longitude double precision NOT NULL CHECK (longitude BETWEEN -180 AND 180),
    ring text NOT NULL CHECK (ring IN ('organisation', 'pole', 'partner_poles', 'everyone')),
    fixed_cents bigint NOT NULL CHECK (fixed_cents >= 0),
    hour_cents bigint NOT NULL CHECK (hour_cents >= 0),
    availability tstzmultirange NOT NULL CHECK (NOT (lower_inf(availability) OR upper_inf(availability))),
    UNIQUE (id, organisation_id, pole_id)
);
CREATE INDEX resource_owner ON resource (organisation_id, id);
CREATE INDEX resource_near ON resource (kind, latitude) WHERE status = 'offered';
CREATE INDEX resource_pole ON resource (pole_id, kind) WHERE status = 'offered';

-- The first gate and the read model: availability without live bookings, kept in the transaction that changes either.
CREATE TABLE resource_free (
    resource_id uuid PRIMARY KEY REFERENCES resource,
    free tstzmultirange NOT NULL
) WITH (fillfactor = 60);

CREATE TABLE request (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    pole_id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    stay bigint NOT NULL,
    project_id uuid,
    status text NOT NULL CHECK (status IN ('open', 'served', 'withdrawn')),
    title text NOT NULL,
    UNIQUE (id, organisation_id, pole_id)
);
CREATE INDEX request_owner ON request (organisation_id, id);

CREATE TABLE request_line (
    id uuid PRIMARY KEY,
    request_id uuid NOT NULL REFERENCES request,
    position smallint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('vehicle', 'premises', 'staff')),
    within tstzrange NOT NULL CHECK (NOT isempty(within) AND NOT lower_inf(within) AND NOT upper_inf(within)),
    minutes integer NOT NULL CHECK (minutes BETWEEN 15 AND 44640),
    features text [] NOT NULL,
    at_least jsonb NOT NULL,
    commune text NOT NULL,
    place text NOT NULL,
    latitude double precision NOT NULL,
    longitude double precision NOT NULL,
    max_km integer CHECK (max_km >= 0),
    max_price_cents bigint CHECK (max_price_cents >= 0),
    UNIQUE (request_id, position),
    UNIQUE (id, request_id)
);
CREATE INDEX request_line_window ON request_line USING gist (within);

CREATE TABLE match (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    status text NOT NULL CHECK (status IN ('proposed', 'taken', 'withdrawn')),
    request_id uuid NOT NULL,
    line_id uuid NOT NULL,
    requester_pole_id uuid NOT NULL,
    requester_organisation_id uuid NOT NULL,
    resource_id uuid NOT NULL,
    owner_pole_id uuid NOT NULL,
    owner_organisation_id uuid NOT NULL,
    period tstzrange NOT NULL,
    distance_m integer NOT NULL CHECK (distance_m >= 0),
    price_cents bigint NOT NULL CHECK (price_cents >= 0),
    score smallint NOT NULL CHECK (score BETWEEN 0 AND 1000),
    reasons jsonb NOT NULL,
    UNIQUE (line_id, resource_id),
    FOREIGN KEY (line_id, request_id) REFERENCES request_line (id, request_id),
    FOREIGN KEY (request_id, requester_organisation_id, requester_pole_id)
    REFERENCES request (id, organisation_id, pole_id),
    FOREIGN KEY (resource_id, owner_organisation_id, owner_pole_id)
    REFERENCES resource (id, organisation_id, pole_id)
) WITH (fillfactor = 80);
CREATE INDEX match_request ON match (request_id);
CREATE INDEX match_resource ON match (resource_id) WHERE status <> 'withdrawn';

CREATE TABLE booking (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    status text NOT NULL CHECK (status IN ('held', 'confirmed', 'cancelled', 'expired')),
    resource_id uuid NOT NULL,
    owner_pole_id uuid NOT NULL,
    owner_organisation_id uuid NOT NULL,
    requester_pole_id uuid NOT NULL,
    requester_organisation_id uuid NOT NULL,
    stay bigint NOT NULL,
    request_id uuid,
    line_id uuid,
    match_id uuid REFERENCES match,
    period tstzrange NOT NULL,
    price_cents bigint NOT NULL CHECK (price_cents >= 0),
    expires_at timestamptz,
    cancelled_by text CHECK (cancelled_by IN ('owner', 'requester', 'member_left', 'resource_withdrawn')),
    CONSTRAINT booking_period CHECK (
        NOT isempty(period) AND lower_inc(period) AND NOT upper_inc(period) AND NOT lower_inf(period)
        AND NOT upper_inf(period) AND upper(period) - lower(period) BETWEEN interval '15 minutes' AND interval '31 days'
    ),
    CONSTRAINT booking_hold_expires CHECK ((status = 'held') <= (expires_at IS NOT NULL)),
    CONSTRAINT booking_cancelled_by CHECK ((status = 'cancelled') = (cancelled_by IS NOT NULL)),
    CONSTRAINT booking_line CHECK ((line_id IS NULL) = (request_id IS NULL)),
    FOREIGN KEY (resource_id, owner_organisation_id, owner_pole_id)
    REFERENCES resource (id, organisation_id, pole_id),
    FOREIGN KEY (line_id, request_id) REFERENCES request_line (id, request_id),
    CONSTRAINT booking_no_overlap EXCLUDE USING gist (
        uuidrange(resource_id, resource_id, '[]') WITH &&, period WITH &&
    ) WHERE (status IN ('held', 'confirmed'))
);
CREATE INDEX booking_resource ON booking (resource_id) WHERE status IN ('held', 'confirmed');
CREATE INDEX booking_owner ON booking (owner_organisation_id, id);
CREATE INDEX booking_requester ON booking (requester_organisation_id, id);
CREATE UNIQUE INDEX booking_one_per_line ON booking (line_id) WHERE status IN ('held', 'confirmed');
CREATE INDEX booking_waiting ON booking (requester_organisation_id) WHERE status = 'held';
CREATE INDEX booking_lapsing ON booking (expires_at) WHERE status = 'held';

-- What is to be matched anew, because an offer, a booking or a request changed: a queue that the sweeper empties.
CREATE TABLE rematch (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    resource_id uuid,
    request_id uuid,
    -- A resource is compared with a page of lines at a time, by id: the last of the page before.
    after_line uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    CHECK ((resource_id IS NULL) <> (request_id IS NULL))
);
