//! The holder's part: choosing what to disclose, and proving possession of the key (RFC 9901 §4.3, §7.2).

use crypto::Signer;
use serde_json::{Map, Value};

use super::super::issuer::sign_es256;
use super::super::jws;
use super::disclosure::Disclosure;
use super::{SdJwtError, digest};

/// What a proof of possession is bound to.
#[derive(Clone, Copy)]
pub struct Binding<'a> {
    /// The holder's key.
    pub signer: &'a dyn Signer,
    /// Whom the presentation is for.
    pub audience: &'a str,
    /// What they asked to be repeated.
    pub nonce: &'a str,
    /// When it is made, Unix seconds.
    pub issued_at: i64,
}

/// A presentation of `credential` (as issued) with those of its claims that `disclose` names, bound to the holder's key where
/// `binding` says so. Names that the credential has no disclosure for are left out.
///
/// # Errors
/// [`SdJwtError`] when the credential does not read, or the key does not sign.
pub fn present(
    credential: &str,
    disclose: &[&str],
    binding: Option<&Binding<'_>>,
) -> Result<String, SdJwtError> {
    let mut parts = credential.split('~');
    let token = parts.next().ok_or(SdJwtError::Form)?;
    let mut text = format!("{token}~");
    for part in parts.filter(|part| !part.is_empty()) {
        let disclosure = Disclosure::parse(part)?;
        if disclosure.name().is_some_and(|name| disclose.contains(&name)) {
            text.push_str(part);
            text.push('~');
        }
    }
    let Some(binding) = binding else { return Ok(text) };
    let mut header = Map::new();
    header.insert("alg".to_owned(), jws::ES256.into());
    header.insert("typ".to_owned(), super::verify::BINDING_TYPE.into());
    let mut payload = Map::new();
    payload.insert("iat".to_owned(), binding.issued_at.into());
    payload.insert("aud".to_owned(), Value::from(binding.audience));
    payload.insert("nonce".to_owned(), Value::from(binding.nonce));
    payload.insert("sd_hash".to_owned(), digest(&text).into());
    let proof = jws::frame(&header, &payload, |message| sign_es256(binding.signer, message))?;
    Ok(text + &proof)
}
