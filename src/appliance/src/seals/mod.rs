//! Electronic seals: applied for, approved, made, changed, stopped, ended; kept ready for use.
//!
//! Responsible for a seal's life ([`state`] is the whole of it as data), for its records and for bringing record, picture,
//! key, certificate and SESeal together for use ([`Cabinet`]). Not for what a seal structure looks like or how a picture is
//! drawn (`eseal`), for setting seals on documents (`documents`), nor for who may use one for what (`usage`).

pub mod attachments;
mod cabinet;
pub mod drawing;
mod filing;
pub mod http;
pub mod identifiers;
pub mod import;
pub mod kinds;
pub mod model;
pub mod order;
pub mod picture;
mod preview;
pub mod records;
mod sealer;
pub mod service;
pub mod standing;
pub mod state;
pub mod usage;

pub use cabinet::{Cabinet, ReadySeal, SealError};
pub use sealer::Maker;
pub use service::{Done, LifeError};
