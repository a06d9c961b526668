//! Token status lists: many licences' standing in one signed bit array, so that whoever asks does not tell which they ask for.
//!
//! Two bits each: 0 valid, 1 invalid, 2 suspended. The array is packed from the least significant bit, compressed with zlib, and
//! stands in a token that is a JWT or a CWT ([`token`]). Which place is whose, the appliance knows; here are octets.

pub mod token;

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use thiserror::Error;

pub use token::{ListError, Terms, Token, VerifiedList, token_cwt, token_jwt};

/// In force.
pub const VALID: u8 = 0;
/// Ended.
pub const INVALID: u8 = 1;
/// Suspended: may come back.
pub const SUSPENDED: u8 = 2;

/// A bit array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusList {
    bits: u8,
    octets: Vec<u8>,
}

/// Why a status could not be set or a list not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PlaceError {
    /// More entries than are allowed.
    #[error("a status list has at most {MOST_ENTRIES} entries, not {0}")]
    Size(u32),
    /// Behind the end.
    #[error("the status list has no place {0}")]
    Place(u32),
    /// Too large for the list's bits.
    #[error("the status {0} does not fit the bits of an entry")]
    Value(u8),
}

/// Entries of a list at most: 1 MiB of octets at two bits.
pub const MOST_ENTRIES: u32 = 1 << 22;
/// Octets of an inflated list at most.
pub const MOST_OCTETS: usize = 1 << 20;

impl StatusList {
    /// A list of that many entries of two bits, all [`VALID`].
    ///
    /// # Errors
    /// [`PlaceError::Size`].
    pub fn new(size: u32) -> Result<Self, PlaceError> {
        if size > MOST_ENTRIES {
            return Err(PlaceError::Size(size));
        }
        Ok(Self { bits: 2, octets: vec![0; (size as usize).div_ceil(4)] })
    }

    /// The list that zlib octets hold, at 1, 2, 4 or 8 bits each; nothing beyond [`MOST_OCTETS`] is inflated.
    #[must_use]
    pub fn inflate(bits: u8, compressed: &[u8]) -> Option<Self> {
        if ![1, 2, 4, 8].contains(&bits) {
            return None;
        }
        Some(Self { bits, octets: inflate(compressed, MOST_OCTETS)? })
    }

    /// How many entries it has room for.
    #[must_use]
    pub fn size(&self) -> usize {
        self.octets.len() * usize::from(8 / self.bits)
    }

    /// Bits of an entry.
    #[must_use]
    pub const fn bits(&self) -> u8 {
        self.bits
    }

    /// The status at a place.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<u8> {
        let (at, shift) = self.place(index);
        self.octets.get(at).map(|octet| (octet >> shift) & self.mask())
    }

    /// Sets the status at a place.
    ///
    /// # Errors
    /// [`PlaceError`].
    pub fn set(&mut self, index: u32, status: u8) -> Result<(), PlaceError> {
        let mask = self.mask();
        if status > mask {
            return Err(PlaceError::Value(status));
        }
        let (at, shift) = self.place(index);
        let octet = self.octets.get_mut(at).ok_or(PlaceError::Place(index))?;
        *octet = (*octet & !(mask << shift)) | (status << shift);
        Ok(())
    }

    /// The array in zlib (RFC 1950), as tokens carry it.
    #[must_use]
    pub fn compressed(&self) -> Vec<u8> {
        deflate(&self.octets)
    }

    fn mask(&self) -> u8 {
        u8::MAX >> (8 - self.bits)
    }

    /// Octet and shift: from the least significant bit on.
    fn place(&self, index: u32) -> (usize, u8) {
        let each = u32::from(8 / self.bits);
        #[expect(clippy::cast_possible_truncation, reason = "less than 8")]
        let shift = (index % each) as u8 * self.bits;
        ((index / each) as usize, shift)
    }
}

/// Octets in zlib, as small as it gets.
pub(super) fn deflate(octets: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail; if it did, what comes out would not inflate and be refused by every reader.
    let _ = encoder.write_all(octets);
    encoder.finish().unwrap_or_default()
}

/// What zlib octets hold, up to `most`; nothing may follow the stream.
pub(super) fn inflate(compressed: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut decoder = ZlibDecoder::new(compressed);
    let mut octets = Vec::new();
    decoder.by_ref().take(most as u64 + 1).read_to_end(&mut octets).ok()?;
    let whole = decoder.total_in() == compressed.len() as u64;
    (octets.len() <= most && whole).then_some(octets)
}
