//! Finding text on pages: where a seal goes that belongs beside a keyword.
//!
//! [`find`] reads content streams (form XObjects included), turns glyph codes into characters by
//! ToUnicode maps and encodings, and says where an occurrence stands in user space. Letters are
//! compared folded (`fold`), a match lies on one line. Called by [`crate::sign`] for
//! [`Placement::Keyword`](crate::appearance::Placement::Keyword). Not a text extractor: reading order
//! is the order of the content stream, words are not rebuilt.

mod cmap;
mod fold;
mod font;
mod glyph_names;
mod ink;
mod metrics;
mod page;

use ink::Ink;
use page::{Letter, Reader};

use crate::syntax::{Dictionary, Document, ReadError, Stream, View};

/// Where a text was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// Page number from 1 on.
    pub page: u32,
    /// The text's middle in the page's default user space.
    pub centre: (f64, f64),
}

/// Why a text was not found.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// It does not stand in the document often enough.
    #[error("`{text}` occurs {found} times, occurrence {occurrence} was asked for")]
    NotFound {
        /// What was looked for.
        text: String,
        /// Which occurrence.
        occurrence: i32,
        /// How many there are.
        found: u32,
    },
    /// It stands there more often than seals are set.
    #[error("`{text}` occurs more than {limit} times, too often for a seal at each place")]
    TooMany {
        /// What was looked for.
        text: String,
        /// How many occurrences are allowed.
        limit: usize,
    },
    /// There is nothing to look for.
    #[error("the keyword holds no visible character")]
    EmptyText,
    /// Occurrences count from 1, or from -1 backwards.
    #[error("occurrence 0 does not exist")]
    Zeroth,
    /// The pages' content is larger than a search may read.
    #[error("the document's content is too large to be searched")]
    TooCostly,
    /// A page or font cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Finds an occurrence of `text`: 1 is the first of the document, -1 the last.
///
/// Counts only what stands within the visible part of its page.
///
/// # Errors
/// [`SearchError`], if it is not there or the document cannot be searched.
pub fn find(document: &Document<'_>, text: &str, occurrence: i32) -> Result<Found, SearchError> {
    let wanted: Vec<char> = text.chars().flat_map(fold::fold).collect();
    if wanted.is_empty() {
        return Err(SearchError::EmptyText);
    }
    if occurrence == 0 {
        return Err(SearchError::Zeroth);
    }
    let mut reader = Reader::new(document.view());
    let mut left = occurrence.unsigned_abs();
    let mut found = 0;
    for page in document.pages(occurrence < 0)? {
        let (index, page) = page?;
        let mut matches = matches(&reader.letters(&page)?, &wanted);
        let [left_edge, bottom, right, top] = page.crop_box;
        matches.retain(|&(x, y)| x >= left_edge && x <= right && y >= bottom && y <= top);
        if occurrence < 0 {
            matches.reverse();
        }
        for centre in matches {
            found += 1;
            left -= 1;
            if left == 0 {
                return Ok(Found { page: index + 1, centre });
            }
        }
    }
    Err(SearchError::NotFound { text: text.to_owned(), occurrence, found })
}

/// Finds every occurrence of `text`, up to `limit` of them.
///
/// # Errors
/// [`SearchError`], if it is nowhere, there are more, or the document cannot be searched.
pub fn find_all(document: &Document<'_>, text: &str, limit: usize) -> Result<Vec<Found>, SearchError> {
    let wanted: Vec<char> = text.chars().flat_map(fold::fold).collect();
    if wanted.is_empty() {
        return Err(SearchError::EmptyText);
    }
    let mut reader = Reader::new(document.view());
    let mut found = Vec::new();
    for page in document.pages(false)? {
        let (index, page) = page?;
        let [left_edge, bottom, right, top] = page.crop_box;
        for (x, y) in matches(&reader.letters(&page)?, &wanted) {
            if x >= left_edge && x <= right && y >= bottom && y <= top {
                found.push(Found { page: index + 1, centre: (x, y) });
            }
        }
        if found.len() > limit {
            return Err(SearchError::TooMany { text: text.to_owned(), limit });
        }
    }
    if found.is_empty() {
        return Err(SearchError::NotFound { text: text.to_owned(), occurrence: 1, found: 0 });
    }
    Ok(found)
}

/// What the appearance of a form field shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Drawn {
    /// Its characters, folded as [`folded`] does it.
    pub(crate) text: String,
    /// How many codes of its text stand for a character nobody can tell.
    pub(crate) unknown: usize,
    /// How many images and shadings it paints.
    pub(crate) pictures: usize,
    /// What else it does that decides what is seen.
    pub(crate) ink: Ink,
}

impl Drawn {
    /// Whether its letters are not what is seen; a text that is too long for its place is seen in part.
    pub(crate) fn is_hidden(&self) -> bool {
        let all_outside = self.ink.outside > 0 && self.ink.outside >= self.text.chars().count();
        self.ink.doubts > 0 || all_outside
    }
}

/// Reads an appearance stream; fonts it does not name itself are looked for in `fallback` (the form's
/// `/DR`).
///
/// # Errors
/// [`SearchError`] when it cannot be read or costs too much.
pub(crate) fn drawn(view: View<'_, '_>, form: &Stream, fallback: &Dictionary) -> Result<Drawn, SearchError> {
    let mut reader = Reader::new(view);
    let letters = reader.form_letters(form, fallback)?;
    let text = letters.iter().map(|letter| letter.character).collect();
    let ink = reader.painter.map(|painter| painter.ink).unwrap_or_default();
    Ok(Drawn { text, unknown: reader.unknown, pictures: reader.pictures, ink })
}

/// A text as [`drawn`] gives it: without white space, look-alikes made equal.
pub(crate) fn folded(text: &str) -> String {
    text.chars().flat_map(fold::fold).collect()
}

/// The middles of all matches that do not overlap, in order.
fn matches(letters: &[Letter], wanted: &[char]) -> Vec<(f64, f64)> {
    let mut out = Vec::new();
    let mut at = 0usize;
    while let Some(window) = letters.get(at..at.saturating_add(wanted.len())) {
        let same = window.iter().zip(wanted).all(|(letter, wanted)| letter.character == *wanted);
        if same && window.windows(2).all(|pair| matches!(pair, [a, b] if on_one_line(a, b))) {
            if let (Some(first), Some(last)) = (window.first(), window.last()) {
                let middle = |a: f64, b: f64, up: f64| f64::midpoint(a, b) + up * HALF_HEIGHT;
                out.push((
                    middle(first.start.0, last.end.0, first.up.0),
                    middle(first.start.1, last.end.1, first.up.1),
                ));
            }
            at += wanted.len();
        } else {
            at += 1;
        }
    }
    out
}

/// Whether `b` follows `a` on the same line: at most some ems on along it, hardly off it.
fn on_one_line(a: &Letter, b: &Letter) -> bool {
    let em = a.up.0.hypot(a.up.1);
    let direction = (a.end.0 - a.start.0, a.end.1 - a.start.1);
    let length = direction.0.hypot(direction.1);
    let gap = (b.start.0 - a.end.0, b.start.1 - a.end.1);
    if b.start == a.start || length == 0.0 {
        // Parts of a ligature, or glyphs without width.
        return gap.0.hypot(gap.1) <= em * MAX_GAP;
    }
    let along = (gap.0 * direction.0 + gap.1 * direction.1) / length;
    let across = (gap.0 * direction.1 - gap.1 * direction.0) / length;
    along.abs() <= em * MAX_GAP && across.abs() <= em * 0.5
}

/// Half the height of a letter above its baseline, in ems: ideographs reach from -0.12 to 0.88.
const HALF_HEIGHT: f64 = 0.38;
/// Ems between the letters of a keyword that is spaced out.
const MAX_GAP: f64 = 8.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(character: char, x: f64, y: f64) -> Letter {
        Letter { character, start: (x, y), end: (x + 10.0, y), up: (0.0, 10.0) }
    }

    #[test]
    fn a_match_stays_on_its_line() {
        let letters = [
            letter('盖', 0.0, 0.0),
            letter('章', 0.0, -20.0),
            letter('盖', 100.0, 50.0),
            letter('章', 130.0, 50.0),
        ];
        let found = matches(&letters, &['盖', '章']);
        assert_eq!(found, [(120.0, 53.8)]);
    }

    #[test]
    fn matches_do_not_overlap() {
        let letters: Vec<Letter> = (0..5).map(|i| letter('a', f64::from(i) * 10.0, 0.0)).collect();
        assert_eq!(matches(&letters, &['a', 'a']).len(), 2);
        assert!(matches(&letters[..1], &['a', 'a']).is_empty());
    }
}
