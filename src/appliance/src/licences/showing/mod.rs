//! Showing and taking licences: show-codes, agents, queries by departments, annotated copies, and who looked.

pub mod bounds;
pub mod code;
pub mod model;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// Its routes on the platform API.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
}
