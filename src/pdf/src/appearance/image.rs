//! A seal's picture: PNG or SVG in, what draws it in a PDF out.

use std::io::Cursor;
use std::sync::Arc;

use super::AppearanceError;
use super::bitmap::Bitmap;
use super::font::{Font, FontError};
use super::objects::Paper;
use super::svg::{self, Drawing};
use crate::syntax::ObjectId;
use crate::write::Update;

/// A seal's picture, read, checked and encoded for PDF once; every signature copies the ready streams.
/// Cheap to clone.
#[derive(Clone)]
pub struct SealImage {
    kind: Kind,
    made: Made,
}

#[derive(Clone)]
enum Kind {
    Bitmap(Bitmap),
    Drawing(Arc<Drawing>),
}

/// How a seal's picture came to stand in documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// A PNG's pixels.
    Pixels,
    /// An SVG's shapes, sharp at every size.
    Shapes,
    /// An SVG drawn to pixels, since PDF has nothing like what it uses.
    Drawn {
        /// What it uses, in SVG's words.
        because: &'static str,
    },
}

/// How large a picture may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageLimits {
    /// Octets of the PNG file.
    pub file: usize,
    /// Pixels along an edge.
    pub edge: u32,
    /// Pixels altogether.
    pub pixels: u64,
}

impl Default for ImageLimits {
    /// Enough for 60 mm at 1,200 dpi; a decoded picture stays under 36 MiB.
    fn default() -> Self {
        Self { file: 4 << 20, edge: 4_096, pixels: 9_000_000 }
    }
}

/// Why a picture cannot be a seal.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The file is larger than allowed.
    #[error("the picture has {size} octets, {limit} are allowed")]
    FileTooLarge {
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// The picture has too many pixels.
    #[error(
        "the picture has {width} x {height} pixels, allowed are {edge} along an edge and {pixels} altogether"
    )]
    TooManyPixels {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// The limit along an edge.
        edge: u32,
        /// The limit altogether.
        pixels: u64,
    },
    /// It is not a PNG, or a damaged one.
    #[error("not a usable PNG: {0}")]
    Png(#[from] png::DecodingError),
    /// It is not an SVG, or a damaged one.
    #[error("not a usable SVG: {0}")]
    Svg(String),
    /// The SVG uses what is not drawn, or what leads out of it.
    #[error("the SVG uses `{what}`, which seals may not")]
    SvgUses {
        /// What it uses.
        what: String,
    },
    /// Drawing the SVG would take too long.
    #[error("the SVG is too intricate: {what} exceeds {limit}")]
    TooIntricate {
        /// Of what there is too much.
        what: &'static str,
        /// How much is allowed.
        limit: usize,
    },
    /// Its text cannot be set in the fonts handed in.
    #[error("the SVG's text cannot be set: {0}")]
    Font(#[from] FontError),
    /// Its text has no font to be set in.
    #[error("the SVG holds text, and no font was handed in to set it: convert it to paths")]
    NoFont,
    /// It has pixels but shows nothing.
    #[error("every pixel of the picture is transparent")]
    Invisible,
    /// The encoder failed.
    #[error("the picture could not be compressed")]
    Compression,
}

impl SealImage {
    /// Reads a PNG of any colour type and depth.
    ///
    /// Sixteen bits become eight, palettes and transparent colours are expanded. Where a pixel is
    /// wholly transparent its colour is replaced by the picture's mean colour: viewers scale colour
    /// and mask apart, and whatever colour an editor left under the transparency (mostly black)
    /// would show as a fringe around the seal.
    ///
    /// # Errors
    /// [`ImageError`], if it is not a PNG, too large for `limits`, or shows nothing.
    pub fn from_png(png: &[u8], limits: &ImageLimits) -> Result<Self, ImageError> {
        if png.len() > limits.file {
            return Err(ImageError::FileTooLarge { size: png.len(), limit: limits.file });
        }
        let bytes = usize::try_from(limits.pixels.saturating_mul(8)).unwrap_or(usize::MAX);
        let mut decoder = png::Decoder::new_with_limits(Cursor::new(png), png::Limits { bytes });
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let (width, height) = decoder.read_header_info().map(|info| (info.width, info.height))?;
        let pixels = u64::from(width) * u64::from(height);
        if width > limits.edge || height > limits.edge || pixels > limits.pixels {
            return Err(ImageError::TooManyPixels {
                width,
                height,
                edge: limits.edge,
                pixels: limits.pixels,
            });
        }
        let mut reader = decoder.read_info()?;
        let size = reader.output_buffer_size().ok_or(png::DecodingError::LimitsExceeded)?;
        let mut samples = vec![0; size];
        let info = reader.next_frame(&mut samples)?;
        samples.truncate(info.buffer_size());
        let (channels, has_alpha) = match info.color_type {
            png::ColorType::Grayscale => (1, false),
            png::ColorType::GrayscaleAlpha => (1, true),
            png::ColorType::Rgba => (3, true),
            png::ColorType::Rgb | png::ColorType::Indexed => (3, false),
        };
        let bitmap = Bitmap::new((width, height), channels, has_alpha, samples)?;
        Ok(Self { kind: Kind::Bitmap(bitmap), made: Made::Pixels })
    }

    /// Reads an SVG, which becomes shapes in the PDF wherever PDF can express it; what it cannot
    /// (filters, masks) makes it pixels, as [`SealImage::made`] tells.
    ///
    /// Text is set in `fonts`, whatever families it names, and becomes shapes. Nothing is fetched:
    /// pictures within the SVG, entities and references to elsewhere are refused, not left out, and so
    /// is what would take long to draw.
    ///
    /// # Errors
    /// [`ImageError`], if it is not an SVG, too large or too intricate, refers to anything outside, or
    /// shows nothing.
    pub fn from_svg(svg: &[u8], limits: &ImageLimits, fonts: &[Arc<Font>]) -> Result<Self, ImageError> {
        if svg.len() > limits.file {
            return Err(ImageError::FileTooLarge { size: svg.len(), limit: limits.file });
        }
        match svg::read(svg, limits, fonts)? {
            svg::Read::Shapes(drawing) => Ok(Self { kind: Kind::Drawing(drawing), made: Made::Shapes }),
            svg::Read::Pixels { bitmap, because } => {
                Ok(Self { kind: Kind::Bitmap(bitmap), made: Made::Drawn { because } })
            }
        }
    }

    /// How it stands in documents.
    #[must_use]
    pub fn made(&self) -> Made {
        self.made
    }

    /// Width in pixels; of shapes in SVG's user units, rounded up.
    #[must_use]
    pub fn width(&self) -> u32 {
        match &self.kind {
            Kind::Bitmap(bitmap) => bitmap.width,
            Kind::Drawing(drawing) => drawing.pixels().0,
        }
    }

    /// Height in pixels; of shapes in SVG's user units, rounded up.
    #[must_use]
    pub fn height(&self) -> u32 {
        match &self.kind {
            Kind::Bitmap(bitmap) => bitmap.height,
            Kind::Drawing(drawing) => drawing.pixels().1,
        }
    }

    /// Octets this picture adds to a file, about.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        match &self.kind {
            Kind::Bitmap(bitmap) => {
                bitmap.colour.len() + bitmap.alpha.as_ref().map_or(0, |alpha| alpha.len())
            }
            Kind::Drawing(drawing) => drawing.encoded_len(),
        }
    }

    /// Width to height.
    pub(super) fn aspect(&self) -> f64 {
        match &self.kind {
            Kind::Bitmap(bitmap) => f64::from(bitmap.width.max(1)) / f64::from(bitmap.height.max(1)),
            Kind::Drawing(drawing) => drawing.aspect(),
        }
    }

    /// Adds the picture as an XObject that fills the unit square; whoever draws it often refers to it
    /// often.
    pub(super) fn write(&self, update: &mut Update, paper: Paper) -> Result<ObjectId, AppearanceError> {
        match &self.kind {
            Kind::Bitmap(bitmap) => bitmap.write(update, paper),
            Kind::Drawing(drawing) => drawing.write(update, paper),
        }
    }
}

impl std::fmt::Debug for SealImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealImage")
            .field("made", &self.made)
            .field("width", &self.width())
            .field("height", &self.height())
            .field("octets", &self.encoded_len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::bitmap::inflate;
    use super::*;

    fn png(
        colour: png::ColorType,
        depth: png::BitDepth,
        size: (u32, u32),
        data: &[u8],
        palette: bool,
    ) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, size.0, size.1);
        encoder.set_color(colour);
        encoder.set_depth(depth);
        if palette {
            encoder.set_palette(vec![200, 0, 0, 0, 0, 0]);
            encoder.set_trns(vec![255, 0]);
        }
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(data).unwrap();
        writer.finish().unwrap();
        out
    }

    fn read(png: &[u8]) -> Bitmap {
        match SealImage::from_png(png, &ImageLimits::default()).unwrap().kind {
            Kind::Bitmap(bitmap) => bitmap,
            Kind::Drawing(_) => panic!("a PNG is no drawing"),
        }
    }

    #[test]
    fn transparent_pixels_take_the_mean_colour() {
        let data = [200, 10, 0, 255, 0, 0, 0, 0, 200, 10, 0, 255, 9, 9, 9, 0];
        let image = read(&png(png::ColorType::Rgba, png::BitDepth::Eight, (2, 2), &data, false));
        assert_eq!(inflate(&image.colour).unwrap(), [200, 10, 0].repeat(4));
        assert_eq!(inflate(image.alpha.as_deref().unwrap()).unwrap(), [255, 0, 255, 0]);
    }

    #[test]
    fn palette_with_transparency_is_expanded() {
        let image = read(&png(png::ColorType::Indexed, png::BitDepth::One, (2, 1), &[0b0100_0000], true));
        assert_eq!(inflate(&image.colour).unwrap(), [200, 0, 0, 200, 0, 0]);
        assert_eq!(inflate(image.alpha.as_deref().unwrap()).unwrap(), [255, 0]);
    }

    #[test]
    fn sixteen_bits_and_grey_become_eight_bits_grey() {
        let data = [0x12, 0x34, 0xFF, 0xFF];
        let image = read(&png(png::ColorType::Grayscale, png::BitDepth::Sixteen, (2, 1), &data, false));
        assert!(image.grey);
        assert_eq!(inflate(&image.colour).unwrap(), [0x12, 0xFF]);
        assert!(image.alpha.is_none());
        let image =
            read(&png(png::ColorType::GrayscaleAlpha, png::BitDepth::Eight, (1, 1), &[7, 255], false));
        assert!(image.grey && image.alpha.is_none());
    }

    #[test]
    fn what_is_too_large_or_shows_nothing_is_refused() {
        let small = png(png::ColorType::Rgb, png::BitDepth::Eight, (2, 1), &[1; 6], false);
        let limits = |file, edge, pixels| ImageLimits { file, edge, pixels };
        assert!(matches!(
            SealImage::from_png(&small, &limits(10, 9, 9)),
            Err(ImageError::FileTooLarge { .. })
        ));
        assert!(matches!(
            SealImage::from_png(&small, &limits(1_000, 1, 9)),
            Err(ImageError::TooManyPixels { width: 2, .. })
        ));
        let nothing = png(png::ColorType::Rgba, png::BitDepth::Eight, (1, 1), &[1, 1, 1, 0], false);
        assert!(matches!(SealImage::from_png(&nothing, &ImageLimits::default()), Err(ImageError::Invisible)));
    }

    #[test]
    fn a_header_that_promises_gigapixels_is_refused_before_it_is_believed() {
        let mut bomb = png(png::ColorType::Rgb, png::BitDepth::Eight, (2, 1), &[1; 6], false);
        bomb[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        assert!(SealImage::from_png(&bomb, &ImageLimits::default()).is_err());
        for end in 0..bomb.len() {
            assert!(SealImage::from_png(&bomb[..end], &ImageLimits::default()).is_err());
        }
    }
}
