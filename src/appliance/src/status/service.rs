//! The rules of revoking, holding and releasing.
//!
//! A certificate is good, held or revoked; only a hold can be undone (RFC 5280 §5.3.1). Each act takes its permit and
//! is one entry. When a held certificate is revoked, its revocation date stays that of the hold: nothing signed in
//! between may become good by it.

use std::sync::Arc;

use serde_json::json;

use super::model::Revocation;
use crate::app::App;
use crate::journal::{Act, Committed, Unit, generations};
use crate::policy::{HoldCertificate, Permit, ReleaseCertificate, RevokeCertificate};
use crate::problem::{Kind, Problem, Result};
use crate::store::Row;

/// A changed certificate and the act that changed it.
#[derive(Debug)]
pub struct Done {
    /// The row as it is now.
    pub row: Row,
    /// The act's place in the log and its receipt.
    pub committed: Committed,
}

/// Why and since when, checked.
#[derive(Debug, Clone)]
pub struct Grounds {
    reason: String,
    /// Microseconds.
    invalid_from: Option<i64>,
}

impl Grounds {
    /// Takes what a person gave.
    ///
    /// # Errors
    /// A problem: a reason that people do not give, or an invalidity date in the future of `now` (microseconds).
    pub fn new(given: &Revocation, now: i64) -> Result<Self> {
        if !REASONS.contains(&given.reason.as_str()) {
            let detail = format!("Use one of these reasons: {}.", REASONS.join(", "));
            return Err(Problem::new(Kind::InvalidParameter, detail));
        }
        let invalid_from = given.invalid_from.map(jiff::Timestamp::as_microsecond);
        if invalid_from.is_some_and(|from| from > now) {
            return Err(Problem::new(Kind::InvalidParameter, "`invalid_from` lies in the future."));
        }
        Ok(Self { reason: given.reason.clone(), invalid_from })
    }

    /// Because its holder is no longer there: what retiring a caller gives.
    #[must_use]
    pub fn cessation() -> Self {
        Self { reason: "cessationOfOperation".to_owned(), invalid_from: None }
    }

    /// Because another certificate takes its place.
    #[must_use]
    pub fn superseded() -> Self {
        Self { reason: "superseded".to_owned(), invalid_from: None }
    }

    /// Because of `reason`, a word of RFC 5280 §5.3.1, as part of an act of the appliance's own.
    #[must_use]
    pub(crate) fn because(reason: &str) -> Self {
        Self { reason: reason.to_owned(), invalid_from: None }
    }

    pub(super) fn facts(&self) -> serde_json::Value {
        let mut facts = json!({ "reason": self.reason });
        if let (Some(facts), Some(from)) = (facts.as_object_mut(), self.invalid_from) {
            facts.insert("invalid_from".to_owned(), from.into());
        }
        facts
    }
}

/// The row of a certificate that is revoked at `now` (microseconds). A unit of any capability may carry it; it bumps
/// [`generations::CERTIFICATES`], and whoever commits it calls [`super::renew_now`] afterwards.
///
/// # Errors
/// A problem: revoked already, or a reason that is not one for such a certificate.
pub fn revoked(row: Row, grounds: &Grounds, now: i64) -> Result<Row> {
    let since = match text(&row, "state") {
        "revoked" => return Err(Problem::new(Kind::Conflict, "The certificate is revoked already.")),
        "held" => row.value("revoked_at").as_int().unwrap_or(now),
        _ => now,
    };
    let authority = CA_PROFILES.contains(&text(&row, "profile"));
    if grounds.reason == "cACompromise" && !authority {
        let detail = "`cACompromise` is a reason for an authority's certificate; use `keyCompromise`.";
        return Err(Problem::new(Kind::InvalidParameter, detail));
    }
    let invalid_from = grounds.invalid_from.or(row.value("invalid_from").as_int());
    Ok(row
        .next_version()
        .with("state", "revoked")
        .with("revoked_at", since)
        .with("reason", grounds.reason.as_str())
        .with("invalid_from", invalid_from)
        .with("changed", now))
}

/// What revokes one certificate as part of another act; `act` is that act's.
#[must_use]
pub fn revocation(act: Act, row: Row, grounds: &Grounds) -> Unit {
    let mut facts = grounds.facts();
    if let Some(members) = facts.as_object_mut() {
        members.insert("serial".to_owned(), text(&row, "serial").into());
    }
    Unit::new(act).update(row).bump(generations::CERTIFICATES).facts(facts)
}

/// Revokes a certificate: its holder is cut off on every node within five seconds.
///
/// # Errors
/// A problem: an unknown reason, revoked already, or changed meanwhile.
pub async fn revoke(
    app: &Arc<App>,
    permit: &Permit<RevokeCertificate>,
    row: Row,
    given: &Revocation,
) -> Result<Done> {
    let now = now(app)?;
    let grounds = Grounds::new(given, now)?;
    let row = revoked(row, &grounds, now)?;
    done(app, row.clone(), revocation(permit.act(), row, &grounds)).await
}

/// Puts a certificate on hold: as if revoked, until it is released or revoked.
///
/// # Errors
/// A problem: not good now, an authority's, or changed meanwhile.
pub async fn hold(app: &Arc<App>, permit: &Permit<HoldCertificate>, row: Row) -> Result<Done> {
    match text(&row, "state") {
        "good" => {}
        state => return Err(Problem::new(Kind::Conflict, format!("The certificate is {state} already."))),
    }
    if CA_PROFILES.contains(&text(&row, "profile")) {
        return Err(Problem::new(
            Kind::Conflict,
            "An authority's certificate is revoked or not, never held.",
        ));
    }
    let now = now(app)?;
    let row = row
        .next_version()
        .with("state", "held")
        .with("revoked_at", now)
        .with("reason", "certificateHold")
        .with("changed", now);
    let facts = json!({ "serial": text(&row, "serial") });
    let unit = Unit::new(permit.act()).update(row.clone()).bump(generations::CERTIFICATES).facts(facts);
    done(app, row, unit).await
}

/// Releases a certificate from hold: it is good again, and was never revoked.
///
/// # Errors
/// A problem: not on hold, or changed meanwhile.
pub async fn release(app: &Arc<App>, permit: &Permit<ReleaseCertificate>, row: Row) -> Result<Done> {
    if text(&row, "state") != "held" {
        return Err(Problem::new(Kind::Conflict, "The certificate is not on hold."));
    }
    let row = row
        .next_version()
        .with("state", "good")
        .with("revoked_at", None::<i64>)
        .with("reason", None::<String>)
        .with("changed", now(app)?);
    let facts = json!({ "serial": text(&row, "serial") });
    let unit = Unit::new(permit.act()).update(row.clone()).bump(generations::CERTIFICATES).facts(facts);
    done(app, row, unit).await
}

async fn done(app: &Arc<App>, row: Row, unit: Unit) -> Result<Done> {
    let committed = app.unsealed()?.journal.commit(unit).await?;
    super::renew_now(app).await;
    Ok(Done { row, committed })
}

/// Microseconds of a clock that is trusted.
pub(super) fn now(app: &App) -> Result<i64> {
    app.unsealed()?.journal.clock().now().map_err(|reason| {
        Problem::new(Kind::ClockUntrusted, "The operator must mend the clock; try again later.").log(reason)
    })
}

fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    row.value(column).as_text().unwrap_or_default()
}

/// Reasons that a person may give (RFC 5280 §5.3.1). `certificateHold` is an act of its own, `removeFromCRL` a word of
/// delta lists, and attribute authorities there are none.
const REASONS: [&str; 7] = [
    "unspecified",
    "keyCompromise",
    "cACompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "privilegeWithdrawn",
];

/// Profiles of authorities, under their present and former names.
const CA_PROFILES: [&str; 4] = ["root", "root-ca", "issuing-ca", "cross-ca"];
