//! Making CMS: the detached one of a PAdES B-B signature, and the one around a time-stamp's TSTInfo (`tsp`).
//!
//! One SignerInfo; signed attributes content-type, message-digest and signing-certificate-v2 and no others:
//! signing-time is forbidden beside the PDF's /M (EN 319 142-1 §6.3), and the certificate hash is by the digest of the
//! key's suite, whose identifier is omitted where it is the DEFAULT, SHA-256 (RFC 5035 §4). Content types are those of
//! RFC 5652, or a suite's own (GM/T 0010) for readers that want them. Everything but the digest and the signature is encoded once per
//! signer, so a signature costs one ECDSA operation and two copies. Called by the appliance on behalf of the `pdf`
//! crate, which never sees a key.

use std::sync::Arc;

use crypto::{DigestAlgorithm, SignError, Signer, Suite};
use der::asn1::ObjectIdentifier;
use thiserror::Error;

use crate::{
    asn1::{self, OCTET_STRING, SEQUENCE, SET},
    certificate::Certificate,
    oids,
};

/// Signs content digests with one key and its certificate. Make one per certificate and share it.
pub struct CmsSigner {
    signer: Arc<dyn Signer>,
    digest: DigestAlgorithm,
    content_type: Vec<u8>,
    /// SignedData's version and digestAlgorithms.
    signed_data_head: Vec<u8>,
    /// The type of what is signed, encoded.
    signed_type: Vec<u8>,
    /// SignedData's certificates.
    certificates: Vec<u8>,
    /// SignerInfo's version, sid and digestAlgorithm.
    signer_head: Vec<u8>,
    /// The signed attributes as SET OF, with room for the digest at `digest_at`.
    attributes: Vec<u8>,
    digest_at: usize,
    algorithm: Vec<u8>,
}

/// Why no CMS was made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CmsSignError {
    /// The certificate is for another key.
    #[error("the certificate does not belong to the signing key")]
    WrongCertificate,
    /// The digest has not the length of the signer's digest algorithm.
    #[error("content digest of {len} octets, {expected} expected")]
    DigestLength {
        /// As given.
        len: usize,
        /// As the algorithm produces.
        expected: usize,
    },
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl CmsSigner {
    /// Prepares signing with `certificate`; `chain` (intermediates, not the root) is embedded beside it.
    ///
    /// # Errors
    /// [`CmsSignError::WrongCertificate`].
    pub fn new(
        signer: Arc<dyn Signer>,
        certificate: &Certificate,
        chain: &[Certificate],
    ) -> Result<Self, CmsSignError> {
        Self::typed(&Suite::INTERNATIONAL, signer, certificate, chain)
    }

    /// As [`Self::new`], with the content types of `suite`: `Suite::SHANGMI` has those of GM/T 0010 (GB/T 35275), which
    /// readers of that field may insist on. The algorithms are the key's in any case.
    ///
    /// # Errors
    /// [`CmsSignError::WrongCertificate`].
    pub fn typed(
        suite: &Suite,
        signer: Arc<dyn Signer>,
        certificate: &Certificate,
        chain: &[Certificate],
    ) -> Result<Self, CmsSignError> {
        // Version 1: data, no attribute certificates, issuerAndSerialNumber (RFC 5652 §5.1, GM/T 0010 §8).
        Self::of(signer, certificate, chain, (suite.cms_signed_data, suite.cms_data), 1)
    }

    /// As [`Self::new`], for content of another type that is carried inside.
    pub(crate) fn encapsulating(
        signer: Arc<dyn Signer>,
        certificate: &Certificate,
        chain: &[Certificate],
        signed_type: ObjectIdentifier,
    ) -> Result<Self, CmsSignError> {
        // Version 3: any type but id-data (RFC 5652 §5.1).
        Self::of(signer, certificate, chain, (oids::ID_SIGNED_DATA, signed_type), 3)
    }

    fn of(
        signer: Arc<dyn Signer>,
        certificate: &Certificate,
        chain: &[Certificate],
        (content_type, signed_type): (ObjectIdentifier, ObjectIdentifier),
        version: u8,
    ) -> Result<Self, CmsSignError> {
        if certificate.spki() != signer.public_key() {
            return Err(CmsSignError::WrongCertificate);
        }
        let digest = signer.scheme().cms_digest();
        // RFC 5754 §2: parameters absent.
        let digest_algorithm = asn1::tlv(SEQUENCE, &asn1::oid(digest.oid()));
        let mut certificates = vec![certificate.der().to_vec()];
        certificates.extend(chain.iter().map(|other| other.der().to_vec()));
        certificates.sort();
        certificates.dedup();
        let signed_data_head = [asn1::unsigned(&[version]), asn1::tlv(SET, &digest_algorithm)].concat();
        let serial = asn1::tlv(asn1::INTEGER, certificate.serial());
        let sid = asn1::join(SEQUENCE, &[certificate.issuer().der(), &serial]);
        let signer_head = [asn1::unsigned(&[1]), sid, digest_algorithm].concat();
        let reference = Suite::of_key(certificate.spki()).digest;
        let (attributes, digest_at) = attributes(certificate, digest, reference, signed_type);
        Ok(Self {
            content_type: asn1::oid(content_type),
            signed_data_head,
            signed_type: asn1::oid(signed_type),
            certificates: asn1::set_of(0xA0, certificates),
            signer_head,
            attributes,
            digest_at,
            algorithm: signer.scheme().cms_algorithm_identifier(),
            digest,
            signer,
        })
    }

    /// The digest algorithm content must be hashed with.
    #[must_use]
    pub fn digest_algorithm(&self) -> DigestAlgorithm {
        self.digest
    }

    /// The greatest length [`Self::sign`] can return, in octets: what to reserve.
    #[must_use]
    pub fn max_len(&self) -> usize {
        let inside = asn1::encoded_len(self.signed_type.len()) + self.certificates.len();
        self.lengths(self.signer.max_signature_len(), inside).total
    }

    /// Signs a content digest and returns the DER ContentInfo.
    ///
    /// # Errors
    /// [`CmsSignError`].
    pub fn sign(&self, content_digest: &[u8]) -> Result<Vec<u8>, CmsSignError> {
        self.assemble(content_digest, &asn1::tlv(SEQUENCE, &self.signed_type), true)
    }

    /// Signs `content`, carries it inside, and returns the DER ContentInfo.
    ///
    /// # Errors
    /// [`CmsSignError`].
    pub fn sign_attached(&self, content: &[u8]) -> Result<Vec<u8>, CmsSignError> {
        self.sign_content(content, true)
    }

    /// Signs `content` and carries it inside, the certificates only on request (RFC 3161 §2.4.1, certReq).
    pub(crate) fn sign_content(&self, content: &[u8], certificates: bool) -> Result<Vec<u8>, CmsSignError> {
        let carried = asn1::tlv(0xA0, &asn1::tlv(OCTET_STRING, content));
        let inside = asn1::join(SEQUENCE, &[&self.signed_type, &carried]);
        self.assemble(&self.digest.digest(content), &inside, certificates)
    }

    fn assemble(
        &self,
        content_digest: &[u8],
        inside: &[u8],
        certificates: bool,
    ) -> Result<Vec<u8>, CmsSignError> {
        let certificates: &[u8] = if certificates { &self.certificates } else { &[] };
        let expected = self.digest.output_len();
        if content_digest.len() != expected {
            return Err(CmsSignError::DigestLength { len: content_digest.len(), expected });
        }
        let mut attributes = self.attributes.clone();
        if let Some(hole) = attributes.get_mut(self.digest_at..self.digest_at + expected) {
            hole.copy_from_slice(content_digest);
        }
        // RFC 5652 §5.4: signed under the SET OF tag, carried under [0].
        let signature = self.signer.sign(&attributes)?;
        if let Some(tag) = attributes.first_mut() {
            *tag = 0xA0;
        }
        let lengths = self.lengths(signature.len(), inside.len() + certificates.len());
        let mut out = Vec::with_capacity(lengths.total);
        open(&mut out, SEQUENCE, lengths.content_info);
        out.extend_from_slice(&self.content_type);
        open(&mut out, 0xA0, lengths.explicit);
        open(&mut out, SEQUENCE, lengths.signed_data);
        out.extend_from_slice(&self.signed_data_head);
        out.extend_from_slice(inside);
        out.extend_from_slice(certificates);
        open(&mut out, SET, lengths.signer_infos);
        open(&mut out, SEQUENCE, lengths.signer_info);
        out.extend_from_slice(&self.signer_head);
        out.extend_from_slice(&attributes);
        out.extend_from_slice(&self.algorithm);
        open(&mut out, OCTET_STRING, signature.len());
        out.extend_from_slice(&signature);
        Ok(out)
    }

    /// `inside`: octets of encapContentInfo and certificates.
    fn lengths(&self, signature: usize, inside: usize) -> Lengths {
        let signer_info = self.signer_head.len()
            + self.attributes.len()
            + self.algorithm.len()
            + asn1::encoded_len(signature);
        let signer_infos = asn1::encoded_len(signer_info);
        let signed_data = self.signed_data_head.len() + inside + asn1::encoded_len(signer_infos);
        let explicit = asn1::encoded_len(signed_data);
        let content_info = self.content_type.len() + asn1::encoded_len(explicit);
        let total = asn1::encoded_len(content_info);
        Lengths { signer_info, signer_infos, signed_data, explicit, content_info, total }
    }
}

impl std::fmt::Debug for CmsSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CmsSigner").field("scheme", &self.signer.scheme()).finish_non_exhaustive()
    }
}

/// Content lengths of the nested elements, innermost first, and the whole.
struct Lengths {
    signer_info: usize,
    signer_infos: usize,
    signed_data: usize,
    explicit: usize,
    content_info: usize,
    total: usize,
}

fn open(out: &mut Vec<u8>, tag: u8, length: usize) {
    out.push(tag);
    asn1::push_length(out, length);
}

/// The signed attributes in DER order, and where the digest's octets go. The order cannot depend on the digest: the
/// three encodings differ before it. `reference` hashes the certificate that is named.
fn attributes(
    certificate: &Certificate,
    digest: DigestAlgorithm,
    reference: DigestAlgorithm,
    signed_type: ObjectIdentifier,
) -> (Vec<u8>, usize) {
    let attribute = |kind, value: &[u8]| asn1::join(SEQUENCE, &[asn1::oid(kind), asn1::tlv(SET, value)]);
    let message_digest =
        attribute(oids::MESSAGE_DIGEST, &asn1::tlv(OCTET_STRING, &vec![0; digest.output_len()]));
    // SigningCertificateV2 { certs { ESSCertIDv2 { hashAlgorithm DEFAULT id-sha256, certHash } } }
    let mut hash = asn1::tlv(OCTET_STRING, &reference.digest(certificate.der()));
    if reference != DigestAlgorithm::Sha256 {
        hash.splice(0..0, asn1::tlv(SEQUENCE, &asn1::oid(reference.oid())));
    }
    let signing_certificate = asn1::tlv(SEQUENCE, &asn1::tlv(SEQUENCE, &asn1::tlv(SEQUENCE, &hash)));
    let mut parts = vec![
        attribute(oids::CONTENT_TYPE, &asn1::oid(signed_type)),
        message_digest.clone(),
        attribute(oids::SIGNING_CERTIFICATE_V2, &signing_certificate),
    ];
    parts.sort();
    let set = asn1::join(SET, &parts);
    let before: usize = parts.iter().take_while(|part| **part != message_digest).map(Vec::len).sum();
    let header = set.len() - parts.iter().map(Vec::len).sum::<usize>();
    (set, header + before + message_digest.len() - digest.output_len())
}
