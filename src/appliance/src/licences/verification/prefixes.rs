//! The files that a PDF was before later revisions were appended: every prefix that ends with an end-of-file marker
//! (ISO 32000-2 §7.5.5), with its digest.
//!
//! Two passes over the octets: one finds the markers, the other hashes; digests are finished for the last [`MOST`] alone.

use std::collections::VecDeque;

use pdf::syntax::{ReadError, Source};
use ring::digest::{Context, SHA256};

/// A prefix of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    /// Its length in octets.
    pub end: u64,
    /// SHA-256 over it.
    pub sha256: [u8; 32],
}

/// The prefixes of a file, the shortest first, the whole file last.
///
/// Of a file with more markers than are looked at, the last ones count.
///
/// # Errors
/// When the file cannot be read.
pub fn prefixes(source: &dyn Source) -> Result<Vec<Prefix>, ReadError> {
    let mut ends = ends(source)?.into_iter();
    let mut found = Vec::with_capacity(ends.len() + 1);
    let mut hash = Context::new(&SHA256);
    let (mut next, mut at) = (ends.next(), 0);
    blocks(source, &mut |block| {
        let mut rest = block;
        while let Some(end) = next {
            let upto = usize::try_from(end - at).unwrap_or(usize::MAX);
            let Some((before, behind)) = rest.split_at_checked(upto) else { break };
            hash.update(before);
            found.push(Prefix { end, sha256: finish(hash.clone()) });
            (rest, at, next) = (behind, end, ends.next());
        }
        hash.update(rest);
        at += rest.len() as u64;
    })?;
    found.push(Prefix { end: at, sha256: finish(hash) });
    Ok(found)
}

/// Where prefixes end, the whole file left out.
fn ends(source: &dyn Source) -> Result<VecDeque<u64>, ReadError> {
    let length = source.len();
    let (mut found, mut seen, mut position) = (VecDeque::new(), Seen::default(), 0);
    blocks(source, &mut |block| {
        for octet in block {
            for end in seen.next(*octet, position).filter(|end| *end < length) {
                if found.len() == MOST {
                    found.pop_front();
                }
                found.push_back(end);
            }
            position += 1;
        }
    })?;
    Ok(found)
}

fn blocks(source: &dyn Source, take: &mut dyn FnMut(&[u8])) -> Result<(), ReadError> {
    let mut buffer = vec![0; 1 << 16];
    let mut at = 0;
    while at < source.len() {
        let size = usize::try_from(source.len() - at).map_or(buffer.len(), |left| left.min(buffer.len()));
        let Some(block) = buffer.get_mut(..size) else { break };
        source.read_at(at, block)?;
        take(block);
        at += size as u64;
    }
    Ok(())
}

/// How far a marker and the end of its line have come.
#[derive(Debug, Default)]
struct Seen {
    marker: usize,
    after: After,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum After {
    #[default]
    Nothing,
    Marker,
    Return,
}

impl Seen {
    /// The ends that an octet at `position` makes known: behind the marker, behind CR, behind LF.
    fn next(&mut self, octet: u8, position: u64) -> impl Iterator<Item = u64> + use<> {
        let (after, end) = match (&self.after, octet) {
            (After::Marker, b'\r') => (After::Return, Some(position + 1)),
            (After::Marker | After::Return, b'\n') => (After::Nothing, Some(position + 1)),
            _ => (After::Nothing, None),
        };
        self.after = after;
        self.marker = match MARKER.get(self.marker) {
            Some(wanted) if *wanted == octet => self.marker + 1,
            // `%%%EOF`: two of three percent signs begin a marker.
            _ if octet == b'%' => {
                if self.marker == 2 {
                    2
                } else {
                    1
                }
            }
            _ => 0,
        };
        let mut whole = None;
        if self.marker == MARKER.len() {
            (self.marker, self.after, whole) = (0, After::Marker, Some(position + 1));
        }
        end.into_iter().chain(whole)
    }
}

fn finish(hash: Context) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(hash.finish().as_ref());
    out
}

const MARKER: &[u8] = b"%%EOF";
/// Prefixes that are kept: more revisions than any licence gets.
const MOST: usize = 96;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::spill::Spooled;

    fn of(octets: &[u8]) -> Vec<Prefix> {
        prefixes(&Spooled::from_memory(octets.to_vec())).unwrap()
    }

    fn ends_of(octets: &[u8]) -> Vec<u64> {
        of(octets).into_iter().map(|prefix| prefix.end).collect()
    }

    #[test]
    fn a_prefix_ends_behind_its_marker_with_and_without_the_end_of_the_line() {
        assert_eq!(ends_of(b"a%%EOF"), [6]);
        assert_eq!(ends_of(b"a%%EOF\n"), [6, 7]);
        assert_eq!(ends_of(b"a%%EOF\r\nb%%EOF\n"), [6, 7, 8, 14, 15]);
        assert_eq!(ends_of(b"%%%EOF more"), [6, 11]);
        assert_eq!(ends_of(b"%%EO%%EOFx"), [9, 10]);
        assert_eq!(ends_of(b"%%EO%EOFx"), [9]);
        assert_eq!(ends_of(b""), [0]);
    }

    #[test]
    fn each_digest_is_of_its_prefix_wherever_blocks_end() {
        let mut octets = Vec::new();
        for revision in 0..5_usize {
            octets.extend(std::iter::repeat_n(b'.', 65_530 - revision));
            octets.extend_from_slice(b"%%EOF\r\n");
        }
        let found = of(&octets);
        assert_eq!(found.len(), 15);
        for Prefix { end, sha256 } in found {
            let prefix = &octets[..usize::try_from(end).unwrap()];
            assert_eq!(sha256, Spooled::from_memory(prefix.to_vec()).sha256(), "{end}");
        }
    }

    #[test]
    fn markers_without_end_take_no_memory_without_end() {
        let octets = b"%%EOF\n".repeat(10_000);
        let found = of(&octets);
        assert_eq!(found.len(), MOST + 1);
        assert_eq!(found.last().unwrap().end, octets.len() as u64);
    }
}
