//! QR symbols (ISO/IEC 18004) of a text, as one path of rectangles; error correction level M [29].

use krilla::geom::{PathBuilder, Rect};
use qrcode::{Color, EcLevel, QrCode};

use super::TemplateError;
use super::page::{Area, MM};

/// A symbol in the middle of its area, with its quiet zone: the area that stays light, and the dark modules.
pub(super) fn symbol(
    name: &str,
    text: &str,
    area: Area,
) -> Result<(Rect, krilla::geom::Path), TemplateError> {
    let edge = area.width.min(area.height);
    let refused = |needed_mm: f32| TemplateError::Qr {
        name: name.to_owned(),
        octets: text.len(),
        needed_mm,
        has_mm: edge / MM,
    };
    // No symbol takes more than 2,331 octets at this level.
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| refused(f32::INFINITY))?;
    #[expect(clippy::cast_precision_loss, reason = "at most 185 modules")]
    let modules = (code.width() + 2 * QUIET) as f32;
    let module = edge / modules;
    if module < MIN_MODULE * MM - 1e-4 {
        return Err(refused(modules * MIN_MODULE));
    }
    let (left, top) = (area.x + (area.width - edge) / 2.0, area.y + (area.height - edge) / 2.0);
    let light = Rect::from_xywh(left, top, edge, edge).ok_or_else(|| refused(modules * MIN_MODULE))?;
    let mut builder = PathBuilder::new();
    let colours = code.to_colors();
    for (row, modules) in colours.chunks_exact(code.width().max(1)).enumerate() {
        let mut column = QUIET;
        for run in modules.chunk_by(|a, b| a == b) {
            if run.first() == Some(&Color::Dark) {
                #[expect(clippy::cast_precision_loss, reason = "at most 185 modules")]
                let (x, y, length) = (column as f32, (row + QUIET) as f32, run.len() as f32);
                let rectangle = Rect::from_xywh(left + x * module, top + y * module, length * module, module);
                rectangle.into_iter().for_each(|rectangle| builder.push_rect(rectangle));
            }
            column += run.len();
        }
    }
    builder.finish().map(|path| (light, path)).ok_or_else(|| refused(modules * MIN_MODULE))
}

/// Modules that stay light around a symbol (ISO/IEC 18004 §5.3.8).
const QUIET: usize = 4;
/// Millimetres; what hand-held cameras read from paper that was printed and copied.
const MIN_MODULE: f32 = 0.3;
