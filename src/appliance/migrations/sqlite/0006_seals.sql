-- The life of a seal: applications, versions, numbers, attached documents. NULL where a seal is older: row digests leave
-- NULL out.
ALTER TABLE seals ADD COLUMN code TEXT;
ALTER TABLE seals ADD COLUMN kind INTEGER;
ALTER TABLE seals ADD COLUMN level TEXT;
ALTER TABLE seals ADD COLUMN holder_kind TEXT;
-- The credit code of an organisation; of a person only a keyed hash and the encrypted number are kept.
ALTER TABLE seals ADD COLUMN holder_number TEXT;
ALTER TABLE seals ADD COLUMN holder_number_hash TEXT;
ALTER TABLE seals ADD COLUMN holder_sealed BLOB;
ALTER TABLE seals ADD COLUMN suite TEXT;
ALTER TABLE seals ADD COLUMN number INTEGER;
ALTER TABLE seals ADD COLUMN filing TEXT;
ALTER TABLE seals ADD COLUMN valid_from INTEGER;
ALTER TABLE seals ADD COLUMN valid_to INTEGER;
-- 1 where rules of use bind the seal.
ALTER TABLE seals ADD COLUMN governed INTEGER;
ALTER TABLE seals ADD COLUMN updated INTEGER;
-- Why it is suspended: a word.
ALTER TABLE seals ADD COLUMN ground TEXT;
-- A code is one seal's for ever.
CREATE UNIQUE INDEX seals_code ON seals (code) WHERE code IS NOT NULL;
CREATE INDEX seals_organisation ON seals (organisation, id);
CREATE INDEX seals_certificate ON seals (certificate);

-- What somebody applied for, who approved it and who carried it out. Persons are compared, not certificates.
CREATE TABLE seal_applications (
    id                 TEXT PRIMARY KEY NOT NULL,
    version            INTEGER NOT NULL CHECK (version > 0),
    operation          TEXT NOT NULL CHECK (operation IN ('make', 'change', 'renew', 'remake', 'cancel')),
    seal               TEXT NOT NULL,
    organisation       TEXT NOT NULL REFERENCES organisations (id),
    state              TEXT NOT NULL CHECK (state IN ('applied', 'approved', 'refused', 'withdrawn', 'done', 'failed')),
    -- The order, JSON.
    wanted             TEXT NOT NULL,
    picture            BLOB,
    holder_number_hash TEXT,
    holder_sealed      BLOB,
    applicant          TEXT NOT NULL REFERENCES callers (id),
    applicant_person   TEXT NOT NULL,
    approver           TEXT REFERENCES callers (id),
    approver_person    TEXT,
    maker              TEXT REFERENCES callers (id),
    maker_person       TEXT,
    -- Why it was refused, withdrawn or failed.
    reason             TEXT,
    created            INTEGER NOT NULL,
    decided            INTEGER,
    carried_out        INTEGER,
    -- The version of the seal that came of it.
    made               TEXT,
    -- Idempotency: a digest of caller and key, and of what was asked under it.
    request_key        TEXT,
    request_digest     TEXT
) STRICT;
-- One at a time: nobody decides on a seal that another application is about to change.
CREATE UNIQUE INDEX seal_applications_open ON seal_applications (seal) WHERE state IN ('applied', 'approved');
CREATE UNIQUE INDEX seal_applications_request ON seal_applications (request_key) WHERE request_key IS NOT NULL;
CREATE INDEX seal_applications_state ON seal_applications (state, id);
CREATE INDEX seal_applications_seal ON seal_applications (seal, id);
CREATE INDEX seal_applications_organisation ON seal_applications (organisation, id);

-- Each making of a seal. `id` is SEAL.NUMBER.
CREATE TABLE seal_versions (
    id           TEXT PRIMARY KEY NOT NULL,
    version      INTEGER NOT NULL CHECK (version > 0),
    seal         TEXT NOT NULL REFERENCES seals (id),
    number       INTEGER NOT NULL CHECK (number > 0),
    name         TEXT NOT NULL,
    picture      BLOB NOT NULL,
    picture_type TEXT NOT NULL,
    -- What stands in the seal structure, where the picture is not a PNG itself.
    png          BLOB,
    width_um     INTEGER NOT NULL,
    height_um    INTEGER NOT NULL,
    certificate  TEXT NOT NULL REFERENCES certificates (id),
    key_label    TEXT NOT NULL,
    suite        TEXT NOT NULL,
    -- The SESeal (GB/T 38540) and its hexadecimal SHA-256.
    eseal        BLOB,
    eseal_digest TEXT,
    valid_from   INTEGER NOT NULL,
    valid_to     INTEGER NOT NULL,
    filing       TEXT,
    application  TEXT REFERENCES seal_applications (id),
    state        TEXT NOT NULL CHECK (state IN ('active', 'superseded', 'cancelled')),
    made_at      INTEGER NOT NULL,
    ended_at     INTEGER
) STRICT;
CREATE UNIQUE INDEX seal_versions_number ON seal_versions (seal, number);
CREATE INDEX seal_versions_certificate ON seal_versions (certificate);
CREATE INDEX seal_versions_eseal ON seal_versions (eseal_digest);

-- What was handed in with an application, encrypted; its digest stands in the log.
CREATE TABLE seal_documents (
    id          TEXT PRIMARY KEY NOT NULL,
    version     INTEGER NOT NULL CHECK (version > 0),
    application TEXT NOT NULL REFERENCES seal_applications (id),
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    media_type  TEXT NOT NULL,
    length      INTEGER NOT NULL,
    sha256      TEXT NOT NULL,
    sealed      BLOB NOT NULL,
    caller      TEXT NOT NULL REFERENCES callers (id),
    added       INTEGER NOT NULL
) STRICT;
CREATE INDEX seal_documents_application ON seal_documents (application, id);

-- Running numbers that never repeat: of seal codes by administrative division, of filings by year.
CREATE TABLE seal_numbers (
    id      TEXT PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    next    INTEGER NOT NULL CHECK (next > 0)
) STRICT;

-- When a seal was out of use, so that it can be told how things stood when a document was sealed.
CREATE TABLE seal_pauses (
    id      TEXT PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    seal    TEXT NOT NULL REFERENCES seals (id),
    ground  TEXT,
    since   INTEGER NOT NULL,
    ended   INTEGER
) STRICT;
CREATE INDEX seal_pauses_seal ON seal_pauses (seal, since);
