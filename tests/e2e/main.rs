//! End-to-end suites: the real binary, its real client, foreign programs as judges. `./tests/run` prepares what they need.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests: a failed step is a failed test"
)]

mod peers;
