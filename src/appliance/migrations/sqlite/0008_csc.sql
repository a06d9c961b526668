-- Remote signing (Cloud Signature Consortium API): signature activation data that was given out, by its hash.
CREATE TABLE csc_authorizations (
    id          TEXT PRIMARY KEY NOT NULL,
    version     INTEGER NOT NULL CHECK (version > 0),
    caller      TEXT NOT NULL REFERENCES callers (id),
    -- Fingerprint of the certificate that was shown: another one of the same caller does not do.
    certificate TEXT NOT NULL,
    seal        TEXT NOT NULL REFERENCES seals (id),
    hashes      TEXT NOT NULL,
    count       INTEGER NOT NULL CHECK (count > 0),
    created     INTEGER NOT NULL,
    expires     INTEGER NOT NULL,
    state       TEXT NOT NULL
) STRICT;
