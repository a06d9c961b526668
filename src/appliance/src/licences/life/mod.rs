//! What befalls a licence after it was issued: change, renewal, correction, checks, suspension, its ends; taking over
//! licences from elsewhere.
//!
//! `order` is what may be asked, `service` carries it out in one unit of work, by the rules of `licence::life`; what makes a new
//! version has it made by `issue::version`. Who may ask is the policies' to say (`licences.cedar`). From the commit on every
//! node tells the new state: each reads the row when it is asked, and the status lists follow the generation `licences` within
//! a second.

pub mod erase;
mod error;
mod events;
mod http;
pub mod import;
mod order;
mod rules;
mod service;
mod version;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

pub use error::LifeError;
pub use events::{Event, event_row};
pub use order::{Checked, Order};
pub use service::{Done, Operates, operate};

/// Its routes on the platform API.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    http::routes()
}
