//! Paths, transforms, clips and numbers as content stream operators (ISO 32000-2 §8.4, §8.5).

use std::fmt::Write as _;

use usvg::tiny_skia_path::PathSegment;
use usvg::{ClipPath, FillRule, Group, Node, Path, Transform};

use super::Refusal;
use super::draw::MAX_DEPTH;

/// Cuts the current clip down to a clip path and the clip path that clips it.
pub(super) fn clip_into(
    out: &mut String,
    clip: &ClipPath,
    above: Transform,
    depth: usize,
) -> Result<(), Refusal> {
    let deeper = depth
        .checked_sub(1)
        .ok_or(Refusal::TooIntricate { what: "the depth of its clips", limit: MAX_DEPTH })?;
    if let Some(outer) = clip.clip_path() {
        clip_into(out, outer, above, deeper)?;
    }
    let mut paths = Vec::new();
    clip_paths(clip.root(), above.pre_concat(clip.transform()), deeper, &mut paths)?;
    let [(path, transform)] = paths.as_slice() else {
        // Shapes united: PDF unites them only if they do not overlap.
        return Err(Refusal::NotInPdf("a clip of several shapes"));
    };
    let inverse = transform.invert().ok_or(Refusal::NotInPdf("a clip without extent"))?;
    let even_odd = if path.fill().is_some_and(|fill| fill.rule() == FillRule::EvenOdd) { "*" } else { "" };
    matrix_into(out, *transform)?;
    segments_into(out, path)?;
    // Writing to a string cannot fail.
    let _ = write!(out, "W{even_odd} n ");
    matrix_into(out, inverse)
}

fn clip_paths<'t>(
    group: &'t Group,
    transform: Transform,
    depth: usize,
    out: &mut Vec<(&'t Path, Transform)>,
) -> Result<(), Refusal> {
    let deeper = depth
        .checked_sub(1)
        .ok_or(Refusal::TooIntricate { what: "the depth of its clips", limit: MAX_DEPTH })?;
    for child in group.children() {
        match child {
            Node::Path(path) if path.is_visible() => out.push((path, transform)),
            Node::Path(_) => {}
            Node::Group(group) if group.clip_path().is_none() => {
                clip_paths(group, transform.pre_concat(group.transform()), deeper, out)?;
            }
            Node::Text(text) => clip_paths(text.flattened(), transform, deeper, out)?,
            _ => return Err(Refusal::NotInPdf("a clip within a clip")),
        }
    }
    Ok(())
}

pub(super) fn colour_into(out: &mut String, colour: usvg::Color, operator: &str) {
    let part = |part: u8| (f64::from(part) / 255.0 * 1e4).round() / 1e4;
    let (red, green, blue) = (part(colour.red), part(colour.green), part(colour.blue));
    // Writing to a string cannot fail.
    let _ = write!(out, "{red} {green} {blue} {operator} ");
}

pub(super) fn matrix_into(out: &mut String, t: Transform) -> Result<(), Refusal> {
    if !t.is_identity() {
        for part in [t.sx, t.ky, t.kx, t.sy, t.tx, t.ty] {
            out.push_str(&number(part)?);
            out.push(' ');
        }
        out.push_str("cm ");
    }
    Ok(())
}

/// A path's segments (ISO 32000-2 §8.5.2); quadratic curves become cubic ones.
pub(super) fn segments_into(out: &mut String, path: &Path) -> Result<(), Refusal> {
    let mut last = (0.0, 0.0);
    let mut put = |points: &[(f32, f32)], operator: &str| -> Result<(), Refusal> {
        for (x, y) in points {
            out.push_str(&number(*x)?);
            out.push(' ');
            out.push_str(&number(*y)?);
            out.push(' ');
        }
        out.push_str(operator);
        out.push(' ');
        Ok(())
    };
    for segment in path.data().segments() {
        match segment {
            PathSegment::MoveTo(p) => {
                last = (p.x, p.y);
                put(&[last], "m")?;
            }
            PathSegment::LineTo(p) => {
                last = (p.x, p.y);
                put(&[last], "l")?;
            }
            PathSegment::QuadTo(c, p) => {
                let towards = |from: (f32, f32)| {
                    (from.0 + (c.x - from.0) * 2.0 / 3.0, from.1 + (c.y - from.1) * 2.0 / 3.0)
                };
                put(&[towards(last), towards((p.x, p.y)), (p.x, p.y)], "c")?;
                last = (p.x, p.y);
            }
            PathSegment::CubicTo(a, b, p) => {
                last = (p.x, p.y);
                put(&[(a.x, a.y), (b.x, b.y), last], "c")?;
            }
            PathSegment::Close => put(&[], "h")?,
        }
    }
    Ok(())
}

/// A number as content streams take it: no exponent, nothing viewers choke on.
pub(super) fn number(value: f32) -> Result<String, Refusal> {
    if !value.is_finite() || value.abs() > MAX_NUMBER {
        return Err(Refusal::NotInPdf("numbers beyond every page"));
    }
    // Nine digits keep what a float knows; short ones stay short.
    Ok(format!("{}", (f64::from(value) * 1e6).round() / 1e6))
}

/// Beyond it renderers that count in fixed point go wrong.
const MAX_NUMBER: f32 = 1e6;
