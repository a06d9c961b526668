//! Certificate profiles: what each kind of certificate is, as files of the operator's (`policies/certificates/*.toml`).
//!
//! A [`Profile`] exists only parsed and checked, so that it cannot contradict itself; `issue` does nothing but apply one.
//! This module reads no files: it is handed texts, by the ceremony ([`builtin`]) and by the appliance, which watches
//! the folder. Who may ask and how many approve is written here and enforced by the appliance.

mod check;
mod error;
mod file;
mod read;
mod set;
#[cfg(test)]
mod tests;

use der::asn1::ObjectIdentifier;

pub use error::{Contradiction, ProfileError, ProfilesError};
pub(crate) use read::subtrees;
pub use set::{BUILTIN, Profiles, builtin};

use crate::{
    extensions::{GeneralName, KeyUsage, NameConstraints},
    key::KeyAlgorithm,
    name::{Name, Subject},
};

/// One certificate profile, parsed and checked.
// INVARIANT: made only by `parse`; no two of its rules contradict each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    name: String,
    description: String,
    ask: Vec<Way>,
    issuer: IssuedBy,
    approvals: u32,
    keys: Vec<KeyAlgorithm>,
    validity: Validity,
    subject: SubjectRules,
    names: NameRules,
    key_usage: KeyUsage,
    purposes: Purposes,
    authority: Option<AuthorityRules>,
    policies: Vec<PolicyRule>,
    revocation: Revocation,
}

/// By which way a certificate can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// An officer, for somebody registered.
    Officer,
    /// Whom the certificate names, with a certificate still good (renewal).
    Holder,
    /// Enrolment over secure transport (RFC 7030).
    Est,
    /// ACME (RFC 8555).
    Acme,
    /// The appliance for its own keys: seals, delegated signers, rollover.
    Appliance,
    /// The key ceremony.
    Ceremony,
}

/// Whose signature stands under the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IssuedBy {
    /// Its own key: a root.
    Itself,
    /// The root.
    Root,
    /// The authority that the hierarchy lets issue machines' certificates.
    Machine,
    /// The one for servers.
    Server,
    /// The one for seals.
    Seal,
    /// The one for officers and operators.
    Officer,
    /// Whichever the hierarchy names for that key.
    Named,
}

/// How long certificates are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Days given when nothing is asked for.
    pub days: u32,
    /// Days that can be asked for at most; at least `days`.
    pub longest_days: u32,
    /// Whether another period can be asked for at all.
    pub negotiable: bool,
    /// Seconds that validity begins before issuance: clocks of peers may be a little behind.
    pub backdate: i64,
}

/// What the subject is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectRules {
    /// Attributes in encoded order.
    Attributes(Vec<AttributeRule>),
    /// Byte for byte the subject of another certificate: a cross-certificate chains by it.
    Copied,
}

/// One attribute of the subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeRule {
    /// Its type.
    pub kind: ObjectIdentifier,
    /// Its name in profiles.
    pub name: &'static str,
    /// Where the value comes from.
    pub from: Source,
    /// Whether the certificate cannot be without.
    pub required: bool,
}

/// Where a subject attribute's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// What is registered; a request's word does not count.
    Register,
    /// What the requester writes.
    Request,
    /// This.
    Fixed(String),
}

/// Subject alternative names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRules {
    /// Whether the extension is critical: exactly when the subject is empty (RFC 5280 §4.2.1.6).
    pub critical: bool,
    /// The kinds allowed; every other is refused.
    pub kinds: Vec<NameRule>,
    /// How many names there are at least, all kinds together.
    pub least: usize,
    /// Whether DNS names may begin with `*.`.
    pub wildcards: bool,
}

/// One kind of subject alternative name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameRule {
    /// Which.
    pub kind: NameKind,
    /// How many at least.
    pub least: usize,
    /// How many at most.
    pub most: usize,
}

/// Kinds of subject alternative name that are ever written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// dNSName
    Dns,
    /// iPAddress
    Ip,
    /// rfc822Name
    Email,
    /// uniformResourceIdentifier
    Uri,
}

/// extendedKeyUsage; left out when there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purposes {
    /// The purposes.
    pub oids: Vec<ObjectIdentifier>,
    /// Whether the extension is critical.
    pub critical: bool,
}

/// What makes the subject a CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityRules {
    /// pathLenConstraint.
    pub path_length: Option<u32>,
    /// nameConstraints, if any.
    pub constraints: Option<NameConstraints>,
}

/// One certificate policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRule {
    /// Its identifier.
    pub oid: ObjectIdentifier,
    /// Where the certification practice statement is found.
    pub cps: Option<String>,
}

/// Where a relying party learns of revocation.
#[expect(clippy::struct_excessive_bools, reason = "independent extensions, each in or out")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// cRLDistributionPoints.
    pub crl: bool,
    /// The OCSP responder in authorityInfoAccess.
    pub ocsp: bool,
    /// The issuer's certificate in authorityInfoAccess.
    pub ca_issuers: bool,
    /// noRevAvail (RFC 9608): never revoked, so short-lived.
    pub no_rev_avail: bool,
    /// id-pkix-ocsp-nocheck (RFC 6960 §4.2.2.2.1).
    pub ocsp_nocheck: bool,
}

impl Profile {
    /// Its name: lower-case letters, digits and hyphens.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One sentence for people.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// By which ways it can be asked for.
    #[must_use]
    pub fn ask(&self) -> &[Way] {
        &self.ask
    }

    /// Whether it can be asked for that way.
    #[must_use]
    pub fn may_ask(&self, way: Way) -> bool {
        self.ask.contains(&way)
    }

    /// Who signs.
    #[must_use]
    pub fn issuer(&self) -> IssuedBy {
        self.issuer
    }

    /// How many officers other than the requester approve before it is issued.
    #[must_use]
    pub fn approvals(&self) -> u32 {
        self.approvals
    }

    /// The keys it takes.
    #[must_use]
    pub fn keys(&self) -> &[KeyAlgorithm] {
        &self.keys
    }

    /// How long it is valid.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// The subject.
    #[must_use]
    pub fn subject(&self) -> &SubjectRules {
        &self.subject
    }

    /// The alternative names.
    #[must_use]
    pub fn names(&self) -> &NameRules {
        &self.names
    }

    /// keyUsage, always critical.
    #[must_use]
    pub fn key_usage(&self) -> KeyUsage {
        self.key_usage
    }

    /// extendedKeyUsage.
    #[must_use]
    pub fn purposes(&self) -> &Purposes {
        &self.purposes
    }

    /// What makes it a CA; `None`: an end entity.
    #[must_use]
    pub fn authority(&self) -> Option<&AuthorityRules> {
        self.authority.as_ref()
    }

    /// Whether the subject issues certificates.
    #[must_use]
    pub fn is_ca(&self) -> bool {
        self.authority.is_some()
    }

    /// certificatePolicies.
    #[must_use]
    pub fn policies(&self) -> &[PolicyRule] {
        &self.policies
    }

    /// Revocation and access information.
    #[must_use]
    pub fn revocation(&self) -> Revocation {
        self.revocation
    }

    /// The subject for a new certificate: registered values where the profile says `register`, the request's where it
    /// says `request`. What the profile does not know is left out; what is missing shows when the profile is applied.
    #[must_use]
    pub fn subject_from(&self, registered: &Subject, requested: Option<&Name>) -> Subject {
        let SubjectRules::Attributes(rules) = &self.subject else { return registered.clone() };
        let mut subject = Subject::default();
        for rule in rules {
            let value = match &rule.from {
                Source::Register => registered.attribute(rule.kind).map(ToOwned::to_owned),
                Source::Request => requested
                    .and_then(|name| name.attribute(rule.kind))
                    .or_else(|| registered.attribute(rule.kind).map(ToOwned::to_owned)),
                Source::Fixed(_) => None,
            };
            if let Some(value) = value {
                subject = subject.with(rule.kind, value);
            }
        }
        subject
    }
}

impl NameKind {
    /// The kind of a name; `None` for those never written.
    #[must_use]
    pub const fn of(name: &GeneralName) -> Option<Self> {
        match name {
            GeneralName::Dns(_) => Some(Self::Dns),
            GeneralName::Ip(_) => Some(Self::Ip),
            GeneralName::Email(_) => Some(Self::Email),
            GeneralName::Uri(_) => Some(Self::Uri),
            _ => None,
        }
    }
}

impl std::fmt::Display for NameKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Dns => "dns",
            Self::Ip => "ip",
            Self::Email => "email",
            Self::Uri => "uri",
        })
    }
}

impl Way {
    /// Its word in profiles and entries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Officer => "officer",
            Self::Holder => "holder",
            Self::Est => "est",
            Self::Acme => "acme",
            Self::Appliance => "appliance",
            Self::Ceremony => "ceremony",
        }
    }
}
