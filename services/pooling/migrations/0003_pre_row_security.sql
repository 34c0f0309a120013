-- The second wall behind the scope that every store function takes. Read once per statement, as init plans.

CREATE FUNCTION is_system() RETURNS boolean LANGUAGE sql STABLE
RETURN coalesce(current_setting('polepool.system', true) = 'on', false);

CREATE FUNCTION own_organisations() RETURNS uuid [] LANGUAGE sql STABLE
RETURN string_to_array(nullif(current_setting('polepool.organisations', true), ''), ',')::uuid [];

CREATE FUNCTION own_poles() RETURNS uuid [] LANGUAGE sql STABLE
RETURN string_to_array(nullif(current_setting('polepool.poles', true), ''), ',')::uuid [];

CREATE FUNCTION partner_poles() RETURNS uuid [] LANGUAGE sql STABLE
RETURN string_to_array(nullif(current_setting('polepool.partner_poles', true), ''), ',')::uuid [];

-- A resource is seen by its ring, and changed by its owner. Who sees it may lock its row, to book it.
ALTER TABLE resource ENABLE ROW LEVEL SECURITY;
ALTER TABLE resource FORCE ROW LEVEL SECURITY;
CREATE POLICY ring ON resource USING (
    (SELECT is_system())
    OR organisation_id = ANY((SELECT own_organisations())::uuid [])
    OR (status = 'offered' AND (
        (ring = 'everyone' AND (SELECT own_poles()) IS NOT NULL)
        OR (ring IN ('pole', 'partner_poles') AND pole_id = ANY((SELECT own_poles())::uuid []))
        OR (ring = 'partner_poles' AND pole_id = ANY((SELECT partner_poles())::uuid []))
    ))
) WITH CHECK (
    (SELECT is_system()) OR organisation_id = ANY((SELECT own_organisations())::uuid [])
);

ALTER TABLE resource_free ENABLE ROW LEVEL SECURITY;
ALTER TABLE resource_free FORCE ROW LEVEL SECURITY;
CREATE POLICY ring ON resource_free USING (
    (SELECT is_system()) OR EXISTS (SELECT FROM resource WHERE resource.id = resource_free.resource_id)
);

ALTER TABLE request ENABLE ROW LEVEL SECURITY;
ALTER TABLE request FORCE ROW LEVEL SECURITY;
CREATE POLICY side ON request USING (
    (SELECT is_system()) OR organisation_id = ANY((SELECT own_organisations())::uuid [])
);

ALTER TABLE request_line ENABLE ROW LEVEL SECURITY;
ALTER TABLE request_line FORCE ROW LEVEL SECURITY;
CREATE POLICY side ON request_line USING (
    (SELECT is_system()) OR EXISTS (SELECT FROM request WHERE request.id = request_line.request_id)
);

ALTER TABLE match ENABLE ROW LEVEL SECURITY;
ALTER TABLE match FORCE ROW LEVEL SECURITY;
CREATE POLICY side ON match USING (
    (SELECT is_system()) OR requester_organisation_id = ANY((SELECT own_organisations())::uuid [])
);

ALTER TABLE booking ENABLE ROW LEVEL SECURITY;
ALTER TABLE booking FORCE ROW LEVEL SECURITY;
CREATE POLICY side ON booking USING (
    (SELECT is_system())
    OR requester_organisation_id = ANY((SELECT own_organisations())::uuid [])
    OR owner_organisation_id = ANY((SELECT own_organisations())::uuid [])
) WITH CHECK (
    (SELECT is_system()) OR requester_organisation_id = ANY((SELECT own_organisations())::uuid [])
);
