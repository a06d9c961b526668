//! Showing and taking licences: show-codes, agents, queries by departments, annotated copies, and who looked.
//!
//! A holder, through a platform that has identified them (role `holder-platform`), has a code given out ([`show`]) by which
//! whoever is handed it sees the fields that the holder chose, and where the licence stands ([`redeem`]); or lets an agent do
//! so within limits ([`delegation`]). A department takes licences by their holder for an item and a case ([`query`]): the
//! type's rules decide which fields. Copies say on every page whom they are for, what for and until when ([`copies`]). Every look is a row of its own in the look's unit ([`uses`]), so that the holder can ask
//! who looked. Called by the platform API, and [`redeem::redeem`] by the public pages and by verification too.
//!
//! Not here: what a licence is and keeps ([`super::library`]), whether one holds ([`super::verification`]).

pub mod bounds;
pub mod code;
pub mod copies;
pub mod delegation;
pub mod figures;
mod http;
pub mod model;
pub(in crate::licences) mod parts;
pub mod query;
pub mod redeem;
pub mod show;
pub mod uses;

use std::sync::Arc;

use licence::catalogue::TypeDefinition;
use moka::sync::Cache;
use tokio::sync::{Mutex, OwnedMutexGuard};
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::enrolment::strikes::Strikes;

/// What a node keeps of it besides rows.
#[derive(Debug)]
pub struct Service {
    /// Wrong codes and wrong numbers, by who tries.
    strikes: Strikes,
    /// Definitions of types by version, which never change.
    definitions: Cache<String, Arc<TypeDefinition>>,
    /// Those who redeem one code on this node take turns, so that they do not fail each other.
    turns: [Arc<Mutex<()>>; 64],
}

impl Default for Service {
    fn default() -> Self {
        Self {
            strikes: Strikes::default(),
            definitions: Cache::new(1000),
            turns: std::array::from_fn(|_| Arc::default()),
        }
    }
}

impl Service {
    async fn turn(&self, code: &str) -> Option<OwnedMutexGuard<()>> {
        let place = code.bytes().fold(0_usize, |sum, octet| sum.wrapping_mul(31).wrapping_add(octet.into()));
        let turn = self.turns.get(place % self.turns.len())?;
        Some(turn.clone().lock_owned().await)
    }
}

/// Where the public pages are, if there are any.
fn portal(app: &App) -> Option<&str> {
    app.config.listeners.portal.as_ref().map(|portal| portal.url.as_str())
}

/// Its routes on the platform API.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    http::routes()
}
