//! EN 319 102-1 over generated documents: every sub-indication exactly, before and after proofs of existence, beside
//! the verdict of pyHanko's AdES validation; levels, and which revision proves what.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "tests"
)]

mod ades;
mod beside;
mod cases;
mod cast;
mod complex;
mod forge;
mod levels;
mod paper;
mod pyhanko;
mod stored;
mod strong;
#[path = "../support/mod.rs"]
mod support;
mod turns;
mod words;
