//! How this capability's errors reach a caller.

use pdf::sign::{DigestError, EmbedError, PrepareError, SignError};
use pdf::syntax::{OpenError, ReadError};
use pki::cms::sign::CmsSignError;

use super::levels::LevelError;
use super::model::BadParameter;
use super::order::OrderError;
use super::preparation::PreparationError;
use super::replay::ReplayError;
use super::sealing::SealingError;
use super::service::DocumentError;
use crate::problem::{Kind, Problem};
use crate::seals::SealError;

impl From<BadParameter> for Problem {
    fn from(error: BadParameter) -> Self {
        Self::new(Kind::InvalidParameter, error.to_string()).with("parameter", error.name)
    }
}

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Malformed(_) => Self::new(Kind::MalformedRequest, error.to_string()),
            OrderError::Empty => {
                Self::new(Kind::InvalidParameter, error.to_string()).with("parameter", "seals")
            }
            OrderError::TooMany { limit, .. } => Self::new(Kind::InvalidParameter, error.to_string())
                .with("parameter", "seals")
                .with("limit", limit),
            OrderError::Parameter { index: None, error } => error.into(),
            OrderError::Parameter { index: Some(index), error } => Self::from(error).with("index", index),
        }
    }
}

impl From<SealError> for Problem {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Unknown(_) => Self::new(Kind::NotFound, error.to_string()),
            SealError::NotUsable { .. } | SealError::Ses { .. } => {
                Self::new(Kind::SealNotUsable, error.to_string())
            }
            SealError::Picture(_) => Self::new(Kind::InvalidParameter, error.to_string()),
            SealError::Store(store) => store.into(),
            SealError::Custody(error) => error.into(),
            SealError::Certificate(_) | SealError::Cms(_) | SealError::Suite(_) => Self::internal(error),
        }
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Malformed => Self::new(Kind::MalformedRequest, error.to_string()),
            ReplayError::Reused => {
                Self::new(Kind::IdempotencyKeyReused, "Use a new key for a new request; this one is taken.")
            }
            ReplayError::Store(store) => store.into(),
            ReplayError::Custody(error) => error.into(),
            ReplayError::Damaged(_) => Self::internal(error),
        }
    }
}

impl From<DocumentError> for Problem {
    fn from(error: DocumentError) -> Self {
        match error {
            DocumentError::Seal(error) => error.into(),
            DocumentError::Sealing { failed, of: 1, .. } => failed.error.into(),
            DocumentError::Sealing { failed, seal, .. } => {
                Self::from(failed.error).with("seal", seal).with("index", failed.index)
            }
            DocumentError::Replay(error) => error.into(),
            DocumentError::Commit(error) => error.into(),
            DocumentError::Store(error) => error.into(),
            DocumentError::Overloaded => {
                Self::new(Kind::Overloaded, "Too many documents are worked on; try again shortly.")
                    .retry_after(2)
            }
            DocumentError::Level(error) => error.into(),
            DocumentError::Usage(error) => error.into(),
            DocumentError::NoSeal | DocumentError::Cms(_) | DocumentError::Unread(_) => Self::internal(error),
            DocumentError::Signing(error) => signing(error),
            DocumentError::Reserve { needed, .. } => {
                Self::new(Kind::ReserveTooSmall, error.to_string()).with("needed", needed)
            }
            DocumentError::Algorithm { .. } => {
                Self::new(Kind::InvalidParameter, error.to_string()).with("parameter", "algorithm")
            }
        }
    }
}

impl From<PreparationError> for Problem {
    fn from(error: PreparationError) -> Self {
        match &error {
            PreparationError::Malformed(_) | PreparationError::Version(_) => {
                Self::new(Kind::MalformedRequest, error.to_string())
            }
            PreparationError::Embed(EmbedError::TooSmall { needed, .. }) => {
                let needed = *needed;
                Self::new(Kind::ReserveTooSmall, error.to_string()).with("needed", needed)
            }
            PreparationError::Cms(_) | PreparationError::Encapsulated | PreparationError::Unsound { .. } => {
                Self::new(Kind::SignatureUnsound, error.to_string())
            }
            PreparationError::Damaged(_) | PreparationError::Digest(_) | PreparationError::Embed(_) => {
                Self::new(Kind::InvalidParameter, error.to_string())
            }
        }
    }
}

impl From<SealingError> for Problem {
    fn from(error: SealingError) -> Self {
        match error {
            SealingError::Open { truncated, error } => unreadable(&error, truncated),
            SealingError::Read(error) => unread(&error, false),
            SealingError::NoSuchPage { .. } => Self::new(Kind::PlacementInvalid, error.to_string()),
            SealingError::Sign(error) => signing(error),
            SealingError::Level(error) => error.into(),
            SealingError::Seal(error) => error.into(),
            SealingError::NoFont | SealingError::NoLink => {
                Self::new(Kind::LooksUnavailable, error.to_string())
            }
            SealingError::NothingToSay { .. } => {
                Self::new(Kind::InvalidParameter, error.to_string()).with("parameter", "lines")
            }
            SealingError::NoPicture | SealingError::Qr(_) => {
                Self::new(Kind::InvalidParameter, error.to_string())
            }
            SealingError::NoDigest => Self::internal(error),
        }
    }
}

/// A document that does not open.
pub fn unreadable(error: &OpenError, truncated: bool) -> Problem {
    let kind = match error {
        OpenError::Encrypted => Kind::PdfEncrypted,
        OpenError::TooComplex { .. } => Kind::PdfTooComplex,
        OpenError::Io(_) => return Problem::internal(error),
        OpenError::Malformed { .. } if truncated => Kind::PdfTruncated,
        _ => Kind::PdfUnreadable,
    };
    let mend = match kind {
        Kind::PdfEncrypted => "remove the password and send it again",
        Kind::PdfTooComplex => "rewrite it with a PDF tool and send it again",
        Kind::PdfTruncated => "send it again from its source, whole",
        _ => "send a PDF as its program wrote it",
    };
    Problem::new(kind, format!("{error}; {mend}"))
}

/// A document that opens, but not where it matters.
pub fn unread(error: &ReadError, truncated: bool) -> Problem {
    match error {
        ReadError::TooComplex { .. } => Problem::new(Kind::PdfTooComplex, error.to_string()),
        ReadError::Io(_) => Problem::internal(error),
        _ if truncated => Problem::new(Kind::PdfTruncated, format!("{error}; send it again, whole")),
        _ => Problem::new(Kind::PdfUnreadable, error.to_string()),
    }
}

fn signing(error: SignError) -> Problem {
    match error {
        SignError::Open(error) => unreadable(&error, false),
        SignError::Prepare(error) => preparing(&error),
        SignError::Signer(error) => match error.downcast::<CmsSignError>() {
            Ok(error) => match *error {
                CmsSignError::Sign(error) => error.into(),
                other => Problem::internal(other),
            },
            Err(error) => match error.downcast::<LevelError>() {
                Ok(error) => (*error).into(),
                Err(error) => by_seal(error),
            },
        },
        SignError::Digest(error) => digesting(error),
        SignError::Embed(_) | SignError::GrowingCms { .. } => Problem::internal(error),
    }
}

/// An SES_Signature that was not made.
fn by_seal(error: Box<dyn std::error::Error + Send + Sync>) -> Problem {
    match error.downcast::<eseal::signature::SignError>() {
        Ok(error) => match *error {
            eseal::signature::SignError::Sign(error) => error.into(),
            error @ eseal::signature::SignError::PropertyInfo(_) => {
                Problem::new(Kind::InvalidParameter, error.to_string()).with("parameter", "property_info")
            }
            error => Problem::new(Kind::SealNotUsable, error.to_string()),
        },
        Err(error) => Problem::internal(error),
    }
}

/// A document that cannot be digested for its signature.
pub(super) fn digesting(error: DigestError) -> Problem {
    match error {
        DigestError::NotAllowed { .. } => Problem::new(Kind::PdfForbids, error.to_string()),
        DigestError::DifferentDocument | DigestError::Damaged | DigestError::Io(_) => {
            Problem::internal(error)
        }
    }
}

pub(super) fn preparing(error: &PrepareError) -> Problem {
    match error {
        PrepareError::Read(error) => unread(error, false),
        PrepareError::Io(_) => Problem::internal(error),
        PrepareError::Malformed { .. } => Problem::new(Kind::PdfUnreadable, error.to_string()),
        PrepareError::NoSuchPage { .. }
        | PrepareError::Geometry(_)
        | PrepareError::Search(_)
        | PrepareError::NoField
        | PrepareError::FieldInvisible { .. }
        | PrepareError::FieldPlaced { .. }
        | PrepareError::Appearance(_) => Problem::new(Kind::PlacementInvalid, error.to_string()),
        PrepareError::TextTooLong { .. }
        | PrepareError::LockedFieldMissing { .. }
        | PrepareError::FieldName { .. }
        | PrepareError::FieldNotSignature { .. } => Problem::new(Kind::InvalidParameter, error.to_string()),
        PrepareError::TooManyFields { .. } | PrepareError::Layout(_) => {
            Problem::new(Kind::PdfTooComplex, error.to_string())
        }
        _ => Problem::new(Kind::PdfForbids, error.to_string()),
    }
}
