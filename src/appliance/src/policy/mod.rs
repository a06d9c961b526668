//! May this caller do this? Caller + action + resource → [`Permit`], decided by Cedar policies.
//!
//! The policies and their schema are files of the operator (`policies/authorization`), validated strictly
//! when they are loaded; a set that does not fit is refused and the one in force stays. *Any* diagnostic
//! while deciding is a denial. A [`Permit`] can be made only here, is neither `Clone` nor serialisable, and
//! every service entry takes one, so that who acted, on what and by which policies always reaches the
//! journal (decision 14). This module knows no HTTP and writes nothing.

mod actions;
mod engine;
mod explain;
mod load;
mod permit;
mod resource;

pub use actions::*;
pub use engine::{Denied, Facts, Policy, Principal};
pub use explain::{Explanation, Question, explain};
pub use load::{Finding, PolicyError, PolicySet, Report, check};
pub use permit::Permit;
pub use resource::{Resource, ResourceKind};

#[cfg(test)]
mod tests;
