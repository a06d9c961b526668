//! The verifiable log: RFC 9162 tree, checkpoints, proofs, tiles, receipts. Pure computation.
