-- The life of a seal: applications, versions, numbers, attached documents. NULL where a seal is older: row digests leave
-- NULL out.
ALTER TABLE seals ADD COLUMN code TEXT;
ALTER TABLE seals ADD COLUMN kind BIGINT;
ALTER TABLE seals ADD COLUMN level TEXT;
ALTER TABLE seals ADD COLUMN holder_kind TEXT;
-- The credit code of an organisation; of a person only a keyed hash and the encrypted number are kept.
ALTER TABLE seals ADD COLUMN holder_number TEXT;
ALTER TABLE seals ADD COLUMN holder_number_hash TEXT;
ALTER TABLE seals ADD COLUMN holder_sealed BYTEA;
ALTER TABLE seals ADD COLUMN suite TEXT;
ALTER TABLE seals ADD COLUMN number BIGINT;
ALTER TABLE seals ADD COLUMN filing TEXT;
ALTER TABLE seals ADD COLUMN valid_from BIGINT;
ALTER TABLE seals ADD COLUMN valid_to BIGINT;
-- 1 where rules of use bind the seal.
ALTER TABLE seals ADD COLUMN governed BIGINT;
ALTER TABLE seals ADD COLUMN updated BIGINT;
-- Why it is suspended: a word.
ALTER TABLE seals ADD COLUMN ground TEXT;
-- A code is one seal's for ever.
CREATE UNIQUE INDEX seals_code ON seals (code) WHERE code IS NOT NULL;
CREATE INDEX seals_organisation ON seals (organisation, id);
CREATE INDEX seals_certificate ON seals (certificate);

-- What somebody applied for, who approved it and who carried it out. Persons are compared, not certificates.
CREATE TABLE seal_applications (
    id                 TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version            BIGINT NOT NULL CHECK (version > 0),
    operation          TEXT NOT NULL CHECK (operation IN ('make', 'change', 'renew', 'remake', 'cancel')),
    seal               TEXT NOT NULL,
    organisation       TEXT NOT NULL REFERENCES organisations (id),
    state              TEXT NOT NULL CHECK (state IN ('applied', 'approved', 'refused', 'withdrawn', 'done', 'failed')),
    -- The order, JSON.
    wanted             TEXT NOT NULL,
    picture            BYTEA,
    holder_number_hash TEXT,
    holder_sealed      BYTEA,
    applicant          TEXT NOT NULL REFERENCES callers (id),
    applicant_person   TEXT NOT NULL,
    approver           TEXT REFERENCES callers (id),
    approver_person    TEXT,
    maker              TEXT REFERENCES callers (id),
    maker_person       TEXT,
    -- Why it was refused, withdrawn or failed.
    reason             TEXT,
    created            BIGINT NOT NULL,
    decided            BIGINT,
    carried_out        BIGINT,
    -- The version of the seal that came of it.
    made               TEXT,
    -- Idempotency: a digest of caller and key, and of what was asked under it.
    request_key        TEXT,
    request_digest     TEXT
);
-- One at a time: nobody decides on a seal that another application is about to change.
CREATE UNIQUE INDEX seal_applications_open ON seal_applications (seal) WHERE state IN ('applied', 'approved');
CREATE UNIQUE INDEX seal_applications_request ON seal_applications (request_key) WHERE request_key IS NOT NULL;
CREATE INDEX seal_applications_state ON seal_applications (state, id);
CREATE INDEX seal_applications_seal ON seal_applications (seal, id);
CREATE INDEX seal_applications_organisation ON seal_applications (organisation, id);

-- Each making of a seal. `id` is SEAL.NUMBER.
CREATE TABLE seal_versions (
    id           TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version      BIGINT NOT NULL CHECK (version > 0),
    seal         TEXT NOT NULL REFERENCES seals (id),
    number       BIGINT NOT NULL CHECK (number > 0),
    name         TEXT NOT NULL,
    picture      BYTEA NOT NULL,
    picture_type TEXT NOT NULL,
    -- What stands in the seal structure, where the picture is not a PNG itself.
    png          BYTEA,
    width_um     BIGINT NOT NULL,
    height_um    BIGINT NOT NULL,
    certificate  TEXT NOT NULL REFERENCES certificates (id),
    key_label    TEXT NOT NULL,
    suite        TEXT NOT NULL,
    -- The SESeal (GB/T 38540) and its hexadecimal SHA-256.
    eseal        BYTEA,
    eseal_digest TEXT,
    valid_from   BIGINT NOT NULL,
    valid_to     BIGINT NOT NULL,
    filing       TEXT,
    application  TEXT REFERENCES seal_applications (id),
    state        TEXT NOT NULL CHECK (state IN ('active', 'superseded', 'cancelled')),
    made_at      BIGINT NOT NULL,
    ended_at     BIGINT
);
CREATE UNIQUE INDEX seal_versions_number ON seal_versions (seal, number);
CREATE INDEX seal_versions_certificate ON seal_versions (certificate);
CREATE INDEX seal_versions_eseal ON seal_versions (eseal_digest);

-- What was handed in with an application, encrypted; its digest stands in the log.
CREATE TABLE seal_documents (
    id          TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version     BIGINT NOT NULL CHECK (version > 0),
    application TEXT NOT NULL REFERENCES seal_applications (id),
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    media_type  TEXT NOT NULL,
    length      BIGINT NOT NULL,
    sha256      TEXT NOT NULL,
    sealed      BYTEA NOT NULL,
    caller      TEXT NOT NULL REFERENCES callers (id),
    added       BIGINT NOT NULL
);
CREATE INDEX seal_documents_application ON seal_documents (application, id);

-- Running numbers that never repeat: of seal codes by administrative division, of filings by year.
CREATE TABLE seal_numbers (
    id      TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    next    BIGINT NOT NULL CHECK (next > 0)
);

-- When a seal was out of use, so that it can be told how things stood when a document was sealed.
CREATE TABLE seal_pauses (
    id      TEXT PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    seal    TEXT NOT NULL REFERENCES seals (id),
    ground  TEXT,
    since   BIGINT NOT NULL,
    ended   BIGINT
);
CREATE INDEX seal_pauses_seal ON seal_pauses (seal, since);
