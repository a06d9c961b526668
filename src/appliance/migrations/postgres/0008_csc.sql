-- Remote signing (Cloud Signature Consortium API): signature activation data that was given out, by its hash.
CREATE TABLE csc_authorizations (
    id          TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version     BIGINT NOT NULL CHECK (version > 0),
    caller      TEXT NOT NULL REFERENCES callers (id),
    -- Fingerprint of the certificate that was shown: another one of the same caller does not do.
    certificate TEXT NOT NULL,
    seal        TEXT NOT NULL REFERENCES seals (id),
    hashes      TEXT NOT NULL,
    count       BIGINT NOT NULL CHECK (count > 0),
    created     BIGINT NOT NULL,
    expires     BIGINT NOT NULL,
    state       TEXT NOT NULL
);
