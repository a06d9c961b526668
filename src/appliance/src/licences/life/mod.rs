//! What befalls a licence after it was issued: change, renewal, correction, checks, suspension, its ends; taking over
//! licences from elsewhere.

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// Its routes on the platform API.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
}
