-- Who may use which seal for what, approvals bound to documents, records of use.

-- One rule of one seal: `terms` is JSON (who, what, from when to when, how often, under whose approval).
CREATE TABLE seal_rules (
    id      TEXT PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    seal    TEXT NOT NULL REFERENCES seals (id),
    name    TEXT NOT NULL,
    terms   TEXT NOT NULL,
    state   TEXT NOT NULL CHECK (state IN ('active', 'retired')),
    officer TEXT NOT NULL REFERENCES callers (id),
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    -- Of the newest entry about it; filled in by the journal (also below).
    leaf    INTEGER
) STRICT;
CREATE INDEX seal_rules_seal ON seal_rules (seal, id);

-- How often a rule was used, where it says how often it may be: in all, and since `start` (microseconds), the beginning
-- of the minute, hour, day or month that is counted. `id` is the rule's. The version holds n+1 uses at once to n.
CREATE TABLE seal_rule_counters (
    id      TEXT PRIMARY KEY NOT NULL REFERENCES seal_rules (id),
    version INTEGER NOT NULL CHECK (version > 0),
    total   INTEGER NOT NULL,
    start   INTEGER NOT NULL,
    since   INTEGER NOT NULL
) STRICT;

-- An officer named in a rule lets another decide in their place until `until`.
CREATE TABLE seal_delegations (
    id              TEXT PRIMARY KEY NOT NULL,
    version         INTEGER NOT NULL CHECK (version > 0),
    rule            TEXT NOT NULL REFERENCES seal_rules (id),
    officer         TEXT NOT NULL REFERENCES callers (id),
    person          TEXT NOT NULL,
    delegate        TEXT NOT NULL REFERENCES callers (id),
    delegate_person TEXT NOT NULL,
    until           INTEGER NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('active', 'revoked')),
    created         INTEGER NOT NULL,
    leaf            INTEGER
) STRICT;
CREATE INDEX seal_delegations_rule ON seal_delegations (rule, id);

-- A request that officers approve one use of one seal by one caller on one document, by its SHA-256.
CREATE TABLE seal_use_requests (
    id              TEXT PRIMARY KEY NOT NULL,
    version         INTEGER NOT NULL CHECK (version > 0),
    rule            TEXT NOT NULL REFERENCES seal_rules (id),
    seal            TEXT NOT NULL REFERENCES seals (id),
    organisation    TEXT NOT NULL,
    caller          TEXT NOT NULL REFERENCES callers (id),
    person          TEXT,
    document_digest TEXT NOT NULL,
    document_kind   TEXT,
    item            TEXT,
    case_number     TEXT,
    state           TEXT NOT NULL CHECK (state IN ('open', 'refused', 'withdrawn', 'used')),
    created         INTEGER NOT NULL,
    expires         INTEGER NOT NULL,
    -- The record of the use that consumed it.
    seal_use        TEXT,
    leaf            INTEGER
) STRICT;
CREATE INDEX seal_use_requests_document ON seal_use_requests (seal, document_digest);
CREATE INDEX seal_use_requests_state ON seal_use_requests (state, id);

-- What was said about a request: `id` is REQUEST:PERSON, so that a person speaks once, or REQUEST::asked for its first
-- entry. `seat` is the officer of the rule for whom the word counts, and each counts once. Purpose, operator and reasons
-- may name people: they stand in the side record of the entry `leaf`, where they can be erased.
CREATE TABLE seal_use_words (
    id         TEXT PRIMARY KEY NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    request    TEXT NOT NULL REFERENCES seal_use_requests (id),
    caller     TEXT NOT NULL REFERENCES callers (id),
    person     TEXT,
    word       TEXT NOT NULL CHECK (word IN ('ask', 'approve', 'refuse')),
    seat       TEXT REFERENCES callers (id),
    delegation TEXT REFERENCES seal_delegations (id),
    time       INTEGER NOT NULL,
    leaf       INTEGER
) STRICT;
CREATE UNIQUE INDEX seal_use_words_seat ON seal_use_words (request, seat) WHERE seat IS NOT NULL;
CREATE INDEX seal_use_words_request ON seal_use_words (request, id);

-- Records of use are searched, and say more. NULL in older rows: row digests leave NULL out.
ALTER TABLE seal_uses ADD COLUMN organisation TEXT;
-- SHA-256 of the document as it came, where that is not `original_digest` (a further seal of the same act).
ALTER TABLE seal_uses ADD COLUMN document_digest TEXT;
ALTER TABLE seal_uses ADD COLUMN document_kind TEXT;
ALTER TABLE seal_uses ADD COLUMN page INTEGER;
-- `ses` and the like; NULL for a CMS in a PDF.
ALTER TABLE seal_uses ADD COLUMN format TEXT;
ALTER TABLE seal_uses ADD COLUMN rule TEXT;
ALTER TABLE seal_uses ADD COLUMN approval TEXT;
-- Identifiers are UUIDs of version 7, in the order of their time, so that every list is in that order.
CREATE INDEX seal_uses_seal ON seal_uses (seal, id);
CREATE INDEX seal_uses_caller ON seal_uses (caller, id);
CREATE INDEX seal_uses_organisation ON seal_uses (organisation, id);
CREATE INDEX seal_uses_item ON seal_uses (item, id) WHERE item IS NOT NULL;
CREATE INDEX seal_uses_case_number ON seal_uses (case_number, id) WHERE case_number IS NOT NULL;
CREATE INDEX seal_uses_rule ON seal_uses (rule, id) WHERE rule IS NOT NULL;
-- Digests come in no order, and an index of whole ones costs each use twice as much as one of their beginnings.
CREATE INDEX seal_uses_original ON seal_uses (substr(original_digest, 1, 8));
CREATE INDEX seal_uses_document ON seal_uses (document_digest) WHERE document_digest IS NOT NULL;
CREATE INDEX seal_uses_result ON seal_uses (substr(result_digest, 1, 8));
