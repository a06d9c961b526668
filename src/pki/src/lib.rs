//! Certificates, CRLs, CMS and path validation. Pure computation: time and randomness are parameters.
//!
//! Responsible for every PKI structure Cinnabar reads or writes. Not for keys (`crypto`, `custody`), for fetching
//! anything, or for deciding what a verdict means to a caller. Called by `pdf`, `custody` and the appliance.
//!
//! Everything that comes from outside is read as slices of the original bytes, bounded, and never re-encoded before
//! a signature over it is checked.

mod asn1;
pub mod certificate;
pub mod cms;
pub mod crl;
pub mod csrattrs;
mod extensions;
pub mod indication;
pub mod issue;
pub mod key;
pub mod material;
mod name;
pub mod ocsp;
mod oids;
pub mod path;
pub mod pem;
pub mod profile;
pub mod request;
mod time;
pub mod tsp;
pub mod validation;

pub use asn1::Asn1Error;
pub use certificate::{Certificate, CertificateError, SignatureError};
pub use crl::{Crl, CrlBuilder, Reason, Revoked};
pub use extensions::{BasicConstraints, GeneralName, KeyUsage, NameConstraints};
pub use indication::{Indication, SubIndication};
pub use name::{Name, Subject, ValueFault};
