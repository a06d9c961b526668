//! PNG (ISO/IEC 15948): one still picture, with transparency, and nothing after it.

use std::io::Cursor;

use super::{Format, Limits, UploadError, Uploaded};

/// What every PNG begins with.
pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

pub(super) fn check(picture: &[u8], limits: &Limits) -> Result<Uploaded, UploadError> {
    plain(picture)?;
    let bytes = usize::try_from(limits.pixels.saturating_mul(8)).unwrap_or(usize::MAX);
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(picture), png::Limits { bytes });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(png::Transformations::normalize_to_color8() | png::Transformations::ALPHA);
    let (width, height) = decoder.read_header_info().map(|info| (info.width, info.height))?;
    let (least, most) = limits.edge;
    let fits = |edge: u32| (least..=most).contains(&edge);
    if !fits(width) || !fits(height) || u64::from(width) * u64::from(height) > limits.pixels {
        return Err(UploadError::Pixels { width, height, least, most, pixels: limits.pixels });
    }
    let mut reader = decoder.read_info()?;
    let size = reader.output_buffer_size().ok_or(png::DecodingError::LimitsExceeded)?;
    let mut samples = vec![0; size];
    let frame = reader.next_frame(&mut samples)?;
    // Colour and alpha, or grey and alpha: alpha is the last sample of each pixel.
    let each = frame.color_type.samples().max(1);
    let (mut clear, mut all) = (0_u64, 0_u64);
    for pixel in samples.chunks_exact(each) {
        all += 1;
        clear += u64::from(pixel.last() == Some(&0));
    }
    if clear == all {
        return Err(UploadError::Empty);
    }
    #[expect(clippy::cast_precision_loss, reason = "some million pixels")]
    let transparent = clear as f64 / all as f64;
    Ok(Uploaded { format: Format::Png, width: width.into(), height: height.into(), transparent })
}

/// Walks the chunks (§5.3): no animation, nothing after the end, where other formats hide.
fn plain(picture: &[u8]) -> Result<(), UploadError> {
    let mut rest = picture.get(SIGNATURE.len()..).unwrap_or_default();
    loop {
        let Some((length, name)) = rest.first_chunk::<8>().map(|head| {
            let [a, b, c, d, name @ ..] = *head;
            (u32::from_be_bytes([a, b, c, d]), name)
        }) else {
            return Err(UploadError::NotPlain("no end"));
        };
        let after = usize::try_from(length).ok().and_then(|length| rest.get(length.checked_add(12)?..));
        rest = after.ok_or(UploadError::NotPlain("a chunk that is cut off"))?;
        match &name {
            b"IEND" if rest.is_empty() => return Ok(()),
            b"IEND" => return Err(UploadError::NotPlain("octets after its end")),
            b"acTL" | b"fcTL" | b"fdAT" => return Err(UploadError::NotPlain("an animation")),
            _ => {}
        }
    }
}
