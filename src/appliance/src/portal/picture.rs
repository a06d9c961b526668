//! Reading a QR symbol from a picture. Only PNG is read: the page draws every photograph anew and sends that.

use std::io::Cursor;

use png::{ColorType, Decoder, Limits, Transformations};

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
}

/// The text of the first QR symbol that can be read. Bounded by the number of pixels; takes tens of milliseconds, so it
/// belongs on a worker thread.
///
/// # Errors
/// [`PictureError`].
pub fn read(octets: &[u8]) -> Result<String, PictureError> {
    let grey = grey(octets)?;
    // Large symbols on noisy photographs are found better when they are smaller.
    symbol(&grey).or_else(|| symbol(&grey.halved())).ok_or(PictureError::NoSymbol)
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

fn symbol(grey: &Grey) -> Option<String> {
    if grey.width < SMALLEST || grey.height < SMALLEST {
        return None;
    }
    let mut image =
        rqrr::PreparedImage::prepare_from_greyscale(grey.width, grey.height, |x, y| grey.at(x, y));
    image.detect_grids().into_iter().take(8).find_map(|grid| grid.decode().ok()).map(|(_, text)| text)
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

/// Most pixels: a page at 200 dpi.
const MOST: usize = 4_200_000;
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

    #[test]
    fn what_is_no_picture_has_no_symbol_or_is_too_large_says_so() {
        assert_eq!(read(b"%PDF-1.7"), Err(PictureError::Unreadable));
        assert_eq!(read(&png(64, 64, &[255; 64 * 64])), Err(PictureError::NoSymbol));
        let mut cut = png(64, 64, &[0; 64 * 64]);
        cut.truncate(cut.len() - 30);
        assert_eq!(read(&cut), Err(PictureError::Unreadable));
        let huge = png(3000, 2000, &vec![255; 6_000_000]);
        assert_eq!(read(&huge), Err(PictureError::TooLarge));
    }
}
