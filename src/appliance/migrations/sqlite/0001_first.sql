-- The first schema. Times are microseconds since the Unix epoch. STRICT: a column holds what it says.

CREATE TABLE organisations (
    id      TEXT PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    name    TEXT NOT NULL,
    kind    TEXT NOT NULL,
    state   TEXT NOT NULL
) STRICT;

CREATE TABLE callers (
    id           TEXT PRIMARY KEY NOT NULL,
    version      INTEGER NOT NULL CHECK (version > 0),
    kind         TEXT NOT NULL CHECK (kind IN ('machine', 'officer', 'operator')),
    uri          TEXT NOT NULL UNIQUE,
    organisation TEXT NOT NULL REFERENCES organisations (id),
    person       TEXT,
    roles        TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('proposed', 'active', 'retired')),
    created      INTEGER NOT NULL
) STRICT;

CREATE TABLE certificates (
    id         TEXT PRIMARY KEY NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    issuer     TEXT NOT NULL,
    serial     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    profile    TEXT NOT NULL,
    caller     TEXT REFERENCES callers (id),
    not_before INTEGER NOT NULL,
    not_after  INTEGER NOT NULL,
    der        BLOB NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('good', 'revoked')),
    revoked_at INTEGER,
    reason     TEXT
) STRICT;
CREATE INDEX certificates_caller ON certificates (caller);

CREATE TABLE seals (
    id           TEXT PRIMARY KEY NOT NULL,
    version      INTEGER NOT NULL CHECK (version > 0),
    name         TEXT NOT NULL,
    organisation TEXT NOT NULL REFERENCES organisations (id),
    owner        TEXT NOT NULL REFERENCES callers (id),
    picture      BLOB NOT NULL,
    width_um     INTEGER NOT NULL,
    height_um    INTEGER NOT NULL,
    certificate  TEXT NOT NULL REFERENCES certificates (id),
    key_label    TEXT NOT NULL,
    state        TEXT NOT NULL
) STRICT;

CREATE TABLE seal_uses (
    id              TEXT PRIMARY KEY NOT NULL,
    version         INTEGER NOT NULL CHECK (version > 0),
    seal            TEXT NOT NULL REFERENCES seals (id),
    caller          TEXT NOT NULL REFERENCES callers (id),
    time            INTEGER NOT NULL,
    leaf            INTEGER,
    original_digest TEXT NOT NULL,
    result_digest   TEXT NOT NULL,
    original_length INTEGER NOT NULL,
    result_length   INTEGER NOT NULL,
    case_number     TEXT,
    item            TEXT,
    placement       TEXT
) STRICT;

-- Cache: answers kept for replays.
CREATE TABLE idempotency (
    id             TEXT PRIMARY KEY NOT NULL,
    version        INTEGER NOT NULL CHECK (version > 0),
    request_digest TEXT NOT NULL,
    response       BLOB NOT NULL,
    expires        INTEGER NOT NULL
) STRICT;
CREATE INDEX idempotency_expires ON idempotency (expires);

-- Cache: counters that every node polls, so that revocations and changed policies reach it within seconds.
CREATE TABLE generations (
    name  TEXT PRIMARY KEY NOT NULL,
    value INTEGER NOT NULL
) STRICT;

-- The log. Leaves verbatim; a leaf's hash is RFC 9162's of its body.
CREATE TABLE entries (
    leaf INTEGER PRIMARY KEY NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- Personal detail of an entry, sealed under its own data key; erased when both are NULL.
CREATE TABLE details (
    leaf        INTEGER PRIMARY KEY NOT NULL REFERENCES entries (leaf),
    wrapped_key BLOB,
    sealed      BLOB
) STRICT;

-- Full hash tiles (C2SP tlog-tiles): 256 hashes each.
CREATE TABLE tiles (
    level    INTEGER NOT NULL,
    position INTEGER NOT NULL,
    hashes   BLOB NOT NULL CHECK (length(hashes) = 8192),
    PRIMARY KEY (level, position)
) STRICT, WITHOUT ROWID;

-- The head of the log: one row. compact_range as the tlog crate writes it.
CREATE TABLE head (
    id            INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    origin        TEXT NOT NULL,
    size          INTEGER NOT NULL,
    compact_range BLOB NOT NULL,
    time          INTEGER NOT NULL,
    batch         TEXT NOT NULL,
    checkpoint    TEXT NOT NULL
) STRICT;
