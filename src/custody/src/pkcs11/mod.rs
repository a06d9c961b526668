//! Keys in a PKCS#11 token: a hardware security module, a smart card, or SoftHSM.
//!
//! Responsible for: keys made *inside* the token (sensitive, never extractable), their use through a bounded pool of
//! sessions, and getting the token back after it vanished. Not responsible for initialising tokens and their PINs
//! (that is done with the maker's tool), nor for anything but keys in them. Called as every other keeper, through
//! [`Custody`].
//!
//! What a token must offer depends on the keys it is to hold: CKM_EC_KEY_PAIR_GEN and CKM_ECDSA (or
//! CKM_ECDSA_SHA256) for P-256, CKM_EC_EDWARDS_KEY_PAIR_GEN and CKM_EDDSA for Ed25519, CKM_AES_KEY_GEN and
//! CKM_AES_GCM for sealing, CKM_GENERIC_SECRET_KEY_GEN and CKM_SHA256_HMAC for authentication. A key of a kind that
//! the token does not offer is refused with [`CustodyError::NotOffered`].
//!
//! Standard: OASIS PKCS #11 v2.40 and v3.1 (Base Specification, Current Mechanisms).

mod link;
mod module;
mod object;
mod pin;
mod sealed;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crypto::{DigestAlgorithm, PrehashedSigner, SignError, SignatureScheme, Signer};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::{Mechanism, MechanismType};
use ring::rand::SystemRandom;
use zeroize::Zeroizing;

pub use link::TokenChoice;
pub use pin::{Pin, PinError};

use crate::api::{Algorithm, BlindPermit, Custody, CustodyError, Health, KeyInfo, Usage};
use crate::label::Label;
use link::{Failure, Lease, Link};
use module::Module;
use object::Found;

/// How to reach a token.
#[derive(Debug)]
pub struct TokenSettings {
    /// The PKCS#11 module: a shared library.
    pub module: PathBuf,
    /// Which of the module's tokens.
    pub token: TokenChoice,
    /// The user's PIN.
    pub pin: Pin,
    /// Sessions open at once, at least 1.
    pub sessions: usize,
}

/// A token as a keeper of keys.
#[derive(Debug, Clone)]
pub struct Token(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    link: Link,
    rng: SystemRandom,
    /// Held while a key is made or destroyed: a label is looked up and taken in one step.
    changing: Mutex<()>,
}

impl Token {
    /// Opens the token, or leaves it to later when it is not there: [`Custody::health`] tells, and every use tries
    /// again with growing pauses.
    ///
    /// # Errors
    /// [`CustodyError::Device`] when the module cannot be loaded at all.
    pub fn open(settings: TokenSettings) -> Result<Self, CustodyError> {
        let module = Module::load(&settings.module)?;
        let link = Link::new(module, settings.token, settings.pin, settings.sessions.max(1));
        let token = Self(Arc::new(Inner { link, rng: SystemRandom::new(), changing: Mutex::new(()) }));
        // Failing is remembered and told by `health`.
        let _ = token.0.link.with(|_| Ok(()));
        Ok(token)
    }

    /// Takes a PIN that a person entered, in place of what was known; the next use tries it once.
    pub fn enter_pin(&self, pin: Zeroizing<String>) {
        self.0.link.enter(Pin::Entered(pin));
    }

    /// A key that is there, with its place in the token; remembered until the connection is made anew.
    fn find(&self, lease: &Lease<'_>, label: &Label) -> Result<Arc<Found>, Failure> {
        if let Some(found) = lease.remembered(label) {
            return Ok(found);
        }
        let found = object::find(lease.session(), label)?;
        let Some(found) = found else {
            // A token that was pulled may look empty: only one that answers may say so.
            lease.probe()?;
            return Err(CustodyError::NoSuchKey { label: label.to_string() }.into());
        };
        Ok(lease.remember(label, found))
    }

    /// Does something with a key of the right usage.
    fn using<T>(
        &self,
        label: &str,
        wanted: Usage,
        work: impl Fn(&Lease<'_>, &Found) -> Result<T, Failure>,
    ) -> Result<T, CustodyError> {
        let label = Label::new(label)?;
        self.0.link.with(|lease| {
            let found = self.find(lease, &label)?;
            let usage = found.info.usage;
            if !usage.serves(wanted) {
                return Err(CustodyError::Usage { label: label.to_string(), usage, wanted }.into());
            }
            work(lease, &found)
        })
    }

    fn sign(&self, label: &str, message: &[u8]) -> Result<Vec<u8>, CustodyError> {
        let refused = |reason: &str| {
            Failure::Told(CustodyError::Device { reason: format!("the signature by `{label}` {reason}") })
        };
        self.using(label, Usage::Sign, |lease, found| match found.info.algorithm {
            Algorithm::P256 => {
                let raw = if lease.offers(MechanismType::ECDSA) {
                    let digest = DigestAlgorithm::Sha256.digest(message);
                    lease.session().sign(&Mechanism::Ecdsa, found.handle, &digest)?
                } else {
                    lease.session().sign(&Mechanism::EcdsaSha256, found.handle, message)?
                };
                crypto::device::ecdsa_p256_signature(&raw).ok_or_else(|| refused("is not an ECDSA one"))
            }
            _ => {
                let mechanism = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519));
                let signature = lease.session().sign(&mechanism, found.handle, message)?;
                if signature.len() == 64 { Ok(signature) } else { Err(refused("is not an Ed25519 one")) }
            }
        })
    }
}

impl Token {
    /// Signs a digest as it is (CKM_ECDSA), with a key made for that.
    fn sign_digest(&self, label: &str, digest: &[u8; 32]) -> Result<Vec<u8>, CustodyError> {
        let raw = self.using(label, Usage::SignPrehashed, |lease, found| {
            Ok(lease.session().sign(&Mechanism::Ecdsa, found.handle, digest)?)
        })?;
        crypto::device::ecdsa_p256_signature(&raw).ok_or_else(|| CustodyError::Device {
            reason: format!("the signature by `{label}` is not an ECDSA one"),
        })
    }

    /// The signer of a key with its scheme and public key.
    fn signer_for(&self, label: &str, wanted: Usage) -> Result<TokenSigner, CustodyError> {
        let (scheme, public_key) = self.using(label, wanted, |_, found| {
            let scheme = match found.info.algorithm {
                Algorithm::P256 => SignatureScheme::EcdsaP256Sha256,
                _ => SignatureScheme::Ed25519,
            };
            Ok((scheme, found.info.public_key.clone().unwrap_or_default()))
        })?;
        Ok(TokenSigner { token: self.clone(), label: label.to_owned(), scheme, public_key })
    }
}

impl Custody for Token {
    fn generate(&self, label: &str, algorithm: Algorithm, usage: Usage) -> Result<KeyInfo, CustodyError> {
        let label = Label::new(label)?;
        if !algorithm.allows(usage) {
            return Err(CustodyError::Combination { algorithm, usage });
        }
        let id = object::id(usage, &*crate::aead::random::<16>(&self.0.rng)?);
        let _alone = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.link.with(|lease| {
            let offered = object::mechanisms(algorithm, usage);
            if let Some(missing) = offered.iter().find(|any| !any.iter().any(|one| lease.offers(*one))) {
                return Err(object::not_offered(algorithm, missing.first().copied()).into());
            }
            if object::taken(lease.session(), &label)? {
                return Err(CustodyError::Exists { label: label.to_string() }.into());
            }
            object::generate(lease.session(), &label, algorithm, &id)?;
            // Another process may have taken the label meanwhile: then `find` sees two, and ours goes.
            match object::find(lease.session(), &label) {
                Ok(Some(found)) => Ok(lease.remember(&label, found).info.clone()),
                Ok(None) => Err(CustodyError::NoSuchKey { label: label.to_string() }.into()),
                Err(error) => {
                    object::destroy(lease.session(), &label, Some(&id))?;
                    Err(error)
                }
            }
        })
    }

    fn keys(&self) -> Result<Vec<KeyInfo>, CustodyError> {
        self.0.link.with(|lease| {
            lease.probe()?;
            let mut keys = Vec::new();
            for label in object::labels(lease.session())? {
                keys.push(self.find(lease, &label)?.info.clone());
            }
            Ok(keys)
        })
    }

    fn key(&self, label: &str) -> Result<KeyInfo, CustodyError> {
        let label = Label::new(label)?;
        self.0.link.with(|lease| Ok(self.find(lease, &label)?.info.clone()))
    }

    fn signer(&self, label: &str) -> Result<Arc<dyn Signer>, CustodyError> {
        Ok(Arc::new(self.signer_for(label, Usage::Sign)?))
    }

    fn prehashed_signer(
        &self,
        label: &str,
        _permit: &dyn BlindPermit,
    ) -> Result<Arc<dyn PrehashedSigner>, CustodyError> {
        Ok(Arc::new(self.signer_for(label, Usage::SignPrehashed)?))
    }

    fn seal(&self, label: &str, plaintext: &[u8], aad: &[u8]) -> Result<Vec<u8>, CustodyError> {
        self.using(label, Usage::Seal, |lease, found| {
            sealed::seal(lease, found.handle, &self.0.rng, plaintext, aad)
        })
    }

    fn open(&self, label: &str, sealed: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
        self.using(label, Usage::Seal, |lease, found| sealed::open(lease, found.handle, sealed, aad))
    }

    fn mac(&self, label: &str, message: &[u8]) -> Result<[u8; 32], CustodyError> {
        self.using(label, Usage::Mac, |lease, found| {
            let mac = lease.session().sign(&Mechanism::Sha256Hmac, found.handle, message)?;
            mac.as_slice().try_into().map_err(|_| {
                Failure::Told(CustodyError::Device { reason: format!("an HMAC of {} octets", mac.len()) })
            })
        })
    }

    fn destroy(&self, label: &str) -> Result<(), CustodyError> {
        let label = Label::new(label)?;
        let _alone = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.link.with(|lease| {
            lease.forget(&label);
            if object::destroy(lease.session(), &label, None)? {
                return Ok(());
            }
            lease.probe()?;
            Err(CustodyError::NoSuchKey { label: label.to_string() }.into())
        })
    }

    fn health(&self) -> Vec<Health> {
        vec![self.0.link.health()]
    }
}

/// A key in the token.
struct TokenSigner {
    token: Token,
    label: String,
    scheme: SignatureScheme,
    public_key: Vec<u8>,
}

impl Signer for TokenSigner {
    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.token.sign(&self.label, message).map_err(told)
    }
}

impl PrehashedSigner for TokenSigner {
    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    fn sign_prehashed(&self, digest: &[u8; 32]) -> Result<Vec<u8>, SignError> {
        self.token.sign_digest(&self.label, digest).map_err(told)
    }
}

fn told(error: CustodyError) -> SignError {
    match error {
        CustodyError::Unavailable { reason, .. } => SignError::Unavailable { reason },
        other => SignError::Device { reason: other.to_string() },
    }
}
