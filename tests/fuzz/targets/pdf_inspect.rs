//! The structure of any file: every object of every revision, within bounds, and as JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pdf::inspect::{Bounds, inspect};
use pdf::syntax::Limits;

fuzz_target!(|data: &[u8]| {
    let limits = Limits {
        inflated_total: 8 << 20,
        stream_bytes: 1 << 20,
        scanned_bytes: 16 << 20,
        ..Limits::default()
    };
    let bounds = Bounds { objects: 1_000, searched: 1 << 20 };
    let Ok(structure) = inspect(&data, &limits, &bounds) else { return };
    assert_eq!(structure.length, data.len() as u64);
});
