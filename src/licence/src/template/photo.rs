//! Photographs: base64 of a PNG or JPEG in a field, bounded before anything of them is decoded.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use krilla::image::Image;

use super::TemplateError;

/// Reads a photograph.
pub(super) fn read(field: &str, value: &str) -> Result<Image, TemplateError> {
    let wrong = |what: String| TemplateError::Value { field: field.to_owned(), what };
    let text = match value.split_once(";base64,") {
        Some((head, rest)) if head.starts_with("data:image/") => rest,
        _ => value,
    };
    if text.len() > MAX_OCTETS / 3 * 4 + 4 {
        return Err(wrong(format!("is a picture of more than {} KiB; make it smaller", MAX_OCTETS >> 10)));
    }
    let octets = STANDARD.decode(text.trim()).map_err(|_| wrong("is not base64".to_owned()))?;
    let bounded = |width: u32, height: u32| {
        if (1..=MAX_EDGE).contains(&width) && (1..=MAX_EDGE).contains(&height) {
            Ok(())
        } else {
            Err(wrong(format!("has {width} × {height} pixels; at most {MAX_EDGE} × {MAX_EDGE} are taken")))
        }
    };
    if octets.starts_with(b"\x89PNG\r\n\x1a\n") {
        let mut decoder = png::Decoder::new_with_limits(
            std::io::Cursor::new(octets.as_slice()),
            png::Limits { bytes: MAX_DECODED },
        );
        decoder
            .set_transformations(png::Transformations::normalize_to_color8() | png::Transformations::ALPHA);
        let unreadable = |error: png::DecodingError| wrong(format!("is a PNG that cannot be read: {error}"));
        let mut reader = decoder.read_info().map_err(unreadable)?;
        let (width, height) = (reader.info().width, reader.info().height);
        bounded(width, height)?;
        let size = reader.output_buffer_size().filter(|size| *size <= MAX_DECODED);
        let mut pixels = vec![0; size.ok_or_else(|| wrong("is too large a PNG".to_owned()))?];
        let frame = reader.next_frame(&mut pixels).map_err(unreadable)?;
        pixels.truncate(frame.buffer_size());
        if frame.color_type == png::ColorType::GrayscaleAlpha {
            pixels = pixels
                .chunks_exact(2)
                .flat_map(|p| {
                    let (grey, alpha) = (p.first().copied().unwrap_or(0), p.last().copied().unwrap_or(0));
                    [grey, grey, grey, alpha]
                })
                .collect();
        }
        return Ok(Image::from_rgba8(pixels, width, height));
    }
    let (width, height) = jpeg(&octets).map_err(|what| wrong(what.to_owned()))?;
    bounded(width, height)?;
    Image::from_jpeg(octets.into(), false)
        .map_err(|error| wrong(format!("is a JPEG that cannot be read: {error}")))
}

/// Width and height of a JPEG in grey or colour (ISO/IEC 10918-1 §B.2.2).
fn jpeg(octets: &[u8]) -> Result<(u32, u32), &'static str> {
    const NOT: &str = "is neither PNG nor JPEG";
    const CUT: &str = "is a JPEG that was cut off";
    if !octets.starts_with(&[0xFF, 0xD8, 0xFF]) {
        return Err(NOT);
    }
    if !octets.ends_with(&[0xFF, 0xD9]) {
        return Err(CUT);
    }
    let mut rest = octets.get(2..).unwrap_or_default();
    loop {
        let [0xFF, marker, high, low, after @ ..] = rest else { return Err(CUT) };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        match marker {
            // Baseline, extended and progressive; lossless and arithmetic ones are read by few.
            0xC0..=0xC2 => {
                let [8, h1, h2, w1, w2, components, ..] = after else {
                    return Err("is a JPEG of other than 8 bits");
                };
                if !matches!(components, 1 | 3) {
                    return Err("is a JPEG in CMYK; save it in RGB or grey");
                }
                let (width, height) = (u16::from_be_bytes([*w1, *w2]), u16::from_be_bytes([*h1, *h2]));
                return Ok((width.into(), height.into()));
            }
            0xC4 | 0xC8 | 0xCC => rest = rest.get(2 + length.max(2)..).ok_or(CUT)?,
            0xC3..=0xCF => return Err("is a JPEG of a rare kind; save it as baseline or progressive"),
            0xD8..=0xDA => return Err(CUT),
            _ => rest = rest.get(2 + length.max(2)..).ok_or(CUT)?,
        }
    }
}

/// Octets of the file.
const MAX_OCTETS: usize = 512 << 10;
/// Pixels along an edge.
const MAX_EDGE: u32 = 2_000;
/// Octets decoded: 2,000 × 2,000 of four.
const MAX_DECODED: usize = 16_000_000;
