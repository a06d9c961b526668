//! A seal's picture: PNG in, image XObject streams out (ISO 32000-2 §8.9, §11.6.5.2).

use std::io::{Cursor, Read};
use std::sync::{Arc, OnceLock};

use flate2::{Compress, Compression, FlushCompress};

use super::AppearanceError;
use super::objects::{Paper, calibrated_grey, calibrated_rgb, name};
use crate::syntax::{Dictionary, Object, ObjectId};
use crate::write::{Body, Update};

/// A seal's picture, decoded, checked and encoded for PDF once; every signature copies the ready
/// streams. Cheap to clone.
#[derive(Clone)]
pub struct SealImage {
    width: u32,
    height: u32,
    grey: bool,
    colour: Arc<[u8]>,
    alpha: Option<Arc<[u8]>>,
    /// The colours on white, for documents that know no transparency; made when first needed.
    flat: OnceLock<Arc<[u8]>>,
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
        let (colour, alpha) = if has_alpha { split_alpha(&samples, channels)? } else { (samples, None) };
        Ok(Self {
            width,
            height,
            grey: channels == 1,
            colour: deflate(&colour)?,
            alpha: alpha.as_deref().map(deflate).transpose()?,
            flat: OnceLock::new(),
        })
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Octets this picture adds to a file, about.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        self.colour.len() + self.alpha.as_ref().map_or(0, |alpha| alpha.len())
    }

    /// Width to height.
    pub(super) fn aspect(&self) -> f64 {
        f64::from(self.width.max(1)) / f64::from(self.height.max(1))
    }

    /// Adds the picture as an XObject that fills the unit square; whoever draws it often refers to it
    /// often.
    pub(super) fn write(&self, update: &mut Update, paper: Paper) -> Result<ObjectId, AppearanceError> {
        let mut picture = self.dictionary(self.grey, paper);
        let data = match &self.alpha {
            Some(_) if paper.opaque => self.flat()?,
            Some(alpha) => {
                let mask = update.allocate();
                let mut dictionary = self.dictionary(true, Paper::PLAIN);
                // A soft mask's samples are no colours: always DeviceGray (ISO 32000-2 table 143).
                dictionary.set(b"ColorSpace", name("DeviceGray"));
                update.put(mask, Body::Stream { dictionary, data: alpha.clone() });
                picture.set(b"SMask", Object::Reference(mask));
                self.colour.clone()
            }
            None => self.colour.clone(),
        };
        let id = update.allocate();
        update.put(id, Body::Stream { dictionary: picture, data });
        Ok(id)
    }

    fn dictionary(&self, grey: bool, paper: Paper) -> Dictionary {
        let mut dictionary = Dictionary::new();
        dictionary.set(b"Type", name("XObject"));
        dictionary.set(b"Subtype", name("Image"));
        dictionary.set(b"Width", Object::Integer(i64::from(self.width)));
        dictionary.set(b"Height", Object::Integer(i64::from(self.height)));
        let space = match (grey, paper.calibrated) {
            (true, false) => name("DeviceGray"),
            (false, false) => name("DeviceRGB"),
            (true, true) => calibrated_grey(),
            (false, true) => calibrated_rgb(),
        };
        dictionary.set(b"ColorSpace", space);
        dictionary.set(b"BitsPerComponent", Object::Integer(8));
        dictionary.set(b"Filter", name("FlateDecode"));
        dictionary
    }

    /// The picture on white.
    fn flat(&self) -> Result<Arc<[u8]>, AppearanceError> {
        if let Some(flat) = self.flat.get() {
            return Ok(flat.clone());
        }
        let broken = AppearanceError::Image("its samples cannot be read back");
        let channels = if self.grey { 1 } else { 3 };
        let (Ok(mut colour), Ok(alpha)) =
            (inflate(&self.colour), inflate(self.alpha.as_deref().unwrap_or_default()))
        else {
            return Err(broken);
        };
        for (pixel, &opacity) in colour.chunks_exact_mut(channels).zip(&alpha) {
            for sample in pixel {
                let (ink, opacity) = (u32::from(*sample), u32::from(opacity));
                let mixed = (ink * opacity + 255 * (255 - opacity) + 127) / 255;
                *sample = u8::try_from(mixed).unwrap_or(255);
            }
        }
        let flat = deflate(&colour).map_err(|_| broken)?;
        Ok(self.flat.get_or_init(|| flat).clone())
    }
}

impl std::fmt::Debug for SealImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealImage")
            .field("width", &self.width)
            .field("height", &self.height)
            .field("octets", &self.encoded_len())
            .finish_non_exhaustive()
    }
}

/// Colour samples and opacity.
type Planes = (Vec<u8>, Option<Vec<u8>>);

/// Separates opacity from colour; opacity that is full everywhere is dropped.
fn split_alpha(samples: &[u8], channels: usize) -> Result<Planes, ImageError> {
    let pixels = samples.len() / (channels + 1);
    let mut colour = Vec::with_capacity(pixels * channels);
    let mut alpha = Vec::with_capacity(pixels);
    let mut sums = [0u64; 3];
    let mut weight = 0u64;
    for pixel in samples.chunks_exact(channels + 1) {
        let Some((&opacity, rest)) = pixel.split_last() else { continue };
        for (sum, &sample) in sums.iter_mut().zip(rest) {
            *sum += u64::from(sample) * u64::from(opacity);
        }
        weight += u64::from(opacity);
        colour.extend_from_slice(rest);
        alpha.push(opacity);
    }
    if weight == 0 {
        return Err(ImageError::Invisible);
    }
    if alpha.iter().all(|&opacity| opacity == 255) {
        return Ok((colour, None));
    }
    let mean = sums.map(|sum| u8::try_from((sum + weight / 2) / weight).unwrap_or(255));
    for (pixel, _) in colour.chunks_exact_mut(channels).zip(&alpha).filter(|(_, opacity)| **opacity == 0) {
        for (sample, &filler) in pixel.iter_mut().zip(&mean) {
            *sample = filler;
        }
    }
    Ok((colour, Some(alpha)))
}

fn inflate(data: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    // What is inflated was deflated here, from samples within the limits.
    flate2::read::ZlibDecoder::new(data).read_to_end(&mut out)?;
    Ok(out)
}

/// Compresses to a zlib stream (FlateDecode).
pub(super) fn deflate(data: &[u8]) -> Result<Arc<[u8]>, ImageError> {
    let mut compressor = Compress::new(Compression::best(), true);
    // Deflate's worst case is stored blocks: five octets each 16 KiB, and the wrapper.
    let mut out = Vec::with_capacity(data.len() + data.len() / 1_024 + 128);
    match compressor.compress_vec(data, &mut out, FlushCompress::Finish) {
        Ok(flate2::Status::StreamEnd) => Ok(out.into()),
        _ => Err(ImageError::Compression),
    }
}

#[cfg(test)]
mod tests {
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

    fn read(png: &[u8]) -> SealImage {
        SealImage::from_png(png, &ImageLimits::default()).unwrap()
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
