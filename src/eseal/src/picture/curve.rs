//! The curve an inscription runs along: a circle or an ellipse, measured by the length of its arc.

use std::f64::consts::PI;

/// An ellipse around the middle of the seal. Angles of its parameter begin at the top and run clockwise.
#[derive(Debug, Clone)]
pub(super) struct Curve {
    /// Half axes in millimetres.
    across: f64,
    down: f64,
    /// Arc length from the top to each of [`STEPS`] equal parts of the right half.
    lengths: Vec<f64>,
}

/// A point of the curve, and which way is outward.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    /// Direction of the outward normal, clockwise from the top, in radians.
    pub(super) outward: f64,
}

impl Curve {
    /// The ellipse with these half axes, both above 0.
    pub(super) fn new(across: f64, down: f64) -> Self {
        let mut lengths = Vec::with_capacity(STEPS + 1);
        let (mut sum, mut last) = (0.0, (0.0, -down));
        lengths.push(0.0);
        for step in 1..=STEPS {
            #[expect(clippy::cast_precision_loss, reason = "some hundred steps")]
            let t = PI * step as f64 / STEPS as f64;
            let here = (across * t.sin(), -down * t.cos());
            sum += (here.0 - last.0).hypot(here.1 - last.1);
            last = here;
            lengths.push(sum);
        }
        Self { across, down, lengths }
    }

    /// The length of the whole curve.
    pub(super) fn length(&self) -> f64 {
        self.lengths.last().copied().unwrap_or_default() * 2.0
    }

    /// The point `length` millimetres clockwise from the top; less than 0 is counter-clockwise.
    pub(super) fn at(&self, length: f64) -> Point {
        let t = self.parameter(length.abs()) * length.signum();
        let (x, y) = (self.across * t.sin(), -self.down * t.cos());
        // The gradient of x²/a² + y²/b² is normal to the curve.
        let (nx, ny) = (x / self.across.powi(2), y / self.down.powi(2));
        Point { x, y, outward: nx.atan2(-ny) }
    }

    fn parameter(&self, length: f64) -> f64 {
        let above = self.lengths.partition_point(|&known| known < length).clamp(1, STEPS);
        let (low, high) = (self.lengths.get(above - 1), self.lengths.get(above));
        let (low, high) = (low.copied().unwrap_or_default(), high.copied().unwrap_or_default());
        let part = if high > low { (length - low) / (high - low) } else { 0.0 };
        #[expect(clippy::cast_precision_loss, reason = "some hundred steps")]
        let whole = (above - 1) as f64;
        PI * (whole + part) / STEPS as f64
    }
}

/// Parts of the half curve: a chord of 60 mm's circle is off by less than a micrometre.
const STEPS: usize = 720;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_measured_as_one() {
        let circle = Curve::new(10.0, 10.0);
        assert!((circle.length() - 20.0 * PI).abs() < 1e-3);
        let quarter = circle.at(5.0 * PI);
        assert!((quarter.x - 10.0).abs() < 1e-3 && quarter.y.abs() < 1e-2, "{quarter:?}");
        assert!((quarter.outward - PI / 2.0).abs() < 1e-3);
        let left = circle.at(-2.5 * PI);
        assert!((left.x + left.y.abs()).abs() < 1e-2 && (left.outward + PI / 4.0).abs() < 1e-3, "{left:?}");
    }

    #[test]
    fn an_ellipse_points_outward_at_its_ends() {
        let oval = Curve::new(20.0, 10.0);
        let end = oval.at(oval.length() / 4.0);
        assert!((end.x - 20.0).abs() < 1e-2 && (end.outward - PI / 2.0).abs() < 1e-2, "{end:?}");
        // Ramanujan's second approximation.
        let h = (10.0_f64 / 30.0).powi(2);
        let known = PI * 30.0 * (1.0 + 3.0 * h / (10.0 + (4.0 - 3.0 * h).sqrt()));
        assert!((oval.length() - known).abs() < 1e-2, "{} {known}", oval.length());
    }
}
