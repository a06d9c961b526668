//! Routes of certificates: new ones, renewal, reading, profiles. Requests that await approvals are in `request_http`,
//! revocation is `status`'s.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::response::Response;
use http::{HeaderMap, header};
use pki::Certificate;
use pki::profile::Way;
use pki::request::CertificationRequest;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{self, Form, Replay};
use super::error::CertificateError;
use super::filter::Search;
use super::holder::{Asked, Holder};
use super::issue::chain_of;
use super::model::{
    CertificateRecord, Certificates, IssuedCertificate, NewCertificate, ProfileList, ProfileRecord, Renewal,
    RequestRecord,
};
use super::order::Order;
use super::records;
use super::request::{Entered, ask};
use super::search::inventory;
use super::service::{self, Renewable, Subject};
use super::wish::{LARGEST, Term, read};
use crate::app::App;
use crate::callers::records::text;
use crate::identity::{Caller, CallerKind};
use crate::journal::Act;
use crate::policy::{IssueCertificate, ReadCertificate, RenewCertificate, Resource};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(new_certificate))
        .routes(routes!(issue_to_caller))
        .routes(routes!(renew_certificate))
        .layer(DefaultBodyLimit::max(LARGEST))
        .routes(routes!(list_certificates))
        .routes(routes!(read_certificate))
        .routes(routes!(list_profiles))
        .merge(super::request_http::routes())
}

type Result2<T, E> = std::result::Result<T, E>;

/// Have a certificate issued
///
/// The body is a PKCS#10 request (RFC 2986), DER or PEM, signed with its own key. Names come from it only where the
/// profile says so. Profiles that want approvals answer 202 with a request, which officers approve.
#[utoipa::path(post, path = "/v1/certificates", params(NewCertificate,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request answer the same for 24 hours")),
    tag = "certificates", request_body(content = Vec<u8>, content_type = "application/pkcs10"),
    responses((status = 201, body = IssuedCertificate, description = "Issued; PEM or DER when asked for by `Accept`"),
        (status = 202, body = RequestRecord, description = "Awaits approvals; `Location` names the request"),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn new_certificate(
    State(app): State<Arc<App>>,
    session: Session,
    query: Result2<Query<NewCertificate>, QueryRejection>,
    headers: HeaderMap,
    body: Result2<Bytes, BytesRejection>,
) -> Result<Response> {
    let Query(new) = query?;
    let form = Form::of(&headers, Form::Json)?;
    let (resource, subject) = Subject::find(&app, &new, session.caller()).await;
    let permit = session.permit::<IssueCertificate>(resource)?;
    let subject = subject?;
    let body = expected(&headers, body)?;
    let parts = [serde_json::to_vec(&new).unwrap_or_default(), body.to_vec()];
    let term = Term::days(new.days, service::now(&app)?);
    let asking =
        Asking { app: &app, session: &session, headers: &headers, route: "certificates", parts, form };
    asking
        .answer(permit.act(), async |request| {
            let profiles = app.profiles();
            let profile =
                profiles.get(&new.profile).ok_or_else(|| CertificateError::Profile(new.profile.clone()))?;
            let asked = Asked { request, way: Way::Officer, term, replaces: None };
            let order = subject.order(&app, session.caller(), profile, asked).await?;
            asking.ask(permit.act(), order, request).await
        })
        .await
}

/// Issue a certificate to a caller
///
/// The body is a PKCS#10 request, DER or PEM; the answer is the certificate with its authority's, PEM, or JSON when
/// asked for.
#[utoipa::path(post, path = "/v1/callers/{id}/certificates", params(("id" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request answer the same for 24 hours")),
    tag = "certificates", request_body(content = Vec<u8>, content_type = "application/pkcs10"),
    responses((status = 201, content_type = "application/pem-certificate-chain", body = String),
        (status = 202, body = RequestRecord, description = "Awaits approvals; `Location` names the request"),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn issue_to_caller(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result2<Bytes, BytesRejection>,
) -> Result<Response> {
    let form = Form::of(&headers, Form::Pem)?;
    let holder = Holder::find(&app, &id).await;
    let resource = match &holder {
        Ok(holder) => holder.resource(),
        Err(_) => Resource::caller(&id, CallerKind::Machine, ""),
    };
    let permit = session.permit::<IssueCertificate>(resource)?;
    let holder = holder?;
    let body = expected(&headers, body)?;
    let parts = [id.into_bytes(), body.to_vec()];
    let asking = Asking {
        app: &app,
        session: &session,
        headers: &headers,
        route: "callers/certificates",
        parts,
        form,
    };
    asking
        .answer(permit.act(), async |request| {
            let asked = Asked { request, way: Way::Officer, term: Term::default(), replaces: None };
            let order = holder.order(&app, session.caller(), asked).await?;
            asking.ask(permit.act(), order, request).await
        })
        .await
}

/// Renew a certificate
///
/// The body is a PKCS#10 request for the new key; names stay as they are. Whom the certificate names renews it in the
/// last third of its validity, a security officer at any time.
#[utoipa::path(post, path = "/v1/certificates/{fingerprint}/renew", params(("fingerprint" = String, Path), Renewal,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request answer the same for 24 hours")),
    tag = "certificates", request_body(content = Vec<u8>, content_type = "application/pkcs10"),
    responses((status = 201, body = IssuedCertificate, description = "Issued; PEM or DER when asked for by `Accept`"),
        (status = 202, body = RequestRecord, description = "Awaits approvals; `Location` names the request"),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn renew_certificate(
    State(app): State<Arc<App>>,
    session: Session,
    Path(fingerprint): Path<String>,
    query: Result2<Query<Renewal>, QueryRejection>,
    headers: HeaderMap,
    body: Result2<Bytes, BytesRejection>,
) -> Result<Response> {
    let Query(renewal) = query?;
    let form = Form::of(&headers, Form::Json)?;
    let now = service::now(&app)?;
    let row = records::certificate(&app.db, &fingerprint).await?;
    let renewable = row.map(|row| Renewable::of(row, now));
    let (resource, due) = match &renewable {
        Some(Ok(one)) => (one.resource(), one.is_due(now)),
        _ => (Resource::certificate(&fingerprint), false),
    };
    let permit = session.permit_with::<RenewCertificate>(resource, |facts| facts.due = Some(due))?;
    let renewable = renewable.ok_or_else(not_on_record)??;
    let body = expected(&headers, body)?;
    let parts = [format!("{fingerprint} {:?}", renewal.days).into_bytes(), body.to_vec()];
    let holder = renewable.holder(&app).await?;
    let way = service::renews_own(&renewable.row, session.caller());
    let asking =
        Asking { app: &app, session: &session, headers: &headers, route: "certificates/renew", parts, form };
    asking
        .answer(permit.act(), async |request| {
            let asked = Asked { request, way, term: Term::days(renewal.days, now), replaces: None };
            let order = renewable.order(&app, session.caller(), holder.as_ref(), asked).await?;
            asking.ask(permit.act(), order, request).await
        })
        .await
}

/// Search certificates
///
/// Every search is served by an index, in the order of expiry unless names, fingerprint or authority are asked for.
#[utoipa::path(get, path = "/v1/certificates", params(Search), tag = "certificates",
    responses((status = 200, body = Certificates)))]
async fn list_certificates(
    State(app): State<Arc<App>>,
    session: Session,
    query: Result2<Query<Search>, QueryRejection>,
) -> Result<Json<Certificates>> {
    let Query(query) = query?;
    session.permit::<ReadCertificate>(Resource::certificate("*"))?;
    let now = app.unsealed()?.journal.clock().wall();
    let profiles = match &query.profile {
        Some(name) => recorded_names(&app, name),
        None => Vec::new(),
    };
    let found = inventory(&app.db, query, now, &app.authority_labels(), &profiles).await?;
    Ok(Json(Certificates {
        items: found.rows.iter().map(CertificateRecord::from).collect(),
        next: found.next,
    }))
}

/// The names under which certificates of a profile are recorded: its own, and those of before there were files.
fn recorded_names(app: &App, name: &str) -> Vec<String> {
    let profiles = app.profiles();
    let own = profiles.get(name).map_or(name, pki::profile::Profile::name).to_owned();
    let former =
        FORMER.iter().filter(|former| profiles.get(former).is_some_and(|profile| profile.name() == own));
    let mut all: Vec<String> = former.map(|former| (*former).to_owned()).collect();
    all.push(own);
    all
}

/// Names of profiles in records of version 0.1.
const FORMER: [&str; 5] = ["root-ca", "tls-server", "machine-client", "officer-client", "seal"];

/// Read a certificate
///
/// Its record as JSON; the certificate with its chain as PEM, or alone as DER, when asked for by `Accept`.
#[utoipa::path(get, path = "/v1/certificates/{fingerprint}", params(("fingerprint" = String, Path)),
    tag = "certificates", responses((status = 200, body = CertificateRecord),
        (status = 304, description = "As `If-None-Match` knows it")))]
async fn read_certificate(
    State(app): State<Arc<App>>,
    session: Session,
    Path(fingerprint): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let form = Form::of(&headers, Form::Json)?;
    let row = records::certificate(&app.db, &fingerprint).await?;
    let holder = row.as_ref().and_then(|row| row.value("caller").as_text());
    session.permit::<ReadCertificate>(Resource::certificate_of(&fingerprint, holder))?;
    let row = row.ok_or_else(not_on_record)?;
    let certificate = Certificate::from_der(row.value("der").as_bytes().unwrap_or_default());
    let certificate = certificate.map_err(Problem::internal)?;
    let chain = if form == Form::Pem { chain_of(&app, text(&row, "issuer"))? } else { Vec::new() };
    Ok(answer::read(&row, &certificate, &chain, form, &headers))
}

/// List certificate profiles
#[utoipa::path(get, path = "/v1/certificate-profiles", tag = "certificates",
    responses((status = 200, body = ProfileList)))]
async fn list_profiles(State(app): State<Arc<App>>, session: Session) -> Result<Json<ProfileList>> {
    session.permit::<ReadCertificate>(Resource::certificate_of("profiles", Some(&session.caller().id)))?;
    let profiles = app.profiles();
    let items = profiles.iter().map(ProfileRecord::from).collect();
    Ok(Json(ProfileList { items, digest: profiles.digest().to_owned() }))
}

/// One request for a certificate on its way to its answer.
struct Asking<'a> {
    app: &'a Arc<App>,
    session: &'a Session,
    headers: &'a HeaderMap,
    route: &'static str,
    /// What tells one request from another under the same idempotency key; the last is the certification request.
    parts: [Vec<u8>; 2],
    form: Form,
}

impl Asking<'_> {
    /// Answers as before, or does the work.
    async fn answer(
        &self,
        _act: Act,
        work: impl AsyncFnOnce(&CertificationRequest) -> Result2<super::Outcome, CertificateError>,
    ) -> Result<Response> {
        let unsealed = self.app.unsealed()?;
        let replay = self.replay(&unsealed)?;
        if let Some(known) = replay.known(self.app).await? {
            return Ok(answer::outcome(&known, self.form));
        }
        let [_, body] = &self.parts;
        let outcome = match read(body) {
            Ok(request) => work(&request).await,
            Err(error) => Err(error),
        };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => replay.after(self.app, error).await?,
        };
        Ok(answer::outcome(&outcome, self.form))
    }

    async fn ask(
        &self,
        act: Act,
        order: Order<'_>,
        request: &CertificationRequest,
    ) -> Result2<super::Outcome, CertificateError> {
        let unsealed = self.app.unsealed()?;
        let replay = self.replay(&unsealed)?;
        let caller: &Caller = self.session.caller();
        ask(self.app, act, caller, order, request, |entered, unit| match entered {
            Entered::Certificate(row) => replay.keep("certificate", row, unit),
            Entered::Request(row) => replay.keep("request", row, unit),
        })
        .await
    }

    fn replay<'s>(&'s self, unsealed: &'s Arc<crate::app::Unsealed>) -> Result<Replay<'s>> {
        let [first, second] = &self.parts;
        let parts: [&[u8]; 2] = [first, second];
        Replay::of(self.app, unsealed, self.headers, &self.session.caller().id, self.route, &parts)
    }
}

/// The body, if it is a certification request by its media type.
fn expected(headers: &HeaderMap, body: Result2<Bytes, BytesRejection>) -> Result<Bytes> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !["application/pkcs10", "application/x-pem-file"]
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
    {
        return Err(Problem::new(
            Kind::UnsupportedMediaType,
            "Send the request as `application/pkcs10`, DER or PEM.",
        ));
    }
    body.map_err(|rejection| {
        let problem = match Kind::of_status(rejection.status()) {
            Kind::BodyTooLarge => {
                Problem::new(Kind::BodyTooLarge, "Send a certification request of at most 64 KiB.")
            }
            kind => Problem::new(kind, "Send the whole certification request."),
        };
        problem.log(rejection)
    })
}

fn not_on_record() -> Problem {
    Problem::new(Kind::NotFound, "There is no such certificate on record.")
}
