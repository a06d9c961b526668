//! The shapes of seals: what stands where, and how large.
//!
//! Proportions are those of the 42 mm seal and grow with the diameter: line 1.2 mm, star 14 mm across (the five-point
//! star of GB 12982), name at most 6.4 mm, purpose 4.2 mm, code 1.6 mm. Those of the oval are the invoice seal's of
//! 40 x 30 mm (State Taxation Administration, notice 7 of 2011): line 1 mm, name 4.2 mm, number 3.7 x 1.3 mm,
//! purpose 4.6 x 3 mm.

use std::f64::consts::PI;

use super::canvas::Canvas;
use super::curve::Curve;
use super::font::{Font, Letter, figures, letters};
use super::inscription::{Band, Room, cell, lower_arc, straight, upper_arc};
use super::outline::{Rect, number};
use super::{Border, Colour, Drawn, PictureError, Shape};

pub(super) fn draw(shape: &Shape, colour: Colour, fonts: &[Font]) -> Result<Drawn, PictureError> {
    let text = |part, text: &str, (least, most)| inscription(part, text, least, most, fonts);
    let line = |part, text: &Option<String>, most: usize| {
        text.as_deref().map(|text| inscription(part, text, 1, most, fonts)).transpose()
    };
    match shape {
        Shape::Round { name, purpose, code, diameter_mm, star } => {
            let diameter = measure("diameter", *diameter_mm)?;
            let code = code.as_deref().map(|code| digits(code, fonts)).transpose()?;
            let words =
                Words { name: text("name", name, NAME)?, purpose: line("purpose line", purpose, 16)? };
            Ok(round(diameter, colour, &words, code.as_deref(), *star))
        }
        Shape::Oval { name, centre, purpose, width_mm, height_mm, border } => {
            let size = (measure("width", *width_mm)?, measure("height", *height_mm)?);
            let words =
                Words { name: text("name", name, NAME)?, purpose: line("purpose line", purpose, 16)? };
            let number = centre.as_ref().is_some_and(|text| text.chars().all(|c| c.is_ascii_alphanumeric()));
            let centre = line("line in the middle", centre, 24)?;
            Ok(oval(size, colour, &words, centre.as_deref().map(|text| (text, number)), *border))
        }
        Shape::Rectangle { lines, width_mm, height_mm, border } => {
            let size = (measure("width", *width_mm)?, measure("height", *height_mm)?);
            if !(1..=4).contains(&lines.len()) {
                return Err(PictureError::Length {
                    part: "list of lines",
                    found: lines.len(),
                    least: 1,
                    most: 4,
                });
            }
            let lines =
                lines.iter().map(|line| text("line", line, (1, 24))).collect::<Result<Vec<_>, _>>()?;
            Ok(rectangle(size, colour, &lines, *border))
        }
        Shape::NameSeal { name, filling, edge_mm } => {
            let edge = measure("edge", *edge_mm)?;
            let letters = text("name", name, (2, 4))?;
            let filled = match (filling, letters.len()) {
                (true, 2) => text("filling", "之印", (1, 2))?,
                (true, 3) => text("filling", "印", (1, 2))?,
                _ => Vec::new(),
            };
            let letters: Vec<Letter> = letters.into_iter().chain(filled).collect();
            Ok(name_seal(edge, colour, &letters))
        }
        Shape::Signature { name, width_mm, height_mm } => {
            let (width, height) = (measure("width", *width_mm)?, measure("height", *height_mm)?);
            let letters = text("name", name, (1, 16))?;
            let mut path = String::new();
            let (width_in, height_in) = (width * 0.96, height * 0.92);
            straight(
                &mut path,
                &letters,
                Room { x: 0.0, y: 0.0, width: width_in, height: height_in, widest: 1.05 },
            );
            let mut canvas = Canvas::new(width, height, colour);
            canvas.fill(&path);
            Ok(canvas.finish())
        }
    }
}

/// What round and oval seals say.
struct Words {
    name: Vec<Letter>,
    purpose: Option<Vec<Letter>>,
}

fn round(diameter: f64, colour: Colour, words: &Words, code: Option<&[Letter]>, star: bool) -> Drawn {
    let unit = diameter / 42.0;
    let mut canvas = Canvas::new(diameter, diameter, colour);
    let border = canvas.border(Border::Single, 1.2 * unit, None);
    let edge = diameter / 2.0 - border - 0.9 * unit;

    let mut path = String::new();
    let most = if words.purpose.is_some() && star { 0.72 } else { 0.77 };
    let band = Band { across: edge, down: edge, tallest: 6.4 * unit, lowest: 3.0 * unit, most };
    let covered = upper_arc(&mut path, &words.name, band);
    if let Some(purpose) = &words.purpose {
        let (y, height) = if star { (10.9 * unit, 4.3 * unit) } else { (0.0, 6.0 * unit) };
        let foot = y.abs() + height / 2.0;
        // Beside the name's last letter, or below it as far as the ring allows.
        let inner = edge - if code.is_some() { 2.2 * unit } else { 0.0 };
        let chord = (inner.powi(2) - foot.powi(2)).max(0.0).sqrt();
        let beside = if star { covered.nearest } else { edge - covered.height } - 0.7 * unit;
        let below = covered.lowest < y - height / 2.0;
        let width = 2.0 * if below { chord } else { chord.min(beside) };
        straight(&mut path, purpose, Room { x: 0.0, y, width, height, widest: 0.82 });
    }
    if let Some(code) = code {
        let height = 1.6 * unit;
        let curve = Curve::new(edge - height / 2.0, edge - height / 2.0);
        lower_arc(&mut path, code, &curve, 0.95 * unit, height);
    }
    canvas.fill(&path);
    if star {
        canvas.fill(&pentagram(7.0 * unit));
    }
    canvas.finish()
}

fn oval(
    (width, height): (f64, f64),
    colour: Colour,
    words: &Words,
    centre: Option<(&[Letter], bool)>,
    border: Border,
) -> Drawn {
    let unit = width.min(height) / 30.0;
    let mut canvas = Canvas::new(width, height, colour);
    let border = canvas.border(border, unit, None);
    let inset = border + 0.8 * unit;
    let (across, down) = (width / 2.0 - inset, height / 2.0 - inset);

    let mut path = String::new();
    let most = if words.purpose.is_some() { 0.64 } else { 0.72 };
    let band = Band { across, down, tallest: 4.6 * unit, lowest: 2.4 * unit, most };
    let covered = upper_arc(&mut path, &words.name, band);
    // How wide the inside of the name's band is at a height.
    let inside = |y: f64| {
        let (across, down) = (across - covered.height, down - covered.height);
        across * (1.0 - (y / down).powi(2)).max(0.0).sqrt()
    };
    if let Some((letters, is_number)) = centre {
        let (y, height) = (if words.purpose.is_some() { 0.6 } else { 2.0 } * unit, 3.7 * unit);
        let width = 2.0 * (inside(y.abs() + height / 2.0) - 0.6 * unit);
        let widest = if is_number { 0.72 } else { 0.85 };
        straight(&mut path, letters, Room { x: 0.0, y, width, height, widest });
    }
    if let Some(letters) = &words.purpose {
        let (y, height) = if centre.is_some() { (8.3, 4.6) } else { (6.4, 5.2) };
        let (y, height) = (y * unit * down / (13.2 * unit), height * unit);
        let foot = y + height / 2.0;
        let chord = across * (1.0 - (foot / down).powi(2)).max(0.0).sqrt();
        let beside = if covered.lowest < y - height / 2.0 { chord } else { covered.nearest - 0.6 * unit };
        let width = 2.0 * chord.min(beside);
        straight(&mut path, letters, Room { x: 0.0, y, width, height, widest: 0.66 });
    }
    canvas.fill(&path);
    canvas.finish()
}

fn rectangle((width, height): (f64, f64), colour: Colour, lines: &[Vec<Letter>], border: Border) -> Drawn {
    let mut canvas = Canvas::new(width, height, colour);
    let unit = width.min(height) / 20.0;
    let border = canvas.border(border, 0.8 * unit, Some(0.0));
    let margin = border + 1.2 * unit;
    let (inner, tall) = (width - 2.0 * margin, height - 2.0 * margin);
    #[expect(clippy::cast_precision_loss, reason = "at most four")]
    let row = tall / lines.len() as f64;
    let mut path = String::new();
    let mut y = -tall / 2.0 + row / 2.0;
    for line in lines {
        let room = Room { x: 0.0, y, width: inner, height: row * 0.84, widest: 0.95 };
        straight(&mut path, line, room);
        y += row;
    }
    canvas.fill(&path);
    canvas.finish()
}

fn name_seal(edge: f64, colour: Colour, letters: &[Letter]) -> Drawn {
    let mut canvas = Canvas::new(edge, edge, colour);
    let unit = edge / 20.0;
    let line = 1.1 * unit;
    canvas.frame(0.0, line, 0.6 * unit);
    let (half, gap) = (edge / 2.0 - line - 0.7 * unit, 0.35 * unit);
    // Columns from right to left; of three characters the surname has the right one for itself.
    let tall = |left: f64, right: f64| Rect { left, right, bottom: half, top: -half };
    let upper = |left: f64, right: f64| Rect { left, right, bottom: -gap, top: -half };
    let lower = |left: f64, right: f64| Rect { left, right, bottom: half, top: gap };
    let flip = |at: Rect| Rect { bottom: at.top, top: at.bottom, ..at };
    let cells = match letters.len() {
        2 => vec![tall(gap, half), tall(-half, -gap)],
        3 => vec![tall(gap, half), upper(-half, -gap), lower(-half, -gap)],
        _ => vec![upper(gap, half), lower(gap, half), upper(-half, -gap), lower(-half, -gap)],
    };
    let mut path = String::new();
    for (letter, at) in letters.iter().zip(cells) {
        cell(&mut path, letter, flip(at));
    }
    canvas.fill(&path);
    canvas.finish()
}

/// The star of the national flag (GB 12982): a point up, edges that run on into each other.
fn pentagram(radius: f64) -> String {
    let inner = radius * (PI / 10.0).sin() / (3.0 * PI / 10.0).sin();
    let mut path = String::new();
    for corner in 0..10_u8 {
        let radius = if corner % 2 == 0 { radius } else { inner };
        let (sin, cos) = (f64::from(corner) * PI / 5.0).sin_cos();
        path.push(if corner == 0 { 'M' } else { 'L' });
        number(&mut path, radius * sin);
        path.push(' ');
        number(&mut path, -radius * cos);
    }
    path.push('Z');
    path
}

fn measure(what: &'static str, mm: f64) -> Result<f64, PictureError> {
    if (f64::from(LEAST_MM)..=f64::from(MOST_MM)).contains(&mm) {
        return Ok(mm);
    }
    #[expect(clippy::cast_possible_truncation, reason = "saturates, for a message")]
    let micrometres = (mm * 1e3) as i64;
    Err(PictureError::Size { what, micrometres, least: LEAST_MM, most: MOST_MM })
}

fn inscription(
    part: &'static str,
    text: &str,
    least: usize,
    most: usize,
    fonts: &[Font],
) -> Result<Vec<Letter>, PictureError> {
    let hidden = |c: &char| {
        c.is_control()
            || matches!(c, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
    };
    if let Some(character) = text.chars().find(hidden) {
        return Err(PictureError::Hidden { part, character });
    }
    let text = text.trim();
    let found = text.chars().take(1_000).count();
    if !(least..=most).contains(&found) {
        return Err(PictureError::Length { part, found, least, most });
    }
    letters(text, fonts)
}

fn digits(code: &str, fonts: &[Font]) -> Result<Vec<Letter>, PictureError> {
    if !(13..=14).contains(&code.len()) || !code.bytes().all(|b| b.is_ascii_digit()) {
        return Err(PictureError::Code(code.chars().take(40).collect()));
    }
    figures(code, fonts)
}

/// Fewest and most characters of a name.
const NAME: (usize, usize) = (2, 40);
/// Shortest edge drawn.
const LEAST_MM: u32 = 5;
/// Longest edge drawn: at 600 dpi 2,362 pixels.
const MOST_MM: u32 = 100;
