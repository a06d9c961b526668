//! Reading the catalogue: what is published is everybody's who is registered, drafts are their bureau's and the reviewers'.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::{LicenceType, TypeState, TypeVersion};
use super::super::records::{self, Filter};
use super::super::{CatalogueError, checks};
use super::{Result2, licence_type, no_version, shown, version, with_versions};
use crate::app::App;
use crate::policy::{ReadLicenceType, Resource};
use crate::problem::{Kind, Problem, Result};
use crate::seals::http::answer::cut;
use crate::server::Session;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one)).routes(routes!(one_version))
}

/// Which types to list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Kept by this organisation.
    organisation: Option<String>,
    /// In this state: `draft`, `published` or `retired`.
    #[param(inline)]
    state: Option<TypeState>,
    /// With this in their name or code.
    search: Option<String>,
    /// Cursor of an earlier page.
    after: Option<String>,
    /// Most records in a page, 1 to 200.
    limit: Option<u32>,
}

/// One page of types.
#[derive(Debug, Serialize, ToSchema)]
struct LicenceTypePage {
    /// The types, in the order of their codes.
    licence_types: Vec<LicenceType>,
    /// Cursor of the next page, if there is one.
    next: Option<String>,
}

/// List licence types
///
/// Everybody sees what is or was published. Types that were never published are listed for their own organisation, for
/// security officers and for auditors.
#[utoipa::path(get, path = "/v1/licence-types", params(ListQuery), tag = "licence-types",
    responses((status = 200, description = "One page", body = LicenceTypePage)))]
async fn list(
    State(app): State<Arc<App>>,
    session: Session,
    query: Result2<Query<ListQuery>, QueryRejection>,
) -> Result<Json<LicenceTypePage>> {
    let Query(query) = query?;
    let limit = match query.limit.unwrap_or(50) {
        limit @ 1..=200 => limit,
        _ => {
            return Err(
                Problem::new(Kind::InvalidParameter, "`limit` is 1 to 200.").with("parameter", "limit")
            );
        }
    };
    let all = session.permit::<ReadLicenceType>(Resource::organisation("*")).is_ok();
    let home = session.caller().organisation.clone();
    let filter = Filter {
        organisation: query.organisation,
        state: query.state.map(TypeState::as_str),
        part: query.search.filter(|part| !part.is_empty()),
        drafts_of: if all { "*".to_owned() } else { home },
    };
    let after = query.after.unwrap_or_default();
    let mut rows = records::list(&app.db, &filter, &after, limit + 1).await?;
    let next = cut(&mut rows, limit, |row| row.id().to_owned());
    Ok(Json(LicenceTypePage { licence_types: rows.iter().map(LicenceType::from).collect(), next }))
}

/// Read a licence type
///
/// With its versions; those that were never published only for those who may read drafts.
#[utoipa::path(get, path = "/v1/licence-types/{code}", params(("code" = String, Path)), tag = "licence-types",
    responses((status = 200, description = "The type", body = LicenceType),
        (status = 404, description = "There is none", content_type = "application/problem+json")))]
async fn one(State(app): State<Arc<App>>, session: Session, Path(code): Path<String>) -> Result<Response> {
    let (resource, row) = licence_type(&app, &code).await?;
    let drafts = session.permit::<ReadLicenceType>(resource).is_ok();
    let unknown = || CatalogueError::Unknown(code.clone());
    let row = row.filter(|row| drafts || TypeState::of(row) != TypeState::Draft).ok_or_else(unknown)?;
    let versions = records::versions(&app.db, &code).await?;
    shown(&with_versions(&row, &versions, drafts), row.version())
}

/// Read a version of a licence type
///
/// With definition and templates; of drafts and of what is under review also what keeps it from being published.
#[utoipa::path(get, path = "/v1/licence-types/{code}/versions/{number}", tag = "licence-types",
    params(("code" = String, Path), ("number" = i64, Path)),
    responses((status = 200, description = "The version", body = TypeVersion),
        (status = 404, description = "There is none", content_type = "application/problem+json")))]
async fn one_version(
    State(app): State<Arc<App>>,
    session: Session,
    Path((code, number)): Path<(String, i64)>,
) -> Result<Response> {
    let (resource, row) = version(&app, &code, number).await?;
    if !row.as_ref().is_some_and(|row| TypeState::of(row).is_public()) {
        session.permit::<ReadLicenceType>(resource)?;
    }
    let row = row.ok_or_else(|| no_version(&code, number))?;
    let mut view = TypeVersion::whole(&row);
    if matches!(view.state, TypeState::Draft | TypeState::Review) {
        view.faults = checks::faults(&app, &row).await?;
    }
    shown(&view, row.version())
}
