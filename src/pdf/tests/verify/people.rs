//! Keys, certificates and revocation lists made at run time, and signing with them.

use std::sync::{Arc, OnceLock};

use cinnabar_pdf::appearance::{ImageLimits, Placement, SealAppearance, SealImage};
use cinnabar_pdf::sign::{self, ClaimedTime, SignatureRequest};
use cinnabar_pdf::syntax::Limits;
use cinnabar_pdf::verify::{Options, Report, verify};
use crypto::{DigestAlgorithm, KeyKind, Signer, SoftwareKey};
use pki::crl::{Crl, CrlBuilder, Reason, Revoked};
use pki::issue::{IssuerRef, Places, Wish, prepare, serial_from_random};
use pki::path::TrustAnchors;
use pki::profile::builtin;
use pki::{Certificate, Subject};
use ring::rand::{SecureRandom, SystemRandom};

/// 2026-11-22T00:00:00Z.
pub const NOW: i64 = 1_795_305_600;
pub const DAY: i64 = 86_400;
const CRL_URI: &str = "http://pki.example/seals.crl";

pub struct Person {
    pub key: Arc<SoftwareKey>,
    /// The key again, for programs that sign themselves.
    #[allow(dead_code, reason = "of use to the tests of signing")]
    pub pkcs8: Vec<u8>,
    pub certificate: Certificate,
    pub signer: CmsSigner,
}

pub struct CmsSigner(pki::cms::sign::CmsSigner);

impl sign::CmsSigner for CmsSigner {
    fn digest_algorithm(&self) -> DigestAlgorithm {
        self.0.digest_algorithm()
    }
    fn size_hint(&self) -> usize {
        self.0.max_len()
    }
    fn sign(&self, digest: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.0.sign(digest)?)
    }
}

#[allow(dead_code, reason = "a cast from which each test picks")]
pub struct People {
    pub root: Person,
    pub ca: Person,
    pub seal: Person,
    pub other: Person,
    pub revoked: Person,
    pub stranger: Person,
    pub tsa: Person,
    pub anchors: TrustAnchors,
    /// Of the root and of the CA.
    pub crls: Vec<Crl>,
}

pub fn people() -> &'static People {
    static PEOPLE: OnceLock<People> = OnceLock::new();
    PEOPLE.get_or_init(|| {
        let root = person(None, "root", "Root");
        let ca = person(Some(&root), "issuing-ca", "Seals CA");
        let seal = person(Some(&ca), "seal-organisation", "Approval Seal");
        let other = person(Some(&ca), "seal-organisation", "Other Seal");
        let revoked = person(Some(&ca), "seal-organisation", "Revoked Seal");
        let tsa = person(Some(&ca), "time-stamp", "Time-Stamp Unit");
        let stranger = person(None, "root", "Approval Seal");
        let crls = vec![crl(&root, &[]), crl(&ca, &[revoked.certificate.serial()])];
        let anchors = TrustAnchors::new(vec![root.certificate.clone()]);
        People { root, ca, seal, other, revoked, stranger, tsa, anchors, crls }
    })
}

pub fn crl(issuer: &Person, serials: &[&[u8]]) -> Crl {
    let revoked = |serial: &&[u8]| {
        (serial.to_vec(), Revoked { time: NOW - DAY / 2, reason: Some(Reason::KeyCompromise) }).into()
    };
    let builder = CrlBuilder {
        number: 1,
        this_update: NOW - DAY / 4,
        next_update: NOW + DAY,
        revoked: serials.iter().map(revoked).collect(),
        ..CrlBuilder::default()
    };
    Crl::from_der(&builder.build(&issuer.certificate, &*issuer.key).unwrap()).unwrap()
}

/// Someone with a certificate of a profile.
pub fn person(issuer: Option<&Person>, profile: &str, name: &str) -> Person {
    let random = SystemRandom::new();
    let pkcs8 = SoftwareKey::generate(KeyKind::P256, &random).unwrap().to_vec();
    let key = SoftwareKey::from_pkcs8(&pkcs8).unwrap();
    let mut serial = [0; 20];
    random.fill(&mut serial).unwrap();
    let wish = Wish {
        subject: Subject::default().organization("Demo").named(name),
        names: Vec::new(),
        public_key: key.public_key().to_vec(),
        not_before: None,
        not_after: None,
    };
    let place = || Some("http://pki.example/authority".to_owned());
    let places = Places { crl: Some(CRL_URI.to_owned()), ocsp: place(), ca_issuers: place() };
    let (issuer_ref, signer) = match issuer {
        None => (IssuerRef::SelfSigned, &key),
        Some(issuer) => (IssuerRef::Ca(&issuer.certificate), &*issuer.key),
    };
    let profile = builtin().get(profile).unwrap();
    let serial = serial_from_random(serial);
    let linted = prepare(profile, &wish, issuer_ref, &places, serial, NOW - DAY, signer.scheme()).unwrap();
    let certificate = linted.sign(signer).unwrap();
    let key = Arc::new(key);
    let chain: Vec<Certificate> = issuer.map(|issuer| issuer.certificate.clone()).into_iter().collect();
    let signer = pki::cms::sign::CmsSigner::new(key.clone(), &certificate, &chain).unwrap();
    Person { key, pkcs8, certificate, signer: CmsSigner(signer) }
}

/// A request for an invisible signature.
pub fn invisible() -> SignatureRequest {
    SignatureRequest::new(ClaimedTime { unix_seconds: NOW - 60, offset_minutes: 480 })
}

/// A request for a red square on the first page.
pub fn visible(x_mm: f64) -> SignatureRequest {
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, 2, 2);
    encoder.set_color(png::ColorType::Rgba);
    encoder.write_header().unwrap().write_image_data(&[200, 0, 0, 128].repeat(4)).unwrap();
    let image = Arc::new(SealImage::from_png(&png, &ImageLimits::default()).unwrap());
    let placement = Placement::Page { page: 1, x_mm, y_mm: 30.0, width_mm: 20.0, height_mm: 20.0 };
    SignatureRequest { appearance: Some(SealAppearance::new(image, placement)), ..invisible() }
}

/// `bytes` with a signature appended.
pub fn signed(bytes: &[u8], request: &SignatureRequest, person: &Person) -> Vec<u8> {
    let tail = sign::sign(&bytes, request, &person.signer).unwrap().tail;
    [bytes, &tail].concat()
}

pub fn options() -> Options<'static> {
    let people = people();
    Options { crls: &people.crls, ..Options::new(&people.anchors, NOW) }
}

/// The report, printed as JSON for whoever reads a failing test.
pub fn report(bytes: &[u8]) -> Report {
    let report = verify(&bytes, &options(), &Limits::default()).unwrap();
    println!("{}", serde_json::to_string_pretty(&report).unwrap());
    report
}
