//! Lines of an inscription: straight, along the upper arc, or along the lower one.

use std::f64::consts::PI;

use super::curve::Curve;
use super::font::Letter;
use super::outline::{Place, Rect};

/// The band an inscription along an arc stands in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Band {
    /// Half axes of the curve that the letters' outer ends touch, in millimetres.
    pub(super) across: f64,
    pub(super) down: f64,
    /// The tallest letters that are wanted.
    pub(super) tallest: f64,
    /// The lowest letters, when there are many.
    pub(super) lowest: f64,
    /// How much of the curve the longest inscription covers, of 1.
    pub(super) most: f64,
}

/// What an inscription along an arc came to cover.
#[derive(Debug, Clone, Copy)]
pub(super) struct Covered {
    /// How tall the letters became.
    pub(super) height: f64,
    /// The corners of the last letter: its lowest point, and how near to the middle line it comes.
    pub(super) lowest: f64,
    pub(super) nearest: f64,
}

fn weight(letters: &[Letter]) -> f64 {
    letters.iter().map(|letter| letter.weight).sum()
}

/// Sets `letters` along the upper arc, their heads outward: a short name stands loosely at the top, a long one reaches
/// further down and its letters become narrower, then smaller.
pub(super) fn upper_arc(path: &mut String, letters: &[Letter], band: Band) -> Covered {
    let total = weight(letters);
    // Four letters cover a third of the circle, ten six tenths, from twenty on it is nearly `most`.
    let share = band.most * (1.0 - (-total / 6.2).exp());
    let mut height = band.tallest;
    let (curve, unit, width) = loop {
        let curve = Curve::new(band.across - height / 2.0, band.down - height / 2.0);
        let unit = curve.length() * share / total.max(1.0);
        // Letters are nearest to each other at their feet.
        let feet = Curve::new(band.across - height, band.down - height).length() / curve.length();
        let width = (unit * feet * FILLED).min(height * WIDEST);
        if width >= height * NARROWEST || height <= band.lowest {
            break (curve, unit, width);
        }
        height -= band.tallest / 64.0;
    };
    let mut covered = Covered { height, lowest: f64::MIN, nearest: f64::MAX };
    let mut at = -unit * total / 2.0;
    for (left, letter) in (0..letters.len()).rev().zip(letters) {
        let point = curve.at(at + unit * letter.weight / 2.0);
        at += unit * letter.weight;
        let place =
            Place { x: point.x, y: point.y, width: width * letter.weight, height, turn: point.outward };
        letter.outline.put(path, letter.frame, place);
        // The last letter borders on what stands below.
        if left == 0 {
            let (sin, cos) = place.turn.sin_cos();
            for (right, down) in [(-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5)] {
                let (dx, dy) = (right * place.width, down * height);
                covered.lowest = covered.lowest.max(place.y + dx * sin + dy * cos);
                covered.nearest = covered.nearest.min(place.x + dx * cos - dy * sin);
            }
        }
    }
    covered
}

/// Sets `letters` along the lower arc, their feet outward, reading from left to right.
pub(super) fn lower_arc(path: &mut String, letters: &[Letter], curve: &Curve, width: f64, height: f64) {
    let pitch = width * 1.32;
    let half = curve.length() / 2.0;
    let mut at = pitch * weight(letters) / 2.0;
    for letter in letters {
        let from_bottom = at - pitch * letter.weight / 2.0;
        at -= pitch * letter.weight;
        // Left of the bottom is beyond half of the way round.
        let along = if from_bottom > 0.0 { from_bottom - half } else { half + from_bottom };
        let point = curve.at(along);
        let place =
            Place { x: point.x, y: point.y, width: width * letter.weight, height, turn: point.outward + PI };
        letter.outline.put(path, letter.frame, place);
    }
}

/// The room of a straight line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Its middle.
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    /// How wide an ideograph may be, of its height.
    pub(super) widest: f64,
}

/// Sets `letters` in a straight line in the middle of `room`: narrower where there are many, then smaller.
pub(super) fn straight(path: &mut String, letters: &[Letter], room: Room) {
    let total = weight(letters).max(0.1);
    let unit = (room.width / total).min(room.height * room.widest / FILLED);
    let height = room.height.min(unit / NARROWEST_LINE);
    let mut at = room.x - unit * total / 2.0;
    for letter in letters {
        let cell = unit * letter.weight;
        let place = Place { x: at + cell / 2.0, y: room.y, width: cell * FILLED, height, turn: 0.0 };
        letter.outline.put(path, letter.frame, place);
        at += cell;
    }
}

/// Fills a cell with a letter, stretched at most 2 to 1.
pub(super) fn cell(path: &mut String, letter: &Letter, at: Rect) {
    let (width, height) = (at.width(), at.height());
    let place = Place {
        x: f64::midpoint(at.left, at.right),
        y: f64::midpoint(at.bottom, at.top),
        width: width.min(height * 2.0),
        height: height.min(width * 2.1),
        turn: 0.0,
    };
    letter.outline.put(path, letter.frame, place);
}

/// How much of its share of the line a letter fills.
const FILLED: f64 = 0.93;
/// An ideograph of a name is a little narrower than tall.
const WIDEST: f64 = 0.88;
/// Narrower than half their height ideographs do not read well.
const NARROWEST: f64 = 0.5;
/// Straight lines have room for smaller letters instead.
const NARROWEST_LINE: f64 = 0.42;
