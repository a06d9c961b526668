//! The licence crate from outside, one module for each part.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod catalogue;
mod codes;
mod credential;
mod identifier;
mod life;
mod template;
mod trust_list;
