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
#[allow(dead_code, reason = "what a foreign judge is told")]
mod cases;
#[allow(dead_code, reason = "a cast from which each test picks")]
mod cast;
#[allow(dead_code, reason = "more than today's tests need")]
mod forge;
#[allow(dead_code, reason = "more than today's tests need")]
mod paper;
mod stored;
mod strong;
#[path = "../support/mod.rs"]
mod support;
mod turns;
mod words;
