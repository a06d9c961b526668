//! Certificates: asked for, issued, found again.
//!
//! Responsible for the order in which a certificate comes to be — asked for, profile applied, linted, recorded, signed,
//! recorded — for approvals, for renewal and for the inventory. Not for what a certificate looks like (`pki` and the
//! profiles in `policies/certificates`), nor for revocation and its lists (`status`). Every way in goes through
//! [`ask`]: REST here, EST and ACME in their own modules; what the appliance makes for itself calls [`intend`] and
//! joins the rest to its own act.

mod answer;
mod error;
pub mod expiry;
mod filter;
mod holder;
pub mod http;
mod issue;
pub mod keeper;
pub mod model;
pub mod names;
mod order;
pub mod records;
mod request;
mod request_http;
mod search;
mod service;
mod wish;

pub use error::CertificateError;
pub use filter::Search;
pub use holder::{Asked, Holder, key_hash};
pub use http::routes;
pub use issue::{Intended, Issued, Signed, chain_of, intend, issue, on_record};
pub use order::Order;
pub use pki::profile::Way;
pub use request::{Approved, Entered, Outcome, Pending, approve, ask, cancel, digest, refuse};
pub use search::{Found, inventory};
pub use service::Renewable;
pub use wish::{Term, read, wish};
