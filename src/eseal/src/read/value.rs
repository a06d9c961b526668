//! Numbers, strings of octets and bits, algorithms and signature values.

use std::borrow::Cow;

use der::asn1::ObjectIdentifier;

use super::{Notes, StructureError, sequence};
use crate::{
    asn1::{self, Elements, Tlv},
    deviation::DeviationKind,
};

/// An INTEGER of at most eight octets.
pub(crate) fn integer(tlv: &Tlv<'_>, notes: &mut Notes) -> Result<i64, StructureError> {
    if !matches!(tlv.tag, asn1::INTEGER | asn1::ENUMERATED) {
        return Err(notes.wrong_type(tlv, "INTEGER"));
    }
    let padded = matches!(tlv.content, [0x00, 0..0x80, ..] | [0xFF, 0x80..=0xFF, ..]);
    if padded || tlv.tag != asn1::INTEGER {
        notes.deviates(tlv.offset, DeviationKind::IntegerForm);
    }
    let negative = tlv.content.first().is_some_and(|first| *first >= 0x80);
    let fill = if negative { 0xFF } else { 0x00 };
    let significant = tlv.content.iter().skip_while(|octet| **octet == fill).count();
    if tlv.content.is_empty() || significant > 8 {
        return Err(notes.wrong_value(tlv, "INTEGER"));
    }
    let start: i128 = if negative { -1 } else { 0 };
    let value = tlv.content.iter().fold(start, |value, octet| (value << 8) | i128::from(*octet));
    i64::try_from(value).map_err(|_| notes.wrong_value(tlv, "INTEGER"))
}

/// A BOOLEAN.
pub(crate) fn boolean(tlv: &Tlv<'_>, notes: &mut Notes) -> Result<bool, StructureError> {
    match (tlv.tag, tlv.content) {
        (asn1::BOOLEAN, [0x00]) => Ok(false),
        (asn1::BOOLEAN, [0xFF]) => Ok(true),
        (asn1::BOOLEAN, [_]) => {
            notes.deviates(tlv.offset, DeviationKind::BooleanForm);
            Ok(true)
        }
        (asn1::BOOLEAN, _) => Err(notes.wrong_value(tlv, "BOOLEAN")),
        _ => Err(notes.wrong_type(tlv, "BOOLEAN")),
    }
}

/// An OCTET STRING's content.
pub(crate) fn octets<'a>(tlv: &Tlv<'a>, notes: &mut Notes) -> Result<Cow<'a, [u8]>, StructureError> {
    match tlv.tag {
        asn1::OCTET_STRING => Ok(Cow::Borrowed(tlv.content)),
        asn1::CONSTRUCTED_OCTETS => {
            notes.deviates(tlv.offset, DeviationKind::ConstructedString);
            pieces(tlv, notes).map(Cow::Owned)
        }
        asn1::BIT_STRING => {
            notes.deviates(tlv.offset, DeviationKind::BitsForOctets);
            aligned(tlv, notes).map(Cow::Borrowed)
        }
        _ => Err(notes.wrong_type(tlv, "OCTET STRING")),
    }
}

/// A BIT STRING's content, of whole octets.
pub(crate) fn bits<'a>(tlv: &Tlv<'a>, notes: &mut Notes) -> Result<Cow<'a, [u8]>, StructureError> {
    match tlv.tag {
        asn1::BIT_STRING => aligned(tlv, notes).map(Cow::Borrowed),
        asn1::OCTET_STRING => {
            notes.deviates(tlv.offset, DeviationKind::OctetsForBits);
            Ok(Cow::Borrowed(tlv.content))
        }
        asn1::CONSTRUCTED_OCTETS => {
            notes.deviates(tlv.offset, DeviationKind::OctetsForBits);
            notes.deviates(tlv.offset, DeviationKind::ConstructedString);
            pieces(tlv, notes).map(Cow::Owned)
        }
        _ => Err(notes.wrong_type(tlv, "BIT STRING")),
    }
}

fn aligned<'a>(tlv: &Tlv<'a>, notes: &Notes) -> Result<&'a [u8], StructureError> {
    match tlv.content.split_first() {
        Some((0, bits)) => Ok(bits),
        _ => Err(notes.wrong_value(tlv, "BIT STRING of whole octets")),
    }
}

/// The pieces of a constructed OCTET STRING, which are not constructed themselves.
fn pieces(tlv: &Tlv<'_>, notes: &Notes) -> Result<Vec<u8>, StructureError> {
    let mut all = Vec::with_capacity(tlv.content.len());
    let mut elements: Elements<'_> = tlv.elements();
    while !elements.is_empty() {
        match elements.take() {
            Ok(piece) if piece.tag == asn1::OCTET_STRING => all.extend_from_slice(piece.content),
            _ => return Err(notes.wrong_value(tlv, "OCTET STRING in pieces")),
        }
    }
    Ok(all)
}

/// A signature algorithm: an OBJECT IDENTIFIER, or an AlgorithmIdentifier with or without parameters.
pub(crate) fn algorithm(tlv: &Tlv<'_>, notes: &mut Notes) -> Result<ObjectIdentifier, StructureError> {
    let content = match tlv.tag {
        asn1::OID => tlv.content,
        asn1::SEQUENCE => {
            notes.deviates(tlv.offset, DeviationKind::AlgorithmIdentifier);
            let mut fields = sequence(tlv, notes)?;
            fields.field("algorithm", notes, |inner, notes| match inner.tag {
                asn1::OID => Ok(inner.content),
                _ => Err(notes.wrong_type(inner, "OBJECT IDENTIFIER")),
            })?
        }
        _ => return Err(notes.wrong_type(tlv, "OBJECT IDENTIFIER")),
    };
    let found =
        ObjectIdentifier::from_bytes(content).map_err(|_| notes.wrong_value(tlv, "OBJECT IDENTIFIER"))?;
    if NOT_SIGNATURES.contains(&found) {
        notes.deviates(tlv.offset, DeviationKind::AlgorithmName { found: found.to_string() });
        return Ok(SM2_WITH_SM3);
    }
    Ok(found)
}

/// A signature value: the octets that others have seen, and the form in which it verifies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SignatureValue {
    /// The content of the string as it came: what a time-stamp and a proof of existence are about (RFC 3161 appendix A: the
    /// imprint is over the value field).
    octets: Vec<u8>,
    /// The same in DER, when it came otherwise.
    der: Option<Vec<u8>>,
}

impl SignatureValue {
    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }

    pub(crate) fn der(&self) -> &[u8] {
        self.der.as_ref().unwrap_or(&self.octets)
    }
}

/// A signature value by an algorithm. What is neither DER nor r‖s stays as it is and does not verify.
pub(crate) fn signature_value(
    tlv: &Tlv<'_>,
    algorithm: ObjectIdentifier,
    notes: &mut Notes,
) -> Result<SignatureValue, StructureError> {
    let value = bits(tlv, notes)?;
    // RFC 8032: two numbers in 64 octets is the form that its signatures have.
    if algorithm == ED25519 {
        return Ok(SignatureValue { octets: value.into_owned(), der: None });
    }
    let raw = |r: &[u8], s: &[u8]| {
        let [r, s] = [r, s].map(|part| {
            let start =
                part.iter().take_while(|octet| **octet == 0).count().min(part.len().saturating_sub(1));
            let part = part.get(start..).unwrap_or_default();
            let sign: &[u8] = if part.first().is_some_and(|first| *first >= 0x80) { &[0] } else { &[] };
            asn1::join(asn1::INTEGER, &[sign, part])
        });
        asn1::join(asn1::SEQUENCE, &[&r, &s])
    };
    let split = match value.len() {
        _ if is_der_pair(&value) => None,
        64 => value.split_at_checked(32),
        // ECCSIGNATUREBLOB (GM/T 0016): each number at the end of 64 octets.
        128 => {
            value.split_at_checked(64).filter(|(r, s)| [r, s].iter().all(|part| part.starts_with(&[0; 32])))
        }
        _ => None,
    };
    let der = split.map(|(r, s)| {
        notes.deviates(tlv.offset, DeviationKind::RawSignature { octets: value.len() });
        raw(r, s)
    });
    Ok(SignatureValue { octets: value.into_owned(), der })
}

/// SEQUENCE { INTEGER, INTEGER } with nothing behind.
fn is_der_pair(value: &[u8]) -> bool {
    let Some(outer) = asn1::first(value).filter(|outer| outer.raw.len() == value.len()) else { return false };
    let mut inner = outer.elements();
    let mut number = || inner.take().is_ok_and(|part| part.tag == asn1::INTEGER);
    outer.tag == asn1::SEQUENCE && number() && number() && inner.is_empty()
}

/// SM2 with SM3 (GB/T 33560).
const SM2_WITH_SM3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.501");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// SM3, and SM2 as a curve, where a signature algorithm belongs.
const NOT_SIGNATURES: [ObjectIdentifier; 2] = [
    ObjectIdentifier::new_unwrap("1.2.156.10197.1.401"),
    ObjectIdentifier::new_unwrap("1.2.156.10197.1.301"),
];
