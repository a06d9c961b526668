//! A small hierarchy made at run time, and OpenSSL as the foreign judge.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::{
    path::Path,
    process::{Command, Output},
    sync::Arc,
};

use cinnabar_pki::{
    Certificate, GeneralName, Subject,
    issue::{IssueError, IssuerRef, Linted, Places, Wish, prepare, serial_from_random},
    profile::{self, builtin},
};
use crypto::{KeyKind, Signer, SoftwareKey};
use ring::rand::{SecureRandom, SystemRandom};

mod template;

pub use template::{Profile, Template, issue};

/// 2026-11-22T00:00:00Z.
pub const NOW: i64 = 1_795_305_600;
pub const DAY: i64 = 86_400;
pub const CRL_URI: &str = "http://pki.example/seals.crl";

pub struct Entity {
    pub key: Arc<SoftwareKey>,
    pub certificate: Certificate,
}

pub fn key(kind: KeyKind) -> SoftwareKey {
    SoftwareKey::from_pkcs8(&SoftwareKey::generate(kind, &SystemRandom::new()).unwrap()).unwrap()
}

pub fn serial() -> [u8; 20] {
    let mut random = [0; 20];
    SystemRandom::new().fill(&mut random).unwrap();
    serial_from_random(random)
}

pub fn template(profile: Profile, subject: Subject, public_key: &[u8]) -> Template {
    let long = profile.is_ca();
    Template {
        profile,
        subject,
        subject_alt_names: match profile {
            Profile::MachineClient | Profile::OfficerClient => {
                vec![GeneralName::Uri("urn:cinnabar:machine:approvals-1".into())]
            }
            Profile::TlsServer => vec![
                GeneralName::Dns("api.example".into()),
                GeneralName::ip("127.0.0.1".parse().unwrap()),
                GeneralName::ip("::1".parse().unwrap()),
            ],
            _ => vec![],
        },
        public_key: public_key.to_vec(),
        not_before: NOW - DAY,
        not_after: NOW + if long { 3650 * DAY } else { 365 * DAY },
        serial: serial(),
        crl_distribution_point: match profile {
            Profile::RootCa | Profile::Ocsp => None,
            _ => Some(CRL_URI.into()),
        },
    }
}

pub fn entity_from(
    issuer: Option<&Entity>,
    kind: KeyKind,
    change: impl FnOnce(&mut Template),
    profile: Profile,
    name: &str,
) -> Entity {
    let key = Arc::new(key(kind));
    let subject = Subject::default().country("CN").organization("示例市行政审批局").named(name);
    let mut template = template(profile, subject, key.public_key());
    change(&mut template);
    let der = match issuer {
        None => issue(&template, IssuerRef::SelfSigned, &*key),
        Some(issuer) => issue(&template, IssuerRef::Ca(&issuer.certificate), &*issuer.key),
    }
    .unwrap();
    Entity { key, certificate: Certificate::from_der(&der).unwrap() }
}

pub fn entity(issuer: Option<&Entity>, profile: Profile, name: &str) -> Entity {
    entity_from(issuer, KeyKind::P256, |_| {}, profile, name)
}

pub struct Hierarchy {
    pub root: Entity,
    pub ca: Entity,
    pub seal: Entity,
}

pub fn hierarchy() -> Hierarchy {
    let root = entity(None, Profile::RootCa, "示例根 CA");
    let ca = entity(Some(&root), Profile::IssuingCa, "印章签发 CA");
    let seal = entity(Some(&ca), Profile::Seal, "部门审批专用章");
    Hierarchy { root, ca, seal }
}

/// Runs OpenSSL in `dir`; arguments are split at spaces.
pub fn openssl_output(dir: &Path, args: &str) -> Output {
    Command::new("openssl").args(args.split(' ')).current_dir(dir).output().expect("openssl is installed")
}

/// Runs OpenSSL and wants success; answers its standard output.
pub fn openssl(dir: &Path, args: &str) -> String {
    let output = openssl_output(dir, args);
    assert!(output.status.success(), "openssl {args}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn write(dir: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    std::fs::write(dir.join(name), bytes).unwrap();
}

pub fn read(dir: &Path, name: &str) -> Vec<u8> {
    std::fs::read(dir.join(name)).unwrap()
}

/// Where everything of the test authorities is.
pub fn places() -> Places {
    Places {
        crl: Some(CRL_URI.into()),
        ocsp: Some("http://pki.example/ocsp/seals-ca".into()),
        ca_issuers: Some("http://pki.example/ca/seals-ca.cer".into()),
    }
}

pub fn wish(profile: &profile::Profile, name: &str, spki: &[u8]) -> Wish {
    let needs = |kind: &str| profile.names().kinds.iter().any(|rule| rule.kind.to_string() == kind);
    let mut names = Vec::new();
    if needs("uri") {
        names.push(GeneralName::Uri("urn:cinnabar:machine:approvals-1".into()));
    }
    if needs("dns") {
        names.push(GeneralName::Dns("api.example".into()));
        names.push(GeneralName::ip("::1".parse().unwrap()));
    }
    Wish {
        subject: Subject::default().organization("示例市行政审批局").named(name),
        names,
        public_key: spki.to_vec(),
        not_before: None,
        not_after: None,
    }
}

pub fn try_prepare(
    profile: &profile::Profile,
    wish: &Wish,
    issuer: Option<&Entity>,
) -> Result<Linted, IssueError> {
    let (issuer, scheme) = match issuer {
        None => (IssuerRef::SelfSigned, crypto::SignatureScheme::EcdsaP256Sha256),
        Some(issuer) => (IssuerRef::Ca(&issuer.certificate), issuer.key.scheme()),
    };
    prepare(profile, wish, issuer, &places(), serial(), NOW, scheme)
}

pub fn make(profile: &str, issuer: Option<&Entity>, kind: KeyKind, name: &str) -> Entity {
    make_by(builtin().get(profile).unwrap(), issuer, kind, |profile, spki| wish(profile, name, spki))
}

/// Issues by any profile; `wish` is told the profile and the key.
pub fn make_by(
    profile: &profile::Profile,
    issuer: Option<&Entity>,
    kind: KeyKind,
    wish: impl FnOnce(&profile::Profile, &[u8]) -> Wish,
) -> Entity {
    let key = Arc::new(key(kind));
    let wish = wish(profile, key.public_key());
    let signer = issuer.map_or(&key, |issuer| &issuer.key);
    let scheme = signer.scheme();
    let issuer_ref = issuer.map_or(IssuerRef::SelfSigned, |issuer| IssuerRef::Ca(&issuer.certificate));
    let linted = prepare(profile, &wish, issuer_ref, &places(), serial(), NOW, scheme).unwrap();
    let (draft, digest) = (linted.draft().clone(), linted.tbs_digest());
    let certificate = linted.sign(&**signer).unwrap();
    assert_eq!(certificate.tbs(), draft.tbs());
    assert_eq!(crypto::DigestAlgorithm::Sha256.digest(certificate.tbs()), digest);
    assert!(draft.verify_signature(signer.public_key()).is_err(), "the throw-away signature is nobody's");
    Entity { key, certificate }
}
