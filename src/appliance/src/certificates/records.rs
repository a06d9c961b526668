//! Rows of certificates, of intents and of names.

use pki::Certificate;

use super::names;
pub use crate::store::tables::{
    CERTIFICATE_APPROVALS, CERTIFICATE_NAMES, CERTIFICATE_REQUESTS, CERTIFICATES, INTENTS,
};
use crate::store::{Db, Row, StoreError, Value};

/// What a certificate's row says besides what stands in the certificate.
#[derive(Debug, Clone, Copy, Default)]
pub struct About<'a> {
    /// Label of the authority that signed it.
    pub issuer: &'a str,
    /// Name of its profile.
    pub profile: &'a str,
    /// The registered caller it names.
    pub caller: Option<&'a str>,
    /// The registered organisation it is for.
    pub organisation: Option<&'a str>,
    /// Registration of whoever asked for it.
    pub requester: Option<&'a str>,
    /// CRL shard that it names, 0 for the authority's first.
    pub shard: u32,
    /// Fingerprint of the certificate it renews.
    pub replaces: Option<&'a str>,
}

/// One certificate's row, by fingerprint.
///
/// # Errors
/// [`StoreError`]; likewise for the other readers here.
pub async fn certificate(db: &Db, fingerprint: &str) -> Result<Option<Row>, StoreError> {
    db.row(&CERTIFICATES, fingerprint).await
}

/// Whether a caller ever had a certificate.
///
/// # Errors
/// [`StoreError`].
pub async fn has_any(db: &Db, caller: &str) -> Result<bool, StoreError> {
    let sql = "SELECT id FROM certificates WHERE caller = $1 LIMIT 1";
    Ok(db.fetch_optional(sql, &[caller.into()]).await?.is_some())
}

/// The certificates that renew one, newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn successors(db: &Db, fingerprint: &str) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id FROM certificates WHERE replaces = $1 ORDER BY not_before DESC, id LIMIT 10";
    let mut all = Vec::new();
    for record in db.fetch_all(sql, &[fingerprint.into()]).await? {
        all.extend(certificate(db, record.text("id")?).await?);
    }
    Ok(all)
}

/// The row of a new certificate; times in microseconds since the Unix epoch.
#[must_use]
pub fn certificate_row(certificate: &Certificate, about: About<'_>) -> Row {
    Row::new(
        &CERTIFICATES,
        vec![
            hex::encode(certificate.sha256_fingerprint()).into(),
            1.into(),
            about.issuer.into(),
            crate::identity::serial_hex(certificate.serial()).into(),
            certificate.subject().to_string().into(),
            about.profile.into(),
            about.caller.into(),
            certificate.not_before().saturating_mul(1_000_000).into(),
            certificate.not_after().saturating_mul(1_000_000).into(),
            certificate.der().to_vec().into(),
            "good".into(),
            Value::Null,
            Value::Null,
            about.organisation.into(),
            about.requester.into(),
            super::key_hash(certificate.spki()).into(),
            i64::from(about.shard).into(),
            Value::Null,
            Value::Null,
            about.replaces.into(),
            Value::Null,
        ],
    )
}

/// The row and the rows of its names, which every unit that enters a certificate inserts together.
#[must_use]
pub fn with_names(certificate: &Certificate, about: About<'_>) -> (Row, Vec<Row>) {
    let row = certificate_row(certificate, about);
    let names = names::rows(row.id(), certificate);
    (row, names)
}

/// What is about to be signed.
#[derive(Debug, Clone, Copy)]
pub struct NewIntent<'a> {
    /// Label of the authority.
    pub issuer: &'a str,
    /// Serial number as certificates' rows write it.
    pub serial: &'a str,
    /// Name of the profile.
    pub profile: &'a str,
    /// Subject, RFC 4514.
    pub subject: &'a str,
    /// Hexadecimal SHA-256 of the to-be-signed certificate.
    pub tbs_digest: &'a str,
    /// The registered caller it names.
    pub caller: Option<&'a str>,
    /// The registered organisation it is for.
    pub organisation: Option<&'a str>,
    /// Microseconds since the Unix epoch.
    pub created: i64,
}

/// The id of an intent.
#[must_use]
pub fn intent_id(issuer: &str, serial: &str) -> String {
    format!("{issuer}:{serial}")
}

/// The row of a new intent.
#[must_use]
pub fn intent_row(new: NewIntent<'_>) -> Row {
    let values = vec![
        intent_id(new.issuer, new.serial).into(),
        1.into(),
        new.issuer.into(),
        new.serial.into(),
        new.profile.into(),
        new.subject.into(),
        new.tbs_digest.into(),
        new.caller.into(),
        new.organisation.into(),
        new.created.into(),
        "open".into(),
    ];
    Row::new(&INTENTS, values)
}

/// Intents that are still open and were entered before `before` (microseconds), oldest first.
///
/// # Errors
/// [`StoreError`].
pub async fn open_intents(db: &Db, before: i64, limit: u32) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id, version, issuer, serial, profile, subject, tbs_digest, caller, organisation, created, state \
               FROM intents WHERE state = 'open' AND created < $1 ORDER BY created LIMIT $2";
    let records = db.fetch_all(sql, &[before.into(), i64::from(limit).into()]).await?;
    records.iter().map(|record| record.to_row(&INTENTS)).collect()
}

/// What is asked for and awaits approvals.
#[derive(Debug, Clone, Copy)]
pub struct NewRequest<'a> {
    /// Identifier, growing with time.
    pub id: &'a str,
    /// Name of the profile.
    pub profile: &'a str,
    /// The certification request, DER.
    pub csr: &'a [u8],
    /// What is wished besides the key, JSON.
    pub wish: &'a str,
    /// The registered caller it is for.
    pub caller: Option<&'a str>,
    /// The registered organisation it is for.
    pub organisation: Option<&'a str>,
    /// Registration of whoever asks.
    pub requester: &'a str,
    /// The registered person who asks.
    pub person: Option<&'a str>,
    /// Approvals needed.
    pub needed: u32,
    /// Microseconds since the Unix epoch.
    pub created: i64,
    /// Until when it can be approved, microseconds since the Unix epoch.
    pub expires: i64,
}

/// The row of a new request.
#[must_use]
pub fn request_row(new: NewRequest<'_>) -> Row {
    let values = vec![
        new.id.into(),
        1.into(),
        new.profile.into(),
        new.csr.to_vec().into(),
        new.wish.into(),
        new.caller.into(),
        new.organisation.into(),
        new.requester.into(),
        new.person.into(),
        i64::from(new.needed).into(),
        "pending".into(),
        new.created.into(),
        new.expires.into(),
        Value::Null,
        Value::Null,
        Value::Null,
    ];
    Row::new(&CERTIFICATE_REQUESTS, values)
}

/// One request.
///
/// # Errors
/// [`StoreError`].
pub async fn request(db: &Db, id: &str) -> Result<Option<Row>, StoreError> {
    db.row(&CERTIFICATE_REQUESTS, id).await
}

/// The newest request of a requester for this profile with the same certification request, unless it was given up.
///
/// # Errors
/// [`StoreError`].
pub async fn same_request(
    db: &Db,
    requester: &str,
    profile: &str,
    csr: &[u8],
) -> Result<Option<Row>, StoreError> {
    let sql = "SELECT id FROM certificate_requests WHERE requester = $1 AND profile = $2 AND csr = $3 \
               AND state NOT IN ('expired', 'cancelled') ORDER BY id DESC LIMIT 1";
    let parameters: [Value; 3] = [requester.into(), profile.into(), csr.to_vec().into()];
    match db.fetch_optional(sql, &parameters).await? {
        Some(record) => request(db, record.text("id")?).await,
        None => Ok(None),
    }
}

/// The row of one officer's word on a request: `approve` or `refuse`.
#[must_use]
pub fn approval_row(request: &str, officer: &str, person: &str, decision: &str, time: i64) -> Row {
    let values = vec![
        format!("{request}:{person}").into(),
        1.into(),
        request.into(),
        officer.into(),
        person.into(),
        decision.into(),
        time.into(),
    ];
    Row::new(&CERTIFICATE_APPROVALS, values)
}

/// What officers said on a request, oldest first.
///
/// # Errors
/// [`StoreError`].
pub async fn words(db: &Db, request: &str) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id, version, request, officer, person, decision, time FROM certificate_approvals \
               WHERE request = $1 ORDER BY time, id LIMIT 64";
    let records = db.fetch_all(sql, &[request.into()]).await?;
    records.iter().map(|record| record.to_row(&CERTIFICATE_APPROVALS)).collect()
}

/// The approvals of a request, oldest first.
///
/// # Errors
/// [`StoreError`].
pub async fn approvals(db: &Db, request: &str) -> Result<Vec<Row>, StoreError> {
    let mut words = words(db, request).await?;
    words.retain(|row| row.value("decision").as_text() == Some("approve"));
    Ok(words)
}

/// Requests in the order of their making, those after `after`, in one state or in any.
///
/// # Errors
/// [`StoreError`].
pub async fn requests(db: &Db, state: Option<&str>, after: &str, limit: u32) -> Result<Vec<Row>, StoreError> {
    let Some(state) = state else { return db.rows_after(&CERTIFICATE_REQUESTS, after, limit).await };
    let sql = "SELECT id, version, profile, csr, wish, caller, organisation, requester, person, needed, state, created, \
               expires, certificate, reason, leaf FROM certificate_requests WHERE state = $1 AND id > $2 ORDER BY id \
               LIMIT $3";
    let records = db.fetch_all(sql, &[state.into(), after.into(), i64::from(limit).into()]).await?;
    records.iter().map(|record| record.to_row(&CERTIFICATE_REQUESTS)).collect()
}

/// Requests still pending whose time was over before `now` (microseconds).
///
/// # Errors
/// [`StoreError`].
pub async fn requests_past(db: &Db, now: i64, limit: u32) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id, version, profile, csr, wish, caller, organisation, requester, person, needed, state, created, \
               expires, certificate, reason, leaf FROM certificate_requests WHERE state = 'pending' AND expires <= $1 \
               ORDER BY id LIMIT $2";
    let records = db.fetch_all(sql, &[now.into(), i64::from(limit).into()]).await?;
    records.iter().map(|record| record.to_row(&CERTIFICATE_REQUESTS)).collect()
}

/// Whether every certificate from before the index of names is in it.
///
/// # Errors
/// [`StoreError`].
pub async fn names_are_filled_in(db: &Db) -> Result<bool, StoreError> {
    Ok(db.row(&CERTIFICATE_NAMES, FILLED_IN).await?.is_some())
}

/// The row that says so.
#[must_use]
pub fn filled_in() -> Row {
    let values = vec![FILLED_IN.into(), 1.into(), "".into(), "mark".into(), "".into()];
    Row::new(&CERTIFICATE_NAMES, values)
}

/// The fingerprint that is `n` after another, or the last there is; the same again at the end.
///
/// # Errors
/// [`StoreError`].
pub async fn nth_after(db: &Db, after: &str, n: u32) -> Result<String, StoreError> {
    let sql =
        "SELECT MAX(id) AS id FROM (SELECT id FROM certificates WHERE id > $1 ORDER BY id LIMIT $2) AS chunk";
    let record = db.fetch_optional(sql, &[after.into(), i64::from(n).into()]).await?;
    let next = record.as_ref().map(|record| record.opt_text("id")).transpose()?.flatten();
    Ok(next.unwrap_or(after).to_owned())
}

/// Certificates after one fingerprint and up to another that have no names in the index.
///
/// # Errors
/// [`StoreError`].
pub async fn without_names(db: &Db, after: &str, until: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let sql = "SELECT c.id, c.der FROM certificates c WHERE c.id > $1 AND c.id <= $2 \
               AND NOT EXISTS (SELECT 1 FROM certificate_names n WHERE n.id = c.id || ':0') ORDER BY c.id";
    let records = db.fetch_all(sql, &[after.into(), until.into()]).await?;
    let pair =
        |record: &crate::store::Record| Ok((record.text("id")?.to_owned(), record.bytes("der")?.to_vec()));
    records.iter().map(pair).collect()
}

/// Id of the row that says that names are filled in; no certificate has it.
const FILLED_IN: &str = "filled-in";
