//! Routes of the catalogue on the platform API.

mod draft;
mod published;
mod read;
mod steps;

use std::sync::Arc;

use axum::response::Response;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;

use super::model::{LicenceType, TypeVersion};
use super::records::{self, text};
use super::service::Done;
use super::{CatalogueError, model::TypeState};
use crate::app::App;
use crate::policy::Resource;
use crate::problem::Result;
use crate::seals::http::answer::answer;
use crate::store::{Row, StoreError};

type Result2<T, E> = std::result::Result<T, E>;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    draft::routes().merge(published::routes()).merge(read::routes()).merge(steps::routes())
}

pub(super) fn public_routes() -> axum::Router<Arc<App>> {
    published::public_routes()
}

/// A type, and what policies are asked about, which is known even when there is none.
async fn licence_type(app: &App, code: &str) -> Result2<(Resource, Option<Row>), StoreError> {
    let row = records::licence_type(&app.db, code).await?;
    let organisation = row.as_ref().map(|row| text(row, "organisation")).unwrap_or_default();
    let resource = Resource::licence_type(code, organisation);
    Ok((resource, row))
}

/// A version of a type: the policies are asked about its type.
async fn version(app: &App, code: &str, number: i64) -> Result2<(Resource, Option<Row>), StoreError> {
    let (resource, _) = licence_type(app, code).await?;
    Ok((resource, records::version(&app.db, code, number).await?))
}

fn no_version(code: &str, number: i64) -> CatalogueError {
    CatalogueError::NoVersion { code: code.to_owned(), number }
}

/// A version after an act on it.
fn done(status: StatusCode, done: &Done) -> Response {
    let leaf = done.committed.as_ref().map(|committed| committed.leaf);
    let view = TypeVersion::bare(&done.row);
    answer(status, &view, view.version, leaf)
}

/// A type after an act on it.
fn type_done(done: &Done) -> Response {
    let leaf = done.committed.as_ref().map(|committed| committed.leaf);
    let view = LicenceType::from(&done.row);
    answer(StatusCode::OK, &view, view.version, leaf)
}

/// What a type says of itself, with the versions that the caller may know of.
fn with_versions(row: &Row, versions: &[Row], drafts: bool) -> LicenceType {
    let shown = versions.iter().filter(|row| drafts || TypeState::of(row).is_public());
    LicenceType { versions: shown.map(TypeVersion::bare).collect(), ..LicenceType::from(row) }
}

/// The answer with a record that was read.
fn shown<T: serde::Serialize>(body: &T, version: i64) -> Result<Response> {
    Ok(answer(StatusCode::OK, body, version, None))
}
