//! Proofs of existence: which objects are known to have existed at a time before the time of validation.
//!
//! Objects are known by the SHA-256 of their octets: a certificate, a CRL, a BasicOCSPResponse (whatever is around it), a
//! signature value, a time-stamp token. Filled by whoever knows what a valid time-stamp covers (§5.6.2.3) and asked by the
//! validation of the past. An object without an entry exists at the time of validation and is not known to have existed
//! before.

use std::collections::HashMap;

use crypto::DigestAlgorithm;
use serde::Serialize;

use super::report::{ProofUsed, TimestampValidation};

/// What proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProofSource {
    /// A time-stamp of the signature.
    SignatureTimestamp,
    /// A time-stamp of the document.
    DocumentTimestamp,
    /// Whoever asks says so (a register entry, an archive's record).
    Told,
}

/// A proof of existence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Poe {
    /// The time, Unix seconds.
    pub time: i64,
    /// What proves it.
    pub source: ProofSource,
}

/// The proofs of existence of one document.
#[derive(Clone, Debug, Default)]
pub struct Poes {
    earliest: HashMap<[u8; 32], Poe>,
}

impl Poes {
    /// No proofs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The name of an object: SHA-256 of its octets.
    #[must_use]
    pub fn digest(octets: &[u8]) -> [u8; 32] {
        let mut name = [0; 32];
        name.iter_mut().zip(DigestAlgorithm::Sha256.digest(octets)).for_each(|(to, from)| *to = from);
        name
    }

    /// The object existed at that time; only the earliest time is kept.
    pub fn add(&mut self, object: &[u8; 32], time: i64, source: ProofSource) {
        let known = self.earliest.entry(*object).or_insert(Poe { time, source });
        if time < known.time {
            *known = Poe { time, source };
        }
    }

    /// The earliest time at which the object is proven to have existed.
    #[must_use]
    pub fn earliest(&self, object: &[u8; 32]) -> Option<Poe> {
        self.earliest.get(object).copied()
    }

    /// How many objects have a proof.
    #[must_use]
    pub fn len(&self) -> usize {
        self.earliest.len()
    }

    /// Whether no object has one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.earliest.is_empty()
    }

    /// Proof extraction (§5.6.2.3): what `stamp` covers existed at its genTime, provided that it
    /// [proves](TimestampValidation::proves) anything. Answers whether it does.
    pub fn extract<'d>(
        &mut self,
        stamp: &TimestampValidation,
        source: ProofSource,
        covered: impl IntoIterator<Item = &'d [u8; 32]>,
    ) -> bool {
        if stamp.proves {
            for object in covered {
                self.add(object, stamp.generated_at, source);
            }
        }
        stamp.proves
    }

    /// When `object` is known to have existed at the latest: its proof, or the time of validation.
    pub(super) fn known(&self, object: &[u8; 32], at: i64) -> i64 {
        self.earliest(object).map_or(at, |poe| poe.time.min(at))
    }
}

/// Proofs that counted, each once.
pub(super) fn note(
    proofs: &mut Vec<ProofUsed>,
    poes: &Poes,
    kind: super::report::ObjectKind,
    object: &[u8; 32],
) {
    if let Some(poe) = poes.earliest(object)
        && !proofs.iter().any(|used| used.object == *object)
    {
        proofs.push(ProofUsed { kind, object: *object, poe });
    }
}
