//! Signing real PDFs made by other programs, judged by other programs.
//!
//! Needs the corpus (`tests/corpus/make`) and the peers (`tests/peers`), which `tests/run` brings.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests may fail loudly"
)]

mod archival;
mod bombs;
mod containers;
mod corpus;
mod encrypted;
mod forms;
mod keyword;
mod large;
mod levels;
mod levels_judged;
mod locks;
mod looks;
mod paging;
mod peers;
#[allow(dead_code, reason = "shared with the tests of verifying")]
#[path = "../verify/people.rs"]
mod people;
mod render;
mod robust;
#[path = "../support/robustness.rs"]
mod robustness;
mod run_sample;
#[path = "../support/mod.rs"]
mod support;
mod two_phase;
mod vector;
