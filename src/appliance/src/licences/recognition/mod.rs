//! Mutual recognition: signed trust lists, their review, and verifying what listed regions issued.

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// Its routes on the platform API.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
}
