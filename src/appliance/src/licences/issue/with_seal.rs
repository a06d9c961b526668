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
use serde::{Deserialize, Serialize};
use serde_json::Value;
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
use crate::seals::model::SealSummary;
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

/// A licence and the seal that was made with it.
#[derive(Debug, Serialize, ToSchema)]
struct LicenceWithSeal {
    /// The licence.
    #[serde(flatten)]
    licence: LicenceView,
    /// Its holder's seal, with the fingerprint of its certificate.
    seal: SealSummary,
}

/// Issue a licence together with its holder's seal
///
/// The approved application for the seal is carried out and the licence issued in one act: both or neither, with one receipt.
/// The seal's holder must be the licence's. The same request under the same `Idempotency-Key` is answered with the same
/// licence and seal. Needs the permits for both.
#[utoipa::path(post, path = "/v1/licences/with-seal", tag = "licences", request_body = WithSeal,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request answer the same for 24 hours")),
    responses((status = 201, description = "The licence and the seal", body = LicenceWithSeal,
            headers(("Cinnabar-Seal" = String, description = "Identifier of the seal"),
                ("Cinnabar-Leaf" = u64, description = "Leaf of the log; the receipt is at /v1/receipts/{leaf}"))),
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
        return told(&known);
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
    let mut seal = seals::prepare(&app, &make, application).await?;
    let made = serde_json::to_value(seal.summary()).map_err(Problem::internal)?;
    seal.entering();
    let more = |prepared: &Prepared, unit: Unit| {
        let unit = unit.fact("seal_made", seal.seal().into());
        let answer = Answer::prepared(prepared).with(MADE, made.clone());
        replay.keep_answer(&answer, unit).also(seal.unit())
    };
    let issued = service::commit(&app, &unsealed, &caller, &act, prepared, more).await;
    match issued {
        Ok(issued) => {
            seal.adopted(&app).await;
            told(&Answer::of(&issued).with(MADE, made))
        }
        Err(error) => {
            let error = undone(seal, error);
            // The loser of a race gets the winner's answer.
            match replay.known(&app).await? {
                Some(known) => told(&known),
                None => Err(error.into()),
            }
        }
    }
}

/// The answer, with the seal's name in a header as well.
fn told(answer: &Answer) -> Result<Response> {
    let mut response = answer.response()?;
    let id = answer.member(MADE).and_then(|seal| seal.get("id")).and_then(Value::as_str);
    let value = http::HeaderValue::try_from(id.unwrap_or_default()).map_err(Problem::internal)?;
    response.headers_mut().insert(SEAL, value);
    Ok(response)
}

/// Takes the seal's key back where neither is on record.
fn undone(seal: PreparedSeal, error: IssueError) -> IssueError {
    match error {
        IssueError::Commit(error) => match seal.failed(error.into()) {
            seals::LifeError::Commit(error) => error.into(),
            taken => IssueError::Refused(taken.into()),
        },
        // Refused before anything was recorded.
        other => {
            seal.abandoned();
            other
        }
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

/// Member of the answer with the seal that was made.
const MADE: &str = "seal";
/// Header that names it.
const SEAL: &str = "cinnabar-seal";
