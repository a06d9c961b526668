//! Verifying signatures, revision by revision over the raw file.
//!
//! [`verify`] answers with a [`Report`] whatever it finds; `Err` is for what is no readable PDF. What a
//! lenient reader would repair is reported, what happened after a signature is classified and held against
//! its permissions, and trust is asked of `pki`. No clock, no network: time, anchors and revocation lists
//! are [`Options`]. Called by the appliance and the command line.

mod archive;
mod changes;
mod cms;
mod container;
pub(crate) mod date;
mod engine;
mod evidence;
pub(crate) mod fields;
mod hash;
pub(crate) mod inspect;
mod judge;
mod judgements;
mod level;
mod lost;
mod permissions;
mod picture;
mod plain;
mod report;
mod seal;
pub(crate) mod structure;
mod trust;

pub use changes::{ChangedObject, Class};
pub use container::{ContainerError, Context, Judgement, OpenContainer, SignatureContainer};
pub use plain::{Format, Limits as PlainLimits, PlainError, plain_certificates, verify_plain};
pub use report::{
    Coverage, DocumentDigest, FileFacts, Integrity, Kind, Level, Report, SignatureReport, TimeSource,
    TimestampReport, Trust, Verdict,
};
pub use seal::{
    Deviation, Outcome, PictureReport, SealKind, SealReport, SealState, SealStep, StateWord, ToldBy,
};
pub use trust::Options;

use crate::syntax::{Limits, OpenError, ReadError, Source};

/// Why a file cannot be processed at all; exit code 6.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Something on the way to a verdict cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A budget was spent outside the file's own structure: in a CMS, on a certification path.
    #[error("the document is too complex: {budget} over budget")]
    TooComplex {
        /// Which budget.
        budget: &'static str,
    },
    /// It is CMS or a time-stamp, and cannot be read as such.
    #[error(transparent)]
    Plain(#[from] PlainError),
}

impl Unreadable {
    /// The exit code of `cinnabar verify`.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        6
    }

    /// Whether a budget was spent, as opposed to the file being broken.
    #[must_use]
    pub fn is_too_complex(&self) -> bool {
        match self {
            Self::Open(OpenError::TooComplex { .. })
            | Self::Read(ReadError::TooComplex { .. })
            | Self::TooComplex { .. } => true,
            Self::Plain(PlainError::Cms(error)) => error.is_too_complex(),
            _ => false,
        }
    }

    /// The word that stands for the verdict in reports.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        if self.is_too_complex() { "too-complex" } else { "unreadable" }
    }
}

/// Verifies every signature of the PDF in `source`.
///
/// # Errors
/// [`Unreadable`] when it is no PDF, is encrypted, is broken where a verdict depends on it, or costs more
/// than `limits`.
pub fn verify(source: &dyn Source, options: &Options<'_>, limits: &Limits) -> Result<Report, Unreadable> {
    let document = crate::syntax::Document::open(source, limits)?;
    let findings = inspect::Findings::of(&document)?;
    judge::judge(&document, findings, options)
}

/// The certificates inside the signatures of a PDF and in its security store; whoever completes paths looks among them.
///
/// # Errors
/// As [`verify`].
pub fn certificates(
    source: &dyn Source,
    options: &Options<'_>,
    limits: &Limits,
) -> Result<Vec<pki::Certificate>, Unreadable> {
    judge::certificates(&crate::syntax::Document::open(source, limits)?, options)
}
