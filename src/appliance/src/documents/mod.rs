//! Documents: sealed and verified. The main job.

mod batch;
mod file;
mod grown;
pub mod http;
mod intake;
pub mod levels;
pub mod model;
mod order;
pub mod parameters;
mod problems;
pub mod records;
pub mod replay;
mod sealing;
mod service;
mod verification;

pub use file::FileSource;
pub use levels::{LevelError, Levels};
pub use sealing::SealingError;
pub use service::{Desk, DocumentError};
pub use verification::Evidence;
