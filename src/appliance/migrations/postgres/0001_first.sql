-- The first schema. Times are microseconds since the Unix epoch.

CREATE TABLE organisations (
    id      TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    name    TEXT NOT NULL,
    kind    TEXT NOT NULL,
    state   TEXT NOT NULL
);

CREATE TABLE callers (
    id           TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version      BIGINT NOT NULL CHECK (version > 0),
    kind         TEXT NOT NULL CHECK (kind IN ('machine', 'officer', 'operator')),
    uri          TEXT NOT NULL UNIQUE,
    organisation TEXT NOT NULL REFERENCES organisations (id),
    person       TEXT,
    roles        TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('proposed', 'active', 'retired')),
    created      BIGINT NOT NULL
);

CREATE TABLE certificates (
    id         TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    issuer     TEXT NOT NULL,
    serial     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    profile    TEXT NOT NULL,
    caller     TEXT REFERENCES callers (id),
    not_before BIGINT NOT NULL,
    not_after  BIGINT NOT NULL,
    der        BYTEA NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('good', 'revoked')),
    revoked_at BIGINT,
    reason     TEXT
);
CREATE INDEX certificates_caller ON certificates (caller);

CREATE TABLE seals (
    id           TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version      BIGINT NOT NULL CHECK (version > 0),
    name         TEXT NOT NULL,
    organisation TEXT NOT NULL REFERENCES organisations (id),
    owner        TEXT NOT NULL REFERENCES callers (id),
    picture      BYTEA NOT NULL,
    width_um     BIGINT NOT NULL,
    height_um    BIGINT NOT NULL,
    certificate  TEXT NOT NULL REFERENCES certificates (id),
    key_label    TEXT NOT NULL,
    state        TEXT NOT NULL
);

CREATE TABLE seal_uses (
    id              TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version         BIGINT NOT NULL CHECK (version > 0),
    seal            TEXT NOT NULL REFERENCES seals (id),
    caller          TEXT NOT NULL REFERENCES callers (id),
    time            BIGINT NOT NULL,
    leaf            BIGINT,
    original_digest TEXT NOT NULL,
    result_digest   TEXT NOT NULL,
    original_length BIGINT NOT NULL,
    result_length   BIGINT NOT NULL,
    case_number     TEXT,
    item            TEXT,
    placement       TEXT
);

-- Cache: answers kept for replays.
CREATE TABLE idempotency (
    id             TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version        BIGINT NOT NULL CHECK (version > 0),
    request_digest TEXT NOT NULL,
    response       BYTEA NOT NULL,
    expires        BIGINT NOT NULL
);
CREATE INDEX idempotency_expires ON idempotency (expires);

-- Cache: counters that every node polls, so that revocations and changed policies reach it within seconds.
CREATE TABLE generations (
    name  TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    value BIGINT NOT NULL
);

-- The log. Leaves verbatim; a leaf's hash is RFC 9162's of its body.
CREATE TABLE entries (
    leaf BIGINT PRIMARY KEY NOT NULL,
    body BYTEA NOT NULL
);

-- Personal detail of an entry, sealed under its own data key; erased when both are NULL.
CREATE TABLE details (
    leaf        BIGINT PRIMARY KEY NOT NULL REFERENCES entries (leaf),
    wrapped_key BYTEA,
    sealed      BYTEA
);

-- Full hash tiles (C2SP tlog-tiles): 256 hashes each.
CREATE TABLE tiles (
    level    BIGINT NOT NULL,
    position BIGINT NOT NULL,
    hashes   BYTEA NOT NULL CHECK (length(hashes) = 8192),
    PRIMARY KEY (level, position)
);

-- The head of the log: one row. compact_range as the tlog crate writes it.
CREATE TABLE head (
    id            BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    origin        TEXT NOT NULL,
    size          BIGINT NOT NULL,
    compact_range BYTEA NOT NULL,
    time          BIGINT NOT NULL,
    batch         TEXT NOT NULL,
    checkpoint    TEXT NOT NULL
);
