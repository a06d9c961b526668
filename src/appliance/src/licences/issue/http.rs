//! `POST /v1/licences`: issuing one licence.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::IssueError;
use super::order::Order;
use super::service::{self, Issued, Prepared};
use crate::app::{App, Unsealed};
use crate::documents::http::LEAF;
use crate::documents::replay::{ReplayError, ReplayKey};
use crate::journal::{CommitError, Unit};
use crate::licences::catalogue::{self, Published};
use crate::licences::library::model::LicenceView;
use crate::licences::library::{self, records};
use crate::policy::{IssueLicence, Permit, Resource};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::store::tables::LICENCE_EVENTS;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(issue))
}

/// Issue a licence
///
/// The fields are checked against the type's schema, the identifier is allocated, the pages are rendered and sealed with the
/// seal of the issuing organisation, credentials made, all of it in one act. The same request under the same
/// `Idempotency-Key` is answered with the same licence. Needs the role `licensor` in an organisation that the type lists.
#[utoipa::path(post, path = "/v1/licences", tag = "licences", request_body = Order,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request answer the same for 24 hours")),
    responses((status = 201, description = "The licence", body = LicenceView,
            headers(("Location" = String, description = "The licence"),
                ("Cinnabar-Leaf" = u64, description = "Leaf of the log; the receipt is at /v1/receipts/{leaf}"))),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn issue(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let unsealed = app.unsealed()?;
    let order: Order = serde_json::from_slice(&body).map_err(|error| {
        Problem::new(Kind::MalformedRequest, format!("The order cannot be read: {error}."))
    })?;
    let kind = catalogue::in_force(&app, &order.type_code).await?;
    let permit = permit(&session, &kind)?;
    let replay = Replay::of(&app, &unsealed, &headers, &session, "licences", &[&body])?;
    if let Some(known) = replay.known(&app).await? {
        return known.response();
    }
    let more = |prepared: &Prepared, unit: Unit| replay.keep(prepared, unit);
    match service::issue(&app, &permit, &kind, &order, more).await {
        Ok(issued) => Answer::of(&issued).response(),
        // The loser of a race gets the winner's answer.
        Err(error @ IssueError::Commit(CommitError::Exists { .. } | CommitError::OutcomeUnknown(_))) => {
            match replay.known(&app).await? {
                Some(known) => known.response(),
                None => Err(error.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// That the caller may issue licences of this type.
///
/// # Errors
/// The `forbidden` problem.
pub(super) fn permit(session: &Session, kind: &Published) -> Result<Permit<IssueLicence>> {
    session.permit(resource(kind))
}

/// A type as policies see it: whose it is, and who may issue it.
#[must_use]
pub(crate) fn resource(kind: &Published) -> Resource {
    let definition = kind.compiled.definition();
    Resource::licence_type(definition.code.as_str(), kind.organisation.as_str())
        .granted_to(definition.issuers.iter().cloned())
        .at_version(kind.version)
}

/// What a licence that was just issued is answered with.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    /// As it was told.
    view: Value,
    /// The licence.
    id: String,
    version: i64,
    /// Its first event, whose row knows the leaf.
    #[serde(default)]
    event: String,
    #[serde(skip)]
    leaf: u64,
}

impl Answer {
    pub(super) fn of(issued: &Issued) -> Self {
        let view = view(&issued.licence, issued.version.clone(), &issued.artefacts);
        let id = issued.licence.id().to_owned();
        Self { view, id, version: 1, event: String::new(), leaf: issued.committed.leaf }
    }

    pub(super) fn prepared(prepared: &Prepared) -> Self {
        let licence = records::Licence { row: prepared.row.clone() };
        let made = prepared.made();
        let view = view(&licence, made.version.clone(), &made.artefacts);
        Self { view, id: licence.id().to_owned(), version: 1, event: prepared.event().to_owned(), leaf: 0 }
    }

    /// With another member beside those of the licence.
    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        if let Some(members) = self.view.as_object_mut() {
            members.insert(name.to_owned(), value);
        }
        self
    }

    /// A member.
    pub(super) fn member(&self, name: &str) -> Option<&Value> {
        self.view.get(name)
    }

    pub(super) fn response(&self) -> Result<Response> {
        let mut response =
            axum::response::IntoResponse::into_response((StatusCode::CREATED, axum::Json(&self.view)));
        let headers = response.headers_mut();
        headers.insert(LEAF, HeaderValue::from(self.leaf));
        for (name, value) in [
            (header::ETAG, format!("\"{}\"", self.version)),
            (header::LOCATION, format!("/v1/licences/{}", self.id)),
        ] {
            headers.insert(name, HeaderValue::try_from(value).map_err(Problem::internal)?);
        }
        Ok(response)
    }
}

fn view(licence: &records::Licence, version: crate::store::Row, artefacts: &[crate::store::Row]) -> Value {
    let now = records::int(&licence.row, "issued").unwrap_or_default();
    let view = LicenceView::of(licence, &records::Version { row: version }, artefacts, now);
    serde_json::to_value(view).unwrap_or_default()
}

/// The idempotency key of a request that issues, if it has one.
pub(super) struct Replay<'a> {
    key: Option<ReplayKey>,
    unsealed: &'a Unsealed,
    label: &'a str,
    now: i64,
}

impl<'a> Replay<'a> {
    pub(super) fn of(
        app: &'a App,
        unsealed: &'a Unsealed,
        headers: &HeaderMap,
        session: &Session,
        route: &str,
        request: &[&[u8]],
    ) -> Result<Self> {
        let key = ReplayKey::of(headers, &session.caller().id, route, request)?;
        let label = app.hierarchy.data_key("replay");
        let label = label.ok_or_else(|| Problem::internal("the hierarchy has no `replay` key"))?;
        let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
        Ok(Self { key, unsealed, label: &label.label, now })
    }

    /// The answer of an earlier request.
    pub(super) async fn known(&self, app: &App) -> Result<Option<Answer>> {
        let Some(key) = &self.key else { return Ok(None) };
        let Some(kept) = key.open(&app.db, &self.unsealed.custody, self.label).await? else {
            return Ok(None);
        };
        let damaged = |fault: String| Problem::from(ReplayError::Damaged(fault));
        let mut answer: Answer = serde_json::from_slice(&kept).map_err(|error| damaged(error.to_string()))?;
        let event = app.db.row(&LICENCE_EVENTS, &answer.event).await?;
        let leaf = event.as_ref().and_then(|row| records::int(row, "leaf"));
        // What it told is not told any more once it was erased.
        if let Some(licence) = library::find(app, &answer.id).await? {
            library::intact(app, &licence).await?;
        }
        answer.leaf = leaf.and_then(|leaf| u64::try_from(leaf).ok()).unwrap_or_default();
        Ok(Some(answer))
    }

    /// Keeps the answer in the act's own unit.
    pub(super) fn keep(&self, prepared: &Prepared, unit: Unit) -> Unit {
        self.keep_answer(&Answer::prepared(prepared), unit)
    }

    /// Keeps an answer with more in it than the licence.
    pub(super) fn keep_answer(&self, answer: &Answer, unit: Unit) -> Unit {
        let Some(key) = &self.key else { return unit };
        let kept = serde_json::to_vec(answer).unwrap_or_default();
        match key.seal(&kept, self.now, &self.unsealed.custody, self.label) {
            Ok(row) => unit.cache_insert(row),
            // A copy that cannot be sealed means that the keystore was sealed: the commit fails as well.
            Err(_) => unit,
        }
    }
}
