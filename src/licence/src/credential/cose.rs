//! CBOR Web Tokens in COSE_Sign1 with ES256 (RFC 8392, RFC 9052 §4.2): the frame of QR symbols and of status lists in CBOR.
//!
//! Reads tagged (18, within 61 or alone) and untagged structures. `alg` counts only where it is protected.

use ciborium::Value;
use coset::iana::{Algorithm, HeaderParameter};
use coset::{
    AsCborValue as _, CoseSign1, CoseSign1Builder, HeaderBuilder, Label, RegisteredLabelWithPrivate,
    TaggedCborSerializable as _,
};
use pki::Certificate;
use thiserror::Error;

use super::issuer::{Issuer, IssuerError, verifies_es256};
use super::jws::MOST_CERTIFICATES;

/// A token that reads.
#[derive(Debug, Clone)]
pub(super) struct Cwt {
    claims: Vec<(Value, Value)>,
    /// Protected `typ` (RFC 9596).
    pub(super) typ: Option<String>,
    /// Protected `kid`.
    pub(super) kid: Option<Vec<u8>>,
    /// `x5chain` (RFC 9360), protected or not.
    pub(super) chain: Vec<Certificate>,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

/// Why octets are no such token.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CwtError {
    /// Not CBOR, or not this structure.
    #[error("not a COSE_Sign1 structure with a CWT in it (RFC 8392, RFC 9052)")]
    Form,
    /// Another algorithm, none, or one that is not protected.
    #[error("signed with another algorithm than ES256, or without a protected one")]
    Algorithm,
    /// A header parameter that must be understood, or stands in both headers.
    #[error("the COSE header has parameters that are critical or stand twice")]
    Parameter,
    /// The certificates in the header.
    #[error("`x5chain` does not hold one to {MOST_CERTIFICATES} certificates")]
    Certificates,
    /// A claim stands twice.
    #[error("a claim stands twice")]
    Twice,
    /// The signature is not the key's.
    #[error("the signature does not verify")]
    Signature,
}

/// How a token names its key.
#[derive(Debug, Clone, Copy)]
pub(super) enum KeyName<'a> {
    /// By a key identifier.
    Kid(&'a [u8]),
    /// By the issuer's certificates, and by the identifier of the first.
    Chain(&'a [u8]),
}

/// Signs claims: tagged COSE_Sign1, everything in the protected header.
pub(super) fn sign(
    claims: Vec<(Value, Value)>,
    typ: Option<&str>,
    key: KeyName<'_>,
    issuer: &Issuer,
) -> Result<Vec<u8>, IssuerError> {
    let mut header = HeaderBuilder::new().algorithm(Algorithm::ES256);
    header = match key {
        KeyName::Kid(kid) => header.key_id(kid.to_vec()),
        KeyName::Chain(kid) => {
            let mut chain: Vec<Value> =
                issuer.chain().iter().map(|certificate| Value::Bytes(certificate.der().to_vec())).collect();
            // RFC 9360 §2: one certificate stands alone, several in an array.
            let value = if chain.len() == 1 { chain.remove(0) } else { Value::Array(chain) };
            header.key_id(kid.to_vec()).value(HeaderParameter::X5Chain as i64, value)
        }
    };
    if let Some(typ) = typ {
        header = header.value(TYP, Value::Text(typ.to_owned()));
    }
    let mut payload = Vec::new();
    // Writing to memory does not fail.
    ciborium::into_writer(&Value::Map(claims), &mut payload).map_err(|_| IssuerError::Signature)?;
    let structure = CoseSign1Builder::new()
        .protected(header.build())
        .payload(payload)
        .try_create_signature(b"", |message| issuer.sign(message).map(|signature| signature.to_vec()))?
        .build();
    structure.to_tagged_vec().map_err(|_| IssuerError::Signature)
}

impl Cwt {
    /// Reads one token with nothing after it. The caller bounds its length.
    pub(super) fn parse(octets: &[u8]) -> Result<Self, CwtError> {
        let structure = structure(octets).ok_or(CwtError::Form)?;
        let protected = &structure.protected.header;
        let unprotected = &structure.unprotected;
        if protected.alg != Some(RegisteredLabelWithPrivate::Assigned(Algorithm::ES256)) {
            return Err(CwtError::Algorithm);
        }
        let both = |label: &Label| unprotected.rest.iter().any(|(other, _)| other == label);
        if !protected.crit.is_empty()
            || !unprotected.crit.is_empty()
            || unprotected.alg.is_some()
            || protected.rest.iter().any(|(label, _)| both(label))
        {
            return Err(CwtError::Parameter);
        }
        let of = |rest: &[(Label, Value)], wanted: i64| {
            rest.iter().find(|(label, _)| *label == Label::Int(wanted)).map(|(_, value)| value.clone())
        };
        let typ = match of(&protected.rest, TYP) {
            None => None,
            Some(Value::Text(typ)) => Some(typ),
            Some(_) => return Err(CwtError::Parameter),
        };
        let x5chain = HeaderParameter::X5Chain as i64;
        let chain = of(&protected.rest, x5chain).or_else(|| of(&unprotected.rest, x5chain));
        let chain = certificates(chain)?;
        let kid = Some(protected.key_id.clone()).filter(|kid| !kid.is_empty());
        let signed = structure.tbs_data(b"");
        let payload = structure.payload.as_deref().ok_or(CwtError::Form)?;
        let Some(Value::Map(claims)) = value(payload) else { return Err(CwtError::Form) };
        let twice = |(at, (key, _)): (usize, &(Value, Value))| {
            claims.iter().skip(at + 1).any(|(other, _)| other == key)
        };
        if claims.len() > MOST_CLAIMS || claims.iter().enumerate().any(twice) {
            return Err(CwtError::Twice);
        }
        Ok(Self { claims, typ, kid, chain, signed, signature: structure.signature })
    }

    /// Whether the key of this DER SubjectPublicKeyInfo signed it.
    pub(super) fn is_signed_by(&self, spki: &[u8]) -> Result<(), CwtError> {
        if verifies_es256(spki, &self.signed, &self.signature) { Ok(()) } else { Err(CwtError::Signature) }
    }

    /// A claim by its number.
    pub(super) fn claim(&self, number: i64) -> Option<&Value> {
        member(&self.claims, &Value::from(number))
    }

    /// A claim that is a text.
    pub(super) fn text(&self, number: i64) -> Option<&str> {
        self.claim(number)?.as_text()
    }

    /// A claim that is a whole number of seconds: absent, or an error when it is something else.
    pub(super) fn seconds(&self, number: i64) -> Result<Option<i64>, CwtError> {
        let Some(value) = self.claim(number) else { return Ok(None) };
        let seconds = value.as_integer().and_then(|seconds| i64::try_from(seconds).ok());
        seconds.filter(|seconds| seconds.abs() < 1_000_000_000_000_000).map(Some).ok_or(CwtError::Form)
    }
}

/// A member of a map by its key.
pub(super) fn member<'a>(map: &'a [(Value, Value)], key: &Value) -> Option<&'a Value> {
    map.iter().find(|(other, _)| other == key).map(|(_, value)| value)
}

/// One CBOR item with nothing after it.
fn value(octets: &[u8]) -> Option<Value> {
    let mut rest = octets;
    let value = ciborium::de::from_reader_with_recursion_limit(&mut rest, DEEPEST).ok()?;
    rest.is_empty().then_some(value)
}

fn structure(octets: &[u8]) -> Option<CoseSign1> {
    let mut item = value(octets)?;
    for tag in [CWT, CoseSign1::TAG] {
        item = match item {
            Value::Tag(found, inner) if found == tag => *inner,
            other => other,
        };
    }
    CoseSign1::from_cbor_value(item).ok()
}

fn certificates(value: Option<Value>) -> Result<Vec<Certificate>, CwtError> {
    let entries = match value {
        None => return Ok(Vec::new()),
        Some(Value::Array(entries)) if (1..=MOST_CERTIFICATES).contains(&entries.len()) => entries,
        Some(one @ Value::Bytes(_)) => vec![one],
        Some(_) => return Err(CwtError::Certificates),
    };
    let read = |entry: &Value| Certificate::from_der(entry.as_bytes()?).ok();
    entries.iter().map(|entry| read(entry).ok_or(CwtError::Certificates)).collect()
}

/// Tag of a CWT (RFC 8392 §6).
const CWT: u64 = 61;
/// `typ` (RFC 9596).
const TYP: i64 = 16;
const DEEPEST: usize = 12;
const MOST_CLAIMS: usize = 32;
