//! Listeners: sockets, TLS, bounds, and what every request goes through before a capability sees it.
//!
//! Responsible for who may connect, how much they may send, and the shape of every answer; not for who they
//! are (`identity`), what they may do (`policy`) or what is done (the capabilities' routers, which the
//! application hands in). Listeners: the platform API over mutual TLS, enrolment over server TLS (off unless configured),
//! public self-signed objects over plain HTTP, public pages over server TLS, and the local admin socket (decision 34).

pub mod admin;
pub mod conditional;
pub mod connection;
pub mod limits;
pub mod listener;
pub mod metered;
pub mod metrics;
pub mod pipeline;
pub mod portal;
pub mod public;
mod reload;
pub mod request;
mod run;
pub mod spill;
pub mod tls;
pub mod visit;

pub use listener::Stopping;
pub use request::Session;
pub use run::{ServeError, Server, api, describe};
pub use visit::{Visit, Visitors};
