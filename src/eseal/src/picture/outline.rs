//! Outlines of letters, and how they are laid onto a place of the seal.

use std::fmt::Write as _;

/// A rectangle of a font's coordinates: y grows upwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) left: f64,
    pub(super) bottom: f64,
    pub(super) right: f64,
    pub(super) top: f64,
}

impl Rect {
    pub(super) fn width(self) -> f64 {
        self.right - self.left
    }

    pub(super) fn height(self) -> f64 {
        self.top - self.bottom
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            bottom: self.bottom.min(other.bottom),
            right: self.right.max(other.right),
            top: self.top.max(other.top),
        }
    }
}

/// A place of the seal, in millimetres; y grows downwards as in SVG.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    /// The middle of the letter.
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    /// Turned clockwise, in radians; 0 stands upright.
    pub(super) turn: f64,
}

/// An outline as a font draws it.
#[derive(Debug, Clone, Default)]
pub(super) struct Outline {
    steps: Vec<(char, Vec<(f64, f64)>)>,
}

impl Outline {
    pub(super) fn move_to(&mut self, x: f64, y: f64) {
        self.steps.push(('M', vec![(x, y)]));
    }

    pub(super) fn line_to(&mut self, x: f64, y: f64) {
        self.steps.push(('L', vec![(x, y)]));
    }

    pub(super) fn quad_to(&mut self, [cx, cy, x, y]: [f64; 4]) {
        self.steps.push(('Q', vec![(cx, cy), (x, y)]));
    }

    pub(super) fn curve_to(&mut self, [ax, ay, bx, by, x, y]: [f64; 6]) {
        self.steps.push(('C', vec![(ax, ay), (bx, by), (x, y)]));
    }

    pub(super) fn close(&mut self) {
        self.steps.push(('Z', Vec::new()));
    }

    /// What its points cover; `None` for a space.
    pub(super) fn bounds(&self) -> Option<Rect> {
        let points = self.steps.iter().flat_map(|(_, points)| points);
        points.map(|&(x, y)| Rect { left: x, bottom: y, right: x, top: y }).reduce(Rect::union)
    }

    /// Appends it to a path's data (SVG 2 §9.3), `frame` laid onto `place`.
    pub(super) fn put(&self, path: &mut String, frame: Rect, place: Place) {
        let (sin, cos) = place.turn.sin_cos();
        let (across, up) = (place.width / frame.width(), place.height / frame.height());
        let middle = (f64::midpoint(frame.left, frame.right), f64::midpoint(frame.bottom, frame.top));
        for (word, points) in &self.steps {
            path.push(*word);
            for (at, &(x, y)) in points.iter().enumerate() {
                let (x, y) = ((x - middle.0) * across, (middle.1 - y) * up);
                let (x, y) = (place.x + x * cos - y * sin, place.y + x * sin + y * cos);
                if at > 0 {
                    path.push(' ');
                }
                number(path, x);
                path.push(' ');
                number(path, y);
            }
        }
    }
}

/// A number of a picture: a thousandth of a millimetre is a fortieth of a dot at 600 to the inch.
pub(super) fn number(out: &mut String, value: f64) {
    let rounded = (value * 1e3).round() / 1e3;
    // Writing to a string cannot fail. Minus zero would show as `-0`.
    let _ = write!(out, "{}", if rounded == 0.0 { 0.0 } else { rounded });
}
