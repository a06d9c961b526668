//! Whether a licence holds: by identifier and a known field, by file, code, QR symbol or presentation; the shared-service
//! interface of GB/T 36906.

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// Its routes on the platform API.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
}
