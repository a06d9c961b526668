//! Mutual recognition: signed trust lists, their review, and verifying what listed regions issued.
//!
//! A list is brought in by one officer and put in force by another; what it says is `licence::trust_list`'s to judge, whose
//! signature it may bear is decided here (`lists`). Each node keeps the regions in force in memory ([`Regions`]) and reads them
//! again when the generation `recognition` moves. `verify` answers for what a region issued, within that region's bounds and
//! by its own keys alone; `status` fetches its status lists and fails closed. Called by `licences::verification` and the portal
//! for what is not this platform's own.

mod error;
mod http;
mod lists;
mod own;
mod records;
mod regions;
mod status;
mod verify;

pub use error::RecognitionError;
pub use http::{public_routes, routes};
pub use regions::{Region, Regions, refresh};
pub(in crate::licences) use verify::HOLDER_BOUND;
pub use verify::{by_document, by_presentation, by_qr, is_sealed_by, licence_in};
