-- The plan of the territory, which the role `matcher` makes: where each open line goes, and what it tells the requester.

-- Until `until` nobody else is proposed this time; a plan that no matcher renews lapses. It books nothing.
CREATE TABLE plan_slot (
    line_id uuid PRIMARY KEY REFERENCES request_line,
    resource_id uuid NOT NULL REFERENCES resource,
    period tstzrange NOT NULL,
    until timestamptz NOT NULL,
    CONSTRAINT plan_slot_period CHECK (NOT isempty(period) AND NOT lower_inf(period) AND NOT upper_inf(period)),
    CONSTRAINT plan_slot_no_overlap EXCLUDE USING gist (
        uuidrange(resource_id, resource_id, '[]') WITH &&, period WITH &&
    )
);
CREATE INDEX plan_slot_resource ON plan_slot (resource_id);

CREATE TABLE plan_line (
    line_id uuid PRIMARY KEY,
    request_id uuid NOT NULL,
    requester_organisation_id uuid NOT NULL,
    -- Why the line has no place; null when it has one.
    because text,
    told jsonb NOT NULL,
    solved_at timestamptz NOT NULL,
    FOREIGN KEY (line_id, request_id) REFERENCES request_line (id, request_id)
);
CREATE INDEX plan_line_request ON plan_line (request_id);

-- Connected parts of the territory as they were solved last: one whose fingerprint is another now is solved again.
CREATE TABLE plan_part (
    id uuid PRIMARY KEY,
    fingerprint bytea NOT NULL,
    value_cents bigint NOT NULL,
    bound_cents bigint NOT NULL,
    solved_at timestamptz NOT NULL
);

-- Who sees a resource may know when it is planned, as when it is free.
ALTER TABLE plan_slot ENABLE ROW LEVEL SECURITY;
ALTER TABLE plan_slot FORCE ROW LEVEL SECURITY;
CREATE POLICY ring ON plan_slot USING (
    (SELECT is_system()) OR EXISTS (SELECT FROM resource WHERE resource.id = plan_slot.resource_id)
) WITH CHECK ((SELECT is_system()));

ALTER TABLE plan_line ENABLE ROW LEVEL SECURITY;
ALTER TABLE plan_line FORCE ROW LEVEL SECURITY;
CREATE POLICY side ON plan_line USING (
    (SELECT is_system()) OR requester_organisation_id = ANY((SELECT own_organisations())::uuid [])
) WITH CHECK ((SELECT is_system()));

ALTER TABLE plan_part ENABLE ROW LEVEL SECURITY;
ALTER TABLE plan_part FORCE ROW LEVEL SECURITY;
CREATE POLICY system ON plan_part USING ((SELECT is_system()));
