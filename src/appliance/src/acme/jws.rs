//! Signed requests: JSON Web Signatures in the flattened form (RFC 7515 §7.2.2) under ACME's rules (RFC 8555 §6.2).
//!
//! A payload can be had only from a [`Jws`] whose signature was verified: [`Jws::verified`] gives it out. No
//! unprotected header, no member twice, no `crit`, no `b64`, no `none`, and a MAC only for external account binding
//! ([`Mac`]). Knows no HTTP, no account and no nonce.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Map, Value};

use super::json;
use super::jwk::{Algorithm, Jwk, JwkError};

/// A request that parses; nothing is known about its signature.
#[derive(Debug)]
pub struct Jws {
    /// The protected header.
    pub protected: Protected,
    signed: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// The protected header, as RFC 8555 §6.2 wants it.
#[derive(Debug)]
pub struct Protected {
    /// How it is signed.
    pub algorithm: Algorithm,
    /// By which key.
    pub key: KeyRef,
    /// The anti-replay nonce; the inner JWS of a key change has none.
    pub nonce: Option<String>,
    /// The URL it is meant for.
    pub url: String,
}

/// How a request names its key: exactly one of the two.
#[derive(Debug)]
pub enum KeyRef {
    /// The key itself.
    Jwk(Box<Jwk>),
    /// The URL of the account whose key it is.
    Kid(String),
}

/// What a verified request says.
#[derive(Debug, PartialEq)]
pub enum Payload {
    /// Nothing: POST-as-GET (RFC 8555 §6.3).
    Empty,
    /// An object.
    Object(Map<String, Value>),
}

/// Why octets are not a request, or not one that may be trusted.
#[derive(Debug, thiserror::Error)]
pub enum JwsError {
    /// Not JSON, or a member twice.
    #[error("the {part} cannot be read: {source}")]
    Json {
        /// Which part.
        part: &'static str,
        /// Where and what.
        source: serde_json::Error,
    },
    /// Not the flattened form, or a member with another type.
    #[error("{0}")]
    Shape(&'static str),
    /// Not base64url without padding.
    #[error("`{0}` is not base64url without padding")]
    Base64(&'static str),
    /// An algorithm that is not accepted.
    #[error("the algorithm `{0}` is not accepted")]
    Algorithm(String),
    /// The key.
    #[error(transparent)]
    Key(#[from] JwkError),
    /// The signature is not the key's.
    #[error("the signature does not verify")]
    Signature,
}

impl Jws {
    /// Reads the flattened form.
    ///
    /// # Errors
    /// [`JwsError`].
    pub fn parse(body: &[u8]) -> Result<Self, JwsError> {
        Self::read(&json::parse(body).map_err(|source| JwsError::Json { part: "request", source })?)
    }

    /// As [`parse`](Self::parse), from a value: the inner JWS of a key change.
    ///
    /// # Errors
    /// [`JwsError`].
    pub fn read(value: &Value) -> Result<Self, JwsError> {
        let parts = Parts::read(value)?;
        let header = &parts.header;
        let name = text(header, "alg", "the protected header has no `alg`")?;
        let algorithm = Algorithm::parse(name).ok_or_else(|| JwsError::Algorithm(shown(name)))?;
        let key = match (header.get("jwk"), header.get("kid")) {
            (Some(jwk), None) => KeyRef::Jwk(Box::new(Jwk::read(jwk)?)),
            (None, Some(Value::String(kid))) => KeyRef::Kid(kid.clone()),
            (None, Some(_)) => return Err(JwsError::Shape("`kid` is not a text")),
            _ => {
                return Err(JwsError::Shape(
                    "the protected header names a key by exactly one of `jwk` and `kid`",
                ));
            }
        };
        let nonce = match header.get("nonce") {
            None => None,
            Some(Value::String(nonce)) => Some(nonce.clone()),
            Some(_) => return Err(JwsError::Shape("`nonce` is not a text")),
        };
        let url = text(header, "url", "the protected header has no `url`")?.to_owned();
        let protected = Protected { algorithm, key, nonce, url };
        Ok(Self { protected, signed: parts.signed, payload: parts.payload, signature: parts.signature })
    }

    /// What the request says, if `key` signed it.
    ///
    /// # Errors
    /// [`JwsError::Signature`], or a payload that is neither empty nor an object.
    pub fn verified(&self, key: &Jwk) -> Result<Payload, JwsError> {
        if !key.verifies(self.protected.algorithm, &self.signed, &self.signature) {
            return Err(JwsError::Signature);
        }
        if self.payload.is_empty() {
            return Ok(Payload::Empty);
        }
        match json::parse(&self.payload) {
            Ok(Value::Object(members)) => Ok(Payload::Object(members)),
            Ok(_) => Err(JwsError::Shape("the payload is not an object")),
            Err(source) => Err(JwsError::Json { part: "payload", source }),
        }
    }
}

/// An external account binding (RFC 8555 §7.3.4): a MAC over the account's key by a key handed out beforehand.
#[derive(Debug)]
pub struct Mac {
    /// Which key.
    pub kid: String,
    /// The URL it is meant for: that of newAccount.
    pub url: String,
    signed: Vec<u8>,
    payload: Vec<u8>,
    tag: Vec<u8>,
}

impl Mac {
    /// Reads it: `alg` HS256, `kid`, `url`, and neither `nonce` nor `jwk`.
    ///
    /// # Errors
    /// [`JwsError`].
    pub fn read(value: &Value) -> Result<Self, JwsError> {
        let parts = Parts::read(value)?;
        let name = text(&parts.header, "alg", "the binding's header has no `alg`")?;
        if name != "HS256" {
            return Err(JwsError::Algorithm(shown(name)));
        }
        if parts.header.contains_key("nonce") || parts.header.contains_key("jwk") {
            return Err(JwsError::Shape("the binding's header has neither `nonce` nor `jwk`"));
        }
        let kid = text(&parts.header, "kid", "the binding's header has no `kid`")?.to_owned();
        let url = text(&parts.header, "url", "the binding's header has no `url`")?.to_owned();
        Ok(Self { kid, url, signed: parts.signed, payload: parts.payload, tag: parts.signature })
    }

    /// That it was made with `secret` over exactly the account's key.
    ///
    /// # Errors
    /// [`JwsError::Signature`]; a payload that is another key counts as such.
    pub fn binds(&self, secret: &[u8], account: &Jwk) -> Result<(), JwsError> {
        hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), &self.signed, &self.tag)
            .map_err(|_| JwsError::Signature)?;
        let bound =
            json::parse(&self.payload).map_err(|source| JwsError::Json { part: "bound key", source })?;
        if Jwk::read(&bound)? == *account { Ok(()) } else { Err(JwsError::Signature) }
    }
}

struct Parts {
    header: Map<String, Value>,
    signed: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl Parts {
    fn read(value: &Value) -> Result<Self, JwsError> {
        let members =
            value.as_object().ok_or(JwsError::Shape("a JWS in the flattened JSON form is an object"))?;
        if members.contains_key("header") {
            return Err(JwsError::Shape("an unprotected `header` is not accepted"));
        }
        if members.contains_key("signatures") {
            return Err(JwsError::Shape("one signature only: send the flattened JSON form"));
        }
        let part = |name: &'static str| {
            let fault = JwsError::Shape("a JWS has the texts `protected`, `payload` and `signature`");
            let text = members.get(name).and_then(Value::as_str).ok_or(fault)?;
            let octets = URL_SAFE_NO_PAD.decode(text).map_err(|_| JwsError::Base64(name))?;
            Ok::<_, JwsError>((text, octets))
        };
        let (protected, header) = part("protected")?;
        let (payload, payload_octets) = part("payload")?;
        let (_, signature) = part("signature")?;
        let header = match json::parse(&header) {
            Ok(Value::Object(header)) => header,
            Ok(_) => return Err(JwsError::Shape("the protected header is not an object")),
            Err(source) => return Err(JwsError::Json { part: "protected header", source }),
        };
        // RFC 7515 §4.1.11: what is critical and not understood makes the whole invalid; RFC 8555 §6.2 on `b64`.
        if header.contains_key("crit") || header.contains_key("b64") {
            return Err(JwsError::Shape("the header parameters `crit` and `b64` are not accepted"));
        }
        let signed = [protected.as_bytes(), b".", payload.as_bytes()].concat();
        Ok(Self { header, signed, payload: payload_octets, signature })
    }
}

fn text<'a>(header: &'a Map<String, Value>, name: &str, fault: &'static str) -> Result<&'a str, JwsError> {
    header.get(name).and_then(Value::as_str).ok_or(JwsError::Shape(fault))
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic()).take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use serde_json::json;

    struct Pair(EcdsaKeyPair);

    impl Pair {
        fn new() -> Self {
            let (random, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
            let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
            Self(EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap())
        }

        fn jwk(&self) -> Value {
            let point = self.0.public_key().as_ref();
            json!({ "kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(&point[1..33]),
                "y": URL_SAFE_NO_PAD.encode(&point[33..]) })
        }

        fn sign(&self, header: &str, payload: &str) -> Value {
            let (header, payload) = (URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
            let signed = format!("{header}.{payload}");
            let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
            json!({ "protected": header, "payload": payload, "signature": URL_SAFE_NO_PAD.encode(signature) })
        }
    }

    #[test]
    fn a_signed_request_gives_out_its_payload_and_a_foreign_key_does_not() {
        let pair = Pair::new();
        let header = json!({ "alg": "ES256", "jwk": pair.jwk(), "nonce": "n", "url": "u", "typ": "x" });
        let jws = Jws::parse(pair.sign(&header.to_string(), r#"{"a":1}"#).to_string().as_bytes()).unwrap();
        let KeyRef::Jwk(key) = &jws.protected.key else { panic!("a jwk") };
        assert_eq!(
            jws.verified(key).unwrap(),
            Payload::Object(json!({ "a": 1 }).as_object().unwrap().clone())
        );
        let other = Jwk::read(&Pair::new().jwk()).unwrap();
        assert!(matches!(jws.verified(&other), Err(JwsError::Signature)));
        let empty = Jws::read(&pair.sign(&header.to_string(), "")).unwrap();
        assert_eq!(empty.verified(key).unwrap(), Payload::Empty);
        let list = Jws::read(&pair.sign(&header.to_string(), "[]")).unwrap();
        assert!(matches!(list.verified(key), Err(JwsError::Shape(_))));
        let twice = Jws::read(&pair.sign(&header.to_string(), r#"{"a":1,"a":2}"#)).unwrap();
        assert!(matches!(twice.verified(key), Err(JwsError::Json { part: "payload", .. })));
    }

    #[test]
    fn headers_outside_of_the_rules_are_refused() {
        let pair = Pair::new();
        let jwk = pair.jwk();
        let refused = |header: &str| Jws::read(&pair.sign(header, "{}")).unwrap_err();
        for algorithm in ["none", "HS256", "RS512", "es256", ""] {
            let header = json!({ "alg": algorithm, "jwk": jwk, "nonce": "n", "url": "u" }).to_string();
            assert!(matches!(refused(&header), JwsError::Algorithm(_)), "{algorithm}");
        }
        let shapes = [
            json!({ "alg": "ES256", "jwk": jwk, "kid": "k", "nonce": "n", "url": "u" }),
            json!({ "alg": "ES256", "nonce": "n", "url": "u" }),
            json!({ "alg": "ES256", "kid": 1, "nonce": "n", "url": "u" }),
            json!({ "alg": "ES256", "jwk": jwk, "nonce": 1, "url": "u" }),
            json!({ "alg": "ES256", "jwk": jwk, "nonce": "n" }),
            json!({ "jwk": jwk, "nonce": "n", "url": "u" }),
            json!({ "alg": "ES256", "jwk": jwk, "nonce": "n", "url": "u", "crit": ["x"] }),
            json!({ "alg": "ES256", "jwk": jwk, "nonce": "n", "url": "u", "b64": false }),
            json!([]),
        ];
        for header in shapes {
            assert!(matches!(refused(&header.to_string()), JwsError::Shape(_)), "{header}");
        }
        let twice = r#"{"alg":"ES256","alg":"ES256","kid":"k","nonce":"n","url":"u"}"#;
        assert!(matches!(refused(twice), JwsError::Json { .. }));
    }

    #[test]
    fn other_serialisations_are_refused() {
        let pair = Pair::new();
        let header = json!({ "alg": "ES256", "jwk": pair.jwk(), "nonce": "n", "url": "u" }).to_string();
        let good = pair.sign(&header, "{}");
        assert!(Jws::read(&good).is_ok());
        let mut unprotected = good.clone();
        unprotected["header"] = json!({});
        let mut general = good.clone();
        general["signatures"] = json!([]);
        let mut lacking = good.clone();
        lacking.as_object_mut().unwrap().remove("payload");
        for value in [unprotected, general, lacking, json!("a.b.c"), json!([good.clone()])] {
            assert!(matches!(Jws::read(&value), Err(JwsError::Shape(_))), "{value}");
        }
        let mut padded = good.clone();
        padded["signature"] = format!("{}=", good["signature"].as_str().unwrap()).into();
        assert!(matches!(Jws::read(&padded), Err(JwsError::Base64("signature"))));
        let text = good.to_string();
        let twice = text.replacen('{', r#"{"payload":"","#, 1);
        assert!(matches!(Jws::parse(twice.as_bytes()), Err(JwsError::Json { .. })));
    }

    #[test]
    fn a_binding_binds_one_secret_to_one_key() {
        let pair = Pair::new();
        let account = Jwk::read(&pair.jwk()).unwrap();
        let make = |header: Value, key: &Value, secret: &[u8]| {
            let (header, payload) =
                (URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(key.to_string()));
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            let tag = hmac::sign(&key, format!("{header}.{payload}").as_bytes());
            json!({ "protected": header, "payload": payload, "signature": URL_SAFE_NO_PAD.encode(tag) })
        };
        let header = json!({ "alg": "HS256", "kid": "b", "url": "u" });
        let mac = Mac::read(&make(header.clone(), &pair.jwk(), b"secret")).unwrap();
        assert_eq!((mac.kid.as_str(), mac.url.as_str()), ("b", "u"));
        assert!(mac.binds(b"secret", &account).is_ok());
        assert!(matches!(mac.binds(b"other", &account), Err(JwsError::Signature)));
        let foreign = Mac::read(&make(header, &Pair::new().jwk(), b"secret")).unwrap();
        assert!(matches!(foreign.binds(b"secret", &account), Err(JwsError::Signature)));
        for header in [
            json!({ "alg": "ES256", "kid": "b", "url": "u" }),
            json!({ "alg": "HS512", "kid": "b", "url": "u" }),
            json!({ "alg": "HS256", "kid": "b", "url": "u", "nonce": "n" }),
            json!({ "alg": "HS256", "url": "u" }),
        ] {
            assert!(Mac::read(&make(header.clone(), &pair.jwk(), b"secret")).is_err(), "{header}");
        }
    }
}
