//! How often seals were used: per month, organisation, seal and item. Months are those of China Standard Time.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::model::CHINA;
use super::search::Conditions;
use crate::documents::model::BadParameter;
use crate::problem::{Kind, Problem, Result};
use crate::store::Db;

/// Which uses to count.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct FigureQuery {
    /// The first month, `YYYY-MM`; eleven months before the last when left out.
    pub from: Option<String>,
    /// The last month, `YYYY-MM`; the present one when left out.
    pub to: Option<String>,
    /// Of this seal.
    pub seal: Option<String>,
    /// Of seals of this organisation. Left out: a machine sees its own organisation's, people see all.
    pub organisation: Option<String>,
    /// For this service item.
    pub item: Option<String>,
    /// `json` (when left out) or `csv`.
    pub format: Option<FigureFormat>,
}

/// How figures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FigureFormat {
    /// JSON.
    Json,
    /// CSV (RFC 4180), UTF-8, with a heading.
    Csv,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Figure {
    /// `YYYY-MM`.
    pub month: String,
    /// The seal's organisation.
    pub organisation: String,
    /// The seal.
    pub seal: String,
    /// Code of the service item; `null` where none was said.
    pub item: Option<String>,
    /// How often.
    pub uses: i64,
}

/// Figures.
#[derive(Debug, Serialize, ToSchema)]
pub struct Figures {
    /// The first month.
    pub from: String,
    /// The last month.
    pub to: String,
    /// By month, organisation, seal and item.
    pub items: Vec<Figure>,
}

/// Counts uses. `now` in microseconds.
///
/// # Errors
/// A problem: months that cannot be meant, or more figures than one answer holds.
pub(super) async fn figures(db: &Db, query: &FigureQuery, now: i64) -> Result<Figures> {
    let present = month_of(now);
    let last = query.to.as_deref().map_or(Ok(present), |text| read("to", text))?;
    let first = match query.from.as_deref() {
        Some(text) => read("from", text)?,
        None => (0..11).fold(last, |month, _| before(month)),
    };
    let mut months = Vec::new();
    let mut month = last;
    while month >= first {
        if months.len() == MOST_MONTHS {
            let reason = "ask for 1 to 36 months, the first not after the last";
            return Err(BadParameter { name: "from", reason }.into());
        }
        months.push(month);
        month = before(month);
    }
    if months.is_empty() {
        return Err(BadParameter { name: "from", reason: "the first month is after the last" }.into());
    }
    let mut items = Vec::new();
    for month in months.into_iter().rev() {
        counted(db, query, month, &mut items).await?;
        if items.len() > MOST_FIGURES {
            let detail = "More figures than one answer holds; name fewer months, a seal or an organisation.";
            return Err(Problem::new(Kind::InvalidParameter, detail).with("limit", MOST_FIGURES));
        }
    }
    Ok(Figures { from: written(first), to: written(last), items })
}

async fn counted(db: &Db, query: &FigureQuery, month: Date, items: &mut Vec<Figure>) -> Result<()> {
    let mut wanted = Conditions::default();
    let end = month.last_of_month().tomorrow().unwrap_or(month);
    wanted.between(Some(begins(month)), Some(begins(end)));
    for (column, value) in [
        ("u.seal", &query.seal),
        ("COALESCE(u.organisation, s.organisation)", &query.organisation),
        ("u.item", &query.item),
    ] {
        if let Some(value) = value {
            wanted.equal(column, value);
        }
    }
    let sql = format!(
        "SELECT COALESCE(u.organisation, s.organisation) AS organisation, u.seal AS seal, \
         COALESCE(u.item, '') AS item, count(*) AS uses \
         FROM seal_uses u JOIN seals s ON s.id = u.seal WHERE {} \
         GROUP BY COALESCE(u.organisation, s.organisation), u.seal, COALESCE(u.item, '') \
         ORDER BY 1, 2, 3 LIMIT {}",
        wanted.text(),
        MOST_FIGURES + 1
    );
    for record in db.fetch_built(sql, &wanted.parameters).await? {
        items.push(Figure {
            month: written(month),
            organisation: record.text("organisation")?.to_owned(),
            seal: record.text("seal")?.to_owned(),
            item: Some(record.text("item")?.to_owned()).filter(|item| !item.is_empty()),
            uses: record.int("uses")?,
        });
    }
    Ok(())
}

/// Figures as CSV. A spreadsheet runs nothing of it: what would begin a formula gets an apostrophe before it.
///
/// # Errors
/// A problem, when it cannot be written.
pub(super) fn csv(figures: &Figures) -> Result<Vec<u8>> {
    let plain = |text: &str| match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    };
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let heading = ["month", "organisation", "seal", "item", "uses"].map(ToOwned::to_owned);
    let row = |figure: &Figure| {
        let item = figure.item.as_deref().unwrap_or_default();
        let cells = [&figure.month, &figure.organisation, &figure.seal, item].map(plain);
        cells.into_iter().chain([figure.uses.to_string()]).collect::<Vec<_>>()
    };
    let rows = std::iter::once(heading.to_vec()).chain(figures.items.iter().map(row));
    for row in rows {
        writer.write_record(row).map_err(Problem::internal)?;
    }
    writer.into_inner().map_err(Problem::internal)
}

fn month_of(now: i64) -> Date {
    let local = Timestamp::from_microsecond(now.saturating_add(CHINA)).unwrap_or_default();
    local.to_zoned(TimeZone::UTC).date().first_of_month()
}

fn before(month: Date) -> Date {
    month.yesterday().unwrap_or(month).first_of_month()
}

/// Microseconds at which a day begins in China.
fn begins(day: Date) -> i64 {
    day.to_zoned(TimeZone::UTC).map_or(0, |zoned| zoned.timestamp().as_microsecond() - CHINA)
}

fn written(month: Date) -> String {
    month.strftime("%Y-%m").to_string()
}

fn read(name: &'static str, text: &str) -> Result<Date> {
    let reason = "write a month as `YYYY-MM`, from 2000 on";
    let bad = || Problem::from(BadParameter { name, reason });
    let plain = text.len() == 7 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let date: Date = format!("{text}-01").parse().map_err(|_| bad())?;
    if plain && (2000..=9000).contains(&date.year()) { Ok(date) } else { Err(bad()) }
}

/// Months in one answer: three years.
const MOST_MONTHS: usize = 36;
/// Figures in one answer.
const MOST_FIGURES: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_those_of_china() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_microsecond();
        assert_eq!(written(month_of(at("2026-01-31T16:00:00Z"))), "2026-02");
        assert_eq!(written(before(month_of(at("2026-01-15T00:00:00Z")))), "2025-12");
        assert_eq!(begins(read("from", "2026-02").unwrap()), at("2026-01-31T16:00:00Z"));
        for strange in ["2026", "2026-13", "1999-12", "+026-01", "2026-1", "2026-01-01"] {
            assert!(read("from", strange).is_err(), "{strange}");
        }
    }

    #[test]
    fn what_a_spreadsheet_would_run_is_text() {
        let figure = |item: &str| Figure {
            month: "2026-01".into(),
            organisation: "bureau".into(),
            seal: "a".into(),
            item: Some(item.into()),
            uses: 3,
        };
        let items = vec![figure("=HYPERLINK(\"x\")"), figure("施工,许可")];
        let text = csv(&Figures { from: String::new(), to: String::new(), items }).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(
            text,
            "month,organisation,seal,item,uses\r\n2026-01,bureau,a,\"'=HYPERLINK(\"\"x\"\")\",3\r\n\
             2026-01,bureau,a,\"施工,许可\",3\r\n"
        );
    }
}
