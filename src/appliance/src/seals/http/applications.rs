//! Routes of applications that are there: reading them, deciding on them, carrying them out.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::{Application, ApplicationState, Operation};
use super::super::records::{self, ApplicationFilter, application_state, text};
use super::super::service::{self, Done};
use super::answer::{answer, cut, listed, matching};
use crate::app::App;
use crate::documents::model::{BadParameter, is_shown_text};
use crate::policy::{
    ApproveSeal, CancelSeal, MakeSeal, Permit, ReadSeal, RefuseSeal, Resource, WithdrawSeal,
};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::store::Row;

type Result2<T, E> = std::result::Result<T, E>;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(its_picture))
        .routes(routes!(approve))
        .routes(routes!(refuse))
        .routes(routes!(withdraw))
        .routes(routes!(carry_out))
}

/// Which applications to list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Of this organisation. Left out: security officers and auditors see all, everybody else their own
    /// organisation's.
    organisation: Option<String>,
    /// About this seal.
    seal: Option<String>,
    /// In this state.
    #[param(inline)]
    state: Option<ApplicationState>,
    /// Cursor of an earlier page.
    after: Option<String>,
    /// Most records in a page, 1 to 200.
    limit: Option<u32>,
}

/// One page of applications.
#[derive(Debug, Serialize, ToSchema)]
struct ApplicationPage {
    /// The applications, in the order in which they were made.
    applications: Vec<Application>,
    /// Cursor of the next page, if there is one.
    next: Option<String>,
}

/// Why an application is refused or taken back.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct Word {
    /// For the applicant to read; needed for a refusal.
    reason: Option<String>,
}

/// List applications for seals
#[utoipa::path(get, path = "/v1/seal-applications", params(ListQuery), tag = "seals",
    responses((status = 200, description = "One page", body = ApplicationPage)))]
async fn list(
    State(app): State<Arc<App>>,
    session: Session,
    query: Result2<Query<ListQuery>, QueryRejection>,
) -> Result<Json<ApplicationPage>> {
    let Query(query) = query?;
    let organisation = listed(&session, query.organisation)?;
    let limit = query.limit.unwrap_or(50).clamp(1, 200);
    let filter = ApplicationFilter { organisation, seal: query.seal, state: query.state };
    let mut rows =
        records::applications(&app.db, &filter, &query.after.unwrap_or_default(), limit + 1).await?;
    let next = cut(&mut rows, limit, |row| row.id().to_owned());
    let applications = rows.iter().map(Application::try_from).collect::<Result2<_, _>>()?;
    Ok(Json(ApplicationPage { applications, next }))
}

/// Read an application for a seal
#[utoipa::path(get, path = "/v1/seal-applications/{id}", params(("id" = String, Path)), tag = "seals",
    responses((status = 200, description = "The application", body = Application)))]
async fn one(State(app): State<Arc<App>>, session: Session, Path(id): Path<String>) -> Result<Response> {
    shown(StatusCode::OK, &readable(&app, &session, &id).await?.1, None)
}

/// Read the picture of an application
#[utoipa::path(get, path = "/v1/seal-applications/{id}/picture", params(("id" = String, Path)), tag = "seals",
    responses((status = 200, description = "The picture: PNG or SVG", content_type = "image/png")))]
async fn its_picture(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Response> {
    let (_, row) = readable(&app, &session, &id).await?;
    let octets = records::bytes(&row, "picture");
    let octets = octets.ok_or_else(|| Problem::new(Kind::NotFound, "The application has no picture."))?;
    Ok(super::answer::picture(octets))
}

/// Approve an application for a seal
///
/// Another person than the applicant.
#[utoipa::path(post, path = "/v1/seal-applications/{id}/approve",
    params(("id" = String, Path), ("If-Match" = String, Header)), tag = "seals",
    responses((status = 200, description = "Approved", body = Application)))]
async fn approve(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let (resource, row) = find(&app, &id).await?;
    let applicant = person(row.as_ref(), "applicant_person");
    let permit = session.permit_with::<ApproveSeal>(resource, |facts| facts.applicant = Some(applicant))?;
    let row = row.ok_or_else(unknown)?;
    matching(&headers, row.version())?;
    done(service::approve(&app, &permit, row).await?)
}

/// Refuse an application for a seal
#[utoipa::path(post, path = "/v1/seal-applications/{id}/refuse",
    params(("id" = String, Path), ("If-Match" = String, Header)), tag = "seals", request_body = Word,
    responses((status = 200, description = "Refused", body = Application)))]
async fn refuse(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result2<Json<Word>, JsonRejection>,
) -> Result<Response> {
    let Json(word) = body?;
    let (resource, row) = find(&app, &id).await?;
    let applicant = person(row.as_ref(), "applicant_person");
    let permit = session.permit_with::<RefuseSeal>(resource, |facts| facts.applicant = Some(applicant))?;
    let row = row.ok_or_else(unknown)?;
    matching(&headers, row.version())?;
    let reason = worded(word)?;
    let reason =
        reason.ok_or(BadParameter { name: "reason", reason: "say why, for the applicant to read" })?;
    done(service::refuse(&app, &permit, row, &reason).await?)
}

/// Take an application for a seal back
#[utoipa::path(post, path = "/v1/seal-applications/{id}/withdraw",
    params(("id" = String, Path), ("If-Match" = String, Header)), tag = "seals", request_body = Word,
    responses((status = 200, description = "Withdrawn", body = Application)))]
async fn withdraw(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result2<Json<Word>, JsonRejection>,
) -> Result<Response> {
    let Json(word) = body?;
    let (resource, row) = find(&app, &id).await?;
    let permit = session.permit::<WithdrawSeal>(resource)?;
    let row = row.ok_or_else(unknown)?;
    matching(&headers, row.version())?;
    let reason = worded(word)?;
    done(service::withdraw(&app, &permit, row, reason.as_deref()).await?)
}

/// Carry an approved application out
///
/// Makes the seal, a version of it, or ends it. Neither the applicant nor the approver. Done again by the same maker it
/// answers with what was done.
#[utoipa::path(post, path = "/v1/seal-applications/{id}/carry-out",
    params(("id" = String, Path), ("If-Match" = String, Header)), tag = "seals",
    responses((status = 200, description = "Carried out; `made` names the version of the seal", body = Application)))]
async fn carry_out(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let (resource, row) = find(&app, &id).await?;
    let applicant = person(row.as_ref(), "applicant_person");
    let approver = person(row.as_ref(), "approver_person");
    let operation = row.as_ref().and_then(|row| records::operation(row).ok());
    let hands = |facts: &mut crate::policy::Facts| {
        facts.applicant = Some(applicant);
        facts.approver = Some(approver);
    };
    let cancel = (operation == Some(Operation::Cancel))
        .then(|| session.permit_with::<CancelSeal>(resource.clone(), hands.clone()))
        .transpose()?;
    let make = match &cancel {
        Some(_) => None,
        None => Some(session.permit_with::<MakeSeal>(resource, hands)?),
    };
    let row = row.ok_or_else(unknown)?;
    let again =
        application_state(&row) == ApplicationState::Done && text(&row, "maker") == session.caller().id;
    if again {
        return shown(StatusCode::OK, &row, None);
    }
    matching(&headers, row.version())?;
    match (make, cancel) {
        (Some(permit), _) => done(service::make(&app, &permit, row).await?),
        (None, Some(permit)) => done(service::cancel(&app, &permit, row).await?),
        (None, None) => Err(Problem::internal("an application was to be carried out without a permit")),
    }
}

pub(super) async fn readable(app: &App, session: &Session, id: &str) -> Result<(Permit<ReadSeal>, Row)> {
    let (resource, row) = find(app, id).await?;
    let permit = session.permit::<ReadSeal>(resource)?;
    Ok((permit, row.ok_or_else(unknown)?))
}

/// The application, and what policies are asked about, which is known even when there is none.
async fn find(app: &App, id: &str) -> Result<(Resource, Option<Row>)> {
    let row = records::application(&app.db, id).await?;
    let of = |column: &str| row.as_ref().map(|row| text(row, column)).unwrap_or_default();
    let resource = Resource::seal_application(id, of("organisation"), of("applicant"));
    let resource = match &row {
        Some(row) => resource.at_version(row.version()),
        None => resource,
    };
    Ok((resource, row))
}

/// A person that an application went through; empty where it did not yet.
fn person(row: Option<&Row>, column: &str) -> String {
    row.map(|row| text(row, column).to_owned()).unwrap_or_default()
}

fn worded(word: Word) -> Result<Option<String>> {
    if word.reason.as_deref().is_some_and(|reason| !is_shown_text(reason, 500)) {
        return Err(BadParameter { name: "reason", reason: "write 1 to 500 visible characters" }.into());
    }
    Ok(word.reason)
}

fn done(done: Done) -> Result<Response> {
    shown(StatusCode::OK, &done.row, Some(done.committed.leaf))
}

fn shown(status: StatusCode, row: &Row, leaf: Option<u64>) -> Result<Response> {
    let application = Application::try_from(row)?;
    Ok(answer(status, &application, application.version, leaf))
}

fn unknown() -> Problem {
    Problem::new(Kind::NotFound, "There is no such application for a seal.").with("zh", "没有该申请")
}
