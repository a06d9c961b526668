//! Rows of rules, counters, delegations, requests and words.

use serde_json::json;

use super::error::UsageError;
use super::model::Terms;
use crate::callers::records::text;
pub(super) use crate::store::tables::{
    SEAL_DELEGATIONS, SEAL_RULE_COUNTERS, SEAL_RULES, SEAL_USE_REQUESTS, SEAL_USE_WORDS,
};
use crate::store::{Db, Row, StoreError, Table, Value};

/// A rule with its terms read.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub row: Row,
    pub terms: Terms,
}

impl Rule {
    pub(super) fn read(row: Row) -> Result<Self, UsageError> {
        let terms = serde_json::from_str(text(&row, "terms"));
        let terms = terms.map_err(|error| UsageError::Damaged(format!("rule {}: {error}", row.id())))?;
        Ok(Self { row, terms })
    }

    pub(super) fn id(&self) -> &str {
        self.row.id()
    }

    pub(super) fn name(&self) -> &str {
        text(&self.row, "name")
    }

    pub(super) fn seal(&self) -> &str {
        text(&self.row, "seal")
    }

    pub(super) fn is_active(&self) -> bool {
        text(&self.row, "state") == "active"
    }
}

/// One rule.
pub(super) async fn rule(db: &Db, id: &str) -> Result<Option<Rule>, UsageError> {
    db.row(&SEAL_RULES, id).await?.map(Rule::read).transpose()
}

/// Active rules of a seal, oldest first.
pub(super) async fn active_rules(db: &Db, seal: &str) -> Result<Vec<Rule>, UsageError> {
    let sql = "SELECT id, version, seal, name, terms, state, officer, created, changed, leaf FROM seal_rules \
               WHERE seal = $1 AND state = 'active' ORDER BY id LIMIT 200";
    rows(db, &SEAL_RULES, sql, &[seal.into()]).await?.into_iter().map(Rule::read).collect()
}

/// All rules of a seal, or of every seal with an empty name, after `after`.
pub(super) async fn rules(db: &Db, seal: &str, after: &str, limit: u32) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id, version, seal, name, terms, state, officer, created, changed, leaf FROM seal_rules \
               WHERE id > $1 AND ($2 = '' OR seal = $2) ORDER BY id LIMIT $3";
    rows(db, &SEAL_RULES, sql, &[after.into(), seal.into(), i64::from(limit).into()]).await
}

/// The counter of a rule.
pub(super) async fn counter(db: &Db, rule: &str) -> Result<Option<Row>, StoreError> {
    db.row(&SEAL_RULE_COUNTERS, rule).await
}

/// Delegations under a rule, oldest first.
pub(super) async fn delegations(db: &Db, rule: &str) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id, version, rule, officer, person, delegate, delegate_person, until, state, created, leaf \
               FROM seal_delegations WHERE rule = $1 ORDER BY id LIMIT 1000";
    rows(db, &SEAL_DELEGATIONS, sql, &[rule.into()]).await
}

const REQUEST: &str = "SELECT id, version, rule, seal, organisation, caller, person, document_digest, \
                       document_kind, item, case_number, state, created, expires, seal_use, leaf \
                       FROM seal_use_requests";

/// Requests of one caller for one document under one rule, newest first.
pub(super) async fn requests_for(
    db: &Db,
    rule: &str,
    seal: &str,
    caller: &str,
    digest: &str,
) -> Result<Vec<Row>, StoreError> {
    let sql = format!(
        "{REQUEST} WHERE seal = $1 AND document_digest = $2 AND rule = $3 AND caller = $4 ORDER BY id DESC LIMIT 32"
    );
    let records = db.fetch_built(sql, &[seal.into(), digest.into(), rule.into(), caller.into()]).await?;
    records.iter().map(|record| record.to_row(&SEAL_USE_REQUESTS)).collect()
}

/// Requests, newest first, before `before`; empty texts are no conditions.
pub(super) async fn requests(
    db: &Db,
    [state, seal, organisation, caller, before]: [&str; 5],
    limit: u32,
) -> Result<Vec<Row>, StoreError> {
    let sql = format!(
        "{REQUEST} WHERE ($1 = '' OR state = $1) AND ($2 = '' OR seal = $2) AND ($3 = '' OR organisation = $3) \
         AND ($4 = '' OR caller = $4) AND ($5 = '' OR id < $5) ORDER BY id DESC LIMIT $6"
    );
    let parameters: [Value; 6] = [
        state.into(),
        seal.into(),
        organisation.into(),
        caller.into(),
        before.into(),
        i64::from(limit).into(),
    ];
    let records = db.fetch_built(sql, &parameters).await?;
    records.iter().map(|record| record.to_row(&SEAL_USE_REQUESTS)).collect()
}

/// One request.
pub(super) async fn request(db: &Db, id: &str) -> Result<Option<Row>, StoreError> {
    db.row(&SEAL_USE_REQUESTS, id).await
}

/// What was said about a request.
pub(super) async fn words(db: &Db, request: &str) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id, version, request, caller, person, word, seat, delegation, time, leaf FROM seal_use_words \
               WHERE request = $1 ORDER BY id LIMIT 100";
    rows(db, &SEAL_USE_WORDS, sql, &[request.into()]).await
}

/// A word about a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word<'a> {
    pub request: &'a str,
    pub caller: &'a str,
    pub person: Option<&'a str>,
    /// `ask`, `approve` or `refuse`.
    pub word: &'a str,
    /// The named officer for whom it counts; none for asking and refusing.
    pub seat: Option<&'a str>,
    pub delegation: Option<&'a str>,
    pub time: i64,
}

impl Word<'_> {
    pub(super) fn row(self) -> Row {
        // A person says one word, so that the id is taken for a second one; `:` stands in no registered name.
        let speaker = match self.word {
            "ask" => ":asked",
            _ => self.person.unwrap_or_default(),
        };
        let values = vec![
            format!("{}:{speaker}", self.request).into(),
            1.into(),
            self.request.into(),
            self.caller.into(),
            self.person.into(),
            self.word.into(),
            self.seat.into(),
            self.delegation.into(),
            self.time.into(),
            Value::Null,
        ];
        Row::new(&SEAL_USE_WORDS, values)
    }
}

/// The row of a new rule.
pub(super) fn rule_row(id: &str, seal: &str, name: &str, terms: &Terms, officer: &str, now: i64) -> Row {
    let values = vec![
        id.into(),
        1.into(),
        seal.into(),
        name.into(),
        json!(terms).to_string().into(),
        "active".into(),
        officer.into(),
        now.into(),
        now.into(),
        Value::Null,
    ];
    Row::new(&SEAL_RULES, values)
}

async fn rows(
    db: &Db,
    table: &'static Table,
    sql: &'static str,
    parameters: &[Value],
) -> Result<Vec<Row>, StoreError> {
    db.fetch_all(sql, parameters).await?.iter().map(|record| record.to_row(table)).collect()
}
