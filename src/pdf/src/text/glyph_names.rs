//! Glyph names that occur in /Differences, and the characters they stand for (Adobe Glyph List, the
//! part for Latin text), and the standard encodings' upper halves.

/// The character a glyph name stands for: from the list, `uniXXXX`, `uXXXXXX` or a single letter;
/// a suffix after a full stop does not count.
pub(super) fn glyph_character(name: &[u8]) -> Option<char> {
    let name = std::str::from_utf8(name).ok()?;
    let name = name.split_once('.').map_or(name, |(stem, _)| stem);
    if let Ok(i) = NAMES.binary_search_by(|(known, _)| (*known).cmp(name)) {
        return NAMES.get(i).map(|(_, c)| *c);
    }
    let mut characters = name.chars();
    if let (Some(single), None) = (characters.next(), characters.next()) {
        return Some(single);
    }
    let hex = name.strip_prefix("uni").or_else(|| name.strip_prefix('u'))?;
    let hex = hex.get(..hex.len().min(6))?;
    let digits = if name.starts_with("uni") { hex.get(..4)? } else { hex };
    if digits.len() < 4 {
        return None;
    }
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}

/// What a code of WinAnsiEncoding stands for.
pub(super) fn win_ansi(code: u8) -> Option<char> {
    match code {
        0x20..=0x7E | 0xA0..=0xFF => Some(char::from(code)),
        0x80..=0x9F => {
            char::from_u32(u32::from(*WIN_ANSI.get(usize::from(code - 0x80))?)).filter(|c| *c != '\0')
        }
        _ => None,
    }
}

/// What a code of MacRomanEncoding stands for.
pub(super) fn mac_roman(code: u8) -> Option<char> {
    match code {
        0x20..=0x7E => Some(char::from(code)),
        0x80.. => MAC_ROMAN.chars().nth(usize::from(code - 0x80)),
        _ => None,
    }
}

/// Windows code page 1252 from 0x80 to 0x9F; 0 where nothing is.
const WIN_ANSI: [u16; 32] = [
    0x20AC, 0, 0x201A, 0x192, 0x201E, 0x2026, 0x2020, 0x2021, 0x2C6, 0x2030, 0x160, 0x2039, 0x152, 0, 0x17D,
    0, 0, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x2DC, 0x2122, 0x161, 0x203A, 0x153, 0,
    0x17E, 0x178,
];

/// Mac OS Roman from 0x80 on.
const MAC_ROMAN: &str = "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø¿¡¬√ƒ≈∆«»…\u{A0}ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ‡·‚„‰\
    ÂÊÁËÈÍÎÏÌÓÔ\u{F8FF}ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ";

/// Sorted by name.
#[rustfmt::skip] // a table reads better packed
const NAMES: [(&str, char); 173] = [
    ("AE", 'Æ'), ("Aacute", 'Á'), ("Acircumflex", 'Â'), ("Adieresis", 'Ä'), ("Agrave", 'À'), ("Aring", 'Å'),
    ("Atilde", 'Ã'), ("Ccedilla", 'Ç'), ("Eacute", 'É'), ("Ecircumflex", 'Ê'), ("Edieresis", 'Ë'),
    ("Egrave", 'È'), ("Eth", 'Ð'), ("Euro", '€'), ("Iacute", 'Í'), ("Icircumflex", 'Î'), ("Idieresis", 'Ï'),
    ("Igrave", 'Ì'), ("Ntilde", 'Ñ'), ("OE", 'Œ'), ("Oacute", 'Ó'), ("Ocircumflex", 'Ô'), ("Odieresis", 'Ö'),
    ("Ograve", 'Ò'), ("Omega", 'Ω'), ("Oslash", 'Ø'), ("Otilde", 'Õ'), ("Scaron", 'Š'), ("Thorn", 'Þ'),
    ("Uacute", 'Ú'), ("Ucircumflex", 'Û'), ("Udieresis", 'Ü'), ("Ugrave", 'Ù'), ("Yacute", 'Ý'),
    ("Ydieresis", 'Ÿ'), ("Zcaron", 'Ž'), ("aacute", 'á'), ("acircumflex", 'â'), ("acute", '´'),
    ("adieresis", 'ä'), ("ae", 'æ'), ("agrave", 'à'), ("ampersand", '&'), ("aring", 'å'), ("asciicircum", '^'),
    ("asciitilde", '~'), ("asterisk", '*'), ("at", '@'), ("atilde", 'ã'), ("backslash", '\\'), ("bar", '|'),
    ("braceleft", '{'), ("braceright", '}'), ("bracketleft", '['), ("bracketright", ']'), ("brokenbar", '¦'),
    ("bullet", '•'), ("ccedilla", 'ç'), ("cedilla", '¸'), ("cent", '¢'), ("circumflex", 'ˆ'), ("colon", ':'),
    ("comma", ','), ("copyright", '©'), ("currency", '¤'), ("dagger", '†'), ("daggerdbl", '‡'), ("degree", '°'),
    ("dieresis", '¨'), ("divide", '÷'), ("dollar", '$'), ("dotlessi", 'ı'), ("eacute", 'é'),
    ("ecircumflex", 'ê'), ("edieresis", 'ë'), ("egrave", 'è'), ("eight", '8'), ("ellipsis", '…'),
    ("emdash", '—'), ("endash", '–'), ("equal", '='), ("eth", 'ð'), ("exclam", '!'), ("exclamdown", '¡'),
    ("ff", 'ﬀ'), ("ffi", 'ﬃ'), ("ffl", 'ﬄ'), ("fi", 'ﬁ'), ("five", '5'), ("fl", 'ﬂ'), ("florin", 'ƒ'),
    ("four", '4'), ("fraction", '⁄'), ("germandbls", 'ß'), ("grave", '`'), ("greater", '>'),
    ("guillemotleft", '«'), ("guillemotright", '»'), ("guilsinglleft", '‹'), ("guilsinglright", '›'),
    ("hyphen", '-'), ("iacute", 'í'), ("icircumflex", 'î'), ("idieresis", 'ï'), ("igrave", 'ì'), ("less", '<'),
    ("logicalnot", '¬'), ("macron", '¯'), ("minus", '−'), ("mu", 'µ'), ("multiply", '×'), ("nine", '9'),
    ("ntilde", 'ñ'), ("numbersign", '#'), ("oacute", 'ó'), ("ocircumflex", 'ô'), ("odieresis", 'ö'), ("oe", 'œ'),
    ("ograve", 'ò'), ("one", '1'), ("onehalf", '½'), ("onequarter", '¼'), ("onesuperior", '¹'),
    ("ordfeminine", 'ª'), ("ordmasculine", 'º'), ("oslash", 'ø'), ("otilde", 'õ'), ("paragraph", '¶'),
    ("parenleft", '('), ("parenright", ')'), ("percent", '%'), ("period", '.'), ("periodcentered", '·'),
    ("perthousand", '‰'), ("plus", '+'), ("plusminus", '±'), ("question", '?'), ("questiondown", '¿'),
    ("quotedbl", '"'), ("quotedblbase", '„'), ("quotedblleft", '“'), ("quotedblright", '”'), ("quoteleft", '‘'),
    ("quoteright", '’'), ("quotesinglbase", '‚'), ("quotesingle", '\''), ("registered", '®'), ("scaron", 'š'),
    ("section", '§'), ("semicolon", ';'), ("seven", '7'), ("six", '6'), ("slash", '/'), ("space", ' '),
    ("sterling", '£'), ("thorn", 'þ'), ("three", '3'), ("threequarters", '¾'), ("threesuperior", '³'),
    ("tilde", '˜'), ("trademark", '™'), ("two", '2'), ("twosuperior", '²'), ("uacute", 'ú'),
    ("ucircumflex", 'û'), ("udieresis", 'ü'), ("ugrave", 'ù'), ("underscore", '_'), ("yacute", 'ý'),
    ("ydieresis", 'ÿ'), ("yen", '¥'), ("zcaron", 'ž'), ("zero", '0'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_found() {
        assert!(NAMES.is_sorted());
        assert_eq!(glyph_character(b"Aacute"), Some('Á'));
        assert_eq!(glyph_character(b"A"), Some('A'));
        assert_eq!(glyph_character(b"a.sc"), Some('a'));
        assert_eq!(glyph_character(b"uni76D6"), Some('盖'));
        assert_eq!(glyph_character(b"u20BB7"), Some('𠮷'));
        for nothing in [&b"g12"[..], b"uni76", b"", b".notdef", b"cid123", b"\xFF", b"uniD800"] {
            assert_eq!(glyph_character(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn upper_halves_have_the_right_length() {
        assert_eq!(MAC_ROMAN.chars().count(), 128);
        assert_eq!(mac_roman(0xFF), Some('ˇ'));
        assert_eq!(win_ansi(0x80), Some('€'));
        assert_eq!(win_ansi(0x81), None);
    }
}
