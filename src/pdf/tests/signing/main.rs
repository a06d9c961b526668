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

mod corpus;
mod encrypted;
mod forms;
mod keyword;
mod locks;
mod peers;
mod render;
mod robust;
mod two_phase;
