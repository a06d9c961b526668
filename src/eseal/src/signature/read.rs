//! Reading SES_Signature of every version.

use der::asn1::ObjectIdentifier;

use super::{Signature, TimeInfo};
use crate::{
    asn1::{self, Tlv},
    deviation::DeviationKind,
    read::{
        Notes, StructureError, algorithm, bits, certificate, extensions, integer, sequence, signature_value,
        text, time, time_of_text, time_stamp,
    },
    seal::{Extension, Seal, Version, read_seal},
};

/// Reads a signature; `tlv` is its SEQUENCE.
pub(crate) fn signature(tlv: &Tlv<'_>, notes: &mut Notes) -> Result<Signature, StructureError> {
    let start = tlv.offset;
    let mut fields = sequence(tlv, notes)?;
    let count = fields.count(notes)?;
    let old = match count {
        2 => true,
        4 | 5 => false,
        count => return Err(StructureError::Fields { place: notes.place(), count }),
    };
    let (body, to_sign) = fields.field("toSign", notes, |tlv, notes| {
        let range = tlv.offset - start..tlv.offset - start + tlv.raw.len();
        Ok((to_be_signed(tlv, old, notes)?, range))
    })?;
    let (signer, algorithm) = match body.signer {
        Some(within) => within,
        None => {
            (fields.field("cert", notes, certificate)?, fields.field("signatureAlgID", notes, algorithm)?)
        }
    };
    let value = fields.field("signature", notes, |tlv, notes| signature_value(tlv, algorithm, notes))?;
    let time_stamp = match fields.is_empty() {
        true => None,
        false => Some(fields.field("timeStamp", notes, time_stamp)?),
    };
    fields.finish(notes)?;
    Ok(Signature {
        der: tlv.raw.to_vec(),
        version: if old { Version::V1 } else { body.seal.version().max(Version::V4) },
        seal: body.seal,
        time: body.time,
        data_hash: body.data_hash,
        property_info: body.property_info,
        extensions: body.extensions,
        signer,
        algorithm,
        value,
        to_sign,
        time_stamp,
    })
}

struct Body {
    seal: Seal,
    time: TimeInfo,
    data_hash: Vec<u8>,
    property_info: String,
    extensions: Vec<Extension>,
    /// In V1 the signer stands inside what is signed.
    signer: Option<(Option<Vec<u8>>, ObjectIdentifier)>,
}

/// TBS_Sign ::= SEQUENCE { version INTEGER, eseal SESeal, timeInfo GeneralizedTime, dataHash BIT STRING,
/// propertyInfo IA5String, extDatas [0] EXPLICIT ExtensionDatas OPTIONAL }; in V1 timeInfo is a BIT STRING, and cert and
/// signatureAlgorithm follow.
fn to_be_signed(tlv: &Tlv<'_>, old: bool, notes: &mut Notes) -> Result<Body, StructureError> {
    let mut fields = sequence(tlv, notes)?;
    let (number, offset) =
        fields.field("version", notes, |tlv, notes| Ok((integer(tlv, notes)?, tlv.offset)))?;
    let seal = fields.field("eseal", notes, |tlv, notes| {
        let seal = read_seal(tlv, notes)?;
        if (seal.version() == Version::V1) != old {
            notes.deviates(tlv.offset, DeviationKind::MixedVersions);
        }
        Ok(seal)
    })?;
    let expected = if old { Version::V1.number() } else { seal.version().max(Version::V4).number() };
    if number != expected {
        notes.enter("version");
        notes.deviates(offset, DeviationKind::VersionNumber { expected, found: number });
        notes.leave();
    }
    let time = fields.field("timeInfo", notes, |tlv, notes| match old {
        true => Ok(old_time(tlv, notes)),
        false => Ok(match time(tlv, asn1::GENERALIZED_TIME, notes) {
            Ok(seconds) => TimeInfo::Claimed(seconds),
            // Some write it as V1 has it.
            Err(_) => old_time(tlv, notes),
        }),
    })?;
    let data_hash = fields.field("dataHash", notes, bits)?.into_owned();
    let property_info =
        fields.field("propertyInfo", notes, |tlv, notes| text(tlv, asn1::IA5_STRING, notes))?;
    let signer = match old {
        true => Some((
            fields.field("cert", notes, certificate)?,
            fields.field("signatureAlgorithm", notes, algorithm)?,
        )),
        false => None,
    };
    let extensions = match old || fields.is_empty() {
        true => Vec::new(),
        false => fields.field("extDatas", notes, |tlv, notes| extensions(tlv, true, notes))?,
    };
    fields.finish(notes)?;
    Ok(Body { seal, time, data_hash, property_info, extensions, signer })
}

/// V1: a BIT STRING with a time-stamp token, with UTCTime or GeneralizedTime, or with bare text.
fn old_time(tlv: &Tlv<'_>, notes: &mut Notes) -> TimeInfo {
    let is_time = matches!(tlv.tag, asn1::UTC_TIME | asn1::GENERALIZED_TIME);
    let content = match bits(tlv, notes) {
        Ok(content) => content,
        Err(_)
            if is_time
                || matches!(tlv.tag, asn1::UTF8_STRING | asn1::PRINTABLE_STRING | asn1::IA5_STRING) =>
        {
            let found = if is_time { "time" } else { "text" };
            notes.deviates(tlv.offset, DeviationKind::TimeType { expected: "BIT STRING", found });
            tlv.content.into()
        }
        Err(_) => {
            notes.deviates(tlv.offset, DeviationKind::TimeUnreadable);
            return TimeInfo::Unreadable;
        }
    };
    let inner = asn1::first(&content).filter(|inner| inner.raw.len() == content.len());
    let read = match inner {
        Some(inner) if inner.tag == asn1::SEQUENCE => return TimeInfo::Token(content.into_owned()),
        Some(inner) if matches!(inner.tag, asn1::UTC_TIME | asn1::GENERALIZED_TIME) => {
            time(&Tlv { offset: tlv.offset, ..inner }, inner.tag, notes).ok()
        }
        _ => {
            let read = time_of_text(&content, tlv.offset, notes);
            if read.is_some() && !is_time {
                let kind = DeviationKind::TimeType { expected: "UTCTime or a time-stamp", found: "text" };
                notes.deviates(tlv.offset, kind);
            }
            read
        }
    };
    match read {
        Some(seconds) => TimeInfo::Claimed(seconds),
        None => {
            notes.deviates(tlv.offset, DeviationKind::TimeUnreadable);
            TimeInfo::Unreadable
        }
    }
}
