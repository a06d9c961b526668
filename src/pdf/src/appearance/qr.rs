//! QR symbols (ISO/IEC 18004) of a verification link, as one path.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};

use super::lines::Side;

/// A QR symbol beside the seal: error correction level M, with its quiet zone of four modules. Encoded
/// once, when it is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Qr {
    /// Modules along an edge, without the quiet zone.
    modules: u32,
    /// Edge with the quiet zone.
    size_mm: f64,
    side: Side,
    /// The dark modules as rectangles in units of modules, from the lower left corner of the quiet zone.
    path: String,
}

/// Why a QR symbol cannot be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum QrError {
    /// Its modules would be too small to be read from paper.
    #[error("a QR symbol of {size_mm} mm is too small for {octets} octets: {needed_mm:.1} mm are needed")]
    TooSmall {
        /// The edge asked for, with the quiet zone.
        size_mm: f64,
        /// Octets of the text.
        octets: usize,
        /// The edge needed.
        needed_mm: f64,
    },
    /// There is no symbol large enough for the text.
    #[error("{octets} octets do not fit a QR symbol of error level M")]
    TooLong {
        /// Octets of the text.
        octets: usize,
    },
    /// There is nothing to encode.
    #[error("a QR symbol needs a text")]
    Empty,
}

impl Qr {
    /// A symbol that says `text`, `size_mm` wide with its quiet zone, on a side of the seal.
    ///
    /// # Errors
    /// [`QrError`], if the text is empty or too long, or a module would be under 0.33 mm.
    pub fn new(text: &str, size_mm: f64, side: Side) -> Result<Self, QrError> {
        let octets = text.len();
        if octets == 0 {
            return Err(QrError::Empty);
        }
        let code =
            QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| QrError::TooLong { octets })?;
        let modules = u32::try_from(code.width()).map_err(|_| QrError::TooLong { octets })?;
        let needed_mm = f64::from(modules + 2 * QUIET) * MIN_MODULE_MM;
        // Also refuses what is not a number.
        if !(size_mm.is_finite() && size_mm >= needed_mm - 1e-6) {
            return Err(QrError::TooSmall { size_mm, octets, needed_mm });
        }
        Ok(Self { modules, size_mm, side, path: path(&code.to_colors(), modules) })
    }

    /// The smallest edge, in millimetres with the quiet zone, at which a symbol of `text` can be made.
    ///
    /// # Errors
    /// [`QrError`], if the text is empty or too long.
    pub fn smallest_mm(text: &str) -> Result<f64, QrError> {
        match Self::new(text, 0.0, Side::Right) {
            Err(QrError::TooSmall { needed_mm, .. }) => Ok(needed_mm),
            Err(error) => Err(error),
            Ok(made) => Ok(made.size_mm),
        }
    }

    /// Its edge with the quiet zone.
    #[must_use]
    pub fn size_mm(&self) -> f64 {
        self.size_mm
    }

    /// The side of the seal it stands on.
    #[must_use]
    pub fn side(&self) -> Side {
        self.side
    }

    /// What is drawn and how many of its units make an edge.
    pub(super) fn path(&self) -> (&str, f64) {
        (&self.path, f64::from(self.modules + 2 * QUIET))
    }
}

/// One rectangle for each run of dark modules in a row; filled as one path no seams show.
fn path(colours: &[Color], modules: u32) -> String {
    let mut out = String::new();
    let edge = usize::try_from(modules).unwrap_or(0).max(1);
    let mut y = modules + QUIET;
    for row in colours.chunks_exact(edge) {
        y -= 1;
        let mut x = QUIET;
        for run in row.chunk_by(|a, b| a == b) {
            let length = u32::try_from(run.len()).unwrap_or(0);
            if run.first() == Some(&Color::Dark) {
                // Writing to a string cannot fail.
                let _ = write!(out, "{x} {y} {length} 1 re ");
            }
            x += length;
        }
    }
    out
}

/// Modules that stay light around a symbol (ISO/IEC 18004 §5.3.8).
const QUIET: u32 = 4;
/// What hand-held cameras read from paper that was printed and copied.
const MIN_MODULE_MM: f64 = 0.33;

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://verify.example/r/7Q2M9KXT4B#s=aGVsbG8gd29ybGQ";

    #[test]
    fn too_small_a_symbol_is_refused_with_the_size_needed() {
        let needed = Qr::smallest_mm(LINK).unwrap();
        assert!(Qr::new(LINK, needed, Side::Right).is_ok());
        let refused = Qr::new(LINK, needed - 0.5, Side::Right);
        assert!(
            matches!(refused, Err(QrError::TooSmall { needed_mm, .. }) if (needed_mm - needed).abs() < 1e-9)
        );
        assert!(Qr::new(LINK, f64::NAN, Side::Right).is_err());
        assert!(matches!(Qr::new(&"x".repeat(3_000), 500.0, Side::Left), Err(QrError::TooLong { .. })));
        assert!(matches!(Qr::new("", 500.0, Side::Left), Err(QrError::Empty)));
    }

    #[test]
    fn the_path_covers_as_many_modules_as_are_dark() {
        let qr = Qr::new(LINK, 40.0, Side::Right).unwrap();
        let (path, units) = qr.path();
        let code = QrCode::with_error_correction_level(LINK, EcLevel::M).unwrap();
        let dark = code.to_colors().iter().filter(|colour| **colour == Color::Dark).count();
        let mut covered = 0;
        for rectangle in path.split(" re ").filter(|part| !part.is_empty()) {
            let numbers: Vec<u32> = rectangle.split(' ').map(|n| n.parse().unwrap()).collect();
            assert!(numbers[0] >= 4 && f64::from(numbers[0] + numbers[2]) <= units - 4.0);
            assert!(numbers[1] >= 4 && f64::from(numbers[1]) < units - 4.0);
            covered += usize::try_from(numbers[2]).unwrap();
        }
        assert_eq!(covered, dark);
        // The finder pattern in the upper left corner: seven dark modules in the top row.
        assert!(path.starts_with(&format!("4 {} 7 1 re ", units - 5.0)));
    }
}
