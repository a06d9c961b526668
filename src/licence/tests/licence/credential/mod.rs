//! Credentials, symbols, lists and signed documents, between an issuer and a verifier who meet only here.

mod documents;
mod judges;
mod qr;
mod sd_jwt;
mod status_list;
mod world;
