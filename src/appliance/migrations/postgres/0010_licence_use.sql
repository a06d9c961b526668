-- Showing licences and taking them instead of paper: show-codes, agents, queries, annotated copies, who looked.

-- Somebody who may show a licence in its holder's place (委托), within limits.
CREATE TABLE licence_delegations (
    id           TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version      BIGINT NOT NULL CHECK (version > 0),
    licence      TEXT NOT NULL REFERENCES licences (id),
    -- The agent: kind of the number, keyed hash and the key of custody it is under, the number encrypted under the
    -- licence's key. The hash is made anew when that key is replaced.
    agent_kind   TEXT NOT NULL,
    agent_key    TEXT NOT NULL,
    agent_hash   TEXT NOT NULL,
    agent_sealed BYTEA NOT NULL,
    -- Which fields and for which items, JSON; NULL: all that may be shown, for any item.
    fields       TEXT,
    items        TEXT,
    -- Microseconds; how many codes in all, and how many were given out.
    until        BIGINT NOT NULL,
    granted      BIGINT NOT NULL CHECK (granted > 0),
    used         BIGINT NOT NULL CHECK (used >= 0 AND used <= granted),
    state        TEXT NOT NULL CHECK (state IN ('active', 'revoked')),
    caller       TEXT NOT NULL REFERENCES callers (id),
    created      BIGINT NOT NULL,
    ended        BIGINT,
    -- Of the newest entry about it; filled in by the journal (also below).
    leaf         BIGINT
);
CREATE INDEX licence_delegations_licence ON licence_delegations (licence, id);
CREATE INDEX licence_delegations_agent ON licence_delegations (agent_hash, id);
CREATE INDEX licence_delegations_key ON licence_delegations (agent_key, id);

-- Codes by which a holder shows a licence (亮证). `id` is the hash of the code, which is kept nowhere.
CREATE TABLE licence_show_codes (
    id           TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version      BIGINT NOT NULL CHECK (version > 0),
    licence      TEXT NOT NULL REFERENCES licences (id),
    -- The version of the licence that is shown, and no other.
    identifier   TEXT NOT NULL,
    -- Which fields, JSON.
    fields       TEXT NOT NULL,
    granted      BIGINT NOT NULL CHECK (granted > 0),
    used         BIGINT NOT NULL CHECK (used >= 0 AND used <= granted),
    delegation   TEXT REFERENCES licence_delegations (id),
    item         TEXT,
    -- What for, encrypted under the licence's key.
    words        BYTEA,
    caller       TEXT NOT NULL REFERENCES callers (id),
    organisation TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('open', 'used', 'withdrawn')),
    -- Microseconds.
    created      BIGINT NOT NULL,
    expires      BIGINT NOT NULL
);
CREATE INDEX licence_show_codes_licence ON licence_show_codes (licence, created);
CREATE INDEX licence_show_codes_delegation ON licence_show_codes (delegation) WHERE delegation IS NOT NULL;

-- What departments asked for by holder, for an item and a case (免证办, 依职能查验), and were answered.
CREATE TABLE licence_queries (
    id           TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version      BIGINT NOT NULL CHECK (version > 0),
    type         TEXT NOT NULL REFERENCES licence_types (id),
    -- Which version of the type's definition decided.
    type_number  BIGINT NOT NULL,
    caller       TEXT NOT NULL REFERENCES callers (id),
    organisation TEXT NOT NULL,
    item         TEXT NOT NULL,
    case_number  TEXT NOT NULL,
    purpose      TEXT NOT NULL,
    -- JSON.
    fields       TEXT NOT NULL,
    -- 1 where the sealed document may be fetched, until `expires` (microseconds).
    document     BIGINT NOT NULL,
    found        BIGINT NOT NULL,
    created      BIGINT NOT NULL,
    expires      BIGINT NOT NULL,
    leaf         BIGINT
);
CREATE INDEX licence_queries_organisation ON licence_queries (organisation, id);
CREATE INDEX licence_queries_case ON licence_queries (case_number, id);

-- Copies annotated with purpose, recipient and end (加注件). `id` is LICENCE:NUMBER.
CREATE TABLE licence_copies (
    id           TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version      BIGINT NOT NULL CHECK (version > 0),
    licence      TEXT NOT NULL REFERENCES licences (id),
    identifier   TEXT NOT NULL REFERENCES licence_versions (id),
    number       BIGINT NOT NULL CHECK (number > 0),
    -- Its artefact, and hexadecimal SHA-256 of the copy as sealed.
    artefact     TEXT NOT NULL REFERENCES licence_artefacts (id),
    sha256       TEXT NOT NULL,
    -- Purpose, recipient and who made it, encrypted under the licence's key.
    words        BYTEA NOT NULL,
    seal         TEXT,
    query        TEXT REFERENCES licence_queries (id),
    caller       TEXT NOT NULL REFERENCES callers (id),
    organisation TEXT NOT NULL,
    -- Microseconds.
    made         BIGINT NOT NULL,
    until        BIGINT NOT NULL,
    leaf         BIGINT
);
CREATE INDEX licence_copies_sha256 ON licence_copies (sha256);
CREATE INDEX licence_copies_licence ON licence_copies (licence, number);

-- Who looked: one row for each licence and each look. Identifiers are UUIDs of version 7.
CREATE TABLE licence_uses (
    id           TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version      BIGINT NOT NULL CHECK (version > 0),
    licence      TEXT NOT NULL REFERENCES licences (id),
    identifier   TEXT NOT NULL,
    -- Who issued it, at that time.
    organisation TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('show', 'query', 'document', 'copy', 'verification')),
    -- Registration of who looked, `system:portal` for a stranger, and the organisation.
    viewer       TEXT NOT NULL,
    viewer_organisation TEXT NOT NULL,
    code         TEXT,
    delegation   TEXT,
    query        TEXT,
    item         TEXT,
    case_number  TEXT,
    purpose      TEXT,
    -- What may name somebody (operator, words of purpose), encrypted under the licence's key.
    words        BYTEA,
    -- JSON.
    fields       TEXT NOT NULL,
    -- Where the licence stood.
    state        TEXT NOT NULL,
    time         BIGINT NOT NULL,
    leaf         BIGINT
);
CREATE INDEX licence_uses_licence ON licence_uses (licence, id);
CREATE INDEX licence_uses_viewer ON licence_uses (viewer_organisation, id);
CREATE INDEX licence_uses_organisation ON licence_uses (organisation, id);
