-- Beds of a shared garden: the smallest service that has a rule.
CREATE TABLE bed (
    id uuid PRIMARY KEY,
    version integer NOT NULL CHECK (version >= 1),
    organisation_id uuid NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    plants integer NOT NULL DEFAULT 0 CHECK (plants BETWEEN 0 AND 12),
    CONSTRAINT bed_name UNIQUE (organisation_id, name)
);

-- Who may work for which organisation: a projection in real services.
CREATE TABLE gardener (
    person_id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    role text NOT NULL,
    PRIMARY KEY (person_id, organisation_id)
);

ALTER TABLE bed ENABLE ROW LEVEL SECURITY;
ALTER TABLE bed FORCE ROW LEVEL SECURITY;
-- The sub-selects are evaluated once per statement; without them the settings are read and split for every row.
CREATE POLICY bed_organisation ON bed USING (
    (SELECT nullif(current_setting('polepool.system', true), '') = 'on')
    OR organisation_id = ANY (
        (SELECT string_to_array(nullif(current_setting('polepool.organisations', true), ''), ',')::uuid[])::uuid[]
    )
);
