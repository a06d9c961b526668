//! Counting uses of a rule: in all, and in the present minute, hour, day or month.

use super::error::Condition;
use super::model::Terms;
use crate::journal::Unit;
use crate::store::Row;
use crate::store::tables::SEAL_RULE_COUNTERS;

/// The counter of a rule as it was read, with what the act under way adds.
#[derive(Debug, Clone)]
pub(super) struct Counter {
    rule: String,
    /// The row as it is; none before the first use.
    row: Option<Row>,
    total: i64,
    start: i64,
    since: i64,
}

impl Counter {
    /// A rule's counter from its row, if it has one.
    pub(super) fn new(rule: &str, row: Option<Row>) -> Self {
        let int = |column: &str| row.as_ref().and_then(|row| row.value(column).as_int()).unwrap_or_default();
        let (total, start, since) = (int("total"), int("start"), int("since"));
        Self { rule: rule.to_owned(), row, total, start, since }
    }

    /// Counts one use at `now` (microseconds), if the rule allows one more.
    pub(super) fn count(&mut self, terms: &Terms, now: i64) -> Result<(), Condition> {
        if let Some(most) = terms.count.filter(|most| self.total >= i64::from(*most)) {
            return Err(Condition::Count { most });
        }
        if let Some(rate) = terms.rate {
            let (start, end) = rate.per.around(now);
            // A node whose clock is a little behind counts in the later while.
            if start > self.start {
                (self.start, self.since) = (start, 0);
            }
            if self.since >= i64::from(rate.most) {
                let wait = u64::try_from((end - now).div_euclid(1_000_000) + 1).unwrap_or(1);
                return Err(Condition::Rate { most: rate.most, wait });
            }
            self.since += 1;
        }
        self.total += 1;
        Ok(())
    }

    /// Puts the counter into the unit of the act: a new row, or the one that was read a version on.
    pub(super) fn put(self, unit: Unit) -> Unit {
        let counted =
            |row: Row| row.with("total", self.total).with("start", self.start).with("since", self.since);
        match self.row {
            Some(row) => unit.update(counted(row).next_version()),
            None => {
                let values = vec![self.rule.as_str().into(), 1.into(), 0.into(), 0.into(), 0.into()];
                unit.insert(counted(Row::new(&SEAL_RULE_COUNTERS, values)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::{Period, Rate};
    use super::*;

    #[test]
    fn a_use_above_the_limit_is_named_and_not_counted() {
        let terms =
            Terms { count: Some(4), rate: Some(Rate { most: 2, per: Period::Minute }), ..Terms::default() };
        let mut counter = Counter::new("r", None);
        let minute = 60_000_000;
        assert_eq!(counter.count(&terms, minute), Ok(()));
        assert_eq!(counter.count(&terms, minute + 1), Ok(()));
        let full = counter.count(&terms, 2 * minute - 1_000_001);
        assert_eq!(full, Err(Condition::Rate { most: 2, wait: 2 }));
        assert_eq!(counter.count(&terms, 2 * minute), Ok(()), "a new minute");
        assert!(counter.count(&terms, minute).is_ok(), "a clock a little behind counts on");
        assert!(counter.count(&terms, 3 * minute).is_err(), "four in all");
        assert_eq!(counter.count(&terms, 3 * minute), Err(Condition::Count { most: 4 }));
    }
}
