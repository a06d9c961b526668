-- Mutual recognition: the trust lists of other regions.
SELECT 1;
