//! Documents: sealed and verified. The main job.

mod file;
pub mod model;
mod sealing;

pub use file::FileSource;
pub use sealing::{SealingError, seal};
