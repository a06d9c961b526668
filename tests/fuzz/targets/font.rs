//! Fonts for the text beside a seal: parsed, asked for glyphs, cut down.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use pdf::appearance::{Font, ImageLimits, Lines, Placement, SealAppearance, SealImage};
use pdf::sign::{ClaimedTime, SignatureRequest, prepare};
use pdf::syntax::{Document, Limits};

fuzz_target!(|data: &[u8]| {
    let Ok(font) = Font::parse(data.into(), 0) else { return };
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><rect width='9' height='9'/></svg>";
    let image = SealImage::from_svg(svg, &ImageLimits::default(), &[]).expect("a picture");
    let placement = Placement::Page { page: 1, x_mm: 10.0, y_mm: 10.0, width_mm: 20.0, height_mm: 20.0 };
    let mut request = SignatureRequest::new(ClaimedTime { unix_seconds: 1_767_225_600, offset_minutes: 480 });
    let document = Document::open(&PAGE, &Limits::default()).expect("a document");
    let font = Arc::new(font);
    for text in ["A", "0", "Seal 2026", "\u{7AE0}"] {
        let lines = Some(Lines::new(vec![text.to_owned()], font.clone()));
        request.appearance =
            Some(SealAppearance { lines, ..SealAppearance::new(Arc::new(image.clone()), placement.clone()) });
        // Refused or written; a glyph's width may make a row wider than the page.
        let _ = prepare(&document, &request, 512);
    }
});

/// One empty page.
const PAGE: &[u8] = b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n\
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n\
xref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n0000000052 00000 n \n0000000101 00000 n \n\
trailer<</Root 1 0 R/Size 4>>\nstartxref\n164\n%%EOF\n";
