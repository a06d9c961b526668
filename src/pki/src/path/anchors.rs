//! Trust anchors, and what each is trusted for (RFC 5280 §6.1.1 (d), RFC 5937).
//!
//! An anchor is a certificate, self-signed or not. What it says about itself (its name constraints, path length, validity)
//! is honoured; [`Constraints`] narrow it further, and are the decision of whoever trusts it.

use der::asn1::ObjectIdentifier;

use super::Purpose;
use crate::{certificate::Certificate, extensions::NameConstraints};

/// What an anchor is trusted for; the default narrows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constraints {
    /// Names below it must lie within these.
    pub names: Option<NameConstraints>,
    /// The path must be valid for one of these policies; empty: for any.
    pub policies: Vec<ObjectIdentifier>,
    /// Purposes (extendedKeyUsages) it is trusted for; empty: every one.
    pub purposes: Vec<ObjectIdentifier>,
    /// First second at which it is trusted, Unix time.
    pub not_before: Option<i64>,
    /// Last second at which it is trusted, Unix time.
    pub not_after: Option<i64>,
}

/// A certificate trusted as such, within limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    certificate: Certificate,
    constraints: Constraints,
}

impl Anchor {
    /// Trusts this certificate within these limits.
    #[must_use]
    pub const fn new(certificate: Certificate, constraints: Constraints) -> Self {
        Self { certificate, constraints }
    }

    /// The certificate.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Its limits.
    #[must_use]
    pub const fn constraints(&self) -> &Constraints {
        &self.constraints
    }

    pub(crate) fn is_trusted_at(&self, at: i64) -> Result<(), &'static str> {
        let limits = &self.constraints;
        if limits.not_before.is_some_and(|from| at < from) || limits.not_after.is_some_and(|to| at > to) {
            return Err("anchor is not trusted at this time");
        }
        Ok(())
    }

    pub(super) fn serves(&self, purpose: Purpose) -> Result<(), &'static str> {
        let uses = Some(self.constraints.purposes.as_slice()).filter(|purposes| !purposes.is_empty());
        if purpose.is_allowed_by(uses) { Ok(()) } else { Err("anchor is not trusted for this purpose") }
    }
}

/// The certificates trusted as such.
#[derive(Clone, Debug, Default)]
pub struct TrustAnchors {
    anchors: Vec<Anchor>,
    certificates: Vec<Certificate>,
}

impl TrustAnchors {
    /// Trusts exactly these, within what they say themselves.
    #[must_use]
    pub fn new(certificates: Vec<Certificate>) -> Self {
        let trusted = |certificate| Anchor::new(certificate, Constraints::default());
        Self::constrained(certificates.into_iter().map(trusted).collect())
    }

    /// Trusts exactly these, each within its limits.
    #[must_use]
    pub fn constrained(anchors: Vec<Anchor>) -> Self {
        let certificates = anchors.iter().map(|anchor| anchor.certificate.clone()).collect();
        Self { anchors, certificates }
    }

    /// The anchors.
    #[must_use]
    pub fn anchors(&self) -> &[Anchor] {
        &self.anchors
    }

    /// The trusted certificates.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Those of them that are trusted for a purpose.
    #[must_use]
    pub fn serving(&self, purpose: Purpose) -> Self {
        Self::constrained(
            self.anchors.iter().filter(|anchor| anchor.serves(purpose).is_ok()).cloned().collect(),
        )
    }

    pub(super) fn find(&self, certificate: &Certificate) -> Option<&Anchor> {
        self.anchors.iter().find(|anchor| anchor.certificate == *certificate)
    }
}
