//! Routes of organisations, callers and proposals.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{
    CallerChange, CallerRecord, Callers, NewCaller, NewOrganisation, Organisation, OrganisationChange,
    Organisations, Page, Proposal, Proposals,
};
use super::records::{self, text};
use super::service::{self, Done};
use crate::app::App;
use crate::identity::CallerKind;
use crate::journal::Committed;
use crate::policy::{
    AddCaller, AddOrganisation, ApproveCaller, ChangeCaller, ChangeOrganisation, ProposeCaller, ReadCaller,
    ReadOrganisation, Resource, RetireCaller, RetireOrganisation,
};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::server::conditional;
use crate::store::{Row, Table};

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_organisations, add_organisation))
        .routes(routes!(read_organisation, change_organisation))
        .routes(routes!(retire_organisation))
        .routes(routes!(list_callers, add_caller))
        .routes(routes!(read_caller, change_caller))
        .routes(routes!(retire_caller))
        .routes(routes!(list_proposals))
        .routes(routes!(approve_proposal))
}

/// List organisations
#[utoipa::path(get, path = "/v1/organisations", params(Page), tag = "callers",
    responses((status = 200, body = Organisations)))]
async fn list_organisations(
    State(app): State<Arc<App>>,
    session: Session,
    page: Result2<Query<Page>, QueryRejection>,
) -> Result<Json<Organisations>> {
    let page = checked(page?.0)?;
    session.permit::<ReadOrganisation>(Resource::organisation("*"))?;
    let (items, next) = part(&app, &records::ORGANISATIONS, &page).await?;
    Ok(Json(Organisations { items: items.iter().map(Organisation::from).collect(), next }))
}

/// Register an organisation
#[utoipa::path(post, path = "/v1/organisations", tag = "callers", request_body = NewOrganisation,
    responses((status = 201, body = Organisation), (status = 409, description = "The name was used before")))]
async fn add_organisation(
    State(app): State<Arc<App>>,
    session: Session,
    body: Result2<Json<NewOrganisation>, JsonRejection>,
) -> Result<Response> {
    let Json(new) = body?;
    let permit = session.permit::<AddOrganisation>(Resource::organisation(&new.id))?;
    let done = service::add_organisation(&app, &permit, &new).await?;
    let at = format!("/v1/organisations/{}", new.id);
    Ok(made(StatusCode::CREATED, Some(at), &done, &Organisation::from(&done.row)))
}

/// Read an organisation
#[utoipa::path(get, path = "/v1/organisations/{id}", params(("id" = String, Path)), tag = "callers",
    responses((status = 200, body = Organisation)))]
async fn read_organisation(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Response> {
    session.permit::<ReadOrganisation>(Resource::organisation(&id))?;
    let row = found(records::organisation(&app.db, &id).await?)?;
    Ok(read(&row, &Organisation::from(&row)))
}

/// Change an organisation
#[utoipa::path(patch, path = "/v1/organisations/{id}", params(("id" = String, Path), ("If-Match" = String, Header)),
    tag = "callers", request_body = OrganisationChange, responses((status = 200, body = Organisation)))]
async fn change_organisation(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result2<Json<OrganisationChange>, JsonRejection>,
) -> Result<Response> {
    let Json(change) = body?;
    let (resource, row) = known(Resource::organisation(&id), records::organisation(&app.db, &id).await?);
    let permit = session.permit::<ChangeOrganisation>(resource)?;
    let row = matching(&headers, found(row)?)?;
    let done = service::change_organisation(&app, &permit, row, &change).await?;
    Ok(made(StatusCode::OK, None, &done, &Organisation::from(&done.row)))
}

/// Retire an organisation
#[utoipa::path(post, path = "/v1/organisations/{id}/retire",
    params(("id" = String, Path), ("If-Match" = String, Header)), tag = "callers",
    responses((status = 200, body = Organisation)))]
async fn retire_organisation(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let (resource, row) = known(Resource::organisation(&id), records::organisation(&app.db, &id).await?);
    let permit = session.permit::<RetireOrganisation>(resource)?;
    let row = matching(&headers, found(row)?)?;
    let done = service::retire_organisation(&app, &permit, row).await?;
    Ok(made(StatusCode::OK, None, &done, &Organisation::from(&done.row)))
}

/// List callers
#[utoipa::path(get, path = "/v1/callers", params(Page), tag = "callers", responses((status = 200, body = Callers)))]
async fn list_callers(
    State(app): State<Arc<App>>,
    session: Session,
    page: Result2<Query<Page>, QueryRejection>,
) -> Result<Json<Callers>> {
    let page = checked(page?.0)?;
    session.permit::<ReadCaller>(Resource::caller("*", CallerKind::Machine, ""))?;
    let (items, next) = part(&app, &records::CALLERS, &page).await?;
    Ok(Json(Callers { items: items.iter().map(CallerRecord::from).collect(), next }))
}

/// Register a caller
///
/// A machine is active at once. An officer or operator is proposed, and active when a second officer approves.
#[utoipa::path(post, path = "/v1/callers", tag = "callers", request_body = NewCaller,
    responses((status = 201, body = CallerRecord),
        (status = 202, body = CallerRecord, description = "Proposed; `Location` names the proposal"),
        (status = 409, description = "The name was used before")))]
async fn add_caller(
    State(app): State<Arc<App>>,
    session: Session,
    body: Result2<Json<NewCaller>, JsonRejection>,
) -> Result<Response> {
    let Json(new) = body?;
    let resource = Resource::caller(&new.id, new.kind, &new.organisation);
    if new.kind == CallerKind::Machine {
        let permit = session.permit::<AddCaller>(resource)?;
        let done = service::add_machine(&app, &permit, &new).await?;
        let at = format!("/v1/callers/{}", new.id);
        return Ok(made(StatusCode::CREATED, Some(at), &done, &CallerRecord::from(&done.row)));
    }
    let permit = session.permit::<ProposeCaller>(resource)?;
    let (done, proposal) = service::propose_person(&app, &permit, &new).await?;
    let at = format!("/v1/proposals/{}", proposal.id());
    Ok(made(StatusCode::ACCEPTED, Some(at), &done, &CallerRecord::from(&done.row)))
}

/// Read a caller
#[utoipa::path(get, path = "/v1/callers/{id}", params(("id" = String, Path)), tag = "callers",
    responses((status = 200, body = CallerRecord)))]
async fn read_caller(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Response> {
    let (resource, row) = the_caller(&app, &id).await?;
    session.permit::<ReadCaller>(resource)?;
    let row = found(row)?;
    Ok(read(&row, &CallerRecord::from(&row)))
}

/// Change a caller's roles
///
/// Taking roles away happens at once; a further role is proposed, and given when a second officer approves.
#[utoipa::path(patch, path = "/v1/callers/{id}", params(("id" = String, Path), ("If-Match" = String, Header)),
    tag = "callers", request_body = CallerChange,
    responses((status = 200, body = CallerRecord),
        (status = 202, body = Proposal, description = "Proposed; `Location` names the proposal")))]
async fn change_caller(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result2<Json<CallerChange>, JsonRejection>,
) -> Result<Response> {
    let Json(change) = body?;
    let (resource, row) = the_caller(&app, &id).await?;
    if let (Some(row), Some(roles)) = (&row, &change.roles)
        && service::adds_role(row, &change)
    {
        let permit = session.permit::<ProposeCaller>(resource)?;
        let row = matching(&headers, row.clone())?;
        let done = service::propose_roles(&app, &permit, row, roles).await?;
        let at = format!("/v1/proposals/{}", done.row.id());
        return Ok(made(StatusCode::ACCEPTED, Some(at), &done, &Proposal::from(&done.row)));
    }
    let permit = session.permit::<ChangeCaller>(resource)?;
    let row = matching(&headers, found(row)?)?;
    let done = service::change_caller(&app, &permit, row, &change).await?;
    Ok(made(StatusCode::OK, None, &done, &CallerRecord::from(&done.row)))
}

/// Retire a caller and revoke its certificates
///
/// Done again it revokes what an interrupted request left.
#[utoipa::path(post, path = "/v1/callers/{id}/retire", params(("id" = String, Path), ("If-Match" = String, Header)),
    tag = "callers", responses((status = 200, body = CallerRecord)))]
async fn retire_caller(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let (resource, row) = the_caller(&app, &id).await?;
    let permit = session.permit::<RetireCaller>(resource)?;
    let row = matching(&headers, found(row)?)?;
    let done = service::retire_caller(&app, &permit, row).await?;
    Ok(made(StatusCode::OK, None, &done, &CallerRecord::from(&done.row)))
}

/// List proposals
#[utoipa::path(get, path = "/v1/proposals", params(Page), tag = "callers",
    responses((status = 200, body = Proposals)))]
async fn list_proposals(
    State(app): State<Arc<App>>,
    session: Session,
    page: Result2<Query<Page>, QueryRejection>,
) -> Result<Json<Proposals>> {
    let page = checked(page?.0)?;
    session.permit::<ReadCaller>(Resource::caller("*", CallerKind::Machine, ""))?;
    let (items, next) = part(&app, &records::PROPOSALS, &page).await?;
    Ok(Json(Proposals { items: items.iter().map(Proposal::from).collect(), next }))
}

/// Approve what another person proposed
#[utoipa::path(post, path = "/v1/proposals/{id}/approve", params(("id" = String, Path)), tag = "callers",
    responses((status = 200, body = CallerRecord)))]
async fn approve_proposal(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Response> {
    let proposal = found(records::proposal(&app.db, &id).await?)?;
    let (resource, caller) = the_caller(&app, text(&proposal, "caller")).await?;
    let proposer = text(&proposal, "person").to_owned();
    let permit = session.permit_with::<ApproveCaller>(resource, |facts| facts.proposer = Some(proposer))?;
    let done = service::approve(&app, &permit, proposal, found(caller)?).await?;
    Ok(made(StatusCode::OK, None, &done, &CallerRecord::from(&done.row)))
}

type Result2<T, E> = std::result::Result<T, E>;

async fn the_caller(app: &App, id: &str) -> Result<(Resource, Option<Row>)> {
    let row = records::caller(&app.db, id).await?;
    let resource = match &row {
        Some(row) => Resource::caller(id, records::kind_of(row), text(row, "organisation")),
        None => Resource::caller(id, CallerKind::Machine, ""),
    };
    Ok(known(resource, row))
}

/// The resource at the version that was read.
fn known(resource: Resource, row: Option<Row>) -> (Resource, Option<Row>) {
    match row {
        Some(row) => (resource.at_version(row.version()), Some(row)),
        None => (resource, None),
    }
}

fn found(row: Option<Row>) -> Result<Row> {
    row.ok_or_else(|| Problem::new(Kind::NotFound, "Nothing of that name is registered."))
}

/// The row, if `If-Match` names its version.
fn matching(headers: &HeaderMap, row: Row) -> Result<Row> {
    conditional::matching(headers, row.version(), "change")?;
    Ok(row)
}

fn tag(row: &Row) -> String {
    format!("\"{}\"", row.version())
}

fn checked(page: Page) -> Result<Page> {
    if (1..=200).contains(&page.limit) {
        return Ok(page);
    }
    Err(Problem::new(Kind::InvalidParameter, "`limit` is 1 to 200."))
}

async fn part(app: &App, table: &'static Table, page: &Page) -> Result<(Vec<Row>, Option<String>)> {
    let rows = app.db.rows_after(table, &page.after, page.limit + 1).await?;
    Ok(cut(rows, page.limit))
}

fn cut(mut rows: Vec<Row>, limit: u32) -> (Vec<Row>, Option<String>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| row.id().to_owned());
    (rows, next)
}

fn read<T: serde::Serialize>(row: &Row, body: &T) -> Response {
    let mut response = Json(body).into_response();
    if let Ok(value) = HeaderValue::from_str(&tag(row)) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

fn made<T: serde::Serialize>(
    status: StatusCode,
    location: Option<String>,
    done: &Done,
    body: &T,
) -> Response {
    let mut response = (status, Json(body)).into_response();
    marks(response.headers_mut(), location, &done.committed, &done.row);
    response
}

/// Where it is, which version, and which leaf proves the act.
fn marks(headers: &mut HeaderMap, location: Option<String>, committed: &Committed, row: &Row) {
    if let Some(value) = location.and_then(|location| HeaderValue::from_str(&location).ok()) {
        headers.insert(header::LOCATION, value);
    }
    if let Ok(value) = HeaderValue::from_str(&tag(row)) {
        headers.insert(header::ETAG, value);
    }
    headers.insert(HeaderName::from_static(LEAF), HeaderValue::from(committed.leaf));
}

/// Header with the act's leaf index; its receipt is at `/v1/receipts/{leaf}`.
const LEAF: &str = "cinnabar-leaf";
