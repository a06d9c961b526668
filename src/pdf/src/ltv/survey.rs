//! What signatures and time-stamps a document has, whether they hold, and what they bring along.
//!
//! Integrity and later changes are `verify`'s to judge; here they only decide whether raising makes sense. Trust is not
//! looked at before [`Survey::next`](super::Survey::next).

use crypto::DigestAlgorithm;
use pki::Certificate;
use pki::cms::{CmsError, Limits, SignedData, TimeStampToken};
use pki::path::TrustAnchors;

use super::{Known, KnownError, Material, store};
use crate::syntax::{Dictionary, Document, Object, ReadError};
use crate::verify::inspect::Findings;
use crate::verify::{Integrity, Kind, Options, Unreadable, verify};

/// Everything in a document that has to be validated some day.
#[derive(Debug, Clone)]
pub struct Survey {
    /// Signatures and document time-stamps, oldest first.
    pub marks: Vec<Mark>,
    /// What the document brings along: its store, and what the CMS of its marks carry.
    pub known: Known,
    /// Revisions of the document.
    pub(super) revisions: usize,
    /// What the store holds.
    pub(super) stored: Material,
}

/// A signature or a document time-stamp that holds.
#[derive(Debug, Clone)]
pub struct Mark {
    /// Fully qualified name of its field; empty where only the catalog names it.
    pub field: String,
    /// What it is.
    pub kind: Kind,
    /// The revision it covers, from 0.
    pub(super) revision: usize,
    /// Whose it is.
    pub signer: Certificate,
    /// When a document time-stamp was made, Unix seconds.
    pub(super) time: Option<i64>,
    /// Signature time-stamps inside it that hold: authority and time, Unix seconds.
    pub(super) stamps: Vec<(Certificate, i64)>,
}

/// Why a document cannot be raised to any level.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// What it brings along is too much.
    #[error(transparent)]
    Known(#[from] KnownError),
    /// There is nothing to raise.
    #[error("the document has no signature")]
    NoSignature,
    /// A signature does not hold.
    #[error("signature `{field}` does not hold: {reason}")]
    Broken {
        /// Its field.
        field: String,
        /// Why.
        reason: String,
    },
    /// Something was changed after a signature that does not allow it.
    #[error("the document was changed after signature `{field}` in a way it does not allow: {reason}")]
    Changed {
        /// Its field.
        field: String,
        /// What was changed.
        reason: String,
    },
    /// A signature of a kind that is not known here.
    #[error("signature `{field}` cannot be judged: {reason}")]
    Unsupported {
        /// Its field.
        field: String,
        /// Why.
        reason: String,
    },
}

impl From<ReadError> for SurveyError {
    fn from(error: ReadError) -> Self {
        Self::Unreadable(error.into())
    }
}

/// Reads a document's signatures and time-stamps and what it brings along to validate them.
///
/// # Errors
/// [`SurveyError`]; a document of which one signature is broken is not raised at all, for that would make a broken one
/// look cared for.
pub fn survey(document: &Document<'_>) -> Result<Survey, SurveyError> {
    let nobody = TrustAnchors::default();
    let report = verify(document.source(), &Options::new(&nobody, 0), document.limits())?;
    let findings = Findings::of(document)?;
    if findings.signatures.is_empty() {
        return Err(SurveyError::NoSignature);
    }
    let mut known = Known::default();
    let stored = store::read(document)?;
    // What cannot be read as what it should be is of no use, and no reason to give up.
    for der in &stored.certificates {
        tolerate(known.add_certificate_der(der))?;
    }
    for der in &stored.crls {
        tolerate(known.add_crl_der(der))?;
    }
    for der in &stored.ocsp {
        tolerate(known.add_ocsp_der(der))?;
    }
    let mut marks = Vec::new();
    for (found, judged) in findings.signatures.iter().zip(&report.signatures) {
        let field = found.field.as_ref().map(|(_, name)| name.clone()).unwrap_or_default();
        let reason = || judged.reasons.join("; ");
        match judged.integrity {
            Integrity::Intact => {}
            Integrity::Broken => return Err(SurveyError::Broken { field, reason: reason() }),
            Integrity::Unknown => return Err(SurveyError::Unsupported { field, reason: reason() }),
        }
        if !judged.changes_allowed {
            return Err(SurveyError::Changed { field, reason: reason() });
        }
        let Some(signed) = &found.examined.signed else {
            return Err(SurveyError::Broken { field, reason: reason() });
        };
        let unsupported =
            |error: CmsError| SurveyError::Unsupported { field: field.clone(), reason: error.to_string() };
        let limits = Limits::default();
        let mut mark = if is_timestamp(&found.examined.dictionary) {
            let token = TimeStampToken::parse(&signed.container, &limits).map_err(unsupported)?;
            carried(token.signed_data(), &mut known)?;
            let signer = signer_of(token.signed_data(), &known);
            signer.map(|signer| (signer, Kind::DocumentTimestamp, Some(token.info().gen_time), Vec::new()))
        } else {
            let data = SignedData::parse(&signed.container, &limits).map_err(unsupported)?;
            carried(&data, &mut known)?;
            let stamps = stamps(&data, &mut known)?;
            signer_of(&data, &known).map(|signer| (signer, Kind::Signature, None, stamps))
        };
        let Some((signer, kind, time, stamps)) = mark.take() else {
            let reason = "the signer's certificate is not there".to_owned();
            return Err(SurveyError::Unsupported { field, reason });
        };
        marks.push(Mark { field, kind, revision: signed.revision, signer, time, stamps });
    }
    marks.sort_by_key(|mark| mark.revision);
    Ok(Survey { marks, known, revisions: findings.revisions.list.len(), stored })
}

fn is_timestamp(dictionary: &Dictionary) -> bool {
    dictionary.get(b"SubFilter").and_then(Object::as_name) == Some(b"ETSI.RFC3161")
}

/// Takes in the certificates and revocation lists inside a CMS.
fn carried(data: &SignedData, known: &mut Known) -> Result<(), KnownError> {
    for certificate in data.certificates() {
        known.add_certificate(certificate.clone())?;
    }
    for crl in data.crls() {
        tolerate(known.add_crl_der(crl))?;
    }
    Ok(())
}

/// The signature time-stamps that hold over the signature value.
fn stamps(data: &SignedData, known: &mut Known) -> Result<Vec<(Certificate, i64)>, KnownError> {
    let mut found = Vec::new();
    for der in data.signature_time_stamps().iter().take(MAX_STAMPS) {
        let Ok(token) = TimeStampToken::parse(der, &Limits::default()) else { continue };
        carried(token.signed_data(), known)?;
        let digest = |algorithm: DigestAlgorithm| {
            Ok::<_, std::convert::Infallible>(algorithm.digest(data.signature_value()))
        };
        let Ok(verification) = token.verify(known.certificates(), digest);
        if let (true, Some(authority)) = (verification.integrity.is_intact(), verification.signer) {
            found.push((authority, token.info().gen_time));
        }
    }
    Ok(found)
}

/// The certificate that the signer names, among all that are known; that it fits was verified before.
fn signer_of(data: &SignedData, known: &Known) -> Option<Certificate> {
    use pki::cms::parse::SignerIdentifier;
    let named = |certificate: &&Certificate| match data.signer_identifier() {
        SignerIdentifier::IssuerAndSerial { issuer, serial } => {
            certificate.issuer() == issuer && certificate.serial() == serial.as_slice()
        }
        SignerIdentifier::SubjectKeyId(id) => certificate.subject_key_id() == Some(id.as_slice()),
    };
    data.certificates().iter().find(named).or_else(|| known.certificates().iter().find(named)).cloned()
}

/// Passes over what cannot be read; too much of anything stays an error.
fn tolerate(taken: Result<(), KnownError>) -> Result<(), KnownError> {
    match taken {
        Err(error @ KnownError::TooMuch { .. }) => Err(error),
        _ => Ok(()),
    }
}

/// One is usual; renewing adds some.
const MAX_STAMPS: usize = 16;
