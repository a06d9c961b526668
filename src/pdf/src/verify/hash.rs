//! Hashing the byte ranges of all signatures in one pass over the file.
//!
//! Every signature signs a prefix of the file but for one gap, so one running digest serves them all: at a
//! signature's gap its state is copied, and the copy alone goes on after the gap. Three signatures on 20 MB
//! cost little more than one. The same pass notes every `startxref`, so that a revision which no section
//! leads to is not missed for the price of a second pass.

use std::collections::BTreeSet;
use std::ops::Range;

use crypto::{DigestAlgorithm, Hasher};

use crate::syntax::{ReadError, Source};

/// One digest to compute: all octets before the gap and those from its end to `end`.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) algorithm: DigestAlgorithm,
    pub(crate) gap: Range<u64>,
    pub(crate) end: u64,
}

/// What one pass over a file finds.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    /// The digests of the jobs, in order.
    pub(crate) digests: Vec<Vec<u8>>,
    /// Where the keyword `startxref` stands.
    pub(crate) startxrefs: Vec<u64>,
}

/// Reads the whole of `source` once.
pub(crate) fn pass(source: &dyn Source, jobs: &[Job]) -> Result<Pass, ReadError> {
    let apart: u64 = jobs.iter().map(|job| job.end.saturating_sub(job.gap.end)).fold(0, u64::saturating_add);
    if apart > source.len().saturating_mul(MAX_PASSES) {
        return Err(ReadError::TooComplex { budget: "octets hashed" });
    }
    let mut boundaries: BTreeSet<u64> = BTreeSet::from([source.len()]);
    let mut keywords = Keywords::new();
    for job in jobs {
        boundaries.extend([job.gap.start, job.gap.end, job.end]);
    }
    let mut prefixes: Vec<Hasher> = Vec::new();
    for job in jobs {
        if prefixes.iter().all(|prefix| prefix.algorithm() != job.algorithm) {
            prefixes.push(job.algorithm.hasher());
        }
    }
    let mut own: Vec<Option<Hasher>> = jobs.iter().map(|_| None).collect();
    let mut buffer = vec![0; BLOCK];
    let mut at = 0;
    for boundary in boundaries {
        while at < boundary {
            let length = usize::try_from(boundary - at).map_or(BLOCK, |left| left.min(BLOCK));
            let Some(block) = buffer.get_mut(..length) else { break };
            source.read_at(at, block)?;
            keywords.look(at, block)?;
            for prefix in &mut prefixes {
                if jobs.iter().any(|job| job.algorithm == prefix.algorithm() && at < job.gap.start) {
                    prefix.update(block);
                }
            }
            for (job, hasher) in jobs.iter().zip(&mut own) {
                if let Some(hasher) = hasher
                    && (job.gap.end..job.end).contains(&at)
                {
                    hasher.update(block);
                }
            }
            at += length as u64;
        }
        for (job, hasher) in jobs.iter().zip(&mut own) {
            if job.gap.start == boundary {
                *hasher = prefixes.iter().find(|prefix| prefix.algorithm() == job.algorithm).cloned();
            }
        }
    }
    let digests = own.into_iter().map(|hasher| hasher.map(Hasher::finish).unwrap_or_default()).collect();
    Ok(Pass { digests, startxrefs: keywords.found })
}

/// Looks for a keyword in blocks that follow each other.
struct Keywords {
    finder: memchr::memmem::Finder<'static>,
    /// The end of what was looked at.
    tail: Vec<u8>,
    found: Vec<u64>,
}

impl Keywords {
    fn new() -> Self {
        Self { finder: memchr::memmem::Finder::new(STARTXREF), tail: Vec::new(), found: Vec::new() }
    }

    fn look(&mut self, at: u64, block: &[u8]) -> Result<(), ReadError> {
        // Across the seam first; then the tail is what a keyword still to be completed may begin in.
        let seam = self.tail.len();
        self.tail.extend(block.iter().take(STARTXREF.len() - 1));
        if let Some(found) = self.finder.find(&self.tail) {
            self.found.push(at.saturating_sub(seam as u64) + found as u64);
        }
        if block.len() >= STARTXREF.len() {
            self.tail.clear();
            self.tail.extend(block.iter().skip(block.len() - (STARTXREF.len() - 1)));
        } else {
            let extra = self.tail.len().saturating_sub(STARTXREF.len() - 1);
            self.tail.drain(..extra);
        }
        self.found.extend(self.finder.find_iter(block).map(|found| at + found as u64));
        if self.found.len() > MAX_KEYWORDS {
            return Err(ReadError::TooComplex { budget: "startxref keywords" });
        }
        Ok(())
    }
}

/// Large enough to make a read cheap, small enough to stay in the second-level cache.
const BLOCK: usize = 1 << 16;
/// Signatures that each hash the file anew after their gap are none that signing software makes.
const MAX_PASSES: u64 = 16;
const STARTXREF: &[u8] = b"startxref";
/// Revisions are limited to a quarter of this; the rest is room for files attached without compression.
const MAX_KEYWORDS: usize = 4_096;
