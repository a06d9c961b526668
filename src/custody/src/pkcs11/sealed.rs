//! AES-256-GCM inside the token. Format: version octet 0x11, 12 random octets of nonce, ciphertext, 16 octets of tag.
//!
//! The key itself takes random nonces here (the token derives no message keys as the file keystore does), so a key is
//! good for 2^32 seals (NIST SP 800-38D §8.3): rotate it before, or keep busy data keys in the file keystore.

use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::ObjectHandle;
use ring::rand::SystemRandom;
use zeroize::Zeroizing;

use super::link::{Failure, Lease};
use crate::aead;
use crate::api::CustodyError;

const VERSION: u8 = 0x11;
const TAG: usize = 16;

pub(super) fn seal(
    lease: &Lease<'_>,
    key: ObjectHandle,
    rng: &SystemRandom,
    plaintext: &[u8],
    aad: &[u8],
) -> Result<Vec<u8>, Failure> {
    let mut nonce = *aead::random::<12>(rng)?;
    let mut sealed = Vec::with_capacity(1 + nonce.len() + plaintext.len() + TAG);
    sealed.push(VERSION);
    sealed.extend_from_slice(&nonce);
    let parameters = GcmParams::new(&mut nonce, aad, 128.into())?;
    let text = lease.session().encrypt(&Mechanism::AesGcm(parameters), key, plaintext)?;
    if text.len() != plaintext.len() + TAG {
        return Err(CustodyError::Device { reason: "a ciphertext without its tag".to_owned() }.into());
    }
    sealed.extend_from_slice(&text);
    Ok(sealed)
}

pub(super) fn open(
    lease: &Lease<'_>,
    key: ObjectHandle,
    sealed: &[u8],
    aad: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let unauthentic = || Failure::Told(CustodyError::Unauthentic);
    let (version, rest) = sealed.split_first().ok_or_else(unauthentic)?;
    let (nonce, text) = rest.split_first_chunk::<12>().ok_or_else(unauthentic)?;
    if *version != VERSION || text.len() < TAG {
        return Err(unauthentic());
    }
    let mut nonce = *nonce;
    let parameters = GcmParams::new(&mut nonce, aad, 128.into())?;
    match lease.session().decrypt(&Mechanism::AesGcm(parameters), key, text) {
        Ok(plaintext) => Ok(Zeroizing::new(plaintext)),
        // Tokens do not agree on what to answer to a wrong tag; one that is well meant the data.
        Err(Error::Pkcs11(
            RvError::EncryptedDataInvalid
            | RvError::EncryptedDataLenRange
            | RvError::GeneralError
            | RvError::FunctionFailed
            | RvError::DataInvalid
            | RvError::SignatureInvalid,
            _,
        )) => {
            lease.probe()?;
            Err(unauthentic())
        }
        Err(error) => Err(error.into()),
    }
}
