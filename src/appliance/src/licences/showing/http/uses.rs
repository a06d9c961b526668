//! Routes that tell who looked.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::figures::{self, LicenceFigureQuery, LicenceFigures};
use super::super::model::{LicenceUses, OfHolder};
use super::super::uses;
use super::{Page, Result2, answer, is_record, limit, named};
use crate::app::App;
use crate::documents::model::BadParameter;
use crate::identity::CallerKind;
use crate::policy::{CountLicenceUses, ReadLicenceUses, ReadOwnUses, Resource};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(uses_of_licence))
        .routes(routes!(uses_of_holder))
        .routes(routes!(count_licence_uses))
}

/// See who looked at a licence
///
/// Newest first. For the organisation that issued it, auditors and security officers; reading it is entered.
#[utoipa::path(get, path = "/v1/licences/{id}/uses", params(("id" = String, Path), Page), tag = "licence-use",
    responses((status = 200, body = LicenceUses)))]
async fn uses_of_licence(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    page: Result2<Query<Page>, QueryRejection>,
) -> Result<Response> {
    let Query(page) = page?;
    let (resource, licence) = named(&app, &id).await?;
    let permit = session.permit::<ReadLicenceUses>(resource)?;
    let limit = limit(page.limit)?;
    let licence = licence.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such licence."))?;
    let before = page.after.unwrap_or_default();
    if !before.is_empty() && !is_record(&before) {
        return Err(BadParameter { name: "after", reason: "send `next` of the page before" }.into());
    }
    let page = uses::of_licence(&app, &permit, &licence, &before, limit).await?;
    Ok(answer(StatusCode::OK, None, &page))
}

/// See who looked at a holder's licences
///
/// Newest first. By the platform that holders use, for the holder whom it has identified; reading it is entered.
#[utoipa::path(post, path = "/v1/licence-uses/of-holder", tag = "licence-use", request_body = OfHolder,
    responses((status = 200, body = LicenceUses)))]
async fn uses_of_holder(
    State(app): State<Arc<App>>,
    session: Session,
    body: Result2<Json<OfHolder>, JsonRejection>,
) -> Result<Response> {
    let Json(asked) = body?;
    let permit = session.permit::<ReadOwnUses>(Resource::appliance())?;
    if asked.agent.is_some() {
        return Err(
            BadParameter { name: "agent", reason: "name the holder: agents do not see who looked" }.into()
        );
    }
    let limit = asked.limit()?;
    let page = uses::of_holder(&app, &permit, &asked, limit).await?;
    Ok(answer(StatusCode::OK, None, &page))
}

/// Count the uses of licences
///
/// By month, type, who issued them, who looked, kind of look and item (R13); at most 366 days. Nobody stands in a figure.
#[utoipa::path(get, path = "/v1/licence-uses/figures", params(LicenceFigureQuery), tag = "licence-use",
    responses((status = 200, body = LicenceFigures)))]
async fn count_licence_uses(
    State(app): State<Arc<App>>,
    session: Session,
    query: Result2<Query<LicenceFigureQuery>, QueryRejection>,
) -> Result<Json<LicenceFigures>> {
    let Query(query) = query?;
    let caller = session.caller();
    let own = || (caller.kind == CallerKind::Machine).then(|| caller.organisation.clone());
    let organisation = query.organisation.clone().or_else(own);
    session.permit::<CountLicenceUses>(Resource::organisation(organisation.as_deref().unwrap_or("*")))?;
    Ok(Json(figures::figures(&app.db, &LicenceFigureQuery { organisation, ..query }).await?))
}
