//! Documents: sealed and verified. The main job.

mod file;
pub mod http;
pub mod model;
mod problems;
pub mod records;
pub mod replay;
mod sealing;
mod service;
mod verification;

pub use file::FileSource;
pub use sealing::SealingError;
pub use service::{Desk, DocumentError};
pub use verification::Evidence;
