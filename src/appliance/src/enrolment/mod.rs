//! Enrolment over secure transport (EST, RFC 7030), and the one-time secrets of a first enrolment.
//!
//! Responsible for who may enrol and how that travels: `est` the protocol, `enrol` its
//! two acts, `payload` its bodies, `http` and `service`
//! the secrets, `secret` what people type, `strikes` how often they may mistype it. Not for issuing (`certificates`)
//! nor for the listener that lets strangers in (`server::visit`). ACME is `acme`.

mod enrol;
pub mod est;
pub mod http;
pub mod model;
pub mod payload;
pub mod records;
pub mod secret;
pub mod service;
pub mod strikes;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// The routes on the platform API: secrets, and EST for whoever has a certificate already. EST is described by its own
/// standard, not by our description of the API.
#[must_use]
pub fn routes() -> OpenApiRouter<Arc<App>> {
    http::routes().merge(OpenApiRouter::from(est::routes()))
}
