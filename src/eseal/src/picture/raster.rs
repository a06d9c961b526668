//! The PNG of a drawn seal, from its own SVG.

use resvg::tiny_skia::{Pixmap, Transform};

use super::{Colour, Drawn, PictureError};

/// Resolution of every PNG drawn here; imprints are judged at 600 (GB/T 33481).
pub const DOTS_PER_INCH: u32 = 600;

/// How many pixels a length in millimetres takes.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a measure between 5 and 100 mm")]
pub(super) fn pixels(mm: f64) -> u32 {
    (mm / 25.4 * f64::from(DOTS_PER_INCH)).round().max(1.0) as u32
}

pub(super) fn png(drawn: &Drawn) -> Result<Vec<u8>, PictureError> {
    let tree = usvg::Tree::from_str(drawn.svg(), &usvg::Options::default())
        .map_err(|_| PictureError::Raster("the vector picture does not read"))?;
    let (columns, rows) = drawn.pixels();
    let mut pixmap = Pixmap::new(columns, rows).ok_or(PictureError::Raster("it has no extent"))?;
    #[expect(clippy::cast_precision_loss, reason = "some thousand pixels")]
    let fit = Transform::from_scale(columns as f32 / tree.size().width(), rows as f32 / tree.size().height());
    resvg::render(&tree, fit, &mut pixmap.as_mut());
    encode(&pixmap, drawn.colour).map_err(|_| PictureError::Raster("it could not be compressed"))
}

/// True colour with alpha, which every reader of seals knows. A seal has one colour: it stands under every pixel, the
/// transparent ones included, so that no viewer that scales colour and alpha apart shows a fringe; alpha alone varies, in
/// sixteen steps, which at this resolution nobody tells from more. Without filters it compresses best, and each
/// signature made with the seal carries it.
fn encode(pixmap: &Pixmap, colour: Colour) -> Result<Vec<u8>, png::EncodingError> {
    let [red, green, blue] = colour.rgb;
    let step = |alpha: u8| (alpha / 16) * 17;
    let samples: Vec<u8> =
        pixmap.pixels().iter().flat_map(|pixel| [red, green, blue, step(pixel.alpha())]).collect();
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, pixmap.width(), pixmap.height());
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    let per_metre = (f64::from(DOTS_PER_INCH) / 0.0254).round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "23,622")]
    let per_metre = per_metre as u32;
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: per_metre,
        yppu: per_metre,
        unit: png::Unit::Meter,
    }));
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&samples)?;
    writer.finish()?;
    Ok(out)
}
