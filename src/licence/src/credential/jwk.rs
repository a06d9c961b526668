//! Holders' public keys as JSON Web Keys (RFC 7517, RFC 7518 §6.2.1): P-256 alone.

use serde_json::{Map, Value, json};
use thiserror::Error;

use super::json;

/// A public P-256 key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwk {
    x: [u8; 32],
    y: [u8; 32],
    spki: Vec<u8>,
}

/// Why a value is no such key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JwkError {
    /// Another kind, or no object.
    #[error("the holder's key is not a JWK with `kty` EC and `crv` P-256")]
    Kind,
    /// It shows a private key.
    #[error("the holder's key holds its private member `{0}`: it is compromised now")]
    Private(&'static str),
    /// A coordinate is missing, not base64url, or not 32 octets.
    #[error("the coordinate `{0}` of the holder's key is not 32 octets in base64url")]
    Coordinate(&'static str),
    /// Not a point of the curve.
    #[error("the holder's key is not a point of P-256")]
    Point,
    /// Meant for another algorithm or for encryption.
    #[error("the holder's key is not for signing with ES256")]
    Use,
}

impl Jwk {
    /// Reads a key. Members that say nothing about the key itself (`kid`) are left aside.
    ///
    /// # Errors
    /// [`JwkError`].
    pub fn parse(value: &Value) -> Result<Self, JwkError> {
        let members = value.as_object().ok_or(JwkError::Kind)?;
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        if text("kty") != Some("EC") || text("crv") != Some("P-256") {
            return Err(JwkError::Kind);
        }
        if let Some(name) = ["d", "k"].into_iter().find(|name| members.contains_key(*name)) {
            return Err(JwkError::Private(name));
        }
        let says =
            |name: &str, fits: &str| members.get(name).is_none_or(|value| value.as_str() == Some(fits));
        if !says("alg", "ES256") || !says("use", "sig") {
            return Err(JwkError::Use);
        }
        let coordinate = |name: &'static str| {
            let octets = text(name).filter(|text| text.len() == 43).and_then(json::decode);
            octets.and_then(|octets| <[u8; 32]>::try_from(octets).ok()).ok_or(JwkError::Coordinate(name))
        };
        Self::from_coordinates(coordinate("x")?, coordinate("y")?)
    }

    /// The key of a DER SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`JwkError::Kind`] for another than a P-256 key in its uncompressed form.
    pub fn from_spki(spki: &[u8]) -> Result<Self, JwkError> {
        let point = spki.len().checked_sub(64).and_then(|from| spki.get(from..)).ok_or(JwkError::Kind)?;
        let (x, y) = point.split_at_checked(32).ok_or(JwkError::Kind)?;
        let (x, y) = (x.try_into().map_err(|_| JwkError::Kind)?, y.try_into().map_err(|_| JwkError::Kind)?);
        let key = Self::from_coordinates(x, y).map_err(|_| JwkError::Kind)?;
        if key.spki == spki { Ok(key) } else { Err(JwkError::Kind) }
    }

    fn from_coordinates(x: [u8; 32], y: [u8; 32]) -> Result<Self, JwkError> {
        let point = [&[0x04][..], &x, &y].concat();
        let spki = crypto::device::p256_public_key(&point).map_err(|_| JwkError::Point)?;
        Ok(Self { x, y, spki })
    }

    /// DER SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The key as JSON: `kty`, `crv`, `x`, `y`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        json!({ "kty": "EC", "crv": "P-256", "x": json::encode(&self.x), "y": json::encode(&self.y) })
    }

    /// `cnf` of a credential (RFC 7800 §3.2).
    pub(super) fn confirmation(&self) -> Value {
        let mut members = Map::new();
        members.insert("jwk".to_owned(), self.to_value());
        Value::Object(members)
    }
}
