//! Signing with a seal, in the order of GB/T 38540-2020: the signer's certificate, the seal, the signer in the seal's list,
//! then the digest and the signature.
//!
//! A [`Sealer`] has passed the first three; it can be kept for as long as what it was made of does not change, and asks
//! again only what depends on the time. Whether certificates are trusted is for [`Approval`] to say: the caller's own
//! knowledge, or [`Trust`](crate::verify::Trust), which builds paths.

use crypto::{DigestAlgorithm, SignatureScheme, Signer};
use pki::Certificate;
use thiserror::Error;

use super::Signature;
use crate::{
    asn1::{self, bits, encoded_len, join, tlv, unsigned},
    deviation::Deviation,
    seal::{Extension, MakeError, Seal, Version, last_start},
    verify::{is_listed, maker_signature},
    write::{self, algorithm_oid, extensions, generalized_time, is_ia5},
};

/// Whose word it is whether a certificate may be relied on for a signature that is about to be made.
pub trait Approval {
    /// Chain, validity, revocation and key usage of the signer's certificate, now.
    ///
    /// # Errors
    /// [`Refusal`] with the reason.
    fn signer(&self, certificate: &Certificate, now: i64) -> Result<(), Refusal>;

    /// The same of the certificate of the seal's maker, who made it at `created`.
    ///
    /// # Errors
    /// [`Refusal`] with the reason.
    fn maker(&self, certificate: &Certificate, created: i64, now: i64) -> Result<(), Refusal>;
}

/// Why a certificate is not approved.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct Refusal {
    /// For people.
    pub reason: String,
}

/// Why nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignError {
    /// Step 1: the signer's certificate cannot be read.
    #[error("the signer's certificate cannot be read: {why}")]
    Certificate {
        /// Why not.
        why: String,
    },
    /// Step 1: it is not to be relied on.
    #[error("the signer's certificate is not to be relied on: {0}")]
    Signer(Refusal),
    /// Step 1: it is for another key.
    #[error("the signer's certificate is not for the key that signs")]
    Key,
    /// Step 2: the maker's signature does not hold.
    #[error("the seal is not as its maker signed it: {why}")]
    Seal {
        /// What is wrong.
        why: String,
    },
    /// Step 2: the maker's certificate is not to be relied on.
    #[error("the certificate of the seal's maker is not to be relied on: {0}")]
    Maker(Refusal),
    /// Step 2: the seal is not valid now.
    #[error("the seal is valid from {from} to {to}, and not at {at} (Unix seconds)")]
    NotValid {
        /// First second.
        from: i64,
        /// Last second.
        to: i64,
        /// The time of signing.
        at: i64,
    },
    /// Step 3: the signer may not use the seal.
    #[error("the seal does not list the signer's certificate")]
    NotListed,
    /// V1 is read only.
    #[error("signatures of GM/T 0031-2014 are not made any more; remake the seal in version 4 or 5")]
    Version,
    /// The seal itself is not strict DER, so that no signature around it would be.
    #[error("the seal is not as the standard wants it: {0}")]
    Deviant(Box<Deviation>),
    /// Step 1: its scheme cannot be named by an OBJECT IDENTIFIER alone.
    #[error("the signer's key signs in a way that a signature cannot name; use SM2 or P-256")]
    Scheme,
    /// Step 4: another digest than the signature's own.
    #[error("the digest must be by {expected} and of its length")]
    Digest {
        /// The algorithm's name.
        expected: &'static str,
    },
    /// What was signed cannot be described so.
    #[error("`{0}` cannot stand in a signature: printable ASCII of at most 1024 characters is wanted")]
    PropertyInfo(String),
    /// Step 5.
    #[error(transparent)]
    Sign(#[from] crypto::SignError),
}

/// A seal and a signer that may use it.
// INVARIANT: made by `Sealer::new` alone, after the first three steps.
#[derive(Clone, Debug)]
pub struct Sealer {
    seal: Seal,
    certificate: Certificate,
}

impl Sealer {
    /// The first three steps: the signer's certificate, the seal, the signer in the seal's list. `now` is the time of
    /// signing, Unix seconds.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn new(
        seal: &Seal,
        certificate: &[u8],
        approval: &dyn Approval,
        now: i64,
    ) -> Result<Self, SignError> {
        if seal.version() == Version::V1 {
            return Err(SignError::Version);
        }
        let certificate = Certificate::from_der(certificate)
            .map_err(|error| SignError::Certificate { why: error.to_string() })?;
        approval.signer(&certificate, now).map_err(SignError::Signer)?;
        let again = Seal::parse(seal.der()).map_err(|error| SignError::Seal { why: error.to_string() })?;
        if let Some(deviation) = again.deviations.into_iter().next() {
            return Err(SignError::Deviant(Box::new(deviation)));
        }
        let maker = maker_signature(seal).map_err(|why| SignError::Seal { why })?;
        approval.maker(&maker, seal.created(), now).map_err(SignError::Maker)?;
        if !is_listed(seal, certificate.der()) {
            return Err(SignError::NotListed);
        }
        let sealer = Self { seal: seal.clone(), certificate };
        sealer.is_timely(now)?;
        Ok(sealer)
    }

    /// The seal.
    #[must_use]
    pub const fn seal(&self) -> &Seal {
        &self.seal
    }

    /// The signer's certificate.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    fn is_timely(&self, at: i64) -> Result<(), SignError> {
        let (from, to) = (self.seal.valid_from(), self.seal.valid_to());
        match self.seal.is_valid_at(at) {
            true => Ok(()),
            false => Err(SignError::NotValid { from, to, at }),
        }
    }

    /// Signs a digest of the content: the SES_Signature in DER. `digest` must be that of the signer's scheme (SM3 for SM2,
    /// SHA-256 for P-256), `property_info` says what was signed, `time` is the time of signing, Unix seconds.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn sign(
        &self,
        signer: &dyn Signer,
        digest: DigestAlgorithm,
        data_hash: &[u8],
        property_info: &str,
        time: i64,
    ) -> Result<Vec<u8>, SignError> {
        self.sign_extended(signer, digest, data_hash, property_info, time, &[])
    }

    /// As [`Self::sign`], with extensions of what is signed.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn sign_extended(
        &self,
        signer: &dyn Signer,
        digest: DigestAlgorithm,
        data_hash: &[u8],
        property_info: &str,
        time: i64,
        extended: &[Extension],
    ) -> Result<Vec<u8>, SignError> {
        if self.certificate.spki() != signer.public_key() {
            return Err(SignError::Key);
        }
        self.is_timely(time)?;
        if !self.certificate.is_valid_at(time) {
            let reason = "it is not valid at the time of signing".to_owned();
            return Err(SignError::Signer(Refusal { reason }));
        }
        let algorithm = algorithm_oid(signer.scheme()).ok_or(SignError::Scheme)?;
        let own = signer.scheme().cms_digest();
        if digest != own || data_hash.len() != own.output_len() {
            return Err(SignError::Digest { expected: own.name() });
        }
        if !is_ia5(property_info) || property_info.len() > MAX_PROPERTY_INFO {
            return Err(SignError::PropertyInfo(property_info.to_owned()));
        }
        let invalid =
            || SignError::NotValid { from: self.seal.valid_from(), to: self.seal.valid_to(), at: time };
        let extended = match extended.is_empty() {
            true => Vec::new(),
            false => tlv(asn1::CONTEXT_0, &extensions(extended)),
        };
        let to_sign = join(
            asn1::SEQUENCE,
            &[
                &unsigned(self.seal.version().number().unsigned_abs()),
                self.seal.der(),
                &generalized_time(time).ok_or_else(invalid)?,
                &bits(data_hash),
                &tlv(asn1::IA5_STRING, property_info.as_bytes()),
                &extended,
            ],
        );
        let value = signer.sign(&to_sign)?;
        Ok(join(
            asn1::SEQUENCE,
            &[&to_sign, &tlv(asn1::OCTET_STRING, self.certificate.der()), &algorithm, &bits(&value)],
        ))
    }

    /// How long a signature may become, time-stamp included: for a hole that is reserved before signing. `time_stamp` is
    /// the longest token there may be; `None` without one.
    #[must_use]
    pub fn max_len(&self, scheme: SignatureScheme, property_info: &str, time_stamp: Option<usize>) -> usize {
        max_len(self.seal.der().len(), self.certificate.der().len(), scheme, property_info.len(), time_stamp)
    }
}

/// Signs at once: all steps of the standard, with `approval` saying what is trusted. See [`Sealer`] to sign often.
///
/// # Errors
/// [`SignError`].
#[expect(clippy::too_many_arguments, reason = "each is an input of the standard's signing")]
pub fn sign(
    seal: &Seal,
    signer: &dyn Signer,
    certificate: &[u8],
    digest: DigestAlgorithm,
    data_hash: &[u8],
    property_info: &str,
    time: i64,
    approval: &dyn Approval,
) -> Result<Vec<u8>, SignError> {
    Sealer::new(seal, certificate, approval, time)?.sign(signer, digest, data_hash, property_info, time)
}

/// How long an SES_Signature without extensions may become, from the lengths of its parts: the seal's encoding, the
/// signer's certificate, propertyInfo, and the longest time-stamp token if there is to be one. Never too short: every
/// other field has one length.
#[must_use]
pub fn max_len(
    seal: usize,
    certificate: usize,
    scheme: SignatureScheme,
    property_info: usize,
    time_stamp: Option<usize>,
) -> usize {
    let version = 3;
    let time = 17;
    let data_hash = encoded_len(1 + scheme.cms_digest().output_len());
    let to_sign = encoded_len(version + seal + time + data_hash + encoded_len(property_info));
    let algorithm = algorithm_oid(scheme).map_or(0, |oid| oid.len());
    let signature = encoded_len(1 + scheme.max_signature_len());
    let time_stamp = time_stamp.map_or(0, |token| encoded_len(encoded_len(1 + token)));
    encoded_len(to_sign + encoded_len(certificate) + algorithm + signature + time_stamp)
}

impl Signature {
    /// The same signature with a time-stamp token of its value.
    ///
    /// # Errors
    /// [`MakeError::Version`] for V1, which has no place for one, [`MakeError::Unsound`] when the signature deviates itself.
    pub fn with_time_stamp(&self, token: &[u8]) -> Result<Vec<u8>, MakeError> {
        if self.version() == Version::V1 {
            return Err(MakeError::Version);
        }
        let outer = asn1::first(&self.der).map(|outer| outer.content).unwrap_or_default();
        let end = self.time_stamp.is_some().then(|| last_start(outer)).flatten().unwrap_or(outer.len());
        let kept = outer.get(..end).unwrap_or_default();
        let signature = join(asn1::SEQUENCE, &[kept, &write::time_stamp(token)]);
        write::sound(Self::parse(&signature)).map_err(|why| MakeError::Unsound { why })?;
        Ok(signature)
    }
}

/// A path inside a container, or a few words.
const MAX_PROPERTY_INFO: usize = 1024;
