//! Searching the records of use, newest first. Identifiers are UUIDs of version 7, so that their order is that of time
//! and a cursor is an identifier.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::views::digest;
use crate::documents::model::{BadParameter, SealUse};
use crate::documents::records::{USED, used};
use crate::store::{Db, StoreError, Value};

/// What to search for; all that is given must fit.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct UseQuery {
    /// Uses of this seal.
    pub seal: Option<String>,
    /// Uses of seals of this organisation. Left out: a machine sees its own organisation's, people see all.
    pub organisation: Option<String>,
    /// Code of the service item.
    pub item: Option<String>,
    /// Case number.
    pub case_number: Option<String>,
    /// Registration of the caller.
    pub caller: Option<String>,
    /// The rule that admitted it.
    pub rule: Option<String>,
    /// SHA-256 of a document, before or after it was sealed, hexadecimal.
    pub digest: Option<String>,
    /// From this moment, RFC 3339.
    #[param(value_type = Option<String>)]
    pub from: Option<Timestamp>,
    /// Until before this moment, RFC 3339.
    #[param(value_type = Option<String>)]
    pub to: Option<Timestamp>,
    /// Cursor of an earlier page.
    pub after: Option<String>,
    /// Most in a page, 1 to 200; 50 when left out.
    pub limit: Option<u32>,
}

/// One page of records.
#[derive(Debug, Serialize, ToSchema)]
pub struct Uses {
    /// The records, newest first.
    pub items: Vec<SealUse>,
    /// Cursor of the next page, if there is one.
    pub next: Option<String>,
}

impl UseQuery {
    /// Checks what can be checked.
    ///
    /// # Errors
    /// The first [`BadParameter`].
    pub fn check(&self) -> Result<(), BadParameter> {
        let bad = |name, reason| Err(BadParameter { name, reason });
        if self.digest.as_ref().is_some_and(|text| digest(text).is_none()) {
            return bad("digest", "write the SHA-256 in lower-case hexadecimal");
        }
        if self.limit.is_some_and(|limit| !(1..=200).contains(&limit)) {
            return bad("limit", "1 to 200");
        }
        if self.after.as_ref().is_some_and(|after| Uuid::try_parse(after).is_err()) {
            return bad("after", "send `next` of the page before");
        }
        Ok(())
    }
}

/// One page of the records that fit.
///
/// # Errors
/// [`StoreError`].
pub async fn search(db: &Db, query: &UseQuery) -> Result<Uses, StoreError> {
    let limit = query.limit.unwrap_or(50);
    let mut items = page(db, query, limit + 1, false).await?;
    if query.organisation.is_some() {
        // Records of earlier versions do not say the organisation; there are no new ones of them.
        items.extend(page(db, query, limit + 1, true).await?);
        items.sort_by(|a, b| b.id.cmp(&a.id));
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|last| last.id.clone());
    Ok(Uses { items, next })
}

async fn page(db: &Db, query: &UseQuery, limit: u32, older: bool) -> Result<Vec<SealUse>, StoreError> {
    let mut wanted = Conditions::default();
    if let Some(organisation) = &query.organisation {
        match older {
            false => wanted.equal("u.organisation", organisation),
            true => {
                wanted.equal("s.organisation", organisation);
                wanted.plain("u.organisation IS NULL");
            }
        }
    }
    for (column, value) in [
        ("u.seal", &query.seal),
        ("u.item", &query.item),
        ("u.case_number", &query.case_number),
        ("u.caller", &query.caller),
        ("u.rule", &query.rule),
    ] {
        if let Some(value) = value {
            wanted.equal(column, value);
        }
    }
    if let Some(digest) = &query.digest {
        let place = wanted.parameter(digest.as_str());
        let beginning = wanted.parameter(digest.get(..8).unwrap_or_default());
        // One index each; of those that every record has, the index is of their beginnings.
        wanted.plain(&format!(
            "u.id IN (SELECT id FROM seal_uses WHERE substr(original_digest, 1, 8) = {beginning} \
             AND original_digest = {place} \
             UNION SELECT id FROM seal_uses WHERE document_digest = {place} \
             UNION SELECT id FROM seal_uses WHERE substr(result_digest, 1, 8) = {beginning} \
             AND result_digest = {place})"
        ));
    }
    wanted.between(query.from.map(Timestamp::as_microsecond), query.to.map(Timestamp::as_microsecond));
    if let Some(after) = &query.after {
        let place = wanted.parameter(after.as_str());
        wanted.plain(&format!("u.id < {place}"));
    }
    let place = wanted.parameter(i64::from(limit));
    let sql = format!("{USED} WHERE {} ORDER BY u.id DESC LIMIT {place}", wanted.text());
    let records = db.fetch_built(sql, &wanted.parameters).await?;
    records.iter().map(used).collect()
}

/// Conditions of a statement with their parameters.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    all: Vec<String>,
    pub(super) parameters: Vec<Value>,
}

impl Conditions {
    pub(super) fn parameter(&mut self, value: impl Into<Value>) -> String {
        self.parameters.push(value.into());
        format!("${}", self.parameters.len())
    }

    pub(super) fn equal(&mut self, column: &str, value: &str) {
        let place = self.parameter(value);
        self.all.push(format!("{column} = {place}"));
    }

    pub(super) fn plain(&mut self, condition: &str) {
        self.all.push(condition.to_owned());
    }

    /// Microseconds. The identifiers narrow it down by the primary key; their clock may differ a little from the log's.
    pub(super) fn between(&mut self, from: Option<i64>, to: Option<i64>) {
        for (moment, operator, slack) in [(from, ">=", -SLACK), (to, "<", SLACK)] {
            let Some(moment) = moment else { continue };
            let place = self.parameter(moment);
            self.all.push(format!("u.time {operator} {place}"));
            let seconds = u64::try_from(moment.saturating_add(slack).div_euclid(1_000_000)).unwrap_or(0);
            let [_, _, a, b, c, d, e, f] = seconds.saturating_mul(1000).to_be_bytes();
            let id = Uuid::from_bytes([a, b, c, d, e, f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            let place = self.parameter(id.to_string());
            self.all.push(format!("u.id {operator} {place}"));
        }
    }

    pub(super) fn text(&self) -> String {
        if self.all.is_empty() { "1 = 1".to_owned() } else { self.all.join(" AND ") }
    }
}

/// Microseconds that the clock of identifiers may differ from the log's: the journal refuses acts long before.
const SLACK: i64 = 3_600_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_narrow_the_time_down_with_room_on_both_sides() {
        let mut wanted = Conditions::default();
        wanted.between(Some(7_200_000_000), Some(7_200_000_000));
        assert_eq!(wanted.text(), "u.time >= $1 AND u.id >= $2 AND u.time < $3 AND u.id < $4");
        let id = |place: usize| wanted.parameters[place].as_text().unwrap().to_owned();
        let at = |seconds: u64| {
            Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, 0)).to_string()[..13].to_owned()
        };
        assert_eq!(id(1)[..13], at(3600));
        assert_eq!(id(3)[..13], at(10_800));
        assert_eq!(Conditions::default().text(), "1 = 1");
    }

    #[test]
    fn what_cannot_be_searched_for_is_named() {
        let cases = [
            (UseQuery { digest: Some("AB".into()), ..UseQuery::default() }, "digest"),
            (UseQuery { limit: Some(0), ..UseQuery::default() }, "limit"),
            (UseQuery { after: Some("x".into()), ..UseQuery::default() }, "after"),
        ];
        for (query, name) in cases {
            assert_eq!(query.check().unwrap_err().name, name);
        }
    }
}
