//! Reading a seal's properties: kind, name, dates, and who may sign with it.

use der::asn1::ObjectIdentifier;

use super::{CertDigest, CertList};
use crate::{
    asn1::{self, Tlv},
    deviation::DeviationKind,
    read::{Fields, Notes, StructureError, certificate, integer, octets, sequence, text, time},
    verify::digest_named,
};

pub(super) struct Property {
    pub kind: i64,
    pub name: String,
    pub cert_list: CertList,
    pub created: i64,
    pub valid_from: i64,
    pub valid_to: i64,
}

/// SES_ESPropertyInfo ::= SEQUENCE { type INTEGER, name UTF8String, certListType INTEGER, certList SES_CertList,
/// createDate GeneralizedTime, validStart GeneralizedTime, validEnd GeneralizedTime }; V1 without certListType and with
/// UTCTime.
pub(super) fn property(tlv: &Tlv<'_>, old: bool, notes: &mut Notes) -> Result<Property, StructureError> {
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
    let digests = tlv.elements().take().is_ok_and(|first| is_digest(&first));
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

/// Whether a list's member is a digest: a SEQUENCE that begins with its type's name. A certificate without its OCTET
/// STRING begins with a SEQUENCE too, but not with an AlgorithmIdentifier.
fn is_digest(member: &Tlv<'_>) -> bool {
    let inner = member.elements().take().ok().filter(|_| member.tag == asn1::SEQUENCE);
    inner.is_some_and(|inner| inner.tag != asn1::SEQUENCE || inner.elements().peek() == Some(asn1::OID))
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
        if digest_named(&kind).is_none() {
            notes.deviates(tlv.offset, DeviationKind::DigestTypeName { found: kind.clone() });
        }
        Ok(kind)
    })?;
    let value = fields.field("value", notes, octets)?.into_owned();
    fields.finish(notes)?;
    Ok(CertDigest { kind, value })
}

const CERTIFICATES: i64 = 1;
const DIGESTS: i64 = 2;
/// A seal of a large office has some dozen signers.
const MAX_SIGNERS: usize = 1024;
