//! Signature validation by EN 319 102-1: each building block, passing and failing in each way it can.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

#[path = "../forge/mod.rs"]
mod forge;

mod archival;
mod basic;
mod policy;
mod properties;
mod timed;
mod world;
