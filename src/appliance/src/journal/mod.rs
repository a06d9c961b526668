//! The only way to change anything: a unit of work becomes rows and log entries, durable together, answered with
//! a receipt.
//!
//! Responsible for order (one tree, one writer), group commit, checkpoints and their release, erasable detail,
//! refusals and trusted time. Not for what an act means: capabilities build [`Unit`]s from their permits. Called by
//! every service, by the ceremony and by the public log endpoints.

#![expect(dead_code, reason = "units are read by the writer task, which comes with the next change")]

mod act;
mod error;
mod unit;

pub use act::{Act, Actor, Refusal};
pub use error::{CommitError, JournalError};
pub use unit::Unit;
