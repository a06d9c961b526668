//! A prepared signature: the tail with its hole, what to digest, and how to fill it.

use std::ops::Range;

use crypto::{DigestAlgorithm, Hasher};
use serde::{Deserialize, Serialize};

use crate::syntax::Source;
use crate::write::byte_range_numbers;

/// A signature that lacks nothing but its container.
///
/// Serialisable, so that digest and signature may be days and machines apart: it holds the tail,
/// the hole, and which document it belongs to (length and SHA-256), never the document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Prepared {
    #[serde(with = "octets")]
    tail: Vec<u8>,
    hole: Range<usize>,
    original_length: u64,
    #[serde(with = "octets")]
    original_sha256: Vec<u8>,
    /// Lengths in octets of the digests that the field's author allows; empty where all are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    digests: Vec<usize>,
    /// Over the original and the tail before the hole, where the signed content and the signed document part ways:
    /// saves reading the original again.
    #[serde(skip)]
    running: Option<Running>,
}

/// Digests over the same octets, not finished: SHA-256, which tells documents apart, and another where the container
/// is over that one.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) sha256: Hasher,
    wanted: Option<Hasher>,
}

impl Running {
    pub(super) fn new(wanted: DigestAlgorithm) -> Self {
        Self {
            sha256: DigestAlgorithm::Sha256.hasher(),
            wanted: (wanted != DigestAlgorithm::Sha256).then(|| wanted.hasher()),
        }
    }

    pub(super) fn update(&mut self, part: &[u8]) {
        self.sha256.update(part);
        if let Some(wanted) = &mut self.wanted {
            wanted.update(part);
        }
    }

    /// The digest of that algorithm, if it is among them.
    fn of(&self, algorithm: DigestAlgorithm) -> Option<&Hasher> {
        [Some(&self.sha256), self.wanted.as_ref()]
            .into_iter()
            .flatten()
            .find(|hasher| hasher.algorithm() == algorithm)
    }
}

/// Everything to be appended, and what it makes of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// What to append to the original.
    pub tail: Vec<u8>,
    /// Length of the original in octets.
    pub original_length: u64,
    /// SHA-256 of the original.
    pub original_sha256: Vec<u8>,
    /// Length of the signed document.
    pub result_length: u64,
    /// SHA-256 of the signed document; `None` if the original was not read in this process.
    pub result_sha256: Option<Vec<u8>>,
}

/// Why a prepared signature cannot be digested.
#[derive(Debug, thiserror::Error)]
pub enum DigestError {
    /// The source is not the document that was prepared.
    #[error("this is not the document that the signature was prepared for")]
    DifferentDocument,
    /// Its own numbers contradict each other.
    #[error("the prepared signature is damaged")]
    Damaged,
    /// The author of the field allows other digests (ISO 32000-2 table 237, /DigestMethod).
    #[error("the field demands another digest algorithm than {algorithm:?}")]
    NotAllowed {
        /// The algorithm asked for.
        algorithm: DigestAlgorithm,
    },
    /// The document could not be read.
    #[error("the document cannot be read")]
    Io(#[from] std::io::Error),
}

/// Why a CMS cannot be embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    /// The reserved space is too small: prepare again with at least `needed`.
    #[error("the signature takes {needed} octets, {reserved} are reserved")]
    TooSmall {
        /// Octets of the CMS.
        needed: usize,
        /// Octets reserved.
        reserved: usize,
    },
    /// Its own numbers contradict each other.
    #[error("the prepared signature is damaged")]
    Damaged,
}

impl Prepared {
    /// `running` has taken in the original and nothing else.
    pub(super) fn new(tail: Vec<u8>, hole: Range<usize>, original_length: u64, mut running: Running) -> Self {
        let original_sha256 = running.sha256.clone().finish();
        running.update(tail.get(..hole.start).unwrap_or_default());
        let (digests, running) = (Vec::new(), Some(running));
        Self { tail, hole, original_length, original_sha256, digests, running }
    }

    /// As it is, for these digests only.
    pub(super) fn allowing(mut self, digests: &[DigestAlgorithm]) -> Self {
        self.digests = digests.iter().map(|digest| digest.output_len()).collect();
        self
    }

    /// The signature's ByteRange: two pairs of place and length.
    #[must_use]
    pub fn byte_range(&self) -> [u64; 4] {
        let total = self.original_length.saturating_add(self.tail.len() as u64);
        let [before, behind, rest] = byte_range_numbers(self.original_length, &self.hole, total);
        [0, before, behind, rest]
    }

    /// Length of the document it was prepared for.
    #[must_use]
    pub fn original_length(&self) -> u64 {
        self.original_length
    }

    /// SHA-256 of the document it was prepared for.
    #[must_use]
    pub fn original_sha256(&self) -> &[u8] {
        &self.original_sha256
    }

    /// Octets of the container there is room for.
    #[must_use]
    pub fn reserved(&self) -> usize {
        self.hole.len().saturating_sub(2) / 2
    }

    /// The digest over the ByteRange, which the container has to be over (a CMS states it as its message digest).
    ///
    /// Right after preparation SHA-256 and the digest that was asked for cost only the tail; otherwise `source` is read
    /// once more and checked to be the document that was prepared.
    ///
    /// # Errors
    /// [`DigestError`], if the source is another document or cannot be read.
    pub fn digest(&self, source: &dyn Source, algorithm: DigestAlgorithm) -> Result<Vec<u8>, DigestError> {
        if !self.allows(algorithm) {
            return Err(DigestError::NotAllowed { algorithm });
        }
        let (before, behind) = self.parts().ok_or(DigestError::Damaged)?;
        let mut hasher = match self.running.as_ref().and_then(|running| running.of(algorithm)) {
            Some(running) => running.clone(),
            None => {
                let mut hasher = self.digest_again(source, algorithm)?;
                hasher.update(before);
                hasher
            }
        };
        hasher.update(behind);
        Ok(hasher.finish())
    }

    /// Fills the hole with `container` and hands out what is to be appended. Nothing else of the tail
    /// changes: what was digested stays digested.
    ///
    /// # Errors
    /// [`EmbedError::TooSmall`] with the size needed, if it does not fit.
    pub fn embed(&self, container: &[u8]) -> Result<Signed, EmbedError> {
        let reserved = self.reserved();
        if container.len() > reserved {
            return Err(EmbedError::TooSmall { needed: container.len(), reserved });
        }
        self.parts().ok_or(EmbedError::Damaged)?;
        let mut tail = self.tail.clone();
        let digits = tail.get_mut(self.hole.start + 1..self.hole.end - 1).ok_or(EmbedError::Damaged)?;
        for (pair, &byte) in digits.chunks_exact_mut(2).zip(container) {
            if let [high, low] = pair {
                (*high, *low) = (hex_digit(byte >> 4), hex_digit(byte & 15));
            }
        }
        let result_sha256 = self.running.as_ref().map(|running| {
            let mut running = running.sha256.clone();
            running.update(tail.get(self.hole.start..).unwrap_or_default());
            running.finish()
        });
        Ok(Signed {
            original_length: self.original_length,
            original_sha256: self.original_sha256.clone(),
            result_length: self.original_length.saturating_add(tail.len() as u64),
            result_sha256,
            tail,
        })
    }

    /// Whether the field's author allows this digest. Lengths tell apart those that /DigestMethod can name.
    fn allows(&self, algorithm: DigestAlgorithm) -> bool {
        self.digests.is_empty()
            || (super::seed::METHODS.iter().any(|(_, named)| *named == algorithm)
                && self.digests.contains(&algorithm.output_len()))
    }

    /// The tail before and behind the hole, if the hole is one.
    fn parts(&self) -> Option<(&[u8], &[u8])> {
        let hole = self.tail.get(self.hole.clone())?;
        let well_formed = matches!(hole, [b'<', digits @ .., b'>'] if digits.len() % 2 == 0);
        if !well_formed {
            return None;
        }
        Some((self.tail.get(..self.hole.start)?, self.tail.get(self.hole.end..)?))
    }

    fn digest_again(&self, source: &dyn Source, algorithm: DigestAlgorithm) -> Result<Hasher, DigestError> {
        if source.len() != self.original_length {
            return Err(DigestError::DifferentDocument);
        }
        let mut wanted = algorithm.hasher();
        let mut check = (algorithm != DigestAlgorithm::Sha256).then(|| DigestAlgorithm::Sha256.hasher());
        digest_source(source, |part| {
            wanted.update(part);
            if let Some(check) = &mut check {
                check.update(part);
            }
        })?;
        if check.unwrap_or_else(|| wanted.clone()).finish() != self.original_sha256 {
            return Err(DigestError::DifferentDocument);
        }
        Ok(wanted)
    }
}

/// Hands all of `source` to `each`, in parts that stay in the processor's cache.
pub(super) fn digest_source(source: &dyn Source, mut each: impl FnMut(&[u8])) -> std::io::Result<()> {
    let length = source.len();
    let mut buffer = vec![0; usize::try_from(length).unwrap_or(PART).min(PART)];
    let mut offset = 0u64;
    while offset < length {
        let left = usize::try_from(length - offset).unwrap_or(PART).min(PART);
        let part = buffer.get_mut(..left).unwrap_or_default();
        source.read_at(offset, part)?;
        each(part);
        offset += left as u64;
    }
    Ok(())
}

fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 }
}

/// Octets as hexadecimal in text formats, which spell a list of numbers otherwise.
mod octets {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(octets: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&hex::encode(octets))
        } else {
            serializer.serialize_bytes(octets)
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        if deserializer.is_human_readable() {
            let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
            hex::decode(text.as_bytes()).map_err(D::Error::custom)
        } else {
            Vec::<u8>::deserialize(deserializer)
        }
    }
}

/// 64 KiB: fast to hash, small to hold.
const PART: usize = 64 << 10;
