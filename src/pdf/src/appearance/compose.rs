//! The seal and what stands beside it, as one picture in millimetres.

use super::lines::{Block, Side};
use super::{AppearanceError, SealAppearance};

/// Where the parts of an appearance stand, in millimetres from its upper left corner downwards.
#[derive(Clone)]
pub(crate) struct Design {
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// The seal: x, y, width, height.
    pub(crate) seal: [f64; 4],
    /// The text, and its upper left corner.
    pub(super) lines: Option<(Block, [f64; 2])>,
    /// Upper left corner of the QR symbol.
    pub(super) qr: Option<[f64; 2]>,
}

impl SealAppearance {
    /// Composes the appearance around a seal of that size: the QR symbol next to it, the lines outside.
    pub(crate) fn design(&self, width_mm: f64, height_mm: f64) -> Result<Design, AppearanceError> {
        let mut bounds = Bounds {
            left: 0.0,
            top: 0.0,
            right: width_mm,
            bottom: height_mm,
            middle: [width_mm / 2.0, height_mm / 2.0],
        };
        let mut qr = self.qr.as_ref().map(|qr| bounds.put(qr.side(), QR_GAP_MM, qr.size_mm(), qr.size_mm()));
        let mut lines = None;
        if let Some(wanted) = &self.lines {
            let block = wanted.set()?;
            let at = bounds.put(wanted.side, wanted.gap_mm, block.width, block.height());
            lines = Some((block, at));
        }
        let moved = |[x, y]: [f64; 2]| [x - bounds.left, y - bounds.top];
        if let Some((_, at)) = &mut lines {
            *at = moved(*at);
        }
        qr = qr.map(moved);
        let [x, y] = moved([0.0, 0.0]);
        Ok(Design {
            width: bounds.right - bounds.left,
            height: bounds.bottom - bounds.top,
            seal: [x, y, width_mm, height_mm],
            lines,
            qr,
        })
    }

    /// Composes the appearance to fill a box of that size: the seal is as large as what stands beside
    /// it and its aspect ratio (width to height) allow, the whole in the middle.
    pub(crate) fn design_within(&self, width_mm: f64, height_mm: f64) -> Result<Design, AppearanceError> {
        let around = self.design(0.0, 0.0)?;
        // What stands beside a seal takes room from one direction only, if it is all on one axis.
        let beside = |sides: [Side; 2]| {
            self.lines.as_ref().is_some_and(|lines| sides.contains(&lines.side))
                || self.qr.as_ref().is_some_and(|qr| sides.contains(&qr.side()))
        };
        let room_x = width_mm - if beside([Side::Left, Side::Right]) { around.width } else { 0.0 };
        let room_y = height_mm - if beside([Side::Above, Side::Below]) { around.height } else { 0.0 };
        let aspect = self.image.aspect();
        let width = room_x.min(room_y * aspect);
        let mut design = self.design(width.max(0.0), (width / aspect).max(0.0))?;
        if width < MIN_SEAL_MM || design.width > width_mm + 1e-6 || design.height > height_mm + 1e-6 {
            return Err(AppearanceError::NoRoom { width_mm, height_mm });
        }
        let (dx, dy) = ((width_mm - design.width) / 2.0, (height_mm - design.height) / 2.0);
        (design.width, design.height) = (width_mm, height_mm);
        let [x, y, ..] = &mut design.seal;
        (*x, *y) = (*x + dx, *y + dy);
        for [x, y] in design.lines.iter_mut().map(|(_, at)| at).chain(&mut design.qr) {
            (*x, *y) = (*x + dx, *y + dy);
        }
        Ok(design)
    }
}

/// What is taken so far.
struct Bounds {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
    /// The seal's middle.
    middle: [f64; 2],
}

impl Bounds {
    /// Puts a box on a side of what is there, level with the seal's middle, and returns its upper left
    /// corner.
    fn put(&mut self, side: Side, gap: f64, width: f64, height: f64) -> [f64; 2] {
        let [middle_x, middle_y] = self.middle;
        let (middle_x, middle_y) = (middle_x - width / 2.0, middle_y - height / 2.0);
        let [x, y] = match side {
            Side::Right => [self.right + gap, middle_y],
            Side::Left => [self.left - gap - width, middle_y],
            Side::Above => [middle_x, self.top - gap - height],
            Side::Below => [middle_x, self.bottom + gap],
        };
        self.left = self.left.min(x);
        self.top = self.top.min(y);
        self.right = self.right.max(x + width);
        self.bottom = self.bottom.max(y + height);
        [x, y]
    }
}

/// Beside the quiet zone, which is paper already.
const QR_GAP_MM: f64 = 1.0;
/// A seal smaller than this in an existing field cannot be made out.
const MIN_SEAL_MM: f64 = 2.0;
