-- Who may see and change a row is decided twice: by the code's Scope, and here by row-level security, from settings
-- that hold for one transaction. polepool.system is for what nobody's scope covers: sign-in, tokens, loading a scope.

CREATE FUNCTION scope_on(setting text) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN coalesce(current_setting(setting, true), '') = 'on';

CREATE FUNCTION scope_ids(setting text) RETURNS uuid[]
    LANGUAGE sql STABLE
    RETURN string_to_array(nullif(current_setting(setting, true), ''), ',')::uuid[];

-- The only table with personal data. A person who goes is deleted; events and other tables know an opaque id.
CREATE TABLE person (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    email text NOT NULL CONSTRAINT person_email_taken UNIQUE
        CHECK (email ~ '^[^[:space:][:cntrl:]]+$' AND octet_length(email) <= 1000),
    name text NOT NULL CHECK (name ~ '^[^[:cntrl:]]{1,200}$'),
    language text NOT NULL CHECK (language IN ('fr', 'en')),
    password_hash text NOT NULL,
    administrator boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL
);
ALTER TABLE person ENABLE ROW LEVEL SECURITY;
ALTER TABLE person FORCE ROW LEVEL SECURITY;
-- A person may see, lock and delete their own row; what is in it, `administrator` too, only the system writes.
CREATE POLICY person_self ON person
    USING (scope_on('polepool.system') OR id = ANY (scope_ids('polepool.subject')))
    WITH CHECK (scope_on('polepool.system'));

CREATE TABLE pole (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    name text NOT NULL,
    commune text NOT NULL,
    commune_name text NOT NULL,
    latitude double precision NOT NULL,
    longitude double precision NOT NULL
);
ALTER TABLE pole ENABLE ROW LEVEL SECURITY;
ALTER TABLE pole FORCE ROW LEVEL SECURITY;
CREATE POLICY pole_seen ON pole FOR SELECT USING (true);
CREATE POLICY pole_opened ON pole FOR INSERT
    WITH CHECK (scope_on('polepool.system') OR scope_on('polepool.administrator'));
CREATE POLICY pole_changed ON pole FOR UPDATE
    USING (
        scope_on('polepool.system') OR scope_on('polepool.administrator')
        OR id = ANY (scope_ids('polepool.coordinates'))
    );

CREATE TABLE pole_coordinator (
    pole_id uuid NOT NULL REFERENCES pole (id),
    person_id uuid NOT NULL CONSTRAINT pole_coordinator_person_unknown REFERENCES person (id),
    PRIMARY KEY (pole_id, person_id)
);
CREATE INDEX pole_coordinator_person ON pole_coordinator (person_id);
ALTER TABLE pole_coordinator ENABLE ROW LEVEL SECURITY;
ALTER TABLE pole_coordinator FORCE ROW LEVEL SECURITY;
CREATE POLICY pole_coordinator_seen ON pole_coordinator FOR SELECT USING (true);
CREATE POLICY pole_coordinator_written ON pole_coordinator
    USING (
        scope_on('polepool.system') OR scope_on('polepool.administrator')
        OR pole_id = ANY (scope_ids('polepool.coordinates'))
    );

CREATE TABLE pole_partner (
    pole_id uuid NOT NULL REFERENCES pole (id),
    partner_id uuid NOT NULL CONSTRAINT pole_partner_unknown REFERENCES pole (id),
    PRIMARY KEY (pole_id, partner_id),
    CHECK (pole_id <> partner_id)
);
CREATE INDEX pole_partner_partner ON pole_partner (partner_id);
ALTER TABLE pole_partner ENABLE ROW LEVEL SECURITY;
ALTER TABLE pole_partner FORCE ROW LEVEL SECURITY;
CREATE POLICY pole_partner_seen ON pole_partner FOR SELECT USING (true);
CREATE POLICY pole_partner_written ON pole_partner
    USING (
        scope_on('polepool.system') OR scope_on('polepool.administrator')
        OR pole_id = ANY (scope_ids('polepool.coordinates'))
    );

-- Public details: anybody signed in may read them. Who acts for an organisation, and its keys, are its own affair.
CREATE TABLE organisation (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    name text NOT NULL,
    siret text NOT NULL CONSTRAINT organisation_siret_known UNIQUE CHECK (siret ~ '^[0-9]{14}$'),
    commune text NOT NULL,
    commune_name text NOT NULL,
    latitude double precision NOT NULL,
    longitude double precision NOT NULL,
    activities text[] NOT NULL CHECK (cardinality(activities) BETWEEN 1 AND 30)
);
ALTER TABLE organisation ENABLE ROW LEVEL SECURITY;
ALTER TABLE organisation FORCE ROW LEVEL SECURITY;
CREATE POLICY organisation_seen ON organisation FOR SELECT USING (true);
CREATE POLICY organisation_written ON organisation
    USING (scope_on('polepool.system') OR id = ANY (scope_ids('polepool.organisations')));

CREATE TABLE organisation_person (
    organisation_id uuid NOT NULL REFERENCES organisation (id),
    person_id uuid NOT NULL CONSTRAINT organisation_person_unknown REFERENCES person (id),
    role text NOT NULL CHECK (role IN ('contributor', 'manager')),
    PRIMARY KEY (organisation_id, person_id)
);
CREATE INDEX organisation_person_person ON organisation_person (person_id);
ALTER TABLE organisation_person ENABLE ROW LEVEL SECURITY;
ALTER TABLE organisation_person FORCE ROW LEVEL SECURITY;
CREATE POLICY organisation_person_own ON organisation_person FOR SELECT
    USING (scope_on('polepool.system') OR organisation_id = ANY (scope_ids('polepool.organisations')));
-- Managers say who acts for an organisation; anybody may go.
CREATE POLICY organisation_person_managed ON organisation_person
    USING (scope_on('polepool.system') OR organisation_id = ANY (scope_ids('polepool.manages')));
CREATE POLICY organisation_person_gone ON organisation_person FOR DELETE
    USING (person_id = ANY (scope_ids('polepool.subject')));

CREATE TABLE api_key (
    client_id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES organisation (id),
    name text NOT NULL,
    secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at)
);
CREATE INDEX api_key_organisation ON api_key (organisation_id);
ALTER TABLE api_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_key FORCE ROW LEVEL SECURITY;
CREATE POLICY api_key_own ON api_key FOR SELECT
    USING (scope_on('polepool.system') OR organisation_id = ANY (scope_ids('polepool.organisations')));
CREATE POLICY api_key_managed ON api_key
    USING (scope_on('polepool.system') OR organisation_id = ANY (scope_ids('polepool.manages')));

-- One row per organisation and pole, for ever: who comes back goes on with the next version of the same member.
CREATE TABLE member (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    pole_id uuid NOT NULL CONSTRAINT member_pole_unknown REFERENCES pole (id),
    organisation_id uuid NOT NULL REFERENCES organisation (id),
    standing text NOT NULL CHECK (standing IN ('applied', 'joined', 'refused', 'left')),
    CONSTRAINT member_once UNIQUE (pole_id, organisation_id)
);
CREATE INDEX member_organisation ON member (organisation_id);
ALTER TABLE member ENABLE ROW LEVEL SECURITY;
ALTER TABLE member FORCE ROW LEVEL SECURITY;
-- Who asks to come in, was refused or left is the affair of the two sides; members see members.
CREATE POLICY member_seen ON member FOR SELECT
    USING (
        scope_on('polepool.system') OR scope_on('polepool.administrator')
        OR organisation_id = ANY (scope_ids('polepool.organisations'))
        OR pole_id = ANY (scope_ids('polepool.coordinates'))
        OR (standing = 'joined' AND pole_id = ANY (scope_ids('polepool.poles')))
    );
CREATE POLICY member_applied ON member FOR INSERT
    WITH CHECK (
        scope_on('polepool.system')
        OR (standing = 'applied' AND organisation_id = ANY (scope_ids('polepool.manages')))
    );
-- The organisation's people may lock the row; its managers apply and leave; the pole's coordinators decide.
CREATE POLICY member_changed ON member FOR UPDATE
    USING (
        scope_on('polepool.system')
        OR organisation_id = ANY (scope_ids('polepool.organisations'))
        OR pole_id = ANY (scope_ids('polepool.coordinates'))
    )
    WITH CHECK (
        scope_on('polepool.system')
        OR pole_id = ANY (scope_ids('polepool.coordinates'))
        OR (standing IN ('applied', 'left') AND organisation_id = ANY (scope_ids('polepool.manages')))
    );

CREATE TABLE project (
    id uuid PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    pole_id uuid NOT NULL REFERENCES pole (id),
    lead_organisation_id uuid NOT NULL REFERENCES organisation (id),
    title text NOT NULL,
    summary text NOT NULL,
    activities text[] NOT NULL,
    commune text NOT NULL,
    commune_name text NOT NULL,
    latitude double precision NOT NULL,
    longitude double precision NOT NULL,
    launched_at timestamptz NOT NULL,
    FOREIGN KEY (pole_id, lead_organisation_id) REFERENCES member (pole_id, organisation_id)
);
CREATE INDEX project_pole ON project (pole_id, id);
CREATE INDEX project_lead ON project (lead_organisation_id);
ALTER TABLE project ENABLE ROW LEVEL SECURITY;
ALTER TABLE project FORCE ROW LEVEL SECURITY;
CREATE POLICY project_seen ON project FOR SELECT
    USING (
        scope_on('polepool.system') OR scope_on('polepool.administrator')
        OR lead_organisation_id = ANY (scope_ids('polepool.organisations'))
        OR pole_id = ANY (scope_ids('polepool.poles'))
        OR pole_id = ANY (scope_ids('polepool.coordinates'))
    );
CREATE POLICY project_launched ON project FOR INSERT
    WITH CHECK (
        scope_on('polepool.system')
        OR (
            lead_organisation_id = ANY (scope_ids('polepool.organisations'))
            AND pole_id = ANY (scope_ids('polepool.poles'))
        )
    );
