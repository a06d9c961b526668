//! Raising levels: whatever a document's signatures, store and time-stamps say, the survey ends, and a store or time-stamp that is
//! appended leaves a document that opens, with the original before it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pdf::ltv::{Known, Material, Next, Step, Terms, append, survey};
use pdf::syntax::{Document, Limits};
use pdf::verify::Level;
use pki::path::TrustAnchors;

fuzz_target!(|data: &[u8]| {
    let limits = Limits {
        inflated_total: 8 << 20,
        stream_bytes: 1 << 20,
        scanned_bytes: 16 << 20,
        ..Limits::default()
    };
    let Ok(document) = Document::open(&data, &limits) else { return };
    let anchors = TrustAnchors::default();
    if let Ok(survey) = survey(&document) {
        for level in [Level::BT, Level::BLT, Level::BLTA] {
            let terms = Terms { level, anchors: &anchors, at: 1_795_305_600, renew: false, authority: None };
            let _ = matches!(survey.next(&Known::default(), terms), Ok(Next::Append { .. }));
        }
    }
    let material =
        Material { certificates: vec![vec![0x30, 0]], crls: vec![vec![0x30, 1, 0]], ocsp: Vec::new() };
    for stamp in [None, Some(64)] {
        let tail = match append(&document, &material, stamp) {
            Ok(Step::Tail(signed)) => signed.tail,
            Ok(Step::Stamp(prepared)) => {
                prepared.embed(&[0x30, 0]).expect("the hole holds what was reserved").tail
            }
            Ok(Step::Nothing) | Err(_) => continue,
        };
        let whole = [data, &tail].concat();
        let again = Document::open(&whole, &limits).expect("what was appended to opens again");
        assert!(again.catalog().is_ok());
    }
});
