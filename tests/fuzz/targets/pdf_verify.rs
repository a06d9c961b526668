//! The verifier: any bytes are a report or `Unreadable`, within budgets; the report serialises, and bytes nobody signed with a
//! trusted key are never called valid.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pdf::syntax::Limits;
use pdf::verify::{Options, Verdict, verify};
use pki::path::TrustAnchors;

/// 2026-11-22T00:00:00Z.
const NOW: i64 = 1_795_305_600;

fuzz_target!(|data: &[u8]| {
    let limits = Limits {
        inflated_total: 8 << 20,
        stream_bytes: 1 << 20,
        scanned_bytes: 16 << 20,
        ..Limits::default()
    };
    let nobody = TrustAnchors::default();
    let Ok(report) = verify(&data, &Options::new(&nobody, NOW), &limits) else { return };
    assert_ne!(report.verdict, Verdict::Valid, "nobody is trusted");
    assert!((3..=6).contains(&report.exit_code()));
});
