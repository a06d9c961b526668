//! Issuing a licence: one order becomes identifier, pages, seal, credentials, status entry and holder index in one unit of
//! work; co-issuing with a seal.
//!
//! 1. The order is checked against the type in force: schema, check digits, validity, holder.
//! 2. The serial and the status entry are taken (small units of their own; what is not used is a gap).
//! 3. `version` renders, signs and encrypts; nothing of it is on record or has left.
//! 4. One unit enters licence, version, artefacts, index, status, event and the uses of the seal: one receipt.
//!
//! What fails before 4 leaves nothing but gaps. `life` makes further versions by [`version::make`]; batch work
//! (`licences::jobs`) and co-issue do step 4 with more in the same unit.

mod credentials;
mod error;
mod http;
mod numbers;
pub mod order;
pub mod pages;
pub mod service;
pub mod version;
mod with_seal;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

pub use error::IssueError;
pub use numbers::Serials;
pub use order::Order;
pub use service::{Issued, issue};

pub(crate) use http::resource;

use crate::app::App;

/// Its routes on the platform API.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    http::routes().merge(with_seal::routes())
}
