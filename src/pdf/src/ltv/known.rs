//! What is known besides the document's own octets: certificates and revocation objects, each once, within bounds.

use std::collections::HashSet;

use crypto::DigestAlgorithm;
use pki::crl::{Crl, CrlError};
use pki::material::Lack;
use pki::ocsp::{BasicResponse, ResponseError};
use pki::path::{PathFailure, Purpose, TrustAnchors};
use pki::{Certificate, CertificateError};

/// Certificates, CRLs and OCSP responses to pick from.
#[derive(Debug, Clone, Default)]
pub struct Known {
    certificates: Vec<Certificate>,
    crls: Vec<Crl>,
    responses: Vec<BasicResponse>,
    /// The responses as they were received, in the same order.
    responses_der: Vec<Vec<u8>>,
    digests: HashSet<Vec<u8>>,
    octets: usize,
}

/// Why something was not taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KnownError {
    /// It is no certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// It is no revocation list.
    #[error(transparent)]
    Crl(#[from] CrlError),
    /// It is no OCSP response, or one without an answer.
    #[error(transparent)]
    Ocsp(#[from] ResponseError),
    /// There is too much of it.
    #[error("more than {items} certificates and revocation objects, or more than {octets} octets of them")]
    TooMuch {
        /// Items allowed.
        items: usize,
        /// Octets allowed.
        octets: usize,
    },
}

impl Known {
    /// Takes in a certificate.
    ///
    /// # Errors
    /// [`KnownError::TooMuch`].
    pub fn add_certificate(&mut self, certificate: Certificate) -> Result<(), KnownError> {
        if self.is_new(certificate.der())? {
            self.certificates.push(certificate);
        }
        Ok(())
    }

    /// Takes in a certificate as DER.
    ///
    /// # Errors
    /// [`KnownError`].
    pub fn add_certificate_der(&mut self, der: &[u8]) -> Result<(), KnownError> {
        self.add_certificate(Certificate::from_der(der)?)
    }

    /// Takes in a revocation list.
    ///
    /// # Errors
    /// [`KnownError::TooMuch`].
    pub fn add_crl(&mut self, crl: Crl) -> Result<(), KnownError> {
        if self.is_new(crl.der())? {
            self.crls.push(crl);
        }
        Ok(())
    }

    /// Takes in a revocation list as DER.
    ///
    /// # Errors
    /// [`KnownError`].
    pub fn add_crl_der(&mut self, der: &[u8]) -> Result<(), KnownError> {
        self.add_crl(Crl::from_der(der)?)
    }

    /// Takes in an OCSPResponse as DER.
    ///
    /// # Errors
    /// [`KnownError`].
    pub fn add_ocsp_der(&mut self, der: &[u8]) -> Result<(), KnownError> {
        let response = BasicResponse::from_response_der(der)?;
        if self.is_new(der)? {
            self.responses.push(response);
            self.responses_der.push(der.to_vec());
        }
        Ok(())
    }

    /// The certificates.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.digests.len()
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// What the path of `leaf` at a time (Unix seconds) uses, and what it lacks.
    ///
    /// # Errors
    /// `PathFailure` where nothing further can mend it.
    pub fn material_of(
        &self,
        leaf: &Certificate,
        anchors: &TrustAnchors,
        at: i64,
        purpose: Purpose,
    ) -> Result<(super::Material, Vec<Lack>), PathFailure> {
        let used = pki::material::of(leaf, self.within(anchors), at, purpose)?;
        Ok((self.take(&used), used.lacking))
    }

    fn within<'a>(&'a self, anchors: &'a TrustAnchors) -> pki::material::Known<'a> {
        pki::material::Known {
            certificates: &self.certificates,
            crls: &self.crls,
            ocsp: &self.responses,
            anchors,
        }
    }

    /// What a path uses, as DER.
    fn take(&self, used: &pki::material::Material) -> super::Material {
        let crls = used.crls.iter().filter_map(|place| self.crls.get(*place));
        let ocsp = used.ocsp.iter().filter_map(|place| self.responses_der.get(*place));
        super::Material {
            certificates: used.certificates.iter().map(|one| one.der().to_vec()).collect(),
            crls: crls.map(|one| one.der().to_vec()).collect(),
            ocsp: ocsp.cloned().collect(),
        }
    }

    fn is_new(&mut self, der: &[u8]) -> Result<bool, KnownError> {
        let digest = DigestAlgorithm::Sha256.digest(der);
        if self.digests.contains(&digest) {
            return Ok(false);
        }
        let octets = self.octets.saturating_add(der.len());
        if self.digests.len() >= MAX_ITEMS || octets > MAX_OCTETS {
            return Err(KnownError::TooMuch { items: MAX_ITEMS, octets: MAX_OCTETS });
        }
        self.digests.insert(digest);
        self.octets = octets;
        Ok(true)
    }
}

/// A document with a hundred signatures of different authorities stays below.
const MAX_ITEMS: usize = 2_048;
/// National lists reach some 10 MB.
const MAX_OCTETS: usize = 128 << 20;
