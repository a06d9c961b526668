//! The signed attributes: what the signer vouched for besides the content.
//!
//! Kept as the bytes they were, since the signature is over them. Reading never fails as a whole: a report describes an
//! attack better than an error does, so violations are collected as [`Fault`]s.

use crypto::{DigestAlgorithm, DigestError};
use der::asn1::ObjectIdentifier;

use super::verify::{Fault, Unverifiable};
use crate::{
    asn1::{self, Asn1Error, OCTET_STRING, Reader, Rules, SEQUENCE, SET, Tlv},
    certificate::Certificate,
    oids,
};

/// The signed attributes of one signer.
#[derive(Clone, Debug)]
pub struct SignedAttributes {
    /// The DER SET OF the signature is over (RFC 5652 §5.4).
    signed_bytes: Vec<u8>,
    attributes: Vec<(ObjectIdentifier, Vec<Vec<u8>>)>,
}

impl SignedAttributes {
    pub(super) fn read(set: &Tlv<'_>, limit: usize) -> Result<Self, Asn1Error> {
        // RFC 5652 §5.3: signedAttrs MUST be DER, whatever surrounds them.
        let set = Reader::only(set.raw, Rules::Der, 0xA0).map_err(|_| set.invalid("signed attributes"))?;
        let mut attributes = Vec::new();
        for attribute in set.reader().all(limit)? {
            if attribute.tag != SEQUENCE {
                return Err(attribute.invalid("Attribute"));
            }
            let mut fields = attribute.reader();
            let kind = fields.expect(asn1::OID)?.oid()?;
            let values = fields.expect(SET)?.reader().all(limit)?;
            fields.finish()?;
            attributes.push((kind, values.iter().map(|value| value.raw.to_vec()).collect()));
        }
        let mut signed_bytes = set.raw.to_vec();
        if let Some(tag) = signed_bytes.first_mut() {
            *tag = SET;
        }
        Ok(Self { signed_bytes, attributes })
    }

    /// What the signature is over: the attributes as a DER SET OF (RFC 5652 §5.4).
    #[must_use]
    pub fn signed_bytes(&self) -> &[u8] {
        &self.signed_bytes
    }

    /// The object identifiers present, in order.
    pub fn kinds(&self) -> impl Iterator<Item = ObjectIdentifier> {
        self.attributes.iter().map(|(kind, _)| *kind)
    }

    /// The only value of an attribute, as encoded; `None` when absent or not single.
    #[must_use]
    pub fn value(&self, kind: ObjectIdentifier) -> Option<&[u8]> {
        let mut found = self.attributes.iter().filter(|(other, _)| *other == kind);
        match (found.next(), found.next()) {
            (Some((_, values)), None) => match values.as_slice() {
                [value] => Some(value),
                _ => None,
            },
            _ => None,
        }
    }

    /// The message-digest attribute.
    #[must_use]
    pub fn message_digest(&self) -> Option<&[u8]> {
        only(self.value(oids::MESSAGE_DIGEST)?, OCTET_STRING).map(|tlv| tlv.content)
    }

    /// The content-type attribute.
    #[must_use]
    pub fn content_type(&self) -> Option<ObjectIdentifier> {
        only(self.value(oids::CONTENT_TYPE)?, asn1::OID)?.oid().ok()
    }

    /// signing-time, Unix seconds: a claim, not a proof. PAdES forbids it beside /M.
    #[must_use]
    pub fn signing_time(&self) -> Option<i64> {
        let value = self.value(oids::SIGNING_TIME)?;
        only(value, *value.first()?)?.time().ok()
    }

    /// Whether signing-certificate or signing-certificate-v2 is present (RFC 5035; PAdES demands it).
    #[must_use]
    pub fn has_signing_certificate(&self) -> bool {
        self.kinds().any(|kind| matches!(kind, oids::SIGNING_CERTIFICATE | oids::SIGNING_CERTIFICATE_V2))
    }

    /// The signature policy's identifier (EN 319 122-1 §5.2.9); `None` when absent or implied.
    #[must_use]
    pub fn signature_policy(&self) -> Option<ObjectIdentifier> {
        only(self.value(oids::SIGNATURE_POLICY)?, SEQUENCE)?.reader().expect(asn1::OID).ok()?.oid().ok()
    }

    /// The commitment type (EN 319 122-1 §5.2.3).
    #[must_use]
    pub fn commitment_type(&self) -> Option<ObjectIdentifier> {
        only(self.value(oids::COMMITMENT_TYPE)?, SEQUENCE)?.reader().expect(asn1::OID).ok()?.oid().ok()
    }

    /// RFC 3161 tokens over the content, made before the signature (content-time-stamp, EN 319 122-1 §5.2.8), as found.
    #[must_use]
    pub fn content_time_stamps(&self) -> Vec<&[u8]> {
        let all = self.attributes.iter().filter(|(kind, _)| *kind == oids::CONTENT_TIME_STAMP);
        all.flat_map(|(_, values)| values.iter().map(Vec::as_slice)).collect()
    }

    /// CRLs (`[0]`) or OCSP responses (`[1]`) in Adobe's revocation-information archival attribute (ISO 32000-2
    /// §12.8.3.3.2): RevocationInfoArchival ::= SEQUENCE { crl [0] EXPLICIT SEQUENCE OF CertificateList OPTIONAL,
    /// ocsp [1] EXPLICIT SEQUENCE OF OCSPResponse OPTIONAL, otherRevInfo [2] … OPTIONAL }
    pub(super) fn archived(&self, tag: u8, most: usize) -> Vec<Vec<u8>> {
        let read = || {
            let archival = only(self.value(oids::ADBE_REVOCATION)?, SEQUENCE)?;
            let mut fields = archival.reader();
            let list = loop {
                match fields.next().ok()? {
                    list if list.tag == tag => break list,
                    _ => {}
                }
            };
            let items = Reader::only(list.content, Rules::Der, SEQUENCE).ok()?.reader().all(most).ok()?;
            Some(items.iter().map(|item| item.raw.to_vec()).collect())
        };
        read().unwrap_or_default()
    }

    /// The rules every signer must keep (RFC 5652 §11): no attribute twice, one value each, both mandatory ones.
    pub(super) fn faults(&self, content_type: ObjectIdentifier) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (index, (kind, values)) in self.attributes.iter().enumerate() {
            if self.attributes.iter().take(index).any(|(other, _)| other == kind) {
                faults.push(Fault::DuplicateAttribute { oid: *kind });
            } else if SINGLE_VALUED.contains(kind) && values.len() != 1 {
                faults.push(Fault::AttributeValues { oid: *kind, count: values.len() });
            }
        }
        match self.content_type() {
            Some(found) if found == content_type => {}
            Some(found) => faults.push(Fault::ContentTypeMismatch { found }),
            None => faults.push(Fault::MissingAttribute { name: "content-type" }),
        }
        if self.message_digest().is_none() {
            faults.push(Fault::MissingAttribute { name: "message-digest" });
        }
        faults
    }

    /// Whether the signing-certificate attributes name this certificate. Both versions must agree when both are there.
    pub(super) fn check_signing_certificate(
        &self,
        certificate: &Certificate,
    ) -> Result<(), CertificateClaim> {
        if let Some(value) = self.value(oids::SIGNING_CERTIFICATE_V2) {
            let (digest, hash) =
                v2_hash(value).ok_or(CertificateClaim::Fault(Fault::SigningCertificateMalformed))?;
            let digest = DigestAlgorithm::from_oid(&digest).map_err(|error| {
                CertificateClaim::Unverifiable(match error {
                    DigestError::Refused { name } => Unverifiable::RefusedAlgorithm { name },
                    DigestError::Unknown { oid } => Unverifiable::UnsupportedAlgorithm { oid },
                })
            })?;
            if digest.digest(certificate.der()) != hash {
                return Err(CertificateClaim::Fault(Fault::SigningCertificateMismatch));
            }
        }
        if let Some(value) = self.value(oids::SIGNING_CERTIFICATE) {
            // ESSCertID is SHA-1 by definition (RFC 2634 §5.4.1): that it fits proves nothing beside what the signature
            // key already binds, but one that does not fit contradicts the signer (RFC 5035 §5).
            let named = first_certificate_id(value)
                .and_then(|id| id.reader().expect(OCTET_STRING).ok().map(|hash| hash.content.to_vec()))
                .ok_or(CertificateClaim::Fault(Fault::SigningCertificateMalformed))?;
            if named != crypto::sha1_identifier(certificate.der()) {
                return Err(CertificateClaim::Fault(Fault::SigningCertificateMismatch));
            }
        }
        Ok(())
    }

    /// CMSAlgorithmProtection (RFC 6211 §2): must repeat the SignerInfo's algorithms when present.
    pub(super) fn algorithm_protection_holds(
        &self,
        digest_algorithm: &[u8],
        signature_algorithm: &[u8],
    ) -> bool {
        let Some(value) = self.value(oids::CMS_ALGORITHM_PROTECTION) else { return true };
        let holds = || {
            let mut fields = only(value, SEQUENCE)?.reader();
            let digest = fields.expect(SEQUENCE).ok()?;
            let signature = fields.expect(0xA1).ok()?;
            // [1] IMPLICIT replaces the SEQUENCE tag, so contents are compared.
            let own = Reader::only(signature_algorithm, Rules::Ber, SEQUENCE).ok()?;
            Some(digest.raw == digest_algorithm && signature.content == own.content)
        };
        holds().unwrap_or(false)
    }
}

/// Whether octets are a DER SET of attributes with a message digest among them, as a signer with signed attributes signs
/// them (RFC 5652 §5.4). Nothing else begins so by chance.
pub(super) fn look_like_attributes(content: &[u8]) -> bool {
    let read = || {
        let attributes = only(content, SET)?.reader().all(64).ok()?;
        let kinds = attributes.iter().map(|attribute| attribute.reader().expect(asn1::OID)?.oid());
        kinds.collect::<Result<Vec<_>, _>>().ok()
    };
    content.first() == Some(&SET) && read().is_some_and(|kinds| kinds.contains(&oids::MESSAGE_DIGEST))
}

pub(super) enum CertificateClaim {
    Fault(Fault),
    Unverifiable(Unverifiable),
}

/// SigningCertificate(V2) ::= SEQUENCE { certs SEQUENCE OF ESSCertID(v2), policies OPTIONAL }: the first names the signer.
fn first_certificate_id(value: &[u8]) -> Option<Tlv<'_>> {
    let certs = only(value, SEQUENCE)?.reader().expect(SEQUENCE).ok()?;
    certs.reader().expect(SEQUENCE).ok()
}

/// ESSCertIDv2 ::= SEQUENCE { hashAlgorithm DEFAULT sha256, certHash OCTET STRING, issuerSerial OPTIONAL } (RFC 5035 §4).
fn v2_hash(value: &[u8]) -> Option<(ObjectIdentifier, Vec<u8>)> {
    let mut fields = first_certificate_id(value)?.reader();
    let algorithm = match fields.optional(SEQUENCE).ok()? {
        Some(algorithm) => algorithm.reader().expect(asn1::OID).ok()?.oid().ok()?,
        None => DigestAlgorithm::Sha256.oid(),
    };
    Some((algorithm, fields.expect(OCTET_STRING).ok()?.content.to_vec()))
}

fn only(value: &[u8], tag: u8) -> Option<Tlv<'_>> {
    Reader::only(value, Rules::Der, tag).ok()
}

const SINGLE_VALUED: &[ObjectIdentifier] = &[
    oids::CONTENT_TYPE,
    oids::MESSAGE_DIGEST,
    oids::SIGNING_TIME,
    oids::SIGNING_CERTIFICATE,
    oids::SIGNING_CERTIFICATE_V2,
    oids::SIGNATURE_POLICY,
    oids::COMMITMENT_TYPE,
    oids::CMS_ALGORITHM_PROTECTION,
];
