//! Routes of requests for approval.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value as Json_, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::approvals;
use super::super::officers::counted;
use super::super::records::{self, Rule};
use super::super::rules::now;
use super::super::views::{
    Approving, NewRequest, Refusing, RequestQuery, RequestRecord, Requests, WordRecord, digest,
};
use super::{Result2, answer, cut, limit, organisation_of, seal, unknown};
use crate::app::App;
use crate::callers::records::text;
use crate::documents::model::is_shown_text;
use crate::identity::CallerKind;
use crate::journal::{Committed, Detail, Unit};
use crate::policy::{ApproveUse, ReadUses, RefuseUse, RequestUse, Resource, WithdrawUse};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::store::Row;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_requests, ask))
        .routes(routes!(read_request))
        .routes(routes!(approve))
        .routes(routes!(refuse))
        .routes(routes!(withdraw))
}

/// List requests for approval
#[utoipa::path(get, path = "/v1/seal-uses/requests", params(RequestQuery), tag = "seal-uses",
    responses((status = 200, body = Requests)))]
async fn list_requests(
    State(app): State<Arc<App>>,
    session: Session,
    query: Result2<Query<RequestQuery>, QueryRejection>,
) -> Result<Json<Requests>> {
    let Query(query) = query?;
    let now = now(&*app.unsealed()?)?;
    let organisation = organisation_of(&session, query.organisation);
    session.permit::<ReadUses>(Resource::organisation(organisation.as_deref().unwrap_or("*")))?;
    let limit = limit(query.limit)?;
    let state = query.state.as_deref().unwrap_or("open");
    if !STATES.contains(&state) {
        let detail = format!("`state` is one of {}.", STATES.join(", "));
        return Err(Problem::new(Kind::InvalidParameter, detail).with("parameter", "state"));
    }
    let state = if state == "any" { "" } else { state };
    let (of, seal) = (organisation.as_deref().unwrap_or_default(), query.seal.as_deref().unwrap_or_default());
    let before = query.after.as_deref().unwrap_or_default();
    let rows = records::requests(&app.db, [state, seal, of, "", before], limit + 1).await?;
    let (rows, next) = cut(rows, limit);
    let items = rows.iter().map(|row| RequestRecord::of(row, None, now)).collect();
    Ok(Json(Requests { items, next }))
}

/// Ask for approval of a use
///
/// The officers whom the rule names approve the use of the seal by this caller on this one document, told by its SHA-256.
/// Asked again while it is open, the same request is answered (200).
#[utoipa::path(post, path = "/v1/seal-uses/requests", tag = "seal-uses", request_body = NewRequest,
    responses((status = 201, body = RequestRecord), (status = 200, body = RequestRecord)))]
async fn ask(
    State(app): State<Arc<App>>,
    session: Session,
    body: Result2<Json<NewRequest>, JsonRejection>,
) -> Result<Response> {
    let Json(new) = body?;
    let (resource, row) = seal(&app, &new.seal).await?;
    let permit = session.permit::<RequestUse>(resource)?;
    new.check()?;
    let row = row.ok_or_else(unknown("There is no such seal."))?;
    let (row, committed) = approvals::ask(&app, &permit, &new, &row).await?;
    let status = if committed.is_some() { StatusCode::CREATED } else { StatusCode::OK };
    shown(&app, status, &row, committed.as_ref(), None).await
}

/// Read a request for approval
///
/// People see what it is for; that is entered. How many approvals count is judged as a use would now.
#[utoipa::path(get, path = "/v1/seal-uses/requests/{id}", params(("id" = String, Path)), tag = "seal-uses",
    responses((status = 200, body = RequestRecord)))]
async fn read_request(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Response> {
    let (_, row) = find(&app, &id).await?;
    let organisation = row.as_ref().map(|row| text(row, "organisation")).unwrap_or_default();
    let permit = session.permit::<ReadUses>(Resource::organisation(organisation))?;
    let row = row.ok_or_else(unknown("There is no such request."))?;
    let machine = session.caller().kind == CallerKind::Machine;
    let asked = session.caller().id == text(&row, "caller");
    let words = records::words(&app.db, &id).await?;
    let mut details = Details::default();
    for word in &words {
        match text(word, "word") {
            "ask" if !machine => details.purpose = detail(&app, word).await?,
            "refuse" if !machine || asked => details.refusal = detail(&app, word).await?,
            _ => {}
        }
    }
    if details.purpose.is_some() || details.refusal.is_some() {
        // Durable before it leaves (decision 10).
        let unit = Unit::new(permit.act()).facts(json!({ "request": id }));
        app.unsealed()?.journal.commit(unit).await?;
    }
    shown(&app, StatusCode::OK, &row, None, Some(details)).await
}

/// Approve a use on one document
///
/// The officer names the document by its SHA-256. A person speaks once, and not on a request of their own.
#[utoipa::path(post, path = "/v1/seal-uses/requests/{id}/approve", params(("id" = String, Path)), tag = "seal-uses",
    request_body = Approving, responses((status = 200, body = RequestRecord)))]
async fn approve(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    body: Result2<Json<Approving>, JsonRejection>,
) -> Result<Response> {
    let Json(approving) = body?;
    let (resource, row) = find(&app, &id).await?;
    let proposer = proposer(row.as_ref());
    let permit = session.permit_with::<ApproveUse>(resource, |facts| facts.proposer = Some(proposer))?;
    let row = row.ok_or_else(unknown("There is no such request."))?;
    if digest(&approving.document_sha256).is_none() {
        let detail = "Write the document's SHA-256 in lower-case hexadecimal.";
        return Err(Problem::new(Kind::InvalidParameter, detail).with("parameter", "document_sha256"));
    }
    let (row, committed) = approvals::approve(&app, &permit, row, &approving.document_sha256).await?;
    shown(&app, StatusCode::OK, &row, Some(&committed), None).await
}

/// Refuse a use
#[utoipa::path(post, path = "/v1/seal-uses/requests/{id}/refuse", params(("id" = String, Path)), tag = "seal-uses",
    request_body = Refusing, responses((status = 200, body = RequestRecord)))]
async fn refuse(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    body: Result2<Json<Refusing>, JsonRejection>,
) -> Result<Response> {
    let Json(refusing) = body?;
    let (resource, row) = find(&app, &id).await?;
    let proposer = proposer(row.as_ref());
    let permit = session.permit_with::<RefuseUse>(resource, |facts| facts.proposer = Some(proposer))?;
    let row = row.ok_or_else(unknown("There is no such request."))?;
    if !is_shown_text(&refusing.reason, 500) {
        let detail = "`reason` takes 1 to 500 visible characters.";
        return Err(Problem::new(Kind::InvalidParameter, detail).with("parameter", "reason"));
    }
    let (row, committed) = approvals::refuse(&app, &permit, row, &refusing.reason).await?;
    shown(&app, StatusCode::OK, &row, Some(&committed), None).await
}

/// Take a request for approval back
#[utoipa::path(post, path = "/v1/seal-uses/requests/{id}/withdraw", params(("id" = String, Path)),
    tag = "seal-uses", responses((status = 200, body = RequestRecord)))]
async fn withdraw(State(app): State<Arc<App>>, session: Session, Path(id): Path<String>) -> Result<Response> {
    let (resource, row) = find(&app, &id).await?;
    let permit = session.permit::<WithdrawUse>(resource)?;
    let row = row.ok_or_else(unknown("There is no such request."))?;
    let (row, committed) = approvals::withdraw(&app, &permit, row).await?;
    shown(&app, StatusCode::OK, &row, Some(&committed), None).await
}

/// The request, and its seal as policies see it, which is asked about even when there is none.
async fn find(app: &App, id: &str) -> Result<(Resource, Option<Row>)> {
    let row = records::request(&app.db, id).await?;
    let (resource, _) = seal(app, row.as_ref().map(|row| text(row, "seal")).unwrap_or_default()).await?;
    Ok((resource, row))
}

/// The person who asked; empty for a machine.
fn proposer(row: Option<&Row>) -> String {
    row.map(|row| text(row, "person").to_owned()).unwrap_or_default()
}

/// What may name people.
#[derive(Debug, Default)]
struct Details {
    purpose: Option<Json_>,
    refusal: Option<Json_>,
}

async fn detail(app: &App, word: &Row) -> Result<Option<Json_>> {
    let Some(leaf) = word.value("leaf").as_int().and_then(|leaf| u64::try_from(leaf).ok()) else {
        return Ok(None);
    };
    Ok(match app.unsealed()?.journal.detail(leaf).await? {
        Detail::None => None,
        Detail::Erased => Some(json!("erased")),
        Detail::Open(detail) => Some(detail),
    })
}

async fn shown(
    app: &App,
    status: StatusCode,
    row: &Row,
    committed: Option<&Committed>,
    details: Option<Details>,
) -> Result<Response> {
    let rule: Option<Rule> = records::rule(&app.db, text(row, "rule")).await?;
    let mut record = RequestRecord::of(row, rule.as_ref(), now(&*app.unsealed()?)?);
    if let Some(approval) = rule.as_ref().and_then(|rule| rule.terms.approval.as_ref()) {
        let given = counted(app, approval, row).await?.officers.len();
        record.given = Some(given);
        if record.state == "open" && given >= usize::from(approval.needed) {
            record.state = "approved";
        }
    }
    let words = records::words(&app.db, row.id()).await?;
    record.words = words.iter().filter(|word| text(word, "word") != "ask").map(WordRecord::of).collect();
    let details = details.unwrap_or_default();
    (record.detail, record.refusal) = (details.purpose, details.refusal);
    let made = status == StatusCode::CREATED;
    let at = made.then(|| format!("/v1/seal-uses/requests/{}", row.id()));
    Ok(answer(status, row, committed, at, &record))
}

const STATES: [&str; 5] = ["open", "refused", "withdrawn", "used", "any"];
