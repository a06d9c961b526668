//! PDF signatures: a bounded byte-exact reader, incremental signing, revision-wise verification.
//!
//! Pure computation: bytes come through [`syntax::Source`], time and keys are handed in.

pub mod appearance;
pub mod inspect;
pub mod ltv;
pub mod report;
pub mod revisions;
pub mod sign;
pub mod syntax;
pub mod text;
pub mod verify;
pub mod write;
