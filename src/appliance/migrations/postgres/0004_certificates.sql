-- Certificates get their organisation, who asked, the CRL shard they name, and what a hold needs. NULL where a row is
-- older: row digests leave NULL out.
ALTER TABLE certificates DROP CONSTRAINT certificates_state_check;
ALTER TABLE certificates ADD CONSTRAINT certificates_state_check CHECK (state IN ('good', 'held', 'revoked'));
ALTER TABLE certificates
    ADD COLUMN organisation TEXT REFERENCES organisations (id),
    ADD COLUMN requester    TEXT REFERENCES callers (id),
    ADD COLUMN key          TEXT,
    ADD COLUMN shard        BIGINT,
    ADD COLUMN invalid_from BIGINT,
    ADD COLUMN changed      BIGINT,
    ADD COLUMN replaces     TEXT,
    ADD COLUMN leaf         BIGINT;
DROP INDEX certificates_caller;
DROP INDEX certificates_serial;

CREATE UNIQUE INDEX certificates_serial ON certificates (issuer, serial);
-- The inventory is read in the order of expiry, whatever is asked for.
CREATE INDEX certificates_caller ON certificates (caller, not_after, id);
CREATE INDEX certificates_organisation ON certificates (organisation, not_after, id);
CREATE INDEX certificates_profile ON certificates (profile, not_after, id);
CREATE INDEX certificates_not_after ON certificates (not_after, id);
CREATE INDEX certificates_state ON certificates (state, not_after, id) WHERE state <> 'good';
CREATE INDEX certificates_key ON certificates (key, id);
-- Revoked and held ones are few: lists and caches read them alone.
CREATE INDEX certificates_not_good ON certificates (issuer, shard, changed) WHERE state <> 'good';
-- Caches of what is not good are kept current by what changed last; certificates that were always good have NULL.
CREATE INDEX certificates_changed ON certificates (changed) WHERE changed IS NOT NULL;

-- Cache: names to search certificates by, folded to lower case. `id` is CERTIFICATE:N.
CREATE TABLE certificate_names (
    id          TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version     BIGINT NOT NULL CHECK (version > 0),
    certificate TEXT COLLATE "C" NOT NULL,
    kind        TEXT NOT NULL,
    value       TEXT COLLATE "C" NOT NULL
);
CREATE INDEX certificate_names_value ON certificate_names (kind, value, certificate);

-- Certificates with a successor are not warned of.
CREATE INDEX certificates_replaces ON certificates (replaces) WHERE replaces IS NOT NULL;

-- Warnings given that a certificate runs out. `id` is CERTIFICATE:DAYS, so that a cluster gives each of them once.
CREATE TABLE expiry_warnings (
    id          TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version     BIGINT NOT NULL CHECK (version > 0),
    certificate TEXT COLLATE "C" NOT NULL REFERENCES certificates (id),
    days        BIGINT NOT NULL,
    time        BIGINT NOT NULL
);

-- What is about to be signed: entered before the signature, gone when the certificate is on record (decision 2).
-- `id` is ISSUER:SERIAL.
CREATE TABLE intents (
    id           TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version      BIGINT NOT NULL CHECK (version > 0),
    issuer       TEXT NOT NULL,
    serial       TEXT NOT NULL,
    profile      TEXT NOT NULL,
    subject      TEXT NOT NULL,
    tbs_digest   TEXT NOT NULL,
    caller       TEXT,
    organisation TEXT,
    created      BIGINT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('open', 'abandoned'))
);
CREATE INDEX intents_created ON intents (state, created);

-- Requests that await approvals by officers.
CREATE TABLE certificate_requests (
    id           TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version      BIGINT NOT NULL CHECK (version > 0),
    profile      TEXT NOT NULL,
    csr          BYTEA NOT NULL,
    wish         TEXT NOT NULL,
    caller       TEXT REFERENCES callers (id),
    organisation TEXT REFERENCES organisations (id),
    requester    TEXT NOT NULL REFERENCES callers (id),
    person       TEXT,
    needed       BIGINT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'issued', 'refused', 'cancelled', 'expired')),
    created      BIGINT NOT NULL,
    expires      BIGINT NOT NULL,
    certificate  TEXT REFERENCES certificates (id),
    reason       TEXT,
    leaf         BIGINT
);
CREATE INDEX certificate_requests_state ON certificate_requests (state, id);
CREATE INDEX certificate_requests_requester ON certificate_requests (requester, id);

-- One officer's word on a request. `id` is REQUEST:PERSON, so that a person has one.
CREATE TABLE certificate_approvals (
    id       TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version  BIGINT NOT NULL CHECK (version > 0),
    request  TEXT NOT NULL REFERENCES certificate_requests (id),
    officer  TEXT NOT NULL REFERENCES callers (id),
    person   TEXT NOT NULL,
    decision TEXT NOT NULL CHECK (decision IN ('approve', 'refuse')),
    time     BIGINT NOT NULL
);
CREATE INDEX certificate_approvals_request ON certificate_approvals (request);

-- One-time secrets for a first enrolment (RFC 7030 section 3.2.3). Only a hash is kept.
CREATE TABLE enrolment_secrets (
    id      TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    hash    TEXT NOT NULL,
    caller  TEXT NOT NULL REFERENCES callers (id),
    profile TEXT NOT NULL,
    issued  TEXT NOT NULL REFERENCES callers (id),
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    used_at BIGINT,
    state   TEXT NOT NULL CHECK (state IN ('open', 'used', 'withdrawn'))
);
CREATE INDEX enrolment_secrets_caller ON enrolment_secrets (caller);

-- The authorities and the delegated signers: which key and certificate serve a place of the hierarchy, and which did
-- before. `slot` is the label in the hierarchy; `id` names the generation (the first is the slot's own label).
-- `crosses` is the authority that signed a cross-certificate, `person` whoever proposed a pending one.
CREATE TABLE authorities (
    id          TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version     BIGINT NOT NULL CHECK (version > 0),
    slot        TEXT NOT NULL,
    role        TEXT NOT NULL,
    key_label   TEXT NOT NULL,
    certificate TEXT REFERENCES certificates (id),
    request     BYTEA,
    crosses     TEXT,
    state       TEXT NOT NULL CHECK (state IN ('pending', 'active', 'retiring', 'retired')),
    proposer    TEXT REFERENCES callers (id),
    person      TEXT,
    created     BIGINT NOT NULL,
    changed     BIGINT
);
CREATE INDEX authorities_slot ON authorities (slot, state);

-- Keys for external account binding (RFC 8555 section 7.3.4), sealed; what accounts under them may ask for.
CREATE TABLE acme_bindings (
    id           TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version      BIGINT NOT NULL CHECK (version > 0),
    sealed_key   BYTEA NOT NULL,
    caller       TEXT NOT NULL REFERENCES callers (id),
    organisation TEXT NOT NULL REFERENCES organisations (id),
    profile      TEXT NOT NULL,
    names        TEXT NOT NULL,
    created      BIGINT NOT NULL,
    expires      BIGINT,
    state        TEXT NOT NULL CHECK (state IN ('open', 'used', 'withdrawn'))
);

-- `id` is the account's number in its URL; `thumbprint` RFC 7638's of its key.
CREATE TABLE acme_accounts (
    id         TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    thumbprint TEXT NOT NULL UNIQUE,
    jwk        TEXT NOT NULL,
    contact    TEXT NOT NULL,
    binding    TEXT REFERENCES acme_bindings (id),
    created    BIGINT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('valid', 'deactivated', 'revoked'))
);

CREATE TABLE acme_orders (
    id             TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version        BIGINT NOT NULL CHECK (version > 0),
    account        TEXT NOT NULL REFERENCES acme_accounts (id),
    identifiers    TEXT NOT NULL,
    authorizations TEXT NOT NULL,
    not_before     BIGINT,
    not_after      BIGINT,
    replaces       TEXT,
    created        BIGINT NOT NULL,
    expires        BIGINT NOT NULL,
    certificate    TEXT REFERENCES certificates (id),
    error          TEXT,
    state          TEXT NOT NULL CHECK (state IN ('pending', 'ready', 'processing', 'valid', 'invalid')),
    csr            BYTEA,
    request        TEXT REFERENCES certificate_requests (id),
    due            BIGINT
);
CREATE INDEX acme_orders_account ON acme_orders (account, id);
CREATE INDEX acme_orders_replaces ON acme_orders (replaces);
CREATE INDEX acme_orders_certificate ON acme_orders (certificate);
CREATE INDEX acme_orders_request ON acme_orders (request) WHERE state = 'processing' AND request IS NOT NULL;
-- `due`: when any node may take up the work that is under way (also below).
CREATE INDEX acme_orders_due ON acme_orders (due) WHERE due IS NOT NULL;

-- An authorization with its challenges as JSON.
CREATE TABLE acme_authorizations (
    id         TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    account    TEXT NOT NULL REFERENCES acme_accounts (id),
    identifier TEXT NOT NULL,
    wildcard   BIGINT NOT NULL,
    challenges TEXT NOT NULL,
    created    BIGINT NOT NULL,
    expires    BIGINT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('pending', 'valid', 'invalid', 'deactivated', 'expired', 'revoked')),
    due        BIGINT
);
CREATE INDEX acme_authorizations_account ON acme_authorizations (account, identifier, state);
CREATE INDEX acme_authorizations_due ON acme_authorizations (due) WHERE due IS NOT NULL;

-- Cache: nonces that were used (RFC 8555 section 6.5).
CREATE TABLE acme_nonces (
    id      TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    expires BIGINT NOT NULL
);
CREATE INDEX acme_nonces_expires ON acme_nonces (expires);

-- Cache: the newest revocation lists, so that every node serves the same ones. `id` is ISSUER:SHARD:full or :delta;
-- `base` is the number of the full list that a delta adds to.
CREATE TABLE crls (
    id          TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version     BIGINT NOT NULL CHECK (version > 0),
    number      BIGINT NOT NULL,
    base        BIGINT,
    this_update BIGINT NOT NULL,
    next_update BIGINT NOT NULL,
    revision    BIGINT NOT NULL,
    der         BYTEA NOT NULL
);
