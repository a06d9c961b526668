//! Text of whichever string type it came in.

use std::borrow::Cow;

use super::{Notes, StructureError};
use crate::{
    asn1::{self, Tlv},
    deviation::DeviationKind,
};

/// A string that should have the tag `expected`.
pub(crate) fn text(tlv: &Tlv<'_>, expected: u8, notes: &mut Notes) -> Result<String, StructureError> {
    let wanted = name(expected).unwrap_or("string");
    let Some(found) = name(tlv.tag) else { return Err(notes.wrong_type(tlv, wanted)) };
    if tlv.tag != expected {
        notes.deviates(tlv.offset, DeviationKind::StringType { expected: wanted, found });
    }
    let decoded = match tlv.tag {
        asn1::BMP_STRING => wide::<2>(tlv.content).map(Cow::Owned),
        asn1::UNIVERSAL_STRING => wide::<4>(tlv.content).map(Cow::Owned),
        _ => std::str::from_utf8(tlv.content).ok().map(Cow::Borrowed),
    };
    let narrow = matches!(
        tlv.tag,
        asn1::IA5_STRING | asn1::PRINTABLE_STRING | asn1::NUMERIC_STRING | asn1::VISIBLE_STRING
    );
    match decoded {
        Some(text) => {
            if narrow && !text.is_ascii() {
                notes.deviates(tlv.offset, DeviationKind::TextEncoding);
            }
            Ok(text.into_owned())
        }
        None => {
            notes.deviates(tlv.offset, DeviationKind::TextEncoding);
            let (text, _, _) = encoding_rs::GB18030.decode(tlv.content);
            Ok(text.into_owned())
        }
    }
}

/// UTF-16 or UTF-32, big-endian; `None` when it is neither.
fn wide<const N: usize>(content: &[u8]) -> Option<String> {
    let units = content.chunks(N);
    if N == 2 {
        let units = units.map(|unit| <[u8; 2]>::try_from(unit).map(u16::from_be_bytes).ok());
        return char::decode_utf16(units.collect::<Option<Vec<_>>>()?).collect::<Result<_, _>>().ok();
    }
    units.map(|unit| char::from_u32(<[u8; 4]>::try_from(unit).map(u32::from_be_bytes).ok()?)).collect()
}

/// The name of a string type.
pub(super) const fn name(tag: u8) -> Option<&'static str> {
    Some(match tag {
        asn1::UTF8_STRING => "UTF8String",
        asn1::NUMERIC_STRING => "NumericString",
        asn1::PRINTABLE_STRING => "PrintableString",
        asn1::T61_STRING => "T61String",
        asn1::IA5_STRING => "IA5String",
        asn1::VISIBLE_STRING => "VisibleString",
        asn1::GENERAL_STRING => "GeneralString",
        asn1::UNIVERSAL_STRING => "UniversalString",
        asn1::BMP_STRING => "BMPString",
        asn1::OCTET_STRING => "OCTET STRING",
        _ => return None,
    })
}
