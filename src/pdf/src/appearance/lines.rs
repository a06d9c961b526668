//! Lines of text beside a seal: glyphs, widths, wrapping.

use std::sync::Arc;

use super::font::{Font, FontError, Glyph};
use super::subset::Subset;

/// Lines of text beside the seal: who, when, why, under which number. Chinese and English mix freely.
#[derive(Debug, Clone)]
pub struct Lines {
    /// The lines from top to bottom; one that is too long is wrapped, a line feed starts another.
    pub text: Vec<String>,
    /// What they are set in; a subset of it is embedded.
    pub font: Arc<Font>,
    /// Font size in points, 3 to 72.
    pub size_pt: f64,
    /// On which side of the seal they stand: left-aligned on its right, right-aligned on its left,
    /// centred above and below.
    pub side: Side,
    /// Between seal and text, in millimetres.
    pub gap_mm: f64,
    /// The widest a line may be, in millimetres; what is longer is wrapped.
    pub width_mm: f64,
    /// Red, green and blue of the text.
    pub colour: [u8; 3],
}

/// A side of the seal, as the page is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// To the right.
    Right,
    /// To the left.
    Left,
    /// Above.
    Above,
    /// Below.
    Below,
}

/// Why lines cannot be set.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LinesError {
    /// The font cannot be used, or not for this text.
    #[error(transparent)]
    Font(#[from] FontError),
    /// The font size is none.
    #[error("text of {size_pt} pt cannot be set: {MIN_SIZE} to {MAX_SIZE} pt can")]
    Size {
        /// The size asked for.
        size_pt: f64,
    },
    /// The room is none.
    #[error("lines {width_mm} mm wide at {gap_mm} mm from the seal cannot be set")]
    Room {
        /// The width asked for.
        width_mm: f64,
        /// The gap asked for.
        gap_mm: f64,
    },
    /// The text is longer than belongs beside a seal.
    #[error("the lines hold more than {characters} characters or make more than {rows} rows")]
    TooMuch {
        /// Characters allowed.
        characters: usize,
        /// Rows allowed, wrapped ones counted.
        rows: usize,
    },
}

/// Lines as they are set.
#[derive(Clone)]
pub(super) struct Block {
    pub(super) rows: Vec<Row>,
    pub(super) subset: Arc<Subset>,
    /// Font size in millimetres.
    pub(super) size: f64,
    pub(super) width: f64,
}

/// A row and its length in millimetres.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) glyphs: Vec<Glyph>,
    pub(super) length: f64,
}

impl Lines {
    /// Black lines of nine points to the right of the seal, wrapped at 60 mm.
    #[must_use]
    pub fn new(text: Vec<String>, font: Arc<Font>) -> Self {
        Self { text, font, size_pt: 9.0, side: Side::Right, gap_mm: 2.0, width_mm: 60.0, colour: [0; 3] }
    }

    /// Sets the lines.
    pub(super) fn set(&self) -> Result<Block, LinesError> {
        // What is not a number is in no range.
        if !(MIN_SIZE..=MAX_SIZE).contains(&self.size_pt) {
            return Err(LinesError::Size { size_pt: self.size_pt });
        }
        let (width_mm, gap_mm) = (self.width_mm, self.gap_mm);
        if !((MIN_WIDTH_MM..=MAX_MM).contains(&width_mm) && (0.0..=MAX_MM).contains(&gap_mm)) {
            return Err(LinesError::Room { width_mm, gap_mm });
        }
        let too_much = LinesError::TooMuch { characters: MAX_CHARACTERS, rows: MAX_ROWS };
        let size = self.size_pt * MM_PER_POINT;
        let bound = width_mm / size * 1_000.0;
        let mut rows: Vec<Vec<Glyph>> = Vec::new();
        let mut characters = 0usize;
        for line in self.text.iter().flat_map(|text| text.lines()) {
            characters = characters.saturating_add(line.len());
            if characters > MAX_CHARACTERS * 4 {
                return Err(too_much);
            }
            wrap(self.font.glyphs(line)?, bound, &mut rows);
            if rows.len() > MAX_ROWS {
                return Err(too_much);
            }
        }
        let all: Vec<Glyph> = rows.iter().flatten().copied().collect();
        if all.len() > MAX_CHARACTERS {
            return Err(too_much);
        }
        let rows: Vec<Row> =
            rows.into_iter().map(|glyphs| Row { length: length(&glyphs) * size / 1_000.0, glyphs }).collect();
        let width = rows.iter().map(|row| row.length).fold(0.0, f64::max);
        Ok(Block { subset: self.font.subset(&all)?, rows, size, width })
    }
}

impl Block {
    /// Height of all rows, in millimetres.
    pub(super) fn height(&self) -> f64 {
        // At most MAX_ROWS.
        f64::from(u32::try_from(self.rows.len()).unwrap_or(0)) * self.leading()
    }

    /// From one row to the next.
    pub(super) fn leading(&self) -> f64 {
        self.size * LEADING
    }

    /// From the top of a row down to its base line: the em box stands in the middle of the row.
    pub(super) fn baseline(&self) -> f64 {
        self.size * (LEADING / 2.0 + ABOVE_MIDDLE)
    }
}

fn length(glyphs: &[Glyph]) -> f64 {
    glyphs.iter().map(|glyph| glyph.width).sum()
}

/// Breaks a line where it gets longer than `bound`, between words or ideographs; a word longer than
/// that is broken anywhere. White space at a break is dropped.
fn wrap(line: Vec<Glyph>, bound: f64, rows: &mut Vec<Vec<Glyph>>) {
    let mut row: Vec<Glyph> = Vec::new();
    for unit in line.chunk_by(|a, b| !may_break(a.character, b.character)) {
        let ink = unit.split(|glyph| glyph.character == ' ').next().unwrap_or_default();
        if !row.is_empty() && length(&row) + length(ink) > bound {
            rows.push(trimmed(std::mem::take(&mut row)));
        }
        for &glyph in unit {
            if !row.is_empty() && glyph.character != ' ' && length(&row) + glyph.width > bound {
                rows.push(trimmed(std::mem::take(&mut row)));
            }
            row.push(glyph);
        }
    }
    rows.push(trimmed(row));
}

fn trimmed(mut row: Vec<Glyph>) -> Vec<Glyph> {
    while row.last().is_some_and(|glyph| glyph.character == ' ') {
        row.pop();
    }
    row
}

fn may_break(before: char, after: char) -> bool {
    if NEVER_FIRST.contains(after) || NEVER_LAST.contains(before) || after == ' ' {
        return false;
    }
    before == ' ' || is_wide(before) || is_wide(after)
}

/// Ideographs and what is set among them.
fn is_wide(character: char) -> bool {
    matches!(u32::from(character), 0x2E80..=0xA4CF | 0xAC00..=0xD7FF | 0xF900..=0xFAFF | 0xFE30..=0xFE4F | 0xFF00..=0xFFEF | 0x20000..=0x3FFFF)
}

const MM_PER_POINT: f64 = 25.4 / 72.0;
/// Rows stand this many font sizes apart: open enough for Chinese.
const LEADING: f64 = 1.3;
/// The base line stands 0.12 above the bottom of an ideograph's em box (OpenType `ideo` base line).
const ABOVE_MIDDLE: f64 = 0.38;
/// Smaller is not read from paper.
const MIN_SIZE: f64 = 3.0;
const MAX_SIZE: f64 = 72.0;
const MIN_WIDTH_MM: f64 = 5.0;
/// The largest paper there is.
const MAX_MM: f64 = 1_200.0;
const MAX_CHARACTERS: usize = 2_000;
const MAX_ROWS: usize = 100;
/// Closing marks stay with what they close (GB/T 15834-2011 §5.1).
const NEVER_FIRST: &str = "，。、；：？！）》〉」』】〕〗”’…—·,.;:?!)]}%％";
/// Opening marks stay with what they open.
const NEVER_LAST: &str = "（《〈「『【〔〖“‘([{";

#[cfg(test)]
mod tests {
    use super::*;

    /// Every ideograph 1000 wide, everything else 500.
    fn set(text: &str, bound: f64) -> Vec<String> {
        let glyphs = text
            .chars()
            .map(|character| Glyph {
                id: 1,
                character,
                width: if is_wide(character) { 1_000.0 } else { 500.0 },
            })
            .collect();
        let mut rows = Vec::new();
        wrap(glyphs, bound, &mut rows);
        rows.iter().map(|row| row.iter().map(|glyph| glyph.character).collect()).collect()
    }

    #[test]
    fn breaks_between_words_and_between_ideographs() {
        assert_eq!(set("signed by the bureau", 5_000.0), ["signed by", "the bureau"]);
        assert_eq!(set("准予行政许可决定书", 4_000.0), ["准予行政", "许可决定", "书"]);
        assert_eq!(set("编号 2026-0042 号", 5_000.0), ["编号", "2026-0042", "号"]);
    }

    #[test]
    fn marks_stay_with_what_they_close_or_open() {
        assert_eq!(set("行政许可，准予", 4_000.0), ["行政许", "可，准予"]);
        assert_eq!(set("决定（副本）", 3_000.0), ["决定", "（副", "本）"]);
    }

    #[test]
    fn words_longer_than_a_row_are_broken_anywhere() {
        assert_eq!(set("abcdefgh", 1_500.0), ["abc", "def", "gh"]);
        assert_eq!(set("a bcdefgh", 1_500.0), ["a", "bcd", "efg", "h"]);
        assert_eq!(set("大", 100.0), ["大"]);
        assert_eq!(set("", 100.0), [""]);
    }
}
