//! The authorities' life: which key and certificate serve each place of the hierarchy, now and before.
//!
//! A place (*slot*) of the hierarchy has *generations*: the first is made by the ceremony and named like the slot, later
//! ones `SLOT-2`, `SLOT-3`, … A generation is active (new certificates are issued by it), retiring (it still answers for
//! what it issued: revocation lists, OCSP) or retired. The table is read into memory and again when its generation
//! counter moves; installations from before it are answered from the certificate files, until the first unsealing
//! enters them.
//!
//! Responsible for: looking authorities and delegated signers up, rotating delegated signers, rolling authorities over
//! with four eyes, requests to and certificates from a root elsewhere. Not for issuing as such (`certificates`), for
//! revocation lists and OCSP (`status`), nor for where keys lie (`keepers`).

mod enter;
mod error;
mod http;
mod judge;
pub(crate) mod keeper;
mod lookup;
mod records;
mod register;
mod rollover;
mod rotate;

pub(crate) use enter::from_files;
pub use enter::{first_generation, places};
pub use error::AuthorityError;
pub use http::routes;
pub use judge::{Unfit, judged, root};
pub use keeper::keep;
pub use lookup::{Authority, Delegate};
pub use register::{Generation, Register, Standing};
