//! Use management (使用管理): who may use which seal for what, how often and under whose approval; and what was used.
//!
//! Responsible for the rules of a governed seal, approvals bound to the SHA-256 of one document, delegation, counters and
//! rates, and for searching and counting the records of use. Not for whether a caller may use seals at all: that the
//! policies decide first, and a seal that no rule governs goes by them alone and pays nothing here. Called by everything
//! that signs with a seal (`documents`, CSC) through [`admit`], and by its own routes.
//!
//! Everything is a row, so that it holds across restarts and nodes. Whatever a decision was based on is guarded by its
//! version in the unit of work that records the use (decisions 1 and 14); counters are counted and approvals consumed in
//! that same unit, so that of n+1 uses at once n are recorded, and an approval serves once.
//!
//! Where personal detail stands: a record's purpose and operator, a request's purpose and operator, and the reasons of
//! refusals may name people, so they stand in the side record of their entry, where they can be erased (decision 4);
//! rows hold what is searched by and decided on: case number, item, document kind, digests, registrations.

mod admission;
mod approvals;
mod counting;
mod delegations;
mod error;
mod figures;
mod http;
mod judge;
mod model;
mod officers;
mod records;
mod rules;
mod search;
mod views;

pub use admission::{Admission, Claim, RecordError, Turns, admit, admit_all, record};
pub use error::{Condition, Failure, UsageError};
pub use http::routes;
pub use model::{Approval, NewRule, Period, Rate, Terms};
