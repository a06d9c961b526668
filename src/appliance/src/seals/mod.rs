//! Seals in their thin form: a record with owner, picture and certificate, made by an officer, used by
//! approval systems. Their whole life (application, filing, change, cancellation) comes on top of this.

mod cabinet;
pub mod model;
pub mod records;

pub use cabinet::{Cabinet, ReadySeal, SealError};
