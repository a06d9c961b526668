//! A certificate, parsed strictly and kept byte for byte.
//!
//! Responsible for structure and for the checks no certificate may fail whoever uses it (RFC 5280 §4.1). Whether it can
//! be *relied on* is `path`'s question. Signatures are verified over the original bytes.

use std::{
    net::IpAddr,
    ops::Range,
    sync::{Arc, OnceLock},
};

use crypto::{DigestAlgorithm, SchemeError, SignatureScheme, VerifyError};
use der::asn1::ObjectIdentifier;
use thiserror::Error;

use crate::{
    asn1::{Asn1Error, BIT_STRING, INTEGER, Reader, Rules, SEQUENCE, Tlv},
    extensions::{BasicConstraints, Extensions, GeneralName, KeyUsage, NameConstraints},
    name::Name,
    path::CanonicalName,
    pem::{self, PemError},
};

/// An X.509 certificate. Cloning is cheap.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    der: Vec<u8>,
    tbs: Range<usize>,
    signature_algorithm: Range<usize>,
    signature: Range<usize>,
    serial: Range<usize>,
    spki: Range<usize>,
    issuer: Name,
    subject: Name,
    not_before: i64,
    not_after: i64,
    extensions: Extensions,
    fingerprint: [u8; 32],
    /// Subject and issuer as RFC 5280 §7.1 compares them, made when first asked for.
    canonical: OnceLock<[CanonicalName; 2]>,
}

/// Why bytes are not a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// Not DER of the right shape.
    #[error("malformed certificate: {0}")]
    Malformed(#[from] Asn1Error),
    /// Not PEM of the right shape.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// Larger than any honest certificate.
    #[error("certificate of {len} octets is too large")]
    TooLarge {
        /// Its length.
        len: usize,
    },
    /// A version other than v1 to v3, or extensions in a v1 or v2 certificate (RFC 5280 §4.1.2.1).
    #[error("certificate version {version} is not allowed here")]
    Version {
        /// As encoded: 0 is v1.
        version: u32,
    },
    /// A serial number of more than 20 octets (RFC 5280 §4.1.2.2).
    #[error("serial number is longer than 20 octets")]
    Serial,
    /// The signed and the unsigned algorithm identifier differ (RFC 5280 §4.1.1.2).
    #[error("inner and outer signature algorithms differ")]
    AlgorithmMismatch,
}

/// Why a signature over a certificate, CRL or request cannot be accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// The algorithm; see [`SchemeError`] for which outcomes mean "unsupported".
    #[error(transparent)]
    Scheme(#[from] SchemeError),
    /// The key or the value.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

impl SignatureError {
    /// Whether the algorithm or the key is known and refused as too weak to prove anything.
    #[must_use]
    pub const fn is_weak(&self) -> bool {
        matches!(self, Self::Scheme(SchemeError::Refused { .. }) | Self::Verify(VerifyError::KeySize { .. }))
    }

    /// Whether this says only that the algorithm is unknown here, not that anything is wrong.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        matches!(self, Self::Scheme(SchemeError::Unsupported { .. } | SchemeError::UnsupportedParameters))
    }
}

impl Certificate {
    /// Reads one DER certificate with nothing after it.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > MAX_LEN {
            return Err(CertificateError::TooLarge { len: der.len() });
        }
        // Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue BIT STRING }
        let mut outer = Reader::only(der, Rules::Der, SEQUENCE)?.reader();
        let tbs = outer.expect(SEQUENCE)?;
        let signature_algorithm = outer.expect(SEQUENCE)?;
        let signature = outer.expect(BIT_STRING)?;
        outer.finish()?;
        let bits = signature.signature_bits()?;

        let mut fields = tbs.reader();
        let version = match fields.optional(0xA0)? {
            Some(version) => Reader::only(version.content, Rules::Der, INTEGER)?.small()?,
            None => 0,
        };
        let serial = fields.expect(INTEGER)?;
        let number = serial.integer()?;
        // Zero and negative ones are no CA's to issue, but a reader's to take (RFC 5280 §4.1.2.2).
        if number.len() > 20 {
            return Err(CertificateError::Serial);
        }
        let inner_algorithm = fields.expect(SEQUENCE)?;
        if inner_algorithm.raw != signature_algorithm.raw {
            return Err(CertificateError::AlgorithmMismatch);
        }
        let issuer = Name::from_der(fields.expect(SEQUENCE)?.raw)?;
        let mut validity = fields.expect(SEQUENCE)?.reader();
        let not_before = validity.next()?.time()?;
        let not_after = validity.next()?.time()?;
        validity.finish()?;
        let subject = Name::from_der(fields.expect(SEQUENCE)?.raw)?;
        let spki = fields.expect(SEQUENCE)?;
        fields.optional(0x81)?;
        fields.optional(0x82)?;
        let extensions = match fields.optional(0xA3)? {
            Some(explicit) => {
                if version != 2 {
                    return Err(CertificateError::Version { version });
                }
                Extensions::read(&Reader::only(explicit.content, Rules::Der, SEQUENCE)?)?
            }
            None => Extensions::default(),
        };
        fields.finish()?;
        if version > 2 {
            return Err(CertificateError::Version { version });
        }

        let mut fingerprint = [0; 32];
        for (to, from) in fingerprint.iter_mut().zip(DigestAlgorithm::Sha256.digest(der)) {
            *to = from;
        }
        let range = |tlv: &Tlv<'_>| tlv.offset..tlv.offset + tlv.raw.len();
        let content = |tlv: &Tlv<'_>, inner: &[u8]| {
            let end = tlv.offset + tlv.raw.len();
            end - inner.len()..end
        };
        Ok(Self(Arc::new(Inner {
            tbs: range(&tbs),
            signature_algorithm: range(&signature_algorithm),
            signature: content(&signature, bits),
            serial: content(&serial, number),
            spki: range(&spki),
            der: der.to_vec(),
            issuer,
            subject,
            not_before,
            not_after,
            extensions,
            fingerprint,
            canonical: OnceLock::new(),
        })))
    }

    /// Reads every certificate of a PEM file, at least one.
    ///
    /// # Errors
    /// [`CertificateError`] for the first that cannot be read.
    pub fn from_pem(pem: &[u8]) -> Result<Vec<Self>, CertificateError> {
        pem::decode(pem, PEM_LABEL)?.iter().map(|der| Self::from_der(der)).collect()
    }

    /// Reads a file that is either PEM (many) or DER (one).
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_pem_or_der(bytes: &[u8]) -> Result<Vec<Self>, CertificateError> {
        if pem::is_pem(bytes) {
            return Self::from_pem(bytes);
        }
        Self::from_der(bytes).map(|certificate| vec![certificate])
    }

    /// The certificate as PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode(self.der(), PEM_LABEL)
    }

    /// The exact encoding.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.0.der.get(range.clone()).unwrap_or_default()
    }

    /// The signed part's encoding.
    #[must_use]
    pub fn tbs(&self) -> &[u8] {
        self.slice(&self.0.tbs)
    }

    /// The subject; `Display` is RFC 4514.
    #[must_use]
    pub fn subject(&self) -> &Name {
        &self.0.subject
    }

    /// The issuer's name; its `der()` is what chains are built by.
    #[must_use]
    pub fn issuer(&self) -> &Name {
        &self.0.issuer
    }

    /// The subject's common name.
    #[must_use]
    pub fn common_name(&self) -> Option<String> {
        self.0.subject.common_name()
    }

    /// The serial number's content octets, big-endian, sign octet included.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        self.slice(&self.0.serial)
    }

    /// The public key as DER SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        self.slice(&self.0.spki)
    }

    /// First second of validity (Unix time).
    #[must_use]
    pub fn not_before(&self) -> i64 {
        self.0.not_before
    }

    /// Last second of validity (Unix time), inclusive.
    #[must_use]
    pub fn not_after(&self) -> i64 {
        self.0.not_after
    }

    /// Whether `at` lies in the validity period, both ends included.
    #[must_use]
    pub fn is_valid_at(&self, at: i64) -> bool {
        (self.0.not_before..=self.0.not_after).contains(&at)
    }

    /// All subject alternative names.
    #[must_use]
    pub fn subject_alt_names(&self) -> &[GeneralName] {
        &self.0.extensions.subject_alt_names
    }

    /// URI subject alternative names.
    pub fn uri_sans(&self) -> impl Iterator<Item = &str> {
        self.subject_alt_names().iter().filter_map(|name| match name {
            GeneralName::Uri(uri) => Some(uri.as_str()),
            _ => None,
        })
    }

    /// DNS subject alternative names.
    pub fn dns_sans(&self) -> impl Iterator<Item = &str> {
        self.subject_alt_names().iter().filter_map(|name| match name {
            GeneralName::Dns(dns) => Some(dns.as_str()),
            _ => None,
        })
    }

    /// IP address subject alternative names.
    pub fn ip_sans(&self) -> impl Iterator<Item = IpAddr> {
        self.subject_alt_names().iter().filter_map(|name| match name {
            GeneralName::Ip(octets) => <[u8; 4]>::try_from(octets.as_slice())
                .map(IpAddr::from)
                .or_else(|_| <[u8; 16]>::try_from(octets.as_slice()).map(IpAddr::from))
                .ok(),
            _ => None,
        })
    }

    /// The keyUsage extension, if present.
    #[must_use]
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.0.extensions.key_usage.map(KeyUsage::from_bits)
    }

    /// The purposes of extendedKeyUsage; `None` when the extension is absent (any purpose).
    #[must_use]
    pub fn extended_key_usages(&self) -> Option<&[ObjectIdentifier]> {
        self.0.extensions.extended_key_usages.as_deref()
    }

    /// basicConstraints, if present.
    #[must_use]
    pub fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.0.extensions.basic_constraints
    }

    /// nameConstraints, if present.
    #[must_use]
    pub fn name_constraints(&self) -> Option<&NameConstraints> {
        self.0.extensions.name_constraints.as_ref()
    }

    /// Whether basicConstraints says CA.
    #[must_use]
    pub fn is_ca(&self) -> bool {
        self.basic_constraints().is_some_and(|constraints| constraints.ca)
    }

    /// Whether subject and issuer are the same name (RFC 5280 §7.1).
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.0.subject == self.0.issuer || self.canonical_subject() == self.canonical_issuer()
    }

    /// Whether extensions could be carried at all (version 3).
    pub(crate) fn has_extensions(&self) -> bool {
        !self.0.extensions.present.is_empty()
    }

    pub(crate) fn extensions(&self) -> &Extensions {
        &self.0.extensions
    }

    pub(crate) fn canonical_subject(&self) -> &CanonicalName {
        let [subject, _] = self.canonical();
        subject
    }

    pub(crate) fn canonical_issuer(&self) -> &CanonicalName {
        let [_, issuer] = self.canonical();
        issuer
    }

    fn canonical(&self) -> &[CanonicalName; 2] {
        self.0.canonical.get_or_init(|| [&self.0.subject, &self.0.issuer].map(CanonicalName::new))
    }

    /// SHA-256 over the whole encoding.
    #[must_use]
    pub fn sha256_fingerprint(&self) -> &[u8; 32] {
        &self.0.fingerprint
    }

    /// URIs of cRLDistributionPoints.
    #[must_use]
    pub fn crl_distribution_points(&self) -> &[String] {
        &self.0.extensions.crl_distribution_points
    }

    /// OCSP responders of authorityInfoAccess.
    #[must_use]
    pub fn ocsp_uris(&self) -> &[String] {
        &self.0.extensions.ocsp_uris
    }

    /// caIssuers URIs of authorityInfoAccess.
    #[must_use]
    pub fn ca_issuer_uris(&self) -> &[String] {
        &self.0.extensions.ca_issuer_uris
    }

    /// Certificate policies.
    #[must_use]
    pub fn policies(&self) -> &[ObjectIdentifier] {
        &self.0.extensions.policies
    }

    /// Whether noRevAvail (RFC 9608) or id-pkix-ocsp-nocheck says that no revocation information exists.
    #[must_use]
    pub fn has_no_rev_avail(&self) -> bool {
        self.0.extensions.no_rev_avail || self.0.extensions.ocsp_nocheck
    }

    /// subjectKeyIdentifier.
    #[must_use]
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.0.extensions.subject_key_id.as_deref()
    }

    /// authorityKeyIdentifier's key identifier.
    #[must_use]
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.0.extensions.authority_key_id.as_deref()
    }

    /// Whether an extension is present, and if so whether it is critical.
    #[must_use]
    pub fn extension_criticality(&self, id: ObjectIdentifier) -> Option<bool> {
        self.0.extensions.present.iter().find(|(found, _)| *found == id).map(|(_, critical)| *critical)
    }

    /// Critical extensions this crate does not process (RFC 5280 §4.2: the certificate must be rejected).
    #[must_use]
    pub fn unprocessed_critical_extensions(&self) -> &[ObjectIdentifier] {
        &self.0.extensions.unprocessed_critical
    }

    /// The algorithm identifier the issuer signed with, as DER.
    #[must_use]
    pub fn signature_algorithm(&self) -> &[u8] {
        self.slice(&self.0.signature_algorithm)
    }

    /// Verifies the certificate's signature with the issuer's key, over the original bytes.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify_signature(&self, issuer_spki: &[u8]) -> Result<(), SignatureError> {
        let scheme = SignatureScheme::from_algorithm(self.signature_algorithm(), issuer_spki)?;
        Ok(crypto::verify(issuer_spki, scheme, self.tbs(), self.slice(&self.0.signature))?)
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

impl std::hash::Hash for Certificate {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.fingerprint.hash(state);
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.0.subject)
            .field("issuer", &self.0.issuer)
            .finish_non_exhaustive()
    }
}

const PEM_LABEL: &str = "CERTIFICATE";

/// Certificates of real CAs stay below 10 KB.
const MAX_LEN: usize = 256 * 1024;
