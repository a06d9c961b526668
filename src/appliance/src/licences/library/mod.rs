//! Licences at rest: their keys, encrypted fields and artefacts, the index by holder, reading and listing.

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// Its routes on the platform API.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
}
