//! Asking: issued at once, or put before the officers where the profile wants approvals; and their word on it.
//!
//! A request is bound to its certification request by digest: whoever approves says which. The approval that completes
//! the number claims the request together with the intent of the certificate, so that of two that come at once only one
//! issues; the certificate and the end of the request are then one unit. Four eyes compare registered persons
//! (decision 12). Called by REST, EST and ACME.

use std::collections::BTreeMap;
use std::sync::Arc;

use pki::issue::Wish;
use pki::profile::Way;
use pki::request::CertificationRequest;
use pki::{GeneralName, Name, Subject};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::CertificateError;
use super::holder::{Holder, Registered};
use super::issue::{Issued, guarded, issue, needs_approval, on_record, plan, record};
use super::order::{Order, way_name, way_of};
use super::records::{self, NewRequest};
use crate::app::App;
use crate::callers::records::text;
use crate::identity::{Caller, Role};
use crate::journal::{Act, CommitError, Committed, Unit};
use crate::policy::{ApproveCertificate, CancelCertificate, Permit, RefuseCertificate};
use crate::problem::{Kind, Problem};
use crate::store::Row;
use crate::store::tables::{CALLERS, ORGANISATIONS};

/// What came of asking.
#[derive(Debug)]
pub enum Outcome {
    /// A certificate.
    Issued(Box<Issued>),
    /// A request that awaits approvals; ask again with the same certification request, or look at it.
    Pending(Box<Pending>),
}

/// A request that awaits approvals.
#[derive(Debug)]
pub struct Pending {
    /// Its row.
    pub row: Row,
    /// Its entry, if it was made just now.
    pub committed: Option<Committed>,
}

/// What a unit under way enters.
#[derive(Debug, Clone, Copy)]
pub enum Entered<'a> {
    /// The row of a certificate.
    Certificate(&'a Row),
    /// The row of a request that awaits approvals.
    Request(&'a Row),
}

/// Asks for a certificate. `with` adds to the unit that enters certificate or request what else belongs to the act. The
/// same certification request asked for again by the same requester finds what came of it.
///
/// # Errors
/// [`CertificateError`]; also when officers refused it.
pub async fn ask(
    app: &Arc<App>,
    act: Act,
    requester: &Caller,
    order: Order<'_>,
    request: &CertificationRequest,
    with: impl FnOnce(Entered<'_>, Unit) -> Result<Unit, CertificateError>,
) -> Result<Outcome, CertificateError> {
    let profiles = app.profiles();
    let profile =
        profiles.get(order.profile).ok_or_else(|| CertificateError::Profile(order.profile.to_owned()))?;
    if !needs_approval(profile, order.way) {
        let with = |row: &Row, unit| with(Entered::Certificate(row), unit);
        return Ok(Outcome::Issued(Box::new(issue(app, act, requester, order, with).await?)));
    }
    let unsealed = app.unsealed().map_err(|_| CertificateError::Sealed)?;
    if let Some(known) = records::same_request(&app.db, &requester.id, profile.name(), request.der()).await? {
        return asked_again(app, known).await;
    }
    // What would be refused at the end is refused at the beginning.
    plan(app, &unsealed, act.clone(), None, &Order { approved: true, ..order.clone() }).await?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let days = i64::from(app.config.certificates.request_days);
    let row = records::request_row(NewRequest {
        id: &uuid::Uuid::now_v7().to_string(),
        profile: profile.name(),
        csr: request.der(),
        wish: &Kept::of(&order).to_text(),
        caller: order.holder.map(Holder::id),
        organisation: order.organisation,
        requester: &requester.id,
        person: requester.person.as_deref(),
        needed: profile.approvals(),
        created: now,
        expires: now.saturating_add(days * 86_400_000_000),
    });
    let entry = Act { action: "certificate.request".to_owned(), ..act };
    let facts = json!({
        "request": row.id(),
        "profile": profile.name(),
        "csr": digest(request.der()),
        "needed": profile.approvals(),
        "way": way_name(order.way),
    });
    let unit = with(Entered::Request(&row), Unit::new(entry).facts(facts).insert(row.clone()))?;
    let committed = unsealed.journal.commit(unit).await?;
    Ok(Outcome::Pending(Box::new(Pending { row, committed: Some(committed) })))
}

async fn asked_again(app: &App, known: Row) -> Result<Outcome, CertificateError> {
    match (text(&known, "state"), known.value("certificate").as_text()) {
        ("issued", Some(fingerprint)) => {
            let row = records::certificate(&app.db, fingerprint).await?;
            let row = row.ok_or_else(|| Problem::internal("a request's certificate is not on record"))?;
            Ok(Outcome::Issued(Box::new(on_record(app, row).await?)))
        }
        ("pending" | "approved", _) => {
            Ok(Outcome::Pending(Box::new(Pending { row: known, committed: None })))
        }
        (state, _) => Err(closed(state).into()),
    }
}

/// What an approval brought.
#[derive(Debug)]
pub struct Approved {
    /// The request as it is now.
    pub row: Row,
    /// The certificate, when it was the last approval needed.
    pub issued: Option<Issued>,
    /// The act's place in the log and its receipt.
    pub committed: Committed,
}

/// Approves a request for the certification request with this digest (hexadecimal SHA-256); the last approval needed
/// issues. The policies have compared the persons.
///
/// # Errors
/// [`CertificateError`].
pub async fn approve(
    app: &Arc<App>,
    permit: &Permit<ApproveCertificate>,
    request: Row,
    shown: &str,
) -> Result<Approved, CertificateError> {
    let unsealed = app.unsealed().map_err(|_| CertificateError::Sealed)?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let officer = permit.caller();
    let person = open_for(&request, officer, now)?;
    let csr = request.value("csr").as_bytes().unwrap_or_default();
    let digest = digest(csr);
    if !digest.eq_ignore_ascii_case(shown) {
        let detail =
            "What you approve is another certification request; read the request and send its `csr_digest`.";
        return Err(Problem::new(Kind::PreconditionFailed, detail).into());
    }
    let approvals = records::approvals(&app.db, request.id()).await?;
    if approvals.iter().any(|row| text(row, "person") == person) {
        return Err(Problem::new(Kind::Conflict, "You have approved it already; another person must.").into());
    }
    let needed = request.value("needed").as_int().unwrap_or(i64::MAX);
    let approving = Approving::of(app, &approvals, officer).await?;
    let given = i64::try_from(approving.0.len()).unwrap_or(i64::MAX);
    let approval = records::approval_row(request.id(), &officer.id, &person, "approve", now);
    let facts = json!({ "request": request.id(), "csr": digest, "given": given, "needed": needed });
    let unit = approving.guard(Unit::new(permit.act()).facts(facts).insert(approval));
    let next = request.clone().next_version();
    if given < needed {
        let committed = unsealed.journal.commit(unit.update(next.clone())).await.map_err(raced)?;
        return Ok(Approved { row: next, issued: None, committed });
    }
    let claimed = next.with("state", "approved");
    let act = Act { action: "certificate.issue".to_owned(), ..permit.act() };
    let (row, issued) = carry_out(app, act, claimed, unit).await?;
    let committed = issued.committed.clone();
    Ok(Approved { row, issued: Some(issued), committed })
}

/// The officers whose approvals count: security officers now, not only when they gave their word.
#[derive(Debug)]
struct Approving(Vec<Holder>);

impl Approving {
    /// Whoever approved before and still may, and the officer who approves now.
    async fn of(app: &App, approvals: &[Row], officer: &Caller) -> Result<Self, CertificateError> {
        let mut all = vec![Holder::find(app, &officer.id).await?];
        for approval in approvals {
            match Holder::find(app, text(approval, "officer")).await {
                Ok(holder) if holder.has(Role::SecurityOfficer) => all.push(holder),
                Err(problem) if problem.kind().status().is_server_error() => return Err(problem.into()),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(Self(all))
    }

    /// None of them loses role or registration before the unit is entered.
    fn guard(&self, unit: Unit) -> Unit {
        let rows: BTreeMap<_, _> = self.0.iter().flat_map(Holder::rows).collect();
        rows.into_iter().fold(unit, |unit, ((table, id), version)| match table {
            Registered::Caller => unit.guard(&CALLERS, id, version),
            Registered::Organisation => unit.guard(&ORGANISATIONS, id, version),
        })
    }
}

/// Issues what was approved. `claimed` is the row of the request as `unit` shall leave it; both are written with the
/// intent, before anything is signed.
pub(super) async fn carry_out(
    app: &Arc<App>,
    act: Act,
    claimed: Row,
    unit: Unit,
) -> Result<(Row, Issued), CertificateError> {
    let unsealed = app.unsealed().map_err(|_| CertificateError::Sealed)?;
    let request = CertificationRequest::from_der(claimed.value("csr").as_bytes().unwrap_or_default())?;
    let kept = Kept::read(text(&claimed, "wish"))?;
    let holder = match claimed.value("caller").as_text() {
        Some(caller) => Some(Holder::find(app, caller).await?),
        None => None,
    };
    let order = Order {
        profile: text(&claimed, "profile"),
        way: kept.way()?,
        wish: kept.wish(&request)?,
        holder: holder.as_ref(),
        organisation: claimed.value("organisation").as_text(),
        replaces: kept.replaces.clone(),
        issuer: kept.issuer.as_deref(),
        approved: true,
    };
    let (intended, intent) = plan(app, &unsealed, act, Some(text(&claimed, "requester")), &order).await?;
    let unit = unit.update(claimed.clone()).also(intent);
    unsealed.journal.commit(unit).await.map_err(raced)?;
    let issuer = intended.issuer().to_owned();
    let signed = intended.sign(app, &unsealed).await?;
    let done = claimed.clone().next_version().with("state", "issued").with("certificate", signed.row.id());
    let end = done.clone();
    let issued =
        record(app, &unsealed, signed, &issuer, |_, unit| Ok(guarded(unit, &order).update(end))).await?;
    Ok((done, issued))
}

/// Refuses a request, with the reason that its requester is told.
///
/// # Errors
/// [`CertificateError`].
pub async fn refuse(
    app: &App,
    permit: &Permit<RefuseCertificate>,
    request: Row,
    reason: &str,
) -> Result<(Row, Committed), CertificateError> {
    let unsealed = app.unsealed().map_err(|_| CertificateError::Sealed)?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let officer = permit.caller();
    let person = open_for(&request, officer, now)?;
    let word = records::approval_row(request.id(), &officer.id, &person, "refuse", now);
    let row = request.next_version().with("state", "refused").with("reason", reason);
    // An approval that the same person gave before stands in the way, and should: the word was given.
    let unit = Unit::new(permit.act()).facts(json!({ "request": row.id() })).insert(word).update(row.clone());
    let committed = unsealed.journal.commit(unit).await.map_err(raced)?;
    Ok((row, committed))
}

/// Takes a request back.
///
/// # Errors
/// [`CertificateError`].
pub async fn cancel(
    app: &App,
    permit: &Permit<CancelCertificate>,
    request: Row,
) -> Result<(Row, Committed), CertificateError> {
    let unsealed = app.unsealed().map_err(|_| CertificateError::Sealed)?;
    if text(&request, "state") != "pending" {
        return Err(closed(text(&request, "state")).into());
    }
    let row = request.next_version().with("state", "cancelled");
    let unit = Unit::new(permit.act()).facts(json!({ "request": row.id() })).update(row.clone());
    let committed = unsealed.journal.commit(unit).await.map_err(raced)?;
    Ok((row, committed))
}

/// Hexadecimal SHA-256 of a certification request: what officers see and approve.
#[must_use]
pub fn digest(csr: &[u8]) -> String {
    hex::encode(crypto::DigestAlgorithm::Sha256.digest(csr))
}

/// The person who decides on a request that is still open and is not theirs.
fn open_for(request: &Row, officer: &Caller, now: i64) -> Result<String, CertificateError> {
    let state = text(request, "state");
    if state != "pending" {
        return Err(closed(state).into());
    }
    if request.value("expires").as_int().is_some_and(|until| until <= now) {
        return Err(closed("expired").into());
    }
    let person = officer.person.clone().unwrap_or_default();
    if person.is_empty() {
        return Err(Problem::new(Kind::Forbidden, "Only a registered person decides on requests.").into());
    }
    if person == text(request, "person") || officer.id == text(request, "requester") {
        return Err(Problem::new(Kind::Forbidden, "Another person than the requester must decide.").into());
    }
    Ok(person)
}

fn closed(state: &str) -> Problem {
    let detail = match state {
        "refused" => "It was refused; its `reason` says why. Make a new request.",
        "expired" => "It was not approved in time; make a new request.",
        "cancelled" => "It was taken back; make a new request.",
        "issued" => "Its certificate is issued already.",
        _ => "It is approved and being issued.",
    };
    Problem::new(Kind::RequestClosed, detail).with("state", state)
}

/// Two decided at once: the later one reads again.
fn raced(error: CommitError) -> CertificateError {
    match error {
        CommitError::Conflict { table: "certificate_requests", .. } => Problem::new(
            Kind::PreconditionFailed,
            "Somebody else decided on it at the same moment; read it again.",
        )
        .log(&error)
        .into(),
        CommitError::Exists { table: "certificate_approvals", .. } => {
            Problem::new(Kind::Conflict, "You have decided on it already.").log(&error).into()
        }
        error => error.into(),
    }
}

/// A wish as a request's row keeps it: everything but the key, which stands in the certification request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    way: String,
    /// DER, hexadecimal.
    subject: String,
    names: Vec<KeptName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KeptName {
    Dns(String),
    Ip(String),
    Email(String),
    Uri(String),
}

impl Kept {
    fn of(order: &Order<'_>) -> Self {
        let name = |name: &GeneralName| match name {
            GeneralName::Dns(text) => Some(KeptName::Dns(text.clone())),
            GeneralName::Ip(octets) => Some(KeptName::Ip(hex::encode(octets))),
            GeneralName::Email(text) => Some(KeptName::Email(text.clone())),
            GeneralName::Uri(text) => Some(KeptName::Uri(text.clone())),
            _ => None,
        };
        Self {
            way: way_name(order.way).to_owned(),
            subject: hex::encode(order.wish.subject.to_name().der()),
            names: order.wish.names.iter().filter_map(name).collect(),
            not_before: order.wish.not_before,
            not_after: order.wish.not_after,
            replaces: order.replaces.clone(),
            issuer: order.issuer.map(ToOwned::to_owned),
        }
    }

    fn to_text(&self) -> String {
        json!(self).to_string()
    }

    fn read(text: &str) -> Result<Self, CertificateError> {
        serde_json::from_str(text).map_err(|error| damaged(&error).into())
    }

    fn way(&self) -> Result<Way, CertificateError> {
        way_of(&self.way).ok_or_else(|| damaged(&self.way).into())
    }

    fn wish(&self, request: &CertificationRequest) -> Result<Wish, CertificateError> {
        let subject = hex::decode(&self.subject).map_err(|error| damaged(&error))?;
        let subject = Name::from_der(&subject).map_err(|error| damaged(&error))?;
        let subject = subject
            .attributes()
            .into_iter()
            .fold(Subject::default(), |all, (kind, value)| all.with(kind, value));
        let name = |name: &KeptName| {
            Ok::<_, Problem>(match name {
                KeptName::Dns(text) => GeneralName::Dns(text.clone()),
                KeptName::Ip(octets) => {
                    GeneralName::Ip(hex::decode(octets).map_err(|error| damaged(&error))?)
                }
                KeptName::Email(text) => GeneralName::Email(text.clone()),
                KeptName::Uri(text) => GeneralName::Uri(text.clone()),
            })
        };
        Ok(Wish {
            subject,
            names: self.names.iter().map(name).collect::<Result<_, _>>()?,
            public_key: request.spki().to_vec(),
            not_before: self.not_before,
            not_after: self.not_after,
        })
    }
}

fn damaged(fault: &dyn std::fmt::Display) -> Problem {
    Problem::internal(format!("a kept request for a certificate does not read: {fault}"))
}

/// A kept wish as it is shown to whoever decides.
#[must_use]
pub(super) fn shown(text: &str) -> serde_json::Value {
    let Ok(kept) = Kept::read(text) else { return serde_json::Value::Null };
    let subject = hex::decode(&kept.subject).ok().and_then(|der| Name::from_der(&der).ok());
    let name = |name: &KeptName| match name {
        KeptName::Dns(text) => json!({ "dns": text }),
        KeptName::Ip(octets) => {
            let octets = hex::decode(octets).unwrap_or_default();
            json!({ "ip": super::names::ip(&octets) })
        }
        KeptName::Email(text) => json!({ "email": text }),
        KeptName::Uri(text) => json!({ "uri": text }),
    };
    let time = |seconds: Option<i64>| {
        seconds.and_then(|at| jiff::Timestamp::from_second(at).ok()).map(|time| time.to_string())
    };
    json!({
        "way": kept.way,
        "subject": subject.map(|name| name.to_string()),
        "names": kept.names.iter().map(name).collect::<Vec<_>>(),
        "not_before": time(kept.not_before),
        "not_after": time(kept.not_after),
        "replaces": kept.replaces,
    })
}
