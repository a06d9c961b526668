//! The people of a signature, made for the occasion: root, issuing CA, a seal, a time-stamp unit, and the revocation lists
//! that say that all of them are good. Profiles are the appliance's own.

use std::sync::Arc;

use crypto::{DigestAlgorithm, KeyKind, Signer, SoftwareKey};
use pdf::ltv::{Material, TimeStampSource};
use pki::cms::sign::CmsSigner;
use pki::crl::{Crl, CrlBuilder};
use pki::issue::{IssuerRef, Places, Wish, prepare, serial_from_random};
use pki::profile::builtin;
use pki::tsp::{Accuracy, Imprint, Stamper, TimeStampReq};
use pki::{Certificate, GeneralName, Subject};
use ring::rand::{SecureRandom, SystemRandom};

const DAY: i64 = 86_400;

/// Everyone.
pub struct Cast {
    pub now: i64,
    pub root: Certificate,
    pub ca: Certificate,
    pub seal: Certificate,
    pub unit: Certificate,
    pub crls: Vec<Crl>,
    pub signer: CmsSigner,
    pub stamps: Stamps,
}

impl Cast {
    /// Keys of `kind` for the seal, P-256 for the others; everybody is good at `now` (Unix seconds).
    pub fn new(kind: KeyKind, now: i64) -> Self {
        let (root_key, ca_key) = (key(KeyKind::P256), key(KeyKind::P256));
        let (seal_key, unit_key) = (Arc::new(key(kind)), Arc::new(key(KeyKind::P256)));
        let root = certificate(now, "root", "Root", &root_key, None);
        let above = Some((&root, &root_key));
        let ca = certificate(now, "issuing-ca", "Seals CA", &ca_key, above);
        let above = Some((&ca, &ca_key));
        let seal = certificate(now, "seal-organisation", "Approval Seal", &seal_key, above);
        let unit = certificate(now, "time-stamp", "Time-Stamp Unit", &unit_key, above);
        let crls = vec![crl(now, &root, &root_key), crl(now, &ca, &ca_key)];
        let chain = [ca.clone()];
        let signer = CmsSigner::new(seal_key, &seal, &chain).expect("a signer");
        let accuracy = Accuracy { millis: 1000 };
        let stamper = Stamper::new(unit_key, &unit, &chain, accuracy, true).expect("a stamper");
        Self { now, root, ca, seal, unit, crls, signer, stamps: Stamps { now, stamper } }
    }

    /// What a validation of the seal and of the time-stamp unit needs.
    pub fn material(&self) -> Material {
        Material {
            certificates: vec![self.ca.der().to_vec(), self.root.der().to_vec()],
            crls: self.crls.iter().map(|crl| crl.der().to_vec()).collect(),
            ocsp: Vec::new(),
        }
    }
}

/// A time-stamp unit in the same process.
pub struct Stamps {
    now: i64,
    pub stamper: Stamper,
}

impl TimeStampSource for Stamps {
    fn size_hint(&self) -> usize {
        6_000
    }

    fn token(
        &self,
        algorithm: DigestAlgorithm,
        digest: &[u8],
    ) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let mut serial = [0; 20];
        SystemRandom::new().fill(&mut serial).map_err(|_| "no randomness")?;
        let imprint = Imprint::new(algorithm, digest)?;
        let request = TimeStampReq::new(imprint, None, [7; 8]);
        let policy = "1.3.6.1.4.1.99999.3".parse()?;
        let stamp =
            self.stamper.stamp(&request, policy, &serial_from_random(serial), self.now * 1_000_000)?;
        Ok(self.stamper.sign(&stamp)?)
    }
}

/// A new key.
pub fn key(kind: KeyKind) -> SoftwareKey {
    let pkcs8 = SoftwareKey::generate(kind, &SystemRandom::new()).expect("a key");
    SoftwareKey::from_pkcs8(&pkcs8).expect("a key")
}

/// A certificate by one of the appliance's own profiles; without an issuer it signs itself.
pub fn certificate(
    now: i64,
    profile: &str,
    name: &str,
    key: &SoftwareKey,
    issuer: Option<(&Certificate, &SoftwareKey)>,
) -> Certificate {
    certificate_of(now, profile, name, None, key, issuer)
}

/// The same with a URI as its alternative name, as those have that sign credentials.
pub fn certificate_of(
    now: i64,
    profile: &str,
    name: &str,
    uri: Option<&str>,
    key: &SoftwareKey,
    issuer: Option<(&Certificate, &SoftwareKey)>,
) -> Certificate {
    let mut serial = [0; 20];
    SystemRandom::new().fill(&mut serial).expect("randomness");
    let wish = Wish {
        subject: Subject::default().organization("Demo").named(name),
        names: uri.map(|uri| GeneralName::Uri(uri.to_owned())).into_iter().collect(),
        public_key: key.public_key().to_vec(),
        not_before: None,
        not_after: None,
    };
    let place = || Some("http://pki.example/crl".to_owned());
    let places = Places { crl: place(), ocsp: place(), ca_issuers: place() };
    let (issuer, signer) = match issuer {
        None => (IssuerRef::SelfSigned, key),
        Some((certificate, key)) => (IssuerRef::Ca(certificate), key),
    };
    let profile = builtin().get(profile).expect("a profile");
    let serial = serial_from_random(serial);
    let linted = prepare(profile, &wish, issuer, &places, serial, now - DAY, signer.scheme());
    linted.expect("it passes").sign(signer).expect("signed")
}

/// The issuer's list of a quarter of a day ago, with nobody on it.
pub fn crl(now: i64, issuer: &Certificate, key: &SoftwareKey) -> Crl {
    let builder =
        CrlBuilder { number: 1, this_update: now - DAY / 4, next_update: now + DAY, ..CrlBuilder::default() };
    Crl::from_der(&builder.build(issuer, key).expect("a list")).expect("a list")
}
