//! Who is calling: from a peer certificate to a registered [`Caller`].
//!
//! The TLS verifier (in `server`) proves possession of a key under a chain to one of our client
//! authorities; this module says whom that names: exactly one URI, an authority allowed for that kind of
//! caller, client authentication among the usages, and an active registration (decision 12). It decides
//! nothing about what a caller may do (that is `policy`) and changes nothing (that is `callers`). The
//! registry is a snapshot refreshed within a second of any change; when the database has not answered for
//! five seconds, nobody is identified (decision 14).

mod peer;
pub mod records;
mod registry;
mod standing;

use std::sync::{Arc, OnceLock};

pub use peer::{ClientAuthorities, ClientAuthority, Peer, PeerError, serial_hex};
pub use registry::{IdentifyError, Identity, PATIENCE, Registration, Snapshot};
pub use standing::{Fallen, Standing};

/// What a caller is. The certificate's authority limits it, the registration states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CallerKind {
    /// A system of a bureau: an approval system, a portal.
    Machine,
    /// A security officer or auditor, a natural person.
    Officer,
    /// A natural person who keeps the appliance running.
    Operator,
    /// The appliance itself: background work under a name. Never has a certificate.
    System,
}

impl CallerKind {
    /// The word used in the store, in entries and in policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Officer => "officer",
            Self::Operator => "operator",
            Self::System => "system",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Machine, Self::Officer, Self::Operator, Self::System]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// What a caller has been entrusted with. The same list stands in the authorization schema.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Seals documents with the seals of its organisation.
    Sealer,
    /// Issues, changes and ends licences of its organisation.
    Licensor,
    /// Shows licences for the holders whom it has identified.
    HolderPlatform,
    /// Verifies documents and licences.
    Verifier,
    /// Reads and verifies the record.
    Auditor,
    /// Registers callers, revokes certificates, keeps seals.
    SecurityOfficer,
    /// Keeps the appliance running.
    Operator,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 7] = [
        Self::Sealer,
        Self::Licensor,
        Self::HolderPlatform,
        Self::Verifier,
        Self::Auditor,
        Self::SecurityOfficer,
        Self::Operator,
    ];

    /// The word used in the store, in entries and in policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sealer => "sealer",
            Self::Licensor => "licensor",
            Self::HolderPlatform => "holder-platform",
            Self::Verifier => "verifier",
            Self::Auditor => "auditor",
            Self::SecurityOfficer => "security-officer",
            Self::Operator => "operator",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// A registered caller, as it stood when its registration was last read.
#[derive(Debug)]
pub struct Caller {
    /// Identifier of the registration.
    pub id: String,
    /// What it is.
    pub kind: CallerKind,
    /// The organisation it acts for.
    pub organisation: String,
    /// What it has been entrusted with.
    pub roles: Vec<Role>,
    /// The registered natural person; four-eyes rules compare persons (decision 12). None for machines.
    pub person: Option<String>,
    /// SHA-256 fingerprint of the certificate it showed, lower-case hex; empty for system callers.
    pub fingerprint: String,
    /// Serial of that certificate, lower-case hex; empty for system callers.
    pub serial: String,
    /// The caller as the policies see it, made once per snapshot.
    pub(crate) principal: OnceLock<crate::policy::Principal>,
}

impl Caller {
    /// A caller from its registration and the certificate it showed.
    #[must_use]
    pub fn new(registration: &Registration, fingerprint: &str, serial: &str) -> Arc<Self> {
        Arc::new(Self {
            id: registration.id.clone(),
            kind: registration.kind,
            organisation: registration.organisation.clone(),
            roles: registration.roles.clone(),
            person: registration.person.clone(),
            fingerprint: fingerprint.to_owned(),
            serial: serial.to_owned(),
            principal: OnceLock::new(),
        })
    }

    /// As entries name it.
    #[must_use]
    pub fn actor(&self) -> crate::journal::Actor {
        crate::journal::Actor {
            id: self.id.clone(),
            kind: self.kind.as_str().to_owned(),
            organisation: self.organisation.clone(),
            fingerprint: self.fingerprint.clone(),
        }
    }

    /// The appliance's own background work under a name, for example `crl-renewal`. It goes through the
    /// same policies as everybody else (decision 14).
    #[must_use]
    pub fn system(name: &str) -> Arc<Self> {
        Arc::new(Self {
            id: format!("system:{name}"),
            kind: CallerKind::System,
            organisation: String::new(),
            roles: Vec::new(),
            person: None,
            fingerprint: String::new(),
            serial: String::new(),
            principal: OnceLock::new(),
        })
    }
}
