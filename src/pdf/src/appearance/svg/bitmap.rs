//! Drawing an SVG to pixels: for what PDF cannot express, and for documents without transparency.

use resvg::tiny_skia::{Color, Pixmap, Transform};
use usvg::filter::Kind;
use usvg::{Group, Node, Tree};

use super::super::bitmap::Bitmap;
use super::super::image::{ImageError, ImageLimits};

/// Draws `tree` on nothing or on a colour: sharp at 600 dots per inch and 60 mm.
pub(super) fn draw(
    tree: &Tree,
    limits: &ImageLimits,
    background: Option<Color>,
) -> Result<Bitmap, ImageError> {
    let mut costs = Costs::default();
    costs.group(tree.root(), MAX_DEPTH, tree.size().width() * tree.size().height())?;
    let (width, height) = (tree.size().width(), tree.size().height());
    let edge = if costs.filters > 0 { FILTERED_EDGE } else { EDGE };
    #[expect(clippy::cast_precision_loss, reason = "some thousand pixels")]
    let edge = edge.min(limits.edge).min(limits.pixels.isqrt().try_into().unwrap_or(u32::MAX)) as f32;
    let scale = edge / width.max(height);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and the edge")]
    let pixels = |length: f32| (length * scale).ceil().clamp(1.0, edge) as u32;
    let (columns, rows) = (pixels(width), pixels(height));
    let mut pixmap = Pixmap::new(columns, rows).ok_or(ImageError::Invisible)?;
    if let Some(colour) = background {
        pixmap.fill(colour);
    }
    #[expect(clippy::cast_precision_loss, reason = "some thousand pixels")]
    let fit = Transform::from_scale(columns as f32 / width, rows as f32 / height);
    resvg::render(tree, fit, &mut pixmap.as_mut());
    let mut samples = Vec::with_capacity(pixmap.pixels().len() * 4);
    for pixel in pixmap.pixels() {
        let colour = pixel.demultiply();
        samples.extend([colour.red(), colour.green(), colour.blue(), colour.alpha()]);
    }
    Bitmap::new((columns, rows), 3, true, samples)
}

/// What drawing takes time for.
#[derive(Default)]
struct Costs {
    filters: usize,
    layers: usize,
    /// Area of everything drawn, in canvases.
    canvases: f32,
}

impl Costs {
    fn group(&mut self, group: &Group, depth: usize, canvas: f32) -> Result<(), ImageError> {
        let deeper = depth
            .checked_sub(1)
            .ok_or(ImageError::TooIntricate { what: "the depth of its groups", limit: MAX_DEPTH })?;
        self.layers += usize::from(group.should_isolate());
        for filter in group.filters() {
            for primitive in filter.primitives() {
                self.filters += 1;
                check_filter(primitive.kind())?;
            }
        }
        if let Some(mask) = group.mask() {
            self.layers += 1;
            self.group(mask.root(), deeper, canvas)?;
        }
        if let Some(clip) = group.clip_path() {
            self.layers += 1;
            self.group(clip.root(), deeper, canvas)?;
        }
        for child in group.children() {
            match child {
                Node::Group(group) => self.group(group, deeper, canvas)?,
                Node::Text(text) => self.group(text.flattened(), deeper, canvas)?,
                Node::Path(path) => {
                    let area = path.abs_stroke_bounding_box();
                    // Beyond the canvas nothing is painted.
                    self.canvases += (area.width() * area.height() / canvas).min(1.0) + 1e-4;
                }
                Node::Image(_) => return Err(ImageError::SvgUses { what: "image".to_owned() }),
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a small bound")]
        let painted = self.canvases > MAX_CANVASES as f32;
        for (exceeded, what, limit) in [
            (self.filters > MAX_FILTERS, "the number of its filter primitives", MAX_FILTERS),
            (self.layers > MAX_LAYERS, "the number of its layers", MAX_LAYERS),
            (painted || self.canvases.is_nan(), "the area it paints over and over", MAX_CANVASES),
        ] {
            if exceeded {
                return Err(ImageError::TooIntricate { what, limit });
            }
        }
        Ok(())
    }
}

/// Filters whose cost grows with their parameters are bounded or refused.
fn check_filter(kind: &Kind) -> Result<(), ImageError> {
    let refused = |what: &str| Err(ImageError::SvgUses { what: what.to_owned() });
    match kind {
        Kind::Turbulence(turbulence) if turbulence.num_octaves() > 8 => {
            refused("feTurbulence of many octaves")
        }
        Kind::Morphology(m) if m.radius_x().get() > 8.0 || m.radius_y().get() > 8.0 => {
            refused("feMorphology of a large radius")
        }
        Kind::ConvolveMatrix(matrix) if matrix.matrix().data().len() > 49 => {
            refused("feConvolveMatrix of a large matrix")
        }
        Kind::Image(_) => refused("feImage"),
        _ => Ok(()),
    }
}

/// Pixels along the longer edge: 42 mm at 968 dots per inch.
const EDGE: u32 = 1_600;
/// Filters take many times as long for each pixel.
const FILTERED_EDGE: u32 = 1_000;
const MAX_DEPTH: usize = 96;
const MAX_FILTERS: usize = 16;
const MAX_LAYERS: usize = 64;
const MAX_CANVASES: usize = 100;
