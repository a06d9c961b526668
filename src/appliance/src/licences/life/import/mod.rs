//! Taking over licences that exist already, with the identifiers they have.
//!
//! Older systems were less strict than this one, and what they issued holds all the same. So only what makes a licence
//! unusable here is refused: an identifier that cannot be read, a type that is not in the catalogue, a holder without name or
//! number (nobody would find it), a term that ends before it begins, a serial that is taken. Everything else is taken over and
//! stays on the record as a warning: a check character that does not fit (a wrong algorithm circulates), fields that the
//! type's schema would not take, an issuing body that is not the one whose seal issues that type now. The warnings are told
//! with the licence; whoever changes it later mends its fields, because a new version is held against the schema.
//!
//! The document that came along is kept encrypted as it is. It bears no seal of ours and none is pretended: the version names
//! no seal, no credential is made and no status entry taken, until an operation makes a version of ours.

mod error;
mod known;
mod order;
mod service;
mod warning;

pub use error::ImportError;
pub use known::known;
pub use order::Import;
pub use service::{Imported, import, type_of};
pub use warning::Warning;
