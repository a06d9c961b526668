//! Issuing a licence: one order becomes identifier, pages, seal, credentials, status entry and holder index in one unit of
//! work; batches, and co-issuing with a seal.

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// Its routes on the platform API.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
}
