//! The Cinnabar service: listeners, identity, policy, journal, store, capabilities and the command line.
//!
//! A request walks `server` → `identity` → `policy` → `<capability>/http.rs` → `service.rs` → pure crates
//! and custody → `journal` → response. The pure crates below know no network, no database and no clock;
//! this crate holds no cryptography and no file format of its own.

pub mod acme;
pub mod app;
pub mod audit;
pub mod authorities;
pub mod backup;
pub mod callers;
pub mod ceremony;
pub mod certificates;
pub mod cli;
pub mod config;
pub mod csc;
pub mod documents;
pub mod enrolment;
pub mod fetch;
pub mod identity;
pub mod journal;
pub mod keepers;
pub mod licences;
pub mod policy;
pub mod portal;
pub mod problem;
pub mod profiles;
pub mod seals;
pub mod server;
pub mod status;
pub mod store;
pub mod tables;
pub mod timestamps;
pub mod trust;
