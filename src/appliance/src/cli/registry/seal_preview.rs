//! `cinnabar seal-record preview`: draws a seal on this machine; nothing is asked of the service.

use std::path::{Path, PathBuf};

use clap::Args;
use eseal::picture::{Border, Colour};
use serde_json::json;

use super::{Failure, Global, Output, Tone};
use crate::cli::placing::word;
use crate::config::Config;
use crate::seals::drawing::{Drawing, ShapeWord, font};
use crate::seals::kinds::Level;

/// Options of `cinnabar seal-record preview`.
#[derive(Debug, Args)]
pub struct PreviewArgs {
    #[command(flatten)]
    pub look: Look,
    /// Where to write it: `.svg` or `.png` (600 dpi, transparent)
    #[arg(long)]
    out: PathBuf,
    /// Font of the inscription [default: that of the configuration, or Noto Serif CJK]
    #[arg(long)]
    font: Option<PathBuf>,
    /// Which font of a collection, from 0
    #[arg(long, default_value_t = 0, requires = "font")]
    font_index: u32,
}

/// What a drawn seal looks like.
#[derive(Debug, Clone, Args)]
pub struct Look {
    /// round, oval, rectangle, name-seal or signature
    #[arg(long, default_value = "round", value_parser = word::<ShapeWord>)]
    shape: ShapeWord,
    /// Name of the owner, or of the person
    #[arg(long)]
    name: Option<String>,
    /// Purpose line of round and oval seals
    #[arg(long)]
    purpose: Option<String>,
    /// Oval seals: what stands in the middle
    #[arg(long)]
    centre: Option<String>,
    /// Round seals: 13 or 14 digits along the lower arc
    #[arg(long)]
    code: Option<String>,
    /// Rectangular seals: a line; up to four times
    #[arg(long = "line")]
    lines: Vec<String>,
    /// Round seals: without the star
    #[arg(long)]
    no_star: bool,
    /// Name seals: fill the square with 印 or 之印
    #[arg(long)]
    filling: bool,
    /// Line around oval and rectangular seals: none, single or double
    #[arg(long, value_parser = word::<Border>)]
    border: Option<Border>,
    /// Colour, `#rrggbb` [default: the red of seals, black for signatures]
    #[arg(long, value_parser = Colour::parse)]
    colour: Option<Colour>,
    /// Level that the diameter follows from: national, provincial, city, county or other
    #[arg(long, value_parser = word::<Level>)]
    level: Option<Level>,
    /// Width in millimetres [default: by shape and level]
    #[arg(long)]
    width_mm: Option<f64>,
    /// Height in millimetres [default: by shape]
    #[arg(long)]
    height_mm: Option<f64>,
}

impl Look {
    /// As the API takes it.
    #[must_use]
    pub fn drawing(&self) -> Drawing {
        Drawing {
            shape: self.shape,
            name: self.name.clone(),
            purpose: self.purpose.clone(),
            centre: self.centre.clone(),
            code: self.code.clone(),
            lines: self.lines.clone(),
            no_star: self.no_star,
            filling: self.filling,
            border: self.border,
            colour: self.colour,
            level: self.level,
            width_mm: self.width_mm,
            height_mm: self.height_mm,
        }
    }
}

/// Runs `cinnabar seal-record preview`.
pub fn preview(args: &PreviewArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let ending = args.out.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let (path, index) = match &args.font {
        Some(path) => (Some(path.clone()), args.font_index),
        None => usual(&global.config),
    };
    let path = path.ok_or("no font to draw in: name one with --font FILE")?;
    let drawn = args.look.drawing().draw(None, &[font(Some(&path), index)?])?;
    let octets = match ending.as_deref() {
        Some("svg") => drawn.svg().as_bytes().to_vec(),
        Some("png") => drawn.png()?,
        _ => return Err(format!("`{}` ends neither in .svg nor in .png", args.out.display()).into()),
    };
    std::fs::write(&args.out, &octets)
        .map_err(|error| format!("cannot write `{}`: {error}", args.out.display()))?;
    let (width, height) = drawn.pixels();
    let value = json!({
        "out": args.out, "octets": octets.len(), "width_mm": drawn.width_mm(), "height_mm": drawn.height_mm(),
        "pixels": [width, height],
    });
    let size =
        format!("  {} x {} mm, {width} x {height} pixels at 600 dpi", drawn.width_mm(), drawn.height_mm());
    output.result(&value, &[(Tone::Good, format!("{} is drawn", args.out.display())), (Tone::Plain, size)]);
    Ok(())
}

/// The configuration's font, or one that systems with Chinese text have.
fn usual(config: &Path) -> (Option<PathBuf>, u32) {
    if let Ok(config) = Config::load(config)
        && let Some(font) = config.documents.font
    {
        return (Some(font), config.documents.font_index);
    }
    let known = NOTO.iter().map(PathBuf::from).find(|path| path.exists());
    (known, SIMPLIFIED)
}

/// Where Debian and Fedora keep the serif of all of China's characters.
const NOTO: [&str; 3] = [
    "/usr/share/fonts/opentype/noto/NotoSerifCJK-Bold.ttc",
    "/usr/share/fonts/google-noto-serif-cjk-fonts/NotoSerifCJK-Bold.ttc",
    "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc",
];
/// Simplified Chinese in Noto's collections.
const SIMPLIFIED: u32 = 2;
