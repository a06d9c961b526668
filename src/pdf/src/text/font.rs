//! Fonts as far as text extraction needs them (ISO 32000-2 §9.5–9.7): codes, characters, widths.

use std::collections::HashMap;

use super::cmap::CMap;
use super::glyph_names::{glyph_character, mac_roman, win_ansi};
use super::metrics::standard_width;
use crate::syntax::{Dictionary, Object, ReadError, View};

/// A font: how its strings fall into glyphs.
#[derive(Debug)]
pub(super) struct Font {
    codes: Codes,
    to_unicode: Option<CMap>,
    /// Glyph-space units per em, as a factor to text space.
    scale: f64,
    /// Whether text runs downwards.
    pub(super) vertical: bool,
}

#[derive(Debug)]
enum Codes {
    /// One octet each, with the characters of the encoding and the widths.
    Simple { characters: Box<[Option<char>; 256]>, widths: Box<[f64; 256]> },
    /// A composite font's.
    Composite { encoding: Encoding, widths: HashMap<u32, f64>, default: f64, vertical: f64 },
}

#[derive(Debug)]
enum Encoding {
    /// Two octets are the CID: Identity-H and Identity-V.
    Identity,
    /// Two octets are UTF-16 (the Uni…-UCS2 and Uni…-UTF16 maps).
    Unicode,
    /// One octet below 0x80, else two: the GB, Big5, Shift-JIS and EUC maps, near enough.
    Mixed,
    /// A map in the file.
    Embedded(CMap),
}

/// One glyph of a shown string.
pub(super) struct Glyph {
    /// What it stands for; empty if nothing says.
    pub(super) text: String,
    /// Its advance in text space, per unit of font size, without spacing; negative when vertical.
    pub(super) advance: f64,
    /// Whether word spacing applies: a single octet 32 (ISO 32000-2 §9.3.3).
    pub(super) word_space: bool,
}

impl Font {
    /// Reads a font dictionary; what is missing or wrong is filled in as viewers do.
    pub(super) fn read(view: View<'_, '_>, font: &Dictionary) -> Result<Self, ReadError> {
        let to_unicode = match view.entry(font, b"ToUnicode")? {
            Object::Stream(stream) => {
                let data = view.stream_data(&stream, MAX_CMAP)?;
                Some(CMap::parse(&data))
            }
            _ => None,
        };
        let subtype = view.entry(font, b"Subtype")?;
        if subtype.as_name() == Some(b"Type0") {
            return Self::composite(view, font, to_unicode);
        }
        let scale = match (subtype.as_name(), view.entry(font, b"FontMatrix")?) {
            (Some(b"Type3"), Object::Array(matrix)) => {
                matrix.first().and_then(Object::as_number).unwrap_or(0.001)
            }
            _ => 0.001,
        };
        let codes = Codes::Simple {
            characters: Box::new(simple_characters(view, font)?),
            widths: Box::new(simple_widths(view, font)?),
        };
        Ok(Self { codes, to_unicode, scale, vertical: false })
    }

    fn composite(view: View<'_, '_>, font: &Dictionary, to_unicode: Option<CMap>) -> Result<Self, ReadError> {
        let (encoding, vertical) = match view.entry(font, b"Encoding")? {
            Object::Name(name) => {
                let has = |part: &[u8]| memchr::memmem::find(&name, part).is_some();
                let encoding = if has(b"UCS2") || has(b"UTF16") {
                    Encoding::Unicode
                } else if has(b"Identity") {
                    Encoding::Identity
                } else {
                    Encoding::Mixed
                };
                (encoding, name.ends_with(b"-V"))
            }
            Object::Stream(stream) => {
                let map = CMap::parse(&view.stream_data(&stream, MAX_CMAP)?);
                let vertical = view.entry(&stream.dictionary, b"WMode")?.as_integer() == Some(1);
                (if map.has_spaces() { Encoding::Embedded(map) } else { Encoding::Identity }, vertical)
            }
            _ => (Encoding::Identity, false),
        };
        let descendant = match view.entry(font, b"DescendantFonts")? {
            Object::Array(fonts) => fonts.first().map_or(Ok(Object::Null), |font| view.resolve(font))?,
            _ => Object::Null,
        };
        let empty = Dictionary::new();
        let descendant = descendant.as_dictionary().unwrap_or(&empty);
        let number = |object: Object, otherwise| object.as_number().unwrap_or(otherwise);
        let default = number(view.entry(descendant, b"DW")?, 1_000.0);
        let down = match view.entry(descendant, b"DW2")? {
            Object::Array(pair) => pair.get(1).and_then(Object::as_number).unwrap_or(-1_000.0),
            _ => -1_000.0,
        };
        let widths = composite_widths(view, descendant)?;
        let codes = Codes::Composite { encoding, widths, default, vertical: down };
        Ok(Self { codes, to_unicode, scale: 0.001, vertical })
    }

    /// Splits a shown string into glyphs.
    pub(super) fn glyphs(&self, bytes: &[u8], mut each: impl FnMut(Glyph)) {
        match &self.codes {
            Codes::Simple { characters, widths } => {
                for &byte in bytes {
                    let index = usize::from(byte);
                    let text = self.text(u32::from(byte)).unwrap_or_else(|| {
                        characters.get(index).copied().flatten().map(String::from).unwrap_or_default()
                    });
                    let width = widths.get(index).copied().unwrap_or(0.0);
                    each(Glyph { text, advance: width * self.scale, word_space: byte == b' ' });
                }
            }
            Codes::Composite { encoding, widths, default, vertical } => {
                let mut rest = bytes;
                while !rest.is_empty() {
                    let (code, length) = encoding.code(rest);
                    let word_space = length == 1 && code == 32;
                    rest = rest.get(length.max(1)..).unwrap_or_default();
                    let text = self.text(code).or_else(|| encoding.text(code)).unwrap_or_default();
                    let advance = if self.vertical {
                        *vertical
                    } else {
                        encoding.cid(code).and_then(|cid| widths.get(&cid)).copied().unwrap_or(*default)
                    };
                    each(Glyph { text, advance: advance * self.scale, word_space });
                }
            }
        }
    }

    fn text(&self, code: u32) -> Option<String> {
        self.to_unicode.as_ref()?.text(code)
    }
}

impl Encoding {
    fn code(&self, bytes: &[u8]) -> (u32, usize) {
        let first = bytes.first().copied().unwrap_or(0);
        let wide = || (u32::from(first) << 8 | u32::from(bytes.get(1).copied().unwrap_or(0)), 2);
        match self {
            Self::Embedded(map) => map.code(bytes),
            Self::Mixed if first < 0x80 => (u32::from(first), 1),
            Self::Identity | Self::Unicode | Self::Mixed => wide(),
        }
    }

    fn text(&self, code: u32) -> Option<String> {
        match self {
            Self::Unicode => char::from_u32(code).map(String::from),
            Self::Mixed if code < 0x80 => char::from_u32(code).map(String::from),
            _ => None,
        }
    }

    fn cid(&self, code: u32) -> Option<u32> {
        match self {
            Self::Identity => Some(code),
            Self::Embedded(map) => map.cid(code),
            Self::Unicode | Self::Mixed => None,
        }
    }
}

/// The characters of a simple font's encoding (ISO 32000-2 §9.6.5). StandardEncoding is read as
/// WinAnsiEncoding: they agree on letters and digits.
fn simple_characters(view: View<'_, '_>, font: &Dictionary) -> Result<[Option<char>; 256], ReadError> {
    let encoding = view.entry(font, b"Encoding")?;
    let base = match &encoding {
        Object::Name(name) => Some(name.clone()),
        Object::Dictionary(dictionary) => {
            view.entry(dictionary, b"BaseEncoding")?.as_name().map(<[u8]>::to_vec)
        }
        _ => None,
    };
    let decode = if base.as_deref() == Some(b"MacRomanEncoding") { mac_roman } else { win_ansi };
    let mut characters = [None; 256];
    for (code, character) in (0u8..=255).zip(characters.iter_mut()) {
        *character = decode(code);
    }
    let Object::Dictionary(dictionary) = &encoding else { return Ok(characters) };
    let Object::Array(differences) = view.entry(dictionary, b"Differences")? else {
        return Ok(characters);
    };
    let mut code = 0usize;
    for item in differences.iter().take(1_024) {
        match item {
            Object::Integer(number) => code = usize::try_from(*number).unwrap_or(256),
            Object::Name(name) => {
                if let Some(character) = characters.get_mut(code) {
                    *character = glyph_character(name);
                }
                code = code.saturating_add(1);
            }
            _ => {}
        }
    }
    Ok(characters)
}

fn simple_widths(view: View<'_, '_>, font: &Dictionary) -> Result<[f64; 256], ReadError> {
    let mut widths = [0.0; 256];
    let Object::Array(given) = view.entry(font, b"Widths")? else {
        let base = view.entry(font, b"BaseFont")?;
        let name = base.as_name().unwrap_or_default();
        for (code, width) in (0u8..=255).zip(widths.iter_mut()) {
            *width = standard_width(name, code);
        }
        return Ok(widths);
    };
    if let Object::Dictionary(descriptor) = view.entry(font, b"FontDescriptor")? {
        let missing = view.entry(&descriptor, b"MissingWidth")?.as_number().unwrap_or(0.0);
        widths = [missing; 256];
    }
    let first = view.entry(font, b"FirstChar")?.as_integer().and_then(|n| usize::try_from(n).ok());
    for (i, width) in given.iter().take(256).enumerate() {
        if let Some(slot) = widths.get_mut(first.unwrap_or(0).saturating_add(i)) {
            *slot = view.resolve(width)?.as_number().unwrap_or(0.0);
        }
    }
    Ok(widths)
}

/// The /W array of a CIDFont (ISO 32000-2 §9.7.4.3).
fn composite_widths(view: View<'_, '_>, descendant: &Dictionary) -> Result<HashMap<u32, f64>, ReadError> {
    let mut widths = HashMap::new();
    let Object::Array(items) = view.entry(descendant, b"W")? else { return Ok(widths) };
    let cid = |object: &Object| object.as_integer().and_then(|n| u32::try_from(n).ok());
    let mut rest = items.as_slice();
    while let [first, second, behind @ ..] = rest {
        rest = behind;
        let Some(first) = cid(first) else { continue };
        match view.resolve(second)? {
            Object::Array(list) => {
                for (number, width) in (first..).zip(&list) {
                    widths.insert(number, width.as_number().unwrap_or(0.0));
                }
            }
            last => {
                let [width, behind @ ..] = rest else { break };
                rest = behind;
                let width = width.as_number().unwrap_or(0.0);
                let last = cid(&last).unwrap_or(0).min(0xFFFF);
                for number in first..=last {
                    widths.insert(number, width);
                }
            }
        }
        if widths.len() > MAX_WIDTHS {
            break;
        }
    }
    Ok(widths)
}

/// Decoded octets of one character map.
const MAX_CMAP: usize = 4 << 20;
/// CIDs go to 65,535 (ISO 32000-2 annex C).
const MAX_WIDTHS: usize = 65_536;
