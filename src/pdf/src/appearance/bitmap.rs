//! Pixels as an image XObject (ISO 32000-2 §8.9, §11.6.5.2).

use std::io::Read;
use std::sync::{Arc, OnceLock};

use flate2::{Compress, Compression, FlushCompress};

use super::objects::{Paper, calibrated_grey, calibrated_rgb, name};
use super::{AppearanceError, ImageError};
use crate::syntax::{Dictionary, Object, ObjectId};
use crate::write::{Body, Update};

/// A picture of pixels, encoded for PDF.
#[derive(Clone)]
pub(super) struct Bitmap {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) grey: bool,
    /// Flate-compressed samples, eight bits each.
    pub(super) colour: Arc<[u8]>,
    /// Flate-compressed opacity, eight bits a pixel.
    pub(super) alpha: Option<Arc<[u8]>>,
    /// The colours on white, for documents that know no transparency; made when first needed.
    flat: OnceLock<Arc<[u8]>>,
}

impl Bitmap {
    /// Encodes samples of `channels` (1 or 3) colours, each pixel followed by its opacity if `opacity`.
    pub(super) fn new(
        (width, height): (u32, u32),
        channels: usize,
        opacity: bool,
        samples: Vec<u8>,
    ) -> Result<Self, ImageError> {
        let (colour, alpha) = if opacity { split_alpha(&samples, channels)? } else { (samples, None) };
        Ok(Self {
            width,
            height,
            grey: channels == 1,
            colour: deflate(&colour)?,
            alpha: alpha.as_deref().map(deflate).transpose()?,
            flat: OnceLock::new(),
        })
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

pub(super) fn inflate(data: &[u8]) -> std::io::Result<Vec<u8>> {
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
