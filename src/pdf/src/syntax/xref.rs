//! Cross-reference sections: tables, streams and hybrids (ISO 32000-2 §7.5.4, §7.5.8).
//!
//! Reads one section at a given place. Following `/Prev` is the document's business, what the sections
//! mean as revisions is [`revisions`](crate::revisions)'.

use std::collections::BTreeMap;

use super::filter;
use super::input::Input;
use super::parser::is_space;
use super::{Dictionary, Object, ObjectId, Oddity, ReadError, indirect};

/// Where an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Freed, or of a type this version of PDF does not know.
    Free {
        /// The generation its number would be used again with.
        generation: u16,
    },
    /// At an offset from the start of the file.
    Offset {
        /// Octets from the start of the file, junk before the header included.
        offset: u64,
        /// Its generation.
        generation: u16,
    },
    /// In an object stream; generation 0.
    Packed {
        /// Number of the object stream.
        stream: u32,
        /// Index within it.
        index: u32,
    },
}

/// How a section is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XrefKind {
    /// A table (`xref` … `trailer`).
    Table,
    /// A cross-reference stream.
    Stream,
    /// A table whose trailer names a stream with further entries (`/XRefStm`).
    Hybrid,
}

/// One cross-reference section with its trailer.
#[derive(Debug)]
pub struct Section {
    /// Where it starts, in octets from the start of the file.
    pub offset: u64,
    /// Where its trailer dictionary, or its stream object, ends.
    pub end: u64,
    /// How it is written.
    pub kind: XrefKind,
    /// Its trailer (of a stream section, the stream's dictionary).
    pub trailer: Dictionary,
    /// Its own stream object and, in a hybrid, the stream `/XRefStm` names: identity and extent.
    pub streams: Vec<(ObjectId, std::ops::Range<u64>)>,
    pub(crate) main: Table,
    /// Entries of the stream that `/XRefStm` names.
    pub(crate) hidden: Table,
}

impl Section {
    /// The entry of `number`, by the order of §7.5.8.4: a table's entry in use, then the hybrid's stream.
    pub(crate) fn lookup(&self, number: u32) -> Option<Entry> {
        match self.main.get(number) {
            found @ Some(Entry::Offset { .. } | Entry::Packed { .. }) => found,
            free => self.hidden.get(number).or(free),
        }
    }

    /// Every number this section says something about, ascending.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        let mut numbers: Vec<u32> = self.main.numbers().chain(self.hidden.numbers()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter()
    }

    /// The highest number mentioned.
    pub(crate) fn highest(&self) -> u32 {
        self.main.highest().max(self.hidden.highest())
    }
}

/// Subsections in ascending order, never overlapping.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<(u32, Vec<Entry>)>);

impl Table {
    pub(crate) fn get(&self, number: u32) -> Option<Entry> {
        let at = self.0.partition_point(|(first, _)| *first <= number).checked_sub(1)?;
        let (first, entries) = self.0.get(at)?;
        entries.get((number - first) as usize).copied()
    }

    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.0.iter().flat_map(|(first, entries)| {
            let first = *first;
            (0..entries.len()).map(move |i| first.saturating_add(i as u32))
        })
    }

    /// Every number with its entry, ascending.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u32, Entry)> {
        self.0.iter().flat_map(|(first, entries)| {
            let first = *first;
            entries.iter().enumerate().map(move |(i, entry)| (first.saturating_add(i as u32), *entry))
        })
    }

    fn highest(&self) -> u32 {
        self.0
            .last()
            .map_or(0, |(first, entries)| first.saturating_add(entries.len() as u32).saturating_sub(1))
    }

    /// Readers disagree on which of two entries for one number wins, so two that differ are refused.
    fn new(mut subsections: Vec<(u32, Vec<Entry>)>, offset: u64) -> Result<Self, ReadError> {
        subsections.retain(|(_, entries)| !entries.is_empty());
        subsections.sort_by_key(|(first, _)| *first);
        let disjoint = subsections
            .is_sorted_by(|(a, entries), (b, _)| u64::from(*a) + entries.len() as u64 <= u64::from(*b));
        if disjoint {
            return Ok(Self(subsections));
        }
        let mut merged = BTreeMap::new();
        for (first, entries) in subsections {
            for (i, entry) in entries.into_iter().enumerate() {
                let number = first.saturating_add(i as u32);
                if merged.insert(number, entry).is_some_and(|old| old != entry) {
                    let what = "one object listed twice in a cross-reference section";
                    return Err(ReadError::Malformed { what, offset });
                }
            }
        }
        let mut rebuilt: Vec<(u32, Vec<Entry>)> = Vec::new();
        for (number, entry) in merged {
            match rebuilt.last_mut() {
                Some((first, entries)) if *first + entries.len() as u32 == number => entries.push(entry),
                _ => rebuilt.push((number, vec![entry])),
            }
        }
        Ok(Self(rebuilt))
    }
}

/// Reads the section at `offset`; entries are paid from `budget`.
pub(crate) fn section(
    input: &Input<'_>,
    header: u64,
    offset: u64,
    budget: &mut usize,
    oddities: &mut Vec<Oddity>,
) -> Result<Section, ReadError> {
    let start = skip_white(input, offset)?;
    if start != offset {
        oddities.push(Oddity::SectionAfterWhiteSpace);
    }
    if input.read(start, 4)? != b"xref" {
        return stream_section(input, header, start, budget);
    }
    let mut scanner = Scanner::new(input, start + 4);
    let mut subsections = Vec::new();
    loop {
        scanner.skip_white()?;
        if scanner.take(b"trailer")? {
            break;
        }
        let (first, count) = (scanner.unsigned()?, scanner.unsigned()?);
        let (Ok(first), Ok(count)) = (u32::try_from(first), usize::try_from(count)) else {
            return scanner.fail("cross-reference subsection out of range");
        };
        subsections.push(subsection(&mut scanner, header, first, count, budget, oddities)?);
    }
    let after = scanner.position();
    if let Some((first @ 1, entries)) = subsections.first_mut()
        && entries.first() == Some(&Entry::Free { generation: 65535 })
    {
        *first = 0;
        oddities.push(Oddity::FirstEntryShifted);
    }
    let (trailer, end) = input.parse_at(after, |parser| parser.object())?;
    let Object::Dictionary(trailer) = trailer else {
        return Err(ReadError::Malformed { what: "trailer is not a dictionary", offset: after });
    };
    let main = Table::new(subsections, start)?;
    let mut section = Section {
        offset: start,
        end,
        kind: XrefKind::Table,
        trailer,
        streams: Vec::new(),
        main,
        hidden: Table::default(),
    };
    match section.trailer.get(b"XRefStm") {
        None | Some(Object::Null) => {}
        Some(Object::Integer(at)) => {
            let at = u64::try_from(*at).ok().and_then(|at| at.checked_add(header)).unwrap_or(u64::MAX);
            let hidden = stream_section(input, header, at, budget)?;
            let clash = hidden.main.numbers().any(|number| {
                matches!(section.main.get(number), Some(Entry::Offset { .. }))
                    && section.main.get(number) != hidden.main.get(number)
            });
            if clash {
                oddities.push(Oddity::HybridDisagreement);
            }
            section.kind = XrefKind::Hybrid;
            section.hidden = hidden.main;
            section.streams = hidden.streams;
        }
        Some(_) => return Err(ReadError::Malformed { what: "XRefStm is not an integer", offset: after }),
    }
    Ok(section)
}

fn subsection(
    scanner: &mut Scanner<'_, '_>,
    header: u64,
    first: u32,
    count: usize,
    budget: &mut usize,
    oddities: &mut Vec<Oddity>,
) -> Result<(u32, Vec<Entry>), ReadError> {
    *budget = budget.checked_sub(count).ok_or(ReadError::TooComplex { budget: "cross-reference entries" })?;
    // Each entry takes at least a dozen octets, so a count the file cannot hold is refused before allocating.
    if count as u64 > scanner.input.len() / 12 || first.checked_add(count as u32).is_none() {
        return scanner.fail("cross-reference subsection out of range");
    }
    let mut entries = Vec::with_capacity(count);
    scanner.skip_white()?;
    for _ in 0..count {
        let strict = scanner.window(20)?.and_then(strict_entry);
        let (offset, generation, used) = if let Some(entry) = strict {
            scanner.advance(20);
            entry
        } else {
            oddities.push(Oddity::EntrySpacing);
            oddities.dedup();
            let (offset, generation) = (scanner.unsigned()?, scanner.unsigned()?);
            scanner.skip_white()?;
            let used = scanner.take(b"n")?;
            if !used && !scanner.take(b"f")? {
                return scanner.fail("cross-reference entry neither in use nor free");
            }
            (offset, generation, used)
        };
        // mutool writes 65536 for the head of the free list; a free entry's generation is never looked at.
        let generation = match u16::try_from(generation) {
            Ok(generation) => generation,
            Err(_) if !used => u16::MAX,
            Err(_) => return scanner.fail("cross-reference generation out of range"),
        };
        entries.push(match offset.checked_add(header) {
            Some(offset) if used && offset > header => Entry::Offset { offset, generation },
            _ => Entry::Free { generation },
        });
    }
    Ok((first, entries))
}

/// `nnnnnnnnnn ggggg n` and two octets of end of line (§7.5.4).
fn strict_entry(raw: &[u8]) -> Option<(u64, u64, bool)> {
    let decimal = |digits: &[u8]| {
        digits.iter().try_fold(0_u64, |value, digit| {
            digit.is_ascii_digit().then(|| value * 10 + u64::from(digit - b'0'))
        })
    };
    let used = match raw.get(17)? {
        b'n' => true,
        b'f' => false,
        _ => return None,
    };
    let spaced = raw.get(10) == Some(&b' ') && raw.get(16) == Some(&b' ');
    let ended = matches!(raw.get(18..20)?, b" \r" | b" \n" | b"\r\n");
    if !spaced || !ended {
        return None;
    }
    Some((decimal(raw.get(..10)?)?, decimal(raw.get(11..16)?)?, used))
}

/// A cross-reference stream (§7.5.8.2); its `/Length` must be direct, there is nothing to look it up in yet.
fn stream_section(
    input: &Input<'_>,
    header: u64,
    offset: u64,
    budget: &mut usize,
) -> Result<Section, ReadError> {
    let fail = |what| ReadError::Malformed { what, offset };
    if offset >= input.len() {
        return Err(fail("cross-reference beyond the file"));
    }
    let located =
        indirect::read(input, offset, &mut |_| Err(fail("indirect length of a cross-reference stream")))?;
    let Object::Stream(stream) = located.object else { return Err(fail("no cross-reference section")) };
    let dictionary = &stream.dictionary;
    if dictionary.get(b"Type").and_then(Object::as_name) != Some(b"XRef") {
        return Err(fail("stream is not a cross-reference stream"));
    }
    let integers = |key: &[u8]| -> Option<Vec<u64>> {
        let array = dictionary.get(key)?.as_array()?;
        array.iter().map(|n| u64::try_from(n.as_integer()?).ok()).collect()
    };
    let widths = integers(b"W").filter(|w| w.len() >= 3 && w.iter().all(|n| *n <= 8));
    let widths = widths.ok_or(fail("cross-reference stream without widths"))?;
    let (Some(w0), Some(w1), Some(w2)) = (widths.first(), widths.get(1), widths.get(2)) else {
        return Err(fail("cross-reference stream without widths"));
    };
    let width = widths.iter().sum::<u64>() as usize;
    let size = dictionary.get(b"Size").and_then(Object::as_integer).and_then(|n| u64::try_from(n).ok());
    let index = match dictionary.get(b"Index") {
        None => vec![0, size.ok_or(fail("cross-reference stream without a size"))?],
        Some(_) => integers(b"Index").ok_or(fail("cross-reference stream with a bad index"))?,
    };
    if width == 0 || index.len() % 2 != 0 {
        return Err(fail("cross-reference stream with a bad index"));
    }
    let raw = input.read(stream.offset, usize::try_from(stream.length).unwrap_or(usize::MAX))?;
    let data = filter::decode_direct(input, dictionary, raw)?;
    let mut rows = data.chunks_exact(width);
    let mut subsections = Vec::new();
    for pair in index.chunks_exact(2) {
        let (Some(first), Some(count)) = (pair.first(), pair.get(1)) else { continue };
        let (Ok(first), Ok(count)) = (u32::try_from(*first), usize::try_from(*count)) else {
            return Err(fail("cross-reference subsection out of range"));
        };
        *budget =
            budget.checked_sub(count).ok_or(ReadError::TooComplex { budget: "cross-reference entries" })?;
        if count > rows.len() || first.checked_add(count as u32).is_none() {
            return Err(fail("cross-reference stream too short"));
        }
        let rows = rows.by_ref().take(count);
        let entries: Option<Vec<Entry>> =
            rows.map(|row| stream_entry(row, *w0 as usize, *w1 as usize, *w2 as usize, header)).collect();
        subsections.push((first, entries.ok_or(fail("cross-reference stream entry out of range"))?));
    }
    Ok(Section {
        offset,
        end: located.extent.end,
        kind: XrefKind::Stream,
        main: Table::new(subsections, offset)?,
        hidden: Table::default(),
        streams: vec![(located.id, located.extent)],
        trailer: stream.dictionary,
    })
}

fn stream_entry(row: &[u8], w0: usize, w1: usize, w2: usize, header: u64) -> Option<Entry> {
    let number = |from: usize, width: usize| {
        row.get(from..from + width)
            .map(|bytes| bytes.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte)))
    };
    let kind = if w0 == 0 { 1 } else { number(0, w0)? };
    let (second, third) = (number(w0, w1)?, number(w0 + w1, w2)?);
    Some(match kind {
        0 => Entry::Free { generation: u16::try_from(third).unwrap_or(u16::MAX) },
        1 if second == 0 => Entry::Free { generation: u16::try_from(third).ok()? },
        1 => Entry::Offset { offset: second.checked_add(header)?, generation: u16::try_from(third).ok()? },
        2 => Entry::Packed { stream: u32::try_from(second).ok()?, index: u32::try_from(third).ok()? },
        _ => Entry::Free { generation: 0 }, // unknown types are references to null (§7.5.8.3)
    })
}

fn skip_white(input: &Input<'_>, offset: u64) -> Result<u64, ReadError> {
    let mut scanner = Scanner::new(input, offset);
    scanner.skip_white()?;
    Ok(scanner.position())
}

/// Reads forward through a table in blocks.
struct Scanner<'i, 'a> {
    input: &'i Input<'a>,
    buffer: Vec<u8>,
    start: u64,
    at: usize,
}

impl<'i, 'a> Scanner<'i, 'a> {
    fn new(input: &'i Input<'a>, offset: u64) -> Self {
        Self { input, buffer: Vec::new(), start: offset, at: 0 }
    }

    fn position(&self) -> u64 {
        self.start + self.at as u64
    }

    fn fail<T>(&self, what: &'static str) -> Result<T, ReadError> {
        Err(ReadError::Malformed { what, offset: self.position() })
    }

    fn advance(&mut self, octets: usize) {
        self.at += octets;
    }

    /// The next `length` octets, if the file has them.
    fn window(&mut self, length: usize) -> Result<Option<&[u8]>, ReadError> {
        if self.at + length > self.buffer.len() {
            let position = self.position();
            let block = if self.buffer.is_empty() { 1024 } else { 1 << 16 };
            self.buffer =
                if position < self.input.len() { self.input.read(position, block)? } else { Vec::new() };
            self.start = position;
            self.at = 0;
        }
        Ok(self.buffer.get(self.at..self.at + length))
    }

    fn peek(&mut self) -> Result<Option<u8>, ReadError> {
        Ok(self.window(1)?.and_then(|w| w.first().copied()))
    }

    fn skip_white(&mut self) -> Result<(), ReadError> {
        while self.peek()?.is_some_and(is_space) {
            self.at += 1;
        }
        Ok(())
    }

    fn take(&mut self, word: &[u8]) -> Result<bool, ReadError> {
        let found = self.window(word.len())?.is_some_and(|w| w == word);
        if found {
            self.at += word.len();
        }
        Ok(found)
    }

    fn unsigned(&mut self) -> Result<u64, ReadError> {
        self.skip_white()?;
        let mut value = None;
        while let Some(digit @ b'0'..=b'9') = self.peek()? {
            let next =
                value.unwrap_or(0_u64).checked_mul(10).and_then(|v| v.checked_add(u64::from(digit - b'0')));
            value =
                Some(next.ok_or(ReadError::Malformed { what: "number too large", offset: self.position() })?);
            self.at += 1;
        }
        value.map_or_else(|| self.fail("cross-reference table lacks a number"), Ok)
    }
}
