//! CMS SignedData (RFC 5652) as PAdES and RFC 3161 use it.
//!
//! `sign` makes the one form Cinnabar writes; `parse` reads what anyone wrote, `attributes` what its signer signed beside
//! the content, `verify` judges it over the original bytes, `timestamp` reads RFC 3161 tokens, `unsigned` adds them to a
//! finished signature, `certs_only` wraps certificates for enrolment.

pub mod attributes;
mod certs_only;
pub mod parse;
pub mod sign;
pub mod timestamp;
mod unsigned;
pub mod verify;

pub use attributes::SignedAttributes;
pub use certs_only::certs_only;
pub use parse::{CmsError, Limits, Message, SignedData, element_len};
pub use timestamp::{TimeStampToken, TstInfo};
pub use unsigned::{signature_time_stamp_len, with_signature_time_stamp};
pub use verify::{Fault, Integrity, Unverifiable, Verification};
