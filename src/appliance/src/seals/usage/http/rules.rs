//! Routes of rules and delegations.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::{NewRule, RuleChange};
use super::super::records::{self, Rule, SEAL_DELEGATIONS};
use super::super::views::{DelegationRecord, Delegations, NewDelegation, RuleQuery, RuleRecord, Rules};
use super::super::{delegations, rules};
use super::{Result2, answer, cut, limit, matching, seal, unknown};
use crate::app::App;
use crate::callers::records::text;
use crate::policy::{
    AddSealRule, ChangeSealRule, DelegateUse, LiftSealRules, ReadSeal, Resource, RetireSealRule,
};
use crate::problem::{Problem, Result};
use crate::server::Session;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_rules, add_rule))
        .routes(routes!(read_rule, change_rule))
        .routes(routes!(retire_rule))
        .routes(routes!(lift_rules))
        .routes(routes!(list_delegations, delegate))
        .routes(routes!(revoke_delegation))
}

/// List the rules of use of a seal
#[utoipa::path(get, path = "/v1/seal-rules", params(RuleQuery), tag = "seal-uses",
    responses((status = 200, body = Rules)))]
async fn list_rules(
    State(app): State<Arc<App>>,
    session: Session,
    query: Result2<Query<RuleQuery>, QueryRejection>,
) -> Result<Json<Rules>> {
    let Query(query) = query?;
    let (resource, _) = seal(&app, &query.seal).await?;
    session.permit::<ReadSeal>(resource)?;
    let limit = limit(query.limit)?;
    let after = query.after.unwrap_or_default();
    let rows = records::rules(&app.db, &query.seal, &after, limit + 1).await?;
    let (rows, next) = cut(rows, limit);
    let items = rows.into_iter().map(RuleRecord::of).collect::<Result2<_, _>>()?;
    Ok(Json(Rules { items, next }))
}

/// Set a rule of use on a seal
///
/// From its first rule on, a seal is used by rules only: what no rule admits is refused, whatever the policies say. Rules
/// are alternatives: the oldest that admits a use is the one it counts on, and whose approval it consumes.
#[utoipa::path(post, path = "/v1/seal-rules", tag = "seal-uses", request_body = NewRule,
    responses((status = 201, body = RuleRecord)))]
async fn add_rule(
    State(app): State<Arc<App>>,
    session: Session,
    body: Result2<Json<NewRule>, JsonRejection>,
) -> Result<Response> {
    let Json(new) = body?;
    let (resource, row) = seal(&app, &new.seal).await?;
    let permit = session.permit::<AddSealRule>(resource)?;
    new.check()?;
    let row = row.ok_or_else(unknown("There is no such seal."))?;
    let (row, committed) = rules::add(&app, &permit, &new, row).await?;
    let at = format!("/v1/seal-rules/{}", row.id());
    Ok(answer(StatusCode::CREATED, &row, Some(&committed), Some(at), &RuleRecord::of(row.clone())?))
}

/// Read a rule of use
#[utoipa::path(get, path = "/v1/seal-rules/{id}", params(("id" = String, Path)), tag = "seal-uses",
    responses((status = 200, body = RuleRecord)))]
async fn read_rule(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Response> {
    let (resource, rule) = find(&app, &id).await?;
    session.permit::<ReadSeal>(resource)?;
    let row = rule.ok_or_else(unknown("There is no such rule."))?.row;
    Ok(answer(StatusCode::OK, &row, None, None, &RuleRecord::of(row.clone())?))
}

/// Change a rule of use
#[utoipa::path(put, path = "/v1/seal-rules/{id}", params(("id" = String, Path), ("If-Match" = String, Header)),
    tag = "seal-uses", request_body = RuleChange, responses((status = 200, body = RuleRecord)))]
async fn change_rule(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result2<Json<RuleChange>, JsonRejection>,
) -> Result<Response> {
    let Json(change) = body?;
    let (resource, rule) = find(&app, &id).await?;
    let permit = session.permit::<ChangeSealRule>(resource)?;
    change.check()?;
    let rule = rule.ok_or_else(unknown("There is no such rule."))?;
    matching(&headers, &rule.row)?;
    let (row, committed) = rules::change(&app, &permit, rule, &change).await?;
    Ok(answer(StatusCode::OK, &row, Some(&committed), None, &RuleRecord::of(row.clone())?))
}

/// Retire a rule of use
///
/// It admits nothing any more, nor what was approved under it. The seal stays governed by rules.
#[utoipa::path(post, path = "/v1/seal-rules/{id}/retire",
    params(("id" = String, Path), ("If-Match" = String, Header)), tag = "seal-uses",
    responses((status = 200, body = RuleRecord)))]
async fn retire_rule(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let (resource, rule) = find(&app, &id).await?;
    let permit = session.permit::<RetireSealRule>(resource)?;
    let rule = rule.ok_or_else(unknown("There is no such rule."))?;
    matching(&headers, &rule.row)?;
    let (row, committed) = rules::retire(&app, &permit, rule).await?;
    Ok(answer(StatusCode::OK, &row, Some(&committed), None, &RuleRecord::of(row.clone())?))
}

/// Let a seal be used by the policies alone again
///
/// Only when no rule is in force.
#[utoipa::path(post, path = "/v1/seals/{id}/lift-rules", params(("id" = String, Path)), tag = "seal-uses",
    responses((status = 204, description = "No rules govern the seal")))]
async fn lift_rules(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Response> {
    let (resource, row) = seal(&app, &id).await?;
    let permit = session.permit::<LiftSealRules>(resource)?;
    let row = row.ok_or_else(unknown("There is no such seal."))?;
    let committed = rules::lift(&app, &permit, row.clone()).await?;
    let body = serde_json::json!({ "seal": id, "governed": false });
    Ok(answer(StatusCode::OK, &row.next_version(), Some(&committed), None, &body))
}

/// List delegations under a rule
#[utoipa::path(get, path = "/v1/seal-rules/{id}/delegations", params(("id" = String, Path)), tag = "seal-uses",
    responses((status = 200, body = Delegations)))]
async fn list_delegations(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Json<Delegations>> {
    let (resource, rule) = find(&app, &id).await?;
    session.permit::<ReadSeal>(resource)?;
    rule.ok_or_else(unknown("There is no such rule."))?;
    let rows = records::delegations(&app.db, &id).await?;
    Ok(Json(Delegations { items: rows.iter().map(DelegationRecord::from).collect() }))
}

/// Let another officer decide in one's place
///
/// An officer whom the rule names lets another officer approve and refuse until a date. Nobody passes it on.
#[utoipa::path(post, path = "/v1/seal-rules/{id}/delegations", params(("id" = String, Path)), tag = "seal-uses",
    request_body = NewDelegation, responses((status = 201, body = DelegationRecord)))]
async fn delegate(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    body: Result2<Json<NewDelegation>, JsonRejection>,
) -> Result<Response> {
    let Json(new) = body?;
    let (resource, rule) = find(&app, &id).await?;
    let permit = session.permit::<DelegateUse>(resource)?;
    let rule = rule.ok_or_else(unknown("There is no such rule."))?;
    let (row, committed) = delegations::delegate(&app, &permit, &rule, &new).await?;
    let at = format!("/v1/seal-delegations/{}", row.id());
    Ok(answer(StatusCode::CREATED, &row, Some(&committed), Some(at), &DelegationRecord::from(&row)))
}

/// Take a delegation back
///
/// Words already given under it do not count any more.
#[utoipa::path(post, path = "/v1/seal-delegations/{id}/revoke", params(("id" = String, Path)), tag = "seal-uses",
    responses((status = 200, body = DelegationRecord)))]
async fn revoke_delegation(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Response> {
    let row = app.db.row(&SEAL_DELEGATIONS, &id).await?;
    let rule = row.as_ref().map(|row| text(row, "rule")).unwrap_or_default();
    let (resource, _) = find(&app, rule).await?;
    let permit = session.permit::<DelegateUse>(resource)?;
    let row = row.ok_or_else(unknown("There is no such delegation."))?;
    let (row, committed) = delegations::revoke(&app, &permit, row).await?;
    Ok(answer(StatusCode::OK, &row, Some(&committed), None, &DelegationRecord::from(&row)))
}

/// A rule, and its seal as policies see it.
async fn find(app: &App, id: &str) -> Result<(Resource, Option<Rule>)> {
    let rule = records::rule(&app.db, id).await.map_err(Problem::from)?;
    let (resource, _) = seal(app, rule.as_ref().map(Rule::seal).unwrap_or_default()).await?;
    Ok((resource, rule))
}
