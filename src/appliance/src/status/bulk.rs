//! Revoking many certificates that fit a filter.
//!
//! What is to be done is what fits and is not revoked yet, so the work can stop anywhere and be taken up by the same
//! request. It goes in parts of [`PART`] certificates, each one unit with an entry that carries their rows; one request
//! does as many as fit into [`AT_ONCE`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::model::{Filter, ManyRevocation, ManyRevoked, Revocation};
use super::records;
use super::service::{self, Grounds};
use crate::app::App;
use crate::identity::serial_hex;
use crate::journal::{CommitError, Unit, generations};
use crate::policy::{Permit, RevokeCertificate};
use crate::problem::{Kind, Problem, Result};
use crate::store::{Row, Value};

/// Revokes what fits, or counts it.
///
/// # Errors
/// A problem: an empty or unusable filter, more certificates than expected, or what stops a part from being entered;
/// what was entered before stays so.
pub async fn revoke_many(
    app: &Arc<App>,
    permit: &Permit<RevokeCertificate>,
    given: &ManyRevocation,
) -> Result<ManyRevoked> {
    let now = service::now(app)?;
    let revocation = Revocation { reason: given.reason.clone(), invalid_from: given.invalid_from };
    let grounds = Grounds::new(&revocation, now)?;
    if given.reason == "cACompromise" {
        return Err(Problem::new(
            Kind::InvalidParameter,
            "Authorities' certificates are revoked one by one.",
        ));
    }
    let mut search = Search::of(&given.filter)?;
    let mut remaining = search.count(app).await?;
    if given.dry_run {
        return Ok(ManyRevoked { revoked: 0, remaining, leaves: Vec::new() });
    }
    match given.expected {
        Some(expected) if remaining <= expected => {}
        Some(expected) => {
            let detail = format!("{remaining} certificates fit, {expected} were expected; count them again.");
            return Err(Problem::new(Kind::Conflict, detail).with("remaining", remaining));
        }
        None => {
            let detail = "Send `dry_run` first, then `expected` with the count that it answers.";
            return Err(Problem::new(Kind::InvalidParameter, detail));
        }
    }
    let unsealed = app.unsealed()?;
    let began = Instant::now();
    let (mut revoked, mut leaves) = (0_u64, Vec::new());
    let mut missed = 0;
    while remaining > 0 && began.elapsed() < AT_ONCE && missed < MISSES {
        let rows = search.next(app).await?;
        if rows.is_empty() {
            break;
        }
        let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let now = service::now(app)?;
        let mut facts = grounds.facts();
        if let Some(members) = facts.as_object_mut() {
            members.insert("certificates".to_owned(), json!(count));
            members.insert("filter".to_owned(), search.facts.clone());
        }
        let mut unit = Unit::new(permit.act()).bump(generations::CERTIFICATES).facts(facts);
        for row in rows {
            unit = unit.update(service::revoked(row, &grounds, now)?);
        }
        match unsealed.journal.commit(unit).await {
            Ok(committed) => {
                revoked += count;
                remaining = remaining.saturating_sub(count);
                leaves.push(committed.leaf);
            }
            // One of them was changed meanwhile: the part is read again.
            Err(CommitError::Conflict { .. }) => {
                missed += 1;
                search.begin();
            }
            Err(error) => return Err(error.into()),
        }
    }
    super::renew_now(app).await;
    Ok(ManyRevoked { revoked, remaining: search.count(app).await?, leaves })
}

/// A checked filter, and how far the work has come.
#[derive(Debug)]
struct Search {
    /// Fingerprints, or an issuer's serial numbers.
    listed: Option<(Option<String>, Vec<String>)>,
    /// issuer, profile, organisation, caller, and the window of the end of validity; empty text: any.
    parameters: [Value; 6],
    driver: Driver,
    facts: serde_json::Value,
    after: String,
    at: usize,
}

/// The index that finds the fewest.
#[derive(Debug, Clone, Copy)]
enum Driver {
    Caller,
    Organisation,
    Profile,
    None,
}

macro_rules! select {
    ($what:literal, $driver:literal, $tail:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM certificates WHERE ",
            $driver,
            " AND state <> 'revoked' ",
            "AND ($1 = '' OR issuer = $1) AND ($2 = '' OR profile = $2) AND ($3 = '' OR organisation = $3) ",
            "AND ($4 = '' OR caller = $4) AND not_after >= $5 AND not_after < $6 AND id > $7",
            $tail
        )
    };
}

impl Search {
    fn of(filter: &Filter) -> Result<Self> {
        let refuse = |detail: &'static str| Err(Problem::new(Kind::InvalidParameter, detail));
        let words = [&filter.issuer, &filter.profile, &filter.organisation, &filter.caller];
        if words.iter().any(|word| word.as_deref() == Some("")) {
            return refuse("Leave a member of the filter out rather than empty.");
        }
        let window = filter.expires_from.is_some() || filter.expires_before.is_some();
        let listed = filter.fingerprints.len() + filter.serials.len();
        if words.iter().all(|word| word.is_none()) && !window && listed == 0 {
            return refuse("Give at least one member of the filter.");
        }
        if listed > LISTED {
            return refuse("List at most 10,000 certificates at once.");
        }
        let octets = |hexadecimal: &String| hex::decode(hexadecimal.replace(':', "")).ok();
        let list = match (filter.fingerprints.as_slice(), filter.serials.as_slice(), &filter.issuer) {
            ([], [], _) => None,
            (all, [], _) => {
                let all = all.iter().map(|one| octets(one).filter(|one| one.len() == 32).map(hex::encode));
                let Some(all) = all.collect() else {
                    return refuse("A fingerprint is the hexadecimal SHA-256 of a certificate.");
                };
                Some((None, all))
            }
            ([], all, Some(issuer)) => {
                let all = all.iter().map(|one| octets(one).filter(|one| !one.is_empty()));
                let Some(all) = all.map(|one| one.map(|one| serial_hex(&one))).collect() else {
                    return refuse("A serial number is hexadecimal.");
                };
                Some((Some(issuer.clone()), all))
            }
            ([], _, None) => return refuse("Name the `issuer` of serial numbers."),
            _ => return refuse("List fingerprints or serial numbers, not both."),
        };
        let word = |word: &Option<String>| Value::from(word.clone().unwrap_or_default());
        let time = |time: Option<jiff::Timestamp>, or: i64| {
            Value::from(time.map_or(or, jiff::Timestamp::as_microsecond))
        };
        let [issuer, profile, organisation, caller] = words.map(word);
        Ok(Self {
            listed: list,
            parameters: [
                issuer,
                profile,
                organisation,
                caller,
                time(filter.expires_from, i64::MIN),
                time(filter.expires_before, i64::MAX),
            ],
            driver: match filter {
                Filter { caller: Some(_), .. } => Driver::Caller,
                Filter { organisation: Some(_), .. } => Driver::Organisation,
                Filter { profile: Some(_), .. } => Driver::Profile,
                _ => Driver::None,
            },
            facts: json!({
                "issuer": filter.issuer,
                "profile": filter.profile,
                "organisation": filter.organisation,
                "caller": filter.caller,
                "expires_from": filter.expires_from.map(|time| time.to_string()),
                "expires_before": filter.expires_before.map(|time| time.to_string()),
                "listed": listed,
            }),
            after: String::new(),
            at: 0,
        })
    }

    fn begin(&mut self) {
        self.after.clear();
        self.at = 0;
    }

    /// The next certificates to be revoked, at most [`PART`]; none at the end.
    async fn next(&mut self, app: &App) -> Result<Vec<Row>> {
        let mut rows = Vec::with_capacity(PART);
        if self.listed.is_some() {
            while rows.len() < PART
                && let Some(found) = self.next_listed(app).await?
            {
                rows.extend(found);
            }
            return Ok(rows);
        }
        let sql = match self.driver {
            Driver::Caller => select!("id", "caller = $4", " ORDER BY id LIMIT 200"),
            Driver::Organisation => select!("id", "organisation = $3", " ORDER BY id LIMIT 200"),
            Driver::Profile => select!("id", "profile = $2", " ORDER BY id LIMIT 200"),
            Driver::None => select!("id", "1 = 1", " ORDER BY id LIMIT 200"),
        };
        for record in app.db.fetch_all(sql, &self.asked()).await? {
            self.after = record.text("id")?.to_owned();
            let row = records::certificate(&app.db, &self.after).await?;
            rows.extend(row.filter(|row| self.fits(row)));
        }
        Ok(rows)
    }

    /// How many there are from the beginning.
    async fn count(&mut self, app: &App) -> Result<u64> {
        self.begin();
        if self.listed.is_some() {
            let mut count = 0;
            while let Some(found) = self.next_listed(app).await? {
                count += u64::from(found.is_some());
            }
            self.begin();
            return Ok(count);
        }
        let sql = match self.driver {
            Driver::Caller => select!("count(*) AS n", "caller = $4", ""),
            Driver::Organisation => select!("count(*) AS n", "organisation = $3", ""),
            Driver::Profile => select!("count(*) AS n", "profile = $2", ""),
            Driver::None => select!("count(*) AS n", "1 = 1", ""),
        };
        let record = app.db.fetch_optional(sql, &self.asked()).await?;
        let count = record.map_or(Ok(0), |record| record.int("n"))?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    fn asked(&self) -> Vec<Value> {
        self.parameters.iter().cloned().chain([self.after.as_str().into()]).collect()
    }

    /// The next one of the list, if it is on record and fits; `None` at the end.
    async fn next_listed(&mut self, app: &App) -> Result<Option<Option<Row>>> {
        let Some((issuer, names)) = &self.listed else { return Ok(None) };
        let Some(name) = names.get(self.at) else { return Ok(None) };
        // A name given twice is one certificate.
        let repeated = names.iter().take(self.at).any(|earlier| earlier == name);
        let row = match issuer {
            _ if repeated => None,
            None => records::certificate(&app.db, name).await?,
            Some(issuer) => match records::by_serial(&app.db, issuer, name).await? {
                Some(record) => records::certificate(&app.db, record.text("id")?).await?,
                None => None,
            },
        };
        self.at += 1;
        Ok(Some(row.filter(|row| self.fits(row))))
    }

    fn fits(&self, row: &Row) -> bool {
        let [issuer, profile, organisation, caller, from, before] = &self.parameters;
        let words =
            [("issuer", issuer), ("profile", profile), ("organisation", organisation), ("caller", caller)];
        let named = |(column, wanted): (&str, &Value)| {
            let wanted = wanted.as_text().unwrap_or_default();
            wanted.is_empty() || row.value(column).as_text() == Some(wanted)
        };
        let end = row.value("not_after").as_int();
        words.into_iter().all(named)
            && row.value("state").as_text() != Some("revoked")
            && end >= from.as_int()
            && end < before.as_int()
    }
}

/// Certificates of one unit: their rows' names and digests must fit into one leaf of the log (65,535 octets).
const PART: usize = 200;

/// Work of one request, well within its time.
const AT_ONCE: Duration = Duration::from_secs(20);

/// Parts that may find a certificate changed meanwhile before the request gives up for now.
const MISSES: usize = 5;

const LISTED: usize = 10_000;
