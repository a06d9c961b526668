//! Pictures that come from outside: fit to be a seal, or not.
//!
//! A picture that passes shows the same everywhere and does nothing: PNG with transparency, or SVG of shapes alone,
//! as wide to high as its millimetres say, with enough pixels for paper and no more than can be worked on. What is
//! *shown* is not judged: that is what the approver of an application looks at.

mod bitmap;
mod vector;

/// What an uploaded picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// PNG (ISO/IEC 15948).
    Png,
    /// SVG.
    Svg,
}

impl Format {
    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Svg => "image/svg+xml",
        }
    }

    /// The word for it in a seal's structure (GB/T 38540 §5.1.4 type).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Svg => "SVG",
        }
    }
}

/// A picture that passed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Uploaded {
    /// What it is.
    pub format: Format,
    /// Width and height in pixels, of an SVG in its own units.
    pub width: f64,
    /// See `width`.
    pub height: f64,
    /// How much of it is wholly transparent, of 1.
    pub transparent: f64,
}

/// What is taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Octets of the file.
    pub file: usize,
    /// Shortest and longest edge in millimetres.
    pub edge_mm: (f64, f64),
    /// Shortest and longest edge of a PNG in pixels.
    pub edge: (u32, u32),
    /// Pixels altogether.
    pub pixels: u64,
    /// Fewest pixels to the inch of a PNG.
    pub dots_per_inch: f64,
    /// How far the shape may be off from the millimetres, of 1.
    pub aspect: f64,
    /// Least part that is wholly transparent, of 1.
    pub transparent: f64,
}

impl Default for Limits {
    /// 5 to 100 mm; 150 dots to the inch, which prints legibly; at most 4,096 pixels along an edge, 60 mm at 1,200 dpi.
    fn default() -> Self {
        Self {
            file: 4 << 20,
            edge_mm: (5.0, 100.0),
            edge: (32, 4_096),
            pixels: 9_000_000,
            dots_per_inch: 150.0,
            aspect: 0.03,
            transparent: 0.02,
        }
    }
}

/// Checks a picture that is to be printed as large as said.
///
/// # Errors
/// [`UploadError`], the first thing that is wrong.
pub fn check(
    picture: &[u8],
    width_mm: f64,
    height_mm: f64,
    limits: &Limits,
) -> Result<Uploaded, UploadError> {
    let (least, most) = limits.edge_mm;
    for mm in [width_mm, height_mm] {
        if !(least..=most).contains(&mm) {
            return Err(UploadError::Millimetres { width_mm, height_mm, least, most });
        }
    }
    if picture.len() > limits.file {
        return Err(UploadError::File { size: picture.len(), limit: limits.file });
    }
    let uploaded = if picture.starts_with(bitmap::SIGNATURE) {
        bitmap::check(picture, limits)?
    } else if picture
        .iter()
        .find(|octet| !octet.is_ascii_whitespace())
        .is_some_and(|o| matches!(o, b'<' | 0xEF))
    {
        vector::check(picture)?
    } else {
        return Err(UploadError::Format);
    };
    let (shape, wanted) = (uploaded.width / uploaded.height, width_mm / height_mm);
    let off = (shape / wanted - 1.0).abs();
    if off.is_nan() || off > limits.aspect {
        let (width, height) = (uploaded.width, uploaded.height);
        return Err(UploadError::Aspect { width, height, width_mm, height_mm });
    }
    if uploaded.format == Format::Png {
        let dots_per_inch = uploaded.width / width_mm * 25.4;
        if dots_per_inch < limits.dots_per_inch {
            return Err(UploadError::Coarse { dots_per_inch, least: limits.dots_per_inch });
        }
    }
    if uploaded.transparent < limits.transparent {
        return Err(UploadError::Opaque { transparent: uploaded.transparent, least: limits.transparent });
    }
    Ok(uploaded)
}

/// Why a picture is not taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// Neither PNG nor SVG.
    #[error("the picture is neither PNG nor SVG; export it as PNG with transparency")]
    Format,
    /// Too large.
    #[error("the picture has {size} octets, {limit} are allowed; export it smaller")]
    File {
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// Too small or too large on paper.
    #[error("{width_mm} x {height_mm} mm is no size for a seal; {least} to {most} mm along each edge are")]
    Millimetres {
        /// The width asked for.
        width_mm: f64,
        /// The height asked for.
        height_mm: f64,
        /// The least.
        least: f64,
        /// The most.
        most: f64,
    },
    /// Too few or too many pixels.
    #[error(
        "the picture has {width} x {height} pixels; {least} to {most} along an edge are taken, {pixels} altogether"
    )]
    Pixels {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// The fewest.
        least: u32,
        /// The most.
        most: u32,
        /// The most altogether.
        pixels: u64,
    },
    /// Too few pixels for its millimetres.
    #[error(
        "the picture has {dots_per_inch:.0} dots to the inch at that size, {least:.0} are needed; export it larger"
    )]
    Coarse {
        /// What it has.
        dots_per_inch: f64,
        /// What is needed.
        least: f64,
    },
    /// Stretched or squeezed.
    #[error(
        "the picture is {width} by {height}, which is not the shape of {width_mm} x {height_mm} mm; cut it to its edge, or mend the millimetres"
    )]
    Aspect {
        /// Its width.
        width: f64,
        /// Its height.
        height: f64,
        /// The width asked for.
        width_mm: f64,
        /// The height asked for.
        height_mm: f64,
    },
    /// Without transparency.
    #[error("{:.1} % of the picture is transparent, {:.1} % are the least; remove its background", transparent * 100.0, least * 100.0)]
    Opaque {
        /// How much is, of 1.
        transparent: f64,
        /// The least.
        least: f64,
    },
    /// Nothing to be seen.
    #[error("the picture shows nothing")]
    Empty,
    /// A damaged PNG.
    #[error("not a usable PNG: {0}")]
    Png(#[from] png::DecodingError),
    /// A PNG with more in it than a picture.
    #[error("the PNG holds {0}; export it anew as a plain picture")]
    NotPlain(&'static str),
    /// A damaged SVG.
    #[error("not a usable SVG: {0}")]
    Svg(String),
    /// An SVG with more in it than shapes.
    #[error("the SVG uses `{what}`, which seals may not; convert text to paths and export it as plain SVG")]
    Uses {
        /// What it uses.
        what: String,
    },
    /// Too much work.
    #[error("the SVG is too intricate: {what} exceeds {limit}")]
    Intricate {
        /// Of what there is too much.
        what: &'static str,
        /// How much is allowed.
        limit: usize,
    },
}
