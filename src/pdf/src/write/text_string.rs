//! Text strings (ISO 32000-2 §7.9.2.2): PDFDocEncoding where it suffices, else UTF-16BE.

use crate::syntax::{Object, PdfString};

/// `text` as a text string object.
///
/// PDFDocEncoding is used for what it shares with Latin-1, so that every old reader shows it;
/// anything else (Chinese) becomes UTF-16BE with a byte-order mark, in hexadecimal.
#[must_use]
pub fn text_string(text: &str) -> Object {
    let encoded: Option<Vec<u8>> = text.chars().map(pdf_doc_byte).collect();
    Object::String(match encoded {
        // A text of these characters at its start would be taken for a byte-order mark.
        Some(bytes) if !bytes.starts_with(b"\xFE\xFF") && !bytes.starts_with(b"\xEF\xBB\xBF") => {
            PdfString { hexadecimal: !bytes.is_ascii(), bytes }
        }
        _ => {
            let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
            PdfString { bytes: units.flat_map(u16::to_be_bytes).collect(), hexadecimal: true }
        }
    })
}

/// A text string's bytes as text: UTF-16BE or UTF-8 with their marks, else Latin-1 for PDFDocEncoding.
///
/// Good for comparing names of fields; what cannot be decoded becomes U+FFFD.
#[must_use]
pub fn decode_text(bytes: &[u8]) -> String {
    if let Some(units) = bytes.strip_prefix(b"\xFE\xFF") {
        let units: Vec<u16> =
            units.chunks(2).map(|unit| unit.iter().fold(0, |u, &byte| u << 8 | u16::from(byte))).collect();
        return String::from_utf16_lossy(&units);
    }
    if let Some(text) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
        return String::from_utf8_lossy(text).into_owned();
    }
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// The PDFDocEncoding byte of a character that it shares with Latin-1 (ISO 32000-2 table D.2):
/// ASCII and 0xA1..=0xFF without 0xAD, which PDFDocEncoding leaves undefined.
fn pdf_doc_byte(c: char) -> Option<u8> {
    match c {
        '\t' | '\n' | '\r' | ' '..='~' | '\u{A1}'..='\u{AC}' | '\u{AE}'..='\u{FF}' => {
            u8::try_from(u32::from(c)).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        text_string(text).as_string().unwrap().to_vec()
    }

    #[test]
    fn ascii_and_latin_stay_one_byte() {
        assert_eq!(bytes("Seal (test)"), b"Seal (test)");
        assert_eq!(bytes("Zoë"), b"Zo\xEB");
    }

    #[test]
    fn chinese_is_utf16_with_mark() {
        assert_eq!(bytes("公章"), [0xFE, 0xFF, 0x51, 0x6C, 0x7A, 0xE0]);
        assert_eq!(bytes("𠮷"), [0xFE, 0xFF, 0xD8, 0x42, 0xDF, 0xB7]);
    }

    #[test]
    fn text_survives_both_ways() {
        for text in ["Seal 1", "Zoë", "公章 𠮷", "þÿ", ""] {
            assert_eq!(decode_text(&bytes(text)), text);
        }
        assert_eq!(decode_text(b"\xEF\xBB\xBF\xE5\x85\xAC"), "公");
        assert_eq!(decode_text(b"\xFE\xFF\xD8"), "\u{D8}");
    }

    #[test]
    fn latin_text_that_looks_like_a_mark_is_utf16() {
        assert_eq!(bytes("þÿ"), [0xFE, 0xFF, 0, 0xFE, 0, 0xFF]);
    }
}
