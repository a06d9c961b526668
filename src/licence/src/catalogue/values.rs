//! Values as they are compared: what a verifier types against what a licence says.

use serde_json::Value;

/// `text` as it is compared: full-width forms as half-width ones, no spaces, capital letters.
///
/// Chinese names are written with full-width brackets or half-width ones, with spaces between or without; numbers come
/// with small letters. Nothing else is made equal.
#[must_use]
pub fn normalise(text: &str) -> String {
    text.chars()
        .map(half_width)
        .filter(|character| !character.is_whitespace() && !invisible(*character))
        .flat_map(char::to_uppercase)
        .collect()
}

/// A value as text; `None` for lists and records.
pub(super) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

/// Whether a character must not stand in a licence: controls except the line feed, marks that turn the direction of
/// writing round (so that one name looks like another), and what is no character.
pub(super) fn forbidden(character: char) -> bool {
    let code = u32::from(character);
    (character.is_control() && character != '\n')
        || matches!(code, 0x202A..=0x202E | 0x2066..=0x2069 | 0x200B..=0x200F | 0x2028 | 0x2029 | 0xFEFF | 0xFFF9..=0xFFFB)
        || matches!(code, 0xFDD0..=0xFDEF)
        || code & 0xFFFE == 0xFFFE
}

/// Characters that nobody sees.
const fn invisible(character: char) -> bool {
    matches!(character, '\u{200B}'..='\u{200F}' | '\u{FEFF}' | '\u{00AD}' | '\u{2060}')
}

/// U+FF01 to U+FF5E are ASCII in full width, U+3000 is the space.
fn half_width(character: char) -> char {
    match u32::from(character) {
        code @ 0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).unwrap_or(character),
        0x3000 => ' ',
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_in_full_width_is_the_same() {
        assert_eq!(normalise("９１３７０２ｍａ"), "913702MA");
        assert_eq!(normalise(" 青岛（市）某 某餐饮\u{3000}有限公司 "), "青岛(市)某某餐饮有限公司");
        assert_eq!(normalise("11010519491231002x"), "11010519491231002X");
    }

    #[test]
    fn marks_that_deceive_the_eye_are_forbidden() {
        for character in ['\u{202E}', '\u{0007}', '\u{200B}', '\u{FFFF}', '\u{2028}'] {
            assert!(forbidden(character), "{character:?}");
        }
        for character in ['\n', '某', '·', '㐀', '𠮷', 'A', ' '] {
            assert!(!forbidden(character), "{character:?}");
        }
    }
}
