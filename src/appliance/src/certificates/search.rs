//! The inventory: every search is driven by one index, chosen by what is asked for, and looks at a bounded number of its
//! entries, so that a page costs the same among a thousand certificates and among a million.
//!
//! The most selective condition drives; the others are judged on the rows that the index names. When they reject most
//! of them, a page ends short, with a cursor to go on from. The order is the driving index's: expiry and fingerprint,
//! unless a name, a fingerprint or an authority is asked for.

use std::fmt::Write as _;

use super::filter::{Filter, Pattern, Search, State, seal};
use super::records::CERTIFICATES;
use crate::problem::{Kind, Problem};
use crate::store::{Db, Record, Row, StoreError, Value};

/// One page.
#[derive(Debug)]
pub struct Found {
    /// Rows without their certificates.
    pub rows: Vec<Row>,
    /// Cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// Why nothing was found.
#[derive(Debug, thiserror::Error)]
enum SearchError {
    /// The cursor is of another search.
    #[error("the cursor belongs to another search")]
    Cursor,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Index entries that a page looks at, at most.
const BUDGET: u32 = 1000;

/// Searches the inventory. `now` in microseconds; `issuers` are the labels of every authority there is; `profiles` the
/// names under which certificates of the profile asked for are recorded.
///
/// # Errors
/// A problem: parameters or a cursor that cannot be used, a store that does not answer.
pub async fn inventory(
    db: &Db,
    asked: Search,
    now: i64,
    issuers: &[String],
    profiles: &[String],
) -> crate::problem::Result<Found> {
    let filter = asked.check(now)?;
    search(db, &filter, issuers, profiles).await.map_err(|error| match error {
        SearchError::Cursor => {
            Problem::new(Kind::InvalidParameter, "Send `after` with the search that it came from.")
                .with("parameter", "after")
        }
        SearchError::Store(error) => error.into(),
    })
}

async fn search(
    db: &Db,
    filter: &Filter,
    issuers: &[String],
    profiles: &[String],
) -> Result<Found, SearchError> {
    let mut parts = Vec::new();
    for plan in plans(filter, issuers, profiles)? {
        let (sql, parameters) = plan.page(filter.limit + 1);
        let records = db.fetch_built(sql, &parameters).await?;
        let mut rows = Vec::with_capacity(records.len());
        for record in &records {
            rows.push((plan.key_of(record)?, record.to_row(&CERTIFICATES)?));
        }
        // Fewer than asked for: is the index at its end, or only the budget?
        let end = if plan.residual.is_empty() || rows.len() > filter.limit as usize {
            None
        } else {
            let (sql, parameters) = plan.end();
            let last = db.fetch_built(sql, &parameters).await?;
            last.first().map(|record| plan.key_of(record)).transpose()?
        };
        parts.push((rows, end));
    }
    Ok(merged(parts, filter.limit as usize))
}

/// Where a row stands in the order of its index.
type Key = Vec<Value>;
/// The rows of one index, and where it was left when the budget ended.
type Part = (Vec<(Key, Row)>, Option<Key>);

/// Several indices' pages as one, in the order of their common key.
fn merged(mut parts: Vec<Part>, limit: usize) -> Found {
    // What lies behind the nearest end may have others before it.
    let end = parts.iter().filter_map(|(_, end)| end.clone()).min_by(|a, b| order(a, b));
    let mut rows: Vec<_> = parts.iter_mut().flat_map(|(rows, _)| std::mem::take(rows)).collect();
    if parts.len() > 1 {
        rows.sort_by(|(a, _), (b, _)| order(a, b));
        if let Some(end) = &end {
            rows.retain(|(key, _)| order(key, end).is_le());
        }
    }
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = if more { rows.last().map(|(key, _)| key.clone()) } else { end };
    Found { rows: rows.into_iter().map(|(_, row)| row).collect(), next: next.map(|key| seal(&key)) }
}

fn order(a: &[Value], b: &[Value]) -> std::cmp::Ordering {
    let one = |a: &Value, b: &Value| match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        _ => std::cmp::Ordering::Equal,
    };
    a.iter().zip(b).map(|(a, b)| one(a, b)).find(|ordering| ordering.is_ne()).unwrap_or(a.len().cmp(&b.len()))
}

/// One index and what is asked of it.
struct Driver {
    /// Of `certificate_names`, not of `certificates`.
    by_name: bool,
    /// Columns of the order, one or two.
    key: &'static [&'static str],
    /// Conditions that the index serves.
    conditions: Vec<Condition>,
}

impl Driver {
    const fn table(&self) -> &'static str {
        if self.by_name { "certificate_names n" } else { "certificates c" }
    }
}

/// SQL with `?` for each of its parameters.
type Condition = (String, Vec<Value>);

/// A statement in the making.
struct Plan {
    driver: Driver,
    /// Conditions judged on the rows.
    residual: Vec<Condition>,
}

/// The plans of a search; more than one only where one profile stands under several names.
fn plans(filter: &Filter, issuers: &[String], profiles: &[String]) -> Result<Vec<Plan>, SearchError> {
    let mut left = Conditions::of(filter, profiles);
    let drivers: Vec<Driver> = if let Some(fingerprint) = left.fingerprint.take() {
        let high = format!("{fingerprint}g");
        vec![certificates(
            &["id"],
            vec![("c.id >= ? AND c.id < ?".into(), vec![fingerprint.into(), high.into()])],
        )]
    } else if let Some(serial) = left.serial.take() {
        let named: Vec<&String> = match left.issuer.take() {
            Some(issuer) => issuers.iter().filter(|label| **label == issuer).collect(),
            None => issuers.iter().collect(),
        };
        let marks = vec!["?"; named.len().max(1)].join(",");
        let mut values: Vec<Value> = named.iter().map(|label| label.as_str().into()).collect();
        if values.is_empty() {
            values.push("".into());
        }
        values.push(serial.into());
        vec![certificates(&["id"], vec![(format!("c.issuer IN ({marks}) AND c.serial = ?"), values)])]
    } else if let Some(key) = left.key.take() {
        vec![certificates(&["id"], vec![("c.key = ?".into(), vec![key.into()])])]
    } else if let Some(name) = left.name.take() {
        vec![named(name)]
    } else if let Some(caller) = left.caller.take() {
        vec![by("c.caller = ?", caller, &mut left)]
    } else if let Some(state) = left.not_good.take() {
        // The index is of those not good alone, and the words must be seen to say so.
        vec![by("c.state <> 'good' AND c.state = ?", state.to_owned(), &mut left)]
    } else if let Some(organisation) = left.organisation.take() {
        vec![by("c.organisation = ?", organisation, &mut left)]
    } else if !left.profiles.is_empty() {
        let names = std::mem::take(&mut left.profiles);
        let window = left.window();
        names
            .into_iter()
            .map(|name| {
                let mut conditions = vec![("c.profile = ?".to_owned(), vec![name.into()])];
                conditions.extend(window.clone());
                certificates(EXPIRY, conditions)
            })
            .collect()
    } else if left.from.is_none() && left.to.is_none() && left.issuer.is_some() {
        let issuer = left.issuer.take().unwrap_or_default();
        vec![certificates(&["serial"], vec![("c.issuer = ?".into(), vec![issuer.into()])])]
    } else {
        let window = left.window();
        vec![certificates(EXPIRY, window)]
    };
    let residual = left.rest();
    let mut plans = Vec::with_capacity(drivers.len());
    for mut driver in drivers {
        if !filter.after.is_empty() {
            if filter.after.len() != driver.key.len() {
                return Err(SearchError::Cursor);
            }
            let columns: Vec<String> = driver.key.iter().map(|column| qualified(&driver, column)).collect();
            let fits = driver.key.iter().zip(&filter.after).all(|(column, value)| {
                matches!((*column, value), ("not_after", Value::Int(_)) | (_, Value::Text(_)))
                    && !(*column == "not_after" && matches!(value, Value::Text(_)))
            });
            if !fits {
                return Err(SearchError::Cursor);
            }
            let marks = vec!["?"; columns.len()].join(",");
            let text = format!("({}) > ({marks})", columns.join(","));
            driver.conditions.push((text, filter.after.clone()));
        }
        plans.push(Plan { driver, residual: residual.clone() });
    }
    Ok(plans)
}

fn by(condition: &str, value: String, left: &mut Conditions) -> Driver {
    let mut conditions = vec![(condition.to_owned(), vec![value.into()])];
    conditions.extend(left.window());
    certificates(EXPIRY, conditions)
}

const EXPIRY: &[&str] = &["not_after", "id"];
const KEYS: [&str; 2] = ["key_0", "key_1"];

fn certificates(key: &'static [&'static str], conditions: Vec<Condition>) -> Driver {
    Driver { by_name: false, key, conditions }
}

/// Driven by a name: each certificate at the first of its names that fits, so that none comes twice.
fn named(name: Pattern) -> Driver {
    let Pattern { kind, low, high } = name;
    let kind = kind.as_str();
    let conditions = match high {
        None => vec![("n.kind = ? AND n.value = ?".to_owned(), vec![kind.into(), low.into()])],
        Some(high) => vec![
            (
                "n.kind = ? AND n.value >= ? AND n.value < ?".to_owned(),
                vec![kind.into(), low.as_str().into(), high.into()],
            ),
            (
                "NOT EXISTS (SELECT 1 FROM certificate_names o WHERE o.id >= n.certificate || ':' \
                 AND o.id < n.certificate || ';' AND o.kind = ? AND o.value >= ? AND o.value < n.value)"
                    .to_owned(),
                vec![kind.into(), low.into()],
            ),
        ],
    };
    Driver { by_name: true, key: &["value", "certificate"], conditions }
}

fn qualified(driver: &Driver, column: &str) -> String {
    let alias = if driver.by_name { "n" } else { "c" };
    format!("{alias}.{column}")
}

/// Conditions that are not yet anybody's.
struct Conditions {
    fingerprint: Option<String>,
    serial: Option<String>,
    key: Option<String>,
    name: Option<Pattern>,
    other: Option<Pattern>,
    caller: Option<String>,
    not_good: Option<&'static str>,
    state: Option<State>,
    organisation: Option<String>,
    profiles: Vec<String>,
    issuer: Option<String>,
    from: Option<i64>,
    to: Option<i64>,
}

impl Conditions {
    fn of(filter: &Filter, profiles: &[String]) -> Self {
        let not_good = match filter.state {
            Some(State::Revoked) => Some("revoked"),
            Some(State::Held) => Some("held"),
            _ => None,
        };
        Self {
            fingerprint: filter.fingerprint.clone(),
            serial: filter.serial.clone(),
            key: filter.key.clone(),
            name: filter.name.clone(),
            other: filter.other.clone(),
            caller: filter.caller.clone(),
            not_good,
            state: filter.state,
            organisation: filter.organisation.clone(),
            profiles: profiles.to_vec(),
            issuer: filter.issuer.clone(),
            from: filter.from,
            to: filter.to,
        }
    }

    /// The window of expiry, for an index that has it.
    fn window(&mut self) -> Vec<Condition> {
        let from = self.from.take().map(|from| ("c.not_after >= ?".to_owned(), vec![from.into()]));
        let to = self.to.take().map(|to| ("c.not_after < ?".to_owned(), vec![to.into()]));
        from.into_iter().chain(to).collect()
    }

    /// Everything that no index serves.
    fn rest(mut self) -> Vec<Condition> {
        let mut all = self.window();
        let equal = [
            ("c.caller = ?", self.caller),
            ("c.organisation = ?", self.organisation),
            ("c.issuer = ?", self.issuer),
            ("c.serial = ?", self.serial),
            ("c.key = ?", self.key),
            ("c.state = ?", self.not_good.map(ToOwned::to_owned)),
        ];
        all.extend(equal.into_iter().filter_map(|(sql, value)| Some((sql.to_owned(), vec![value?.into()]))));
        if !self.profiles.is_empty() {
            let marks = vec!["?"; self.profiles.len()].join(",");
            all.push((
                format!("c.profile IN ({marks})"),
                self.profiles.into_iter().map(Into::into).collect(),
            ));
        }
        match self.state {
            Some(State::Good) => all.push(("c.state = 'good'".to_owned(), Vec::new())),
            Some(State::Expired) => all.push(("c.state <> 'revoked'".to_owned(), Vec::new())),
            _ => {}
        }
        for Pattern { kind, low, high } in self.name.into_iter().chain(self.other) {
            let high = high.unwrap_or_else(|| format!("{low}\u{1}"));
            all.push((
                "EXISTS (SELECT 1 FROM certificate_names m WHERE m.id >= c.id || ':' AND m.id < c.id || ';' \
                 AND m.kind = ? AND m.value >= ? AND m.value < ?)"
                    .to_owned(),
                vec![kind.as_str().into(), low.into(), high.into()],
            ));
        }
        all
    }
}

impl Plan {
    fn key_of(&self, record: &Record) -> Result<Key, StoreError> {
        KEYS.iter().take(self.driver.key.len()).map(|name| record.value(name).cloned()).collect()
    }

    /// The page: at most `limit` of the rows that the first [`BUDGET`] entries of the index name.
    fn page(&self, limit: u32) -> (String, Vec<Value>) {
        let mut text = Text::default();
        let columns: Vec<String> = CERTIFICATES
            .columns
            .iter()
            // A page shows no certificate, and its octets are most of a row.
            .map(|column| match column.name {
                "der" => "NULL AS der".to_owned(),
                name => format!("c.{name} AS {name}"),
            })
            .collect();
        let keys = self.keys();
        let most = if self.residual.is_empty() { limit } else { BUDGET.max(limit) };
        let scanned = self.scanned(&keys, most);
        match (self.residual.is_empty(), self.driver.by_name) {
            // The index names the rows and nothing else is asked.
            (true, false) => {
                text.push(
                    &format!("SELECT {}, {keys} FROM {}", columns.join(", "), self.driver.table()),
                    &[],
                );
                self.conditions(&mut text);
                text.push(&format!(" ORDER BY {} LIMIT {limit}", self.order()), &[]);
            }
            (false, false) => {
                let mut hit = Text::default();
                hit.all(&self.residual);
                text.push(
                    &format!(
                        "SELECT * FROM (SELECT {}, {keys}, ({}) AS hit FROM {}",
                        columns.join(", "),
                        hit.sql,
                        self.driver.table()
                    ),
                    &hit.values,
                );
                self.conditions(&mut text);
                text.push(
                    &format!(
                        " ORDER BY {} LIMIT {}) AS scanned WHERE hit LIMIT {limit}",
                        self.order(),
                        BUDGET.max(limit)
                    ),
                    &[],
                );
            }
            (_, true) => {
                let (sql, values) = scanned;
                text.push(
                    &format!(
                        "SELECT {}, scanned.key_0 AS key_0, scanned.key_1 AS key_1 FROM ({sql}) AS scanned \
                         CROSS JOIN certificates c WHERE c.id = scanned.key_1",
                        columns.join(", ")
                    ),
                    &values,
                );
                for condition in &self.residual {
                    text.push(" AND ", &[]);
                    text.push(&condition.0, &condition.1);
                }
                text.push(&format!(" ORDER BY key_0, key_1 LIMIT {limit}"), &[]);
            }
        }
        text.numbered()
    }

    /// Key of the last entry of the index that the page looked at, if the budget ended it.
    fn end(&self) -> (String, Vec<Value>) {
        let (sql, values) = self.scanned(&self.keys(), BUDGET);
        let mut text = Text::default();
        text.push(&sql, &values);
        text.push(&format!(" OFFSET {}", BUDGET - 1), &[]);
        let (sql, values) = text.numbered();
        (sql.replace(&format!("LIMIT {BUDGET} OFFSET"), "LIMIT 1 OFFSET"), values)
    }

    fn scanned(&self, keys: &str, limit: u32) -> Condition {
        let mut text = Text::default();
        text.push(&format!("SELECT {keys} FROM {}", self.driver.table()), &[]);
        self.conditions(&mut text);
        text.push(&format!(" ORDER BY {} LIMIT {limit}", self.order()), &[]);
        (text.sql, text.values)
    }

    fn conditions(&self, text: &mut Text) {
        if !self.driver.conditions.is_empty() {
            text.push(" WHERE ", &[]);
            text.all(&self.driver.conditions);
        }
    }

    fn keys(&self) -> String {
        let keys: Vec<String> = self
            .driver
            .key
            .iter()
            .zip(KEYS)
            .map(|(column, name)| format!("{} AS {name}", qualified(&self.driver, column)))
            .collect();
        keys.join(", ")
    }

    fn order(&self) -> String {
        let columns: Vec<String> =
            self.driver.key.iter().map(|column| qualified(&self.driver, column)).collect();
        columns.join(", ")
    }
}

/// SQL with its parameters in the order of its marks.
#[derive(Default)]
struct Text {
    sql: String,
    values: Vec<Value>,
}

impl Text {
    fn push(&mut self, sql: &str, values: &[Value]) {
        self.sql.push_str(sql);
        self.values.extend_from_slice(values);
    }

    fn all(&mut self, conditions: &[Condition]) {
        for (number, (sql, values)) in conditions.iter().enumerate() {
            if number > 0 {
                self.push(" AND ", &[]);
            }
            self.push(sql, values);
        }
    }

    /// `?` becomes `$1`, `$2`, …: no literal of ours holds a question mark.
    fn numbered(self) -> (String, Vec<Value>) {
        let mut sql = String::with_capacity(self.sql.len() + 2 * self.values.len());
        for (number, part) in self.sql.split('?').enumerate() {
            if number > 0 {
                let _ = write!(sql, "${number}");
            }
            sql.push_str(part);
        }
        (sql, self.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DatabaseUrl;

    /// Every subset of the conditions, with and without a cursor: no plan reads a whole table, and none sorts more than
    /// the budget.
    #[tokio::test]
    async fn every_search_is_served_by_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let url: DatabaseUrl = format!("sqlite:{}", folder.path().join("c.db").display()).parse().unwrap();
        let db = Db::upgrade(&url).await.unwrap();
        let set: [fn(&mut Search); 11] = [
            |s| s.subject = Some("bureau".into()),
            |s| s.san = Some("*.example.cn".into()),
            |s| s.serial = Some("0a".into()),
            |s| s.fingerprint = Some("0a".into()),
            |s| s.key = Some("0a".into()),
            |s| s.profile = Some("machine".into()),
            |s| s.organisation = Some("o".into()),
            |s| s.caller = Some("c".into()),
            |s| s.issuer = Some("ca".into()),
            |s| s.state = Some("good".into()),
            |s| s.expires_after = Some("2027-01-01T00:00:00Z".into()),
        ];
        let states = ["good", "held", "revoked", "expired"];
        let issuers = ["ca".to_owned(), "other".to_owned()];
        let mut seen = 0;
        for mask in 0_usize..1 << set.len() {
            let mut asked = Search::default();
            for (bit, put) in set.iter().enumerate() {
                if mask & (1 << bit) != 0 {
                    put(&mut asked);
                }
            }
            if asked.state.is_some() {
                asked.state = Some(states[mask % 4].into());
            }
            let mut filter = asked.check(1_800_000_000_000_000).unwrap();
            let profiles: Vec<String> =
                filter.profile.iter().flat_map(|name| [name.clone(), format!("{name}-client")]).collect();
            for with_cursor in [false, true] {
                if with_cursor {
                    let key = plans(&filter, &issuers, &profiles).unwrap()[0].driver.key;
                    filter.after = key
                        .iter()
                        .map(|column| if *column == "not_after" { 5.into() } else { Value::from("x") })
                        .collect();
                }
                for plan in plans(&filter, &issuers, &profiles).unwrap() {
                    for (sql, parameters) in [plan.page(51), plan.end()] {
                        let explained =
                            db.fetch_built(format!("EXPLAIN QUERY PLAN {sql}"), &parameters).await.unwrap();
                        for step in explained {
                            let step = step.text("detail").unwrap().to_owned();
                            let whole = step.starts_with("SCAN")
                                && !step.contains("USING")
                                && !step.contains("scanned");
                            assert!(!whole, "{step}\n{sql}");
                            let sorts = step.contains("TEMP B-TREE")
                                && !plan.driver.by_name
                                && !sql.contains(" IN (");
                            assert!(!sorts, "{step}\n{sql}");
                        }
                        seen += 1;
                        // And it runs.
                        db.fetch_built(sql, &parameters).await.unwrap();
                    }
                }
            }
        }
        assert!(seen > 8_000, "{seen}");
    }
}
