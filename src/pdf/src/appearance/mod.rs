//! What a seal looks like on the page: its picture, where it stands, and the objects that show it.
//!
//! [`SealImage`] is made once per seal and holds the picture as it will stand in every file;
//! [`Placement`] says where, in millimetres as the reader sees the page; [`geometry`](self) turns that
//! into user space of rotated, cropped and scaled pages. Called by [`crate::sign`]; pixels are never
//! drawn here.

mod geometry;
mod image;
mod objects;

use std::sync::Arc;

pub(crate) use geometry::{Box2, Millimetres, Stand};
pub use geometry::{GeometryError, PageView};
pub use image::{ImageError, ImageLimits, SealImage};
pub(crate) use objects::{appearance_stream, image_streams};

/// A visible seal: which picture, where.
#[derive(Debug, Clone)]
pub struct SealAppearance {
    /// The picture, encoded once and shared.
    pub image: Arc<SealImage>,
    /// Where it stands.
    pub placement: Placement,
}

/// Where a seal stands. Lengths are millimetres on the page as the reader sees it: turned by
/// /Rotate, cut to the crop box, scaled by /UserUnit; x grows to the right, y downwards.
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
    /// In the rectangle of the existing signature field that is signed, as large as its aspect
    /// ratio allows, in the middle.
    Field,
}
