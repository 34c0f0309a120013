-- What pooling knows of others, from membership's events. No foreign keys: facts arrive in any order.

CREATE TABLE pole (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    coordinators uuid [] NOT NULL,
    partners uuid [] NOT NULL
);

CREATE TABLE organisation (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    -- {subject: role} of its people and API keys.
    rights jsonb NOT NULL
);
CREATE INDEX organisation_rights ON organisation USING gin (rights) WITH (fastupdate = off);

CREATE TABLE member (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    pole_id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    standing text NOT NULL
);
CREATE INDEX member_of ON member (organisation_id, pole_id);

CREATE TABLE project (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    pole_id uuid NOT NULL,
    lead_organisation_id uuid NOT NULL
);
