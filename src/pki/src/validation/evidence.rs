//! What a validation may lean on: anchors, certificates, CRLs and OCSP responses, and where each came from.

use std::collections::HashSet;

use serde::Serialize;

use crate::{certificate::Certificate, crl::Crl, ocsp::BasicResponse, path::TrustAnchors};

/// Where a piece of evidence came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The signature or the time-stamp itself.
    Signature,
    /// The document's security store (DSS).
    Store,
    /// Whoever asks.
    Outside,
}

/// Items of one kind with their origins.
#[derive(Clone, Debug)]
pub struct Gathered<T> {
    items: Vec<T>,
    origins: Vec<Origin>,
}

impl<T> Default for Gathered<T> {
    fn default() -> Self {
        Self { items: Vec::new(), origins: Vec::new() }
    }
}

impl<T> Gathered<T> {
    /// Adds one.
    pub fn push(&mut self, item: T, origin: Origin) {
        self.items.push(item);
        self.origins.push(origin);
    }

    /// All of them, in the order they were added.
    #[must_use]
    pub fn items(&self) -> &[T] {
        &self.items
    }

    pub(super) fn origin(&self, index: usize) -> Origin {
        self.origins.get(index).copied().unwrap_or(Origin::Outside)
    }
}

/// What a validation may lean on.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    anchors: &'a TrustAnchors,
    certificates: Gathered<Certificate>,
    seen: HashSet<[u8; 32]>,
    crls: Gathered<Crl>,
    ocsp: Gathered<BasicResponse>,
}

impl<'a> Evidence<'a> {
    /// These anchors and nothing else.
    #[must_use]
    pub fn new(anchors: &'a TrustAnchors) -> Self {
        Self {
            anchors,
            certificates: Gathered::default(),
            seen: HashSet::new(),
            crls: Gathered::default(),
            ocsp: Gathered::default(),
        }
    }

    /// Certificates that may help to build paths; each counts once. What stands earlier is tried earlier.
    pub fn add_certificates<'c>(
        &mut self,
        certificates: impl IntoIterator<Item = &'c Certificate>,
        origin: Origin,
    ) {
        for certificate in certificates {
            if self.seen.insert(*certificate.sha256_fingerprint()) {
                self.certificates.push(certificate.clone(), origin);
            }
        }
    }

    /// Revocation lists.
    pub fn add_crls<'c>(&mut self, crls: impl IntoIterator<Item = &'c Crl>, origin: Origin) {
        crls.into_iter().for_each(|crl| self.crls.push(crl.clone(), origin));
    }

    /// OCSP responses; the certificates inside them count for them alone.
    pub fn add_ocsp<'c>(&mut self, ocsp: impl IntoIterator<Item = &'c BasicResponse>, origin: Origin) {
        ocsp.into_iter().for_each(|response| self.ocsp.push(response.clone(), origin));
    }

    /// What is trusted.
    #[must_use]
    pub const fn anchors(&self) -> &'a TrustAnchors {
        self.anchors
    }

    /// Certificates that may be on a path.
    #[must_use]
    pub const fn certificates(&self) -> &Gathered<Certificate> {
        &self.certificates
    }

    /// Revocation lists.
    #[must_use]
    pub const fn crls(&self) -> &Gathered<Crl> {
        &self.crls
    }

    /// OCSP responses.
    #[must_use]
    pub const fn ocsp(&self) -> &Gathered<BasicResponse> {
        &self.ocsp
    }
}
