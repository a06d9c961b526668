//! What stands in `/Contents`, or in a file of its own: one verifier per kind of container.
//!
//! Which one is asked, the octets say; the `/SubFilter` speaks only where they say nothing, because programs in the field
//! write the same names over CMS and over electronic seals. The PDF side hands over the container's octets and, after the
//! one pass over the file, the digest; what the container proves is its verifier's business. CMS and RFC 3161 are here;
//! the appliance adds others (electronic seals) through [`Options::containers`](super::Options::containers).

use std::sync::LazyLock;

use crypto::DigestAlgorithm;
use pki::cms::{TimeStampToken, Verification};
use pki::crl::Crl;
use pki::ocsp::BasicResponse;
use pki::validation::{Evidence, Origin, Poes, Stamp, TimestampValidation, Validation, Validator};
use pki::{Certificate, Indication, SubIndication};

use super::Options;
use super::engine::Engine;
use super::report::{Integrity, Kind, Trust};
use super::seal::SealReport;

/// Verifies containers of one kind.
pub trait SignatureContainer: Send + Sync {
    /// Whether what this `/SubFilter` names may be one of its containers.
    fn handles(&self, sub_filter: &[u8]) -> bool;

    /// Whether `octets` begin as its containers do; the first few thousand are enough. Says nothing of whether the rest
    /// can be read.
    fn recognises(&self, octets: &[u8]) -> bool {
        let _ = octets;
        false
    }

    /// Parses a container (without its zero padding).
    ///
    /// # Errors
    /// [`ContainerError`]; the signature counts as broken, or the file as too complex.
    fn open(&self, container: &[u8]) -> Result<Box<dyn OpenContainer>, ContainerError>;
}

/// Why a container cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContainerError {
    /// What is wrong with it.
    #[error("{0}")]
    Malformed(String),
    /// It costs more than it may.
    #[error("the document is too complex: {budget} over budget")]
    TooComplex {
        /// Which budget.
        budget: &'static str,
    },
}

/// A parsed container.
pub trait OpenContainer {
    /// What the entry is to be called.
    fn kind(&self) -> Kind;

    /// The algorithm the document has to be digested with; `None` when it is unknown or refused.
    fn digest_algorithm(&self) -> Option<DigestAlgorithm>;

    /// Judges the container over a document with this digest (absent if the algorithm was).
    fn judge(&self, digest: Option<&[u8]>, context: &Context<'_>) -> Judgement;

    /// Whether it is over content outside of it; not so of a seal, which stands for itself.
    fn needs_content(&self) -> bool {
        true
    }

    /// The digest it claims that content to have, by [`Self::digest_algorithm`].
    fn claimed_digest(&self) -> Option<&[u8]> {
        None
    }

    /// The signature value.
    fn signature_value(&self) -> Option<&[u8]> {
        None
    }

    /// The token, of a document time-stamp.
    fn token(&self) -> Option<&TimeStampToken> {
        None
    }

    /// The certificates inside, those of its time-stamps included.
    fn certificates(&self) -> Vec<Certificate> {
        Vec::new()
    }

    /// SHA-256 of every object inside whose existence a later document time-stamp proves: signature value, tokens,
    /// certificates, revocation information.
    fn objects(&self) -> Vec<[u8; 32]> {
        Vec::new()
    }
}

/// What a container may lean on.
#[derive(Clone, Copy)]
pub struct Context<'c> {
    /// Anchors, further certificates, CRLs, time of validation.
    pub options: &'c Options<'c>,
    /// Who judges signatures and time-stamps, sharing work over the document.
    pub(crate) engine: Option<&'c dyn Engine>,
    /// Certificates the document itself brings (DSS).
    pub certificates: &'c [Certificate],
    /// CRLs the document itself brings (DSS).
    pub crls: &'c [Crl],
    /// OCSP responses the document itself brings (DSS).
    pub ocsp: &'c [BasicResponse],
    /// What the entry is called.
    pub name: &'c str,
    /// The signing time claimed outside the container (`/M`), Unix seconds.
    pub claimed: Option<i64>,
    /// Whether a reason for signing stands outside the container (`/Reason`).
    pub reason_given: bool,
    /// What document time-stamps prove to have existed.
    pub poes: &'c Poes,
    /// The newest document time-stamp that holds and that the signature covers: it was not there before.
    pub before: Option<&'c Stamp<'c>>,
    /// A proven time at which the signature existed already, from a document time-stamp.
    pub existed_at: Option<i64>,
}

impl<'c> Context<'c> {
    /// What a validation may lean on, in the order it is tried: `own`, which the container brings, then what the document
    /// brings, then what the caller does.
    #[must_use]
    pub fn evidence(&self, own: &[Certificate]) -> Evidence<'c> {
        let mut evidence = Evidence::new(self.options.anchors);
        evidence.add_certificates(own, Origin::Signature);
        super::cms::complete(&mut evidence, self);
        evidence
    }

    /// Lends the document's validator, which shares one budget and one memory among all its signatures, to whoever judges
    /// a container by [`pki::validation`] himself; `verdict` says what came of it. The second is the budget that was spent
    /// before a verdict was reached; `judge` may be asked again with a fresh one.
    pub fn with_validator<T>(
        &self,
        mut judge: impl FnMut(&mut Validator<'_>) -> T,
        verdict: impl Fn(&T) -> (Indication, Option<SubIndication>),
    ) -> (T, Option<&'static str>) {
        let mut first = None;
        let spent = super::engine::of(self, |engine| {
            engine.lend(&mut |validator| {
                let outcome = judge(validator);
                let (indication, sub_indication) = verdict(&outcome);
                first = Some(outcome);
                super::engine::may_change(indication, sub_indication)
            })
        });
        match first {
            Some(outcome) => (outcome, spent),
            // The engine always asks; were it not to, a validator of its own would do.
            None => (judge(&mut Validator::new(&self.options.effective_policy(), self.options.at)), spent),
        }
    }

    /// With nothing but what the caller brings: no document around the container.
    pub(crate) fn bare(options: &'c Options<'c>) -> Self {
        static NONE: LazyLock<Poes> = LazyLock::new(Poes::new);
        Self {
            options,
            engine: None,
            certificates: &[],
            crls: &[],
            ocsp: &[],
            name: "signature",
            claimed: None,
            reason_given: false,
            poes: &NONE,
            before: None,
            existed_at: None,
        }
    }
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
    /// What it lacks for that.
    pub baseline_faults: Vec<&'static str>,
    /// A time-stamp inside the container that holds: when the signature existed (Unix seconds).
    pub timestamp: Option<i64>,
    /// The validation of a signature, step by step.
    pub validation: Option<Box<Validation>>,
    /// The validation of a document time-stamp, step by step.
    pub timestamp_validation: Option<Box<TimestampValidation>>,
    /// What verifying a document time-stamp's token found.
    pub verification: Option<Box<Verification>>,
    /// The budget that was spent before a verdict was reached.
    pub too_complex: Option<&'static str>,
    /// When the signer claims to have signed, where the container says so (Unix seconds); goes before `/M`.
    pub claimed: Option<i64>,
    /// The electronic seal behind the signature.
    pub seal: Option<Box<SealReport>>,
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
            baseline_faults: Vec::new(),
            timestamp: None,
            validation: None,
            timestamp_validation: None,
            verification: None,
            too_complex: None,
            claimed: None,
            seal: None,
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

impl From<ContainerError> for Judgement {
    fn from(error: ContainerError) -> Self {
        let too_complex = match error {
            ContainerError::Malformed(_) => None,
            ContainerError::TooComplex { budget } => Some(budget),
        };
        Self { too_complex, ..Self::broken(error.to_string()) }
    }
}
