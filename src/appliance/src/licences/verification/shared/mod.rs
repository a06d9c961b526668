//! The shared-service interface in the shape of GB/T 36906: search, query, metadata, download, under pinyin keys, with result
//! codes and words beside HTTP's.
//!
//! For platforms that speak it already. It says nothing that the platform API does not: the policies are asked the same, the
//! rules of the type decide which fields for which purpose and item (minimum necessary), each answer about a licence is one
//! entry and one record in the holder's list of who looked, durable before the first octet leaves (decision 10). Refusals are
//! problems (RFC 9457); what a licence's standing forbids is a result code: 0 in force, 1 not yet active, 2 suspended, 3 void,
//! 5 not found.

mod model;
mod read;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::model::{ByIdentifier, Search, SharedAnswer};
use self::read::Take;
use crate::app::App;
use crate::documents::http::LEAF;
use crate::licences::showing;
use crate::policy::{Permit, QueryLicences, Resource};
use crate::problem::Result;
use crate::server::Session;
use crate::store::tables::LICENCE_TYPES;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(search))
        .routes(routes!(query))
        .routes(routes!(metadata))
        .routes(routes!(download))
}

type Body<T> = std::result::Result<Json<T>, JsonRejection>;

/// Search licences by their holder (证照检索)
///
/// As `POST /v1/licence-queries`, under the keys of GB/T 36903: the licences of a type that the holder has, each with its
/// standing and the fields that the type's rule gives for this purpose and item.
#[utoipa::path(post, path = "/v1/shared/search", tag = "shared-service", request_body = Search,
    responses((status = 200, description = "Result code, words, licences", body = SharedAnswer),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn search(State(app): State<Arc<App>>, session: Session, body: Body<Search>) -> Result<Response> {
    let Json(asked) = body?;
    let permit = permit(&app, &session, &asked.type_code).await?;
    let asked = asked.checked()?;
    let answered = showing::query::query(&app, &permit, &asked).await?;
    Ok(answer(read::found(&app, &asked, answered).await?))
}

/// Query one licence by its identifier (证照查询)
///
/// Where it stands and from when until when it holds; none of its fields.
#[utoipa::path(post, path = "/v1/shared/query", tag = "shared-service", request_body = ByIdentifier,
    responses((status = 200, description = "Result code, words, standing", body = SharedAnswer),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn query(State(app): State<Arc<App>>, session: Session, body: Body<ByIdentifier>) -> Result<Response> {
    taken(&app, &session, body?.0, Take::Standing).await
}

/// Fetch the metadata of one licence (元数据获取)
///
/// The keys of GB/T 36903, and those of the type's fields that its rule gives for this purpose and item. Of a licence that is
/// not in force none are told.
#[utoipa::path(post, path = "/v1/shared/metadata", tag = "shared-service", request_body = ByIdentifier,
    responses((status = 200, description = "Result code, words, metadata", body = SharedAnswer),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn metadata(
    State(app): State<Arc<App>>,
    session: Session,
    body: Body<ByIdentifier>,
) -> Result<Response> {
    taken(&app, &session, body?.0, Take::Metadata).await
}

/// Download the sealed document of one licence (证照文件下载)
///
/// Where the type's rule allows it; PDF in base64, its digest beside it.
#[utoipa::path(post, path = "/v1/shared/download", tag = "shared-service", request_body = ByIdentifier,
    responses((status = 200, description = "Result code, words, document", body = SharedAnswer),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn download(
    State(app): State<Arc<App>>,
    session: Session,
    body: Body<ByIdentifier>,
) -> Result<Response> {
    taken(&app, &session, body?.0, Take::Document).await
}

async fn taken(app: &Arc<App>, session: &Session, asked: ByIdentifier, take: Take) -> Result<Response> {
    // By the identifier's own type, whether there is such a licence or not: what is refused tells nothing.
    let permit = permit(app, session, asked.type_code()).await?;
    asked.check()?;
    Ok(answer(read::take(app, &permit, &asked, take).await?))
}

/// The permit to take licences of a type, known or not.
async fn permit(app: &App, session: &Session, code: &str) -> Result<Permit<QueryLicences>> {
    let row = app.db.row(&LICENCE_TYPES, code).await?;
    session.permit(match row {
        Some(row) => {
            let organisation = row.value("organisation").as_text().unwrap_or_default();
            Resource::licence_type(row.id(), organisation).at_version(row.version())
        }
        // Not what was written: an entry holds no text of a stranger's choice.
        None => Resource::licence_type("unknown", ""),
    })
}

/// An answer that no cache keeps, with the leaf that records it.
fn answer(answer: SharedAnswer) -> Response {
    let leaf = answer.leaf;
    let mut response = Json(answer).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(leaf) = leaf {
        headers.insert(LEAF, HeaderValue::from(leaf));
    }
    response
}
