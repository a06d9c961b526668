//! Routes of seals and of applications for them.

pub(crate) mod answer;
mod applications;
mod apply;
mod attachments;
mod seals;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<Arc<App>> {
    seals::routes()
        .merge(apply::routes())
        .merge(applications::routes())
        .merge(attachments::routes())
        .merge(super::preview::routes())
        .merge(super::import::routes())
        .merge(super::filing::routes())
}
