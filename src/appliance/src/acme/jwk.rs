//! Public keys as JSON Web Keys (RFC 7517, 7518, 8037): read, verified with, named by thumbprint (RFC 7638).
//!
//! Only the kinds an account may have: P-256, P-384, Ed25519 and RSA of 2048 to 4096 bits. A key exists only when its
//! members have the exact lengths of its kind; the SubjectPublicKeyInfo it becomes is verified with by `crypto`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::SignatureScheme;
use der::asn1::{Any, BitString, ObjectIdentifier, UintRef};
use der::{Encode as _, Tag};
use ring::digest::{SHA256, digest};
use serde_json::Value;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

/// A public key of an account, or of a certificate that is to be revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwk {
    kind: Kind,
    /// The members that RFC 7638 hashes, in its order, without white space.
    canonical: String,
    spki: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    P256,
    P384,
    Ed25519,
    Rsa,
}

/// The algorithms that requests are signed with (RFC 8555 §6.2: never `none`, never a MAC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

/// Why a JSON object is not a usable public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// Not an object, or a member is missing or not base64url.
    #[error("the key's member `{0}` is missing or malformed")]
    Member(&'static str),
    /// A kind or curve that accounts cannot have.
    #[error("keys of kind `{0}` are not accepted; use P-256, P-384, Ed25519 or RSA")]
    Kind(String),
    /// RSA outside 2048 to 4096 bits.
    #[error("an RSA key of {0} bits is not accepted; use 2048 to 4096")]
    Size(usize),
    /// It holds a private or symmetric part.
    #[error("the key holds a private member `{0}`; it is compromised now")]
    Private(&'static str),
    /// It cannot be encoded.
    #[error("the key cannot be encoded")]
    Encoding,
}

impl Algorithm {
    /// Every one, as `badSignatureAlgorithm` answers list them (RFC 8555 §6.2).
    pub const NAMES: [&str; 4] = ["ES256", "ES384", "EdDSA", "RS256"];

    /// Reads the `alg` header parameter.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "EdDSA" => Self::EdDsa,
            "RS256" => Self::Rs256,
            _ => return None,
        })
    }
}

impl Jwk {
    /// Reads a public key. Unknown members are ignored (RFC 7517 §4), private ones refused.
    ///
    /// # Errors
    /// [`JwkError`].
    pub fn read(value: &Value) -> Result<Self, JwkError> {
        let object = value.as_object().ok_or(JwkError::Member("kty"))?;
        if let Some(private) = PRIVATE.iter().find(|name| object.contains_key(**name)) {
            return Err(JwkError::Private(private));
        }
        let text =
            |name: &'static str| object.get(name).and_then(Value::as_str).ok_or(JwkError::Member(name));
        let octets =
            |name: &'static str| URL_SAFE_NO_PAD.decode(text(name)?).map_err(|_| JwkError::Member(name));
        match text("kty")? {
            "EC" => {
                let (kind, length, curve) = match text("crv")? {
                    "P-256" => (Kind::P256, 32, P256),
                    "P-384" => (Kind::P384, 48, P384),
                    other => return Err(JwkError::Kind(shown(other))),
                };
                let (x, y) = (exactly(octets("x")?, length, "x")?, exactly(octets("y")?, length, "y")?);
                let point = [&[4][..], &x, &y].concat();
                let parameters = Any::encode_from(&curve).map_err(|_| JwkError::Encoding)?;
                let (crv, x, y) = (text("crv")?, text("x")?, text("y")?);
                let canonical = format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#);
                Ok(Self { kind, canonical, spki: spki(EC, Some(parameters), &point)? })
            }
            "OKP" => {
                if text("crv")? != "Ed25519" {
                    return Err(JwkError::Kind(shown(text("crv")?)));
                }
                let x = exactly(octets("x")?, 32, "x")?;
                let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text("x")?);
                Ok(Self { kind: Kind::Ed25519, canonical, spki: spki(ED25519, None, &x)? })
            }
            "RSA" => {
                let (n, e) = (octets("n")?, octets("e")?);
                // RFC 7518 §6.3.1.1: the fewest octets, so that one key has one thumbprint.
                let bits = match n.first() {
                    None | Some(0) => return Err(JwkError::Member("n")),
                    Some(first) => n.len() * 8 - first.leading_zeros() as usize,
                };
                if matches!(e.first(), None | Some(0)) || e.len() > 4 {
                    return Err(JwkError::Member("e"));
                }
                if !(2048..=4096).contains(&bits) {
                    return Err(JwkError::Size(bits));
                }
                let uint = |octets: &[u8]| UintRef::new(octets).and_then(|uint| uint.to_der());
                let numbers = uint(&n).and_then(|n| Ok([n, uint(&e)?].concat()));
                let numbers = numbers.map_err(|_| JwkError::Encoding)?;
                let key = Any::new(Tag::Sequence, numbers).and_then(|key| key.to_der());
                let key = key.map_err(|_| JwkError::Encoding)?;
                // Base64url holds nothing that JSON would escape.
                let canonical = format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text("e")?, text("n")?);
                Ok(Self { kind: Kind::Rsa, canonical, spki: spki(RSA, Some(Any::null()), &key)? })
            }
            other => Err(JwkError::Kind(shown(other))),
        }
    }

    /// RFC 7638's thumbprint with SHA-256, base64url.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.canonical.as_bytes()))
    }

    /// The required members as canonical JSON.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// DER SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Whether `signature` over `message` is this key's, made with `algorithm`.
    #[must_use]
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let (scheme, signature) = match (self.kind, algorithm) {
            (Kind::P256, Algorithm::Es256) => (SignatureScheme::EcdsaP256Sha256, ecdsa_der(signature, 32)),
            (Kind::P384, Algorithm::Es384) => (SignatureScheme::EcdsaP384Sha384, ecdsa_der(signature, 48)),
            (Kind::Ed25519, Algorithm::EdDsa) => (SignatureScheme::Ed25519, Some(signature.to_vec())),
            (Kind::Rsa, Algorithm::Rs256) => (SignatureScheme::RsaPkcs1Sha256, Some(signature.to_vec())),
            _ => return false,
        };
        signature.is_some_and(|signature| crypto::verify(&self.spki, scheme, message, &signature).is_ok())
    }
}

/// JWS carries r ‖ s (RFC 7518 §3.4), X.509 and `crypto` DER.
fn ecdsa_der(raw: &[u8], length: usize) -> Option<Vec<u8>> {
    if raw.len() != 2 * length {
        return None;
    }
    let (r, s) = raw.split_at(length);
    let integers = [UintRef::new(r).ok()?.to_der().ok()?, UintRef::new(s).ok()?.to_der().ok()?].concat();
    Any::new(Tag::Sequence, integers).ok()?.to_der().ok()
}

fn spki(oid: ObjectIdentifier, parameters: Option<Any>, key: &[u8]) -> Result<Vec<u8>, JwkError> {
    let subject_public_key = BitString::from_bytes(key).map_err(|_| JwkError::Encoding)?;
    SubjectPublicKeyInfoOwned { algorithm: AlgorithmIdentifierOwned { oid, parameters }, subject_public_key }
        .to_der()
        .map_err(|_| JwkError::Encoding)
}

fn exactly(octets: Vec<u8>, length: usize, name: &'static str) -> Result<Vec<u8>, JwkError> {
    if octets.len() == length { Ok(octets) } else { Err(JwkError::Member(name)) }
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic()).take(32).collect()
}

/// Members of private and symmetric keys (RFC 7518 §6.2.2, §6.3.2, §6.4).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The key of RFC 7638 §3.1.
    fn rfc7638() -> Value {
        json!({ "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29", "n":
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw" })
    }

    #[test]
    fn the_thumbprint_is_that_of_rfc_7638() {
        let key = Jwk::read(&rfc7638()).unwrap();
        assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn the_ed25519_signature_of_rfc_8037_verifies() {
        let key =
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
        let key = Jwk::read(&key).unwrap();
        assert_eq!(key.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let input = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature =
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert!(key.verifies(Algorithm::EdDsa, input, &signature));
        assert!(!key.verifies(Algorithm::EdDsa, b"else", &signature));
        assert!(!key.verifies(Algorithm::Es256, input, &signature), "the algorithm must be the key's");
    }

    #[test]
    fn the_p256_signature_of_rfc_7515_verifies() {
        let key = json!({ "kty": "EC", "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" });
        let key = Jwk::read(&key).unwrap();
        let input = b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature =
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert!(key.verifies(Algorithm::Es256, input, &signature));
        assert!(!key.verifies(Algorithm::Es256, input, &signature[..63]));
    }

    #[test]
    fn keys_that_are_not_for_accounts_are_refused() {
        let refused = |change: &dyn Fn(&mut Value)| {
            let mut key = rfc7638();
            change(&mut key);
            Jwk::read(&key).unwrap_err()
        };
        assert_eq!(refused(&|key| key["d"] = "AA".into()), JwkError::Private("d"));
        assert_eq!(refused(&|key| key["kty"] = "oct".into()), JwkError::Kind("oct".into()));
        assert_eq!(refused(&|key| key["n"] = "AQAB".into()), JwkError::Size(17));
        assert_eq!(refused(&|key| key["e"] = "AAAB".into()), JwkError::Member("e"));
        assert_eq!(refused(&|key| key["e"] = 3.into()), JwkError::Member("e"));
        assert_eq!(refused(&|key| key["n"] = "A".into()), JwkError::Member("n"));
        let secp = json!({ "kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA" });
        assert_eq!(Jwk::read(&secp).unwrap_err(), JwkError::Kind("secp256k1".into()));
        let short = json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" });
        assert_eq!(Jwk::read(&short).unwrap_err(), JwkError::Member("x"));
        assert_eq!(Jwk::read(&json!("key")).unwrap_err(), JwkError::Member("kty"));
    }
}
