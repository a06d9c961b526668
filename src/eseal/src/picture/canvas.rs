//! The paper a seal is drawn on: the middle is the origin, lengths are millimetres, y grows downwards.

use std::fmt::Write as _;

use super::outline::number;
use super::{Border, Colour, Drawn};

/// A picture in the making.
pub(super) struct Canvas {
    width: f64,
    height: f64,
    colour: Colour,
    body: String,
}

impl Canvas {
    pub(super) const fn new(width: f64, height: f64, colour: Colour) -> Self {
        Self { width, height, colour, body: String::new() }
    }

    /// Filled outlines.
    pub(super) fn fill(&mut self, data: &str) {
        if !data.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(self.body, "<path fill=\"{}\" d=\"{data}\"/>", self.colour);
        }
    }

    /// An ellipse along the edge of the paper, `inset` within it.
    pub(super) fn ring(&mut self, inset: f64, line: f64) {
        let half = |edge: f64| edge / 2.0 - inset - line / 2.0;
        let (rx, ry) = (text(half(self.width)), text(half(self.height)));
        let stroke = self.stroke(line);
        let _ = write!(self.body, "<ellipse cx=\"0\" cy=\"0\" rx=\"{rx}\" ry=\"{ry}\" {stroke}/>");
    }

    /// A rectangle along the edge of the paper, `inset` within it, its corners rounded by `round`.
    pub(super) fn frame(&mut self, inset: f64, line: f64, round: f64) {
        let inset = inset + line / 2.0;
        let (x, y) = (text(inset - self.width / 2.0), text(inset - self.height / 2.0));
        let (width, height) = (text(self.width - 2.0 * inset), text(self.height - 2.0 * inset));
        let (round, stroke) = (text(round), self.stroke(line));
        let _ = write!(
            self.body,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{round}\" {stroke}/>"
        );
    }

    /// A border whose lines are `line` wide, and how far within the edge what it encloses begins.
    pub(super) fn border(&mut self, border: Border, line: f64, round: Option<f64>) -> f64 {
        let mut put = |inset: f64, line: f64| match round {
            Some(round) => self.frame(inset, line, (round - inset).max(0.0)),
            None => self.ring(inset, line),
        };
        match border {
            Border::None => 0.0,
            Border::Single => {
                put(0.0, line);
                line
            }
            Border::Double => {
                put(0.0, line);
                put(line * 1.8, line * 0.4);
                line * 2.2
            }
        }
    }

    fn stroke(&self, line: f64) -> String {
        format!("fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"", self.colour, text(line))
    }

    /// The finished picture.
    pub(super) fn finish(self) -> Drawn {
        let (width, height) = (text(self.width), text(self.height));
        let (left, top) = (text(-self.width / 2.0), text(-self.height / 2.0));
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}mm\" height=\"{height}mm\" \
             viewBox=\"{left} {top} {width} {height}\">{}</svg>\n",
            self.body
        );
        Drawn { svg, width_mm: self.width, height_mm: self.height, colour: self.colour }
    }
}

fn text(value: f64) -> String {
    let mut out = String::new();
    number(&mut out, value);
    out
}
