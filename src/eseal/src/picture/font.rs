//! Fonts of a seal's inscription: characters become outlines, so that a picture holds no text.
//!
//! A font is handed in as its file's octets; nothing is looked for on the machine. Called by the drawings of this
//! folder. Letters are set one by one: scripts whose letters join or change places are refused by name, and a seal
//! in one of them is uploaded.

use std::sync::Arc;

use skrifa::charmap::MapVariant;
use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::string::StringId;
use skrifa::{FontRef, GlyphId, MetadataProvider};

use super::PictureError;
use super::outline::{Outline, Rect};

/// A font of TrueType or CFF outlines, alone or one of a collection. Cheap to clone.
#[derive(Clone)]
pub struct Font {
    data: Arc<[u8]>,
    index: u32,
    name: Arc<str>,
    units: f64,
    /// What the ink of a full ideograph covers.
    ideograph: Rect,
    /// What the ink of a digit covers from foot to head.
    digit: Rect,
}

impl std::fmt::Debug for Font {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Font({} of {} octets)", self.name, self.data.len())
    }
}

/// A character ready to be placed: its outline, and the box of it that is laid onto a place of the seal.
pub(super) struct Letter {
    pub(super) outline: Outline,
    /// The part of the font's coordinates that stands for the whole place.
    pub(super) frame: Rect,
    /// Its share of a line, where an ideograph's is 1.
    pub(super) weight: f64,
}

impl Font {
    /// Reads font number `index` of a file (0, where it holds one).
    ///
    /// # Errors
    /// [`PictureError::Font`], if there is no such font or it has no outlines.
    pub fn parse(data: Arc<[u8]>, index: u32) -> Result<Self, PictureError> {
        let malformed = |what: &str| PictureError::Font { index, what: what.to_owned() };
        if data.len() > MAX_FILE {
            return Err(malformed("the file is larger than 64 MiB"));
        }
        let font = FontRef::from_index(&data, index).map_err(|error| malformed(&error.to_string()))?;
        let metrics = font.metrics(Size::unscaled(), LocationRef::default());
        if metrics.units_per_em < 16
            || !font.charmap().has_map()
            || font.outline_glyphs().iter().next().is_none()
        {
            return Err(malformed("it has no outlines, no scale or no characters"));
        }
        let name = font
            .localized_strings(StringId::POSTSCRIPT_NAME)
            .english_or_first()
            .map(|name| name.chars().filter(char::is_ascii_graphic).take(63).collect::<String>())
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "font".to_owned());
        let units = f64::from(metrics.units_per_em);
        // The em box of ideographs (OpenType `ideo`, `idtp` defaults), until the ink says better.
        let em = Rect { left: 0.05 * units, bottom: -0.07 * units, right: 0.95 * units, top: 0.83 * units };
        let figure = Rect { left: 0.0, bottom: 0.0, right: 0.55 * units, top: 0.72 * units };
        let mut out =
            Self { data: data.clone(), index, name: name.into(), units, ideograph: em, digit: figure };
        let ink = |of: &str, or: Rect| {
            let boxes = of.chars().filter_map(|c| out.outline(c, None).ok()?.0.bounds());
            boxes.reduce(Rect::union).unwrap_or(or)
        };
        let (ideograph, digit) = (ink("国圆鑫警", em), ink("08", figure));
        (out.ideograph, out.digit) = (ideograph, digit);
        Ok(out)
    }

    /// Its PostScript name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has a glyph for `character`.
    #[must_use]
    pub fn has(&self, character: char) -> bool {
        self.reference()
            .is_ok_and(|font| font.charmap().map(character).is_some_and(|id| id != GlyphId::NOTDEF))
    }

    fn reference(&self) -> Result<FontRef<'_>, PictureError> {
        FontRef::from_index(&self.data, self.index)
            .map_err(|error| PictureError::Font { index: self.index, what: error.to_string() })
    }

    /// A character's outline and its advance.
    fn outline(&self, character: char, selector: Option<char>) -> Result<(Outline, f64), PictureError> {
        let font = self.reference()?;
        let missing = || PictureError::MissingGlyph { font: self.name.to_string(), character };
        let map = font.charmap();
        let mut id = map.map(character);
        if let Some(selector) = selector
            && let Some(MapVariant::Variant(variant)) = map.map_variant(character, selector)
        {
            id = Some(variant);
        }
        let id = id.filter(|id| *id != GlyphId::NOTDEF).ok_or_else(missing)?;
        let mut pen = Pen(Outline::default());
        if let Some(glyph) = font.outline_glyphs().get(id) {
            let settings = DrawSettings::unhinted(Size::unscaled(), LocationRef::default());
            glyph
                .draw(settings, &mut pen)
                .map_err(|error| PictureError::Font { index: self.index, what: error.to_string() })?;
        }
        let advance = font.glyph_metrics(Size::unscaled(), LocationRef::default()).advance_width(id);
        Ok((pen.0, f64::from(advance.unwrap_or(0.0))))
    }
}

/// The letters of a line, each from the first of `fonts` that has it.
///
/// # Errors
/// [`PictureError`], if no font has a character, or it cannot be set letter by letter.
pub(super) fn letters(text: &str, fonts: &[Font]) -> Result<Vec<Letter>, PictureError> {
    let mut out = Vec::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if joins(character) {
            return Err(PictureError::Joining { character });
        }
        // A variation selector picks another form of an ideograph, as names of persons need it.
        let selector = characters.next_if(|&next| is_selector(next));
        let font = fonts.iter().find(|font| font.has(character)).or(fonts.first());
        let font = font.ok_or(PictureError::NoFont)?;
        out.push(font.letter(character, selector)?);
    }
    Ok(out)
}

/// The figures of a code: all as wide, from foot to head.
pub(super) fn figures(text: &str, fonts: &[Font]) -> Result<Vec<Letter>, PictureError> {
    let mut out = Vec::with_capacity(text.len());
    for character in text.chars() {
        let font = fonts.iter().find(|font| font.has(character)).or(fonts.first());
        let font = font.ok_or(PictureError::NoFont)?;
        let (outline, advance) = font.outline(character, None)?;
        // A digit's ink without the air beside it, so that the distance between digits is ours to choose.
        let (middle, half) = (advance / 2.0, font.digit.width().max(advance * 0.8) / 2.0);
        let frame = Rect { left: middle - half, right: middle + half, ..font.digit };
        out.push(Letter { outline, frame, weight: 1.0 });
    }
    Ok(out)
}

impl Font {
    fn letter(&self, character: char, selector: Option<char>) -> Result<Letter, PictureError> {
        let (outline, advance) = self.outline(character, selector)?;
        let full = self.ideograph.width().max(1.0);
        let whole = |left: f64, right: f64| Rect { left, right, ..self.ideograph };
        let around = |middle: f64, half: f64| whole(middle - half, middle + half);
        if advance < 0.9 * self.units {
            // Latin letters and digits keep their own width.
            let weight = (advance / full).clamp(0.2, 1.2);
            return Ok(Letter { outline, frame: whole(0.0, advance.max(1.0)), weight });
        }
        let ink = outline.bounds();
        if let (true, Some(ink)) = (is_punctuation(character), ink) {
            // Brackets stand at one side of their em; on a seal they get what their ink needs.
            let weight = (ink.width() / full + 0.14).clamp(0.3, 0.7);
            let middle = f64::midpoint(ink.left, ink.right);
            return Ok(Letter { outline, frame: around(middle, weight * full / 2.0), weight });
        }
        let middle = f64::midpoint(self.ideograph.left, self.ideograph.right);
        Ok(Letter { outline, frame: around(middle, full / 2.0), weight: 1.0 })
    }
}

/// Full-width marks that occur in names: brackets, quotation marks, dots and dashes.
fn is_punctuation(character: char) -> bool {
    matches!(character, '\u{3001}'..='\u{303F}' | '\u{FF01}'..='\u{FF0F}' | '\u{FF1A}'..='\u{FF20}'
        | '\u{FF3B}'..='\u{FF40}' | '\u{FF5B}'..='\u{FF65}' | '\u{2010}'..='\u{2027}' | '\u{00B7}' | '\u{30FB}')
        && character != '\u{3007}'
}

fn is_selector(character: char) -> bool {
    matches!(character, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// Combining marks, and scripts whose letters join or change places: Hebrew to Arabic, those of India and its
/// neighbours with Tibetan, Mongolian, Phags-pa, and the presentation forms of Arabic.
fn joins(character: char) -> bool {
    matches!(character, '\u{0300}'..='\u{036F}' | '\u{0590}'..='\u{08FF}' | '\u{0900}'..='\u{0FFF}'
        | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{18AF}' | '\u{1900}'..='\u{1CFF}' | '\u{20D0}'..='\u{20FF}'
        | '\u{A840}'..='\u{A87F}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE20}'..='\u{FE2F}' | '\u{FE70}'..='\u{FEFE}')
}

/// Takes an outline as the font draws it.
struct Pen(Outline);

impl OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.move_to(x.into(), y.into());
    }
    fn line_to(&mut self, x: f32, y: f32) {
        self.0.line_to(x.into(), y.into());
    }
    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        self.0.quad_to([cx.into(), cy.into(), x.into(), y.into()]);
    }
    fn curve_to(&mut self, ax: f32, ay: f32, bx: f32, by: f32, x: f32, y: f32) {
        self.0.curve_to([ax.into(), ay.into(), bx.into(), by.into(), x.into(), y.into()]);
    }
    fn close(&mut self) {
        self.0.close();
    }
}

/// Collections of Chinese fonts in all weights stay below it.
const MAX_FILE: usize = 64 << 20;
