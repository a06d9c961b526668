-- Each batch in a row of its own: after an unknown outcome of COMMIT, a node finds its batch again even when other
-- nodes have committed since (the head row only named the newest).

CREATE TABLE batches (
    id         TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    size       BIGINT NOT NULL,
    time       BIGINT NOT NULL
);

INSERT INTO batches (id, size, time) SELECT batch, size, time FROM head WHERE batch <> '';
ALTER TABLE head DROP COLUMN batch;

-- A serial number is an issuer's once (RFC 5280, section 4.1.2.2).
CREATE UNIQUE INDEX certificates_serial ON certificates (issuer, serial);

-- The leaf's hash beside its body, so that an audit names an altered entry that no full tile covers yet. Entries from
-- before have none.
ALTER TABLE entries ADD COLUMN hash BYTEA;
