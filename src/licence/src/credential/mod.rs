//! What proves a licence without asking for its record: SD-JWT credentials, QR symbols, token status lists, and published
//! documents that are signed as a whole.
//!
//! All are signed with ES256 by P-256 keys, in every suite: JOSE and COSE have no SM2. Readers are strict and bounded: one
//! algorithm, one form of base64url, no JSON member twice, nothing inflated beyond a cap, no key taken from what is to be
//! verified without a path to an anchor. Time, salts and keys are handed in. Called by the appliance's `licences` and by anyone
//! who verifies what it issued.

mod cose;
pub mod issuer;
mod json;
pub mod jwk;
pub mod jws;
pub mod qr;
pub mod sd_jwt;
pub mod signed;
pub mod status_list;
pub mod trust;

pub use issuer::{Issuer, IssuerError};
pub use jwk::Jwk;
pub use trust::{Trust, Untrusted};

/// Where a token status list says how a licence stands: the list's address and the place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReference {
    /// Address of the list, which is its subject.
    pub uri: String,
    /// Place in the list.
    pub index: u32,
}
