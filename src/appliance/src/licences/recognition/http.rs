//! Routes of trust lists: `/v1/trust-lists…`, and `GET /licences/trust-entry` for everybody.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use licence::trust_list::Entry;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::RecognitionError;
use super::lists::{self, Done};
use super::own;
use super::records::{self, TrustListRecord, instant, text};
use crate::app::App;
use crate::documents::http::LEAF;
use crate::documents::model::is_shown_text;
use crate::journal::CommitError;
use crate::policy::{
    ApproveTrustList, ImportTrustList, ReadTrustList, RefuseTrustList, Resource, SignTrustList,
    WithdrawTrustList,
};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::server::conditional;
use crate::store::Row;

type Body<T> = std::result::Result<Json<T>, JsonRejection>;

/// Its routes on the platform API.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_trust_lists, import_trust_list))
        .routes(routes!(read_trust_list))
        .routes(routes!(approve_trust_list))
        .routes(routes!(refuse_trust_list))
        .routes(routes!(withdraw_trust_list))
        .routes(routes!(sign_trust_list))
        .routes(routes!(list_regions))
}

/// What anyone may read: this platform's own entry, signed.
pub fn public_routes() -> axum::Router<Arc<App>> {
    axum::Router::new().route("/licences/trust-entry", get(entry))
}

/// A trust list to bring in: itself, or where it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTrustList {
    /// The signed list (a compact JWS).
    #[serde(default)]
    token: Option<String>,
    /// Its address, fetched within the bounds of `[fetch]`.
    #[serde(default)]
    url: Option<String>,
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Why {
    /// 1 to 500 characters.
    reason: String,
}

/// A list to be signed for others.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ToSign {
    /// Name of the list; the same from number to number.
    list: String,
    /// Its number, above all before it.
    number: u64,
    /// For how many days it is good, 1 to 366.
    days: u32,
    /// The entries of its regions, each as that region published it (`GET /licences/trust-entry`).
    entries: Vec<String>,
}

/// A signed list.
#[derive(Debug, Serialize, ToSchema)]
struct Signed {
    /// The list (a compact JWS).
    token: String,
}

/// Trust lists on record.
#[derive(Debug, Serialize, ToSchema)]
struct TrustLists {
    /// The newest first, at most a hundred.
    items: Vec<TrustListRecord>,
}

/// A trust list with what it says.
#[derive(Debug, Serialize, ToSchema)]
struct TrustListShown {
    /// Its record.
    #[serde(flatten)]
    record: TrustListRecord,
    /// The regions it names.
    names: Vec<RegionRecord>,
    /// The signed list.
    token: String,
}

/// A region, as a list has it.
#[derive(Debug, Serialize, ToSchema)]
struct RegionRecord {
    /// Its code.
    id: String,
    /// Its name in Chinese.
    zh: String,
    /// Its name in English.
    en: String,
    /// Divisions of its issuing bodies.
    divisions: Vec<String>,
    /// Codes of its licence types.
    types: Vec<String>,
    /// SHA-256 of its roots, hexadecimal.
    roots: Vec<String>,
    /// SHA-256 of its seal makers' certificates.
    seal_makers: Vec<String>,
    /// SHA-256 of its credential signers' certificates.
    credentials: Vec<String>,
    /// What the addresses of its status lists begin with.
    status_lists: Vec<String>,
    /// Where its licences are verified by people.
    verification: Option<String>,
    /// Until when it is recognised (RFC 3339); of regions in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

/// Regions in force.
#[derive(Debug, Serialize, ToSchema)]
struct RegionRecords {
    /// Whose licences and seals are taken here.
    items: Vec<RegionRecord>,
}

impl From<&Entry> for RegionRecord {
    fn from(entry: &Entry) -> Self {
        let prints =
            |all: &[pki::Certificate]| all.iter().map(|one| hex::encode(one.sha256_fingerprint())).collect();
        Self {
            id: entry.id.clone(),
            zh: entry.zh.clone(),
            en: entry.en.clone(),
            divisions: entry.scope.divisions.clone(),
            types: entry.scope.types.clone(),
            roots: prints(&entry.roots),
            seal_makers: prints(&entry.seal_makers),
            credentials: prints(&entry.credentials),
            status_lists: entry.status_lists.clone(),
            verification: entry.verification.clone(),
            until: None,
        }
    }
}

/// Bring a trust list in
///
/// It waits for another officer's review. The list has to be signed by this platform's publisher or one that
/// `recognition.publishers` names, and its number to be above every one that was in force. The same list again is answered with
/// what is on record.
#[utoipa::path(post, path = "/v1/trust-lists", tag = "recognition", request_body = NewTrustList,
    responses((status = 201, body = TrustListRecord), (status = 200, body = TrustListRecord, description = "On record already")))]
async fn import_trust_list(
    State(app): State<Arc<App>>,
    session: Session,
    body: Body<NewTrustList>,
) -> Result<Response> {
    let Json(new) = body?;
    let permit = session.permit::<ImportTrustList>(Resource::appliance())?;
    let (token, source) = match (new.token, new.url) {
        (Some(token), None) => (token, None),
        (None, Some(url)) => (lists::fetched(&app, &url).await?, Some(url)),
        _ => return Err(Problem::new(Kind::InvalidParameter, "Send either `token` or `url`.")),
    };
    let done = lists::import(&app, &permit, &token, source.as_deref()).await?;
    let status = if done.committed.is_some() { StatusCode::CREATED } else { StatusCode::OK };
    Ok(answer(status, &done))
}

/// List trust lists
#[utoipa::path(get, path = "/v1/trust-lists", tag = "recognition", responses((status = 200, body = TrustLists)))]
async fn list_trust_lists(State(app): State<Arc<App>>, session: Session) -> Result<Json<TrustLists>> {
    session.permit::<ReadTrustList>(Resource::appliance())?;
    let rows = records::newest(&app.db).await?;
    Ok(Json(TrustLists { items: rows.iter().map(TrustListRecord::from).collect() }))
}

/// Read a trust list
///
/// With its regions, for whoever reviews it.
#[utoipa::path(get, path = "/v1/trust-lists/{id}", params(("id" = String, Path)), tag = "recognition",
    responses((status = 200, body = TrustListShown)))]
async fn read_trust_list(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Response> {
    session.permit::<ReadTrustList>(Resource::appliance())?;
    let row = found(&app, &id).await?;
    let token = text(&row, "token").to_owned();
    let list = lists::content(&token)?;
    let names = list.regions.iter().map(RegionRecord::from).collect();
    let mut response =
        Json(TrustListShown { record: TrustListRecord::from(&row), names, token }).into_response();
    mark(response.headers_mut(), &row);
    Ok(response)
}

/// Put a trust list in force
///
/// By another person than who brought it in. What it supersedes is out of force in the same act; regions that it does not name
/// any more are foreign at once.
#[utoipa::path(post, path = "/v1/trust-lists/{id}/approve", tag = "recognition",
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The `ETag` of what was reviewed")),
    responses((status = 200, body = TrustListRecord)))]
async fn approve_trust_list(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let row = records::find(&app.db, &id).await?;
    let proposer = row.as_ref().map(|row| text(row, "importer_person").to_owned()).unwrap_or_default();
    let permit = session
        .permit_with::<ApproveTrustList>(Resource::appliance(), |facts| facts.proposer = Some(proposer))?;
    let row = row.ok_or(RecognitionError::Unknown(id))?;
    matching(&headers, &row)?;
    Ok(answer(StatusCode::OK, &lists::approve(&app, &permit, row).await?))
}

/// Refuse a trust list that waits
#[utoipa::path(post, path = "/v1/trust-lists/{id}/refuse", tag = "recognition", request_body = Why,
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The `ETag` of what was read")),
    responses((status = 200, body = TrustListRecord)))]
async fn refuse_trust_list(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body<Why>,
) -> Result<Response> {
    let Json(why) = body?;
    let permit = session.permit::<RefuseTrustList>(Resource::appliance())?;
    let row = found(&app, &id).await?;
    matching(&headers, &row)?;
    Ok(answer(StatusCode::OK, &lists::refuse(&app, &permit, row, reason(&why)?).await?))
}

/// Take a trust list out of force
///
/// Its regions are foreign at once. By one officer: believing less needs no second.
#[utoipa::path(post, path = "/v1/trust-lists/{id}/withdraw", tag = "recognition", request_body = Why,
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The `ETag` of what was read")),
    responses((status = 200, body = TrustListRecord)))]
async fn withdraw_trust_list(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body<Why>,
) -> Result<Response> {
    let Json(why) = body?;
    let permit = session.permit::<WithdrawTrustList>(Resource::appliance())?;
    let row = found(&app, &id).await?;
    matching(&headers, &row)?;
    Ok(answer(StatusCode::OK, &lists::withdraw(&app, &permit, row, reason(&why)?).await?))
}

/// Have a trust list signed
///
/// Of the entries that regions published of themselves, by this platform's publisher. That each entry is that region's, whoever
/// has it signed knows by another way; the certificates' digests are in the list.
#[utoipa::path(post, path = "/v1/trust-lists/sign", tag = "recognition", request_body = ToSign,
    responses((status = 200, body = Signed)))]
async fn sign_trust_list(
    State(app): State<Arc<App>>,
    session: Session,
    body: Body<ToSign>,
) -> Result<Response> {
    let Json(wish) = body?;
    let permit = session.permit::<SignTrustList>(Resource::appliance())?;
    if !(1..=366).contains(&wish.days) {
        return Err(Problem::new(Kind::InvalidParameter, "`days` takes 1 to 366."));
    }
    let until = now(&app)? + i64::from(wish.days) * 86_400;
    let (token, committed) =
        lists::sign(&app, &permit, &wish.list, wish.number, until, &wish.entries).await?;
    let mut response = Json(Signed { token }).into_response();
    response.headers_mut().insert(LEAF, HeaderValue::from(committed.leaf));
    Ok(response)
}

/// List the regions that are recognised now
#[utoipa::path(get, path = "/v1/regions", tag = "recognition", responses((status = 200, body = RegionRecords)))]
async fn list_regions(State(app): State<Arc<App>>, session: Session) -> Result<Json<RegionRecords>> {
    session.permit::<ReadTrustList>(Resource::appliance())?;
    let regions = app.licences.regions.in_force(&app, now(&app)?)?;
    let record = |region: &Arc<super::Region>| RegionRecord {
        until: Some(instant(region.until)),
        ..RegionRecord::from(&region.entry)
    };
    Ok(Json(RegionRecords { items: regions.iter().map(record).collect() }))
}

/// `GET /licences/trust-entry`: what this platform says of itself.
async fn entry(State(app): State<Arc<App>>) -> Result<Response> {
    let token = own::signed_entry(&app, now(&app)?).await?;
    let headers = [(header::CONTENT_TYPE, "application/jwt"), (header::CACHE_CONTROL, "public, max-age=60")];
    Ok((headers, token).into_response())
}

fn now(app: &App) -> Result<i64> {
    let clock = app.unsealed()?;
    Ok(clock.journal.clock().now().map_err(CommitError::ClockUntrusted)?.div_euclid(1_000_000))
}

async fn found(app: &App, id: &str) -> Result<Row> {
    Ok(records::find(&app.db, id).await?.ok_or_else(|| RecognitionError::Unknown(id.to_owned()))?)
}

fn reason(why: &Why) -> Result<&str> {
    if is_shown_text(&why.reason, 500) {
        return Ok(&why.reason);
    }
    let detail = "`reason` takes 1 to 500 printable characters.";
    Err(Problem::new(Kind::InvalidParameter, detail).with("parameter", "reason"))
}

/// That `If-Match` names the row's version.
fn matching(headers: &HeaderMap, row: &Row) -> Result<()> {
    conditional::matching(headers, row.version(), "step")
}

fn answer(status: StatusCode, done: &Done) -> Response {
    let mut response = (status, Json(TrustListRecord::from(&done.row))).into_response();
    mark(response.headers_mut(), &done.row);
    if let Some(committed) = &done.committed {
        response.headers_mut().insert(LEAF, HeaderValue::from(committed.leaf));
    }
    response
}

fn mark(headers: &mut HeaderMap, row: &Row) {
    if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", row.version())) {
        headers.insert(header::ETAG, tag);
    }
}
