//! Canonical JSON, RFC 8785 (JCS): the one byte string for a JSON value, so that hashing it means something.
//!
//! Numbers: we only write integers that every JSON implementation holds exactly (RFC 7493 §2.2, ±(2^53 − 1)).
//! Other numbers are refused instead of being rounded; money, measures and large counters travel as strings.

use serde_json::{Number, Value};

/// Deepest nesting written or accepted.
pub const MAX_DEPTH: usize = 64;
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// The canonical bytes of a value.
///
/// # Errors
/// Numbers that are no safe integers, and nesting deeper than [`MAX_DEPTH`].
pub fn to_vec(value: &Value) -> Result<Vec<u8>, CanonicalError> {
    let mut out = Vec::with_capacity(512);
    write(value, 0, &mut out)?;
    Ok(out)
}

/// Whether these bytes are canonical JSON that we could have written.
#[must_use]
pub fn is_canonical(bytes: &[u8]) -> bool {
    parse(bytes).is_ok()
}

/// Reads canonical JSON.
///
/// # Errors
/// When the bytes are no JSON, or are not exactly what [`to_vec`] writes for their value: other order, spacing or
/// escapes, duplicate names, other numbers.
pub fn parse(bytes: &[u8]) -> Result<Value, CanonicalError> {
    let value = serde_json::from_slice(bytes).map_err(|_| CanonicalError::NotJson)?;
    if to_vec(&value)? == bytes { Ok(value) } else { Err(CanonicalError::NotCanonical) }
}

fn write(value: &Value, depth: usize, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    if depth > MAX_DEPTH {
        return Err(CanonicalError::Depth);
    }
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => out.extend_from_slice(integer(number)?.to_string().as_bytes()),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                write(item, depth + 1, out)?;
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            // §3.2.3: by UTF-16 code units, which is not the order of the UTF-8 bytes beyond the BMP.
            sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push(b'{');
            for (position, (name, item)) in sorted.into_iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                write_string(name, out);
                out.push(b':');
                write(item, depth + 1, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

/// §3.2.2.2: short escapes where JSON has them, `\u00xx` in lower case for other control characters, all else as is.
fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

fn integer(number: &Number) -> Result<i64, CanonicalError> {
    let safe = |value: &i64| value.unsigned_abs() <= MAX_SAFE_INTEGER;
    number
        .as_i64()
        .or_else(|| {
            // A float with an integer's value is written as that integer (§3.2.2.3, ECMAScript's Number::toString).
            let float = number.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 9_007_199_254_740_992.0)?;
            format!("{float:.0}").parse().ok()
        })
        .filter(safe)
        .ok_or_else(|| CanonicalError::Number(number.to_string()))
}

/// Why there is no canonical form.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CanonicalError {
    /// A number that not every reader holds exactly.
    #[error("number `{0}` is not an integer within ±(2^53 − 1)")]
    Number(String),
    /// Nested too deep.
    #[error("nested deeper than {MAX_DEPTH}")]
    Depth,
    /// No JSON at all.
    #[error("not JSON")]
    NotJson,
    /// JSON, but another spelling.
    #[error("not canonical JSON")]
    NotCanonical,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_sorted_as_in_rfc_8785_section_3_2_3() {
        // The RFC's own example, with its expected order.
        let value: Value = serde_json::from_str(
            r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
                "\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#,
        )
        .unwrap();
        let text = String::from_utf8(to_vec(&value).unwrap()).unwrap();
        let expected = "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\
            \"\u{f6}\":\"Latin Small Letter O With Diaeresis\",\"\u{20ac}\":\"Euro Sign\",\
            \"\u{1f600}\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}";
        assert_eq!(text, expected);
        assert!(is_canonical(text.as_bytes()));
    }

    #[test]
    fn strings_are_escaped_as_in_rfc_8785_section_3_2_2() {
        let value = json!({ "string": "\u{20ac}$\u{f}\nA'B\"\\\\\"/", "literals": [null, true, false] });
        let expected =
            "{\"literals\":[null,true,false],\"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
        assert_eq!(String::from_utf8(to_vec(&value).unwrap()).unwrap(), expected);
    }

    #[test]
    fn integers_are_written_plainly() {
        for (value, text) in [
            (json!(0), "0"),
            (json!(-0.0), "0"),
            (json!(-1), "-1"),
            (json!(1e3), "1000"),
            (json!(9_007_199_254_740_991_i64), "9007199254740991"),
            (json!(-9_007_199_254_740_991_i64), "-9007199254740991"),
        ] {
            assert_eq!(to_vec(&value).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn unsafe_numbers_are_refused() {
        for value in
            [json!(9_007_199_254_740_992_i64), json!(u64::MAX), json!(i64::MIN), json!(0.5), json!(1e300)]
        {
            assert!(matches!(to_vec(&value), Err(CanonicalError::Number(_))), "{value}");
        }
    }

    #[test]
    fn other_spellings_are_not_canonical() {
        for text in [
            "",
            " {}",
            "{} ",
            "{ }",
            "{\"b\":1,\"a\":2}",
            "{\"a\":1,\"a\":1}",
            "1.0",
            "1e0",
            "-0",
            "\"\\u0041\"",
            "\"\\/\"",
            "\"\\u000A\"",
            "[1, 2]",
            "0.5",
            "nul",
            "[",
        ] {
            assert!(!is_canonical(text.as_bytes()), "{text}");
        }
        assert!(is_canonical(b"{\"a\":[1,\"\\n\"],\"b\":{}}"));
    }

    #[test]
    fn deep_nesting_is_refused_not_followed() {
        let mut value = json!(1);
        for _ in 0..=MAX_DEPTH {
            value = Value::Array(vec![value]);
        }
        assert_eq!(to_vec(&value), Err(CanonicalError::Depth));
        assert!(!is_canonical(&[b'['; 100_000]));
    }
}
