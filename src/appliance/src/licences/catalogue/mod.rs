//! The catalogue of licence types (GB/T 36902): drafts, review by another officer, publication, retirement.
//!
//! A version of a type never changes once it is drafted: who mends one drafts the next, so that what was reviewed is what is
//! published, and licences stay readable under the version that made them. Definitions are judged by
//! `licence::catalogue`, templates by `licence::template`; here are records, permits and what a node remembers. Issuing and
//! the life of licences ask [`in_force`] and [`at`]; strangers read the signed catalogue ([`signed`]).

mod cache;
mod checks;
mod error;
mod http;
pub mod model;
mod records;
mod service;
pub mod signed;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

pub use cache::{Known, Published, at, forget, in_force};
pub use error::CatalogueError;

use crate::app::App;

/// Its routes on the platform API.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    http::routes()
}

/// Its route on the public listener.
pub fn public_routes() -> axum::Router<Arc<App>> {
    http::public_routes()
}
