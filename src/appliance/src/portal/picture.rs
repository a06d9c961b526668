//! Reading a QR symbol from a picture. Only PNG is read: the page draws every photograph anew and sends that.
//!
//! Pictures come from strangers and are cheap to make: they are read a few at a time, in places of their own, so that they
//! hold up nothing but each other, and what would be too much work is refused before it is begun ([`bitmap`]).

mod bitmap;

use std::io::Cursor;
use std::sync::Arc;
use std::time::{Duration, Instant};

use png::{ColorType, Decoder, Limits, Transformations};
use tokio::sync::Semaphore;

use self::bitmap::Bitmap;
use crate::problem::{Kind, Problem};

/// Why there is no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// It is no PNG, or a broken one.
    #[error("the picture is no PNG that can be read; send a PNG")]
    Unreadable,
    /// It has too many pixels.
    #[error("the picture has more than {MOST} pixels; make it smaller")]
    TooLarge,
    /// There is no QR symbol in it, or none that can be read.
    #[error("no QR symbol was found; take a sharper picture that shows the whole symbol")]
    NoSymbol,
    /// There is too much in it that looks like a symbol.
    #[error("too much in the picture looks like a QR symbol; cut out the one that is meant")]
    Crowded,
    /// It was looked at for too long.
    #[error("the picture takes too long to read; cut out the symbol and make it smaller")]
    Late,
}

/// Where pictures are read: not at the desk, where documents are sealed.
#[derive(Debug)]
pub struct Reader(Arc<Semaphore>);

impl Default for Reader {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Reader {
    /// The text of the first QR symbol in a PNG. Waits for a place, and for the reading, no longer than [`PATIENCE`] each.
    ///
    /// # Errors
    /// The problem of a [`PictureError`], or [`Kind::Overloaded`] when there is no place.
    pub async fn read(&self, octets: bytes::Bytes) -> Result<String, Problem> {
        let place = tokio::time::timeout(PATIENCE, self.0.clone().acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            let text = "Too many pictures are being read; try again shortly.";
            return Err(Problem::new(Kind::Overloaded, text).retry_after(PATIENCE.as_secs()));
        };
        let until = Instant::now() + PATIENCE;
        // The place is held until the work ends, whoever still waits for it.
        let work = tokio::task::spawn_blocking(move || {
            let _place = place;
            read(&octets, until)
        });
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(Ok(read)) => Ok(read?),
            // The reader gave up on what is no symbol.
            Ok(Err(_)) => Err(PictureError::NoSymbol.into()),
            Err(_) => Err(PictureError::Late.into()),
        }
    }
}

/// The text of the first QR symbol that can be read.
fn read(octets: &[u8], until: Instant) -> Result<String, PictureError> {
    let grey = grey(octets)?;
    if let Some(text) = symbol(&grey, until)? {
        return Ok(text);
    }
    // Large symbols on noisy photographs are found better when they are smaller.
    symbol(&grey.halved(), until)?.ok_or(PictureError::NoSymbol)
}

fn in_time(until: Instant) -> Result<(), PictureError> {
    if Instant::now() < until { Ok(()) } else { Err(PictureError::Late) }
}

/// A grey picture.
struct Grey {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Grey {
    fn at(&self, x: usize, y: usize) -> u8 {
        self.pixels.get(y * self.width + x).copied().unwrap_or(u8::MAX)
    }

    fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let mean = |x: usize, y: usize| {
            let sum: u16 = [(0, 0), (1, 0), (0, 1), (1, 1)]
                .iter()
                .map(|(right, down)| u16::from(self.at(2 * x + right, 2 * y + down)))
                .sum();
            u8::try_from(sum / 4).unwrap_or(u8::MAX)
        };
        let pixels =
            (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| mean(x, y)).collect();
        Self { width, height, pixels }
    }
}

fn symbol(grey: &Grey, until: Instant) -> Result<Option<String>, PictureError> {
    if grey.width < SMALLEST || grey.height < SMALLEST {
        return Ok(None);
    }
    in_time(until)?;
    let bitmap = Bitmap::of(grey);
    if bitmap.finders()? < 3 {
        return Ok(None);
    }
    in_time(until)?;
    let mut image =
        rqrr::PreparedImage::prepare_from_bitmap(bitmap.width, bitmap.height, |x, y| bitmap.is_dark(x, y));
    for grid in image.detect_grids().into_iter().take(8) {
        in_time(until)?;
        if let Ok((_, text)) = grid.decode() {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

fn grey(octets: &[u8]) -> Result<Grey, PictureError> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(octets), Limits { bytes: 8 * MOST });
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|_| PictureError::Unreadable)?;
    let info = reader.info();
    let (width, height) = (info.width as usize, info.height as usize);
    if width.saturating_mul(height) > MOST {
        return Err(PictureError::TooLarge);
    }
    let size = reader.output_buffer_size().ok_or(PictureError::TooLarge)?;
    let mut buffer = vec![0; size];
    let frame = reader.next_frame(&mut buffer).map_err(|_| PictureError::Unreadable)?;
    let samples = match frame.color_type {
        ColorType::Grayscale => 1,
        ColorType::GrayscaleAlpha => 2,
        ColorType::Rgb => 3,
        ColorType::Rgba => 4,
        ColorType::Indexed => return Err(PictureError::Unreadable),
    };
    let used = buffer.get(..frame.buffer_size()).ok_or(PictureError::Unreadable)?;
    let pixels: Vec<u8> = used.chunks_exact(samples).map(luma).collect();
    if pixels.len() != width * height {
        return Err(PictureError::Unreadable);
    }
    Ok(Grey { width, height, pixels })
}

/// Brightness by ITU-R BT.601, over white where the pixel is transparent.
fn luma(pixel: &[u8]) -> u8 {
    let (value, alpha) = match *pixel {
        [grey] => (u32::from(grey), 255),
        [grey, alpha] => (u32::from(grey), u32::from(alpha)),
        [red, green, blue] => (mixed(red, green, blue), 255),
        [red, green, blue, alpha] => (mixed(red, green, blue), u32::from(alpha)),
        _ => (255, 255),
    };
    u8::try_from((value * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
}

fn mixed(red: u8, green: u8, blue: u8) -> u32 {
    (299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue)) / 1000
}

/// Most pixels: a page at 130 dpi. The public page sends at most 1600 a side.
const MOST: usize = 2_560_000;
/// Pictures that are read at the same time.
const AT_ONCE: usize = 2;
/// How long one waits for a place, and for the reading.
const PATIENCE: Duration = Duration::from_secs(5);
/// The smallest symbol has 21 modules a side (ISO/IEC 18004 §6.3.1).
const SMALLEST: usize = 21;

#[cfg(test)]
mod tests {
    use super::*;

    /// A PNG of this many grey pixels.
    fn png(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
        let mut octets = Vec::new();
        let mut encoder = png::Encoder::new(&mut octets, width, height);
        encoder.set_color(ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(pixels).unwrap();
        octets
    }

    fn soon() -> Instant {
        Instant::now() + PATIENCE
    }

    #[test]
    fn what_is_no_picture_has_no_symbol_or_is_too_large_says_so() {
        assert_eq!(read(b"%PDF-1.7", soon()), Err(PictureError::Unreadable));
        assert_eq!(read(&png(64, 64, &[255; 64 * 64]), soon()), Err(PictureError::NoSymbol));
        let mut cut = png(64, 64, &[0; 64 * 64]);
        cut.truncate(cut.len() - 30);
        assert_eq!(read(&cut, soon()), Err(PictureError::Unreadable));
        let huge = png(3000, 2000, &vec![255; 6_000_000]);
        assert_eq!(read(&huge, soon()), Err(PictureError::TooLarge));
    }
}
