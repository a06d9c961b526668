//! Sealing as computation: document and ready seals in, tail out. No clock, no database.

use std::sync::Arc;

use pdf::appearance::{Placement, SealAppearance};
use pdf::sign::{ClaimedTime, SignError, SignatureRequest, Signed, sign_document};
use pdf::syntax::{Document, Limits, OpenError, ReadError, Source};

use super::grown::Grown;
use super::parameters::{Place, SealRequest};
use crate::seals::ReadySeal;

/// Minutes that China Standard Time is ahead of UTC: what readers of the documents live by.
const CHINA_MINUTES: i16 = 480;

/// One seal to be set on a document.
#[derive(Debug, Clone)]
pub struct Task {
    /// How.
    pub request: SealRequest,
    /// Which.
    pub seal: Arc<ReadySeal>,
    /// Identifier of the record of this use.
    pub record: String,
}

/// A document with all its seals: what to append, and what each of them made of it.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// What to append to the document.
    pub tail: Vec<u8>,
    /// The revisions, one for each task.
    pub revisions: Vec<Revision>,
}

/// What one seal made of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// SHA-256 of the document before.
    pub original_sha256: Vec<u8>,
    /// Its length.
    pub original_length: u64,
    /// SHA-256 of the document with the seal.
    pub result_sha256: Vec<u8>,
    /// Its length.
    pub result_length: u64,
}

/// Which of several seals could not be set, and why.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Failed {
    /// Its place among the tasks, from 0.
    pub index: usize,
    /// Why.
    pub error: SealingError,
}

/// Why a document was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealingError {
    /// It cannot be opened.
    #[error("{error}")]
    Open {
        /// It has no end-of-file marker: most likely the end is missing.
        truncated: bool,
        /// What is wrong.
        error: OpenError,
    },
    /// Its pages cannot be counted.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A page counted from the end lies before the first.
    #[error("the document has {pages} pages, fewer than {asked}")]
    NoSuchPage {
        /// The page asked for, from the end.
        asked: i32,
        /// How many there are.
        pages: u32,
    },
    /// It cannot be signed as asked.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The digest of the result was not computed.
    #[error("the sealed document has no digest")]
    NoDigest,
}

/// Seals `source` with every task in turn, each in a revision of its own, and returns what is to be appended.
///
/// # Errors
/// [`Failed`]: the first task that fails; there is no partial result.
pub fn seal_all(source: &dyn Source, tasks: &[Task], now: i64, limits: &Limits) -> Result<Sealed, Failed> {
    let mut grown = Grown::new(source);
    let mut revisions = Vec::with_capacity(tasks.len());
    for (index, task) in tasks.iter().enumerate() {
        let failed = |error| Failed { index, error };
        let signed = seal(&grown, task, now, limits).map_err(failed)?;
        grown.append(&signed.tail);
        revisions.push(Revision {
            original_sha256: signed.original_sha256,
            original_length: signed.original_length,
            result_sha256: signed.result_sha256.ok_or_else(|| failed(SealingError::NoDigest))?,
            result_length: signed.result_length,
        });
    }
    Ok(Sealed { tail: grown.into_tail(), revisions })
}

fn seal(source: &dyn Source, task: &Task, now: i64, limits: &Limits) -> Result<Signed, SealingError> {
    let document = Document::open(source, limits)
        .map_err(|error| SealingError::Open { truncated: lacks_end(source), error })?;
    let signature = signature_request(&document, task, now)?;
    Ok(sign_document(&document, &signature, &*task.seal)?)
}

/// What the task asks of the PDF engine.
///
/// # Errors
/// [`SealingError`]: the place does not exist.
pub fn signature_request(
    document: &Document<'_>,
    task: &Task,
    now: i64,
) -> Result<SignatureRequest, SealingError> {
    let Task { request, seal, .. } = task;
    let placement = placement(document, &request.place, seal)?;
    Ok(SignatureRequest {
        field_name: request.field.clone(),
        signer_name: Some(seal.summary.name.clone()),
        reason: request.reason.clone(),
        location: request.location.clone(),
        appearance: placement.map(|placement| SealAppearance::new(seal.image.clone(), placement)),
        certify: request.certify,
        lock: request.lock.clone(),
        ..SignatureRequest::new(ClaimedTime { unix_seconds: now, offset_minutes: CHINA_MINUTES })
    })
}

fn placement(
    document: &Document<'_>,
    place: &Place,
    seal: &ReadySeal,
) -> Result<Option<Placement>, SealingError> {
    let (width_mm, height_mm) = (seal.summary.width_mm, seal.summary.height_mm);
    Ok(match place {
        Place::Invisible => None,
        Place::Field => Some(Placement::Field),
        Place::Keyword { text, occurrence } => Some(Placement::Keyword {
            text: text.clone(),
            occurrence: i32::try_from(*occurrence).unwrap_or(i32::MAX),
            dx_mm: 0.0,
            dy_mm: 0.0,
            width_mm,
            height_mm,
        }),
        Place::Page { page, x_mm, y_mm } => {
            let page = match u32::try_from(*page) {
                Ok(page) => page,
                Err(_) => from_end(document, *page)?,
            };
            Some(Placement::Page { page, x_mm: *x_mm, y_mm: *y_mm, width_mm, height_mm })
        }
    })
}

fn from_end(document: &Document<'_>, page: i32) -> Result<u32, SealingError> {
    let pages = document.page_count()?;
    pages
        .checked_sub(page.unsigned_abs().saturating_sub(1))
        .filter(|p| *p > 0)
        .ok_or(SealingError::NoSuchPage { asked: page, pages })
}

/// Whether the end-of-file marker is missing where ISO 32000-2 §7.5.5 and every reader look for it.
#[must_use]
pub fn lacks_end(source: &dyn Source) -> bool {
    const MARKER: &[u8] = b"%%EOF";
    let start = source.len().saturating_sub(1024);
    let mut tail = vec![0; usize::try_from(source.len() - start).unwrap_or(0)];
    source.read_at(start, &mut tail).is_ok() && !tail.windows(MARKER.len()).any(|window| window == MARKER)
}
