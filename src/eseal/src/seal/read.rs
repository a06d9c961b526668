//! Reading SESeal of every version.

use der::asn1::ObjectIdentifier;

use super::{CertDigest, CertList, Extension, Seal, Version};
use crate::{
    asn1::{self, Tlv},
    deviation::DeviationKind,
    read::{
        Fields, Notes, StructureError, algorithm, boolean, certificate, integer, octets, sequence,
        signature_value, text, time,
    },
};

/// Reads a seal; `tlv` is its SEQUENCE.
pub(crate) fn seal(tlv: &Tlv<'_>, notes: &mut Notes) -> Result<Seal, StructureError> {
    let start = tlv.offset;
    let within = |part: &Tlv<'_>| part.offset - start..part.offset - start + part.raw.len();
    let mut fields = sequence(tlv, notes)?;
    let count = fields.count(notes)?;
    // The form tells V1 from the others, not the header's version: it decides what the maker's signature covers.
    let old = match count {
        2 => true,
        4 | 5 => false,
        count => return Err(StructureError::Fields { place: notes.place(), count }),
    };
    let (mut seal, info) = fields
        .field("eSealInfo", notes, |tlv, notes| Ok((seal_info(tlv, old, count, notes)?, within(tlv))))?;
    seal.der = tlv.raw.to_vec();
    let signed = |fields: &mut Fields<'_>, notes: &mut Notes, seal: &mut Seal, names: [&'static str; 3]| {
        let [cert, alg, value] = names;
        let (maker, cert) =
            fields.field(cert, notes, |tlv, notes| Ok((certificate(tlv, notes)?, within(tlv))))?;
        let (algorithm, alg) =
            fields.field(alg, notes, |tlv, notes| Ok((algorithm(tlv, notes)?, within(tlv))))?;
        seal.maker = maker;
        seal.algorithm = algorithm;
        seal.signature = fields.field(value, notes, signature_value)?;
        Ok::<_, StructureError>([cert, alg])
    };
    if old {
        seal.signed = fields.field("signInfo", notes, |tlv, notes| {
            let mut fields = sequence(tlv, notes)?;
            let names = ["cert", "signatureAlgorithm", "signData"];
            let [cert, alg] = signed(&mut fields, notes, &mut seal, names)?;
            fields.finish(notes)?;
            Ok(vec![info, cert, alg])
        })?;
    } else {
        signed(&mut fields, notes, &mut seal, ["cert", "signAlgID", "signedValue"])?;
        seal.signed = vec![info];
        if count == 5 {
            seal.time_stamp = Some(fields.field("timeStamp", notes, time_stamp)?);
        }
    }
    fields.finish(notes)?;
    Ok(seal)
}

/// `timeStamp [0] EXPLICIT BIT STRING`. Seen without the tag, implicitly tagged, and with an OCTET STRING inside.
pub(crate) fn time_stamp(tlv: &Tlv<'_>, notes: &mut Notes) -> Result<Vec<u8>, StructureError> {
    let inner = match tlv.tag {
        asn1::CONTEXT_0 => tlv.elements().take().ok().filter(|inner| inner.tag != asn1::CONTEXT_0),
        _ => None,
    };
    match (tlv.tag, inner) {
        (asn1::CONTEXT_0, Some(inner)) if inner.tag == asn1::BIT_STRING => {
            Ok(crate::read::bits(&inner, notes)?.into_owned())
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
                asn1::BIT_STRING => Ok(crate::read::bits(tlv, notes)?.into_owned()),
                _ => Ok(tlv.content.to_vec()),
            }
        }
        _ => Err(notes.wrong_type(tlv, "[0] EXPLICIT BIT STRING")),
    }
}

/// SES_SealInfo ::= SEQUENCE { header, esID IA5String, property, picture, extDatas OPTIONAL }
fn seal_info(
    tlv: &Tlv<'_>,
    old: bool,
    fields_of_seal: usize,
    notes: &mut Notes,
) -> Result<Seal, StructureError> {
    let mut fields = sequence(tlv, notes)?;
    let (version, header_version, vendor) =
        fields.field("header", notes, |tlv, notes| header(tlv, old, fields_of_seal, notes))?;
    let id = fields.field("esID", notes, |tlv, notes| text(tlv, asn1::IA5_STRING, notes))?;
    let property = fields.field("property", notes, |tlv, notes| property(tlv, old, notes))?;
    let picture = fields.field("picture", notes, picture)?;
    let mut seal = Seal {
        der: Vec::new(),
        version,
        header_version,
        vendor,
        id,
        kind: property.kind,
        name: property.name,
        cert_list: property.cert_list,
        created: property.created,
        valid_from: property.valid_from,
        valid_to: property.valid_to,
        picture_kind: picture.kind,
        picture: picture.data,
        width_mm: picture.width_mm,
        height_mm: picture.height_mm,
        extensions: Vec::new(),
        maker: None,
        algorithm: ObjectIdentifier::new_unwrap("0.0"),
        signature: Vec::new(),
        signed: Vec::new(),
        time_stamp: None,
    };
    if !fields.is_empty() {
        // Untagged since V4; in V1 explicitly tagged, with a number that is not printed.
        seal.extensions = fields.field("extDatas", notes, |tlv, notes| extensions(tlv, old, notes))?;
    }
    fields.finish(notes)?;
    Ok(seal)
}

/// SES_Header ::= SEQUENCE { ID IA5String ("ES"), version INTEGER, Vid IA5String }
fn header(
    tlv: &Tlv<'_>,
    old: bool,
    fields_of_seal: usize,
    notes: &mut Notes,
) -> Result<(Version, i64, String), StructureError> {
    let mut fields = sequence(tlv, notes)?;
    fields.field("ID", notes, |tlv, notes| {
        let id = text(tlv, asn1::IA5_STRING, notes)?;
        if id != "ES" {
            notes.deviates(tlv.offset, DeviationKind::HeaderId { found: id });
        }
        Ok(())
    })?;
    let (version, number) = fields.field("version", notes, |tlv, notes| {
        let found = integer(tlv, notes)?;
        let version = match (old, fields_of_seal, found) {
            (true, ..) => Version::V1,
            (false, 5, _) | (false, _, 5) => Version::V5,
            _ => Version::V4,
        };
        if found != version.number() {
            let expected = version.number();
            notes.deviates(tlv.offset, DeviationKind::VersionNumber { expected, found });
        }
        Ok((version, found))
    })?;
    let vendor = fields.field("Vid", notes, |tlv, notes| text(tlv, asn1::IA5_STRING, notes))?;
    fields.finish(notes)?;
    Ok((version, number, vendor))
}

struct Property {
    kind: i64,
    name: String,
    cert_list: CertList,
    created: i64,
    valid_from: i64,
    valid_to: i64,
}

/// SES_ESPropertyInfo ::= SEQUENCE { type INTEGER, name UTF8String, certListType INTEGER, certList SES_CertList,
/// createDate GeneralizedTime, validStart GeneralizedTime, validEnd GeneralizedTime }; V1 without certListType and with
/// UTCTime.
fn property(tlv: &Tlv<'_>, old: bool, notes: &mut Notes) -> Result<Property, StructureError> {
    let mut fields = sequence(tlv, notes)?;
    let kind = fields.field("type", notes, integer)?;
    let name = fields.field("name", notes, |tlv, notes| text(tlv, asn1::UTF8_STRING, notes))?;
    let typed = matches!(fields.peek(), Some(asn1::INTEGER | asn1::ENUMERATED));
    if typed == old {
        notes.deviates(tlv.offset, DeviationKind::CertListTypePlace);
    }
    let list_type = match typed {
        true => Some(fields.field("certListType", notes, integer)?),
        false => None,
    };
    let cert_list = fields.field("certList", notes, |tlv, notes| cert_list(tlv, list_type, notes))?;
    let expected = if old { asn1::UTC_TIME } else { asn1::GENERALIZED_TIME };
    let mut date =
        |name, notes: &mut Notes| fields.field(name, notes, |tlv, notes| time(tlv, expected, notes));
    let (created, valid_from, valid_to) =
        (date("createDate", notes)?, date("validStart", notes)?, date("validEnd", notes)?);
    fields.finish(notes)?;
    Ok(Property { kind, name, cert_list, created, valid_from, valid_to })
}

/// SES_CertList ::= CHOICE { certs SEQUENCE OF OCTET STRING, certDigestList SEQUENCE OF CertDigestObj }: told apart by
/// what stands in it, not by what certListType says of it.
fn cert_list(tlv: &Tlv<'_>, list_type: Option<i64>, notes: &mut Notes) -> Result<CertList, StructureError> {
    if tlv.tag != asn1::SEQUENCE {
        notes.deviates(tlv.offset, DeviationKind::CertListBare);
        return Ok(CertList::Certificates(vec![certificate(tlv, notes)?]));
    }
    // A digest is a SEQUENCE that begins with a string; a certificate without its OCTET STRING begins with a SEQUENCE.
    let first = tlv.elements().take().ok();
    let inner = first.filter(|first| first.tag == asn1::SEQUENCE).and_then(|first| first.elements().peek());
    let digests = inner.is_some_and(|tag| tag != asn1::SEQUENCE);
    let found = if digests { DIGESTS } else { CERTIFICATES };
    if let Some(said) = list_type.filter(|said| *said != found) {
        notes.deviates(tlv.offset, DeviationKind::CertListTypeOther { found: said });
    }
    let members = Fields::of(tlv);
    if digests {
        return members.items(MAX_SIGNERS, notes, cert_digest).map(CertList::Digests);
    }
    members.items(MAX_SIGNERS, notes, certificate).map(CertList::Certificates)
}

/// CertDigestObj ::= SEQUENCE { type PrintableString, value OCTET STRING }
fn cert_digest(tlv: &Tlv<'_>, notes: &mut Notes) -> Result<CertDigest, StructureError> {
    let mut fields = sequence(tlv, notes)?;
    let kind = fields.field("type", notes, |tlv, notes| {
        let kind = match tlv.tag {
            asn1::OID | asn1::SEQUENCE => {
                let offset = tlv.offset;
                let found = if tlv.tag == asn1::OID { "OBJECT IDENTIFIER" } else { "AlgorithmIdentifier" };
                notes.deviates(offset, DeviationKind::StringType { expected: "PrintableString", found });
                let inner = if tlv.tag == asn1::OID { Some(*tlv) } else { tlv.elements().take().ok() };
                let id = inner.and_then(|inner| ObjectIdentifier::from_bytes(inner.content).ok());
                id.ok_or_else(|| notes.wrong_value(tlv, "OBJECT IDENTIFIER"))?.to_string()
            }
            _ => text(tlv, asn1::PRINTABLE_STRING, notes)?,
        };
        if super::super::verify::digest_named(&kind).is_none() {
            notes.deviates(tlv.offset, DeviationKind::DigestTypeName { found: kind.clone() });
        }
        Ok(kind)
    })?;
    let value = fields.field("value", notes, octets)?.into_owned();
    fields.finish(notes)?;
    Ok(CertDigest { kind, value })
}

struct ReadPicture {
    kind: String,
    data: Vec<u8>,
    width_mm: i64,
    height_mm: i64,
}

/// SES_ESPictrueInfo ::= SEQUENCE { type IA5String, data OCTET STRING, width INTEGER, height INTEGER }
fn picture(tlv: &Tlv<'_>, notes: &mut Notes) -> Result<ReadPicture, StructureError> {
    let mut fields = sequence(tlv, notes)?;
    let kind = fields.field("type", notes, |tlv, notes| {
        let kind = text(tlv, asn1::IA5_STRING, notes)?;
        if !PICTURES.contains(&kind.as_str()) {
            let found = kind.clone();
            let known =
                PICTURES.iter().any(|known| known.eq_ignore_ascii_case(kind.trim().trim_start_matches('.')));
            notes.deviates(
                tlv.offset,
                match known {
                    true => DeviationKind::PictureTypeSpelling { found },
                    false => DeviationKind::PictureTypeUnknown { found },
                },
            );
        }
        Ok(kind)
    })?;
    let data = fields.field("data", notes, |tlv, notes| {
        let data = octets(tlv, notes)?.into_owned();
        match picture_type(&data) {
            Some("OFD") => notes.deviates(tlv.offset, DeviationKind::PictureOfd),
            Some(found) if !is_called(&kind, found) => {
                notes.deviates(tlv.offset, DeviationKind::PictureTypeOther { found });
            }
            _ => {}
        }
        Ok(data)
    })?;
    let width_mm = fields.field("width", notes, integer)?;
    let height_mm = fields.field("height", notes, integer)?;
    fields.finish(notes)?;
    Ok(ReadPicture { kind, data, width_mm, height_mm })
}

/// What a picture is by its first octets.
fn picture_type(data: &[u8]) -> Option<&'static str> {
    const STARTS: [(&[u8], &str); 6] = [
        (b"\x89PNG\r\n\x1A\n", "PNG"),
        (b"GIF8", "GIF"),
        (b"BM", "BMP"),
        (b"\xFF\xD8\xFF", "JPG"),
        (b"PK\x03\x04", "OFD"),
        (b"<svg", "SVG"),
    ];
    STARTS.iter().find(|(start, _)| data.starts_with(start)).map(|(_, name)| *name)
}

fn is_called(kind: &str, found: &str) -> bool {
    let kind = kind.trim().trim_start_matches('.');
    kind.eq_ignore_ascii_case(found) || (found == "JPG" && kind.eq_ignore_ascii_case("JPEG"))
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

const CERTIFICATES: i64 = 1;
const DIGESTS: i64 = 2;
/// A seal of a large office has some dozen signers.
const MAX_SIGNERS: usize = 1024;
/// None is standardised; more than a few are an attack.
const MAX_EXTENSIONS: usize = 64;
/// As GM/T 0031 prints them, and what came later.
pub(super) const PICTURES: [&str; 7] = ["PNG", "GIF", "BMP", "JPG", "JPEG", "SVG", "OFD"];
