//! Serials of licences that never repeat, on any node.
//!
//! A node takes a block of a series with a unit of its own, guarded by the version of the series' row (decision 2): of two
//! nodes that take one at the same time, one is refused and takes the next. What is not used, because the process ended or
//! the licence was refused, is a gap.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::IssueError;
use crate::app::{App, Unsealed};
use crate::journal::{Act, CommitError, Unit};
use crate::store::tables::LICENCE_NUMBERS;
use crate::store::{Row, Value};

/// Blocks that this node has taken and not used up, by series.
#[derive(Debug, Default)]
pub struct Serials {
    blocks: Mutex<HashMap<String, std::ops::Range<i64>>>,
    taking: tokio::sync::Mutex<()>,
}

impl Serials {
    fn next(&self, series: &str) -> Option<i64> {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.get_mut(series)?.next()
    }

    fn keep(&self, series: &str, block: std::ops::Range<i64>) {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner).insert(series.to_owned(), block);
    }
}

/// The next serial of a series, which nobody else gets. `act` heads the entry of a block.
///
/// # Errors
/// [`IssueError::Busy`] when others come first too often; [`IssueError::Commit`].
pub(super) async fn take(
    app: &App,
    unsealed: &Unsealed,
    series: &str,
    act: impl Fn() -> Act,
) -> Result<i64, IssueError> {
    let serials = &app.licences.serials;
    if let Some(number) = serials.next(series) {
        return Ok(number);
    }
    let _turn = serials.taking.lock().await;
    let id = format!("serial:{series}");
    for _ in 0..ATTEMPTS {
        if let Some(number) = serials.next(series) {
            return Ok(number);
        }
        let (first, row) = match app.db.row(&LICENCE_NUMBERS, &id).await? {
            Some(row) => {
                let next = row.value("next").as_int().unwrap_or(1);
                (next, row.next_version().with("next", next + BLOCK))
            }
            None => {
                (1, Row::new(&LICENCE_NUMBERS, vec![id.as_str().into(), Value::Int(1), (1 + BLOCK).into()]))
            }
        };
        let facts = serde_json::json!({ "series": series, "first": first, "count": BLOCK });
        let unit = Unit::new(act()).facts(facts);
        let unit = if row.version() == 1 { unit.insert(row) } else { unit.update(row) };
        match unsealed.journal.commit(unit).await {
            Ok(_) => serials.keep(series, first..first + BLOCK),
            Err(
                CommitError::Conflict { table: "licence_numbers", .. }
                | CommitError::Exists { table: "licence_numbers", .. },
            ) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(IssueError::Busy)
}

/// A serial as identifiers have it (GB/T 36904: 7 to 32 of `0-9A-Z`): the year and nine digits.
#[must_use]
pub(super) fn serial(year: i16, number: i64) -> String {
    format!("{year:04}{number:09}")
}

/// Serials of a block.
const BLOCK: i64 = 32;
/// Others that may come first before somebody is told to try again.
const ATTEMPTS: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_used_up_once() {
        let serials = Serials::default();
        assert_eq!(serials.next("a"), None);
        serials.keep("a", 5..7);
        assert_eq!([serials.next("a"), serials.next("a"), serials.next("a")], [Some(5), Some(6), None]);
        assert_eq!(serial(2026, 1), "2026000000001");
    }
}
