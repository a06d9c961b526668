-- Mutual recognition: the trust lists of other regions.

-- A list as it came, signed. At most one number of each list is in force.
CREATE TABLE trust_lists (
    id              TEXT COLLATE "C" PRIMARY KEY,
    version         BIGINT NOT NULL CHECK (version > 0),
    -- The list's name, and its number.
    list            TEXT NOT NULL,
    number          BIGINT NOT NULL CHECK (number > 0),
    state           TEXT NOT NULL CHECK (state IN ('review', 'active', 'superseded', 'withdrawn', 'refused')),
    -- URI of who issued it, and hexadecimal SHA-256 of the certificate that signed it.
    issuer          TEXT NOT NULL,
    signer          TEXT NOT NULL,
    -- The compact JWS, and its hexadecimal SHA-256.
    token           TEXT NOT NULL,
    digest          TEXT NOT NULL,
    -- Where it was fetched; NULL where it was sent.
    source          TEXT,
    regions         BIGINT NOT NULL,
    -- Unix seconds.
    next_update     BIGINT NOT NULL,
    importer        TEXT NOT NULL REFERENCES callers (id),
    importer_person TEXT NOT NULL,
    reviewer        TEXT REFERENCES callers (id),
    reviewer_person TEXT,
    reason          TEXT,
    -- Microseconds.
    created         BIGINT NOT NULL,
    decided         BIGINT,
    ended           BIGINT
);
CREATE UNIQUE INDEX trust_lists_active ON trust_lists (list) WHERE state = 'active';
CREATE INDEX trust_lists_list ON trust_lists (list, number);
CREATE INDEX trust_lists_state ON trust_lists (state, id);
