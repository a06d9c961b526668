//! Serialising objects (ISO 32000-2 §7.3), the shortest spelling that every reader takes.

use crate::syntax::{Dictionary, Object, ObjectId, PdfString};

/// Why an object cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// A stream stands inside another object; streams are always indirect (ISO 32000-2 §7.3.8).
    #[error("a stream stands where only a direct object may")]
    DirectStream,
    /// Arrays and dictionaries are nested deeper than any reader follows.
    #[error("objects are nested more than {MAX_DEPTH} deep")]
    TooDeep,
}

/// Appends `object` to `out`.
///
/// # Errors
/// [`WriteError::DirectStream`] if a stream is found in it, [`WriteError::TooDeep`] past the depth bound.
pub fn write_object(out: &mut Vec<u8>, object: &Object) -> Result<(), WriteError> {
    write_nested(out, object, MAX_DEPTH)
}

/// Appends `dictionary` to `out`, brackets included.
pub(super) fn write_dictionary(out: &mut Vec<u8>, dictionary: &Dictionary) -> Result<(), WriteError> {
    write_dictionary_nested(out, dictionary, MAX_DEPTH)
}

/// Appends `n g R`.
fn write_reference(out: &mut Vec<u8>, id: ObjectId) {
    write_unsigned(out, u64::from(id.number));
    out.push(b' ');
    write_unsigned(out, u64::from(id.generation));
    out.extend_from_slice(b" R");
}

/// Appends `number` in decimal without going through the formatter.
pub(super) fn write_unsigned(out: &mut Vec<u8>, mut number: u64) {
    let start = out.len();
    loop {
        // The remainder is below ten.
        out.push(b'0' + u8::try_from(number % 10).unwrap_or(0));
        number /= 10;
        if number == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

fn write_nested(out: &mut Vec<u8>, object: &Object, depth: usize) -> Result<(), WriteError> {
    let deeper = || depth.checked_sub(1).ok_or(WriteError::TooDeep);
    match object {
        Object::Null => out.extend_from_slice(b"null"),
        Object::Boolean(true) => out.extend_from_slice(b"true"),
        Object::Boolean(false) => out.extend_from_slice(b"false"),
        Object::Integer(number) => {
            if *number < 0 {
                out.push(b'-');
            }
            write_unsigned(out, number.unsigned_abs());
        }
        Object::Real(number) => write_real(out, *number),
        Object::Name(name) => write_name(out, name),
        Object::String(string) => write_string(out, string),
        Object::Array(elements) => {
            let depth = deeper()?;
            out.push(b'[');
            for (i, element) in elements.iter().enumerate() {
                if i > 0 {
                    out.push(b' ');
                }
                write_nested(out, element, depth)?;
            }
            out.push(b']');
        }
        Object::Dictionary(dictionary) => write_dictionary_nested(out, dictionary, deeper()?)?,
        Object::Stream(_) => return Err(WriteError::DirectStream),
        Object::Reference(id) => write_reference(out, *id),
    }
    Ok(())
}

fn write_dictionary_nested(
    out: &mut Vec<u8>,
    dictionary: &Dictionary,
    depth: usize,
) -> Result<(), WriteError> {
    out.extend_from_slice(b"<<");
    for (key, value) in dictionary.iter() {
        write_name(out, key);
        if !matches!(value, Object::Name(_) | Object::String(_) | Object::Array(_) | Object::Dictionary(_)) {
            out.push(b' ');
        }
        write_nested(out, value, depth)?;
    }
    out.extend_from_slice(b">>");
    Ok(())
}

/// Appends a value behind its key, with a space where they would run together.
pub(super) fn write_value(out: &mut Vec<u8>, value: &Object) -> Result<(), WriteError> {
    write_separated(out, value, MAX_DEPTH)
}

fn write_separated(out: &mut Vec<u8>, value: &Object, depth: usize) -> Result<(), WriteError> {
    if !matches!(value, Object::Name(_) | Object::String(_) | Object::Array(_) | Object::Dictionary(_)) {
        out.push(b' ');
    }
    write_nested(out, value, depth)
}

/// Appends a name; everything but regular characters of printable ASCII as `#xx` (ISO 32000-2 §7.3.5).
pub(super) fn write_name(out: &mut Vec<u8>, name: &[u8]) {
    out.push(b'/');
    for &byte in name {
        if byte.is_ascii_graphic() && !b"#()<>[]{}/%".contains(&byte) {
            out.push(byte);
        } else {
            out.push(b'#');
            out.extend_from_slice(&hex_digits(byte));
        }
    }
}

fn write_string(out: &mut Vec<u8>, string: &PdfString) {
    if string.hexadecimal {
        out.push(b'<');
        for &byte in &string.bytes {
            out.extend_from_slice(&hex_digits(byte));
        }
        out.push(b'>');
        return;
    }
    out.push(b'(');
    for &byte in &string.bytes {
        match byte {
            b'(' | b')' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            // A bare carriage return would be read as a line feed (ISO 32000-2 §7.3.4.2).
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\n' => out.extend_from_slice(b"\\n"),
            _ => out.push(byte),
        }
    }
    out.push(b')');
}

/// Appends a real without exponent (ISO 32000-2 §7.3.3 has none); what is not finite becomes 0.
fn write_real(out: &mut Vec<u8>, number: f64) {
    let number = if number.is_finite() { number } else { 0.0 };
    // `Display` of f64 is the shortest text that reads back as the same number, never exponential.
    out.extend_from_slice(number.to_string().as_bytes());
}

fn hex_digits(byte: u8) -> [u8; 2] {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 };
    [digit(byte >> 4), digit(byte & 15)]
}

/// Deeper nesting than the reader accepts; keeps the writer off the stack's end all the same.
const MAX_DEPTH: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(object: &Object) -> String {
        let mut out = Vec::new();
        write_object(&mut out, object).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_have_no_exponent() {
        assert_eq!(text(&Object::Real(1e-9)), "0.000000001");
        assert_eq!(text(&Object::Real(595.28)), "595.28");
        assert_eq!(text(&Object::Real(f64::NAN)), "0");
        assert_eq!(text(&Object::Integer(i64::MIN)), "-9223372036854775808");
        assert_eq!(text(&Object::Integer(0)), "0");
    }

    #[test]
    fn names_escape_delimiters_and_foreign_bytes() {
        assert_eq!(text(&Object::Name(b"A B#(\xE4".to_vec())), "/A#20B#23#28#E4");
    }

    #[test]
    fn strings_keep_parentheses_and_line_ends() {
        let literal = Object::String(PdfString { bytes: b"a(b)\\\r\n".to_vec(), hexadecimal: false });
        assert_eq!(text(&literal), "(a\\(b\\)\\\\\\r\\n)");
        let hex = Object::String(PdfString { bytes: vec![0xFE, 0xFF, 0x76], hexadecimal: true });
        assert_eq!(text(&hex), "<FEFF76>");
    }

    #[test]
    fn dictionaries_keep_order_and_duplicates() {
        let mut d = Dictionary::new();
        d.push(b"B".to_vec(), Object::Integer(1));
        d.push(b"A".to_vec(), Object::Array(vec![Object::Null, Object::Boolean(true)]));
        d.push(b"B".to_vec(), Object::Reference(ObjectId { number: 7, generation: 2 }));
        assert_eq!(text(&Object::Dictionary(d)), "<</B 1/A[null true]/B 7 2 R>>");
    }

    #[test]
    fn deep_nesting_is_an_error_not_a_stack_overflow() {
        let mut object = Object::Null;
        for _ in 0..MAX_DEPTH + 1 {
            object = Object::Array(vec![object]);
        }
        assert_eq!(write_object(&mut Vec::new(), &object), Err(WriteError::TooDeep));
    }
}
