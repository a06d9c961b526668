//! A seal's picture as it is kept: PNG or SVG, told by its first octets.

use pdf::appearance::{ImageError, ImageLimits, SealImage};

/// Reads the picture. Text in an SVG has to be paths: the seal must look the same wherever it is set.
///
/// # Errors
/// [`ImageError`].
pub(super) fn read(picture: &[u8]) -> Result<SealImage, ImageError> {
    let limits = ImageLimits::default();
    match media_type(picture) {
        "image/png" => SealImage::from_png(picture, &limits),
        _ => SealImage::from_svg(picture, &limits, &[]),
    }
}

/// Its media type: what does not begin as a PNG can only be an SVG.
#[must_use]
pub fn media_type(picture: &[u8]) -> &'static str {
    let begins_as_text = picture
        .iter()
        .find(|octet| !octet.is_ascii_whitespace())
        .is_some_and(|octet| matches!(octet, b'<' | 0xEF));
    if begins_as_text { "image/svg+xml" } else { "image/png" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_told_by_its_first_octets() {
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\n"), "image/png");
        assert_eq!(media_type(b"garbage"), "image/png");
        assert_eq!(media_type(b""), "image/png");
        assert_eq!(media_type(b"\n <svg/>"), "image/svg+xml");
        assert_eq!(media_type("\u{FEFF}<?xml version='1.0'?><svg/>".as_bytes()), "image/svg+xml");
    }

    #[test]
    fn pictures_that_are_neither_are_refused() {
        let svg =
            b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><circle cx='4' cy='4' r='4'/></svg>";
        assert!(read(svg).is_ok());
        assert!(matches!(read(b"garbage"), Err(ImageError::Png(_))));
        assert!(matches!(read(b"<html/>"), Err(ImageError::Svg(_))));
        let text =
            b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><text x='1' y='8'>A</text></svg>";
        assert!(matches!(read(text), Err(ImageError::NoFont)));
    }
}
