//! What stands in `/Contents`: one verifier per `/SubFilter`.
//!
//! The PDF side hands over the container's octets and, after the one pass over the file, the digest; what
//! the container proves is its verifier's business. CMS and RFC 3161 are here; the appliance adds others
//! (electronic seals) through [`Options::containers`](super::Options::containers).

use crypto::DigestAlgorithm;
use pki::crl::Crl;
use pki::ocsp::BasicResponse;
use pki::{Certificate, Indication, SubIndication};

use super::Options;
use super::report::{Integrity, Kind, Trust};

/// Verifies the containers of some `/SubFilter` values.
pub trait SignatureContainer: Send + Sync {
    /// Whether it handles this `/SubFilter`.
    fn handles(&self, sub_filter: &[u8]) -> bool;

    /// Parses a container (without its zero padding).
    ///
    /// # Errors
    /// What is wrong with it; the signature counts as broken.
    fn open(&self, container: &[u8]) -> Result<Box<dyn OpenContainer>, String>;
}

/// A parsed container.
pub trait OpenContainer {
    /// What the entry is to be called.
    fn kind(&self) -> Kind;

    /// The algorithm the document has to be digested with; `None` when it is unknown or refused.
    fn digest_algorithm(&self) -> Option<DigestAlgorithm>;

    /// Judges the container over a document with this digest (absent if the algorithm was).
    fn judge(&self, digest: Option<&[u8]>, context: &Context<'_>) -> Judgement;
}

/// What a container may lean on.
#[derive(Clone, Copy)]
pub struct Context<'c> {
    /// Anchors, further certificates, CRLs, time of validation.
    pub options: &'c Options<'c>,
    /// Certificates the document itself brings (DSS).
    pub certificates: &'c [Certificate],
    /// CRLs the document itself brings (DSS).
    pub crls: &'c [Crl],
    /// OCSP responses the document itself brings (DSS).
    pub ocsp: &'c [BasicResponse],
    /// A proven time at which the signature existed already, from a document time-stamp.
    pub existed_at: Option<i64>,
}

/// What a container proves.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// Whether it holds over the digest.
    pub integrity: Integrity,
    /// Whether its signer is trusted.
    pub trust: Trust,
    /// EN 319 102-1 main indication.
    pub indication: Indication,
    /// EN 319 102-1 sub-indication.
    pub sub_indication: Option<SubIndication>,
    /// Why.
    pub reasons: Vec<String>,
    /// The signer's certificate.
    pub signer: Option<Certificate>,
    /// Whether it has what PAdES B-B asks of the CMS.
    pub baseline: bool,
    /// A time-stamp inside the container that holds: when the signature existed (Unix seconds).
    pub timestamp: Option<i64>,
    /// Whether certificates and revocation data for a later validation were found inside the document.
    pub long_term: bool,
}

impl Judgement {
    /// A container that cannot be judged, for `reason`.
    #[must_use]
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self {
            integrity: Integrity::Unknown,
            trust: Trust::Undecided,
            indication: Indication::Indeterminate,
            sub_indication: None,
            reasons: vec![reason.into()],
            signer: None,
            baseline: false,
            timestamp: None,
            long_term: false,
        }
    }

    /// A container that does not hold, for `reason`.
    #[must_use]
    pub fn broken(reason: impl Into<String>) -> Self {
        Self {
            integrity: Integrity::Broken,
            trust: Trust::Undecided,
            indication: Indication::TotalFailed,
            sub_indication: Some(SubIndication::FormatFailure),
            ..Self::unknown(reason)
        }
    }
}
