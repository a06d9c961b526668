//! Sealing as computation: document and ready seals in, tail out. No clock, no database.

use std::sync::Arc;

use pdf::appearance::{Font, Placement, QrError, SealAppearance, SealImage};
use pdf::sign::{ClaimedTime, SignError, SignatureRequest, Signed, sign_document};
use pdf::syntax::{Document, Limits, OpenError, ReadError, Source};

use super::grown::Grown;
use super::levels::{LevelError, Raising};
use super::looks::{self, LineKind, Said};
use super::parameters::{Place, SealRequest};
use super::signers::{Manner, signer};
use crate::seals::{ReadySeal, SealError};

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
    /// The seal does not sign so.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The level is not reached.
    #[error(transparent)]
    Level(#[from] LevelError),
    /// A place was asked for, and there is no picture to show there.
    #[error("there is no picture to show: give one with its width")]
    NoPicture,
    /// Lines were asked for, and there is no font to set them in.
    #[error("lines of text need a font: name one in `[documents] font`")]
    NoFont,
    /// A QR symbol was asked for, and there is no link to encode.
    #[error(
        "a QR symbol needs the address of the verification page: name it in `[documents] verification_url`"
    )]
    NoLink,
    /// A line was asked for that would be empty.
    #[error("there is nothing to say in the line `{kind:?}`: leave it out")]
    NothingToSay {
        /// Which line.
        kind: LineKind,
    },
    /// The link does not fit a QR symbol.
    #[error(transparent)]
    Qr(#[from] QrError),
    /// The digest of the result was not computed.
    #[error("the sealed document has no digest")]
    NoDigest,
}

/// Seals `source` with every task in turn, each in a revision of its own, and returns what is to be appended.
///
/// # Errors
/// [`Failed`]: the first task that fails; there is no partial result.
pub fn seal_all(
    source: &dyn Source,
    tasks: &[Task],
    means: &Means,
    now: i64,
    limits: &Limits,
) -> Result<Sealed, Failed> {
    let mut grown = Grown::new(source);
    let mut revisions: Vec<Revision> = Vec::with_capacity(tasks.len());
    for (index, task) in tasks.iter().enumerate() {
        let failed = |error| Failed { index, error };
        let signed = seal(&grown, task, means, now, limits).map_err(failed)?;
        grown.append(&signed.tail);
        revisions.push(Revision {
            original_sha256: signed.original_sha256,
            original_length: signed.original_length,
            result_sha256: signed.result_sha256.ok_or_else(|| failed(SealingError::NoDigest))?,
            result_length: signed.result_length,
        });
    }
    if let Some(raising) = &means.raising {
        let failed = |error| Failed { index: tasks.len().saturating_sub(1), error };
        let finished = raising.finish(&grown, limits).map_err(|error| failed(error.into()))?;
        if let (Some(signed), Some(last)) = (finished, revisions.last_mut()) {
            // What the level takes is for all seals; it belongs to the record of the last.
            grown.append(&signed.tail);
            last.result_length = signed.result_length;
            last.result_sha256 = signed.result_sha256.ok_or_else(|| failed(SealingError::NoDigest))?;
        }
    }
    Ok(Sealed { tail: grown.into_tail(), revisions })
}

fn seal(
    source: &dyn Source,
    task: &Task,
    Means { offer, raising }: &Means,
    now: i64,
    limits: &Limits,
) -> Result<Signed, SealingError> {
    let document = Document::open(source, limits)
        .map_err(|error| SealingError::Open { truncated: lacks_end(source), error })?;
    let look = Look {
        name: Some(&task.seal.summary.name),
        picture: Some(task.seal.picture()),
        record: Some(&task.record),
        font: offer.font.clone(),
        link: offer.link(&task.record),
    };
    let signature = signature_request(&document, &task.request, &look, now)?;
    let manner = Manner { format: task.request.format, time: now, property: None };
    let signer = signer(&task.seal, manner, raising.as_ref())?;
    Ok(sign_document(&document, &signature, &*signer)?)
}

/// What sealing works with besides seals and document.
#[derive(Debug, Clone, Default)]
pub struct Means {
    /// What may stand beside a seal.
    pub offer: Offer,
    /// Time-stamps and evidence for levels above B-B; used on blocking threads only.
    pub raising: Option<Raising>,
}

/// What a house has to offer beside a seal, whichever it is.
#[derive(Debug, Clone, Default)]
pub struct Offer {
    /// What text is set in.
    pub font: Option<Arc<Font>>,
    /// Where documents can be verified; the record's identifier is appended.
    pub verification_url: Option<String>,
}

impl Offer {
    fn link(&self, record: &str) -> Option<String> {
        self.verification_url.as_ref().map(|url| format!("{url}{record}"))
    }
}

/// A seal's picture and its size on paper.
#[derive(Debug, Clone)]
pub struct Picture {
    /// The picture.
    pub image: Arc<SealImage>,
    /// Its width in millimetres.
    pub width_mm: f64,
    /// Its height in millimetres.
    pub height_mm: f64,
}

/// What one signature may show.
#[derive(Debug, Clone, Default)]
pub struct Look<'a> {
    /// Who signs.
    pub name: Option<&'a str>,
    /// The seal.
    pub picture: Option<Picture>,
    /// Number of the record, where it is known beforehand.
    pub record: Option<&'a str>,
    /// What text is set in.
    pub font: Option<Arc<Font>>,
    /// Where the document can be verified.
    pub link: Option<String>,
}

/// What `request` asks of the PDF engine.
///
/// # Errors
/// [`SealingError`]: the place does not exist, or there is nothing to show there.
pub fn signature_request(
    document: &Document<'_>,
    request: &SealRequest,
    look: &Look<'_>,
    now: i64,
) -> Result<SignatureRequest, SealingError> {
    Ok(SignatureRequest {
        container: request.format.container(),
        field_name: request.field.clone(),
        signer_name: look.name.map(str::to_owned),
        reason: request.reason.clone(),
        location: request.location.clone(),
        appearance: appearance(document, request, look, now)?,
        certify: request.certify,
        lock: request.lock.clone(),
        ..SignatureRequest::new(ClaimedTime { unix_seconds: now, offset_minutes: CHINA_MINUTES })
    })
}

fn appearance(
    document: &Document<'_>,
    request: &SealRequest,
    look: &Look<'_>,
    now: i64,
) -> Result<Option<SealAppearance>, SealingError> {
    if request.place == Place::Invisible {
        return Ok(None);
    }
    let Picture { image, width_mm, height_mm } = look.picture.clone().ok_or(SealingError::NoPicture)?;
    let paging = request.paging.as_ref().map(|wish| wish.paging(width_mm, height_mm));
    let (placement, paging) = match (&request.place, paging) {
        (Place::Paging, Some(paging)) => (Placement::Paging(paging), None),
        (Place::Invisible | Place::Elsewhere | Place::Paging, _) => return Ok(None),
        (Place::Field, paging) => (Placement::Field, paging),
        (Place::Keyword { text, occurrence }, paging) => {
            let occurrence = i32::try_from(*occurrence).unwrap_or(i32::MAX);
            let text = text.clone();
            (Placement::Keyword { text, occurrence, dx_mm: 0.0, dy_mm: 0.0, width_mm, height_mm }, paging)
        }
        (Place::Page { page, x_mm, y_mm }, paging) => {
            let page = match u32::try_from(*page) {
                Ok(page) => page,
                Err(_) => from_end(document, *page)?,
            };
            (Placement::Page { page, x_mm: *x_mm, y_mm: *y_mm, width_mm, height_mm }, paging)
        }
    };
    let lines = request.lines.as_ref().map(|wish| {
        let said =
            Said { signer: look.name, time: now, reason: request.reason.as_deref(), record: look.record };
        let font = look.font.clone().ok_or(SealingError::NoFont)?;
        wish.lines(said, font).map_err(|kind| SealingError::NothingToSay { kind })
    });
    let qr = request.qr.map(|side| {
        let link = look.link.as_deref().ok_or(SealingError::NoLink)?;
        Ok::<_, SealingError>(looks::qr(link, side)?)
    });
    let (lines, qr) = (lines.transpose()?, qr.transpose()?);
    Ok(Some(SealAppearance { lines, qr, paging, ..SealAppearance::new(image, placement) }))
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
