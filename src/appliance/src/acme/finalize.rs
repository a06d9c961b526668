//! Finalising an order (RFC 8555 §7.4): the request is judged against the order, then the certificate is issued through
//! [`crate::certificates`].
//!
//! The order is first entered as processing, with its request: whatever happens afterwards, the [`super::keeper`] of
//! some node finishes it. The certificate and the order's end are one unit, so that no order has two.

use std::collections::BTreeSet;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use pki::issue::Wish;
use pki::profile::Way;
use pki::request::CertificationRequest;
use pki::{GeneralName, Subject};
use serde_json::{Map, Value, json};

use super::accounts::Account;
use super::error::{AcmeError, ErrorKind, Result};
use super::identifier::Identifier;
use super::nonce::Taken;
use super::orders::{self, micros};
use super::records::{self, ACME_ACCOUNTS, text};
use super::service::Context;
use super::state::OrderState;
use crate::callers::records::organisation;
use crate::certificates::{self, CertificateError, Entered, Order, Outcome};
use crate::identity::Caller;
use crate::journal::Unit;
use crate::policy::{IssueAcme, Resource, ServeAcme};
use crate::problem::Problem;
use crate::store::tables::CERTIFICATE_REQUESTS;
use crate::store::{Row, Value as Stored};

/// finalize: judges the request and issues, as far as that goes at once.
///
/// # Errors
/// [`AcmeError`]; the order stays as it was.
pub async fn finalize(
    context: &Context,
    account: &Account,
    row: Row,
    payload: &Map<String, Value>,
    nonce: &Taken,
) -> Result<Row> {
    match orders::shown(context, &row, context.now).await?.0 {
        OrderState::Ready => {}
        // Sent again because the answer was lost: the same order, no second certificate.
        OrderState::Processing | OrderState::Valid => return Ok(row),
        OrderState::Pending => {
            let detail = "The order's authorizations are not all valid.";
            return Err(AcmeError::new(ErrorKind::OrderNotReady, detail));
        }
        OrderState::Invalid => {
            return Err(AcmeError::new(ErrorKind::OrderNotReady, "The order is invalid; make another."));
        }
    }
    let csr = payload.get("csr").and_then(Value::as_str).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let csr = csr.ok_or_else(|| bad_csr("Send `csr`: a PKCS#10 request, DER in base64url."))?;
    let request =
        CertificationRequest::from_der(&csr).map_err(|error| bad_csr(format!("The request: {error}.")))?;
    judge(&request, &records::identifiers_of(&row), account)?;
    let due = context.now.saturating_add(micros(LEASE));
    let row =
        row.next_version().with("state", OrderState::Processing.word()).with("csr", csr).with("due", due);
    let permit = context.permit::<ServeAcme>(Resource::appliance())?;
    let act = context.act(&permit, orders::resource(row.id()), Some(account.actor()));
    let facts = json!({ "event": "order finalised", "key": certificates::key_hash(request.spki()) });
    let unit = account.guard(Unit::new(act)).facts(facts).update(row.clone());
    context.commit(unit, Some(nonce)).await?;
    process(context, account, row).await
}

/// Takes up an order whose node gave it up, or that awaits approvals.
///
/// # Errors
/// [`AcmeError`]; a conflict when another node was faster.
pub async fn take_up(context: &Context, row: Row) -> Result<()> {
    let permit = context.permit::<ServeAcme>(Resource::appliance())?;
    let act = context.act(&permit, orders::resource(row.id()), None);
    let account = context.app.db.row(&ACME_ACCOUNTS, text(&row, "account")).await?;
    let account = account.ok_or_else(|| AcmeError::internal("an order without an account"))?;
    let account = match Account::load(context, account).await {
        Ok(account) => account,
        // It was given up, or its binding withdrawn: nothing is issued in its name.
        Err(error) if Account::is_over(&error) => {
            return fail(context, row, &error).await.map(drop);
        }
        Err(error) => return Err(error),
    };
    let row = row.next_version().with("due", context.now.saturating_add(micros(LEASE)));
    let unit = Unit::new(act).facts(json!({ "event": "issuance taken up" })).update(row.clone());
    context.commit(unit, None).await?;
    process(context, &account, row).await.map(drop)
}

/// Issues the certificate of a processing order that this node holds; the order's row afterwards. What cannot be
/// issued for good ends the order; what may pass leaves it due.
async fn process(context: &Context, account: &Account, row: Row) -> Result<Row> {
    match issue(context, account, &row).await {
        Ok(done) => Ok(done),
        Err(Issuance::Passing(error)) => {
            tracing::warn!(
                order = row.id(),
                error = error.detail(),
                cause = error.log_message(),
                "an ACME order is taken up again"
            );
            Ok(row)
        }
        Err(Issuance::Final(error)) => fail(context, row, &error).await,
    }
}

enum Issuance {
    /// It may be otherwise the next time.
    Passing(AcmeError),
    /// It never will.
    Final(AcmeError),
}

async fn issue(context: &Context, account: &Account, row: &Row) -> std::result::Result<Row, Issuance> {
    let passing = |error: AcmeError| Issuance::Passing(error);
    let csr = row.value("csr").as_bytes().unwrap_or_default();
    let request =
        CertificationRequest::from_der(csr).map_err(|error| Issuance::Final(bad_csr(error.to_string())))?;
    let profile_name = orders::profile_name(context, account).map_err(passing)?.to_owned();
    let profiles = context.app.profiles();
    let profile = profiles.get(&profile_name);
    let profile = profile
        .ok_or_else(|| passing(AcmeError::internal(format!("there is no profile `{profile_name}`"))))?;
    let identifiers = records::identifiers_of(row);
    let registered = subject(context, account, &request, &identifiers).await.map_err(passing)?;
    let seconds = |column: &str| row.value(column).as_int().map(|micros| micros.div_euclid(1_000_000));
    let wish = Wish {
        // Of the request's subject only a name that was proven counts, and `subject` has taken that.
        subject: profile.subject_from(&registered, None),
        names: identifiers.iter().map(general_name).collect(),
        public_key: request.spki().to_vec(),
        not_before: seconds("not_before"),
        not_after: seconds("not_after"),
    };
    let replaces = match row.value("replaces").as_text().and_then(super::renewal::CertificateId::parse) {
        Some(id) => {
            super::certificates::by_id(context, &id).await.map_err(passing)?.map(|row| row.id().to_owned())
        }
        None => None,
    };
    let mut order = Order::new(&profile_name, Way::Acme, wish).replacing(replaces);
    let requester = match &account.bound {
        Some(bound) => {
            order = order.for_holder(&bound.holder);
            bound.caller()
        }
        None if profile.approvals() > 0 => {
            let detail = "Officers approve such certificates only for accounts with a binding.";
            return Err(Issuance::Final(AcmeError::unauthorized(detail)));
        }
        None => Caller::system("acme"),
    };
    let permit = context.permit::<IssueAcme>(Resource::appliance()).map_err(passing)?;
    let act = context.act(&permit, orders::resource(row.id()), Some(account.actor()));
    let mut done = row.clone();
    let with = |entered: Entered<'_>, unit: Unit| {
        let next = row.clone().next_version().with("due", Stored::Null);
        done = match entered {
            Entered::Certificate(certificate) => with_certificate(next, certificate.id()),
            // Officers must approve first; the keeper sees when they have.
            Entered::Request(request) => next.with("request", request.id()),
        };
        Ok(account.guard(unit).update(done.clone()))
    };
    match certificates::ask(&context.app, act, &requester, order, &request, with).await {
        // The same request was asked for before, in an order that was given up: what came of it is this order's too.
        Ok(Outcome::Issued(issued)) if text(&done, "certificate").is_empty() => {
            let next = row.clone().next_version().with("due", Stored::Null);
            entered(context, with_certificate(next, issued.row.id())).await
        }
        Ok(Outcome::Pending(pending)) if text(&done, "request").is_empty() => {
            let next = row.clone().next_version().with("due", Stored::Null);
            entered(context, next.with("request", pending.row.id())).await
        }
        Ok(_) => Ok(done),
        Err(error) => Err(judged(error)),
    }
}

fn with_certificate(row: Row, fingerprint: &str) -> Row {
    row.with("state", OrderState::Valid.word()).with("certificate", fingerprint).with("due", Stored::Null)
}

/// Enters what became of an order.
async fn entered(context: &Context, row: Row) -> std::result::Result<Row, Issuance> {
    let permit = context.permit::<ServeAcme>(Resource::appliance()).map_err(Issuance::Passing)?;
    let act = context.act(&permit, orders::resource(row.id()), None);
    let facts = json!({
        "event": "order continued",
        "certificate": row.value("certificate").as_text(),
        "request": row.value("request").as_text(),
    });
    let unit = Unit::new(act).facts(facts).update(row.clone());
    context.commit(unit, None).await.map_err(Issuance::Passing)?;
    Ok(row)
}

/// Ends an order whose request the officers have decided.
///
/// # Errors
/// [`AcmeError`]; a conflict when another node was faster.
pub async fn decided(context: &Context, row: Row) -> Result<()> {
    let request = context.app.db.row(&CERTIFICATE_REQUESTS, text(&row, "request")).await?;
    let request = request.ok_or_else(|| AcmeError::internal("an order without its request"))?;
    if let ("issued", Some(certificate)) = (text(&request, "state"), request.value("certificate").as_text()) {
        let row = with_certificate(row.next_version(), certificate);
        return match entered(context, row).await {
            Ok(_) => Ok(()),
            Err(Issuance::Passing(error) | Issuance::Final(error)) => Err(error),
        };
    }
    let detail = format!("The officers' decision: the request is {}.", text(&request, "state"));
    fail(context, row, &AcmeError::unauthorized(detail)).await.map(drop)
}

/// What is refused ends the order; faults of ours and of devices, and what changed while it was looked at, do not.
fn judged(error: CertificateError) -> Issuance {
    let unfit = matches!(error, CertificateError::Issue(_) | CertificateError::Request(_));
    let raced = matches!(error, CertificateError::Commit(_) | CertificateError::Store(_));
    let problem: Problem = error.into();
    let status = problem.kind().status();
    if raced || !status.is_client_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Issuance::Passing(problem.into());
    }
    let log = format!("{}: {}", problem.kind().name(), problem.log_message().unwrap_or_default());
    Issuance::Final(match unfit {
        true => bad_csr("No certificate of this profile can be issued for that request.").log(log),
        // Officers refused the request, or a rule forbids it: sent again, it is refused again.
        false => AcmeError::unauthorized(problem.detail().to_owned()).log(log),
    })
}

/// Ends an order.
async fn fail(context: &Context, row: Row, error: &AcmeError) -> Result<Row> {
    let permit = context.permit::<ServeAcme>(Resource::appliance())?;
    let act = context.act(&permit, orders::resource(row.id()), None);
    let row = row
        .next_version()
        .with("state", OrderState::Invalid.word())
        .with("error", error.to_json().to_string())
        .with("due", Stored::Null);
    let facts =
        json!({ "event": "order failed", "error": error.kind().name(), "detail": error.log_message() });
    context.commit(Unit::new(act).facts(facts).update(row.clone()), None).await?;
    Ok(row)
}

/// RFC 8555 §7.4: the request names exactly what was ordered, and its key is not the account's (§11.1).
fn judge(request: &CertificationRequest, ordered: &[Identifier], account: &Account) -> Result<()> {
    if request.spki() == account.key.spki() {
        return Err(bad_csr("The request is for the account's own key; make another for the certificate."));
    }
    let named = names(request)?;
    let ordered: BTreeSet<&Identifier> = ordered.iter().collect();
    if named.iter().collect::<BTreeSet<_>>() == ordered {
        return Ok(());
    }
    let error = bad_csr("The request names other identifiers than the order.");
    let more = named.iter().filter(|one| !ordered.contains(one));
    let error = more.fold(error, |error, one| error.about(one, ErrorKind::BadCsr, "It was not ordered."));
    let less = ordered.iter().filter(|one| !named.contains(**one));
    Err(less.fold(error, |error, one| error.about(one, ErrorKind::BadCsr, "The request does not name it.")))
}

/// Everything a request names: subject alternative names, and a common name that looks like one.
fn names(request: &CertificationRequest) -> Result<BTreeSet<Identifier>> {
    let mut all = BTreeSet::new();
    let unusable = |name: &str| bad_csr(format!("The request names `{name}`, which is no identifier."));
    for name in request.subject_alt_names() {
        all.insert(match name {
            GeneralName::Dns(name) => {
                Identifier::dns(name).map_err(|_| unusable(&name.escape_debug().to_string()))?
            }
            GeneralName::Ip(octets) => Identifier::Ip(address(octets).ok_or_else(|| unusable("an address"))?),
            _ => {
                return Err(bad_csr(
                    "The request has alternative names that are neither DNS names nor addresses.",
                ));
            }
        });
    }
    if let Some(name) = request.subject().common_name() {
        let identifier = Identifier::ip(&name).or_else(|_| Identifier::dns(&name));
        all.insert(identifier.map_err(|_| unusable(&name.escape_debug().to_string()))?);
    }
    Ok(all)
}

/// What a profile may take for the subject: the register's organisation, and a common name that was ordered.
async fn subject(
    context: &Context,
    account: &Account,
    request: &CertificationRequest,
    identifiers: &[Identifier],
) -> Result<Subject> {
    let mut subject = Subject::default();
    if let Some(bound) = &account.bound
        && let Some(row) = organisation(&context.app.db, bound.holder.organisation()).await?
    {
        // RFC 5280 appendix A, ub-organization-name.
        subject = subject.organization(text(&row, "name").chars().take(64).collect::<String>());
    }
    let asked = request.subject().common_name().map(|name| name.to_ascii_lowercase());
    let first = identifiers.iter().map(Identifier::value).find(|name| name.len() <= 64);
    // ub-common-name; what is longer stands among the alternative names alone.
    match asked.filter(|name| name.len() <= 64).or(first) {
        Some(name) => Ok(subject.named(name)),
        None => Ok(subject),
    }
}

fn general_name(identifier: &Identifier) -> GeneralName {
    match identifier {
        Identifier::Dns(name) => GeneralName::Dns(name.clone()),
        Identifier::Ip(address) => GeneralName::ip(*address),
    }
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
        _ => None,
    }
}

fn bad_csr(detail: impl Into<std::borrow::Cow<'static, str>>) -> AcmeError {
    AcmeError::new(ErrorKind::BadCsr, detail)
}

/// Seconds that a node has for an issuance before another takes it up.
const LEASE: u64 = 60;

#[cfg(test)]
mod tests {
    use crypto::SignError;
    use pki::issue::IssueError;

    use super::*;
    use crate::journal::CommitError;
    use crate::problem::Kind;

    fn ends(error: CertificateError) -> Option<ErrorKind> {
        match judged(error) {
            Issuance::Final(error) => Some(error.kind()),
            Issuance::Passing(_) => None,
        }
    }

    #[test]
    fn refusals_end_an_order_and_faults_of_ours_do_not() {
        let device = SignError::Device { reason: "it does not answer".into() };
        assert_eq!(ends(IssueError::Sign(device).into()), None);
        let away = SignError::Unavailable { reason: "it is gone".into() };
        assert_eq!(ends(IssueError::Sign(away).into()), None);
        assert_eq!(ends(IssueError::WrongKey.into()), None);
        assert_eq!(ends(CertificateError::Sealed), None);
        let changed = CommitError::Conflict { table: "acme_accounts", id: "a".into() };
        assert_eq!(ends(changed.into()), None, "read again, it may go through");
        assert_eq!(ends(IssueError::MalformedKey.into()), Some(ErrorKind::BadCsr));
        let refused = Problem::new(Kind::RequestClosed, "It was refused.");
        assert_eq!(ends(refused.into()), Some(ErrorKind::Unauthorized));
    }
}
