//! How a seal's picture is to be drawn, as callers say it, and the fonts it is drawn in.
//!
//! Shape and inscription are the caller's; what is left out follows from the seal: its name, its level, its kind. The
//! drawing itself is `eseal::picture`'s. Used by previews and by applications without an uploaded picture.

use std::path::{Path, PathBuf};

use eseal::picture::{Border, Colour, Drawn, Font, PictureError, Shape, draw, sizes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::kinds::Level;

/// The picture of a seal to be drawn.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Drawing {
    /// What it looks like; `round` when left out.
    pub shape: ShapeWord,
    /// Name of the owner: along the upper arc, or the characters of a name seal or signature. Left out in an
    /// application: the seal's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Purpose line of round and oval seals (`行政审批专用章`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Oval seals: what stands in the middle, such as a taxpayer's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub centre: Option<String>,
    /// Round seals: 13 or 14 digits along the lower arc.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Rectangular seals: the lines, one to four; the name when left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// Round seals: without the five-point star.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_star: bool,
    /// Name seals: fill the square with `印` or `之印`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub filling: bool,
    /// Line around oval and rectangular seals: `none`, `single` or `double`; single when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub border: Option<Border>,
    /// `#rrggbb`; the red of seals when left out, black for signatures.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub colour: Option<Colour>,
    /// Level of government that the diameter of a round seal follows from; `county` when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// Width in millimetres; by shape, level and purpose when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width_mm: Option<f64>,
    /// Height in millimetres; by shape when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height_mm: Option<f64>,
}

/// What a seal looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ShapeWord {
    /// 圆形: name on the arc, star, purpose line, code.
    #[default]
    Round,
    /// 椭圆形.
    Oval,
    /// 长方形.
    Rectangle,
    /// 名章: a square with 2 to 4 characters.
    NameSeal,
    /// 签名.
    Signature,
}

/// Why a picture is not drawn.
#[derive(Debug, thiserror::Error)]
pub enum DrawingError {
    /// The name is left out and nothing stands in for it.
    #[error("the name is left out; say what stands on the seal")]
    NoName,
    /// A round or square seal is asked to be wider than high.
    #[error("a seal of this shape is as wide as high; leave `height_mm` out")]
    NotEven,
    /// It cannot be drawn.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// No font is configured.
    #[error("no font is configured to draw seals in; set `documents.font`, or upload a picture")]
    NoFont,
    /// The font cannot be read.
    #[error("the font `{path}` cannot be read: {source}")]
    Unreadable {
        /// Its file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Drawing {
    /// The shape this comes to. `name` stands in for a name that is left out.
    ///
    /// # Errors
    /// [`DrawingError::NoName`], [`DrawingError::NotEven`].
    pub fn shape(&self, name: Option<&str>) -> Result<Shape, DrawingError> {
        let text = self.name.as_deref().or(name).map(ToOwned::to_owned).ok_or(DrawingError::NoName);
        let (purpose, border) = (self.purpose.clone(), self.border.unwrap_or_default());
        let size =
            |(width, height): (f64, f64)| (self.width_mm.unwrap_or(width), self.height_mm.unwrap_or(height));
        let even = |edge: f64| {
            let (width, height) = size((edge, self.width_mm.unwrap_or(edge)));
            if (width - height).abs() < 1e-6 { Ok(width) } else { Err(DrawingError::NotEven) }
        };
        Ok(match self.shape {
            ShapeWord::Round => {
                let level = sizes::Level::parse(self.level.unwrap_or(Level::County).as_str());
                let official = level.unwrap_or(sizes::Level::County).diameter_mm();
                // A seal of special purpose says so, and is smaller than the one of the statutory name.
                let usual = if purpose.is_some() { sizes::SPECIAL_MM } else { official };
                let diameter_mm = even(usual)?;
                let (code, star) = (self.code.clone(), !self.no_star);
                Shape::Round { name: text?, purpose, code, diameter_mm, star }
            }
            ShapeWord::Oval => {
                let usual = if self.centre.is_some() { sizes::INVOICE_MM } else { sizes::TAX_MM };
                let (width_mm, height_mm) = size(usual);
                let centre = self.centre.clone();
                Shape::Oval { name: text?, centre, purpose, width_mm, height_mm, border }
            }
            ShapeWord::Rectangle => {
                let (width_mm, height_mm) = size(sizes::RECTANGLE_MM);
                let mut lines = self.lines.clone();
                if lines.is_empty() {
                    lines.push(text?);
                }
                Shape::Rectangle { lines, width_mm, height_mm, border }
            }
            ShapeWord::NameSeal => {
                let edge_mm = even(sizes::NAME_SEAL_MM)?;
                Shape::NameSeal { name: text?, filling: self.filling, edge_mm }
            }
            ShapeWord::Signature => {
                let (width_mm, height_mm) = size(sizes::SIGNATURE_MM);
                Shape::Signature { name: text?, width_mm, height_mm }
            }
        })
    }

    /// Draws it. Takes some ten milliseconds; not for a thread that serves others.
    ///
    /// # Errors
    /// [`DrawingError`].
    pub fn draw(&self, name: Option<&str>, fonts: &[Font]) -> Result<Drawn, DrawingError> {
        let usual = if self.shape == ShapeWord::Signature { Colour::INK } else { Colour::SEAL };
        Ok(draw(&self.shape(name)?, self.colour.unwrap_or(usual), fonts)?)
    }
}

/// Reads the font that seals are drawn in. Read for each drawing: seals are drawn rarely, and the fonts of all of China's
/// characters take 25 MB.
///
/// # Errors
/// [`DrawingError`], if there is none or it cannot be used.
pub fn font(path: Option<&Path>, index: u32) -> Result<Font, DrawingError> {
    let path = path.ok_or(DrawingError::NoFont)?;
    let octets =
        std::fs::read(path).map_err(|source| DrawingError::Unreadable { path: path.to_owned(), source })?;
    Ok(Font::parse(octets.into(), index)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shape(drawing: serde_json::Value) -> Result<Shape, DrawingError> {
        serde_json::from_value::<Drawing>(drawing).unwrap().shape(Some("示范县行政审批服务局"))
    }

    #[test]
    fn sizes_follow_from_level_and_purpose() {
        let diameter = |drawing| match shape(drawing).unwrap() {
            Shape::Round { diameter_mm, star: true, .. } => diameter_mm,
            other => panic!("{other:?}"),
        };
        for (level, mm) in
            [("national", 60.0), ("provincial", 50.0), ("city", 45.0), ("county", 42.0), ("other", 42.0)]
        {
            assert!((diameter(json!({ "level": level })) - mm).abs() < 1e-9, "{level}");
        }
        assert!((diameter(json!({})) - 42.0).abs() < 1e-9);
        assert!((diameter(json!({ "level": "city", "purpose": "审批专用章" })) - 38.0).abs() < 1e-9);
        assert!((diameter(json!({ "level": "city", "width_mm": 40 })) - 40.0).abs() < 1e-9);
        let oval = |drawing| match shape(drawing).unwrap() {
            Shape::Oval { width_mm, height_mm, .. } => (width_mm, height_mm),
            other => panic!("{other:?}"),
        };
        assert_eq!(oval(json!({ "shape": "oval" })), sizes::TAX_MM);
        assert_eq!(oval(json!({ "shape": "oval", "centre": "91" })), sizes::INVOICE_MM);
        assert_eq!(oval(json!({ "shape": "oval", "width_mm": 45, "height_mm": 30 })), sizes::LARGE_OVAL_MM);
    }

    #[test]
    fn what_is_left_out_is_the_seals_own_or_said() {
        let Shape::Rectangle { lines, .. } = shape(json!({ "shape": "rectangle" })).unwrap() else {
            panic!()
        };
        assert_eq!(lines, ["示范县行政审批服务局"]);
        assert!(matches!(Drawing::default().shape(None), Err(DrawingError::NoName)));
        let wide = json!({ "width_mm": 42, "height_mm": 30 });
        assert!(matches!(shape(wide), Err(DrawingError::NotEven)));
        let wide = json!({ "shape": "name-seal", "height_mm": 30 });
        assert!(matches!(shape(wide), Err(DrawingError::NotEven)));
        assert!(serde_json::from_value::<Drawing>(json!({ "stars": 5 })).is_err());
        assert!(matches!(font(None, 0), Err(DrawingError::NoFont)));
        assert!(matches!(font(Some(Path::new("/nowhere")), 0), Err(DrawingError::Unreadable { .. })));
    }
}
