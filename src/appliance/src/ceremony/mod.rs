//! The key ceremony: an empty folder becomes an appliance.
//!
//! Makes the keystore and every key of the hierarchy, the certificates, the server's TLS key, the first
//! operator's and officers' credentials, the database and the log, and enters all of it in the log. Called
//! by `cinnabar init` once; what happens later to keys and people goes through the service.

mod certify;
mod configuration;
mod error;
mod hierarchy;
mod layout;
mod offline;
mod perform;
mod register;
#[cfg(test)]
mod tests;

pub use certify::{Authority, CertifyError, Terms, Wanted, certify};
pub use error::CeremonyError;
pub use hierarchy::{
    CustodyKind, DEFAULT as DEFAULT_HIERARCHY, Hierarchy, HierarchyError, Key, Kind, Role, default_in_token,
    with_root_offline,
};
pub use layout::{Layout, LayoutError, Secrecy, write_new};
pub use perform::{Done, Plan, UnlockPlan, perform};
pub use register::{NewCertificate, OWN_ORGANISATION, Person, RegisterError};
