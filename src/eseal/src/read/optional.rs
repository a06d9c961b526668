//! What stands at the end of seals and signatures, or does not: extensions and time-stamps.

use der::asn1::ObjectIdentifier;

use super::{Fields, Notes, StructureError, bits, boolean, octets, sequence};
use crate::{
    asn1::{self, Tlv},
    deviation::DeviationKind,
    seal::Extension,
};

/// `timeStamp [0] EXPLICIT BIT STRING`. Seen without the tag, implicitly tagged, and with an OCTET STRING inside.
pub(crate) fn time_stamp(tlv: &Tlv<'_>, notes: &mut Notes) -> Result<Vec<u8>, StructureError> {
    let inner = match tlv.tag {
        asn1::CONTEXT_0 => tlv.elements().take().ok().filter(|inner| inner.tag != asn1::CONTEXT_0),
        _ => None,
    };
    match (tlv.tag, inner) {
        (asn1::CONTEXT_0, Some(inner)) if inner.tag == asn1::BIT_STRING => {
            Ok(bits(&inner, notes)?.into_owned())
        }
        (asn1::CONTEXT_0, Some(inner)) if inner.tag == asn1::SEQUENCE => {
            notes.deviates(tlv.offset, DeviationKind::TimeStampTag);
            Ok(inner.raw.to_vec())
        }
        (asn1::CONTEXT_0, Some(inner)) => {
            notes.deviates(tlv.offset, DeviationKind::TimeStampTag);
            Ok(octets(&inner, notes)?.into_owned())
        }
        (asn1::CONTEXT_0_PRIMITIVE, _) => {
            notes.deviates(tlv.offset, DeviationKind::TimeStampTag);
            match tlv.content.split_first() {
                Some((0, token)) => Ok(token.to_vec()),
                _ => Ok(tlv.content.to_vec()),
            }
        }
        (asn1::BIT_STRING | asn1::OCTET_STRING, _) => {
            notes.deviates(tlv.offset, DeviationKind::TimeStampTag);
            match tlv.tag {
                asn1::BIT_STRING => Ok(bits(tlv, notes)?.into_owned()),
                _ => Ok(tlv.content.to_vec()),
            }
        }
        _ => Err(notes.wrong_type(tlv, "[0] EXPLICIT BIT STRING")),
    }
}

/// ExtensionDatas ::= SEQUENCE SIZE (0..MAX) OF ExtData. `tagged`: with `[0]` around it.
pub(crate) fn extensions(
    tlv: &Tlv<'_>,
    tagged: bool,
    notes: &mut Notes,
) -> Result<Vec<Extension>, StructureError> {
    // Any context tag: V1 prints none.
    let is_tagged = tlv.tag & 0xE0 == asn1::CONTEXT_0;
    if is_tagged != tagged {
        notes.deviates(tlv.offset, DeviationKind::ExtensionTag);
    }
    let list = match is_tagged {
        true => {
            let mut inside = Fields::of(tlv);
            // Explicit: one SEQUENCE of SEQUENCEs. Implicit: the SEQUENCEs themselves, whose first field is an identifier.
            let inner = tlv.elements().take().ok();
            let explicit = inner.is_none_or(|inner| inner.elements().peek() != Some(asn1::OID));
            if explicit && !inside.is_empty() {
                let list = inside.field("extensions", notes, |tlv, notes| sequence(tlv, notes))?;
                inside.finish(notes)?;
                list
            } else {
                if !inside.is_empty() {
                    notes.deviates(tlv.offset, DeviationKind::ExtensionTag);
                }
                inside
            }
        }
        false => sequence(tlv, notes)?,
    };
    list.items(MAX_EXTENSIONS, notes, extension)
}

/// ExtData ::= SEQUENCE { extnID OBJECT IDENTIFIER, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }
fn extension(tlv: &Tlv<'_>, notes: &mut Notes) -> Result<Extension, StructureError> {
    let mut fields = sequence(tlv, notes)?;
    let id = fields.field("extnID", notes, |tlv, notes| match tlv.tag {
        asn1::OID => {
            ObjectIdentifier::from_bytes(tlv.content).map_err(|_| notes.wrong_value(tlv, "OBJECT IDENTIFIER"))
        }
        _ => Err(notes.wrong_type(tlv, "OBJECT IDENTIFIER")),
    })?;
    let critical = match fields.peek() {
        Some(asn1::BOOLEAN) => fields.field("critical", notes, |tlv, notes| {
            let critical = boolean(tlv, notes)?;
            if !critical {
                notes.deviates(tlv.offset, DeviationKind::EncodedDefault);
            }
            Ok(critical)
        })?,
        _ => false,
    };
    let value = fields.field("extnValue", notes, octets)?.into_owned();
    fields.finish(notes)?;
    Ok(Extension { id, critical, value })
}

/// None is standardised; more than a few are an attack.
const MAX_EXTENSIONS: usize = 64;
