//! Who signs: a P-256 key with its certificates, named by the URI in the first of them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto::{SignError, SignatureScheme, Signer};
use pki::Certificate;
use serde_json::Value;
use thiserror::Error;

/// A key and its certificate path, the root left out.
#[derive(Clone)]
pub struct Issuer {
    signer: Arc<dyn Signer>,
    chain: Vec<Certificate>,
    uri: String,
}

/// Why a key and certificates are no issuer, or did not sign.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IssuerError {
    /// Another algorithm than ECDSA on P-256 with SHA-256.
    #[error(
        "credentials are signed by P-256 keys with SHA-256 (ES256) alone; name a key of suite `international`"
    )]
    Scheme,
    /// No certificate at all.
    #[error("no certificate for the key that signs")]
    NoCertificate,
    /// The first certificate is another key's.
    #[error("the certificate of `{subject}` is not that of the key that signs")]
    OtherKey {
        /// Whose it is.
        subject: String,
    },
    /// Not exactly one URI.
    #[error("the certificate of `{subject}` names {found} URIs where the issuer goes by exactly one")]
    Name {
        /// Whose it is.
        subject: String,
        /// How many there are.
        found: usize,
    },
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The key answered with something else than a signature.
    #[error("the key did not answer with an ECDSA signature")]
    Signature,
}

impl Issuer {
    /// A key with its certificates: its own first, then those above it, without the root.
    ///
    /// # Errors
    /// [`IssuerError`] when they do not belong together.
    pub fn new(signer: Arc<dyn Signer>, chain: Vec<Certificate>) -> Result<Self, IssuerError> {
        if signer.scheme() != SignatureScheme::EcdsaP256Sha256 {
            return Err(IssuerError::Scheme);
        }
        let own = chain.first().ok_or(IssuerError::NoCertificate)?;
        let subject = || own.subject().to_string();
        if own.spki() != signer.public_key() {
            return Err(IssuerError::OtherKey { subject: subject() });
        }
        let names: Vec<&str> = own.uri_sans().collect();
        let [uri] = names.as_slice() else {
            return Err(IssuerError::Name { subject: subject(), found: names.len() });
        };
        let uri = (*uri).to_owned();
        Ok(Self { signer, chain, uri })
    }

    /// The URI it goes by: `iss` of what it signs.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Its certificate.
    #[must_use]
    pub fn certificate(&self) -> Option<&Certificate> {
        self.chain.first()
    }

    /// Its certificate and those above it, without the root.
    #[must_use]
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// `x5c`: its certificates, base64 (RFC 7515 §4.1.6).
    pub(super) fn x5c(&self) -> Value {
        self.chain.iter().map(|certificate| Value::String(STANDARD.encode(certificate.der()))).collect()
    }

    /// The 64 octets `r ‖ s` over a message.
    pub(super) fn sign(&self, message: &[u8]) -> Result<[u8; 64], IssuerError> {
        sign_es256(self.signer.as_ref(), message)
    }
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer").field("uri", &self.uri).finish_non_exhaustive()
    }
}

/// The 64 octets `r ‖ s` (RFC 7518 §3.4, RFC 9053 §2.1) over a message by a P-256 key.
pub(super) fn sign_es256(signer: &dyn Signer, message: &[u8]) -> Result<[u8; 64], IssuerError> {
    if signer.scheme() != SignatureScheme::EcdsaP256Sha256 {
        return Err(IssuerError::Scheme);
    }
    crypto::der_signature_to_raw(&signer.sign(message)?).ok_or(IssuerError::Signature)
}

/// Whether 64 octets `r ‖ s` are the signature over a message by the key of this SubjectPublicKeyInfo, which must be P-256.
pub(super) fn verifies_es256(spki: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let scheme = SignatureScheme::EcdsaP256Sha256;
    <&[u8; 64]>::try_from(signature)
        .ok()
        .and_then(|raw| crypto::raw_signature_to_der(scheme, raw))
        .is_some_and(|der| crypto::verify(spki, scheme, message, &der).is_ok())
}
