//! Hashing the byte ranges of all signatures in one pass over the file.
//!
//! Every signature signs a prefix of the file but for one gap, so one running digest serves them all: at a
//! signature's gap its state is copied, and the copy alone goes on after the gap. Three signatures on 20 MB
//! cost little more than one.

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

/// The digests of `jobs`, in order.
pub(crate) fn digests(source: &dyn Source, jobs: &[Job]) -> Result<Vec<Vec<u8>>, ReadError> {
    let apart: u64 = jobs.iter().map(|job| job.end.saturating_sub(job.gap.end)).fold(0, u64::saturating_add);
    if apart > source.len().saturating_mul(MAX_PASSES) {
        return Err(ReadError::TooComplex { budget: "octets hashed" });
    }
    let mut boundaries: BTreeSet<u64> = BTreeSet::new();
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
    Ok(own.into_iter().map(|hasher| hasher.map(Hasher::finish).unwrap_or_default()).collect())
}

/// Large enough to make a read cheap, small enough to stay in the second-level cache.
const BLOCK: usize = 1 << 16;
/// Signatures that each hash the file anew after their gap are none that signing software makes.
const MAX_PASSES: u64 = 16;
