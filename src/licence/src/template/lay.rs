//! Text laid into a box: lines broken, shrunk until they fit, aligned, cut where the box says so.

use super::breaking::{self, Line, wide};
use super::fonts::{Letter, Letters};
use super::page::{Area, MM};
use super::settings::{Align, BoxSettings, Overflow, Valign};
use super::{Finding, TemplateError};

/// Letters of one font in one line, at their place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    /// Where its first letter stands, on the base line, in points.
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) face: usize,
    pub(super) size: f32,
    pub(super) text: String,
    pub(super) glyphs: Vec<Glyph>,
}

/// A letter of a run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Glyph {
    pub(super) id: u32,
    /// In sizes, with what stands between it and the next.
    pub(super) advance: f32,
    /// What it stands for, in octets of the run's text.
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A cell of a row: a text, its share of the width, its alignment.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) share: f32,
    pub(super) align: Align,
}

/// Where it stands and what it is called, for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) name: &'a str,
    /// From 1.
    pub(super) page: usize,
    pub(super) area: Area,
}

/// What was laid.
#[derive(Debug)]
pub(super) struct Laid {
    pub(super) runs: Vec<Run>,
    pub(super) finding: Option<Finding>,
}

struct Set<'t> {
    cell: &'t Cell,
    letters: Vec<Letter>,
}

/// Lays rows of cells into a box.
pub(super) fn lay(
    place: Place<'_>,
    settings: &BoxSettings,
    rows: &[Vec<Cell>],
    face: usize,
    letters: &Letters<'_>,
) -> Result<Laid, TemplateError> {
    let set = setting(rows, settings, face, letters)?;
    let area = place.area;
    let mut size = settings.size;
    let mut laid = measure(&set, settings, area, size);
    while !laid.fits() && size > settings.floor() {
        size = (size - STEP).max(settings.floor());
        laid = measure(&set, settings, area, size);
    }
    if laid.fits() {
        let finding = (size < settings.size).then(|| Finding::shrunk(place.name, settings.size, size));
        return Ok(Laid { runs: laid.place(&set, settings, area), finding });
    }
    if settings.overflow == Overflow::Refuse {
        return Err(TemplateError::DoesNotFit {
            name: place.name.to_owned(),
            page: place.page,
            size,
            wide_mm: laid.wide / MM,
            high_mm: laid.high / MM,
            width_mm: area.width / MM,
            height_mm: area.height / MM,
        });
    }
    cut(place, settings, rows, face, letters, size)
}

/// As much of the rows as fits, found by halving, with the mark behind it.
fn cut(
    place: Place<'_>,
    settings: &BoxSettings,
    rows: &[Vec<Cell>],
    face: usize,
    letters: &Letters<'_>,
    size: f32,
) -> Result<Laid, TemplateError> {
    let single = match rows {
        [row] if row.len() == 1 => row.first(),
        _ => None,
    };
    let whole = single.map_or(rows.len(), |cell| cell.text.chars().count());
    let shortened = |count: usize| -> Vec<Vec<Cell>> {
        if let Some(cell) = single {
            let kept: String = cell.text.chars().take(count).collect();
            return vec![vec![Cell { text: format!("{kept}{}", settings.cut_mark), ..cell.clone() }]];
        }
        let mut kept: Vec<Vec<Cell>> = rows.iter().take(count).cloned().collect();
        kept.push(vec![Cell { text: settings.cut_mark.clone(), share: 1.0, align: Align::Left }]);
        kept
    };
    let (mut fits, mut over) = (0, whole);
    while over - fits > 1 {
        let middle = fits + (over - fits) / 2;
        let rows = shortened(middle);
        let set = setting(&rows, settings, face, letters)?;
        if measure(&set, settings, place.area, size).fits() { fits = middle } else { over = middle }
    }
    let rows = shortened(fits);
    let set = setting(&rows, settings, face, letters)?;
    let laid = measure(&set, settings, place.area, size);
    let finding = Some(Finding::cut(place.name, whole - fits, single.is_some()));
    Ok(Laid { runs: laid.place(&set, settings, place.area), finding })
}

fn setting<'t>(
    rows: &'t [Vec<Cell>],
    settings: &BoxSettings,
    face: usize,
    letters: &Letters<'_>,
) -> Result<Vec<Vec<Set<'t>>>, TemplateError> {
    let set = |cell: &'t Cell| -> Result<Set<'t>, TemplateError> {
        let mut found = letters.set(&cell.text, face)?;
        if settings.vertical {
            for letter in &mut found {
                if let Some(form) = upright(letter.character)
                    && let Some(form) = letters
                        .set(form.encode_utf8(&mut [0; 4]), letter.face)
                        .ok()
                        .and_then(|set| set.first().copied())
                {
                    (letter.face, letter.glyph) = (form.face, form.glyph);
                }
                if letter.character != '\n' {
                    letter.advance = if letter.character == ' ' { 0.5 } else { 1.0 };
                }
            }
        }
        Ok(Set { cell, letters: found })
    };
    rows.iter().map(|row| row.iter().map(set).collect()).collect()
}

/// What rows come to at a size.
struct Measured {
    size: f32,
    /// Lines of each cell of each row.
    lines: Vec<Vec<Vec<Line>>>,
    /// Points.
    wide: f32,
    high: f32,
    /// What there is across the lines.
    room: f32,
    /// A line sticks out.
    crammed: bool,
}

fn measure(set: &[Vec<Set<'_>>], settings: &BoxSettings, area: Area, size: f32) -> Measured {
    let along = if settings.vertical { area.height } else { area.width };
    let (mut wide, mut count, mut crammed) = (0.0_f32, 0_usize, false);
    let mut all = Vec::with_capacity(set.len());
    for row in set {
        let shares: f32 = row.iter().map(|set| set.cell.share).sum();
        let mut highest = 0;
        let mut row_lines = Vec::with_capacity(row.len());
        for Set { cell, letters } in row {
            let room = (along * cell.share / shares - gap(row.len(), size)).max(0.0) / size;
            let lines = breaking::lines(letters, room, settings.spacing, settings.indent, settings.wrap);
            for (index, line) in lines.iter().enumerate() {
                let indent = if starts_paragraph(&lines, index) { settings.indent } else { 0.0 };
                let width = indent + advance(letters, *line, settings.spacing);
                crammed |= width > room + 0.01;
                wide = wide.max(width * size);
            }
            highest = highest.max(lines.len());
            row_lines.push(lines);
        }
        count += highest;
        all.push(row_lines);
    }
    #[expect(clippy::cast_precision_loss, reason = "some thousand lines at most")]
    let high = if count == 0 { 0.0 } else { size + (count - 1) as f32 * settings.line * size };
    Measured {
        size,
        lines: all,
        wide,
        high,
        room: if settings.vertical { area.width } else { area.height },
        crammed,
    }
}

/// Between columns.
fn gap(columns: usize, size: f32) -> f32 {
    if columns > 1 { size * 0.5 } else { 0.0 }
}

fn starts_paragraph(lines: &[Line], index: usize) -> bool {
    index == 0 || index.checked_sub(1).and_then(|before| lines.get(before)).is_some_and(|line| line.last)
}

fn advance(letters: &[Letter], line: Line, spacing: f32) -> f32 {
    let letters = letters.get(line.start..line.end).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a line's letters")]
    let gaps = letters.len().saturating_sub(1) as f32 * spacing;
    letters.iter().map(|letter| letter.advance).sum::<f32>() + gaps
}

impl Measured {
    fn fits(&self) -> bool {
        !self.crammed && self.high <= self.room + 0.05
    }

    fn place(&self, set: &[Vec<Set<'_>>], settings: &BoxSettings, area: Area) -> Vec<Run> {
        let across = match settings.valign {
            Valign::Top => 0.0,
            Valign::Middle => (self.room - self.high) / 2.0,
            Valign::Bottom => self.room - self.high,
        };
        let pitch = settings.line * self.size;
        let mut runs = Vec::new();
        let mut down = across;
        for (row, row_lines) in set.iter().zip(&self.lines) {
            let shares: f32 = row.iter().map(|set| set.cell.share).sum();
            let along = if settings.vertical { area.height } else { area.width };
            let mut from = 0.0;
            for (set, lines) in row.iter().zip(row_lines) {
                let width = along * set.cell.share / shares;
                let room = width - gap(row.len(), self.size);
                for (index, line) in lines.iter().enumerate() {
                    #[expect(clippy::cast_precision_loss, reason = "some thousand lines at most")]
                    let at = down + index as f32 * pitch;
                    let indent =
                        if starts_paragraph(lines, index) { settings.indent * self.size } else { 0.0 };
                    let spread = Spread::of(set, *line, settings, (room - indent) / self.size);
                    let start = from + indent + spread.shift * self.size;
                    if settings.vertical {
                        self.column(
                            set,
                            *line,
                            &spread,
                            (area.x + area.width - at, area.y + start),
                            &mut runs,
                        );
                    } else {
                        let base = area.y + at + ASCENT * self.size;
                        self.row(set, *line, &spread, (area.x + start, base), &mut runs);
                    }
                }
                from += width;
            }
            let count = row_lines.iter().map(Vec::len).max().unwrap_or(0);
            #[expect(clippy::cast_precision_loss, reason = "some thousand lines at most")]
            let rows = count as f32;
            down += rows * pitch;
        }
        runs
    }

    /// A line from left to right: one run for each stretch of a font.
    fn row(&self, set: &Set<'_>, line: Line, spread: &Spread, (mut x, y): (f32, f32), runs: &mut Vec<Run>) {
        let letters = set.letters.get(line.start..line.end).unwrap_or_default();
        let mut index = 0;
        for stretch in letters.chunk_by(|a, b| a.face == b.face) {
            let (Some(first), Some(last)) = (stretch.first(), stretch.last()) else { continue };
            let mut glyphs = Vec::with_capacity(stretch.len());
            let mut wide = 0.0;
            for letter in stretch {
                let advance = letter.advance + spread.behind(letters, index);
                glyphs.push(Glyph {
                    id: letter.glyph,
                    advance,
                    start: letter.start - first.start,
                    end: letter.end - first.start,
                });
                wide += advance;
                index += 1;
            }
            let text = set.cell.text.get(first.start..last.end).unwrap_or_default().to_owned();
            runs.push(Run { x, y, face: first.face, size: self.size, text, glyphs });
            x += wide * self.size;
        }
    }

    /// A line from top to bottom whose right edge is `x`: each letter alone, in the middle of the column.
    fn column(
        &self,
        set: &Set<'_>,
        line: Line,
        spread: &Spread,
        (x, mut y): (f32, f32),
        runs: &mut Vec<Run>,
    ) {
        let letters = set.letters.get(line.start..line.end).unwrap_or_default();
        for (index, letter) in letters.iter().enumerate() {
            let text = set.cell.text.get(letter.start..letter.end).unwrap_or_default().to_owned();
            let left = x - self.size + (1.0 - letter.width) / 2.0 * self.size;
            let glyph = Glyph { id: letter.glyph, advance: letter.width, start: 0, end: text.len() };
            let base = y + ASCENT * self.size;
            runs.push(Run {
                x: left,
                y: base,
                face: letter.face,
                size: self.size,
                text,
                glyphs: vec![glyph],
            });
            y += (letter.advance + spread.behind(letters, index)) * self.size;
        }
    }
}

/// How a line fills its room, in sizes.
struct Spread {
    shift: f32,
    /// Behind each letter but the last, and, more, where a line may stretch.
    spacing: f32,
    stretch: f32,
    /// It stretches between all letters, not only at ideographs and spaces.
    everywhere: bool,
}

impl Spread {
    fn of(set: &Set<'_>, line: Line, settings: &BoxSettings, room: f32) -> Self {
        let letters = set.letters.get(line.start..line.end).unwrap_or_default();
        let spacing = settings.spacing;
        let left = (room - advance(&set.letters, line, spacing)).max(0.0);
        let mut spread = Self { shift: 0.0, spacing, stretch: 0.0, everywhere: false };
        let full = match set.cell.align {
            Align::Left => false,
            Align::Centre => {
                spread.shift = left / 2.0;
                false
            }
            Align::Right => {
                spread.shift = left;
                false
            }
            Align::Justify => !line.last,
            Align::Spread => true,
        };
        if !full {
            return spread;
        }
        let count = |everywhere: bool| {
            letters.windows(2).filter(|pair| everywhere || matches!(pair, [a, b] if stretches(a, b))).count()
        };
        spread.everywhere = count(false) == 0;
        match count(spread.everywhere) {
            0 => spread.shift = left / 2.0,
            #[expect(clippy::cast_precision_loss, reason = "a line's letters")]
            gaps => spread.stretch = left / gaps as f32,
        }
        spread
    }

    /// What stands behind letter `index` of a line.
    fn behind(&self, letters: &[Letter], index: usize) -> f32 {
        match (letters.get(index), letters.get(index + 1)) {
            (Some(a), Some(b)) if self.everywhere || stretches(a, b) => self.spacing + self.stretch,
            (Some(_), Some(_)) => self.spacing,
            _ => 0.0,
        }
    }
}

fn stretches(a: &Letter, b: &Letter) -> bool {
    wide(a.character) || wide(b.character) || a.character == ' '
}

/// The form that a mark takes in vertical text (Unicode, Vertical Forms and CJK Compatibility Forms).
fn upright(character: char) -> Option<char> {
    let at = FLAT.chars().position(|flat| flat == character)?;
    UPRIGHT.chars().nth(at)
}

const FLAT: &str = "，、。：；！？…—（）〔〕【】《》〈〉「」『』";
const UPRIGHT: &str = "︐︑︒︓︔︕︖︙︱︵︶︹︺︻︼︽︾︿﹀﹁﹂﹃﹄";
/// From the top of a line's em box to its base line, in sizes (OpenType `idtp` of ideographic fonts).
const ASCENT: f32 = 0.88;
/// Points by which a text shrinks.
const STEP: f32 = 0.25;
