-- What notifications knows of others' aggregates: a projection, rebuilt from the topics. Upsert if the version is newer.
CREATE TABLE known (
    id uuid PRIMARY KEY,
    topic text NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    tenants uuid[] NOT NULL,
    title text,
    -- A match that stands: whoever was told of it isn't told again when its period or price changes.
    proposed boolean NOT NULL
);

CREATE TABLE known_pole (
    id uuid PRIMARY KEY REFERENCES known ON DELETE CASCADE,
    coordinators uuid[] NOT NULL
);
CREATE INDEX known_pole_coordinators ON known_pole USING gin (coordinators);

CREATE TABLE known_organisation (
    id uuid PRIMARY KEY REFERENCES known ON DELETE CASCADE,
    managers uuid[] NOT NULL,
    contributors uuid[] NOT NULL,
    integrations uuid[] NOT NULL,
    activities text[] NOT NULL
);
CREATE INDEX known_organisation_managers ON known_organisation USING gin (managers);
CREATE INDEX known_organisation_contributors ON known_organisation USING gin (contributors);
CREATE INDEX known_organisation_integrations ON known_organisation USING gin (integrations);

-- No foreign keys to poles or organisations: order holds within a topic's key only.
CREATE TABLE known_member (
    id uuid PRIMARY KEY REFERENCES known ON DELETE CASCADE,
    pole_id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    standing text NOT NULL
);
CREATE INDEX known_member_joined ON known_member (pole_id) INCLUDE (organisation_id) WHERE standing = 'joined';
CREATE INDEX known_member_organisation ON known_member (organisation_id) WHERE standing = 'joined';

-- One row for each event that said something new: waiting until it has been told to all whom it concerns.
-- The body is the event as a structured CloudEvent; it is let go when the event is settled and no webhook needs it.
CREATE TABLE news (
    event_id uuid PRIMARY KEY,
    type text NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'told', 'nobody', 'given_up')),
    body text,
    received_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    CHECK (body IS NOT NULL OR state <> 'waiting')
);
CREATE INDEX news_waiting ON news (due_at) WHERE state = 'waiting';
CREATE INDEX news_received_at ON news USING brin (received_at);

-- The in-app inbox. Texts are rendered at reading from code and params; who the person is, only membership knows.
CREATE TABLE notification (
    id uuid PRIMARY KEY,
    event_id uuid NOT NULL,
    person_id uuid NOT NULL,
    code text NOT NULL,
    params jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    read_at timestamptz,
    mail_id uuid, -- the mail that tells it too
    UNIQUE (event_id, person_id)
);
CREATE INDEX notification_person ON notification (person_id, id);
CREATE INDEX notification_mail ON notification (mail_id);
CREATE INDEX notification_created_at ON notification USING brin (created_at);

-- A mail has the id of the first notification that it tells. What comes for the same person and aggregate goes into it
-- for as long as it `gathers`: until a worker takes it.
CREATE TABLE mail (
    notification_id uuid PRIMARY KEY REFERENCES notification ON DELETE CASCADE,
    person_id uuid NOT NULL,
    gathers uuid,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'failed', 'dropped')),
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL,
    leased_until timestamptz,
    reason text,
    settled_at timestamptz,
    UNIQUE (person_id, gathers)
);
CREATE INDEX mail_pending ON mail (due_at) WHERE state = 'pending';

-- The secret is kept encrypted (Fernet) under a key that only the processes' settings hold.
CREATE TABLE webhook (
    id uuid PRIMARY KEY,
    organisation_id uuid NOT NULL,
    url text NOT NULL CHECK (length(url) <= 2000),
    host text NOT NULL,
    event_types text[] NOT NULL,
    sealed_secret text NOT NULL,
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
    reason text,
    failures integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    paused_until timestamptz,
    created_at timestamptz NOT NULL,
    disabled_at timestamptz,
    UNIQUE (id, organisation_id)
);
CREATE UNIQUE INDEX webhook_one_active ON webhook (organisation_id, url) WHERE state = 'active';
CREATE INDEX webhook_organisation ON webhook (organisation_id, id);

CREATE TABLE webhook_delivery (
    id uuid PRIMARY KEY,
    webhook_id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    event_id uuid NOT NULL REFERENCES news,
    type text NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    leased_until timestamptz,
    attempted_at timestamptz,
    status integer,
    error text,
    excerpt text,
    UNIQUE (webhook_id, event_id),
    FOREIGN KEY (webhook_id, organisation_id) REFERENCES webhook (id, organisation_id) ON DELETE CASCADE
);
CREATE INDEX webhook_delivery_pending ON webhook_delivery (due_at) WHERE state = 'pending';
CREATE INDEX webhook_delivery_leased ON webhook_delivery (leased_until) WHERE state = 'pending';
CREATE INDEX webhook_delivery_log ON webhook_delivery (webhook_id, id);
CREATE INDEX webhook_delivery_event ON webhook_delivery (event_id);

-- The second wall: people see their own notifications, organisations their own webhooks, workers (system) everything.
ALTER TABLE known ENABLE ROW LEVEL SECURITY;
ALTER TABLE known FORCE ROW LEVEL SECURITY;
CREATE POLICY known_system ON known USING (nullif(current_setting('polepool.system', true), '') = 'on');

ALTER TABLE known_pole ENABLE ROW LEVEL SECURITY;
ALTER TABLE known_pole FORCE ROW LEVEL SECURITY;
CREATE POLICY known_pole_system ON known_pole USING (nullif(current_setting('polepool.system', true), '') = 'on');

ALTER TABLE known_organisation ENABLE ROW LEVEL SECURITY;
ALTER TABLE known_organisation FORCE ROW LEVEL SECURITY;
CREATE POLICY known_organisation_system ON known_organisation
    USING (nullif(current_setting('polepool.system', true), '') = 'on');

ALTER TABLE known_member ENABLE ROW LEVEL SECURITY;
ALTER TABLE known_member FORCE ROW LEVEL SECURITY;
CREATE POLICY known_member_system ON known_member USING (nullif(current_setting('polepool.system', true), '') = 'on');

ALTER TABLE news ENABLE ROW LEVEL SECURITY;
ALTER TABLE news FORCE ROW LEVEL SECURITY;
CREATE POLICY news_system ON news USING (nullif(current_setting('polepool.system', true), '') = 'on');

ALTER TABLE mail ENABLE ROW LEVEL SECURITY;
ALTER TABLE mail FORCE ROW LEVEL SECURITY;
CREATE POLICY mail_system ON mail USING (nullif(current_setting('polepool.system', true), '') = 'on');

ALTER TABLE notification ENABLE ROW LEVEL SECURITY;
ALTER TABLE notification FORCE ROW LEVEL SECURITY;
CREATE POLICY notification_own ON notification USING (
    nullif(current_setting('polepool.system', true), '') = 'on'
    OR person_id = nullif(current_setting('polepool.subject', true), '')::uuid
);

ALTER TABLE webhook ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook FORCE ROW LEVEL SECURITY;
CREATE POLICY webhook_own ON webhook USING (
    nullif(current_setting('polepool.system', true), '') = 'on'
    OR organisation_id = ANY (string_to_array(nullif(current_setting('polepool.organisations', true), ''), ',')::uuid[])
);

ALTER TABLE webhook_delivery ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_delivery FORCE ROW LEVEL SECURITY;
CREATE POLICY webhook_delivery_own ON webhook_delivery USING (
    nullif(current_setting('polepool.system', true), '') = 'on'
    OR organisation_id = ANY (string_to_array(nullif(current_setting('polepool.organisations', true), ''), ',')::uuid[])
);
