//! How often licences were shown and taken (R13): by month, type, who issued them, who looked, kind of look and item. Months are
//! those of China Standard Time.

use jiff::Timestamp;
use jiff::civil::Date;
use licence::catalogue::DAY_OFFSET;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::documents::model::BadParameter;
use crate::problem::{Kind, Problem, Result};
use crate::store::Db;

/// Which looks to count.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LicenceFigureQuery {
    /// From this moment, RFC 3339.
    #[param(value_type = String)]
    pub from: Timestamp,
    /// Until before this moment, at most 366 days later.
    #[param(value_type = String)]
    pub to: Timestamp,
    /// At licences that this organisation issued. Left out: a machine sees its own organisation's, people see all.
    pub organisation: Option<String>,
    /// At licences of this type.
    #[serde(rename = "type")]
    pub type_code: Option<String>,
    /// By callers of this organisation.
    pub viewer_organisation: Option<String>,
    /// For this service item.
    pub item: Option<String>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LicenceFigure {
    /// `YYYY-MM`.
    pub month: String,
    /// Code of the licences' type.
    #[serde(rename = "type")]
    pub type_code: String,
    /// Who issued the licences.
    pub organisation: String,
    /// Whose callers looked; empty for strangers.
    pub viewer_organisation: String,
    /// `show`, `query`, `document`, `copy` or `verification`.
    pub kind: String,
    /// Code of the service item; `null` where none was said.
    pub item: Option<String>,
    /// How often.
    pub uses: i64,
}

/// Figures.
#[derive(Debug, Serialize, ToSchema)]
pub struct LicenceFigures {
    /// By month, type, issuer, viewer, kind and item.
    pub items: Vec<LicenceFigure>,
}

/// Counts looks.
///
/// # Errors
/// A problem: a period that cannot be meant, or more figures than one answer holds.
pub async fn figures(db: &Db, query: &LicenceFigureQuery) -> Result<LicenceFigures> {
    let (from, to) = (query.from.as_microsecond(), query.to.as_microsecond());
    if from >= to || to - from > LONGEST {
        return Err(BadParameter { name: "to", reason: "ask for at most 366 days" }.into());
    }
    let mut items = Vec::new();
    // At most a year, hence at most fourteen months.
    let mut begin = from;
    while begin < to {
        let month = day(begin).first_of_month();
        let end = begins(month.last_of_month().tomorrow().unwrap_or(month)).clamp(begin + 1, to);
        counted(db, query, month, (begin, end), &mut items).await?;
        if i64::try_from(items.len()).unwrap_or(i64::MAX) > MOST {
            let detail =
                "More figures than one answer holds; name a shorter period, a type or an organisation.";
            return Err(Problem::new(Kind::InvalidParameter, detail).with("limit", MOST));
        }
        begin = end;
    }
    Ok(LicenceFigures { items })
}

async fn counted(
    db: &Db,
    query: &LicenceFigureQuery,
    month: Date,
    (from, to): (i64, i64),
    items: &mut Vec<LicenceFigure>,
) -> Result<()> {
    let wanted = |text: &Option<String>| text.clone().unwrap_or_default().into();
    let parameters = [
        from.into(),
        to.into(),
        first_id(from - SLACK).into(),
        first_id(to + SLACK).into(),
        wanted(&query.organisation),
        wanted(&query.type_code),
        wanted(&query.viewer_organisation),
        wanted(&query.item),
        (MOST + 1).into(),
    ];
    let month = month.strftime("%Y-%m").to_string();
    let records = db.fetch_all(SQL, &parameters).await?;
    let figure = |record: &crate::store::Record| {
        Ok(LicenceFigure {
            month: month.clone(),
            type_code: record.text("type")?.to_owned(),
            organisation: record.text("organisation")?.to_owned(),
            viewer_organisation: record.text("viewer_organisation")?.to_owned(),
            kind: record.text("kind")?.to_owned(),
            item: Some(record.text("item")?.to_owned()).filter(|item| !item.is_empty()),
            uses: record.int("uses")?,
        })
    };
    let found: std::result::Result<Vec<_>, crate::store::StoreError> = records.iter().map(figure).collect();
    items.extend(found?);
    Ok(())
}

/// The day of a moment (microseconds) in China.
fn day(micros: i64) -> Date {
    DAY_OFFSET.to_datetime(Timestamp::from_microsecond(micros).unwrap_or_default()).date()
}

/// Microseconds at which a day begins in China.
fn begins(day: Date) -> i64 {
    DAY_OFFSET
        .to_timestamp(day.to_datetime(jiff::civil::Time::midnight()))
        .map_or(i64::MAX, Timestamp::as_microsecond)
}

/// The least identifier of version 7 at a moment: records are found by their primary key.
fn first_id(micros: i64) -> String {
    let millis = u64::try_from(micros.div_euclid(1000)).unwrap_or(0);
    let [_, _, a, b, c, d, e, f] = millis.to_be_bytes();
    Uuid::from_bytes([a, b, c, d, e, f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).to_string()
}

// A licence's identifier begins with the code of its type, 21 characters (GB/T 36904).
const SQL: &str = "SELECT substr(licence, 1, 21) AS type, organisation, viewer_organisation, kind, \
                   COALESCE(item, '') AS item, count(*) AS uses \
                   FROM licence_uses WHERE time >= $1 AND time < $2 AND id >= $3 AND id < $4 \
                   AND ($5 = '' OR organisation = $5) AND ($6 = '' OR substr(licence, 1, 21) = $6) \
                   AND ($7 = '' OR viewer_organisation = $7) AND ($8 = '' OR COALESCE(item, '') = $8) \
                   GROUP BY substr(licence, 1, 21), organisation, viewer_organisation, kind, COALESCE(item, '') \
                   ORDER BY 1, 2, 3, 4, 5 LIMIT $9";
/// Microseconds.
const LONGEST: i64 = 366 * 86_400_000_000;
/// Microseconds that the clock of identifiers may differ from the log's: the journal refuses acts long before.
const SLACK: i64 = 3_600_000_000;
/// Figures in one answer.
const MOST: i64 = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_begin_where_their_moment_does() {
        let made = Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 1_700_000_000, 0)).to_string();
        let at = 1_700_000_000_000_000;
        assert!(first_id(at) <= made && made < first_id(at + 1000));
        assert_eq!(first_id(-1), "00000000-0000-0000-0000-000000000000");
    }
}
