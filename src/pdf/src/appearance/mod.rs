//! What a seal looks like on the page: its picture, what stands beside it, where, and the objects that
//! show it.
//!
//! [`SealImage`] is made once per seal and holds the picture as it will stand in every file;
//! [`Lines`] are text beside it, set in a [`Font`] that the caller hands in, [`Qr`] is a link to be
//! scanned. [`Placement`] says where, in millimetres as the reader sees the page, [`Paging`] splits the
//! seal over the edges of pages (骑缝章); [`geometry`](self) turns that into user space of rotated, cropped
//! and scaled pages. Called by [`crate::sign`]; no file is read here and nothing is fetched.

mod bitmap;
mod compose;
mod font;
mod geometry;
mod image;
mod lines;
mod objects;
mod paging;
mod qr;
mod subset;
mod svg;

use std::sync::Arc;

pub(crate) use compose::Design;
pub use font::{Font, FontError};
pub(crate) use geometry::{Box2, Millimetres, Stand};
pub use geometry::{GeometryError, PageView};
pub use image::{ImageError, ImageLimits, Made, SealImage};
pub use lines::{Lines, LinesError, Side};
pub(crate) use objects::{Painter, Paper, empty_form};
pub(crate) use paging::Slice;
pub use paging::{Edge, Paging, PagingError, Sheets};
pub use qr::{Qr, QrError};

/// A visible seal: which picture, where, and what stands beside it.
#[derive(Debug, Clone)]
pub struct SealAppearance {
    /// The picture, encoded once and shared.
    pub image: Arc<SealImage>,
    /// Where it stands.
    pub placement: Placement,
    /// Text beside it.
    pub lines: Option<Lines>,
    /// A QR symbol beside it.
    pub qr: Option<Qr>,
    /// The same seal also split over the pages' edges, in the same signature.
    pub paging: Option<Paging>,
}

impl SealAppearance {
    /// The seal alone.
    #[must_use]
    pub fn new(image: Arc<SealImage>, placement: Placement) -> Self {
        Self { image, placement, lines: None, qr: None, paging: None }
    }

    /// Where the seal is split over the pages' edges, alone or besides.
    pub(crate) fn all_paging(&self) -> Result<Option<&Paging>, AppearanceError> {
        match (&self.placement, &self.paging) {
            (Placement::Paging(_), Some(_)) => Err(AppearanceError::PagingTwice),
            (Placement::Paging(paging), None) if self.lines.is_none() && self.qr.is_none() => {
                Ok(Some(paging))
            }
            (Placement::Paging(_), None) => Err(AppearanceError::NothingBeside),
            (_, paging) => Ok(paging.as_ref()),
        }
    }
}

/// Where a seal stands. Lengths are millimetres on the page as the reader sees it: turned by
/// /Rotate, cut to the crop box, scaled by /UserUnit; x grows to the right, y downwards.
///
/// Lengths and places are the seal's own; what stands beside it must find room on the page, too.
#[derive(Debug, Clone, PartialEq)]
pub enum Placement {
    /// At a place on a page. The seal must lie on the page entirely.
    Page {
        /// Page number from 1 on.
        page: u32,
        /// From the page's left edge to the seal's.
        x_mm: f64,
        /// From the page's top edge to the seal's.
        y_mm: f64,
        /// The seal's width.
        width_mm: f64,
        /// The seal's height.
        height_mm: f64,
    },
    /// Centred on an occurrence of a text, moved by an offset, then moved onto the page where it
    /// would stick out (a keyword near the margin is the normal case).
    Keyword {
        /// The text; white space, full-width forms and Kangxi radicals do not matter.
        text: String,
        /// Which occurrence, counted through the pages: 1 is the first, -1 the last.
        occurrence: i32,
        /// From the text's middle to the seal's, to the right.
        dx_mm: f64,
        /// From the text's middle to the seal's, downwards.
        dy_mm: f64,
        /// The seal's width.
        width_mm: f64,
        /// The seal's height.
        height_mm: f64,
    },
    /// As [`Placement::Keyword`], at every occurrence of the text, all in one signature.
    EveryKeyword {
        /// The text.
        text: String,
        /// From the text's middle to the seal's, to the right.
        dx_mm: f64,
        /// From the text's middle to the seal's, downwards.
        dy_mm: f64,
        /// The seal's width.
        width_mm: f64,
        /// The seal's height.
        height_mm: f64,
    },
    /// In the rectangle of the existing signature field that is signed, as large as its aspect
    /// ratio allows, in the middle, with what stands beside it.
    Field,
    /// Split over the edges of pages and nowhere whole (骑缝章).
    Paging(Paging),
}

/// Why a seal cannot be shown so.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AppearanceError {
    /// The lines cannot be set.
    #[error(transparent)]
    Lines(#[from] LinesError),
    /// The seal cannot be split.
    #[error(transparent)]
    Paging(#[from] PagingError),
    /// Two splits of one seal.
    #[error("the seal is split over the pages' edges twice: leave one of the two out")]
    PagingTwice,
    /// A seal that is only split has no place for text.
    #[error("text and QR symbols stand beside a seal that stands somewhere whole, not beside its slices")]
    NothingBeside,
    /// The field is too small.
    #[error(
        "a field of {width_mm:.1} mm x {height_mm:.1} mm has no room for the seal and what stands beside it"
    )]
    NoRoom {
        /// The field's width.
        width_mm: f64,
        /// The field's height.
        height_mm: f64,
    },
    /// The picture cannot be made fit for the document.
    #[error("the seal's picture cannot be adapted to the document: {0}")]
    Image(&'static str),
}
