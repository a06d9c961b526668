//! `cinnabar licence figures`: how often licences were shown and taken.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use licence::catalogue::DAY_OFFSET;
use serde_json::{Map, Value};

use super::{Failure, Global, Output, Remote, table};
use crate::cli::query;

/// Options of `cinnabar licence figures`.
#[derive(Debug, Args)]
pub struct FiguresArgs {
    /// The first month, YYYY-MM [default: eleven months before the last]
    #[arg(long, value_parser = month)]
    from: Option<Date>,
    /// The last month, YYYY-MM, at most a year in all [default: the present one]
    #[arg(long, value_parser = month)]
    to: Option<Date>,
    /// Only at licences of this type
    #[arg(long = "type")]
    type_code: Option<String>,
    /// Only by callers of this department
    #[arg(long)]
    department: Option<String>,
    /// Only at licences that this organisation issued
    #[arg(long)]
    organisation: Option<String>,
    /// Only for this service item
    #[arg(long)]
    item: Option<String>,
    /// Add up everything but these
    #[arg(long, value_delimiter = ',')]
    by: Vec<Column>,
    #[command(flatten)]
    remote: Remote,
}

/// What figures are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Column {
    /// The month.
    Month,
    /// Code of the type.
    Type,
    /// Who issued the licences.
    Organisation,
    /// Who looked; empty for strangers.
    Department,
    /// Kind of look.
    Kind,
    /// Service item.
    Item,
}

impl Column {
    const ALL: [Self; 6] =
        [Self::Month, Self::Type, Self::Organisation, Self::Department, Self::Kind, Self::Item];

    /// Its member in an answer.
    const fn name(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Type => "type",
            Self::Organisation => "organisation",
            Self::Department => "viewer_organisation",
            Self::Kind => "kind",
            Self::Item => "item",
        }
    }
}

pub(super) async fn figures(args: FiguresArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let (from, to) = period(args.from, args.to, Timestamp::now())?;
    let conditions = [
        ("from", Some(from.to_string())),
        ("to", Some(to.to_string())),
        ("type", args.type_code),
        ("viewer_organisation", args.department),
        ("organisation", args.organisation),
        ("item", args.item),
    ];
    let conditions: Vec<(&str, String)> =
        conditions.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let client = args.remote.client(global)?;
    let answer = client.get(&format!("/v1/licence-uses/figures?{}", query(&conditions))).await?.json();
    let items = answer.get("items").and_then(Value::as_array);
    let items = items.ok_or("the service answered with something that is no list")?;
    let columns = if args.by.is_empty() { Column::ALL.to_vec() } else { args.by };
    let columns: Vec<&str> = columns.into_iter().map(Column::name).collect();
    let items = summed(items, &columns);
    table(&items, &[&columns[..], &["uses"]].concat(), output);
    Ok(())
}

/// The figures with everything but these columns added up, in their order.
fn summed(items: &[Value], columns: &[&str]) -> Vec<Value> {
    let mut sums: BTreeMap<Vec<String>, (Map<String, Value>, i64)> = BTreeMap::new();
    for item in items {
        let cell = |name: &&str| item.get(*name).cloned().unwrap_or(Value::Null);
        let key = columns.iter().map(|name| cell(name).as_str().unwrap_or_default().to_owned()).collect();
        let row = || columns.iter().map(|name| ((*name).to_owned(), cell(name))).collect();
        let (_, uses) = sums.entry(key).or_insert_with(|| (row(), 0));
        *uses = uses.saturating_add(item.get("uses").and_then(Value::as_i64).unwrap_or_default());
    }
    let row = |(mut row, uses): (Map<String, Value>, i64)| {
        row.insert("uses".to_owned(), uses.into());
        Value::Object(row)
    };
    sums.into_values().map(row).collect()
}

/// From the beginning of the first month to the end of the last, in China.
fn period(from: Option<Date>, to: Option<Date>, now: Timestamp) -> Result<(Timestamp, Timestamp), Failure> {
    let last = to.unwrap_or_else(|| DAY_OFFSET.to_datetime(now).date().first_of_month());
    let unmeant = |error: jiff::Error| Failure::from(format!("these months cannot be meant: {error}"));
    let first = match from {
        Some(first) => first,
        None => last.checked_sub(11.months()).map_err(unmeant)?,
    };
    if first > last {
        return Err("the first month is after the last".into());
    }
    let end = last.checked_add(1.month()).map_err(unmeant)?;
    let begins = |day: Date| DAY_OFFSET.to_timestamp(day.at(0, 0, 0, 0)).map_err(unmeant);
    Ok((begins(first)?, begins(end)?))
}

fn month(text: &str) -> Result<Date, String> {
    let plain = text.len() == 7 && text.bytes().all(|octet| octet.is_ascii_digit() || octet == b'-');
    let date = plain.then(|| format!("{text}-01").parse().ok()).flatten();
    date.ok_or_else(|| "write a month as YYYY-MM".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn months_begin_and_end_in_china_and_a_year_is_the_usual() {
        let now: Timestamp = "2026-10-31T16:00:00Z".parse().unwrap();
        let (from, to) = period(None, None, now).unwrap();
        assert_eq!(from.to_string(), "2025-11-30T16:00:00Z");
        assert_eq!(to.to_string(), "2026-11-30T16:00:00Z");
        let (from, to) =
            period(Some(month("2026-02").unwrap()), Some(month("2026-02").unwrap()), now).unwrap();
        assert_eq!(
            (from.to_string(), to.to_string()),
            ("2026-01-31T16:00:00Z".into(), "2026-02-28T16:00:00Z".into())
        );
        assert!(period(Some(month("2026-12").unwrap()), None, now).is_err());
        assert!(month("2026-13").is_err() && month("2026").is_err() && month("2026-1-").is_err());
    }

    #[test]
    fn what_is_not_told_apart_is_added_up() {
        let item = |month: &str, item: Option<&str>, uses: i64| json!({ "month": month, "type": "t", "item": item, "uses": uses });
        let items = [item("2026-02", None, 1), item("2026-01", Some("a"), 2), item("2026-01", Some("b"), 3)];
        let by = |columns: &[&str]| json!(summed(&items, columns));
        assert_eq!(
            by(&["month"]),
            json!([{ "month": "2026-01", "uses": 5 }, { "month": "2026-02", "uses": 1 }])
        );
        assert_eq!(by(&["type"]), json!([{ "type": "t", "uses": 6 }]));
        assert_eq!(by(&["item", "month"])[0], json!({ "item": null, "month": "2026-02", "uses": 1 }));
    }
}
