//! The part of a font that is embedded: only the glyphs used, addressed by two-octet codes
//! (ISO 32000-2 §9.7, §9.9).

use std::fmt::Write as _;
use std::sync::Arc;

use subsetter::GlyphRemapper;

use super::bitmap::deflate;
use super::font::{Font, FontError, Glyph};
use super::objects::{name, numbers};
use crate::syntax::{Dictionary, Object, ObjectId, PdfString};
use crate::write::{Body, Update};

/// A font program cut down, with what a PDF has to say about it.
pub(super) struct Subset {
    /// What it holds, by glyph and the first character it stands for.
    glyphs: Vec<Glyph>,
    /// The codes of `glyphs`, in their order.
    codes: Vec<u16>,
    program: Arc<[u8]>,
    /// Octets of the program before compression.
    length: usize,
    to_unicode: Arc<[u8]>,
    /// One bit for each glyph in the program (ISO 32000-1 table 124), which PDF/A-1 asks for.
    cid_set: Arc<[u8]>,
    base_name: String,
}

impl Subset {
    /// `glyphs` are sorted and each there once.
    pub(super) fn new(font: &Font, glyphs: Vec<Glyph>) -> Result<Self, FontError> {
        let mut remapper = GlyphRemapper::new();
        let codes: Vec<u16> = glyphs.iter().map(|glyph| remapper.remap(glyph.id)).collect();
        let (data, index) = font.file();
        let cut = subsetter::subset(data, index, &remapper).map_err(|error| font.malformed(error))?;
        let count = glyph_count(&cut).ok_or_else(|| font.malformed("the subset counts no glyphs"))?;
        let program = if font.facts().cff {
            table(&cut, b"CFF ").ok_or_else(|| font.malformed("the subset has no outlines"))?
        } else {
            &cut
        };
        let mut set = vec![0xFFu8; usize::from(count / 8)];
        if count % 8 > 0 {
            set.push(!(0xFFu8 >> (count % 8)));
        }
        let base_name = format!("{}+{}", tag(program), font.facts().name);
        let failed = |_| font.malformed("the subset cannot be compressed");
        Ok(Self {
            length: program.len(),
            program: deflate(program).map_err(failed)?,
            to_unicode: deflate(to_unicode(&glyphs, &codes).as_bytes()).map_err(failed)?,
            cid_set: set.into(),
            glyphs,
            codes,
            base_name,
        })
    }

    /// Whether it holds exactly `wanted`, sorted likewise.
    pub(super) fn holds(&self, wanted: &[Glyph]) -> bool {
        self.glyphs == wanted
    }

    /// A line as its codes, in hexadecimal.
    pub(super) fn show(&self, glyphs: &[Glyph]) -> String {
        let mut out = String::with_capacity(glyphs.len() * 4);
        for glyph in glyphs {
            let at = self.glyphs.binary_search_by_key(&glyph.id, |held| held.id);
            let code = at.ok().and_then(|at| self.codes.get(at)).copied().unwrap_or(0);
            // Writing to a string cannot fail.
            let _ = write!(out, "{code:04X}");
        }
        out
    }

    /// Adds the font's objects and returns the Type 0 font (ISO 32000-2 §9.7.6).
    pub(super) fn write(&self, update: &mut Update, font: &Font, cid_set: bool) -> ObjectId {
        let facts = font.facts();
        let mut file = Dictionary::new();
        file.set(b"Filter", name("FlateDecode"));
        if facts.cff {
            file.set(b"Subtype", name("CIDFontType0C"));
        } else {
            file.set(b"Length1", Object::Integer(i64::try_from(self.length).unwrap_or(i64::MAX)));
        }
        let file = add(update, Body::Stream { dictionary: file, data: self.program.clone() });

        let mut descriptor = Dictionary::new();
        descriptor.set(b"Type", name("FontDescriptor"));
        descriptor.set(b"FontName", name(&self.base_name));
        let fixed = i64::from(facts.fixed_pitch);
        let italic = if facts.italic_angle == 0.0 { 0 } else { 64 };
        descriptor.set(b"Flags", Object::Integer(SYMBOLIC | fixed | italic));
        descriptor.set(b"FontBBox", numbers(&facts.bounds));
        for (key, value) in [
            (b"ItalicAngle".as_slice(), facts.italic_angle),
            (b"Ascent", facts.ascent),
            (b"Descent", facts.descent),
            (b"CapHeight", facts.cap_height),
            (b"StemV", facts.stem),
        ] {
            descriptor.set(key, Object::Real(value));
        }
        descriptor.set(if facts.cff { b"FontFile3" } else { b"FontFile2" }, Object::Reference(file));
        if cid_set {
            let set = Body::Stream { dictionary: Dictionary::new(), data: self.cid_set.clone() };
            descriptor.set(b"CIDSet", Object::Reference(add(update, set)));
        }
        let descriptor = add(update, Body::Value(Object::Dictionary(descriptor)));

        let mut system = Dictionary::new();
        let text = |text: &str| Object::String(PdfString { bytes: text.into(), hexadecimal: false });
        system.set(b"Registry", text("Adobe"));
        system.set(b"Ordering", text("Identity"));
        system.set(b"Supplement", Object::Integer(0));
        let mut below = Dictionary::new();
        below.set(b"Type", name("Font"));
        below.set(b"Subtype", name(if facts.cff { "CIDFontType0" } else { "CIDFontType2" }));
        below.set(b"BaseFont", name(&self.base_name));
        below.set(b"CIDSystemInfo", Object::Dictionary(system));
        below.set(b"FontDescriptor", Object::Reference(descriptor));
        below.set(b"DW", Object::Integer(1_000));
        below.set(b"W", self.widths());
        if !facts.cff {
            below.set(b"CIDToGIDMap", name("Identity"));
        }
        let below = add(update, Body::Value(Object::Dictionary(below)));

        let mut compressed = Dictionary::new();
        compressed.set(b"Filter", name("FlateDecode"));
        let unicode = add(update, Body::Stream { dictionary: compressed, data: self.to_unicode.clone() });
        let mut whole = Dictionary::new();
        whole.set(b"Type", name("Font"));
        whole.set(b"Subtype", name("Type0"));
        let base = if facts.cff { format!("{}-Identity-H", self.base_name) } else { self.base_name.clone() };
        whole.set(b"BaseFont", name(&base));
        whole.set(b"Encoding", name("Identity-H"));
        whole.set(b"DescendantFonts", Object::Array(vec![Object::Reference(below)]));
        whole.set(b"ToUnicode", Object::Reference(unicode));
        add(update, Body::Value(Object::Dictionary(whole)))
    }

    /// /W: the glyphs' codes run from 1 on without a gap.
    fn widths(&self) -> Object {
        let mut by_code: Vec<(u16, f64)> =
            self.codes.iter().copied().zip(self.glyphs.iter().map(|glyph| glyph.width)).collect();
        by_code.sort_by_key(|(code, _)| *code);
        let widths = by_code.into_iter().map(|(_, width)| Object::Real(width)).collect();
        Object::Array(vec![Object::Integer(1), Object::Array(widths)])
    }
}

fn add(update: &mut Update, body: Body) -> ObjectId {
    let id = update.allocate();
    update.put(id, body);
    id
}

/// The ToUnicode map (ISO 32000-2 §9.10.3), so that the text can be searched and copied.
fn to_unicode(glyphs: &[Glyph], codes: &[u16]) -> String {
    let mut out = String::from(
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n\
         /CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n\
         /CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n\
         1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n",
    );
    let pairs: Vec<_> = glyphs.iter().zip(codes).collect();
    for part in pairs.chunks(100) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{} beginbfchar", part.len());
        for (glyph, code) in part {
            let _ = write!(out, "<{code:04X}> <");
            for unit in glyph.character.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "{unit:04X}");
            }
            out.push_str(">\n");
        }
        out.push_str("endbfchar\n");
    }
    out.push_str("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n");
    out
}

/// Six letters that tell subsets of one font apart (ISO 32000-2 §9.9.2), from what the subset holds.
fn tag(program: &[u8]) -> String {
    let digest = crypto::DigestAlgorithm::Sha256.digest(program);
    digest.iter().take(6).map(|byte| char::from(b'A' + byte % 26)).collect()
}

/// A table of an OpenType font that stands alone.
fn table<'a>(font: &'a [u8], wanted: &[u8; 4]) -> Option<&'a [u8]> {
    let count = usize::from(u16::from_be_bytes(font.get(4..6)?.try_into().ok()?));
    let record = font.get(12..)?.chunks_exact(16).take(count).find(|record| record.starts_with(wanted))?;
    let number =
        |range| Some(u32::from_be_bytes(record.get::<std::ops::Range<usize>>(range)?.try_into().ok()?));
    let start = usize::try_from(number(8..12)?).ok()?;
    font.get(start..start.checked_add(usize::try_from(number(12..16)?).ok()?)?)
}

fn glyph_count(font: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(table(font, b"maxp")?.get(4..6)?.try_into().ok()?))
}

/// Font flag Symbolic (ISO 32000-2 table 121): not the standard Latin characters.
const SYMBOLIC: i64 = 4;
