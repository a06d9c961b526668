//! From when until when a licence holds, in China time (GB/T 36902, validity range).
//!
//! A period that counts from a day ends on the day before the same day of a later month; where that month has no such day,
//! on its last one (Civil Code of the PRC, article 202).

use jiff::{
    Span,
    civil::Date,
    tz::{Offset, TimeZone},
};
use serde_json::{Map, Value};
use thiserror::Error;

use super::{Fault, definition::Validity};

/// The zone days are counted in: UTC+8, the whole year.
pub const DAY_OFFSET: Offset = Offset::constant(8);

/// Why a licence has no validity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ValidityError {
    /// It would end before it begins.
    #[error("the licence would end before it takes effect; give a later end or an earlier beginning")]
    EndsBefore,
    /// The field with the end holds no date.
    #[error("the end is no date; write it `YYYY-MM-DD`")]
    NoDate,
    /// Beyond the calendar.
    #[error("the licence would end beyond the year 9999; give an earlier beginning")]
    Beyond,
}

impl ValidityError {
    /// The same for who filled the form in, at the field that is wrong.
    pub(super) fn fault(self, rule: &Validity) -> Fault {
        let pointer = match rule {
            Validity::Field { until } => format!("/{until}"),
            _ => String::new(),
        };
        let zh = match self {
            Self::EndsBefore => "有效期截止日期早于生效日期",
            Self::NoDate => "有效期截止日期不是日期，应写作YYYY-MM-DD",
            Self::Beyond => "有效期超出9999年",
        };
        Fault::new(pointer, zh, self.to_string())
    }
}

impl Validity {
    /// First and last day of a licence that takes effect on `from`; no last day where it holds for good.
    ///
    /// # Errors
    /// [`ValidityError`].
    pub fn days(
        &self,
        from: Date,
        fields: &Map<String, Value>,
    ) -> Result<(Date, Option<Date>), ValidityError> {
        let last = match self {
            Self::LongTerm => None,
            Self::Years { years } => Some(last_day(from, Span::new().try_years(*years))?),
            Self::Months { months } => Some(last_day(from, Span::new().try_months(*months))?),
            Self::Field { until } => match fields.get(until) {
                None | Some(Value::Null) => None,
                Some(Value::String(text)) => Some(text.parse().map_err(|_| ValidityError::NoDate)?),
                Some(_) => return Err(ValidityError::NoDate),
            },
        };
        match last {
            Some(last) if last < from => Err(ValidityError::EndsBefore),
            last => Ok((from, last)),
        }
    }

    /// The same in Unix seconds: the first second of the first day and the last second of the last one, China time.
    ///
    /// # Errors
    /// [`ValidityError`].
    pub fn seconds(
        &self,
        from: Date,
        fields: &Map<String, Value>,
    ) -> Result<(i64, Option<i64>), ValidityError> {
        let (first, last) = self.days(from, fields)?;
        let last = match last {
            Some(day) => Some(second(day.tomorrow().map_err(|_| ValidityError::Beyond)?)? - 1),
            None => None,
        };
        Ok((second(first)?, last))
    }
}

/// The last day of a period that counts from `from`.
fn last_day(from: Date, period: Result<Span, jiff::Error>) -> Result<Date, ValidityError> {
    let beyond = |_| ValidityError::Beyond;
    let same = from.checked_add(period.map_err(beyond)?).map_err(beyond)?;
    // jiff takes the month's last day where it has no such day: that is article 202's last day already.
    if same.day() == from.day() { same.yesterday().map_err(beyond) } else { Ok(same) }
}

/// The first second of a day.
fn second(day: Date) -> Result<i64, ValidityError> {
    day.to_zoned(TimeZone::fixed(DAY_OFFSET))
        .map(|moment| moment.timestamp().as_second())
        .map_err(|_| ValidityError::Beyond)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn day(text: &str) -> Date {
        text.parse().expect("a date")
    }

    #[test]
    fn years_end_on_the_eve_of_the_anniversary() {
        let five = Validity::Years { years: 5 };
        let none = Map::new();
        assert_eq!(five.days(day("2025-03-01"), &none), Ok((day("2025-03-01"), Some(day("2030-02-28")))));
        // 2030-02-29 does not exist: the last day of February is the last day.
        assert_eq!(five.days(day("2024-02-29"), &none), Ok((day("2024-02-29"), Some(day("2029-02-28")))));
        let (from, to) = five.seconds(day("2025-03-01"), &none).expect("within the calendar");
        // 2025-03-01T00:00:00+08:00 and 2030-02-28T23:59:59+08:00.
        assert_eq!((from, to), (1_740_758_400, Some(1_898_524_799)));
    }

    #[test]
    fn months_without_the_day_end_with_the_month() {
        let one = Validity::Months { months: 1 };
        assert_eq!(one.days(day("2025-01-31"), &Map::new()).map(|days| days.1), Ok(Some(day("2025-02-28"))));
        assert_eq!(one.days(day("2025-04-01"), &Map::new()).map(|days| days.1), Ok(Some(day("2025-04-30"))));
    }

    #[test]
    fn a_field_says_the_last_day_or_there_is_none() {
        let rule = Validity::Field { until: "until".to_owned() };
        let with = |value: Value| Map::from_iter([("until".to_owned(), value)]);
        let from = day("2025-01-01");
        assert_eq!(rule.days(from, &Map::new()), Ok((from, None)));
        assert_eq!(rule.days(from, &with(json!("2025-01-01"))), Ok((from, Some(from))));
        assert_eq!(rule.days(from, &with(json!("2024-12-31"))), Err(ValidityError::EndsBefore));
        assert_eq!(rule.days(from, &with(json!("31.12.2025"))), Err(ValidityError::NoDate));
        assert_eq!(Validity::LongTerm.days(from, &Map::new()), Ok((from, None)));
    }

    #[test]
    fn the_end_of_the_calendar_is_told() {
        let rule = Validity::Years { years: u16::MAX };
        assert_eq!(rule.days(day("2025-01-01"), &Map::new()), Err(ValidityError::Beyond));
    }
}
