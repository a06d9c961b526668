//! PAdES above B-B: time-stamps, evidence and the security store (EN 319 142-1 §6.3), with `pdf::ltv` doing the PDF.
//!
//! `stamps` has digests time-stamped, `own` takes evidence of our own authorities out of this process, `gather` finds what
//! else paths need, `cache` keeps what was fetched, `raise` serves sealing, `augment` documents that are signed already,
//! `http` is the latter's door.
//!
//! **How sealing uses it.** Before the work on a thread of its own: [`prepare`]`(app, certificates of the seals, level)`
//! gathers, without looking at any document, everything that level takes; for B-B nothing. Inside the work, on that blocking
//! thread:
//!
//! ```text
//! let raising = levels::prepare(&app, &[seal.certificate.clone()], Level::BLTA).await?;
//! desk.work(move || {
//!     let signed = sign_document(&document, &request, &raising.signer(&seal))?;    // B-T and above: time-stamp inside
//!     …the same for further seals, each over what the one before made…
//!     if let Some(more) = raising.finish(&grown, &limits)? { grown.append(&more.tail) }       // B-LT and B-LTA
//! })
//! ```
//!
//! Tokens of our own authority are on record before they are used, so a batch of its own may be recorded for a seal that
//! then fails: a token proves only that a digest existed.

pub mod augment;
mod cache;
mod error;
mod gather;
pub mod http;
mod own;
mod raise;
mod stamps;

pub use augment::{Augmented, augment};
pub use error::LevelError;
pub use raise::{LevelSigner, Raising, prepare};
pub use stamps::{Token, imprint, token};

use crate::config;
use cache::Cache;

/// What a process keeps for raising documents.
#[derive(Debug)]
pub struct Levels {
    cache: Cache,
    service: stamps::Service,
}

impl Levels {
    /// Begins with nothing.
    #[must_use]
    pub fn new(config: &config::Levels) -> Self {
        Self {
            cache: Cache::new(config.cache_items, config.cache_bytes),
            service: stamps::Service::default(),
        }
    }
}

/// How often looking for evidence may find that more is needed: a path of eight certificates, each issuer unknown.
const MAX_ROUNDS: usize = 10;
/// How often a time-stamp may turn out larger than the room kept for it.
const STAMP_ROUNDS: usize = 4;
/// Octets that tokens of one authority differ by: serial number, signature, fraction of a second.
const SLACK: usize = 64;
