//! Sealing as computation: document and ready seal in, tail out. No clock, no database.

use pdf::appearance::{Placement, SealAppearance};
use pdf::sign::{ClaimedTime, SignError, SignatureRequest, Signed, sign_document};
use pdf::syntax::{Document, Limits, OpenError, ReadError, Source};

use super::model::{Place, SealRequest};
use crate::seals::ReadySeal;

/// Minutes that China Standard Time is ahead of UTC: what readers of the documents live by.
const CHINA_MINUTES: i16 = 480;

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
}

/// Seals `source` and returns what is to be appended.
///
/// # Errors
/// [`SealingError`].
pub fn seal(
    source: &dyn Source,
    request: &SealRequest,
    seal: &ReadySeal,
    now: i64,
    limits: &Limits,
) -> Result<Signed, SealingError> {
    let document = Document::open(source, limits)
        .map_err(|error| SealingError::Open { truncated: lacks_end(source), error })?;
    let placement = placement(&document, &request.place, seal)?;
    let signature = SignatureRequest {
        signer_name: Some(seal.summary.name.clone()),
        reason: request.reason.clone(),
        location: request.location.clone(),
        appearance: placement.map(|placement| SealAppearance::new(seal.image.clone(), placement)),
        ..SignatureRequest::new(ClaimedTime { unix_seconds: now, offset_minutes: CHINA_MINUTES })
    };
    Ok(sign_document(&document, &signature, seal)?)
}

fn placement(
    document: &Document<'_>,
    place: &Place,
    seal: &ReadySeal,
) -> Result<Option<Placement>, SealingError> {
    let (width_mm, height_mm) = (seal.summary.width_mm, seal.summary.height_mm);
    Ok(match place {
        Place::Invisible => None,
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
