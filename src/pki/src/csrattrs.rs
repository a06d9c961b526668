//! CSR attributes: what a server tells its clients to put into their requests (RFC 7030 §4.5.2, RFC 9908).
//!
//! Written from a profile; nothing here judges a request. A subject or name that the register decides is not asked
//! for: a request may leave it out. Both forms are written, the list of RFC 7030 and RFC 9908's template, of which a
//! client that knows the template uses that alone (RFC 9908 §4). A challenge password is never asked for: TLS 1.3 has no
//! tls-unique to put there (RFC 7030 §3.5, RFC 8446 appendix C.5).

use der::asn1::ObjectIdentifier;

use crate::{
    asn1::{self, NULL, SEQUENCE, SET},
    extensions::GeneralName,
    issue::extension,
    key::KeyAlgorithm,
    name::Name,
    oids,
    profile::{NameKind, Profile, Source, SubjectRules},
};

/// Whom a request is for, where that is known already: the names that it must have.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The subject.
    pub subject: &'a Name,
    /// The alternative names.
    pub names: &'a [GeneralName],
}

/// `CsrAttrs ::= SEQUENCE SIZE (0..MAX) OF AttrOrOID` for requests under a profile, DER.
///
/// The key is the first that the profile names: one type is all that can be said (RFC 9908 §3.2), and what else the
/// profile takes is taken all the same.
#[must_use]
pub fn csr_attributes(profile: &Profile, known: Option<Known<'_>>) -> Vec<u8> {
    let key = profile.keys().first().copied();
    let names = known.and_then(|known| alternative_names(known.names));
    let mut attributes = Vec::new();
    if let Some(key) = key {
        attributes.push(key_attribute(key));
    }
    if let Some(names) = &names {
        let value = asn1::tlv(SEQUENCE, &extension(oids::SUBJECT_ALT_NAME, profile.names().critical, names));
        attributes.push(attribute(oids::EXTENSION_REQUEST, &value));
    }
    attributes.push(attribute(oids::CERTIFICATION_REQUEST_INFO_TEMPLATE, &template(profile, key, known)));
    asn1::join(SEQUENCE, &attributes)
}

/// `CertificationRequestInfoTemplate ::= SEQUENCE { version INTEGER { v1(0) }, subject NameTemplate OPTIONAL,
///     subjectPKInfo [0] SubjectPublicKeyInfoTemplate OPTIONAL, attributes [1] Attributes }` (RFC 9908 appendix A).
fn template(profile: &Profile, key: Option<KeyAlgorithm>, known: Option<Known<'_>>) -> Vec<u8> {
    let subject = match known {
        Some(known) => Some(known.subject.der().to_vec()),
        None => asked_subject(profile),
    };
    // SubjectPublicKeyInfoTemplate ::= SEQUENCE { algorithm, subjectPublicKey BIT STRING OPTIONAL }
    let key = key.map(|key| asn1::tlv(0xA0, &algorithm(key)));
    // Always there, so that the attributes are never an empty set, which not every reader takes.
    let usage = extension(oids::KEY_USAGE, true, &asn1::named_bits(profile.key_usage().bits()));
    let names = match known {
        Some(known) => alternative_names(known.names)
            .map(|names| extension(oids::SUBJECT_ALT_NAME, profile.names().critical, &names)),
        // ExtensionTemplate without extnValue: the client fills it in.
        None => asks_for_names(profile).then(|| asn1::tlv(SEQUENCE, &asn1::oid(oids::SUBJECT_ALT_NAME))),
    };
    let extensions = asn1::join(SEQUENCE, &[usage, names.unwrap_or_default()]);
    let attributes = attribute(oids::EXTENSION_REQ_TEMPLATE, &extensions);
    let parts = [
        asn1::unsigned(&[0]),
        subject.unwrap_or_default(),
        key.unwrap_or_default(),
        asn1::tlv(0xA1, &attributes),
    ];
    asn1::join(SEQUENCE, &parts)
}

/// The attributes that are the requester's to write, without values: `SingleAttributeTemplate ::= SEQUENCE { type,
/// value OPTIONAL }`.
fn asked_subject(profile: &Profile) -> Option<Vec<u8>> {
    let SubjectRules::Attributes(rules) = profile.subject() else { return None };
    let asked: Vec<_> = rules
        .iter()
        .filter(|rule| rule.required && rule.from == Source::Request)
        .map(|rule| asn1::tlv(SET, &asn1::tlv(SEQUENCE, &asn1::oid(rule.kind))))
        .collect();
    (!asked.is_empty()).then(|| asn1::join(SEQUENCE, &asked))
}

/// Hosts and addresses are the requester's to name; a URI is the registration.
fn asks_for_names(profile: &Profile) -> bool {
    let kinds = [NameKind::Dns, NameKind::Ip, NameKind::Email];
    profile.names().kinds.iter().any(|rule| kinds.contains(&rule.kind))
}

fn alternative_names(names: &[GeneralName]) -> Option<Vec<u8>> {
    let encoded: Vec<_> = names.iter().filter_map(GeneralName::encode).collect();
    (!encoded.is_empty()).then(|| asn1::join(SEQUENCE, &encoded))
}

/// The type of key, with its curve or size (RFC 9908 §3.2).
fn key_attribute(key: KeyAlgorithm) -> Vec<u8> {
    match key {
        KeyAlgorithm::P256 => attribute(oids::EC_PUBLIC_KEY, &asn1::oid(oids::SECP256R1)),
        KeyAlgorithm::P384 => attribute(oids::EC_PUBLIC_KEY, &asn1::oid(oids::SECP384R1)),
        KeyAlgorithm::Sm2 => attribute(oids::EC_PUBLIC_KEY, &asn1::oid(oids::SM2)),
        KeyAlgorithm::Ed25519 => attribute(oids::ED25519, &[]),
        KeyAlgorithm::Rsa { bits } => {
            let bits = u32::try_from(bits).unwrap_or(u32::MAX).to_be_bytes();
            attribute(oids::RSA_ENCRYPTION, &asn1::unsigned(&bits))
        }
    }
}

fn algorithm(key: KeyAlgorithm) -> Vec<u8> {
    let parts = match key {
        KeyAlgorithm::P256 => [asn1::oid(oids::EC_PUBLIC_KEY), asn1::oid(oids::SECP256R1)],
        KeyAlgorithm::P384 => [asn1::oid(oids::EC_PUBLIC_KEY), asn1::oid(oids::SECP384R1)],
        KeyAlgorithm::Sm2 => [asn1::oid(oids::EC_PUBLIC_KEY), asn1::oid(oids::SM2)],
        KeyAlgorithm::Ed25519 => [asn1::oid(oids::ED25519), Vec::new()],
        KeyAlgorithm::Rsa { .. } => [asn1::oid(oids::RSA_ENCRYPTION), asn1::tlv(NULL, &[])],
    };
    asn1::join(SEQUENCE, &parts)
}

fn attribute(kind: ObjectIdentifier, value: &[u8]) -> Vec<u8> {
    asn1::join(SEQUENCE, &[asn1::oid(kind), asn1::tlv(SET, value)])
}
