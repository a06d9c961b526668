//! ACME for platform servers: RFC 8555 with IP identifiers (RFC 8738), http-01, dns-01 and tls-alpn-01 (RFC 8737),
//! external account binding and renewal information (RFC 9773).
//!
//! A request walks [`http`] → `request` (signature, address, nonce, account) → `accounts`, `orders`, `challenges`,
//! `finalize` or `certificates` → `service` (permit, commit). Pure parts: `json`, [`jwk`] and [`jws`] read signed
//! requests, [`identifier`] what is ordered, [`state`] what follows from what, [`renewal`] when to renew, [`error`]
//! how clients are told. [`validation`] asks the world; [`keeper`] takes up what a node gave up; [`bindings`] is how
//! officers let platform servers in.
//!
//! Not here: what a certificate looks like (profiles), how it is issued ([`crate::certificates`]). Not offered:
//! newAuthz (pre-authorisation, RFC 8555 §7.4.1), which its absence from the directory says; alternate chains.

mod accounts;
pub mod bindings;
mod certificates;
mod challenges;
pub mod error;
mod finalize;
pub mod http;
pub mod identifier;
mod json;
pub mod jwk;
pub mod jws;
pub mod keeper;
pub mod nonce;
mod orders;
mod places;
mod records;
pub mod renewal;
mod request;
mod service;
pub mod state;
pub mod validation;

pub use records::order_of_certificate;
pub use service::Service;
