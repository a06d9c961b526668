//! Fonts for the text beside a seal: read once, asked for glyphs and widths, cut down to what is used.
//!
//! A font is handed in by the caller as its file's octets; nothing is looked for on the machine. Letters
//! are set one after the other, left to right, each by its own glyph: right for Chinese and for the Latin,
//! Greek and Cyrillic alphabets. Scripts whose letters join or change places are refused by name.

use std::sync::{Arc, Mutex, PoisonError};

use skrifa::charmap::MapVariant;
use skrifa::instance::{LocationRef, Size};
use skrifa::raw::TableProvider;
use skrifa::string::StringId;
use skrifa::{FontRef, MetadataProvider};

use super::subset::Subset;

/// A font of TrueType or CFF outlines, alone or one of a collection. Parse it once and share it.
pub struct Font {
    data: Arc<[u8]>,
    index: u32,
    facts: Facts,
    /// Subsets made lately, by what they hold: the documents of one seal mostly show the same letters.
    subsets: Mutex<Vec<Arc<Subset>>>,
}

/// What a font descriptor says (ISO 32000-2 table 120), in thousandths of the font size.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// PostScript name, of characters a PDF name holds without escapes.
    pub(super) name: String,
    /// Outlines in the Compact Font Format instead of TrueType's.
    pub(super) cff: bool,
    pub(super) ascent: f64,
    pub(super) descent: f64,
    pub(super) cap_height: f64,
    pub(super) italic_angle: f64,
    pub(super) stem: f64,
    pub(super) fixed_pitch: bool,
    pub(super) bounds: [f64; 4],
    units: f64,
}

/// Why a font cannot be used, or not for a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FontError {
    /// The file is larger than allowed.
    #[error("the font has {size} octets, {limit} are allowed")]
    TooLarge {
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// It cannot be read.
    #[error("not a usable font at index {index}: {what}")]
    Malformed {
        /// Which font of the file.
        index: u32,
        /// What is wrong.
        what: String,
    },
    /// Its licence, stated in OS/2 fsType, forbids to embed a part of it.
    #[error("the font `{name}` does not allow to be embedded as a subset (OS/2 fsType {flags:#06x})")]
    Forbidden {
        /// Its name.
        name: String,
        /// The flags.
        flags: u16,
    },
    /// The font has no glyph for a character.
    #[error("the font `{font}` has no glyph for `{character}` (U+{:04X})", u32::from(*character))]
    MissingGlyph {
        /// The font's name.
        font: String,
        /// The character.
        character: char,
    },
    /// The character belongs to a script that cannot be set letter by letter.
    #[error("`{character}` (U+{:04X}) belongs to a script whose letters join, which is not supported", u32::from(*character))]
    Joining {
        /// The character.
        character: char,
    },
}

/// A glyph of a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Glyph {
    pub(super) id: u16,
    pub(super) character: char,
    /// Advance in thousandths of the font size.
    pub(super) width: f64,
}

impl Font {
    /// Reads font number `index` of a file (0, where it holds one).
    ///
    /// # Errors
    /// [`FontError`], if it is no such font, has no outlines that can be embedded, or may not be.
    pub fn parse(data: Arc<[u8]>, index: u32) -> Result<Self, FontError> {
        if data.len() > MAX_FILE {
            return Err(FontError::TooLarge { size: data.len(), limit: MAX_FILE });
        }
        let malformed = |what: String| FontError::Malformed { index, what };
        let font = FontRef::from_index(&data, index).map_err(|error| malformed(error.to_string()))?;
        let cff = font.cff().is_ok();
        if !cff && (font.glyf().is_err() || font.loca(None).is_err()) {
            return Err(malformed("neither TrueType nor CFF outlines".to_owned()));
        }
        let metrics = font.metrics(Size::unscaled(), LocationRef::default());
        if metrics.units_per_em < 16 || !font.charmap().has_map() {
            return Err(malformed("no scale or no characters".to_owned()));
        }
        let units = f64::from(metrics.units_per_em);
        let scaled = |length: f32| (f64::from(length) * 1_000.0 / units).round();
        let name = font
            .localized_strings(StringId::POSTSCRIPT_NAME)
            .english_or_first()
            .map(|name| {
                name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(MAX_NAME).collect()
            })
            .filter(|name: &String| !name.is_empty())
            .unwrap_or_else(|| "Font".to_owned());
        let os2 = font.os2().ok();
        let flags = os2.as_ref().map_or(0, skrifa::raw::tables::os2::Os2::fs_type);
        // Restricted licence, no subsetting, bitmaps only (OpenType OS/2); version 3 made the low bits exclusive.
        if flags & 0x000F == 0x0002 || flags & 0x0300 != 0 {
            return Err(FontError::Forbidden { name, flags });
        }
        let weight = os2.as_ref().map_or(400.0, |os2| f64::from(os2.us_weight_class().clamp(100, 900)));
        let bounds = metrics.bounds.map_or([0.0, -250.0, 1_000.0, 1_000.0], |b| {
            [scaled(b.x_min), scaled(b.y_min), scaled(b.x_max), scaled(b.y_max)]
        });
        let facts = Facts {
            name,
            cff,
            ascent: scaled(metrics.ascent),
            descent: scaled(metrics.descent).min(0.0),
            cap_height: scaled(metrics.cap_height.unwrap_or(metrics.ascent)),
            italic_angle: f64::from(metrics.italic_angle),
            stem: (50.0 + (weight / 65.0).powi(2)).round(),
            fixed_pitch: metrics.is_monospace,
            bounds,
            units,
        };
        Ok(Self { data: data.clone(), index, facts, subsets: Mutex::default() })
    }

    /// Its PostScript name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.facts.name
    }

    /// Its file, and its number there.
    pub(super) fn file(&self) -> (&Arc<[u8]>, u32) {
        (&self.data, self.index)
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The glyphs of a line of text, in its order.
    pub(super) fn glyphs(&self, text: &str) -> Result<Vec<Glyph>, FontError> {
        let font = self.font()?;
        let (map, metrics) = (font.charmap(), font.glyph_metrics(Size::unscaled(), LocationRef::default()));
        let mut out = Vec::with_capacity(text.len());
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            if joins(character) {
                return Err(FontError::Joining { character });
            }
            let mut id = map.map(character);
            // A variation selector picks another form of an ideograph, as names of persons need it.
            if let Some(selector) = characters.next_if(|&next| is_selector(next))
                && let Some(MapVariant::Variant(variant)) = map.map_variant(character, selector)
            {
                id = Some(variant);
            }
            let id = id.and_then(|id| u16::try_from(id.to_u32()).ok()).filter(|&id| id != 0);
            let id =
                id.ok_or_else(|| FontError::MissingGlyph { font: self.facts.name.clone(), character })?;
            let advance = metrics.advance_width(u32::from(id).into()).unwrap_or(0.0);
            let width = (f64::from(advance) * 1e5 / self.facts.units).round() / 100.0;
            out.push(Glyph { id, character, width });
        }
        Ok(out)
    }

    /// The subset that holds `glyphs`, made now or lately.
    pub(super) fn subset(&self, glyphs: &[Glyph]) -> Result<Arc<Subset>, FontError> {
        let mut wanted: Vec<Glyph> = glyphs.to_vec();
        // Times and record numbers differ in their digits; with all ten the subset stays the same.
        if wanted.iter().any(|glyph| glyph.character.is_ascii_digit())
            && let Ok(digits) = self.glyphs("0123456789")
        {
            wanted.extend(digits);
        }
        wanted.sort_by_key(|glyph| (glyph.id, glyph.character));
        wanted.dedup_by_key(|glyph| glyph.id);
        let kept = |subsets: &[Arc<Subset>]| subsets.iter().find(|subset| subset.holds(&wanted)).cloned();
        if let Some(found) = kept(&self.subsets.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(found);
        }
        // Made without the lock: it takes milliseconds, and the same again is the same.
        let made = Arc::new(Subset::new(self, wanted.clone())?);
        let mut subsets = self.subsets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = kept(&subsets) {
            return Ok(found);
        }
        if subsets.len() >= KEPT_SUBSETS {
            subsets.remove(0);
        }
        subsets.push(made.clone());
        Ok(made)
    }

    pub(super) fn malformed(&self, what: impl ToString) -> FontError {
        FontError::Malformed { index: self.index, what: what.to_string() }
    }

    fn font(&self) -> Result<FontRef<'_>, FontError> {
        FontRef::from_index(&self.data, self.index).map_err(|error| self.malformed(error))
    }
}

impl std::fmt::Debug for Font {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Font")
            .field("name", &self.facts.name)
            .field("index", &self.index)
            .field("octets", &self.data.len())
            .finish_non_exhaustive()
    }
}

/// Right-to-left and joining scripts, and the marks that reorder text.
fn joins(character: char) -> bool {
    matches!(u32::from(character),
        0x0590..=0x08FF | 0x0900..=0x0DFF | 0x0F00..=0x109F | 0x1780..=0x18AF | 0x1A20..=0x1AAF
        | 0x200C..=0x200F | 0x202A..=0x202E | 0x2066..=0x2069 | 0xFB1D..=0xFDFF | 0xFE70..=0xFEFF
        | 0x10A00..=0x10EFF | 0x11000..=0x11FFF | 0x1E800..=0x1EEFF)
}

/// Variation selectors (Unicode §23.4).
fn is_selector(character: char) -> bool {
    matches!(u32::from(character), 0xFE00..=0xFE0F | 0xE0100..=0xE01EF)
}

/// The largest collections of Chinese fonts stay well below.
const MAX_FILE: usize = 128 << 20;
/// Octets of a name with its subset's tag stay within the 127 of PDF 1.x.
const MAX_NAME: usize = 63;
/// Seals with lines of their own that are in use at one time.
const KEPT_SUBSETS: usize = 32;
