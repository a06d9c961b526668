//! Rows of accounts, orders and authorizations.

use serde_json::json;

use super::identifier::Identifier;
use super::places::OF_ONE;
use super::state::{AuthorizationState, Challenge, OrderState};
pub use crate::callers::records::text;
pub use crate::store::tables::{ACME_ACCOUNTS, ACME_AUTHORIZATIONS, ACME_BINDINGS, ACME_ORDERS};
use crate::store::{Db, Record, Row, StoreError, Table, Value};

/// The account with this key.
///
/// # Errors
/// [`StoreError`]; likewise for the other readers here.
pub async fn account_of_key(db: &Db, thumbprint: &str) -> Result<Option<Row>, StoreError> {
    let sql = "SELECT id FROM acme_accounts WHERE thumbprint = $1";
    match db.fetch_optional(sql, &[thumbprint.into()]).await? {
        Some(record) => db.row(&ACME_ACCOUNTS, record.text("id")?).await,
        None => Ok(None),
    }
}

/// A valid authorization of an account for an identifier that lasts beyond `until`, if there is one.
///
/// # Errors
/// [`StoreError`].
pub async fn valid_authorization(
    db: &Db,
    account: &str,
    identifier: &Identifier,
    wildcard: bool,
    until: i64,
) -> Result<Option<Row>, StoreError> {
    let sql = "SELECT id FROM acme_authorizations WHERE account = $1 AND identifier = $2 AND state = 'valid' \
               AND wildcard = $3 AND expires > $4 ORDER BY expires DESC LIMIT 1";
    let parameters: [Value; 4] =
        [account.into(), stored_identifier(identifier).into(), wildcard.into(), until.into()];
    match db.fetch_optional(sql, &parameters).await? {
        Some(record) => db.row(&ACME_AUTHORIZATIONS, record.text("id")?).await,
        None => Ok(None),
    }
}

/// How many orders of an account can still be worked on.
///
/// # Errors
/// [`StoreError`].
pub async fn open_orders(db: &Db, account: &str, now: i64) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) AS open FROM acme_orders WHERE account = $1 AND \
               (state = 'processing' OR (state = 'pending' AND expires > $2))";
    let record = db.fetch_optional(sql, &[account.into(), now.into()]).await?;
    record.map_or(Ok(0), |record| record.int("open"))
}

/// Identifiers of an account's orders, newest first, those before `before` (empty: all).
///
/// # Errors
/// [`StoreError`].
pub async fn orders_of(db: &Db, account: &str, before: &str, limit: i64) -> Result<Vec<String>, StoreError> {
    let sql =
        "SELECT id FROM acme_orders WHERE account = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3";
    let records = db.fetch_all(sql, &[account.into(), before.into(), limit.into()]).await?;
    records.iter().map(|record| record.text("id").map(ToOwned::to_owned)).collect()
}

/// The order that brought a certificate.
///
/// # Errors
/// [`StoreError`].
pub async fn order_of_certificate(db: &Db, certificate: &str) -> Result<Option<Row>, StoreError> {
    let sql = "SELECT id FROM acme_orders WHERE certificate = $1 LIMIT 1";
    match db.fetch_optional(sql, &[certificate.into()]).await? {
        Some(record) => db.row(&ACME_ORDERS, record.text("id")?).await,
        None => Ok(None),
    }
}

/// The orders that say they replace a certificate, but those that failed for good.
///
/// # Errors
/// [`StoreError`].
pub async fn replacements(db: &Db, certificate_id: &str) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id FROM acme_orders WHERE replaces = $1 AND state <> 'invalid'";
    rows(db, &ACME_ORDERS, db.fetch_all(sql, &[certificate_id.into()]).await?).await
}

/// Authorizations and orders whose work somebody must take up: what was under way has been given up, or waits for a
/// place. Of authorizations, a few of each account, so that none stands in the others' way.
///
/// # Errors
/// [`StoreError`].
pub async fn due(db: &Db, now: i64) -> Result<(Vec<Row>, Vec<Row>), StoreError> {
    let sql = "SELECT id FROM (SELECT id, due, ROW_NUMBER() OVER (PARTITION BY account ORDER BY due, id) AS turn \
               FROM acme_authorizations WHERE due IS NOT NULL AND due < $1) AS waiting \
               WHERE turn <= $2 ORDER BY turn, due LIMIT 64";
    let turns = i64::try_from(OF_ONE).unwrap_or(i64::MAX);
    let found = db.fetch_all(sql, &[now.into(), turns.into()]).await?;
    let authorizations = rows(db, &ACME_AUTHORIZATIONS, found).await?;
    let sql = "SELECT id FROM acme_orders WHERE due IS NOT NULL AND due < $1 ORDER BY due LIMIT 50";
    let orders = rows(db, &ACME_ORDERS, db.fetch_all(sql, &[now.into()]).await?).await?;
    Ok((authorizations, orders))
}

/// Orders whose requests the officers have decided.
///
/// # Errors
/// [`StoreError`].
pub async fn decided(db: &Db) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT o.id AS id FROM acme_orders o JOIN certificate_requests r ON r.id = o.request \
               WHERE o.state = 'processing' AND r.state NOT IN ('pending', 'approved') LIMIT 50";
    rows(db, &ACME_ORDERS, db.fetch_all(sql, &[]).await?).await
}

/// A certificate's fingerprint, by its issuer's label and serial.
///
/// # Errors
/// [`StoreError`].
pub async fn certificate_by_serial(
    db: &Db,
    issuer: &str,
    serial: &str,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT id FROM certificates WHERE issuer = $1 AND serial = $2";
    let record = db.fetch_optional(sql, &[issuer.into(), serial.into()]).await?;
    record.map(|record| record.text("id").map(ToOwned::to_owned)).transpose()
}

async fn rows(db: &Db, table: &'static Table, ids: Vec<Record>) -> Result<Vec<Row>, StoreError> {
    let mut all = Vec::with_capacity(ids.len());
    for record in ids {
        all.extend(db.row(table, record.text("id")?).await?);
    }
    Ok(all)
}

/// The row of a new account; `contact` sealed.
#[must_use]
pub fn new_account(
    id: &str,
    thumbprint: &str,
    jwk: &str,
    contact: &str,
    binding: Option<&str>,
    now: i64,
) -> Row {
    let values = vec![
        id.into(),
        1.into(),
        thumbprint.into(),
        jwk.into(),
        contact.into(),
        binding.into(),
        now.into(),
        "valid".into(),
    ];
    Row::new(&ACME_ACCOUNTS, values)
}

/// What a new order is made of.
#[derive(Debug)]
pub struct NewOrder<'a> {
    /// Its account.
    pub account: &'a str,
    /// What it is for.
    pub identifiers: &'a [Identifier],
    /// Its authorizations.
    pub authorizations: &'a [String],
    /// First and last second asked for.
    pub validity: (Option<i64>, Option<i64>),
    /// RFC 9773's identifier of the certificate it replaces.
    pub replaces: Option<&'a str>,
    /// Now and its end, in microseconds.
    pub times: (i64, i64),
}

/// The row of a new order.
#[must_use]
pub fn new_order(id: &str, new: &NewOrder<'_>) -> Row {
    let identifiers: Vec<_> = new.identifiers.iter().map(Identifier::to_json).collect();
    let values = vec![
        id.into(),
        1.into(),
        new.account.into(),
        json!(identifiers).to_string().into(),
        json!(new.authorizations).to_string().into(),
        new.validity.0.into(),
        new.validity.1.into(),
        new.replaces.into(),
        new.times.0.into(),
        new.times.1.into(),
        Value::Null,
        Value::Null,
        OrderState::Pending.word().into(),
        Value::Null,
        Value::Null,
        Value::Null,
    ];
    Row::new(&ACME_ORDERS, values)
}

/// The row of a new authorization.
#[must_use]
pub fn new_authorization(
    id: &str,
    account: &str,
    identifier: &Identifier,
    wildcard: bool,
    challenges: &[Challenge],
    times: (i64, i64),
) -> Row {
    let values = vec![
        id.into(),
        1.into(),
        account.into(),
        stored_identifier(identifier).into(),
        wildcard.into(),
        json!(challenges).to_string().into(),
        times.0.into(),
        times.1.into(),
        AuthorizationState::Pending.word().into(),
        Value::Null,
    ];
    Row::new(&ACME_AUTHORIZATIONS, values)
}

/// An authorization's challenges.
#[must_use]
pub fn challenges_of(row: &Row) -> Vec<Challenge> {
    serde_json::from_str(text(row, "challenges")).unwrap_or_default()
}

/// An authorization's row with these challenges, one version higher.
#[must_use]
pub fn with_challenges(row: Row, challenges: &[Challenge]) -> Row {
    row.next_version().with("challenges", json!(challenges).to_string())
}

/// An authorization's identifier.
#[must_use]
pub fn identifier_of(row: &Row) -> Option<Identifier> {
    let value: serde_json::Value = serde_json::from_str(text(row, "identifier")).ok()?;
    Identifier::read(&value).ok()
}

/// An order's identifiers.
#[must_use]
pub fn identifiers_of(row: &Row) -> Vec<Identifier> {
    let all: Vec<serde_json::Value> = serde_json::from_str(text(row, "identifiers")).unwrap_or_default();
    all.iter().filter_map(|value| Identifier::read(value).ok()).collect()
}

/// Ids of an order's authorizations.
#[must_use]
pub fn authorizations_of(row: &Row) -> Vec<String> {
    serde_json::from_str(text(row, "authorizations")).unwrap_or_default()
}

/// An integer column; 0 for NULL.
#[must_use]
pub fn int(row: &Row, column: &str) -> i64 {
    row.value(column).as_int().unwrap_or_default()
}

fn stored_identifier(identifier: &Identifier) -> String {
    identifier.to_json().to_string()
}

#[cfg(test)]
mod tests {
    use super::super::state::{ChallengeKind, ChallengeState};
    use super::*;

    #[test]
    fn what_rows_are_made_of_reads_back() {
        let identifier = Identifier::dns("a.example").unwrap();
        let challenge = Challenge {
            kind: ChallengeKind::Http01,
            token: "t".into(),
            state: ChallengeState::Pending,
            validated: None,
            error: None,
        };
        let row = new_authorization("z", "a", &identifier, true, std::slice::from_ref(&challenge), (1, 2));
        assert!(row.fault().is_none());
        assert_eq!(identifier_of(&row), Some(identifier.clone()));
        assert_eq!(challenges_of(&row), [challenge]);
        assert_eq!((int(&row, "wildcard"), int(&row, "due")), (1, 0));
        let new = NewOrder {
            account: "a",
            identifiers: std::slice::from_ref(&identifier),
            authorizations: &["z".to_owned()],
            validity: (None, Some(9)),
            replaces: None,
            times: (1, 2),
        };
        let row = new_order("o", &new);
        assert!(row.fault().is_none());
        assert_eq!(identifiers_of(&row), [identifier]);
        assert_eq!(authorizations_of(&row), ["z"]);
        assert!(new_account("a", "t", "{}", "", None, 1).fault().is_none());
    }
}
