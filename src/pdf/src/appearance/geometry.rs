//! From millimetres on the page as seen to user space (ISO 32000-2 §8.3.2, §7.7.3.3).

/// A page's geometry: what is visible of user space and how it is turned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PageView {
    visible: Box2,
    /// Quarter turns clockwise, 0 to 3.
    turns: u8,
    /// User-space units per millimetre.
    scale: f64,
}

/// Why a seal cannot stand where it is asked to.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum GeometryError {
    /// The page has no visible area.
    #[error("the page has no visible area")]
    EmptyPage,
    /// A length is not a positive, finite number.
    #[error("a seal of {width_mm} mm x {height_mm} mm cannot be drawn")]
    Size {
        /// The width asked for.
        width_mm: f64,
        /// The height asked for.
        height_mm: f64,
    },
    /// The seal would lie beyond the page's edges.
    #[error("the seal does not lie on the page, which is {page_width_mm:.1} mm x {page_height_mm:.1} mm")]
    OffPage {
        /// Width of the page as seen.
        page_width_mm: f64,
        /// Height of the page as seen.
        page_height_mm: f64,
    },
}

/// A rectangle in user space with its corners in order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Box2 {
    pub(crate) left: f64,
    pub(crate) bottom: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
}

/// A rectangle in millimetres on the page as seen, from its top left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Millimetres {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// Where a seal stands in user space.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stand {
    /// The annotation rectangle.
    pub(crate) rect: Box2,
    /// Width of the appearance's own coordinate system, in which the seal is upright.
    pub(crate) width: f64,
    /// Its height.
    pub(crate) height: f64,
    /// The form matrix that turns it the way the page is turned back.
    pub(crate) matrix: [f64; 6],
}

impl PageView {
    /// The view of a page from its boxes (ISO 32000-2 §14.11.2), /Rotate and /UserUnit.
    ///
    /// # Errors
    /// [`GeometryError::EmptyPage`] if nothing of the page is visible.
    pub fn new(media: [f64; 4], crop: [f64; 4], rotate: i32, user_unit: f64) -> Result<Self, GeometryError> {
        let media = Box2::new(media);
        let crop = Box2::new(crop);
        let cut = Box2 {
            left: media.left.max(crop.left),
            bottom: media.bottom.max(crop.bottom),
            right: media.right.min(crop.right),
            top: media.top.min(crop.top),
        };
        // A crop box beside the media box is ignored by the viewers.
        let visible = if cut.is_empty() { media } else { cut };
        let edges = [visible.left, visible.bottom, visible.right, visible.top];
        if visible.is_empty() || edges.iter().any(|edge| !edge.is_finite() || edge.abs() > MAX_COORDINATE) {
            return Err(GeometryError::EmptyPage);
        }
        let unit = if user_unit.is_finite() && user_unit > 0.0 { user_unit } else { 1.0 };
        // /Rotate is a multiple of 90; viewers round what is not.
        let turns = u8::try_from(rotate.rem_euclid(360) / 90).unwrap_or(0);
        Ok(Self { visible, turns, scale: POINTS_PER_MM / unit })
    }

    /// Width and height of the page as seen, in millimetres.
    #[must_use]
    pub fn size_mm(&self) -> (f64, f64) {
        let (width, height) = (self.visible.width() / self.scale, self.visible.height() / self.scale);
        if self.sideways() { (height, width) } else { (width, height) }
    }

    /// Where a seal asked for at `place` stands.
    pub(crate) fn stand(&self, place: Millimetres) -> Result<Stand, GeometryError> {
        check_size(place)?;
        let (page_width_mm, page_height_mm) = self.size_mm();
        let inside = place.x >= -TOLERANCE_MM
            && place.y >= -TOLERANCE_MM
            && place.x + place.width <= page_width_mm + TOLERANCE_MM
            && place.y + place.height <= page_height_mm + TOLERANCE_MM;
        if !inside {
            return Err(GeometryError::OffPage { page_width_mm, page_height_mm });
        }
        let (x0, y0) = self.to_user(place.x, place.y);
        let (x1, y1) = self.to_user(place.x + place.width, place.y + place.height);
        Ok(self.stand_in(Box2::new([x0, y0, x1, y1]).rounded()))
    }

    /// Where a seal stands that is centred on a point of user space, moved by an offset as seen and
    /// then moved onto the page.
    pub(crate) fn stand_around(
        &self,
        (x, y): (f64, f64),
        (dx_mm, dy_mm): (f64, f64),
        (width, height): (f64, f64),
    ) -> Result<Stand, GeometryError> {
        let (page_width, page_height) = self.size_mm();
        let (seen_x, seen_y) = self.to_seen(x, y);
        let onto = |wanted: f64, length: f64, page: f64| (wanted - length / 2.0).min(page - length).max(0.0);
        self.stand(Millimetres {
            x: onto(seen_x + dx_mm, width, page_width),
            y: onto(seen_y + dy_mm, height, page_height),
            width,
            height,
        })
    }

    /// A seal that fills `rect` of user space.
    pub(crate) fn stand_in(&self, rect: Box2) -> Stand {
        let (width, height) =
            if self.sideways() { (rect.height(), rect.width()) } else { (rect.width(), rect.height()) };
        // The page is turned clockwise when shown, so the appearance is turned the other way; the
        // translation brings its lower left corner back to the origin.
        let matrix = match self.turns {
            1 => [0.0, 1.0, -1.0, 0.0, height, 0.0],
            2 => [-1.0, 0.0, 0.0, -1.0, width, height],
            3 => [0.0, -1.0, 1.0, 0.0, 0.0, width],
            _ => [1.0, 0.0, 0.0, 1.0, 0.0, 0.0],
        };
        Stand { rect, width, height, matrix }
    }

    /// Width and height of a stand in millimetres.
    pub(crate) fn millimetres(&self, stand: &Stand) -> (f64, f64) {
        (stand.width / self.scale, stand.height / self.scale)
    }

    /// User space of a point in millimetres from the top left as seen.
    fn to_user(self, x_mm: f64, y_mm: f64) -> (f64, f64) {
        let (x, y) = (x_mm * self.scale, y_mm * self.scale);
        let Box2 { left, bottom, right, top } = self.visible;
        match self.turns {
            1 => (left + y, bottom + x),
            2 => (right - x, bottom + y),
            3 => (right - y, top - x),
            _ => (left + x, top - y),
        }
    }

    /// Millimetres from the top left as seen of a point of user space.
    fn to_seen(self, x: f64, y: f64) -> (f64, f64) {
        let Box2 { left, bottom, right, top } = self.visible;
        let (x, y) = match self.turns {
            1 => (y - bottom, x - left),
            2 => (right - x, y - bottom),
            3 => (top - y, right - x),
            _ => (x - left, top - y),
        };
        (x / self.scale, y / self.scale)
    }

    fn sideways(&self) -> bool {
        self.turns % 2 == 1
    }
}

impl Box2 {
    /// From two opposite corners in any order (ISO 32000-2 §7.9.5).
    pub(crate) fn new([x0, y0, x1, y1]: [f64; 4]) -> Self {
        Self { left: x0.min(x1), bottom: y0.min(y1), right: x0.max(x1), top: y0.max(y1) }
    }

    pub(crate) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(crate) fn height(&self) -> f64 {
        self.top - self.bottom
    }

    pub(crate) fn is_empty(&self) -> bool {
        // Also where a coordinate is not a number.
        !(self.width() > 0.0 && self.height() > 0.0)
    }

    /// Coordinates to a ten-thousandth of a point, so that they are short in the file.
    fn rounded(self) -> Self {
        let round = |v: f64| (v * 1e4).round() / 1e4;
        Self {
            left: round(self.left),
            bottom: round(self.bottom),
            right: round(self.right),
            top: round(self.top),
        }
    }
}

fn check_size(place: Millimetres) -> Result<(), GeometryError> {
    let Millimetres { x, y, width, height } = place;
    let fine = |length: f64| length.is_finite() && length >= MIN_EDGE_MM;
    if fine(width) && fine(height) && x.is_finite() && y.is_finite() {
        Ok(())
    } else {
        Err(GeometryError::Size { width_mm: width, height_mm: height })
    }
}

/// A point is 1/72 inch (ISO 32000-2 §8.3.2.3).
const POINTS_PER_MM: f64 = 72.0 / 25.4;
/// A seal may touch the edge in spite of rounding.
const TOLERANCE_MM: f64 = 0.05;
/// Below this a seal is a dot, and numbers in the file lose their digits.
const MIN_EDGE_MM: f64 = 0.1;
/// Far beyond any page, near enough for exact arithmetic.
const MAX_COORDINATE: f64 = 1e7;

#[cfg(test)]
mod tests {
    use super::*;

    const A4: [f64; 4] = [0.0, 0.0, 595.0, 842.0];

    fn mm(points: f64) -> f64 {
        points / POINTS_PER_MM
    }

    fn place(x: f64, y: f64, width: f64, height: f64) -> Millimetres {
        Millimetres { x: mm(x), y: mm(y), width: mm(width), height: mm(height) }
    }

    fn rect(view: &PageView, at: Millimetres) -> [f64; 4] {
        let r = view.stand(at).unwrap().rect;
        [r.left, r.bottom, r.right, r.top]
    }

    #[test]
    fn upright_page_counts_from_the_top() {
        let view = PageView::new(A4, A4, 0, 1.0).unwrap();
        assert_eq!(rect(&view, place(10.0, 20.0, 100.0, 50.0)), [10.0, 772.0, 110.0, 822.0]);
    }

    #[test]
    fn crop_box_and_user_unit_move_and_scale() {
        let view = PageView::new(A4, [100.0, 100.0, 700.0, 500.0], 0, 2.0).unwrap();
        assert_eq!(rect(&view, place(10.0, 20.0, 100.0, 50.0)), [105.0, 465.0, 155.0, 490.0]);
        let (width, height) = view.size_mm();
        assert!((width - mm(990.0)).abs() < 1e-9 && (height - mm(800.0)).abs() < 1e-9);
    }

    #[test]
    fn turned_pages_count_from_the_corner_that_is_seen_at_the_top_left() {
        let expected = [
            (90, [20.0, 10.0, 70.0, 110.0]),
            (180, [485.0, 20.0, 585.0, 70.0]),
            (-90, [525.0, 732.0, 575.0, 832.0]),
        ];
        for (rotate, wanted) in expected {
            let view = PageView::new(A4, A4, rotate, 1.0).unwrap();
            let at = place(10.0, 20.0, 100.0, 50.0);
            assert_eq!(rect(&view, at), wanted, "{rotate}");
            let stand = view.stand(at).unwrap();
            assert!((stand.width - 100.0).abs() < 1e-3 && (stand.height - 50.0).abs() < 1e-3);
            // The matrix maps the form's box onto a box at the origin as large as the rectangle.
            let map = |x: f64, y: f64| {
                let [a, b, c, d, e, f] = stand.matrix;
                (a * x + c * y + e, b * x + d * y + f)
            };
            let (p, q) = (map(0.0, 0.0), map(stand.width, stand.height));
            let mapped = Box2::new([p.0, p.1, q.0, q.1]);
            assert!(mapped.left.abs() < 1e-9 && mapped.bottom.abs() < 1e-9);
            assert!((mapped.width() - stand.rect.width()).abs() < 1e-9);
        }
    }

    #[test]
    fn seen_and_user_space_are_inverse() {
        for rotate in [0, 90, 180, 270] {
            let view = PageView::new(A4, [5.0, 7.0, 500.0, 600.0], rotate, 1.5).unwrap();
            let (x, y) = view.to_user(12.0, 34.0);
            let (sx, sy) = view.to_seen(x, y);
            assert!((sx - 12.0).abs() < 1e-9 && (sy - 34.0).abs() < 1e-9);
        }
    }

    #[test]
    fn off_the_page_is_refused_but_keywords_are_moved_onto_it() {
        let view = PageView::new(A4, A4, 0, 1.0).unwrap();
        assert!(matches!(view.stand(place(550.0, 0.0, 50.0, 50.0)), Err(GeometryError::OffPage { .. })));
        assert!(matches!(view.stand(place(-3.0, 0.0, 50.0, 50.0)), Err(GeometryError::OffPage { .. })));
        let r = view.stand_around((590.0, 5.0), (0.0, 0.0), (mm(100.0), mm(100.0))).unwrap().rect;
        assert_eq!([r.left, r.bottom, r.right, r.top], [495.0, 0.0, 595.0, 100.0]);
        let too_large = view.stand_around((9.0, 5.0), (0.0, 0.0), (mm(600.0), mm(10.0)));
        assert!(matches!(too_large, Err(GeometryError::OffPage { .. })));
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        let view = PageView::new(A4, A4, 0, f64::NAN).unwrap();
        for bad in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
            let at = Millimetres { x: 0.0, y: 0.0, width: bad, height: 1.0 };
            assert!(matches!(view.stand(at), Err(GeometryError::Size { .. })));
        }
        let bad = Millimetres { x: f64::NAN, y: 0.0, width: 1.0, height: 1.0 };
        assert!(view.stand(bad).is_err());
        assert!(view.stand_around((f64::NAN, 1.0), (0.0, 0.0), (1.0, 1.0)).is_ok());
        assert!(PageView::new([f64::NAN; 4], [f64::NAN; 4], 0, 1.0).is_err());
        assert!(PageView::new([0.0, 0.0, 0.0, 5.0], A4, 0, 1.0).is_err());
    }
}
