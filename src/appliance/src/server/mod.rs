//! Listeners: sockets, TLS, bounds, and what every request goes through before a capability sees it.
//!
//! Responsible for who may connect, how much they may send, and the shape of every answer; not for who they
//! are (`identity`), what they may do (`policy`) or what is done (the capabilities' routers, which the
//! application hands in).

pub mod limits;
pub mod metered;
pub mod metrics;
pub mod spill;
pub mod tls;
