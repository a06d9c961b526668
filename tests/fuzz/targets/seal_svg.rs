//! Pictures of seals, as SVG from whoever registers one: parsed, weighed, drawn, written.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use pdf::appearance::{ImageLimits, Placement, SealAppearance, SealImage};
use pdf::sign::{ClaimedTime, SignatureRequest, prepare};
use pdf::syntax::{Document, Limits};

fuzz_target!(|data: &[u8]| {
    // Small pictures: what is fuzzed is what an SVG can say, not how long pixels take.
    let limits = ImageLimits { file: 64 << 10, edge: 128, pixels: 1 << 14 };
    let Ok(image) = SealImage::from_svg(data, &limits, &[]) else { return };
    let placement = Placement::Page { page: 1, x_mm: 10.0, y_mm: 10.0, width_mm: 20.0, height_mm: 20.0 };
    let mut request = SignatureRequest::new(ClaimedTime { unix_seconds: 1_767_225_600, offset_minutes: 480 });
    request.appearance = Some(SealAppearance::new(Arc::new(image), placement));
    let document = Document::open(&PAGE, &Limits::default()).expect("a document");
    prepare(&document, &request, 512).expect("a picture that was taken can be written");
});

/// One empty page.
const PAGE: &[u8] = b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n\
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n\
xref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n0000000052 00000 n \n0000000101 00000 n \n\
trailer<</Root 1 0 R/Size 4>>\nstartxref\n164\n%%EOF\n";
