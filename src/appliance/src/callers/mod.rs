//! Organisations, callers and their certificates: who may come in, kept by people and entered in the log.
//!
//! `http` reads requests, `service` holds the rules, `records` the rows, `keys` what binds a proposal to a key,
//! `model` what travels. Whoever is *identified* by what stands here is `identity`'s business; what becomes of
//! certificates is `status`'.

pub mod http;
mod keys;
pub mod model;
pub mod records;
pub mod service;

pub use http::routes;
