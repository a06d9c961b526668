//! Why a ceremony stopped.

use custody::CustodyError;

use super::certify::CertifyError;
use super::hierarchy::HierarchyError;
use super::layout::LayoutError;
use super::register::RegisterError;
use crate::config::ConfigError;
use crate::keepers::KeepersError;

/// Why a ceremony stopped. What it made until then stays in the folder, which is to be removed.
#[derive(Debug, thiserror::Error)]
pub enum CeremonyError {
    /// The organisation's name does not fit into certificates.
    #[error("the organisation's name has {0} characters; certificates take 1 to 36")]
    Organisation(usize),
    /// A name that the hierarchy makes of the organisation's does not fit into certificates.
    #[error("`{0}` has more than 64 characters; shorten the organisation's name, or `name` in the hierarchy")]
    Name(String),
    /// Nobody vouches for the clock, and keys and certificates are dated by it.
    #[error(
        "the clock is not trusted: {0}; let the machine synchronise its clock (systemd-timesyncd or chrony), or \
         take it as right with --assume-clock"
    )]
    Clock(String),
    /// The hierarchy does not load.
    #[error(transparent)]
    Hierarchy(#[from] HierarchyError),
    /// The folder cannot be filled.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The keystore refused.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// The keystore could not be made.
    #[error(transparent)]
    Keystore(#[from] custody::KeystoreError),
    /// The credential cannot be written.
    #[error(transparent)]
    Credential(#[from] custody::FileError),
    /// A certificate was not made.
    #[error(transparent)]
    Certify(#[from] CertifyError),
    /// A key outside of the keystore was not made.
    #[error("cannot make a key: {0}")]
    Key(#[from] crypto::KeyError),
    /// The configuration contradicts itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The configuration cannot be written.
    #[error("cannot write the configuration: {0}")]
    Toml(#[from] toml::ser::Error),
    /// The database or the log refused.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The token for the keys cannot be named or used.
    #[error(transparent)]
    Keepers(#[from] KeepersError),
    /// The token does not answer.
    #[error("{0}")]
    Token(String),
    /// An authority that the hierarchy promised is missing.
    #[error("the hierarchy has no authority for {0} certificates")]
    NoAuthority(&'static str),
    /// A request for a certificate from elsewhere was not made.
    #[error(transparent)]
    Sign(#[from] crypto::SignError),
    /// What was made does not read.
    #[error("a certification request does not read back: {0}")]
    Request(pki::request::RequestError),
    /// The system gives no random octets.
    #[error("the system's random source failed")]
    Random,
}
