-- Electronic licences (GB/T 36901 to 36906): the catalogue, the library, status lists, batch work.

-- A licence type by its code: 18 characters of the defining body, 3 digits.
CREATE TABLE licence_types (
    id           TEXT PRIMARY KEY NOT NULL,
    version      INTEGER NOT NULL CHECK (version > 0),
    name         TEXT NOT NULL,
    organisation TEXT NOT NULL REFERENCES organisations (id),
    -- The version of its definition that is in force.
    published    INTEGER,
    state        TEXT NOT NULL CHECK (state IN ('draft', 'published', 'retired')),
    updated      INTEGER NOT NULL
) STRICT;
CREATE INDEX licence_types_organisation ON licence_types (organisation, id);

-- `id` is TYPE.NUMBER. Persons are compared, not certificates.
CREATE TABLE licence_type_versions (
    id              TEXT PRIMARY KEY NOT NULL,
    version         INTEGER NOT NULL CHECK (version > 0),
    type            TEXT NOT NULL REFERENCES licence_types (id),
    number          INTEGER NOT NULL CHECK (number > 0),
    state           TEXT NOT NULL CHECK (state IN ('draft', 'review', 'published', 'superseded', 'retired', 'refused', 'withdrawn')),
    -- The definition and the templates (TOML and SVG pages), JSON; the digest is over both.
    definition      TEXT NOT NULL,
    templates       TEXT NOT NULL,
    digest          TEXT NOT NULL,
    author          TEXT NOT NULL REFERENCES callers (id),
    author_person   TEXT NOT NULL,
    submitter       TEXT REFERENCES callers (id),
    submitter_person TEXT,
    reviewer        TEXT REFERENCES callers (id),
    reviewer_person TEXT,
    reason          TEXT,
    created         INTEGER NOT NULL,
    submitted       INTEGER,
    decided         INTEGER,
    -- SHA-256 of caller and idempotency key, and of the request it stood for.
    request_key     TEXT UNIQUE,
    request_digest  TEXT
) STRICT;
CREATE UNIQUE INDEX licence_type_versions_number ON licence_type_versions (type, number);
CREATE INDEX licence_type_versions_state ON licence_type_versions (state, id);

-- Running numbers that never repeat. `id` names the series.
CREATE TABLE licence_numbers (
    id      TEXT PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    next    INTEGER NOT NULL CHECK (next > 0)
) STRICT;

-- A licence through all its versions. `id` is TYPE.ISSUER.SERIAL of its identifier.
CREATE TABLE licences (
    id           TEXT PRIMARY KEY NOT NULL,
    version      INTEGER NOT NULL CHECK (version > 0),
    type         TEXT NOT NULL REFERENCES licence_types (id),
    -- Which version of the type it was made by.
    type_number  INTEGER NOT NULL,
    organisation TEXT NOT NULL REFERENCES organisations (id),
    -- Code of the issuing body, as the identifier has it.
    issuer       TEXT NOT NULL,
    -- Its present version and that version's identifier.
    number       INTEGER NOT NULL CHECK (number > 0),
    identifier   TEXT NOT NULL,
    holder_kind  TEXT NOT NULL,
    state        TEXT NOT NULL,
    -- Why it is in that state: a word.
    ground       TEXT,
    -- Unix seconds; NULL has no end.
    valid_from   INTEGER NOT NULL,
    valid_to     INTEGER,
    status_list  INTEGER,
    status_index INTEGER,
    -- 1 where it was taken over from elsewhere with its identifier.
    imported     INTEGER,
    -- Words on what is odd about it, JSON; the import's.
    warnings     TEXT,
    -- The key of all that is encrypted of it, wrapped, and by which key of custody. Re-wrapping changes no state.
    data_key     BLOB NOT NULL,
    wrapped_by   TEXT NOT NULL,
    issued       INTEGER NOT NULL,
    updated      INTEGER NOT NULL,
    -- Last day that an annual check covers, Unix seconds.
    checked_to   INTEGER,
    leaf         INTEGER
) STRICT;
CREATE UNIQUE INDEX licences_identifier ON licences (identifier);
CREATE INDEX licences_type ON licences (type, id);
CREATE INDEX licences_organisation ON licences (organisation, id);
CREATE INDEX licences_wrapped_by ON licences (wrapped_by, id);
-- Those that have not ended, by when they will: of all, and of an organisation.
CREATE INDEX licences_ending ON licences (valid_to, id) WHERE valid_to IS NOT NULL AND state IN ('active', 'suspended', 'lost');
CREATE INDEX licences_ending_of ON licences (organisation, valid_to, id)
    WHERE valid_to IS NOT NULL AND state IN ('active', 'suspended', 'lost');

-- `id` is the identifier (GB/T 36904) of that version.
CREATE TABLE licence_versions (
    id          TEXT PRIMARY KEY NOT NULL,
    version     INTEGER NOT NULL CHECK (version > 0),
    licence     TEXT NOT NULL REFERENCES licences (id),
    number      INTEGER NOT NULL CHECK (number > 0),
    type_number INTEGER NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('active', 'superseded')),
    -- Fields that no tag protects, JSON; all fields and the holder, encrypted under the licence's key.
    fields      TEXT NOT NULL,
    sealed      BLOB NOT NULL,
    -- By field, keyed hashes of the values that a verifier may know, JSON, and the key of custody they are under.
    known       TEXT,
    known_by    TEXT,
    valid_from  INTEGER NOT NULL,
    valid_to    INTEGER,
    seal        TEXT,
    -- Hexadecimal SHA-256 of the original as sealed.
    document    TEXT,
    operation   TEXT NOT NULL,
    basis       TEXT,
    item        TEXT,
    case_number TEXT,
    caller      TEXT NOT NULL REFERENCES callers (id),
    issued      INTEGER NOT NULL,
    ended       INTEGER
) STRICT;
CREATE UNIQUE INDEX licence_versions_number ON licence_versions (licence, number);

-- Warnings given that a version runs out. `id` is its identifier, so that a cluster gives each of them once.
CREATE TABLE licence_expiry_warnings (
    id         TEXT PRIMARY KEY NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    licence    TEXT NOT NULL REFERENCES licences (id),
    days       INTEGER NOT NULL,
    time       INTEGER NOT NULL
) STRICT;

-- What was made of a version, encrypted under the licence's key. `id` is IDENTIFIER:KIND.
CREATE TABLE licence_artefacts (
    id         TEXT PRIMARY KEY NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    licence    TEXT NOT NULL REFERENCES licences (id),
    identifier TEXT NOT NULL REFERENCES licence_versions (id),
    kind       TEXT NOT NULL,
    media_type TEXT NOT NULL,
    length     INTEGER NOT NULL,
    -- Hexadecimal SHA-256 of the clear octets.
    sha256     TEXT NOT NULL,
    sealed     BLOB NOT NULL,
    made       INTEGER NOT NULL
) STRICT;
CREATE INDEX licence_artefacts_identifier ON licence_artefacts (identifier);
CREATE INDEX licence_artefacts_sha256 ON licence_artefacts (sha256);

-- By whom a licence is found: a keyed hash of kind and number. `id` is LICENCE:ROLE:KEY, KEY the key of custody it is under.
CREATE TABLE licence_holders (
    id      TEXT PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    licence TEXT NOT NULL REFERENCES licences (id),
    role    TEXT NOT NULL,
    key     TEXT NOT NULL,
    hash    TEXT NOT NULL
) STRICT;
CREATE INDEX licence_holders_hash ON licence_holders (hash, licence);
CREATE INDEX licence_holders_licence ON licence_holders (licence);
CREATE INDEX licence_holders_key ON licence_holders (key, id);

-- Token status lists. `id` is the list's number.
CREATE TABLE licence_status_lists (
    id      TEXT PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    size    INTEGER NOT NULL,
    taken   INTEGER NOT NULL,
    state   TEXT NOT NULL CHECK (state IN ('open', 'full')),
    -- In which order places are given out: nobody can tell from a place when it was taken.
    seed    BLOB NOT NULL,
    created INTEGER NOT NULL
) STRICT;

-- Entries of status lists. `id` is LIST:INDEX.
CREATE TABLE licence_statuses (
    id      TEXT PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    list    INTEGER NOT NULL,
    place    INTEGER NOT NULL,
    licence TEXT NOT NULL,
    -- 0 valid, 1 invalid, 2 suspended.
    value   INTEGER NOT NULL,
    updated INTEGER NOT NULL
) STRICT;
CREATE INDEX licence_statuses_value ON licence_statuses (list, place) WHERE value <> 0;
CREATE INDEX licence_statuses_changed ON licence_statuses (list, updated) WHERE version > 1 OR value <> 0;

-- What befell a licence: one row for each step of its life.
CREATE TABLE licence_events (
    id         TEXT PRIMARY KEY NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    licence    TEXT NOT NULL REFERENCES licences (id),
    identifier TEXT NOT NULL,
    operation  TEXT NOT NULL,
    before     TEXT,
    after      TEXT NOT NULL,
    ground     TEXT,
    basis      TEXT,
    item       TEXT,
    case_number TEXT,
    -- Words that may name somebody, encrypted under the licence's key.
    words      BLOB,
    caller     TEXT NOT NULL REFERENCES callers (id),
    time       INTEGER NOT NULL,
    -- Of its entry; filled in by the journal.
    leaf       INTEGER
) STRICT;
CREATE INDEX licence_events_licence ON licence_events (licence, id);

-- Batch work: issuing or importing many licences from one file.
CREATE TABLE licence_jobs (
    id           TEXT PRIMARY KEY NOT NULL,
    version      INTEGER NOT NULL CHECK (version > 0),
    kind         TEXT NOT NULL,
    type         TEXT NOT NULL REFERENCES licence_types (id),
    organisation TEXT NOT NULL REFERENCES organisations (id),
    caller       TEXT NOT NULL REFERENCES callers (id),
    state        TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'stopped')),
    total        INTEGER NOT NULL,
    options      TEXT,
    data_key     BLOB NOT NULL,
    wrapped_by   TEXT NOT NULL,
    request_key    TEXT,
    request_digest TEXT,
    created      INTEGER NOT NULL,
    -- Until when a node has it in hand.
    due          INTEGER,
    ended        INTEGER
) STRICT;
CREATE UNIQUE INDEX licence_jobs_request ON licence_jobs (request_key) WHERE request_key IS NOT NULL;
CREATE INDEX licence_jobs_state ON licence_jobs (state, id);

-- `id` is JOB:LINE, the line with leading zeros.
CREATE TABLE licence_job_rows (
    id      TEXT PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    job     TEXT NOT NULL REFERENCES licence_jobs (id),
    line    INTEGER NOT NULL,
    state   TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'failed')),
    -- What was asked, encrypted; gone once it is done.
    sealed  BLOB,
    identifier TEXT,
    problem TEXT,
    -- What is odd about a licence that was taken over, JSON.
    warnings TEXT
) STRICT;
CREATE INDEX licence_job_rows_state ON licence_job_rows (job, state, line);
