//! Electronic licences (证照): catalogue, library, proof in the hand.
//!
//! `catalogue` says what licences there are and how they look, `issue` makes them, `library` keeps them, `life` changes and
//! ends them, `jobs` issues and takes over many from one file, `expiry` tells what runs out, `showing` and `verification` are for holders, departments and strangers, `status` and `recognition` for other
//! platforms. Formats and rules are the `licence` crate's; records, keys and permits are here.

pub mod catalogue;
pub mod expiry;
pub mod issue;
pub mod jobs;
pub mod library;
pub mod life;
pub mod recognition;
pub mod showing;
pub mod signers;
pub mod status;
pub mod templates;
pub mod verification;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// What this node keeps of licences besides rows: caches, each with its own rule of when to forget.
#[derive(Debug, Default)]
pub struct Service {
    /// Licence types, ready for use.
    pub types: catalogue::Known,
    /// The catalogue as it was published last.
    pub edition: catalogue::signed::Edition,
    /// Which generations of the library's keys are in use.
    pub keys: library::keys::Known,
    /// The fonts of pages, once the first was drawn.
    pub fonts: std::sync::OnceLock<licence::template::Fonts>,
    /// Who signs credentials and publications.
    pub signers: signers::Signers,
    /// Places in status lists that this node has in hand.
    pub places: status::Blocks,
    /// Status lists as they are published.
    pub lists: status::Lists,
    /// Records looked at for verifying, and its limits.
    pub verification: verification::Service,
    /// Tries, turns and definitions of showing.
    pub showing: showing::Service,
    /// Serials that this node has taken.
    pub serials: issue::Serials,
    /// Templates that were read.
    pub pages: issue::pages::Pages,
    /// Other regions that are recognised, and their status lists for a while.
    pub regions: recognition::Regions,
}

/// The routes of all of it on the platform API.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    [
        catalogue::routes(),
        issue::routes(),
        jobs::routes(),
        library::routes(),
        life::routes(),
        recognition::routes(),
        showing::routes(),
        status::routes(),
        templates::routes(),
        verification::routes(),
    ]
    .into_iter()
    .fold(OpenApiRouter::new(), OpenApiRouter::merge)
}

/// What anyone may read over plain HTTP, because it is signed: the catalogue, status lists, trust lists.
pub fn public_routes() -> axum::Router<Arc<App>> {
    status::public_routes().merge(catalogue::public_routes()).merge(recognition::public_routes())
}
