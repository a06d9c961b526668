//! The routes of EST (RFC 7030, clarified by RFC 8951 and RFC 9908), on the enrolment listener and on the platform API.
//!
//! `/cacerts` and `/csrattrs` are for anybody. `/simpleenroll` is for a registered machine, which shows a certificate or
//! a one-time secret; `/simplereenroll` for whoever shows the certificate to be renewed. A label selects the profile
//! (RFC 7030 §3.2.2). `/fullcmc` and `/serverkeygen` are optional there and do not exist here: the appliance makes no
//! keys that leave it.
//!
//! Requests are not bound to their TLS session: TLS 1.3 has no tls-unique (RFC 8446 appendix C.5), so a
//! challengePassword, which also means other things (RFC 2985 §5.4.1), is never asked for and not looked at.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use pki::Certificate;
use pki::csrattrs::{Known, csr_attributes};
use pki::profile::{Profile, Profiles};

use super::{enrol, payload, service};
use crate::app::App;
use crate::problem::{Kind, Problem, Result};
use crate::server::{Session, Visit};
use crate::store::tables::CERTIFICATES;

/// The routes; the same on both listeners.
pub fn routes() -> Router<Arc<App>> {
    let operations = Router::new()
        .route("/cacerts", get(ca_certificates))
        .route("/csrattrs", get(attributes))
        .route("/simpleenroll", post(enrol::enroll))
        .route("/simplereenroll", post(enrol::reenroll));
    Router::new().nest(WELL_KNOWN, operations.clone()).nest(&format!("{WELL_KNOWN}/{{label}}"), operations)
}

/// The label in the path, if there is one.
pub(super) type Label = Path<HashMap<String, String>>;

/// The certificates of every authority: what to trust, and what stands between (RFC 7030 §4.1). While authorities are
/// rolled over, those before and the cross-certificates too (§4.1.3): whoever trusts either root reaches both.
async fn ca_certificates(State(app): State<Arc<App>>, label: Label) -> Result<Response> {
    profile(&app.profiles(), &label)?;
    let authorities = app.authorities().map_err(Problem::internal)?;
    let register = app.register_of_authorities();
    let crosses = register.iter().filter(|one| one.crosses.is_some() && one.standing.serves());
    let all: Vec<Certificate> = authorities
        .into_iter()
        .map(|authority| authority.certificate)
        .chain(crosses.filter_map(|one| one.certificate.clone()))
        .collect();
    Ok(payload::certificates(&all, payload::CERTIFICATES))
}

/// What a request should look like (RFC 7030 §4.5, RFC 9908). Whoever shows a certificate is told its names.
async fn attributes(State(app): State<Arc<App>>, visit: Visit, label: Label) -> Result<Response> {
    let profiles = app.profiles();
    let profile = profile(&profiles, &label)?;
    let shown = match visit.session() {
        Some(session) => Some(shown(&app, session).await?),
        None => None,
    };
    let known =
        shown.as_ref().map(|shown| Known { subject: shown.subject(), names: shown.subject_alt_names() });
    Ok(payload::encoded(&csr_attributes(profile, known), payload::CSR_ATTRIBUTES))
}

/// The profile that a label selects; machines' own without one.
pub(super) fn profile<'a>(profiles: &'a Profiles, label: &Label) -> Result<&'a Profile> {
    let label = label.get(LABEL).map_or(DEFAULT, String::as_str);
    profiles.get(label).filter(|profile| service::enrols_machines(profile)).ok_or_else(|| {
        let open: Vec<_> =
            profiles.iter().filter(|one| service::enrols_machines(one)).map(Profile::name).collect();
        Problem::new(Kind::NotFound, format!("The labels are those of profiles: {}.", open.join(", ")))
    })
}

/// The certificate that a caller showed.
pub(super) async fn shown(app: &App, session: &Session) -> Result<Certificate> {
    let row = app.db.row(&CERTIFICATES, &session.peer().fingerprint).await?;
    let der = row.as_ref().and_then(|row| row.value("der").as_bytes());
    // Identified, so issued by one of our authorities: then it is on record.
    let der = der.ok_or_else(|| Problem::internal("a caller's certificate is not on record"))?;
    Certificate::from_der(der).map_err(Problem::internal)
}

/// RFC 7030 §3.2.2, RFC 8615.
const WELL_KNOWN: &str = "/.well-known/est";
/// The label in the path of a request.
pub(super) const LABEL: &str = "label";
const DEFAULT: &str = "machine";
