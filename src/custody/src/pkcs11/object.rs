//! Keys as objects of a token: made, found by label, described, destroyed.
//!
//! A key of ours is a private or secret key object with CKA_LABEL = its label, and for signing keys a public key
//! object with the same CKA_ID. Objects whose label or kind is not one of ours are somebody else's and left alone.

use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use super::link::Failure;
use crate::api::{Algorithm, CustodyError, KeyInfo, Usage};
use crate::label::Label;

/// A key and its place.
#[derive(Debug)]
pub(super) struct Found {
    /// What it is.
    pub(super) info: KeyInfo,
    /// The private or secret key; valid until the module is restarted.
    pub(super) handle: ObjectHandle,
}

/// What the token must offer for keys of a kind and usage: of each group one.
pub(super) fn mechanisms(algorithm: Algorithm, usage: Usage) -> &'static [&'static [MechanismType]] {
    match algorithm {
        // A digest can only be signed as it is.
        Algorithm::P256 if usage == Usage::SignPrehashed => {
            &[&[MechanismType::ECC_KEY_PAIR_GEN], &[MechanismType::ECDSA]]
        }
        Algorithm::P256 => {
            &[&[MechanismType::ECC_KEY_PAIR_GEN], &[MechanismType::ECDSA, MechanismType::ECDSA_SHA256]]
        }
        Algorithm::Ed25519 => &[&[MechanismType::ECC_EDWARDS_KEY_PAIR_GEN], &[MechanismType::EDDSA]],
        Algorithm::Sm2 | Algorithm::Sm4 | Algorithm::HmacSm3 => &[UNDEFINED],
        Algorithm::Aes256 => &[&[MechanismType::AES_KEY_GEN], &[MechanismType::AES_GCM]],
        Algorithm::HmacSha256 => &[&[MechanismType::GENERIC_SECRET_KEY_GEN], &[MechanismType::SHA256_HMAC]],
    }
}

/// PKCS #11 v3.1 has no mechanism for such keys (vendors number their own), so no token offers one.
const UNDEFINED: &[MechanismType] = &[];

/// The CKA_ID of a new key. PKCS #11 has no attribute for a usage of ours, so that it stands before the random octets;
/// whoever has the PIN can sign digests without us anyway.
pub(super) fn id(usage: Usage, random: &[u8; 16]) -> Vec<u8> {
    let before = if usage == Usage::SignPrehashed { PREHASHED } else { &[] };
    [before, random].concat()
}

const PREHASHED: &[u8] = b"prehashed ";

/// That the token has none of the mechanisms of a group.
pub(super) fn not_offered(algorithm: Algorithm, mechanism: Option<MechanismType>) -> CustodyError {
    let mechanism = mechanism
        .map_or_else(|| "a mechanism, which PKCS #11 does not define,".to_owned(), |named| named.to_string());
    CustodyError::NotOffered { algorithm, mechanism }
}

/// Labels of our keys, each once, in order.
pub(super) fn labels(session: &Session) -> Result<Vec<Label>, Failure> {
    let mut labels = Vec::new();
    for class in KEEPING {
        for object in session.find_objects(&[Attribute::Class(class), Attribute::Token(true)])? {
            let attributes =
                session.get_attributes(object, &[AttributeType::Label, AttributeType::KeyType])?;
            let mut named = None;
            let mut kind = None;
            for attribute in attributes {
                match attribute {
                    Attribute::Label(label) => named = String::from_utf8(label).ok(),
                    Attribute::KeyType(key_type) => kind = algorithm_of(key_type),
                    _ => {}
                }
            }
            if let (Some(Ok(label)), Some(_)) = (named.map(|named| Label::new(&named)), kind) {
                labels.push(label);
            }
        }
    }
    labels.sort();
    labels.dedup();
    Ok(labels)
}

/// Whether there is any key with the label.
pub(super) fn taken(session: &Session, label: &Label) -> Result<bool, Failure> {
    Ok(!keeping(session, label)?.is_empty())
}

/// The key with the label.
pub(super) fn find(session: &Session, label: &Label) -> Result<Option<Found>, Failure> {
    let keys = keeping(session, label)?;
    let handle = match keys.as_slice() {
        [] => return Ok(None),
        [one] => *one,
        several => {
            let reason =
                format!("{} keys have the label `{label}`: no one can tell which is meant", several.len());
            return Err(CustodyError::Device { reason }.into());
        }
    };
    let mut algorithm = None;
    let mut id = Vec::new();
    let mut kept = true;
    for attribute in session.get_attributes(handle, &DESCRIBING)? {
        match attribute {
            Attribute::KeyType(key_type) => algorithm = algorithm_of(key_type),
            Attribute::Id(value) => id = value,
            Attribute::Sensitive(sensitive) => kept &= sensitive,
            Attribute::Extractable(extractable) => kept &= !extractable,
            _ => {}
        }
    }
    let wrong = |what: &str| Failure::from(CustodyError::Device { reason: format!("key `{label}` {what}") });
    let algorithm = algorithm.ok_or_else(|| wrong("is of a kind that is not used here"))?;
    // INVARIANT: a key that could leave the token is never used.
    if !kept {
        return Err(wrong("could be taken out of the token (CKA_SENSITIVE, CKA_EXTRACTABLE)"));
    }
    let public_key = match algorithm {
        Algorithm::P256 | Algorithm::Ed25519 | Algorithm::Sm2 => {
            let point = point(session, label, &id)?.ok_or_else(|| wrong("has no public key object"))?;
            let public_key = public_key(algorithm, &point);
            Some(public_key.map_err(|source| CustodyError::Key { label: label.to_string(), source })?)
        }
        Algorithm::Aes256 | Algorithm::HmacSha256 | Algorithm::Sm4 | Algorithm::HmacSm3 => None,
    };
    let prehashed = algorithm.allows(Usage::SignPrehashed) && id.starts_with(PREHASHED);
    let usage = if prehashed { Usage::SignPrehashed } else { algorithm.usage() };
    let info = KeyInfo { label: label.to_string(), algorithm, usage, public_key };
    Ok(Some(Found { info, handle }))
}

/// Makes a key inside the token.
pub(super) fn generate(
    session: &Session,
    label: &Label,
    algorithm: Algorithm,
    id: &[u8],
) -> Result<(), Failure> {
    let named = |rest: &[Attribute]| {
        let mut template = vec![
            Attribute::Token(true),
            Attribute::Label(label.as_str().as_bytes().to_vec()),
            Attribute::Id(id.to_vec()),
        ];
        template.extend_from_slice(rest);
        template
    };
    let kept = [Attribute::Private(true), Attribute::Sensitive(true), Attribute::Extractable(false)];
    let secret = |rest: &[Attribute]| [named(&kept), rest.to_vec()].concat();
    let pair = |mechanism: &Mechanism<'_>, curve: &[u8]| {
        let public =
            [Attribute::Private(false), Attribute::EcParams(curve.to_vec()), Attribute::Verify(true)];
        session.generate_key_pair(mechanism, &named(&public), &secret(&[Attribute::Sign(true)]))
    };
    match algorithm {
        Algorithm::P256 => {
            pair(&Mechanism::EccKeyPairGen, P256_CURVE)?;
        }
        // PKCS #11 v3.1 §6.3.10 allows the curve's name or its identifier, and tokens take one of them.
        Algorithm::Ed25519 => {
            if pair(&Mechanism::EccEdwardsKeyPairGen, ED25519_CURVE).is_err() {
                pair(&Mechanism::EccEdwardsKeyPairGen, ED25519_CURVE_NAME)?;
            }
        }
        Algorithm::Sm2 | Algorithm::Sm4 | Algorithm::HmacSm3 => {
            return Err(not_offered(algorithm, None).into());
        }
        Algorithm::Aes256 => {
            let rest = [Attribute::ValueLen(32.into()), Attribute::Encrypt(true), Attribute::Decrypt(true)];
            session.generate_key(&Mechanism::AesKeyGen, &secret(&rest))?;
        }
        Algorithm::HmacSha256 => {
            let rest = [
                Attribute::KeyType(KeyType::GENERIC_SECRET),
                Attribute::ValueLen(32.into()),
                Attribute::Sign(true),
            ];
            session.generate_key(&Mechanism::GenericSecretKeyGen, &secret(&rest))?;
        }
    }
    Ok(())
}

/// Destroys every object with the label, or those of them with an id. `false` when there is none.
pub(super) fn destroy(session: &Session, label: &Label, id: Option<&[u8]>) -> Result<bool, Failure> {
    let mut any = false;
    for class in [ObjectClass::PRIVATE_KEY, ObjectClass::SECRET_KEY, ObjectClass::PUBLIC_KEY] {
        let mut template = labelled(class, label);
        template.extend(id.map(|id| Attribute::Id(id.to_vec())));
        for object in session.find_objects(&template)? {
            session.destroy_object(object)?;
            any = true;
        }
    }
    Ok(any)
}

fn keeping(session: &Session, label: &Label) -> Result<Vec<ObjectHandle>, Failure> {
    let mut keys = Vec::new();
    for class in KEEPING {
        keys.extend(session.find_objects(&labelled(class, label))?);
    }
    Ok(keys)
}

fn labelled(class: ObjectClass, label: &Label) -> Vec<Attribute> {
    vec![
        Attribute::Class(class),
        Attribute::Token(true),
        Attribute::Label(label.as_str().as_bytes().to_vec()),
    ]
}

fn point(session: &Session, label: &Label, id: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
    let mut template = labelled(ObjectClass::PUBLIC_KEY, label);
    template.push(Attribute::Id(id.to_vec()));
    let Some(object) = session.find_objects(&template)?.into_iter().next() else { return Ok(None) };
    let attributes = session.get_attributes(object, &[AttributeType::EcPoint])?;
    Ok(attributes.into_iter().find_map(|attribute| match attribute {
        Attribute::EcPoint(point) => Some(point),
        _ => None,
    }))
}

/// CKA_EC_POINT is a DER OCTET STRING around the point (PKCS #11 v2.40 §2.3.3); some tokens give the bare point.
fn public_key(algorithm: Algorithm, value: &[u8]) -> Result<Vec<u8>, crypto::KeyError> {
    let bare = |length: u8| match value {
        [0x04, stated, point @ ..] if *stated == length && point.len() == usize::from(length) => point,
        _ => value,
    };
    match algorithm {
        Algorithm::P256 => crypto::device::p256_public_key(bare(65)),
        _ => crypto::device::ed25519_public_key(bare(32)),
    }
}

fn algorithm_of(key_type: KeyType) -> Option<Algorithm> {
    match key_type {
        KeyType::EC => Some(Algorithm::P256),
        KeyType::EC_EDWARDS => Some(Algorithm::Ed25519),
        KeyType::AES => Some(Algorithm::Aes256),
        KeyType::GENERIC_SECRET | KeyType::SHA256_HMAC => Some(Algorithm::HmacSha256),
        _ => None,
    }
}

const KEEPING: [ObjectClass; 2] = [ObjectClass::PRIVATE_KEY, ObjectClass::SECRET_KEY];
const DESCRIBING: [AttributeType; 4] =
    [AttributeType::KeyType, AttributeType::Id, AttributeType::Sensitive, AttributeType::Extractable];
/// OBJECT IDENTIFIER 1.2.840.10045.3.1.7.
const P256_CURVE: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// OBJECT IDENTIFIER 1.3.101.112.
const ED25519_CURVE: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
/// PrintableString `edwards25519`.
const ED25519_CURVE_NAME: &[u8] = b"\x13\x0cedwards25519";
