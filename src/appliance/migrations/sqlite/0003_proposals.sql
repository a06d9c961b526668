-- What one officer proposed and another must approve: `person` is the proposer's registered person, `roles` all
-- roles that the caller is to have, `key` the hexadecimal SHA-256 of the only key (SubjectPublicKeyInfo) that a new
-- person's first certificate is issued for.
CREATE TABLE proposals (
    id       TEXT PRIMARY KEY NOT NULL,
    version  INTEGER NOT NULL CHECK (version > 0),
    caller   TEXT NOT NULL REFERENCES callers (id),
    proposer TEXT NOT NULL REFERENCES callers (id),
    person   TEXT NOT NULL,
    roles    TEXT NOT NULL,
    state    TEXT NOT NULL CHECK (state IN ('open', 'approved')),
    created  INTEGER NOT NULL,
    approver TEXT REFERENCES callers (id),
    key      TEXT
) STRICT;
