//! How often licences were shown and taken (R13): by who issued them, who looked, kind of look and item.

use jiff::Timestamp;
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
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LicenceFigure {
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
    /// By issuer, viewer, kind and item.
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
    let parameters = [
        from.into(),
        to.into(),
        first_id(from - SLACK).into(),
        first_id(to + SLACK).into(),
        query.organisation.clone().unwrap_or_default().into(),
        (MOST + 1).into(),
    ];
    let records = db.fetch_all(SQL, &parameters).await?;
    if i64::try_from(records.len()).unwrap_or(i64::MAX) > MOST {
        let detail = "More figures than one answer holds; name a shorter period or an organisation.";
        return Err(Problem::new(Kind::InvalidParameter, detail).with("limit", MOST));
    }
    let figure = |record: &crate::store::Record| {
        Ok(LicenceFigure {
            organisation: record.text("organisation")?.to_owned(),
            viewer_organisation: record.text("viewer_organisation")?.to_owned(),
            kind: record.text("kind")?.to_owned(),
            item: Some(record.text("item")?.to_owned()).filter(|item| !item.is_empty()),
            uses: record.int("uses")?,
        })
    };
    let items: std::result::Result<_, crate::store::StoreError> = records.iter().map(figure).collect();
    Ok(LicenceFigures { items: items? })
}

/// The least identifier of version 7 at a moment: records are found by their primary key.
fn first_id(micros: i64) -> String {
    let millis = u64::try_from(micros.div_euclid(1000)).unwrap_or(0);
    let [_, _, a, b, c, d, e, f] = millis.to_be_bytes();
    Uuid::from_bytes([a, b, c, d, e, f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).to_string()
}

const SQL: &str = "SELECT organisation, viewer_organisation, kind, COALESCE(item, '') AS item, count(*) AS uses \
                   FROM licence_uses WHERE time >= $1 AND time < $2 AND id >= $3 AND id < $4 \
                   AND ($5 = '' OR organisation = $5) \
                   GROUP BY organisation, viewer_organisation, kind, COALESCE(item, '') ORDER BY 1, 2, 3, 4 LIMIT $6";
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
