//! Remote signing in the protocol of the Cloud Signature Consortium, so that its clients work unchanged.
//!
//! A *credential* is a seal. `/csc/v2/…` speaks version 2 of the API, `/csc/v1/…` the older names that most clients still
//! use; all of it is POST. Service authorisation is the mutual TLS that every caller of the platform API shows;
//! `credentials/authorize` then gives out *signature activation data* (SAD), bound to the caller's certificate, the
//! seal, the exact hashes and their number, good once and for a few minutes (sole control level 2, EN 419 241-1).
//!
//! `signatures/signHash` is the only place where a key signs a value that somebody else hashed (decision 16): the seal
//! must have been made for it, policies must permit it, and the record says that nobody here saw what was signed.
//! `signatures/signDoc` seals documents as `/v1/documents/seal` does, and digests as `/v1/documents/sign-digest`.
//!
//! Calls `seals`, `documents`, `journal`; knows no cryptography.

mod activation;
mod authorize;
mod body;
mod credentials;
mod error;
mod http;
mod info;
mod records;
mod sign_doc;
mod sign_hash;

pub use http::routes;
