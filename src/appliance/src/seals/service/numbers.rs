//! Numbers that never repeat: seal codes by administrative division, filing numbers by year.
//!
//! A number is taken by a unit of its own that moves the row of `seal_numbers` on, guarded by that row's version: of two
//! nodes that take one at the same time, one is refused and takes the next. What becomes of the seal afterwards
//! changes nothing about it: a number once taken is used.

use super::error::LifeError;
use crate::app::App;
use crate::journal::{CommitError, Journal, Unit};
use crate::store::tables::SEAL_NUMBERS;
use crate::store::{Row, Value};

/// Numbers taken for one making of a seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbers {
    /// A new seal code, where the seal has none yet.
    pub code: Option<String>,
    /// The filing number.
    pub filing: String,
}

/// Takes the numbers that a making needs, in one unit with the entry that says what is about to be made. `intent` makes that
/// unit, given the numbers.
///
/// # Errors
/// [`LifeError`]: none left, too many others at the same time, or what was decided on has changed.
pub(super) async fn take(
    app: &App,
    journal: &Journal,
    division: Option<&str>,
    year: i16,
    intent: impl Fn(&Numbers) -> Unit,
) -> Result<Numbers, LifeError> {
    let filings = format!("filing-{year}");
    for _ in 0..ATTEMPTS {
        let (serial, code_row) = match division {
            Some(division) => {
                let (serial, row) = next(app, division).await?;
                (Some((division, serial)), Some(row))
            }
            None => (None, None),
        };
        let (filing, filing_row) = next(app, &filings).await?;
        let code = serial.map(|(division, serial)| code(division, serial)).transpose()?;
        let numbers = Numbers { code, filing: format!("{year}-{filing:08}") };
        let unit = code_row.into_iter().chain([filing_row]).fold(intent(&numbers), |unit, row| {
            if row.version() == 1 { unit.insert(row) } else { unit.update(row) }
        });
        match journal.commit(unit).await {
            Ok(_) => return Ok(numbers),
            Err(
                CommitError::Conflict { table: "seal_numbers", .. }
                | CommitError::Exists { table: "seal_numbers", .. },
            ) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(LifeError::Busy)
}

/// The next number of a series, and its row with that number taken.
async fn next(app: &App, series: &str) -> Result<(i64, Row), LifeError> {
    Ok(match app.db.row(&SEAL_NUMBERS, series).await? {
        Some(row) => {
            let number = row.value("next").as_int().unwrap_or(1);
            (number, row.next_version().with("next", number + 1))
        }
        None => {
            let row = Row::new(&SEAL_NUMBERS, vec![series.into(), Value::Int(1), Value::Int(2)]);
            (1, row)
        }
    })
}

/// A seal code: the division's 6 digits, 8 of the serial number.
fn code(division: &str, serial: i64) -> Result<String, LifeError> {
    if serial > LAST {
        return Err(LifeError::Exhausted(division.to_owned()));
    }
    Ok(format!("{division}{serial:08}"))
}

/// The last serial number of a division.
const LAST: i64 = 99_999_999;
/// Others that may come first before a maker is told to try again.
const ATTEMPTS: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_fourteen_digits_until_the_division_has_none_left() {
        assert_eq!(code("370300", 1721).unwrap(), "37030000001721");
        assert_eq!(code("370300", LAST).unwrap(), "37030099999999");
        assert!(matches!(code("370300", LAST + 1), Err(LifeError::Exhausted(_))));
    }
}
