//! Cryptographic suites, digests, keys and the Signer trait. No certificates, no I/O.
