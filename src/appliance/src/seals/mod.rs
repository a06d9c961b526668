//! Seals in their thin form: a record with owner, picture and certificate, made by an officer, used by
//! approval systems. Their whole life (application, filing, change, cancellation) comes on top of this.

mod cabinet;
pub mod http;
pub mod model;
pub mod picture;
pub mod records;
mod service;

pub use cabinet::{Cabinet, ReadySeal, SealError};
pub use service::MakeError;
