//! Shamir shares as a line of text that an operator can write down, read over the telephone and type:
//!
//! ```text
//! cinnabar-share.1f3a9c02.2of3.1.4T9QX-…    (15 groups of 5)
//! ```
//! Set id, threshold and count, index; then the share's 32 bytes and a 40-bit checksum over all of it in Crockford's
//! base32. The fifth character of each group checks the other four, so that a typing mistake is found and named by
//! group. Case, spaces and dashes do not matter; `O` reads as 0, `I` and `L` as 1.

use std::fmt;
use std::str::FromStr;

use ring::digest::{Context, SHA256};
use zeroize::{Zeroize, Zeroizing};

const PREFIX: &str = "cinnabar-share";
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const GROUPS: usize = 15;
const VALUE_LEN: usize = 32;
const CHECKSUM_LEN: usize = 5;

/// One share of a keystore's unlock key.
#[derive(Clone, PartialEq, Eq)]
pub struct Share {
    pub(crate) set: [u8; 4],
    pub(crate) threshold: u8,
    pub(crate) count: u8,
    pub(crate) index: u8,
    pub(crate) value: Zeroizing<[u8; VALUE_LEN]>,
}

impl Share {
    /// The sharing it belongs to, 8 hexadecimal digits.
    #[must_use]
    pub fn set(&self) -> String {
        hex::encode(self.set)
    }

    /// Its number, from 1.
    #[must_use]
    pub const fn index(&self) -> u8 {
        self.index
    }

    /// Shares needed to unlock.
    #[must_use]
    pub const fn threshold(&self) -> u8 {
        self.threshold
    }

    /// Shares made.
    #[must_use]
    pub const fn count(&self) -> u8 {
        self.count
    }

    /// The line of text. It is the secret: show it once, to its holder alone.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut data = Zeroizing::new([0_u8; VALUE_LEN + CHECKSUM_LEN]);
        let (value, checksum) = data.split_at_mut(VALUE_LEN);
        value.copy_from_slice(self.value.as_slice());
        checksum.copy_from_slice(&self.checksum());
        let symbols = to_symbols(data.as_slice());
        let mut text = Zeroizing::new(String::with_capacity(160));
        text.push_str(&format!("{PREFIX}.{}.{}of{}.{}.", self.set(), self.threshold, self.count, self.index));
        for (group, number) in symbols.chunks(4).zip(0..) {
            if number > 0 {
                text.push('-');
            }
            for symbol in group.iter().copied().chain([group_check(group, number)]) {
                text.push(ALPHABET.get(usize::from(symbol)).map_or('?', |c| char::from(*c)));
            }
        }
        text
    }

    fn checksum(&self) -> [u8; CHECKSUM_LEN] {
        let mut context = Context::new(&SHA256);
        context.update(b"cinnabar share v1");
        context.update(&self.set);
        context.update(&[self.threshold, self.count, self.index]);
        context.update(self.value.as_slice());
        let mut checksum = [0; CHECKSUM_LEN];
        checksum.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
        checksum
    }
}

/// Shows which share it is, never its value.
impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Share({} of set {}, {} of {} needed)", self.index, self.set(), self.threshold, self.count)
    }
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        if text.len() > 1024 {
            return Err(ShareError::Form);
        }
        let mut plain = Zeroizing::new(String::with_capacity(text.len()));
        plain.extend(text.chars().filter(|c| !c.is_whitespace()));
        let mut fields = plain.split('.');
        let (Some(prefix), Some(set), Some(sizes), Some(index), Some(body), None) =
            (fields.next(), fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(ShareError::Form);
        };
        if !prefix.eq_ignore_ascii_case(PREFIX) {
            return Err(ShareError::Form);
        }
        let index: u8 = index.parse().map_err(|_| ShareError::Number { field: "its number" })?;
        let mut share_set = [0; 4];
        hex::decode_to_slice(set.to_ascii_lowercase(), &mut share_set)
            .map_err(|_| ShareError::Number { field: "the set id" })?;
        let sizes = sizes.to_ascii_lowercase();
        let (threshold, count) = sizes
            .split_once("of")
            .and_then(|(threshold, count)| Some((threshold.parse().ok()?, count.parse().ok()?)))
            .ok_or(ShareError::Number { field: "threshold and count" })?;
        let data = decode(body, index)?;
        let (value, checksum) = data.split_at(VALUE_LEN);
        let mut share = Self { set: share_set, threshold, count, index, value: Zeroizing::default() };
        share.value.copy_from_slice(value);
        let sensible = threshold >= 2 && threshold <= count && (1..=count).contains(&index);
        if sensible && share.checksum() == *checksum {
            Ok(share)
        } else {
            Err(ShareError::Checksum { index })
        }
    }
}

/// The groups' bytes.
fn decode(body: &str, index: u8) -> Result<Zeroizing<[u8; VALUE_LEN + CHECKSUM_LEN]>, ShareError> {
    let mut symbols = Zeroizing::new(Vec::with_capacity(body.len()));
    for c in body.chars().filter(|c| *c != '-') {
        let group = symbols.len() / 5 + 1;
        symbols.push(symbol(c).ok_or(ShareError::Group { index, group })?);
    }
    if symbols.len() != GROUPS * 5 {
        return Err(ShareError::Length { index, found: symbols.len(), expected: GROUPS * 5 });
    }
    let mut data = Zeroizing::new([0; VALUE_LEN + CHECKSUM_LEN]);
    let mut bytes = data.iter_mut();
    let (mut bits, mut held) = (0_u32, 0_u32);
    for (group, number) in symbols.chunks(5).zip(0_u8..) {
        let (text, check) = group.split_at(4);
        if check != [group_check(text, number)] {
            return Err(ShareError::Group { index, group: usize::from(number) + 1 });
        }
        for symbol in text {
            bits = bits << 5 | u32::from(*symbol);
            held += 5;
            if held >= 8 {
                held -= 8;
                if let Some(byte) = bytes.next() {
                    *byte = (bits >> held & 0xff) as u8;
                }
            }
        }
    }
    // 60 symbols are 300 bits, 37 bytes 296: what is left over is zero.
    let rest = bits & ((1 << held) - 1);
    bits.zeroize();
    if rest == 0 { Ok(data) } else { Err(ShareError::Checksum { index }) }
}

fn to_symbols(data: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut symbols = Zeroizing::new(Vec::with_capacity(GROUPS * 4));
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in data {
        bits = bits << 8 | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            symbols.push((bits >> held & 31) as u8);
        }
    }
    if held > 0 {
        symbols.push((bits << (5 - held) & 31) as u8);
    }
    symbols
}

fn symbol(c: char) -> Option<u8> {
    let c = match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        c => c,
    };
    ALPHABET.iter().zip(0..).find_map(|(known, value)| (char::from(*known) == c).then_some(value))
}

/// Σ dᵢ·αⁱ⁺¹ + number in GF(2⁵) with x⁵+x²+1: changes with any one symbol, with any two exchanged, and with the
/// group's place.
fn group_check(group: &[u8], number: u8) -> u8 {
    let times_alpha = |value: u8| (value << 1 ^ if value & 16 == 0 { 0 } else { 0b10_0101 }) & 31;
    group.iter().rev().fold(0, |sum, symbol| times_alpha(sum ^ symbol)) ^ number
}

/// What is wrong with a typed share.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ShareError {
    /// Not a share at all.
    #[error("not a share: `{PREFIX}.SET.KofN.NUMBER.GROUPS` is expected")]
    Form,
    /// A field before the groups.
    #[error("the share cannot be read: {field} is mistyped")]
    Number {
        /// Which field.
        field: &'static str,
    },
    /// Too short or too long.
    #[error("share {index} has {found} characters in its groups instead of {expected}")]
    Length {
        /// The share's number.
        index: u8,
        /// Characters found.
        found: usize,
        /// Characters expected.
        expected: usize,
    },
    /// A group.
    #[error("share {index} has a typing mistake in group {group}")]
    Group {
        /// The share's number.
        index: u8,
        /// The group's number, from 1.
        group: usize,
    },
    /// The whole.
    #[error("share {index} has a typing mistake: its checksum does not fit")]
    Checksum {
        /// The share's number, as typed.
        index: u8,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(value: [u8; 32]) -> Share {
        Share { set: [0x1f, 0x3a, 0x9c, 2], threshold: 2, count: 3, index: 1, value: Zeroizing::new(value) }
    }

    #[test]
    fn the_text_is_one_line_with_its_number_in_front() {
        let text = share([7; 32]).to_text();
        assert!(text.starts_with("cinnabar-share.1f3a9c02.2of3.1."), "{}", text.as_str());
        assert_eq!(text.rsplit('.').next().unwrap().split('-').count(), 15);
        assert_eq!(text.parse::<Share>().unwrap(), share([7; 32]));
    }

    #[test]
    fn operators_may_type_as_they_like() {
        let text = share([0x10; 32]).to_text();
        let (head, body) = text.rsplit_once('.').unwrap();
        let body = body.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
        assert_eq!(
            format!(" {}. {body}\n", head.to_uppercase()).parse::<Share>().unwrap(),
            share([0x10; 32])
        );
    }

    #[test]
    fn debug_does_not_show_the_value() {
        assert_eq!(format!("{:?}", share([7; 32])), "Share(1 of set 1f3a9c02, 2 of 3 needed)");
    }

    #[test]
    fn every_single_mistyped_character_is_found_and_its_group_named() {
        let text = share(*b"0123456789abcdef0123456789abcdef").to_text().to_string();
        let body = text.rfind('.').unwrap() + 1;
        for position in 0..text.len() {
            for c in "09AFWZ".chars() {
                let mut typed = text.clone();
                if text[position..].starts_with([c, c.to_ascii_lowercase()])
                    || &text[position..=position] == "-"
                {
                    continue;
                }
                typed.replace_range(position..=position, &c.to_string());
                let error = typed.parse::<Share>().unwrap_err();
                if position >= body {
                    let group = (position - body) / 6 + 1;
                    assert_eq!(error, ShareError::Group { index: 1, group }, "{position}");
                }
            }
        }
    }

    #[test]
    fn exchanged_characters_and_groups_are_found() {
        let text = share(*b"0123456789abcdef0123456789abcdef").to_text().to_string();
        for position in text.rfind('.').unwrap() + 1..text.len() - 1 {
            let mut typed = text.clone().into_bytes();
            typed.swap(position, position + 1);
            let typed = String::from_utf8(typed).unwrap();
            if typed.replace('-', "") != text.replace('-', "") {
                assert!(typed.parse::<Share>().is_err(), "{position}");
            }
        }
        let (head, body) = text.rsplit_once('.').unwrap();
        let mut groups: Vec<&str> = body.split('-').collect();
        groups.swap(3, 9);
        let error = format!("{head}.{}", groups.join("-")).parse::<Share>().unwrap_err();
        assert_eq!(error, ShareError::Group { index: 1, group: 4 });
        groups.swap(3, 9);
        groups.pop();
        let error = format!("{head}.{}", groups.join("-")).parse::<Share>().unwrap_err();
        assert_eq!(error, ShareError::Length { index: 1, found: 70, expected: 75 });
    }

    #[test]
    fn a_share_renumbered_is_refused() {
        let text = share([7; 32]).to_text();
        for (from, to) in [(".2of3.1.", ".2of3.2."), (".2of3.1.", ".3of3.1."), ("1f3a9c02", "1f3a9c03")] {
            assert!(matches!(text.replace(from, to).parse::<Share>(), Err(ShareError::Checksum { .. })));
        }
    }

    proptest! {
        #[test]
        fn any_share_reads_back(
            set: [u8; 4], value: [u8; 32], (threshold, count, index) in (2_u8..=255)
                .prop_flat_map(|count| (2..=count, Just(count), 1..=count))
        ) {
            let share = Share { set, threshold, count, index, value: Zeroizing::new(value) };
            prop_assert_eq!(share.to_text().parse::<Share>().unwrap(), share);
        }

        #[test]
        fn reading_never_panics(text in "(cinnabar-share\\.)?[0-9a-fA-Zof.\\- é]{0,140}") {
            let _ = text.parse::<Share>();
        }
    }
}
