//! What befell a licence, and in whose hands.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::{Event, LifeError};
use super::{found, unknown};
use crate::app::App;
use crate::documents::http::LEAF;
use crate::journal::{CommitError, Unit};
use crate::licences::library::{self, records};
use crate::policy::ReadLicenceEvents;
use crate::problem::Result;
use crate::server::Session;
use crate::store::tables::LICENCES;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(events))
}

/// How events are wanted.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct EventsQuery {
    /// With the reasons. They may name somebody: the look is entered in the log before the answer leaves.
    #[serde(default)]
    words: bool,
}

/// The steps of a licence's life.
#[derive(Debug, Serialize, ToSchema)]
struct Events {
    /// Each step, the first one first.
    events: Vec<Event>,
}

/// See what befell a licence
#[utoipa::path(get, path = "/v1/licences/{id}/events", tag = "licences",
    params(("id" = String, Path, description = "Identifier of the licence or of any of its versions"), EventsQuery),
    responses((status = 200, description = "The steps of its life", body = Events),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn events(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    query: std::result::Result<Query<EventsQuery>, QueryRejection>,
) -> Result<Response> {
    let Query(query) = query?;
    let (resource, licence) = found(&app, &id).await?;
    let permit = session.permit::<ReadLicenceEvents>(resource)?;
    let licence = licence.ok_or_else(unknown)?;
    let rows = records::events(&app.db, licence.id()).await?;
    if !query.words {
        return Ok(told(rows.iter().map(Event::of).collect(), licence.version()));
    }
    library::intact(&app, &licence).await?;
    let unsealed = app.unsealed()?;
    let key = library::data_key(&unsealed, &licence)?;
    let worded = rows.iter().map(|row| Event::of(row).with_words(row, &key));
    let events = worded.collect::<std::result::Result<Vec<_>, _>>()?;
    let facts = json!({ "licence": licence.id(), "events": events.len(), "words": true });
    // Nothing leaves of a licence that was erased meanwhile.
    let unit = Unit::new(permit.act()).facts(facts).guard(&LICENCES, licence.id(), licence.version());
    let committed = match unsealed.journal.commit(unit).await {
        Err(CommitError::Conflict { .. }) => return Err(LifeError::Lost.into()),
        committed => committed?,
    };
    let mut response = told(events, licence.version());
    response.headers_mut().insert(LEAF, committed.leaf.into());
    Ok(response)
}

/// The events, with the version of the licence to change next: whoever may stop a licence need not be one who may read it.
fn told(events: Vec<Event>, version: i64) -> Response {
    let mut response = Json(Events { events }).into_response();
    if let Ok(value) = HeaderValue::try_from(format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}
