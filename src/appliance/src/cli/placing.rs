//! Options that say how a seal is set: shared by `cinnabar seal` and `cinnabar pdf prepare`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use pdf::appearance::Font;
use serde::de::DeserializeOwned;

use super::Failure;
use crate::documents::looks::{EdgeKind, Language, LineKind, SheetKind, SideKind};
use crate::documents::parameters::{LockKind, PlaceKind, SealQuery};

/// How a seal is set.
#[derive(Debug, Clone, Args)]
pub struct Placing {
    /// Page to show the seal on, from 1; negative counts from the end
    #[arg(long, requires_all = ["x_mm", "y_mm"], conflicts_with = "keyword", allow_negative_numbers = true)]
    page: Option<i32>,
    /// Left edge of the seal, millimetres from the page's left as seen
    #[arg(long, requires = "page")]
    x_mm: Option<f64>,
    /// Upper edge of the seal, millimetres from the page's top as seen
    #[arg(long, requires = "page")]
    y_mm: Option<f64>,
    /// Centre the seal on this text
    #[arg(long)]
    keyword: Option<String>,
    /// Which occurrence of the text, from 1
    #[arg(long, requires = "keyword")]
    occurrence: Option<u32>,
    /// Signature field: an existing empty one is signed, any other name is given to a new one
    #[arg(long)]
    field: Option<String>,
    /// Show the seal in the existing field
    #[arg(long, requires = "field", conflicts_with_all = ["page", "keyword"])]
    in_field: bool,
    /// Certify: afterwards nothing (1), forms and signatures (2), or also annotations (3) may change
    #[arg(long, value_name = "1|2|3")]
    certify: Option<u8>,
    /// Lock form fields
    #[arg(long)]
    lock: Option<Lock>,
    /// The fields meant by --lock include and --lock exclude; may be repeated
    #[arg(long, value_name = "FIELD", requires = "lock")]
    lock_field: Vec<String>,
    /// Split the seal over this edge of the pages (骑缝章), alone or besides its place
    #[arg(long, value_name = "right|left|top|bottom", value_parser = word::<EdgeKind>)]
    paging: Option<EdgeKind>,
    /// Millimetres along the edge to the split seal [default: in the middle]
    #[arg(long, requires = "paging")]
    paging_along_mm: Option<f64>,
    /// Split over odd or even pages only
    #[arg(long, requires = "paging", value_name = "every|odd|even", value_parser = word::<SheetKind>)]
    paging_sheets: Option<SheetKind>,
    /// Split one seal over at most so many pages
    #[arg(long, requires = "paging")]
    paging_pages_per_seal: Option<u32>,
    /// Lines beside the seal, from top to bottom, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "signer,time,reason,record", value_parser = word::<LineKind>)]
    lines: Vec<LineKind>,
    /// Language of the lines
    #[arg(long, requires = "lines", value_name = "zh|en|both", value_parser = word::<Language>)]
    lines_language: Option<Language>,
    /// Side of the seal that the lines stand on
    #[arg(long, requires = "lines", value_name = "right|left|above|below", value_parser = word::<SideKind>)]
    lines_side: Option<SideKind>,
    /// Show a QR symbol of the verification link
    #[arg(long)]
    qr: bool,
    /// Side of the seal that the QR symbol stands on
    #[arg(long, requires = "qr", value_name = "right|left|above|below", value_parser = word::<SideKind>)]
    qr_side: Option<SideKind>,
    /// What is prepared here: font of the lines, TrueType or OpenType
    #[arg(long, value_name = "FILE")]
    font: Option<PathBuf>,
    /// Which font of a collection
    #[arg(long, default_value_t = 0, requires = "font")]
    font_index: u32,
    /// What is prepared here: the link that the QR symbol shows
    #[arg(long, requires = "qr", value_name = "URL")]
    qr_link: Option<String>,
    /// Reason shown by viewers
    #[arg(long)]
    reason: Option<String>,
    /// Place shown by viewers
    #[arg(long)]
    location: Option<String>,
}

/// Which fields are locked.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Lock {
    /// All fields
    All,
    /// Those named
    Include,
    /// All but those named
    Exclude,
}

impl Placing {
    /// The parameters as the API takes them.
    #[must_use]
    pub fn query(&self, seal: &str) -> SealQuery {
        SealQuery {
            seal: seal.to_owned(),
            place: self.in_field.then_some(PlaceKind::Field),
            page: self.page,
            x_mm: self.x_mm,
            y_mm: self.y_mm,
            keyword: self.keyword.clone(),
            occurrence: self.occurrence,
            field: self.field.clone(),
            certify: self.certify,
            lock: self.lock.map(|lock| match lock {
                Lock::All => LockKind::All,
                Lock::Include => LockKind::Include,
                Lock::Exclude => LockKind::Exclude,
            }),
            lock_fields: Some(self.lock_field.clone()).filter(|fields| !fields.is_empty()),
            paging: self.paging,
            paging_along_mm: self.paging_along_mm,
            paging_sheets: self.paging_sheets,
            paging_pages_per_seal: self.paging_pages_per_seal,
            lines: Some(self.lines.clone()).filter(|lines| !lines.is_empty()),
            lines_language: self.lines_language,
            lines_side: self.lines_side,
            qr: self.qr.then_some(true),
            qr_side: self.qr_side,
            reason: self.reason.clone(),
            location: self.location.clone(),
            ..SealQuery::default()
        }
    }

    /// The font of what is prepared here.
    ///
    /// # Errors
    /// What is wrong with its file.
    pub fn font(&self) -> Result<Option<Arc<Font>>, Failure> {
        let Some(path) = &self.font else { return Ok(None) };
        let octets =
            std::fs::read(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
        Ok(Some(Arc::new(Font::parse(octets.into(), self.font_index)?)))
    }

    /// The link that a QR symbol prepared here shows.
    #[must_use]
    pub fn link(&self) -> Option<String> {
        self.qr_link.clone()
    }
}

/// A word of the API's.
///
/// # Errors
/// What the words are.
pub fn word<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|error: serde_json::Error| error.to_string())
}
