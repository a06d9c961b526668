//! ACME for platform servers: RFC 8555 with IP identifiers (RFC 8738), http-01, dns-01 and tls-alpn-01 (RFC 8737),
//! external account binding and renewal information (RFC 9773).
//!
//! Pure parts first: [`json`], [`jwk`] and [`jws`] read signed requests, [`identifier`] what is ordered, [`state`]
//! what follows from what, [`renewal`] when to renew, [`error`] how clients are told. Not offered: newAuthz
//! (pre-authorisation, RFC 8555 §7.4.1), which its absence from the directory says.

pub mod error;
pub mod identifier;
mod json;
pub mod jwk;
pub mod jws;
pub mod nonce;
pub mod renewal;
pub mod state;
