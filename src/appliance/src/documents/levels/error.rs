//! Why a document does not reach a level.

use std::sync::Arc;

use pdf::ltv::{AppendError, KnownError, Refusal, SurveyError};
use pdf::sign::{DigestError, EmbedError};
use pdf::syntax::{OpenError, ReadError};
use pki::path::PathFailure;

use crate::app::StartError;
use crate::documents::problems;
use crate::journal::CommitError;
use crate::problem::{Kind, Problem};
use crate::timestamps::client::StampError;

/// Why a document does not reach a level.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LevelError {
    /// Nobody stamps here.
    #[error(
        "there is no time-stamp service for levels above B-B; an operator can add `[timestamps]` or \
         `documents.levels.time_stamp_url`"
    )]
    NoService,
    /// Our own authority did not stamp.
    #[error("no time-stamp: {0}")]
    Own(#[from] crate::timestamps::Refusal),
    /// A foreign one did not.
    #[error("no time-stamp: {0}")]
    Foreign(Arc<StampError>),
    /// A foreign one stamped, and does not lead to what is trusted here.
    #[error("the time-stamp service cannot be used: {0}")]
    Stranger(Box<PathFailure>),
    /// The random source or the request failed.
    #[error("no time-stamp: {0}")]
    Request(String),
    /// A path that cannot be completed by anything fetched.
    #[error("certificate of `{subject}`: {failure}")]
    Path {
        /// Whose.
        subject: String,
        /// Why.
        failure: PathFailure,
    },
    /// Evidence that could not be had.
    #[error("{what} cannot be had: {why}")]
    Evidence {
        /// What lacks.
        what: String,
        /// Why it lacks.
        why: String,
    },
    /// The document's signatures do not allow it.
    #[error(transparent)]
    Survey(Arc<SurveyError>),
    /// They cannot be raised.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too much evidence.
    #[error(transparent)]
    Known(#[from] KnownError),
    /// It cannot be opened.
    #[error("{error}")]
    Open {
        /// It has no end-of-file marker.
        truncated: bool,
        /// What is wrong.
        error: Arc<OpenError>,
    },
    /// The revision cannot be laid out.
    #[error(transparent)]
    Append(Arc<AppendError>),
    /// It cannot be digested.
    #[error(transparent)]
    Digest(Arc<DigestError>),
    /// The token cannot be embedded.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// Each token was larger than the one before.
    #[error("the time-stamps kept growing over {0} rounds")]
    Growing(usize),
    /// The appliance's own authorities cannot be read.
    #[error(transparent)]
    Authorities(Arc<StartError>),
    /// The clock is not trusted.
    #[error("the clock is not trusted: {0}")]
    Clock(String),
    /// The digest of the result was not computed.
    #[error("the raised document has no digest")]
    NoDigest,
}

macro_rules! shared {
    ($($source:ty => $variant:ident),+) => { $(
        impl From<$source> for LevelError {
            fn from(error: $source) -> Self { Self::$variant(Arc::new(error)) }
        }
    )+ };
}

shared!(SurveyError => Survey, AppendError => Append, DigestError => Digest, StartError => Authorities, StampError => Foreign);

impl From<ReadError> for LevelError {
    fn from(error: ReadError) -> Self {
        AppendError::Read(error).into()
    }
}

impl From<LevelError> for Problem {
    fn from(error: LevelError) -> Self {
        match &error {
            LevelError::NoService => Self::new(Kind::LevelUnavailable, error.to_string()),
            LevelError::Own(refusal) => {
                let problem = Self::new(Kind::TimeStampUnavailable, error.to_string()).retry_after(10);
                match refusal.cause() {
                    Some(cause) => problem.log(cause),
                    None => problem,
                }
            }
            LevelError::Foreign(_) | LevelError::Request(_) => {
                Self::new(Kind::TimeStampUnavailable, error.to_string()).retry_after(10)
            }
            LevelError::Path { .. }
            | LevelError::Stranger(_)
            | LevelError::Refused(_)
            | LevelError::Known(_) => Self::new(Kind::LevelUnreachable, error.to_string()),
            LevelError::Evidence { .. } => Self::new(Kind::EvidenceUnavailable, error.to_string()),
            LevelError::Survey(survey) => match survey.as_ref() {
                SurveyError::Unreadable(pdf::verify::Unreadable::Open(open)) => {
                    problems::unreadable(open, false)
                }
                SurveyError::Unreadable(pdf::verify::Unreadable::Read(read)) => problems::unread(read, false),
                SurveyError::Unreadable(_) => Self::new(Kind::PdfTooComplex, error.to_string()),
                _ => Self::new(Kind::LevelUnreachable, error.to_string()),
            },
            LevelError::Open { truncated, error } => problems::unreadable(error, *truncated),
            LevelError::Append(append) => match append.as_ref() {
                AppendError::Read(read) => problems::unread(read, false),
                AppendError::Malformed { .. } => Self::new(Kind::PdfUnreadable, error.to_string()),
                AppendError::Prepare(prepare) => problems::preparing(prepare),
                AppendError::Layout(_) => Self::new(Kind::PdfTooComplex, error.to_string()),
                AppendError::Digest(_) => Self::internal(error),
            },
            LevelError::Clock(cause) => CommitError::ClockUntrusted(cause.clone()).into(),
            LevelError::Digest(_)
            | LevelError::Embed(_)
            | LevelError::Growing(_)
            | LevelError::Authorities(_)
            | LevelError::NoDigest => Self::internal(error),
        }
    }
}
