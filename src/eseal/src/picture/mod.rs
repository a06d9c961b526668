//! Pictures of seals: drawn from an inscription, or uploaded and checked.
//!
//! A drawn seal is one vector picture: an SVG of shapes alone, whose inscription is outlines, in millimetres. Its PNG
//! is drawn from that very SVG at 600 dots to the inch on a transparent ground, the form GB/T 38540 seals carry. Not
//! responsible for: which fonts a machine has (they are handed in), who may have which seal, or PDF (`pdf::appearance`
//! takes either picture). Called by the appliance for previews, for applications and for making seals.
//!
//! ```no_run
//! # use cinnabar_eseal as eseal;
//! use eseal::picture::{Colour, Font, Shape, draw};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let font = Font::parse(std::fs::read("NotoSerifCJK-Bold.ttc")?.into(), 2)?;
//! let shape = Shape::Round {
//!     name: "示范县行政审批服务局".to_owned(),
//!     purpose: Some("行政审批专用章".to_owned()),
//!     code: Some("37030000001721".to_owned()),
//!     diameter_mm: 42.0,
//!     star: true,
//! };
//! let seal = draw(&shape, Colour::SEAL, &[font])?;
//! let png = seal.png()?;
//! # let _ = (seal.svg(), png);
//! # Ok(())
//! # }
//! ```

mod canvas;
mod curve;
mod font;
mod inscription;
mod outline;
mod raster;
mod shapes;
pub mod sizes;
#[cfg(test)]
mod tests;
pub mod upload;

use serde::{Deserialize, Serialize};

pub use font::Font;
pub use raster::{DOTS_PER_INCH, png_of_svg};

/// Draws a seal in the first of `fonts` that has each character.
///
/// # Errors
/// [`PictureError`], if the inscription does not fit the shape, a size is out of bounds, or a character cannot be set.
pub fn draw(shape: &Shape, colour: Colour, fonts: &[Font]) -> Result<Drawn, PictureError> {
    shapes::draw(shape, colour, fonts)
}

/// What a seal looks like and what it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "shape", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Shape {
    /// 圆形公章: the name along the upper arc, a five-point star, a purpose line under it, a code along the lower arc.
    Round {
        /// Name of the owner, 2 to 40 characters.
        name: String,
        /// Purpose line (`行政审批专用章`), at most 16 characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        purpose: Option<String>,
        /// 13 or 14 digits along the lower arc.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// Outer diameter in millimetres.
        diameter_mm: f64,
        /// The star in the middle; without it the purpose line stands there.
        star: bool,
    },
    /// 椭圆章: the name along the upper arc, a number or line in the middle, the purpose below.
    Oval {
        /// Name of the owner, 2 to 40 characters.
        name: String,
        /// What stands in the middle: a taxpayer's number, an office; at most 24 characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        centre: Option<String>,
        /// Purpose line (`发票专用章`), at most 16 characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        purpose: Option<String>,
        /// Width in millimetres.
        width_mm: f64,
        /// Height in millimetres.
        height_mm: f64,
        /// The line around it.
        border: Border,
    },
    /// 长方形章: one to four lines.
    Rectangle {
        /// The lines, each at most 24 characters.
        lines: Vec<String>,
        /// Width in millimetres.
        width_mm: f64,
        /// Height in millimetres.
        height_mm: f64,
        /// The line around it.
        border: Border,
    },
    /// 名章: a person's name in relief (朱文) within a square, in columns from right to left.
    NameSeal {
        /// 2 to 4 characters.
        name: String,
        /// Fill the square: `印` after three characters, `之印` after two.
        filling: bool,
        /// Edge of the square in millimetres.
        edge_mm: f64,
    },
    /// 签名: a name as written, without a border, as large as the picture allows.
    Signature {
        /// 1 to 16 characters.
        name: String,
        /// Width in millimetres.
        width_mm: f64,
        /// Height in millimetres.
        height_mm: f64,
    },
}

/// The line around a seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Border {
    /// None.
    None,
    /// One line.
    #[default]
    Single,
    /// A line and a fine one within it.
    Double,
}

/// A colour of printing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Colour {
    /// Red, green and blue.
    pub rgb: [u8; 3],
}

impl Colour {
    /// The red of seals (印泥红). Pure red would flicker beside black text on screens; this one prints as vermilion.
    pub const SEAL: Self = Self { rgb: [0xE6, 0x00, 0x12] };
    /// Black, for signatures by hand.
    pub const INK: Self = Self { rgb: [0, 0, 0] };

    /// Reads `#rrggbb`.
    ///
    /// # Errors
    /// [`PictureError::Colour`].
    pub fn parse(text: &str) -> Result<Self, PictureError> {
        let wrong = || PictureError::Colour(text.chars().take(20).collect());
        let mut rgb = [0; 3];
        hex::decode_to_slice(text.strip_prefix('#').ok_or_else(wrong)?, &mut rgb).map_err(|_| wrong())?;
        Ok(Self { rgb })
    }
}

impl std::fmt::Display for Colour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{}", hex::encode(self.rgb))
    }
}

impl From<Colour> for String {
    fn from(colour: Colour) -> Self {
        colour.to_string()
    }
}

impl TryFrom<String> for Colour {
    type Error = PictureError;

    fn try_from(text: String) -> Result<Self, PictureError> {
        Self::parse(&text)
    }
}

/// A drawn seal.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    svg: String,
    width_mm: f64,
    height_mm: f64,
    colour: Colour,
}

impl Drawn {
    /// The vector picture: shapes only, no text, nothing that leads out of it.
    #[must_use]
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// Width on paper in millimetres.
    #[must_use]
    pub const fn width_mm(&self) -> f64 {
        self.width_mm
    }

    /// Height on paper in millimetres.
    #[must_use]
    pub const fn height_mm(&self) -> f64 {
        self.height_mm
    }

    /// Width and height of [`Drawn::png`] in pixels.
    #[must_use]
    pub fn pixels(&self) -> (u32, u32) {
        (raster::pixels(self.width_mm), raster::pixels(self.height_mm))
    }

    /// The same picture as PNG on a transparent ground, 600 dots to the inch, its size in its `pHYs` chunk.
    ///
    /// # Errors
    /// [`PictureError::Raster`].
    pub fn png(&self) -> Result<Vec<u8>, PictureError> {
        raster::png(self)
    }
}

/// Why a seal cannot be drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// A font cannot be read.
    #[error("not a usable font at index {index}: {what}")]
    Font {
        /// Which font of the file.
        index: u32,
        /// What is wrong.
        what: String,
    },
    /// No font was handed in.
    #[error("no font was given to set the inscription in; name one, or upload a picture")]
    NoFont,
    /// No font has a character.
    #[error("the font `{font}` has no glyph for `{character}` (U+{:04X}); name a font that has it, or upload a picture", u32::from(*character))]
    MissingGlyph {
        /// The first font's name.
        font: String,
        /// The character.
        character: char,
    },
    /// A character belongs to a script that cannot be set letter by letter.
    #[error("`{character}` (U+{:04X}) belongs to a script whose letters join, which is not drawn; upload a picture", u32::from(*character))]
    Joining {
        /// The character.
        character: char,
    },
    /// A part of the inscription is too short or too long.
    #[error("the {part} has {found} characters, {least} to {most} fit; shorten it, or upload a picture")]
    Length {
        /// Which part.
        part: &'static str,
        /// Its characters.
        found: usize,
        /// The fewest that fit.
        least: usize,
        /// The most that fit.
        most: usize,
    },
    /// A part of the inscription holds a control character or a line break.
    #[error("the {part} holds a character that does not show (U+{:04X}); leave it out", u32::from(*character))]
    Hidden {
        /// Which part.
        part: &'static str,
        /// The character.
        character: char,
    },
    /// The code is none.
    #[error("`{0}` is no code for a seal's lower arc; it takes 13 or 14 digits")]
    Code(String),
    /// A measure is out of bounds.
    #[error("the {what} of {micrometres} µm is out of bounds; {least} to {most} mm are drawn")]
    Size {
        /// Which measure.
        what: &'static str,
        /// It, in thousandths of a millimetre.
        micrometres: i64,
        /// The least, in millimetres.
        least: u32,
        /// The most, in millimetres.
        most: u32,
    },
    /// The colour is none.
    #[error("`{0}` is no colour; write `#rrggbb`")]
    Colour(String),
    /// The vector picture could not be drawn to pixels.
    #[error("the picture could not be drawn to pixels: {0}")]
    Raster(&'static str),
}
