//! Reading SESeal of every version.

use der::asn1::ObjectIdentifier;

use super::{Seal, Version, image::picture, property::property};
use crate::{
    asn1::{self, Tlv},
    deviation::DeviationKind,
    read::{
        Fields, Notes, SignatureValue, StructureError, algorithm, certificate, extensions, integer, sequence,
        signature_value, text, time_stamp,
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
        seal.signature = fields.field(value, notes, |tlv, notes| signature_value(tlv, algorithm, notes))?;
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
        signature: SignatureValue::default(),
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
