//! `POST /v1/licences/with-seal`: a licence and the seal of its holder in one act: a business licence comes with the company's
//! seal and its certificate, both or neither.
//!
//! The seal's application has gone its way (applied for, approved by another person); here it is carried out and the licence
//! issued in one unit of work. Whoever asks needs both permits: to issue licences of the type, and to make that seal. The key
//! that was made for the seal goes with whatever fails.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::http::{Answer, Replay, permit};
use super::order::Order;
use super::service::{self, Prepared};
use super::{IssueError, version};
use crate::app::App;
use crate::journal::Unit;
use crate::licences::catalogue;
use crate::licences::library::model::LicenceView;
use crate::policy::{MakeSeal, Resource};
use crate::problem::{Kind, Problem, Result};
use crate::seals::order::Order as SealOrder;
use crate::seals::records::{self, text};
use crate::seals::service::{self as seals, PreparedSeal};
use crate::server::Session;
use crate::store::Row;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(issue))
}

/// A licence, and the approved application for its holder's seal.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WithSeal {
    /// The licence.
    licence: Order,
    /// Identifier of the application, approved and not yet carried out.
    seal: String,
}

/// Issue a licence together with its holder's seal
///
/// The approved application for the seal is carried out and the licence issued in one act: both or neither. The seal's holder
/// must be the licence's. Needs the permits for both.
#[utoipa::path(post, path = "/v1/licences/with-seal", tag = "licences", request_body = WithSeal,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request answer the same for 24 hours")),
    responses((status = 201, description = "The licence", body = LicenceView,
            headers(("Cinnabar-Seal" = String, description = "Identifier of the seal"))),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn issue(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let unsealed = app.unsealed()?;
    let wanted: WithSeal = serde_json::from_slice(&body).map_err(|error| {
        Problem::new(Kind::MalformedRequest, format!("The order cannot be read: {error}."))
    })?;
    let kind = catalogue::in_force(&app, &wanted.licence.type_code).await?;
    let permit = permit(&session, &kind)?;
    let replay = Replay::of(&app, &unsealed, &headers, &session, "licences/with-seal", &[&body])?;
    if let Some(known) = replay.known(&app).await? {
        return known.response();
    }
    let (make, application) = application(&app, &session, &wanted.seal).await?;
    if !records::operation(&application)?.makes() {
        let text = "The application is for a seal to be ended; carry it out by itself.";
        return Err(Problem::new(Kind::Conflict, text));
    }
    let order = records::order(&application)?;
    fits(&kind, &wanted.licence, &order)?;
    // The licence first: what is wrong with it costs no key.
    let (caller, act) = (permit.caller().clone(), permit.act());
    let prepared = service::prepare(&app, &unsealed, &caller, &act, &kind, &wanted.licence).await?;
    let seal = seals::prepare(&app, &make, application).await?;
    let more = |prepared: &Prepared, unit: Unit| {
        let unit = replay.keep(prepared, unit.fact("seal_made", seal.seal().into()));
        unit.also(seal.unit())
    };
    let issued = service::commit(&app, &unsealed, &caller, &act, prepared, more).await;
    match issued {
        Ok(issued) => {
            let id = seal.seal().to_owned();
            seal.adopted(&app).await;
            let mut response = Answer::of(&issued).response()?;
            let value = http::HeaderValue::try_from(id).map_err(Problem::internal)?;
            response.headers_mut().insert(SEAL, value);
            Ok(response)
        }
        Err(error) => {
            let error = undone(seal, error);
            // The loser of a race gets the winner's answer.
            match replay.known(&app).await? {
                Some(known) => known.response(),
                None => Err(error.into()),
            }
        }
    }
}

/// Takes the seal's key back where neither is on record.
fn undone(seal: PreparedSeal, error: IssueError) -> IssueError {
    match error {
        IssueError::Commit(error) => match seal.failed(error.into()) {
            seals::LifeError::Commit(error) => error.into(),
            taken => IssueError::Refused(taken.into()),
        },
        // Dropped: nothing was committed.
        other => other,
    }
}

/// The application, and the permit to carry it out.
async fn application(
    app: &App,
    session: &Session,
    id: &str,
) -> Result<(crate::policy::Permit<MakeSeal>, Row)> {
    let row = records::application(&app.db, id).await?;
    let of = |column: &str| row.as_ref().map(|row| text(row, column).to_owned()).unwrap_or_default();
    let resource = Resource::seal_application(id, of("organisation"), of("applicant"));
    let resource = match &row {
        Some(row) => resource.at_version(row.version()),
        None => resource,
    };
    let permit = session.permit_with::<MakeSeal>(resource, |facts| {
        facts.applicant = Some(of("applicant_person"));
        facts.approver = Some(of("approver_person"));
    })?;
    let unknown = || Problem::new(Kind::NotFound, "There is no such application.");
    Ok((permit, row.ok_or_else(unknown)?))
}

/// That the seal is the licence holder's own.
fn fits(
    kind: &catalogue::Published,
    licence: &Order,
    seal: &SealOrder,
) -> std::result::Result<(), IssueError> {
    let (_, holder) = version::checked(kind, licence.fields.clone())?;
    if seal.holder_number.as_deref() == Some(holder.number.as_str()) {
        return Ok(());
    }
    let reason = "the application is for a seal of another holder than the licence's; apply for one with the holder's \
                  credit code"
        .to_owned();
    Err(IssueError::Parameter { parameter: "seal", reason })
}

/// Header that names the seal that was made.
const SEAL: &str = "cinnabar-seal";
