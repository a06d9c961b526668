//! A certificate in its OCTET STRING, or in whatever else vendors put it.

use std::borrow::Cow;

use super::{Notes, StructureError, octets, text::name};
use crate::{
    asn1::{self, Tlv},
    deviation::DeviationKind,
};

/// A certificate's octets; `None` when nothing is there. What is no certificate stays as it is: it equals no signer's, and
/// verifies nothing.
pub(crate) fn certificate(tlv: &Tlv<'_>, notes: &mut Notes) -> Result<Option<Vec<u8>>, StructureError> {
    if tlv.tag == asn1::SEQUENCE {
        notes.deviates(tlv.offset, DeviationKind::CertificateBare);
        return Ok(Some(tlv.raw.to_vec()));
    }
    let mut content = match (tlv.tag, name(tlv.tag)) {
        (asn1::OCTET_STRING, _) | (_, None) => octets(tlv, notes)?,
        // Seen in V1: the list's members as IA5String, with the same octets or their base64 inside.
        (_, Some(found)) => {
            notes.deviates(tlv.offset, DeviationKind::StringType { expected: "OCTET STRING", found });
            Cow::Borrowed(tlv.content)
        }
    };
    if content.is_empty() {
        notes.deviates(tlv.offset, DeviationKind::CertificateMissing);
        return Ok(None);
    }
    let inner = asn1::first(&content).filter(|inner| inner.tag == asn1::OCTET_STRING);
    if let Some(inner) = inner.filter(|inner| inner.content.first() == Some(&asn1::SEQUENCE)) {
        notes.deviates(tlv.offset, DeviationKind::CertificateWrappedTwice);
        content = Cow::Owned(inner.content.to_vec());
    } else if content.first() != Some(&asn1::SEQUENCE)
        && let Some(der) = from_text(&content)
    {
        notes.deviates(tlv.offset, DeviationKind::CertificateText);
        content = Cow::Owned(der);
    }
    let len = asn1::first(&content).map_or(content.len(), |element| element.raw.len());
    if len < content.len() {
        notes.deviates(tlv.offset, DeviationKind::CertificateTrailing);
        content.to_mut().truncate(len);
    }
    Ok(Some(content.into_owned()))
}

/// PEM, base64 with or without line breaks, hexadecimal digits.
fn from_text(content: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(content).ok()?.trim_matches(['\0', ' ', '\r', '\n', '\t']);
    if text.starts_with("-----BEGIN") {
        let found = pki::Certificate::from_pem(text.as_bytes()).ok()?;
        return found.first().map(|certificate| certificate.der().to_vec());
    }
    let text: String = text.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    let der = hex::decode(&text).ok().or_else(|| STANDARD.decode(text).ok())?;
    (der.first() == Some(&asn1::SEQUENCE)).then_some(der)
}

use base64::{Engine as _, engine::general_purpose::STANDARD};
