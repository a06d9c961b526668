//! Documents: sealed and verified. The main job.

mod batch;
pub(crate) mod csc;
mod digest;
mod error;
mod file;
mod files;
mod format;
mod grown;
pub mod http;
pub(crate) mod intake;
pub mod levels;
pub mod looks;
pub mod made;
pub mod model;
mod order;
pub mod parameters;
mod preparation;
mod problems;
pub mod records;
pub mod replay;
mod sealing;
mod service;
mod ses;
mod signers;
mod two_phase;
mod verification;
mod wishes;

pub use file::FileSource;
pub use levels::{LevelError, Levels};

pub use preparation::{Preparation, PreparationError};
pub use sealing::{Look, Picture, SealingError, signature_request};
pub use service::{Desk, DocumentError};
pub use signers::byte_range;
pub use two_phase::TwoPhaseTerms;
pub use verification::{
    Evidence, PolicyFault, SealMakers, Seals, SignaturePolicies, Wanted, whole as verify_whole,
};
