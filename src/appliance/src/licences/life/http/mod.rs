//! The routes of a licence's life on the platform API.

mod answer;
mod erase;
mod events;
mod import;
mod operations;

use std::sync::Arc;

use licence::life::{Operation, State};
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::identity::CallerKind;
use crate::licences::library::records::text;
use crate::licences::library::{self, Licence};
use crate::policy::Resource;
use crate::problem::{Kind, Problem, Result};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    operations::routes().merge(erase::routes()).merge(events::routes()).merge(import::routes())
}

/// The licence that a name means, and what policies are asked about, which is known even when there is none.
async fn found(app: &App, name: &str) -> Result<(Resource, Option<Licence>)> {
    let licence = library::find(app, name).await?;
    let resource = match &licence {
        Some(licence) => Resource::licence(licence.id(), licence.organisation())
            .at_version(licence.version())
            .stopped(stopped(app, licence).await?),
        None => Resource::licence(library::licence_id(name).unwrap_or_default(), ""),
    };
    Ok((resource, licence))
}

/// Whether it is suspended and no machine suspended it. Whoever is not known to be a machine counts as a person: in doubt the
/// stop holds. Read with the licence's version, which the unit guards.
async fn stopped(app: &App, licence: &Licence) -> Result<bool> {
    if licence.stored_state() != State::Suspended {
        return Ok(false);
    }
    let events = library::records::events(&app.db, licence.id()).await?;
    let last = events.iter().rev().find(|event| text(event, "operation") == Operation::Suspend.as_str());
    let Some(last) = last else {
        // Taken over as suspended: by whoever took it over.
        return Ok(false);
    };
    let snapshot = app.identity.snapshot()?;
    let machine = |one: &crate::identity::Registration| one.kind == CallerKind::Machine;
    Ok(!snapshot.registration(text(last, "caller")).is_some_and(machine))
}

fn unknown() -> Problem {
    Problem::new(Kind::NotFound, "There is no such licence.").with("zh", "没有该证照")
}
