//! `/simpleenroll` and `/simplereenroll`: who asks, whether the request fits them, and the certificate.
//!
//! A first certificate is asked for with a one-time secret (HTTP Basic, RFC 7030 §3.2.3), the next one with the
//! certificate held. Either way the caller is one that is registered, the policies are asked, and the names are the
//! register's: a request may leave them out, and must not say others. A refusal is entered in the caller's name; who
//! shows no credential that fits is counted.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use pki::profile::{Profile, Profiles};
use pki::request::CertificationRequest;
use zeroize::Zeroizing;

use super::est::{self, Label};
use super::secret::EnrolmentSecret;
use super::{payload, service};
use crate::app::App;
use crate::callers::records::text;
use crate::certificates::{
    self, Entered, Holder, Issued, Order, Outcome, Renewable, Term, Way, key_hash, records,
};
use crate::identity::Caller;
use crate::journal::Unit;
use crate::policy::{EnrolCertificate, Facts, Permit};
use crate::problem::{About, Kind, Problem, Result};
use crate::server::{Session, Visit, metrics};
use crate::store::Row;

/// A certificate for a registered machine (RFC 7030 §4.2.1).
pub(super) async fn enroll(
    State(app): State<Arc<App>>,
    visit: Visit,
    label: Label,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let bearer = Bearer::of(&app, &visit, &headers).await?;
    if !bearer.may_ask(&app, &headers, &body).await? {
        return Err(wrong(&app, &visit));
    }
    let answer = async {
        let profiles = app.profiles();
        let selected = est::profile(&profiles, &label)?;
        let holder = Holder::find(&app, &bearer.caller.id).await?;
        let permit = bearer.permit(&app, &visit, &holder)?;
        let profile = bearer.profile(&profiles, selected, &label)?;
        let request = read(&headers, &body)?;
        own_name(&request, &bearer.caller.id)?;
        ask(&app, &bearer, permit, &holder, profile, &request).await
    };
    told(bearer.way(), answer.await.map_err(|problem| bearer.refused(problem)))
}

/// The next certificate of whoever shows one, for the same names (RFC 7030 §4.2.2).
pub(super) async fn reenroll(
    State(app): State<Arc<App>>,
    visit: Visit,
    label: Label,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let Some(session) = visit.session() else {
        let detail = "Show the certificate to be renewed in the TLS handshake (RFC 7030 §4.2.2).";
        return Err(Problem::new(Kind::Forbidden, detail));
    };
    let bearer = Bearer::shown(&app, session).await?;
    let answer = async {
        let profiles = app.profiles();
        let selected = est::profile(&profiles, &label)?;
        let holder = Holder::find(&app, &bearer.caller.id).await?;
        let permit = bearer.permit(&app, &visit, &holder)?;
        let profile = bearer.profile(&profiles, selected, &label)?;
        let request = read(&headers, &body)?;
        let shown = est::shown(&app, session).await?;
        let same_names = {
            let (asked, held) = (request.subject_alt_names(), shown.subject_alt_names());
            asked.len() == held.len() && held.iter().all(|name| asked.contains(name))
        };
        if request.subject().attributes() != shown.subject().attributes() || !same_names {
            let detail = "Renew with the subject and the alternative names of the certificate shown, \
                          attribute by attribute (RFC 7030 §4.2.2); `/csrattrs` tells them.";
            return Err(Problem::new(Kind::RequestNames, detail));
        }
        ask(&app, &bearer, permit, &holder, profile, &request).await
    };
    told(bearer.way(), answer.await.map_err(|problem| bearer.refused(problem)))
}

/// Who enrols, and with what.
struct Bearer {
    caller: Arc<Caller>,
    /// The secret's row, where it was not a certificate.
    secret: Option<Row>,
    /// The certificate, where it was one.
    held: Option<Renewable>,
}

impl Bearer {
    async fn of(app: &App, visit: &Visit, headers: &HeaderMap) -> Result<Self> {
        if let Some(session) = visit.session() {
            return Self::shown(app, session).await;
        }
        let required = |detail| Problem::new(Kind::CredentialsRequired, detail);
        let Some((name, password)) = basic(headers) else {
            return Err(required(
                "Show a client certificate, or send the caller's id and its one-time secret by HTTP Basic.",
            ));
        };
        let peer = visit.peer();
        app.strikes.may_try(&peer, Instant::now()).map_err(|wait| {
            Problem::new(Kind::TooManyRequests, "Too many wrong secrets came from your address; wait.")
                .retry_after(wait.as_secs() + 1)
        })?;
        let secret = EnrolmentSecret::read(&password).map_err(|error| {
            app.strikes.wrong(&peer, Instant::now());
            required("The secret is mistyped: compare it with what you were given.").log(error)
        })?;
        let found = service::authenticate(app, &name, &secret).await?;
        let (caller, row) = found.ok_or_else(|| wrong(app, visit))?;
        Ok(Self { caller, secret: Some(row), held: None })
    }

    /// Whoever showed a certificate.
    async fn shown(app: &App, session: &Session) -> Result<Self> {
        let row = records::certificate(&app.db, &session.peer().fingerprint).await?;
        let row = row.ok_or_else(|| Problem::internal("a caller's certificate is not on record"))?;
        let held = Renewable::of(row, seconds(app)?)?;
        Ok(Self { caller: session.caller().clone(), secret: None, held: Some(held) })
    }

    /// Whether this is not a secret that is used up, or one that fetches what came of its own request.
    async fn may_ask(&self, app: &App, headers: &HeaderMap, body: &[u8]) -> Result<bool> {
        let Some(secret) = self.secret.as_ref().filter(|secret| !service::is_open(secret)) else {
            return Ok(true);
        };
        let (Ok(request), profiles) = (read(headers, body), app.profiles()) else { return Ok(false) };
        let Some(profile) = profiles.get(text(secret, "profile")) else { return Ok(false) };
        let caller = &self.caller.id;
        Ok(records::same_request(&app.db, caller, profile.name(), request.der()).await?.is_some())
    }

    const fn way(&self) -> &'static str {
        if self.secret.is_some() { "secret" } else { "certificate" }
    }

    /// The profile: the secret's own, or the certificate's. A label may only say the same.
    fn profile<'a>(
        &self,
        profiles: &'a Profiles,
        selected: &'a Profile,
        label: &Label,
    ) -> Result<&'a Profile> {
        let Some(row) = self.secret.as_ref().or(self.held.as_ref().map(|held| &held.row)) else {
            return Ok(selected);
        };
        let name = text(row, "profile");
        let forbidden = |detail: String| Problem::new(Kind::Forbidden, detail);
        let own = profiles.get(name).filter(|profile| service::enrols_machines(profile));
        let own = own.ok_or_else(|| forbidden(format!("Nobody enrols for profile `{name}` here.")))?;
        if label.contains_key(est::LABEL) && selected.name() != own.name() {
            let (what, own) = (self.way(), own.name());
            let detail = format!("The {what} enrols for profile `{own}`; use its label, or none.");
            return Err(forbidden(detail));
        }
        Ok(own)
    }

    /// That a certificate brings one further one, and more only when it is due: else whoever has its key once would
    /// have any number, and outlive its revocation with them.
    async fn may_renew(&self, app: &App, profile: &Profile, request: &CertificationRequest) -> Result<()> {
        let Some(held) = &self.held else { return Ok(()) };
        if held.is_due(seconds(app)?) {
            return Ok(());
        }
        let successors = records::successors(&app.db, held.row.id()).await?;
        // What officers approved is fetched with the certificate that asked for it.
        let asked = key_hash(request.spki());
        let fetches = profile.approvals() > 0 && successors.iter().any(|row| text(row, "key") == asked);
        if successors.is_empty() || fetches {
            return Ok(());
        }
        let detail =
            "It was renewed before: use its successor, or renew it in the last third of its validity.";
        Err(Problem::new(Kind::NotRenewable, detail).with("state", "renewed"))
    }

    /// The unit that enters a successor: of two at once of a certificate that is not due, one is served.
    fn renewed(&self, app: &App, unit: Unit) -> Result<Unit> {
        match &self.held {
            Some(held) if !held.is_due(seconds(app)?) => Ok(unit.update(held.row.clone().next_version())),
            _ => Ok(unit),
        }
    }

    fn permit(&self, app: &App, visit: &Visit, holder: &Holder) -> Result<Permit<EnrolCertificate>> {
        let facts = Facts::of_request(visit.request_id());
        Ok(app.policy.decide(&self.caller, holder.resource(), facts)?)
    }

    /// The refusal, filed under the caller: a secret names nobody to the connection.
    fn refused(&self, problem: Problem) -> Problem {
        let about = problem.about().cloned().unwrap_or_else(|| About {
            action: "certificate.enrol".to_owned(),
            resource: format!("caller:{}", self.caller.id),
            policies: Vec::new(),
        });
        problem.act(about).by(self.caller.actor())
    }
}

async fn ask(
    app: &Arc<App>,
    bearer: &Bearer,
    permit: Permit<EnrolCertificate>,
    holder: &Holder,
    profile: &Profile,
    request: &CertificationRequest,
) -> Result<Outcome> {
    let caller = &bearer.caller;
    bearer.may_renew(app, profile, request).await?;
    let replaces = bearer.held.as_ref().map(|held| held.row.id().to_owned());
    holder.may_certify(app, caller, request.spki()).await?;
    let wish = holder.wish(profile, request, Term::default())?;
    let order = Order::new(profile.name(), Way::Est, wish).for_holder(holder).replacing(replaces);
    let mut spent = false;
    let asked = certificates::ask(app, permit.act(), caller, order, request, |entered, unit| {
        match (&bearer.secret, entered) {
            (Some(row), _) if service::is_open(row) => {
                spent = true;
                Ok(service::used(app, row, unit)?)
            }
            // What it asked for was given up a moment ago.
            (Some(_), _) => Err(Problem::new(Kind::CredentialsRequired, "The secret is used up.").into()),
            (None, Entered::Certificate(_)) => Ok(bearer.renewed(app, unit)?),
            (None, Entered::Request(_)) => Ok(unit),
        }
    });
    let outcome = match asked.await.map_err(Problem::from) {
        Err(problem) if problem.kind() == Kind::PreconditionFailed => {
            return Err(raced(app, bearer, problem).await);
        }
        outcome => outcome?,
    };
    let secret = bearer.secret.as_ref().filter(|secret| !spent && service::is_open(secret));
    if let (Outcome::Issued(_), Some(row)) = (&outcome, secret) {
        // Asked for with another secret and approved meanwhile: this one goes too, its bearer has the certificate.
        let unit = service::used(app, row, Unit::new(permit.act()))?;
        app.unsealed()?.journal.commit(unit).await?;
    }
    Ok(outcome)
}

/// No secret that fits, whichever way; counted.
fn wrong(app: &App, visit: &Visit) -> Problem {
    app.strikes.wrong(&visit.peer(), Instant::now());
    let detail = "The secret does not fit: it is another caller's, used, withdrawn or expired.";
    Problem::new(Kind::CredentialsRequired, detail)
}

/// Of two uses of a secret at once, the later is told what it would have been told a moment later.
async fn raced(app: &App, bearer: &Bearer, problem: Problem) -> Problem {
    let Some(secret) = &bearer.secret else { return problem };
    match service::find(app, &bearer.caller.id, secret.id()).await {
        Ok(row) if text(&row, "state") == "open" => problem,
        _ => Problem::new(Kind::CredentialsRequired, "The secret was used or withdrawn meanwhile."),
    }
}

fn told(way: &'static str, outcome: Result<Outcome>) -> Result<Response> {
    metrics::enrolment(
        way,
        match &outcome {
            Ok(Outcome::Issued(_)) => "issued",
            Ok(Outcome::Pending(_)) => "pending",
            Err(_) => "refused",
        },
    );
    Ok(match outcome? {
        Outcome::Issued(issued) => certificate(&issued),
        Outcome::Pending(pending) => {
            let detail = format!("Request {} awaits approval; send it again later.\n", pending.row.id());
            let mut response = (StatusCode::ACCEPTED, detail).into_response();
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(APPROVAL_SECONDS));
            response
        }
    })
}

/// The certificate alone (RFC 7030 §4.2.3); `/cacerts` has those above it.
fn certificate(issued: &Issued) -> Response {
    let mut response = payload::certificates(std::slice::from_ref(&issued.certificate), payload::CERTS_ONLY);
    let leaf = HeaderName::from_static("cinnabar-leaf");
    response.headers_mut().insert(leaf, HeaderValue::from(issued.committed.leaf));
    response
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<CertificationRequest> {
    let der = payload::request(headers, body)?;
    Ok(certificates::read(&der)?)
}

/// Now, as the journal trusts it, in seconds.
fn seconds(app: &App) -> Result<i64> {
    Ok(service::now(app)?.div_euclid(1_000_000))
}

/// A request need not name anybody; if it does, then its own caller.
fn own_name(request: &CertificationRequest, caller: &str) -> Result<()> {
    let names = request.subject().attributes();
    let other = names.iter().find(|(kind, name)| kind.to_string() == COMMON_NAME && name != caller);
    match other {
        None => Ok(()),
        Some(_) => Err(Problem::new(
            Kind::RequestNames,
            format!(
                "The request names another common name than `{caller}`; use that, or leave the subject empty."
            ),
        )),
    }
}

/// User name and password of HTTP Basic authentication (RFC 7617 §2).
fn basic(headers: &HeaderMap) -> Option<(String, Zeroizing<String>)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let octets = base64::engine::general_purpose::STANDARD.decode(token.trim()).ok()?;
    let text = Zeroizing::new(String::from_utf8(octets).ok()?);
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), Zeroizing::new(password.to_owned())))
}

/// X.520 commonName.
const COMMON_NAME: &str = "2.5.4.3";
/// When to ask again for what awaits approval by people.
const APPROVAL_SECONDS: u32 = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_read_as_the_standard_has_them() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            basic(&headers).map(|(name, password)| (name, password.to_string()))
        };
        // RFC 7617 §2.
        let aladdin = Some(("Aladdin".to_owned(), "open sesame".to_owned()));
        assert_eq!(read("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), aladdin);
        assert_eq!(read("basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), aladdin);
        assert_eq!(read("Basic YTpiOmM="), Some(("a".to_owned(), "b:c".to_owned())), "passwords have colons");
        for value in
            ["Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Basic", "Basic %", "Basic YQ==", "Basic /////w=="]
        {
            assert_eq!(read(value), None, "{value}");
        }
    }
}
