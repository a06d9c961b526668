//! The shapes of a page, from usvg's tree to the PDF surface: paths with plain or graded colours, groups, clips.

use krilla::color::rgb;
use krilla::geom::{Path, PathBuilder, Transform};
use krilla::num::NormalizedF32;
use krilla::paint::{
    Fill, FillRule, LineCap, LineJoin, LinearGradient, Paint, RadialGradient, SpreadMethod, Stop, Stroke,
    StrokeDash,
};
use krilla::surface::Surface;
use usvg::PaintOrder;
use usvg::tiny_skia_path::PathSegment;

use super::TemplateError;

/// Refuses a tree with too many segments, or shapes far off the page.
pub(super) fn weigh(tree: &usvg::Tree) -> Result<(), TemplateError> {
    let mut weight = 0;
    group_weight(tree.root(), &mut weight)
}

fn group_weight(group: &usvg::Group, weight: &mut usize) -> Result<(), TemplateError> {
    *weight += 1;
    if let Some(clip) = group.clip_path() {
        group_weight(clip.root(), weight)?;
        if clip.clip_path().is_some() {
            return Err(TemplateError::TooIntricate { what: "the number of clips within a clip", limit: 0 });
        }
    }
    for node in group.children() {
        match node {
            usvg::Node::Group(group) => group_weight(group, weight)?,
            usvg::Node::Path(path) => {
                *weight += path.data().verbs().len();
                let bounds = path.abs_stroke_bounding_box();
                let edges = [bounds.left(), bounds.top(), bounds.right(), bounds.bottom()];
                if edges.into_iter().any(|edge| !edge.is_finite() || edge.abs() > FAR) {
                    return Err(TemplateError::TooIntricate {
                        what: "the distance of a shape from the page, in pixels,",
                        limit: 100_000,
                    });
                }
            }
            _ => {}
        }
        if *weight > MAX_SEGMENTS {
            return Err(TemplateError::TooIntricate {
                what: "the number of a page's segments",
                limit: MAX_SEGMENTS,
            });
        }
    }
    Ok(())
}

/// Draws a tree. The surface's unit is usvg's pixel.
pub(super) fn draw(tree: &usvg::Tree, surface: &mut Surface<'_>) {
    group(tree.root(), surface);
    surface.set_fill(None);
    surface.set_stroke(None);
}

fn group(group: &usvg::Group, surface: &mut Surface<'_>) {
    let mut pushed = 0;
    if !group.transform().is_identity() {
        surface.push_transform(&transform(group.transform()));
        pushed += 1;
    }
    if let Some(clip) = group.clip_path() {
        let Some((path, rule)) = clipped(clip) else {
            // A clip that holds nothing hides all.
            (0..pushed).for_each(|_| surface.pop());
            return;
        };
        surface.push_clip_path(&path, &rule);
        pushed += 1;
    }
    if group.opacity() != usvg::Opacity::ONE {
        surface.push_opacity(part(group.opacity().get()));
        pushed += 1;
    }
    for node in group.children() {
        match node {
            usvg::Node::Group(inner) => self::group(inner, surface),
            usvg::Node::Path(path) if path.is_visible() => shape(path, surface),
            _ => {}
        }
    }
    (0..pushed).for_each(|_| surface.pop());
}

/// All paths of a clip as one.
fn clipped(clip: &usvg::ClipPath) -> Option<(Path, FillRule)> {
    let mut builder = PathBuilder::new();
    let mut rule = FillRule::NonZero;
    collect(clip.root(), clip.transform(), &mut builder, &mut rule);
    builder.finish().map(|path| (path, rule))
}

fn collect(group: &usvg::Group, around: usvg::Transform, builder: &mut PathBuilder, rule: &mut FillRule) {
    let here = around.pre_concat(group.transform());
    for node in group.children() {
        match node {
            usvg::Node::Group(inner) => collect(inner, here, builder, rule),
            usvg::Node::Path(path) => {
                if path.fill().is_some_and(|fill| fill.rule() == usvg::FillRule::EvenOdd) {
                    *rule = FillRule::EvenOdd;
                }
                if let Some(data) = path.data().clone().transform(here) {
                    segments(&data, builder);
                }
            }
            _ => {}
        }
    }
}

fn shape(path: &usvg::Path, surface: &mut Surface<'_>) {
    let mut builder = PathBuilder::new();
    segments(path.data(), &mut builder);
    let Some(data) = builder.finish() else { return };
    let filling = path.fill().map(fill);
    let stroking = path.stroke().map(stroke);
    let mut paint = |fill: Option<Fill>, stroke: Option<Stroke>| {
        if fill.is_some() || stroke.is_some() {
            surface.set_fill(fill);
            surface.set_stroke(stroke);
            surface.draw_path(&data);
        }
    };
    match path.paint_order() {
        PaintOrder::FillAndStroke => paint(filling, stroking),
        PaintOrder::StrokeAndFill => {
            paint(None, stroking);
            paint(filling, None);
        }
    }
}

fn segments(data: &usvg::tiny_skia_path::Path, builder: &mut PathBuilder) {
    for segment in data.segments() {
        match segment {
            PathSegment::MoveTo(p) => builder.move_to(p.x, p.y),
            PathSegment::LineTo(p) => builder.line_to(p.x, p.y),
            PathSegment::QuadTo(c, p) => builder.quad_to(c.x, c.y, p.x, p.y),
            PathSegment::CubicTo(c, d, p) => builder.cubic_to(c.x, c.y, d.x, d.y, p.x, p.y),
            PathSegment::Close => builder.close(),
        }
    }
}

fn fill(fill: &usvg::Fill) -> Fill {
    let rule = match fill.rule() {
        usvg::FillRule::NonZero => FillRule::NonZero,
        usvg::FillRule::EvenOdd => FillRule::EvenOdd,
    };
    Fill { paint: paint(fill.paint()), opacity: part(fill.opacity().get()), rule }
}

fn stroke(stroke: &usvg::Stroke) -> Stroke {
    Stroke {
        paint: paint(stroke.paint()),
        width: stroke.width().get(),
        miter_limit: stroke.miterlimit().get(),
        line_cap: match stroke.linecap() {
            usvg::LineCap::Butt => LineCap::Butt,
            usvg::LineCap::Round => LineCap::Round,
            usvg::LineCap::Square => LineCap::Square,
        },
        line_join: match stroke.linejoin() {
            usvg::LineJoin::Miter | usvg::LineJoin::MiterClip => LineJoin::Miter,
            usvg::LineJoin::Round => LineJoin::Round,
            usvg::LineJoin::Bevel => LineJoin::Bevel,
        },
        opacity: part(stroke.opacity().get()),
        dash: stroke
            .dasharray()
            .map(|dashes| StrokeDash { array: dashes.to_vec(), offset: stroke.dashoffset() }),
    }
}

/// Patterns are not on the list of what may stand in a page; spread gradients would need PostScript functions, which
/// PDF/A-2 forbids, and end in their last colour instead.
fn paint(paint: &usvg::Paint) -> Paint {
    match paint {
        usvg::Paint::Color(colour) => rgb::Color::new(colour.red, colour.green, colour.blue).into(),
        usvg::Paint::LinearGradient(gradient) => LinearGradient {
            x1: gradient.x1(),
            y1: gradient.y1(),
            x2: gradient.x2(),
            y2: gradient.y2(),
            transform: transform(gradient.transform()),
            spread_method: SpreadMethod::Pad,
            stops: gradient.stops().iter().map(stop).collect(),
            anti_alias: false,
        }
        .into(),
        usvg::Paint::RadialGradient(gradient) => RadialGradient {
            cx: gradient.cx(),
            cy: gradient.cy(),
            cr: gradient.r().get(),
            fx: gradient.fx(),
            fy: gradient.fy(),
            fr: gradient.fr().get(),
            transform: transform(gradient.transform()),
            spread_method: SpreadMethod::Pad,
            stops: gradient.stops().iter().map(stop).collect(),
            anti_alias: false,
        }
        .into(),
        usvg::Paint::Pattern(_) => rgb::Color::black().into(),
    }
}

fn stop(stop: &usvg::Stop) -> Stop {
    let colour = stop.color();
    Stop {
        offset: part(stop.offset().get()),
        color: rgb::Color::new(colour.red, colour.green, colour.blue).into(),
        opacity: part(stop.opacity().get()),
    }
}

pub(super) fn part(value: f32) -> NormalizedF32 {
    NormalizedF32::new(value.clamp(0.0, 1.0)).unwrap_or(NormalizedF32::ONE)
}

fn transform(t: usvg::Transform) -> Transform {
    Transform::from_row(t.sx, t.ky, t.kx, t.sy, t.tx, t.ty)
}

/// Segments and groups of a page.
const MAX_SEGMENTS: usize = 200_000;
/// Pixels from the page's corner.
const FAR: f32 = 100_000.0;
