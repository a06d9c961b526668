//! Unsigned attributes added to a finished CMS: the signature time-stamp (EN 319 122-1 §5.3).
//!
//! The signature covers neither the unsigned attributes nor the headers of the elements around them, so the elements that
//! enclose the new attribute get new definite lengths and every other octet stays as its maker wrote it, indefinite
//! lengths and unsorted sets included. Called by `pdf` before a signature is embedded; inside a signed PDF a CMS cannot
//! grow any more.

use super::{
    parse::{CmsError, Limits, SignedData},
    timestamp::TimeStampToken,
};
use crate::{
    asn1::{self, INTEGER, Reader, Rules, SEQUENCE, SET, Tlv},
    oids,
};
use crypto::DigestAlgorithm;

/// `cms` with `token` (DER ContentInfo) as a further signature-time-stamp attribute of its only signer; unsigned attributes
/// that are there stay as they are.
///
/// # Errors
/// [`CmsError::NotTimeStamp`] when the token is none or stamps something else than the signature value; otherwise what
/// [`SignedData::parse`] has to say about `cms`.
pub fn with_signature_time_stamp(cms: &[u8], token: &[u8]) -> Result<Vec<u8>, CmsError> {
    let limits = Limits::default();
    let signed = SignedData::parse(cms, &limits)?;
    let stamped = TimeStampToken::parse(token, &limits)?;
    let algorithm = DigestAlgorithm::from_oid(&stamped.info().imprint_algorithm);
    let algorithm = algorithm.map_err(|_| CmsError::NotTimeStamp)?;
    if algorithm.digest(signed.signature_value()) != stamped.info().imprint {
        return Err(CmsError::NotTimeStamp);
    }
    insert(cms, &attribute(token))
}

/// How many octets [`with_signature_time_stamp`] adds at most for a token of `token` octets.
#[must_use]
pub fn signature_time_stamp_len(token: usize) -> usize {
    // Attribute, its type, SET and [1], and headers around it that grow by up to four octets each.
    asn1::encoded_len(asn1::encoded_len(asn1::encoded_len(token) + 13)) + 6 * 4
}

/// Attribute ::= SEQUENCE { attrType OBJECT IDENTIFIER, attrValues SET OF AttributeValue } (RFC 5652 §5.3)
fn attribute(token: &[u8]) -> Vec<u8> {
    asn1::join(SEQUENCE, &[asn1::oid(oids::SIGNATURE_TIME_STAMP), asn1::tlv(SET, token)])
}

/// ContentInfo { contentType, [0] SignedData { …, signerInfos SET { SignerInfo { …, unsignedAttrs [1] OPTIONAL } } } }
fn insert(cms: &[u8], attribute: &[u8]) -> Result<Vec<u8>, CmsError> {
    let mut content_info = Reader::only(cms, Rules::Ber, SEQUENCE)?.reader();
    let kind = content_info.expect(asn1::OID)?;
    let explicit = content_info.expect(0xA0)?;
    let signed_data = explicit.reader().expect(SEQUENCE)?;
    let (before, signers) = last(&signed_data)?;
    let signer = signers.reader().expect(SEQUENCE)?;
    let mut fields = signer.reader();
    let head = fields.offset();
    fields.expect(INTEGER)?;
    fields.next()?; // sid
    fields.expect(SEQUENCE)?;
    fields.optional(0xA0)?;
    fields.expect(SEQUENCE)?;
    fields.next()?; // signature
    let signed = signer.content.get(..fields.offset() - head).unwrap_or_default();
    let unsigned = match fields.optional(0xA1)? {
        Some(set) => extended(&set, attribute)?,
        None => asn1::tlv(0xA1, attribute),
    };
    fields.finish()?;
    let signer = asn1::join(SEQUENCE, &[signed, &unsigned]);
    let signed_data = asn1::join(SEQUENCE, &[before, &asn1::tlv(SET, &signer)]);
    Ok(asn1::join(SEQUENCE, &[kind.raw, &asn1::tlv(0xA0, &signed_data)]))
}

/// The octets of `sequence` before its last element, and that.
fn last<'a>(sequence: &Tlv<'a>) -> Result<(&'a [u8], Tlv<'a>), CmsError> {
    let mut fields = sequence.reader();
    let start = fields.offset();
    loop {
        let at = fields.offset();
        let element = fields.next()?;
        if fields.is_empty() {
            return Ok((sequence.content.get(..at - start).unwrap_or_default(), element));
        }
    }
}

/// The set with the attribute where the order of DER puts it among sorted ones (X.690 §11.6); none of the others moves.
fn extended(set: &Tlv<'_>, attribute: &[u8]) -> Result<Vec<u8>, CmsError> {
    let attributes = set.reader().all(Limits::default().max_attributes)?;
    let at = attributes.iter().position(|other| other.raw > attribute).unwrap_or(attributes.len());
    let mut all: Vec<&[u8]> = attributes.iter().map(|other| other.raw).collect();
    all.insert(at, attribute);
    Ok(asn1::join(0xA1, &all))
}
