//! Token status lists: what anyone may read to learn that a licence is suspended or ended.
//!
//! Each licence has a place in a list from the beginning, under all its versions. [`allocate`] takes one, [`row`] is what the
//! unit that issues writes, [`changed`] what a unit writes that suspends or ends; both bump the generation of licences where the
//! value is not 0 or was not. `lists` makes the tokens from the rows, `public` serves them. What the values mean, `licence::life` says.

mod allocation;
mod lists;
mod order;
mod public;

use std::sync::Arc;

use licence::credential::IssuerError;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::journal::CommitError;
use crate::policy::Denied;
use crate::problem::{Kind, Problem};
use crate::store::tables::LICENCE_STATUSES;
use crate::store::{Row, StoreError};

pub use allocation::{Blocks, allocate, allocate_many};
pub use lists::{Form, Lists, Published, published};
pub use public::public_routes;

/// A place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The list.
    pub list: i64,
    /// The place.
    pub index: i64,
}

/// Why there is no place or no list.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// Other nodes were first again and again.
    #[error("places in status lists are being taken by many at the same time; try again")]
    Busy,
    /// No randomness.
    #[error("the system's random source failed")]
    Random,
    /// A list or an entry that this program did not write.
    #[error("status list `{0}` is damaged")]
    Damaged(String),
    /// The work was cut off.
    #[error("the work was cut off: {0}")]
    CutOff(String),
    /// The policies do not let places be taken.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The unit was not committed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The list could not be signed.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// Sealed, or there is no signer.
    #[error("{0:?}")]
    Problem(Box<Problem>),
}

impl From<Problem> for StatusError {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<StatusError> for Problem {
    fn from(error: StatusError) -> Self {
        match error {
            StatusError::Busy => {
                Self::new(Kind::Conflict, error.to_string()).with("zh", "正在并发分配状态位, 请稍后再试")
            }
            StatusError::Denied(denied) => denied.into(),
            StatusError::Commit(error) => error.into(),
            StatusError::Store(error) => error.into(),
            StatusError::Problem(problem) => *problem,
            StatusError::Random
            | StatusError::Damaged(_)
            | StatusError::CutOff(_)
            | StatusError::Issuer(_) => Self::internal(error),
        }
    }
}

/// Its routes on the platform API: none, the lists are public.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
}

/// The row of a licence's place, for the unit that issues it. `now` in microseconds.
#[must_use]
pub fn row(entry: &Entry, licence: &str, value: u8, now: i64) -> Row {
    let Entry { list, index } = *entry;
    let id = format!("{list}:{index}");
    Row::new(
        &LICENCE_STATUSES,
        vec![
            id.into(),
            1.into(),
            list.into(),
            index.into(),
            licence.into(),
            i64::from(value).into(),
            now.into(),
        ],
    )
}

/// The row of a place with another value, for the unit of the act that changes it. `now` in microseconds.
#[must_use]
pub fn changed(row: Row, value: u8, now: i64) -> Row {
    row.next_version().with("value", i64::from(value)).with("updated", now)
}

/// The address of a list, which is its subject.
#[must_use]
pub fn uri(app: &App, list: i64) -> String {
    format!("{}/licences/status/{list}", app.config.appliance.public_url.trim_end_matches('/'))
}
