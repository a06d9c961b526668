//! The PNG of a drawn seal, from its own SVG.

use resvg::tiny_skia::{Pixmap, Transform};

use super::{Drawn, PictureError};

/// Resolution of every PNG drawn here; imprints are judged at 600 (GB/T 33481).
pub const DOTS_PER_INCH: u32 = 600;

/// How many pixels a length in millimetres takes.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a measure between 5 and 100 mm")]
pub(super) fn pixels(mm: f64) -> u32 {
    (mm / 25.4 * f64::from(DOTS_PER_INCH)).round().max(1.0) as u32
}

/// The PNG of an SVG that [`super::upload::check`] took, as large on paper as said: what a seal structure holds of it, since
/// readers of seals know PNG alone.
///
/// # Errors
/// [`PictureError::Raster`].
pub fn png_of_svg(svg: &[u8], width_mm: f64, height_mm: f64) -> Result<Vec<u8>, PictureError> {
    let text = std::str::from_utf8(svg).map_err(|_| PictureError::Raster("it is not UTF-8"))?;
    let (columns, rows) = (pixels(width_mm), pixels(height_mm));
    if columns.max(rows) > MOST_PIXELS {
        return Err(PictureError::Raster("it is larger than a seal can be"));
    }
    let samples = render(text, columns, rows)?.pixels().iter().fold(Vec::new(), |mut all, pixel| {
        let colour = pixel.demultiply();
        all.extend([colour.red(), colour.green(), colour.blue(), colour.alpha()]);
        all
    });
    encode(&samples, columns, rows).map_err(|_| PictureError::Raster("it could not be compressed"))
}

/// Pixels along an edge: 170 mm.
const MOST_PIXELS: u32 = 4_096;

/// A drawn seal has one colour: it stands under every pixel, the transparent ones included, so that no viewer that scales
/// colour and alpha apart shows a fringe; alpha alone varies, in sixteen steps, which at this resolution nobody tells from
/// more. Each signature made with the seal carries the picture.
pub(super) fn png(drawn: &Drawn) -> Result<Vec<u8>, PictureError> {
    let (columns, rows) = drawn.pixels();
    let pixmap = render(drawn.svg(), columns, rows)?;
    let [red, green, blue] = drawn.colour.rgb;
    let step = |alpha: u8| (alpha / 16) * 17;
    let samples: Vec<u8> =
        pixmap.pixels().iter().flat_map(|pixel| [red, green, blue, step(pixel.alpha())]).collect();
    encode(&samples, columns, rows).map_err(|_| PictureError::Raster("it could not be compressed"))
}

/// Ways to read an SVG that open no file, whatever it refers to.
pub(super) fn alone() -> usvg::Options<'static> {
    usvg::Options {
        image_href_resolver: usvg::ImageHrefResolver {
            resolve_data: Box::new(|_, _, _| None),
            resolve_string: Box::new(|_, _| None),
        },
        ..usvg::Options::default()
    }
}

fn render(svg: &str, columns: u32, rows: u32) -> Result<Pixmap, PictureError> {
    let tree = usvg::Tree::from_str(svg, &alone())
        .map_err(|_| PictureError::Raster("the vector picture does not read"))?;
    let mut pixmap = Pixmap::new(columns, rows).ok_or(PictureError::Raster("it has no extent"))?;
    #[expect(clippy::cast_precision_loss, reason = "some thousand pixels")]
    let fit = Transform::from_scale(columns as f32 / tree.size().width(), rows as f32 / tree.size().height());
    resvg::render(&tree, fit, &mut pixmap.as_mut());
    Ok(pixmap)
}

/// True colour with alpha, which every reader of seals knows; without filters it compresses best.
fn encode(samples: &[u8], columns: u32, rows: u32) -> Result<Vec<u8>, png::EncodingError> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, columns, rows);
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
    writer.write_image_data(samples)?;
    writer.finish()?;
    Ok(out)
}
