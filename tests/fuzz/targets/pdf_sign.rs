//! Signing whatever opens: the tail is appended to bytes nobody looked at before, and what results must still open, with the
//! original before it and the hole exactly where the `ByteRange` says.
#![no_main]

use std::sync::{Arc, OnceLock};

use libfuzzer_sys::fuzz_target;
use pdf::appearance::{ImageLimits, Paging, Placement, SealAppearance, SealImage};
use pdf::sign::{ClaimedTime, SignatureRequest, prepare};
use pdf::syntax::{Document, Limits};

/// A one-pixel picture, 1x1 RGBA.
const PIXEL: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0,
    1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 13, b'I', b'D', b'A', b'T', 0x78, 0x9c, 0x63, 0xf8,
    0xcf, 0xc0, 0xf0, 0x1f, 0, 0x05, 0, 0x01, 0xff, 0x56, 0xc7, 0x2f, 0x0d, 0, 0, 0, 0, b'I', b'E', b'N',
    b'D', 0xae, 0x42, 0x60, 0x82,
];

fn image() -> Option<Arc<SealImage>> {
    static IMAGE: OnceLock<Option<Arc<SealImage>>> = OnceLock::new();
    IMAGE.get_or_init(|| SealImage::from_png(PIXEL, &ImageLimits::default()).ok().map(Arc::new)).clone()
}

fuzz_target!(|data: &[u8]| {
    let limits = Limits {
        inflated_total: 8 << 20,
        stream_bytes: 1 << 20,
        scanned_bytes: 16 << 20,
        ..Limits::default()
    };
    let Ok(document) = Document::open(&data, &limits) else { return };
    let mut request = SignatureRequest::new(ClaimedTime { unix_seconds: 1_767_225_600, offset_minutes: 480 });
    let placement = Placement::Page { page: 1, x_mm: 10.0, y_mm: 10.0, width_mm: 20.0, height_mm: 20.0 };
    request.appearance = image().map(|image| SealAppearance {
        paging: Some(Paging::new(20.0, 20.0)).filter(|_| data.len() % 2 == 1),
        ..SealAppearance::new(image, placement)
    });
    let Ok(prepared) = prepare(&document, &request, 512) else { return };
    let cms = [0x30, 0x82, 0x01, 0x00];
    let signed = prepared.embed(&cms).expect("the hole holds what was reserved");
    let whole = [data, &signed.tail].concat();
    assert_eq!(whole.len() as u64, signed.result_length);
    let [start, length, second, rest] = prepared.byte_range();
    assert_eq!((start, second + rest), (0, whole.len() as u64));
    let hole = &whole[length as usize..second as usize];
    assert!(hole.starts_with(b"<30820100") && hole.ends_with(b">"));
    let again = Document::open(&whole, &limits).expect("what was signed opens again");
    assert!(again.catalog().is_ok());
});
