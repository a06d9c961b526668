//! Routes that search and count the records of use.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::figures::{self, FigureFormat, FigureQuery, Figures};
use super::super::rules::now;
use super::super::search::{self, UseQuery, Uses};
use super::{Result2, organisation_of};
use crate::app::App;
use crate::policy::{ReadUses, Resource};
use crate::problem::Result;
use crate::server::Session;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(find_uses)).routes(routes!(count_uses))
}

/// Search the records of use of seals
///
/// Newest first. A machine finds uses of its own organisation's seals; officers and auditors find all. Purpose and
/// operator stand in the side record of a record's leaf, which auditors read.
#[utoipa::path(get, path = "/v1/seal-uses", params(UseQuery), tag = "seal-uses",
    responses((status = 200, body = Uses)))]
async fn find_uses(
    State(app): State<Arc<App>>,
    session: Session,
    query: Result2<Query<UseQuery>, QueryRejection>,
) -> Result<Json<Uses>> {
    let Query(query) = query?;
    let organisation = organisation_of(&session, query.organisation.clone());
    session.permit::<ReadUses>(Resource::organisation(organisation.as_deref().unwrap_or("*")))?;
    query.check()?;
    Ok(Json(search::search(&app.db, &UseQuery { organisation, ..query }).await?))
}

/// Count the uses of seals
///
/// Per month (of China Standard Time), organisation, seal and item; at most 36 months.
#[utoipa::path(get, path = "/v1/seal-uses/figures", params(FigureQuery), tag = "seal-uses",
    responses((status = 200, content((Figures = "application/json"), (String = "text/csv")))))]
async fn count_uses(
    State(app): State<Arc<App>>,
    session: Session,
    query: Result2<Query<FigureQuery>, QueryRejection>,
) -> Result<Response> {
    let Query(query) = query?;
    let organisation = organisation_of(&session, query.organisation.clone());
    session.permit::<ReadUses>(Resource::organisation(organisation.as_deref().unwrap_or("*")))?;
    let now = now(&*app.unsealed()?)?;
    let format = query.format;
    let figures = figures::figures(&app.db, &FigureQuery { organisation, ..query }, now).await?;
    if format != Some(FigureFormat::Csv) {
        return Ok(Json(figures).into_response());
    }
    let mut response = figures::csv(&figures)?.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
    let name = HeaderValue::from_static("attachment; filename=\"seal-uses.csv\"");
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}
