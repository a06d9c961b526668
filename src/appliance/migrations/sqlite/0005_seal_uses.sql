-- A seal may be used without the document coming along (two-phase): then only its digest is known, and what becomes of
-- it is not. NULL where a row is older or of the ordinary kind: row digests leave NULL out.
ALTER TABLE seal_uses ADD COLUMN kind TEXT;
-- The level asked for (EN 319 142-1), where it is above B-B.
ALTER TABLE seal_uses ADD COLUMN level TEXT;
-- Of a two-phase use: the digest that was signed, hexadecimal.
ALTER TABLE seal_uses ADD COLUMN signed_digest TEXT;
