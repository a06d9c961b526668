//! The public verification pages, over HTTPS without login (decision 34): whoever holds a document, a code or a number learns
//! whether it is genuine and valid.
//!
//! One page and one endpoint behind it. What holds is decided by `licences::verification` and `documents::verification`, as
//! for callers of the platform API; here it is asked for, put into plain words and shown. Nothing that is sent is kept, and
//! the log has counts alone.

mod assets;
pub mod headers;
mod page;
pub(crate) mod picture;
mod shown;
mod verify;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;
use crate::config::PortalListener;
use crate::problem::{Kind, Problem, Result};
use crate::server::limits::{Full, Place, Places, Rates};

/// Bounds on those who verify, per peer address.
#[derive(Debug)]
pub struct Service {
    requests: Rates,
    verifications: Rates,
    files: Arc<Places<String>>,
    /// Where pictures are read, for callers of the platform API too.
    pub(crate) pictures: picture::Reader,
}

impl Service {
    /// The bounds of this listener; of one with defaults when there is none.
    #[must_use]
    pub fn new(listener: Option<&PortalListener>) -> Self {
        let default = PortalListener::on(Vec::new(), String::new());
        let listener = listener.unwrap_or(&default);
        Self {
            requests: Rates::new(listener.requests_per_second, listener.request_burst),
            verifications: Rates::per_minute(listener.verifications_per_minute),
            files: Places::new(listener.files_at_once, listener.files_at_once.div_ceil(4)),
            pictures: picture::Reader::default(),
        }
    }

    /// Counts a request of an address.
    ///
    /// # Errors
    /// The problem to answer when it has sent its share.
    pub fn count(&self, peer: &String) -> Result<()> {
        self.requests.count(peer).map_err(wait)
    }

    /// Counts a verification of an address.
    ///
    /// # Errors
    /// The problem to answer when it has asked for its share.
    fn count_verification(&self, peer: &String) -> Result<()> {
        self.verifications.count(peer).map_err(wait)
    }

    /// A place for a file, before its first octet is read.
    ///
    /// # Errors
    /// The problem to answer when there is none.
    fn place(&self, peer: String) -> Result<Place<String>> {
        self.files.take_for(peer).map_err(|full| {
            let kind = if full == Full::Peer { Kind::TooManyRequests } else { Kind::Overloaded };
            Problem::new(kind, "Too many files are under way; try again shortly.").retry_after(2)
        })
    }

    /// Forgets addresses that have been quiet.
    pub fn forget_quiet(&self) {
        self.requests.forget_quiet();
        self.verifications.forget_quiet();
    }
}

fn wait(time: std::time::Duration) -> Problem {
    Problem::new(Kind::TooManyRequests, "Your address has sent its share; wait as `Retry-After` says.")
        .retry_after(time.as_secs() + 1)
}

/// The portal's routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(page::show).post(page::ask))
        .route("/assets/{name}", get(assets::serve))
        .route("/api/verify", post(verify::verify))
}
