//! Reading a seal's picture.

use crate::{
    asn1::{self, Tlv},
    deviation::DeviationKind,
    read::{Notes, StructureError, integer, octets, sequence, text},
};

pub(super) struct ReadPicture {
    pub kind: String,
    pub data: Vec<u8>,
    pub width_mm: i64,
    pub height_mm: i64,
}

/// SES_ESPictrueInfo ::= SEQUENCE { type IA5String, data OCTET STRING, width INTEGER, height INTEGER }
pub(super) fn picture(tlv: &Tlv<'_>, notes: &mut Notes) -> Result<ReadPicture, StructureError> {
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

/// As GM/T 0031 prints them, and what came later.
pub(super) const PICTURES: [&str; 7] = ["PNG", "GIF", "BMP", "JPG", "JPEG", "SVG", "OFD"];
