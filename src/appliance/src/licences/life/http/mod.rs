//! The routes of a licence's life on the platform API.

mod answer;
mod events;
mod import;
mod operations;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::licences::library::{self, Licence};
use crate::policy::Resource;
use crate::problem::{Kind, Problem, Result};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    operations::routes().merge(events::routes()).merge(import::routes())
}

/// The licence that a name means, and what policies are asked about, which is known even when there is none.
async fn found(app: &App, name: &str) -> Result<(Resource, Option<Licence>)> {
    let licence = library::find(app, name).await?;
    let resource = match &licence {
        Some(licence) => {
            Resource::licence(licence.id(), licence.organisation()).at_version(licence.version())
        }
        None => Resource::licence(library::licence_id(name).unwrap_or_default(), ""),
    };
    Ok((resource, licence))
}

fn unknown() -> Problem {
    Problem::new(Kind::NotFound, "There is no such licence.").with("zh", "没有该证照")
}
