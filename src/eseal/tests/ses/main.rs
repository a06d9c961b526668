//! Seals and the signatures made with them: structures, deviations, signing, verifying, attacks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

extern crate pki as cinnabar_pki;

mod attacks;
mod deviations;
mod encodings;
#[path = "../../../pki/tests/forge/mod.rs"]
mod forge;
mod golden;
mod hostile;
mod making;
mod parts;
mod signing;
mod structure;
mod verifying;
mod world;
