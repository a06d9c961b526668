//! Verification: what must pass, what must not, and what each attack is called.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "tests"
)]

mod after;
mod attacks;
mod containers;
mod corpus;
mod forged;
mod honest;
mod later;
#[path = "../support/attacks/mod.rs"]
mod made;
mod many;
mod people;
mod pictures;
mod plain;
mod reports;
mod robust;
mod slices;
mod structure;
#[path = "../support/mod.rs"]
mod support;
