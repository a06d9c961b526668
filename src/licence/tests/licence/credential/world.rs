//! An authority, its signers, and others who would like to be taken for them.

use std::sync::Arc;

use cinnabar_licence::credential::{Issuer, Trust};
use cinnabar_licence::credential::{Jwk, StatusReference};
use cinnabar_licence::identifier::Identifier;
use crypto::{KeyKind, Signer, SoftwareKey};
use pki::issue::{IssuerRef, Places, Wish, prepare, serial_from_random};
use pki::path::TrustAnchors;
use pki::profile::builtin;
use pki::{Certificate, GeneralName, Subject};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Map, Value, json};

/// 2026-11-22T00:00:00Z.
pub const NOW: i64 = 1_795_305_600;
pub const DAY: i64 = 86_400;
pub const ISSUER: &str = "http://platform.example/licences/credentials";
pub const LIST: &str = "http://platform.example/licences/status/1";

pub struct Entity {
    pub key: Arc<SoftwareKey>,
    pub certificate: Certificate,
}

pub struct World {
    pub authority: Entity,
    pub anchors: TrustAnchors,
    pub issuer: Party,
}

/// A key and what it calls itself.
pub struct Party {
    pub key: Arc<SoftwareKey>,
    issuer: Issuer,
}

impl std::ops::Deref for Party {
    type Target = Issuer;

    fn deref(&self) -> &Issuer {
        &self.issuer
    }
}

impl Party {
    /// The bare signature over any octets.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        crypto::der_signature_to_raw(&self.key.sign(message).unwrap()).unwrap()
    }
}

pub fn random<const N: usize>() -> [u8; N] {
    let mut random = [0; N];
    SystemRandom::new().fill(&mut random).unwrap();
    random
}

pub fn key() -> Arc<SoftwareKey> {
    let random = SystemRandom::new();
    let key = SoftwareKey::generate(KeyKind::P256, &random).unwrap();
    Arc::new(SoftwareKey::from_pkcs8(&key).unwrap())
}

/// A certificate by one of the profiles that come with the program, valid from a day ago for `days`.
pub fn entity(profile: &str, uri: Option<&str>, days: i64, issuer: Option<&Entity>) -> Entity {
    let key = SoftwareKey::generate(KeyKind::P256, &SystemRandom::new()).unwrap();
    entity_of(&key, profile, uri, days, issuer)
}

/// The same for a key in PKCS#8.
pub fn entity_of(key: &[u8], profile: &str, uri: Option<&str>, days: i64, issuer: Option<&Entity>) -> Entity {
    let key = Arc::new(SoftwareKey::from_pkcs8(key).unwrap());
    let wish = Wish {
        subject: Subject::default().organization("示例市行政审批局").named(profile),
        names: uri.map(|uri| GeneralName::Uri(uri.to_owned())).into_iter().collect(),
        public_key: key.public_key().to_vec(),
        not_before: None,
        not_after: Some(NOW + days * DAY),
    };
    let address = |path: &str| Some(format!("http://platform.example/{path}"));
    let places = match issuer {
        Some(_) => Places { crl: address("ca.crl"), ocsp: address("ocsp"), ca_issuers: address("ca.cer") },
        None => Places::default(),
    };
    let by = issuer.map_or(IssuerRef::SelfSigned, |issuer| IssuerRef::Ca(&issuer.certificate));
    let signer = issuer.map_or(&key, |issuer| &issuer.key);
    let profile = builtin().get(profile).unwrap();
    let serial = serial_from_random(random());
    let linted = prepare(profile, &wish, by, &places, serial, NOW - DAY, signer.scheme()).unwrap();
    let certificate = linted.sign(signer.as_ref()).unwrap();
    Entity { key, certificate }
}

impl Entity {
    /// As an issuer, with the certificates above.
    pub fn issuer(&self, above: &[&Entity]) -> Party {
        let chain = std::iter::once(self).chain(above.iter().copied());
        let chain = chain.map(|one| one.certificate.clone()).collect();
        Party { key: self.key.clone(), issuer: Issuer::new(self.key.clone(), chain).unwrap() }
    }
}

impl World {
    pub fn new() -> Self {
        let root = entity("root", None, 7000, None);
        let authority = entity("issuing-ca", None, 3000, Some(&root));
        let signer = entity("credential-signer", Some(ISSUER), 1000, Some(&authority));
        let issuer = signer.issuer(&[&authority]);
        let anchors = TrustAnchors::new(vec![root.certificate.clone()]);
        Self { authority, anchors, issuer }
    }

    pub fn trust(&self) -> Trust<'_> {
        Trust::new(&self.anchors)
    }

    /// Whoever else got a certificate from the same authority, or calls themselves an authority.
    pub fn impostors(&self) -> Vec<(&'static str, Party)> {
        let elsewhere = entity("root", None, 7000, None);
        let of = |profile: &str, uri: &str, by: &Entity| entity(profile, Some(uri), 300, Some(by));
        let platform = "http://platform.example/licences";
        vec![
            ("another root", of("credential-signer", ISSUER, &elsewhere).issuer(&[])),
            (
                "another name",
                of("publisher", &format!("{platform}/publications"), &self.authority)
                    .issuer(&[&self.authority]),
            ),
            ("another purpose", of("machine", ISSUER, &self.authority).issuer(&[&self.authority])),
        ]
    }
}

/// The fields of a food-operation permit of nobody.
pub fn fields() -> Map<String, Value> {
    let Value::Object(fields) = json!({
        "licence": identifier().to_string(),
        "name": "示例市好味餐饮店",
        "person": "张三",
        "number": "11010519491231002X",
        "items": ["热食类食品制售", "冷食类食品制售"],
    }) else {
        unreachable!()
    };
    fields
}

pub fn identifier() -> Identifier {
    Identifier::new("11100000MB03271699022", "11370800MB28559184", "37080001202411010001", 1).unwrap()
}

pub fn place() -> StatusReference {
    StatusReference { uri: LIST.to_owned(), index: 4711 }
}

pub fn jwk(key: &SoftwareKey) -> Jwk {
    Jwk::from_spki(key.public_key()).unwrap()
}
