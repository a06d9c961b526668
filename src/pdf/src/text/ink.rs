//! What the appearance of a field does beside showing letters: whether they are all that a reader sees of
//! it, and whether he sees them.
//!
//! Ordinary software paints a background and a border and then shows the value in the default font
//! (ISO 32000-2 §12.7.4.3). Whatever can hide letters or draw others makes the text one that cannot be
//! read: invisible letters (§9.3.6), letters in the colour of what lies below, outside the clipping path,
//! too small or out of order, painted paths, pictures, optional content. Seals' keyword search does not
//! ask.

use std::collections::BTreeSet;

use super::page::{Letter, Matrix};
use crate::syntax::{Object, ObjectId};

/// What else an appearance does than showing text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ink {
    /// How often it does something that makes its letters another thing than what is seen.
    pub(crate) doubts: usize,
    /// Letters outside the clipping path or the bounds: also what is too long for its field has some.
    pub(crate) outside: usize,
    /// Painted paths that are neither background nor border.
    pub(crate) paths: BTreeSet<String>,
    /// Fonts that letters are shown in.
    pub(crate) fonts: BTreeSet<ObjectId>,
}

/// Follows the painting of one appearance.
#[derive(Debug)]
pub(super) struct Painter {
    pub(super) ink: Ink,
    /// The form's `/BBox`: what lies outside is not shown.
    bounds: Area,
    path: Path,
    background: Colour,
    last: Option<Letter>,
}

/// The part of the graphics state that decides whether letters are seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Brush {
    fill: Option<Colour>,
    device: bool,
    width: f64,
    mode: i64,
    clip: Area,
}

/// Red, green and blue from 0 to 1.
type Colour = [f64; 3];
/// Left, bottom, right, top.
type Area = [f64; 4];

#[derive(Debug, Default)]
struct Path {
    points: Vec<(f64, f64)>,
    curved: bool,
    rectangles: usize,
    clips: bool,
}

impl Default for Brush {
    fn default() -> Self {
        Self { fill: Some([0.0; 3]), device: true, width: 1.0, mode: 0, clip: EVERYWHERE }
    }
}

impl Painter {
    pub(super) fn new(bounds: Option<Area>) -> Self {
        let ink = Ink { doubts: usize::from(bounds.is_none()), ..Ink::default() };
        let bounds = bounds.unwrap_or(EVERYWHERE);
        Self { ink, bounds, path: Path::default(), background: [1.0; 3], last: None }
    }

    pub(super) fn doubt(&mut self) {
        self.ink.doubts += 1;
    }

    /// An operation that paints or changes how is painted; others are none of this module's business.
    pub(super) fn operation(&mut self, operator: &[u8], operands: &[Object], brush: &mut Brush, m: Matrix) {
        let numbers: Vec<f64> = operands.iter().filter_map(Object::as_number).collect();
        let point = |at: usize| match (numbers.get(at), numbers.get(at + 1)) {
            (Some(x), Some(y)) => m.apply(*x, *y),
            _ => m.apply(0.0, 0.0),
        };
        match operator {
            b"g" | b"rg" | b"k" => (brush.fill, brush.device) = (colour(&numbers), true),
            b"cs" => {
                let name = operands.first().and_then(Object::as_name).unwrap_or_default();
                brush.device = name.starts_with(b"Device");
                brush.fill = brush.device.then_some([0.0; 3]);
            }
            b"sc" | b"scn" => brush.fill = colour(&numbers).filter(|_| brush.device),
            b"w" => brush.width = numbers.first().copied().unwrap_or(0.0) * m.scale(),
            b"Tr" => brush.mode = operands.first().and_then(Object::as_integer).unwrap_or(-1),
            b"gs" | b"Do" | b"EI" | b"sh" => self.doubt(),
            // Optional content (§8.11.3.2).
            b"BDC" if operands.first().and_then(Object::as_name) == Some(b"OC") => self.doubt(),
            b"m" | b"l" => self.path.points.push(point(0)),
            b"c" | b"v" | b"y" => {
                self.path.curved = true;
                self.path.points.extend([point(0), point(2)]);
                self.path.points.extend((operator == b"c").then(|| point(4)));
            }
            b"re" => {
                let [x, y, w, h] = std::array::from_fn(|i| numbers.get(i).copied().unwrap_or(0.0));
                let corners = [(x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y)];
                self.path.rectangles += 1;
                self.path.points.extend(corners.map(|(x, y)| m.apply(x, y)));
            }
            b"W" | b"W*" => self.path.clips = true,
            b"n" => self.end_path(false, false, brush),
            b"S" | b"s" => self.end_path(false, true, brush),
            b"f" | b"F" | b"f*" => self.end_path(true, false, brush),
            b"B" | b"B*" | b"b" | b"b*" => self.end_path(true, true, brush),
            _ => {}
        }
        if self.path.points.len() > MAX_POINTS {
            self.path.points.clear();
            self.doubt();
        }
    }

    fn end_path(&mut self, fills: bool, strokes: bool, brush: &mut Brush) {
        let path = std::mem::take(&mut self.path);
        if path.clips {
            if path.rectangles != 1 || path.points.len() != 5 {
                self.doubt();
            }
            brush.clip = intersection(brush.clip, around(&path.points));
        }
        if path.points.is_empty() || !(fills || strokes) {
            return;
        }
        let covered = around(&path.points);
        let [left, bottom, right, top] = self.edges();
        let covers = covered[0] <= left && covered[1] <= bottom && covered[2] >= right && covered[3] >= top;
        let first = self.last.is_none();
        let is_background = fills && path.rectangles == 1 && path.points.len() == 5 && covers;
        if first
            && is_background
            && let Some(fill) = brush.fill
        {
            self.background = fill;
        }
        // Nothing may lie over the letters but the thin line of a border.
        let is_border = !path.curved
            && path.points.windows(2).all(|pair| self.on_one_edge(pair))
            && (!strokes || brush.width <= MAX_BORDER)
            && (!fills || first || self.on_one_edge(&path.points));
        if !(is_border || first && is_background && !strokes) {
            if fills && !first {
                self.doubt();
            }
            let kind = (first, fills, strokes, brush.fill, path.curved);
            self.ink.paths.insert(format!("{kind:?} {:?}", path.points));
            if self.ink.paths.len() > MAX_PATHS {
                self.doubt();
                self.ink.paths.clear();
            }
        }
    }

    /// Where the middle begins, seen from each edge.
    fn edges(&self) -> Area {
        let [left, bottom, right, top] = self.bounds;
        let margin = MAX_BORDER.min((right - left).min(top - bottom) / 4.0);
        [left + margin, bottom + margin, right - margin, top - margin]
    }

    /// Whether all points lie in the margin along the same edge.
    fn on_one_edge(&self, points: &[(f64, f64)]) -> bool {
        let [left, bottom, right, top] = self.edges();
        points.iter().all(|p| p.0 <= left)
            || points.iter().all(|p| p.1 <= bottom)
            || points.iter().all(|p| p.0 >= right)
            || points.iter().all(|p| p.1 >= top)
    }

    /// Letters were shown.
    pub(super) fn letters(&mut self, letters: &[Letter], brush: &Brush) {
        let apart = |fill: Colour| fill.iter().zip(self.background).any(|(a, b)| (a - b).abs() >= CONTRAST);
        if !letters.is_empty() && (brush.mode != 0 || !brush.fill.is_some_and(apart)) {
            self.doubt();
        }
        let shown = intersection(brush.clip, self.bounds);
        for letter in letters {
            let em = letter.up.0.hypot(letter.up.1);
            let middle = (
                f64::midpoint(letter.start.0, letter.end.0) + letter.up.0 * 0.3,
                f64::midpoint(letter.start.1, letter.end.1) + letter.up.1 * 0.3,
            );
            let inside =
                middle.0 >= shown[0] && middle.0 <= shown[2] && middle.1 >= shown[1] && middle.1 <= shown[3];
            let in_order = self.last.is_none_or(|last| follows(&last, letter, em));
            self.ink.outside += usize::from(!inside);
            if em < MIN_SIZE || !in_order {
                self.doubt();
            }
            self.last = Some(*letter);
        }
    }
}

/// Whether a letter stands to the right of another or on a line below it.
fn follows(last: &Letter, letter: &Letter, em: f64) -> bool {
    let (x, y) = (letter.start.0 - last.start.0, letter.start.1 - last.start.1);
    let above = (x * letter.up.0 + y * letter.up.1) / em.max(MIN_SIZE);
    let along = (x * letter.up.1 - y * letter.up.0) / em.max(MIN_SIZE);
    above < -0.5 * em || (above < 0.5 * em && along >= -0.3 * em)
}

fn colour(numbers: &[f64]) -> Option<Colour> {
    match *numbers {
        [gray] => Some([gray; 3]),
        [red, green, blue] => Some([red, green, blue]),
        [c, m, y, k] => Some([c, m, y].map(|ink| (1.0 - ink) * (1.0 - k))),
        _ => None,
    }
}

fn around(points: &[(f64, f64)]) -> Area {
    let nothing = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    points.iter().fold(nothing, |[l, b, r, t], (x, y)| [l.min(*x), b.min(*y), r.max(*x), t.max(*y)])
}

fn intersection(a: Area, b: Area) -> Area {
    [a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]
}

const EVERYWHERE: Area = [f64::NEG_INFINITY, f64::NEG_INFINITY, f64::INFINITY, f64::INFINITY];
/// Units that a border is wide at most.
const MAX_BORDER: f64 = 6.0;
/// Units of the font size below which letters are specks.
const MIN_SIZE: f64 = 1.5;
/// What one of three components has to differ by from those of the background.
const CONTRAST: f64 = 0.15;
/// Points of one path.
const MAX_POINTS: usize = 4_096;
/// Paths that are kept to be compared.
const MAX_PATHS: usize = 256;
