//! The rules of a seal's life: one unit of work for each step, in the order that [`super::state`] allows.
//!
//! Every act takes its permit; who may do what, and that three persons make a seal, is the policies' to say. What comes
//! before an act's commit and must not be lost (numbers, keys, the intent of a certificate) is an earlier small unit
//! (decision 2): what fails in between leaves a gap in the numbers and an abandoned intent, never half a seal.

mod apply;
mod cancel;
mod certify;
mod decide;
mod error;
mod holder;
mod intervene;
mod make;
mod numbers;
mod parts;
mod rows;
mod structure;

use super::state::Operation;
use crate::identity::Caller;
use crate::journal::Committed;
use crate::store::Row;

pub use apply::{Applied, Subject, apply};
pub use cancel::cancel;
pub use decide::{approve, refuse, withdraw};
pub use error::LifeError;
pub use holder::open as holder_number;
pub use intervene::{Pause, resume, stop, suspend};
pub use make::{PreparedSeal, make, prepare};

/// A changed record and the act that changed it.
#[derive(Debug)]
pub struct Done {
    /// The row as it is now: an application's or a seal's.
    pub row: Row,
    /// The act's place in the log and its receipt.
    pub committed: Committed,
}

/// The person behind a caller, as four-eyes compare them; a machine counts as one of its own.
#[must_use]
pub fn person_of(caller: &Caller) -> String {
    caller.person.clone().unwrap_or_else(|| format!("machine:{}", caller.id))
}

/// The act that carries an application out.
#[must_use]
pub const fn carries_out(operation: Operation) -> &'static str {
    match operation {
        Operation::Cancel => "seal.cancel",
        _ => "seal.make",
    }
}
