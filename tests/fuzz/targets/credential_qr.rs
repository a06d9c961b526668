//! QR symbols of licences, which anybody may print: as texts, and as octets that are compressed and encoded first.
#![no_main]

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use libfuzzer_sys::fuzz_target;
use licence::credential::{Trust, qr};
use pki::path::TrustAnchors;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        judged(text);
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).expect("memory");
    let compressed = encoder.finish().expect("memory");
    judged(&format!("{}{}", qr::PREFIX, base45::encode(compressed)));
});

fn judged(text: &str) {
    if let Ok(read) = qr::decode(text) {
        let anchors = TrustAnchors::default();
        assert!(read.verify(&Trust::new(&anchors), 1_795_305_600).is_err(), "nobody is trusted");
    }
}
