//! Certification requests (PKCS#10, RFC 2986): made for our own keys, read from others.
//!
//! A [`CertificationRequest`] exists only with its proof of possession verified. What it asks for is a wish: the issuing
//! side takes the key and judges the names, nothing is copied into a certificate unseen.

use crypto::{SignError, SignatureScheme, Signer};
use thiserror::Error;

use crate::{
    asn1::{self, Asn1Error, BIT_STRING, INTEGER, Reader, Rules, SEQUENCE, SET},
    certificate::SignatureError,
    extensions::{Extensions, GeneralName},
    issue::{assemble, extension},
    name::{Name, Subject},
    oids,
    pem::{self, PemError},
};

/// A request whose signature was made with the key it names.
// INVARIANT: made only by `from_der`, after the proof of possession verified.
#[derive(Clone, Debug)]
pub struct CertificationRequest {
    der: Vec<u8>,
    subject: Name,
    spki: Vec<u8>,
    subject_alt_names: Vec<GeneralName>,
}

/// Why bytes are not an acceptable request.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// Not DER of the right shape.
    #[error("malformed certification request: {0}")]
    Malformed(#[from] Asn1Error),
    /// Not PEM of the right shape.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// Over 64 KiB.
    #[error("certification request of {len} octets is too large")]
    TooLarge {
        /// Its length.
        len: usize,
    },
    /// The requester has not shown that it holds the key.
    #[error("proof of possession fails: {0}")]
    ProofOfPossession(#[from] SignatureError),
}

impl CertificationRequest {
    /// Reads a request and verifies its proof of possession.
    ///
    /// `CertificationRequestInfo ::= SEQUENCE { version INTEGER (0), subject, subjectPKInfo, attributes [0] SET OF }`
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn from_der(der: &[u8]) -> Result<Self, RequestError> {
        if der.len() > MAX_LEN {
            return Err(RequestError::TooLarge { len: der.len() });
        }
        let mut outer = Reader::only(der, Rules::Der, SEQUENCE)?.reader();
        let info = outer.expect(SEQUENCE)?;
        let algorithm = outer.expect(SEQUENCE)?.raw;
        let signature = outer.expect(BIT_STRING)?.aligned_bits()?;
        outer.finish()?;
        let mut fields = info.reader();
        let version = fields.expect(INTEGER)?;
        if version.small()? != 0 {
            return Err(version.invalid("version").into());
        }
        let subject = Name::from_der(fields.expect(SEQUENCE)?.raw)?;
        let spki = fields.expect(SEQUENCE)?.raw.to_vec();
        let mut wanted = None;
        // Some clients leave the empty attributes out, although they are not OPTIONAL.
        if let Some(attributes) = fields.optional(0xA0)? {
            for attribute in attributes.reader().all(32)? {
                let mut parts = attribute.reader();
                let kind = parts.expect(asn1::OID)?.oid()?;
                let values = parts.expect(SET)?;
                parts.finish()?;
                if kind == oids::EXTENSION_REQUEST {
                    if wanted.is_some() {
                        return Err(attribute.invalid("second extension request").into());
                    }
                    wanted = Some(Extensions::read(&Reader::only(values.content, Rules::Der, SEQUENCE)?)?);
                }
            }
        }
        fields.finish()?;
        let scheme = SignatureScheme::from_algorithm(algorithm, &spki).map_err(SignatureError::from)?;
        crypto::verify(&spki, scheme, info.raw, signature).map_err(SignatureError::from)?;
        let subject_alt_names = wanted.map(|extensions| extensions.subject_alt_names).unwrap_or_default();
        Ok(Self { der: der.to_vec(), subject, spki, subject_alt_names })
    }

    /// Reads a PEM or DER file with one request.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn from_pem_or_der(bytes: &[u8]) -> Result<Self, RequestError> {
        if !pem::is_pem(bytes) {
            return Self::from_der(bytes);
        }
        let blocks = pem::decode(bytes, PEM_LABEL)?;
        Self::from_der(blocks.first().map(Vec::as_slice).unwrap_or_default())
    }

    /// Makes a request for the signer's own key.
    ///
    /// # Errors
    /// [`SignError`]. Names of a form that is never written are left out.
    pub fn make(signer: &dyn Signer, subject: &Subject, names: &[GeneralName]) -> Result<Vec<u8>, SignError> {
        let encoded: Vec<_> = names.iter().filter_map(GeneralName::encode).collect();
        let attributes = if encoded.is_empty() {
            Vec::new()
        } else {
            let extension = extension(oids::SUBJECT_ALT_NAME, false, &asn1::join(SEQUENCE, &encoded));
            let value = asn1::tlv(SET, &asn1::tlv(SEQUENCE, &extension));
            asn1::join(SEQUENCE, &[asn1::oid(oids::EXTENSION_REQUEST), value])
        };
        let info = asn1::join(
            SEQUENCE,
            &[
                &asn1::unsigned(&[0]),
                subject.to_name().der(),
                signer.public_key(),
                &asn1::tlv(0xA0, &attributes),
            ],
        );
        let signature = signer.sign(&info)?;
        Ok(assemble(&info, &signer.scheme().algorithm_identifier(), &signature))
    }

    /// The exact encoding.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The request as PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode(&self.der, PEM_LABEL)
    }

    /// The subject asked for.
    #[must_use]
    pub fn subject(&self) -> &Name {
        &self.subject
    }

    /// The key, DER SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Subject alternative names asked for.
    #[must_use]
    pub fn subject_alt_names(&self) -> &[GeneralName] {
        &self.subject_alt_names
    }
}

const PEM_LABEL: &str = "CERTIFICATE REQUEST";
const MAX_LEN: usize = 64 * 1024;
