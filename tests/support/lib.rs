//! What the end-to-end suites and the load programs share: the appliance as a process, a client of its platform API,
//! foreign programs as judges, a private PostgreSQL, faults on purpose.
//!
//! Nothing here knows the appliance's inside: it is started by its binary, spoken to over its sockets and judged by its files.
//! A step that fails here is a failed test, so these functions panic, saying what was run and what it printed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "support of tests: a failed step is a failed test, and names say what things are"
)]

pub mod acme;
pub mod appliance;
pub mod cast;
pub mod client;
pub mod corpus;
pub mod dns;
pub mod fault;
pub mod judges;
pub mod licences;
pub mod pkilint;
pub mod postgres;
pub mod process;
pub mod softhsm;
pub mod tools;

pub use appliance::{Appliance, Setup};
pub use client::{Answer, Client, Identity};
