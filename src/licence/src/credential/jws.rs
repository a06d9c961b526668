//! JSON Web Signatures in the compact form (RFC 7515 §7.1) with ES256 and `x5c`: the frame of credentials, status lists and
//! published documents.
//!
//! What a [`Jws`] says is not to be relied on before [`Jws::is_signed_by`] was asked; the modules above give out nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::Certificate;
use serde_json::{Map, Value};
use thiserror::Error;

use super::issuer::{Issuer, IssuerError, verifies_es256};
use super::json;

/// A compact JWS that reads.
#[derive(Debug, Clone)]
pub struct Jws {
    header: Map<String, Value>,
    typ: String,
    chain: Vec<Certificate>,
    payload: Map<String, Value>,
    signing_input: String,
    signature: Vec<u8>,
}

/// Why a text is no such JWS.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JwsError {
    /// Longer than is read.
    #[error("a signed object of {length} octets is longer than the {most} that are read")]
    TooLong {
        /// Its length.
        length: usize,
        /// The limit.
        most: usize,
    },
    /// Not three parts in base64url without padding.
    #[error("not a compact JWS: three parts in base64url without padding, divided by dots (RFC 7515)")]
    Form,
    /// The header or payload is not a JSON object, or has a member twice.
    #[error("the {part} is not a JSON object without members that stand twice")]
    Json {
        /// Which.
        part: &'static str,
    },
    /// Another algorithm, or none.
    #[error("signed with `{found}` where only ES256 is accepted")]
    Algorithm {
        /// What the header says.
        found: String,
    },
    /// Another type of object.
    #[error("the object is of type `{found}`, not `{wanted}`")]
    Type {
        /// What the header says.
        found: String,
        /// What is read here.
        wanted: &'static str,
    },
    /// A header parameter that would change how the object is read, or bring a key along.
    #[error("the header parameter `{name}` is not accepted")]
    Parameter {
        /// Which.
        name: &'static str,
    },
    /// The certificates in the header.
    #[error("`x5c` does not hold one to {MOST_CERTIFICATES} certificates in base64")]
    Certificates,
    /// The signature is not the key's.
    #[error("the signature does not verify")]
    Signature,
}

/// Signs a payload: compact form, header `alg`, `typ`, `x5c`.
///
/// # Errors
/// [`IssuerError`] when the key does not sign.
pub fn sign(typ: &str, payload: &Map<String, Value>, issuer: &Issuer) -> Result<String, IssuerError> {
    let mut header = Map::new();
    header.insert("alg".to_owned(), ES256.into());
    header.insert("typ".to_owned(), typ.into());
    header.insert("x5c".to_owned(), issuer.x5c());
    frame(&header, payload, |message| issuer.sign(message))
}

/// The compact form around whatever signs.
pub(super) fn frame(
    header: &Map<String, Value>,
    payload: &Map<String, Value>,
    sign: impl FnOnce(&[u8]) -> Result<[u8; 64], IssuerError>,
) -> Result<String, IssuerError> {
    // A map of strings and values always serialises.
    let part =
        |members: &Map<String, Value>| json::encode(Value::Object(members.clone()).to_string().as_bytes());
    let message = format!("{}.{}", part(header), part(payload));
    let signature = sign(message.as_bytes())?;
    Ok(format!("{message}.{}", json::encode(&signature)))
}

impl Jws {
    /// Reads a text of at most `most` octets whose type is one of `types`.
    ///
    /// # Errors
    /// [`JwsError`]; the signature is not looked at.
    pub fn parse(text: &str, types: &[&'static str], most: usize) -> Result<Self, JwsError> {
        if text.len() > most {
            return Err(JwsError::TooLong { length: text.len(), most });
        }
        let (signing_input, signature) = text.rsplit_once('.').ok_or(JwsError::Form)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwsError::Form)?;
        let octets = |part: &str| json::decode(part).ok_or(JwsError::Form);
        let header = json::object(&octets(header)?).ok_or(JwsError::Json { part: "protected header" })?;
        let payload = json::object(&octets(payload)?).ok_or(JwsError::Json { part: "payload" })?;
        let signature = octets(signature)?;
        match header.get("alg") {
            Some(Value::String(found)) if found == ES256 => {}
            found => {
                let found = found.and_then(Value::as_str).unwrap_or_default();
                return Err(JwsError::Algorithm { found: found.chars().take(32).collect() });
            }
        }
        if let Some(name) = REFUSED.into_iter().find(|name| header.contains_key(*name)) {
            return Err(JwsError::Parameter { name });
        }
        let typ = header.get("typ").and_then(Value::as_str).unwrap_or_default();
        // RFC 7515 §4.1.9: a media type, compared without case, `application/` left out.
        let bare = typ.to_ascii_lowercase();
        let bare = bare.strip_prefix("application/").unwrap_or(&bare).to_owned();
        if !types.contains(&bare.as_str()) {
            let wanted = types.first().copied().unwrap_or_default();
            return Err(JwsError::Type { found: typ.chars().take(64).collect(), wanted });
        }
        let chain = certificates(header.get("x5c"))?;
        let signing_input = signing_input.to_owned();
        Ok(Self { header, typ: bare, chain, payload, signing_input, signature })
    }

    /// Whether the key of this DER SubjectPublicKeyInfo signed it.
    ///
    /// # Errors
    /// [`JwsError::Signature`].
    pub fn is_signed_by(&self, spki: &[u8]) -> Result<(), JwsError> {
        if verifies_es256(spki, self.signing_input.as_bytes(), &self.signature) {
            Ok(())
        } else {
            Err(JwsError::Signature)
        }
    }

    /// The certificates in its header, the signer's first; empty without any.
    #[must_use]
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// Its type, in small letters and without `application/`.
    #[must_use]
    pub fn typ(&self) -> &str {
        &self.typ
    }

    /// The protected header.
    #[must_use]
    pub const fn header(&self) -> &Map<String, Value> {
        &self.header
    }

    /// What it says, signed or not.
    #[must_use]
    pub const fn payload(&self) -> &Map<String, Value> {
        &self.payload
    }

    /// A NumericDate of the payload (RFC 7519 §2), whole seconds.
    pub(super) fn seconds(&self, name: &'static str) -> Result<Option<i64>, &'static str> {
        seconds(&self.payload, name)
    }
}

/// A NumericDate (RFC 7519 §2) as whole seconds; fractions are cut off.
pub(super) fn seconds(members: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, &'static str> {
    let Some(value) = members.get(name) else { return Ok(None) };
    #[expect(clippy::cast_possible_truncation, reason = "bounded just before")]
    let read = value.as_i64().or_else(|| {
        value.as_f64().filter(|seconds| seconds.abs() < 1e15).map(|seconds| seconds.trunc() as i64)
    });
    read.filter(|seconds| seconds.abs() < 1_000_000_000_000_000).map(Some).ok_or(name)
}

/// `x5c` (RFC 7515 §4.1.6): base64 with padding, DER.
fn certificates(value: Option<&Value>) -> Result<Vec<Certificate>, JwsError> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let entries = value.as_array().ok_or(JwsError::Certificates)?;
    if !(1..=MOST_CERTIFICATES).contains(&entries.len()) {
        return Err(JwsError::Certificates);
    }
    let certificate = |entry: &Value| {
        let der = STANDARD.decode(entry.as_str()?).ok()?;
        Certificate::from_der(&der).ok()
    };
    entries.iter().map(|entry| certificate(entry).ok_or(JwsError::Certificates)).collect()
}

pub(super) const ES256: &str = "ES256";
pub(super) const MOST_CERTIFICATES: usize = 6;

/// RFC 7515 §4.1.11 (`crit`), RFC 7797 (`b64`), and whatever would have a key or its place come from the object itself.
const REFUSED: [&str; 7] = ["crit", "b64", "zip", "jwk", "jku", "x5u", "enc"];
