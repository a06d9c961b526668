//! Properties of the parser: whatever is written is read back, whatever is read ends.

use proptest::prelude::*;

use super::parser::Parser;
use super::{Dictionary, Object, ObjectId, PdfString};

fn any_object() -> impl Strategy<Value = Object> {
    let leaf = prop_oneof![
        Just(Object::Null),
        any::<bool>().prop_map(Object::Boolean),
        any::<i32>().prop_map(|n| Object::Integer(i64::from(n))),
        (-1_000_000_i32..1_000_000).prop_map(|n| Object::Real(f64::from(n) / 256.0)),
        proptest::collection::vec(1_u8..=255, 0..8).prop_map(Object::Name),
        (proptest::collection::vec(any::<u8>(), 0..16), any::<bool>())
            .prop_map(|(bytes, hexadecimal)| Object::String(PdfString { bytes, hexadecimal })),
        (1_u32..9_999_999, 0_u16..=65_535)
            .prop_map(|(number, generation)| Object::Reference(ObjectId { number, generation })),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Object::Array),
            proptest::collection::vec((proptest::collection::vec(1_u8..=255, 1..6), inner), 0..6).prop_map(
                |entries| {
                    let mut dictionary = Dictionary::new();
                    entries.into_iter().for_each(|(key, value)| dictionary.push(key, value));
                    Object::Dictionary(dictionary)
                }
            ),
        ]
    })
}

/// Spells an object with `gap` between all tokens.
fn spell(object: &Object, gap: &str) -> Vec<u8> {
    let name = |name: &[u8]| {
        let escaped = name.iter().map(|byte| match byte {
            b'!'..=b'~' if !b"()<>[]{}/%#".contains(byte) => char::from(*byte).to_string(),
            other => format!("#{other:02x}"),
        });
        format!("/{}", escaped.collect::<String>()).into_bytes()
    };
    match object {
        Object::Null => b"null".to_vec(),
        Object::Boolean(value) => value.to_string().into_bytes(),
        Object::Integer(value) => value.to_string().into_bytes(),
        Object::Real(value) => format!("{value:.8}").into_bytes(),
        Object::Name(bytes) => name(bytes),
        Object::String(string) if string.hexadecimal => {
            format!("<{}>", hex::encode(&string.bytes)).into_bytes()
        }
        Object::String(string) => {
            let escaped = string.bytes.iter().flat_map(|byte| format!("\\{byte:03o}").into_bytes());
            [&b"("[..], &escaped.collect::<Vec<_>>(), b")"].concat()
        }
        Object::Array(items) => {
            let items: Vec<u8> = items.iter().flat_map(|i| [spell(i, gap), gap.into()].concat()).collect();
            [b"[", gap.as_bytes(), &items, b"]"].concat()
        }
        Object::Dictionary(dictionary) => {
            let entries = dictionary
                .iter()
                .flat_map(|(key, value)| [name(key), gap.into(), spell(value, gap), gap.into()].concat());
            [b"<<", gap.as_bytes(), &entries.collect::<Vec<_>>(), b">>"].concat()
        }
        Object::Stream(_) => unreachable!("not generated"),
        Object::Reference(id) => format!("{}{gap}{}{gap}R", id.number, id.generation).into_bytes(),
    }
}

proptest! {
    #[test]
    fn what_is_spelled_is_read_back(object in any_object(), gap in "[ \t\r\n]{1,3}|%[a-z]{0,4}\n") {
        let bytes = spell(&object, &gap);
        let mut parser = Parser::new(&bytes, 0, 16, 10_000);
        prop_assert_eq!(parser.object(), Ok(object));
        prop_assert_eq!(parser.position(), bytes.len());
    }

    #[test]
    fn a_window_cut_anywhere_asks_for_more_or_agrees(object in any_object(), cut in any::<prop::sample::Index>()) {
        let bytes = [spell(&object, " "), b" ".to_vec()].concat();
        let cut = cut.index(bytes.len());
        let mut parser = Parser::new(&bytes[..cut], 0, 16, 10_000);
        let result = parser.object();
        prop_assert!(parser.starved() || result == Ok(object));
    }

    #[test]
    fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let mut parser = Parser::new(&bytes, 0, 16, 10_000);
        let _ = parser.object();
        prop_assert!(parser.position() <= bytes.len());
        let most = bytes.len() + 1;
        prop_assert!(super::content::Tokens::new(&bytes).count() <= most);
    }

    #[test]
    fn bytes_that_look_like_syntax_end(text in "[\\[\\]<>()/ 0-9a-fR%{}.+-]{0,200}") {
        let mut parser = Parser::new(text.as_bytes(), 0, 16, 10_000);
        let _ = parser.object();
        prop_assert!(parser.position() <= text.len());
        prop_assert!(super::content::Tokens::new(text.as_bytes()).count() <= text.len() + 1);
    }
}
