//! The fonts pages are set in: handed in as octets, chosen by name, and what they know of characters.
//!
//! Letters are set one by one (no shaping): right for Chinese, Latin, Greek, Cyrillic and kana, not for scripts whose letters
//! join or change places, which are refused by name. Characters that a text's own font lacks come from the fallbacks.

use std::collections::BTreeSet;
use std::sync::Arc;

use skrifa::charmap::{Charmap, MapVariant};
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, GlyphId, MetadataProvider};

use super::TemplateError;

/// Fonts by name. Cheap to clone; made once, shared by all threads.
#[derive(Debug, Clone, Default)]
pub struct Fonts {
    faces: Arc<Vec<Face>>,
}

#[derive(Clone)]
pub(super) struct Face {
    name: String,
    data: Arc<Vec<u8>>,
    index: u32,
    pub(super) krilla: krilla::text::Font,
}

impl std::fmt::Debug for Face {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Face({} of {} octets)", self.name, self.data.len())
    }
}

impl Fonts {
    /// Takes fonts: a name, the file's octets, and which font of the file (0, where it holds one).
    ///
    /// # Errors
    /// [`TemplateError::Font`], if one has no outlines, no characters or no scale, or there are over 64.
    pub fn load(fonts: &[(&str, Arc<Vec<u8>>, u32)]) -> Result<Self, TemplateError> {
        if fonts.len() > MAX_FONTS {
            return Err(TemplateError::TooIntricate { what: "the number of fonts", limit: MAX_FONTS });
        }
        let mut faces = Vec::with_capacity(fonts.len());
        for (name, data, index) in fonts {
            let wrong = |what: &str| TemplateError::Font { name: (*name).to_owned(), what: what.to_owned() };
            if data.len() > MAX_FILE {
                return Err(wrong("its file is larger than 64 MiB"));
            }
            let font = FontRef::from_index(data, *index).map_err(|error| wrong(&error.to_string()))?;
            let metrics = font.metrics(Size::unscaled(), LocationRef::default());
            if metrics.units_per_em < 16
                || !font.charmap().has_map()
                || font.outline_glyphs().iter().next().is_none()
            {
                return Err(wrong("it has no outlines, no scale or no characters"));
            }
            let shared: Arc<dyn AsRef<[u8]> + Send + Sync> = data.clone();
            let krilla = krilla::text::Font::new(shared.into(), *index)
                .ok_or_else(|| wrong("it is no font that can be embedded"))?;
            faces.push(Face { name: (*name).to_owned(), data: data.clone(), index: *index, krilla });
        }
        Ok(Self { faces: Arc::new(faces) })
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.faces.iter().map(|face| face.name.as_str())
    }

    /// The font of that name.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let name = name.trim();
        self.faces.iter().position(|face| face.name.eq_ignore_ascii_case(name))
    }

    pub(super) fn named(&self, name: &str) -> Result<usize, TemplateError> {
        self.find(name).ok_or_else(|| TemplateError::NoFont {
            name: name.chars().take(60).collect(),
            known: if self.faces.is_empty() {
                "none".to_owned()
            } else {
                self.names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            },
        })
    }

    pub(super) fn face(&self, index: usize) -> Option<&Face> {
        self.faces.get(index)
    }

    /// What knows their characters, for one document: `fallback` is tried before the others.
    pub(super) fn letters(&self, fallback: &[String]) -> Result<Letters<'_>, TemplateError> {
        let mut order = fallback.iter().map(|name| self.named(name)).collect::<Result<Vec<_>, _>>()?;
        for index in 0..self.faces.len() {
            if !order.contains(&index) {
                order.push(index);
            }
        }
        let mut readers = Vec::with_capacity(self.faces.len());
        for face in self.faces.iter() {
            let font = FontRef::from_index(&face.data, face.index)
                .map_err(|error| TemplateError::Font { name: face.name.clone(), what: error.to_string() })?;
            let metrics = font.metrics(Size::unscaled(), LocationRef::default());
            readers.push(Reader {
                map: font.charmap(),
                widths: font.glyph_metrics(Size::unscaled(), LocationRef::default()),
                units: f32::from(metrics.units_per_em),
            });
        }
        Ok(Letters { fonts: self, order, readers })
    }
}

struct Reader<'a> {
    map: Charmap<'a>,
    widths: GlyphMetrics<'a>,
    units: f32,
}

/// What knows the characters of fonts, for one document.
pub(super) struct Letters<'a> {
    fonts: &'a Fonts,
    order: Vec<usize>,
    readers: Vec<Reader<'a>>,
}

/// A character to be set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Letter {
    pub(super) character: char,
    pub(super) face: usize,
    pub(super) glyph: u32,
    /// In sizes: along the line, and what the glyph itself has (the same but in vertical text).
    pub(super) advance: f32,
    pub(super) width: f32,
    /// Where it stands in its text, in octets; a variation selector belongs to its character.
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Letters<'_> {
    /// The letters of a text, each from the first font that has it: `first`, then the fallbacks.
    pub(super) fn set(&self, text: &str, first: usize) -> Result<Vec<Letter>, TemplateError> {
        let mut letters = Vec::with_capacity(text.len() / 2);
        let mut missing = BTreeSet::new();
        let mut characters = text.char_indices().peekable();
        while let Some((start, character)) = characters.next() {
            let selector = characters.next_if(|(_, next)| is_selector(*next)).map(|(_, next)| next);
            let end = start + character.len_utf8() + selector.map_or(0, char::len_utf8);
            if character == '\n' {
                letters.push(Letter {
                    character,
                    face: first,
                    glyph: 0,
                    advance: 0.0,
                    width: 0.0,
                    start,
                    end,
                });
                continue;
            }
            match self.find(character, selector, first) {
                Some((face, glyph, advance)) if !joins(character) => {
                    letters.push(Letter { character, face, glyph, advance, width: advance, start, end });
                }
                _ => {
                    missing.insert(character);
                }
            }
        }
        if missing.is_empty() { Ok(letters) } else { Err(self.missing(&missing, first)) }
    }

    fn find(&self, character: char, selector: Option<char>, first: usize) -> Option<(usize, u32, f32)> {
        let others = self.order.iter().copied().filter(|index| *index != first);
        std::iter::once(first).chain(others).find_map(|index| {
            let reader = self.readers.get(index)?;
            let mut glyph = reader.map.map(character)?;
            if let Some(selector) = selector
                && let Some(MapVariant::Variant(variant)) = reader.map.map_variant(character, selector)
            {
                glyph = variant;
            }
            if glyph == GlyphId::NOTDEF {
                return None;
            }
            let advance = reader.widths.advance_width(glyph)? / reader.units;
            Some((index, glyph.to_u32(), advance))
        })
    }

    fn missing(&self, characters: &BTreeSet<char>, first: usize) -> TemplateError {
        let named = |character: &char| format!("`{character}` U+{:04X}", u32::from(*character));
        let mut named: Vec<String> = characters.iter().take(20).map(named).collect();
        if characters.len() > 20 {
            named.push(format!("and {} more", characters.len() - 20));
        }
        let others = self.order.iter().filter(|index| **index != first);
        let tried = std::iter::once(&first).chain(others).filter_map(|index| self.fonts.face(*index));
        TemplateError::MissingGlyphs {
            characters: named.join(", "),
            fonts: tried.map(|face| face.name.clone()).collect::<Vec<_>>().join(", "),
        }
    }
}

/// Picks another form of the character before it, as names of persons need it (Unicode §23.4).
fn is_selector(character: char) -> bool {
    matches!(character, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// Scripts whose letters join, stack or change places: Hebrew and Arabic to Khmer and Mongolian (Hangul jamo included).
fn joins(character: char) -> bool {
    matches!(u32::from(character),
        0x0300..=0x036F | 0x0590..=0x109F | 0x1100..=0x11FF | 0x1700..=0x1CFF | 0xA800..=0xA8FF | 0xA980..=0xABFF
        | 0xFB1D..=0xFDFF | 0xFE70..=0xFEFE | 0x10800..=0x11FFF)
}

/// Octets; Debian's Noto CJK collections have 20 to 30 MB.
const MAX_FILE: usize = 64 << 20;
const MAX_FONTS: usize = 64;
