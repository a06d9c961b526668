//! A small hierarchy in either suite: a root, an authority, a maker of seals, two signers and a time-stamping unit. Keys are
//! made at run time.

use std::sync::Arc;

use cinnabar_eseal::{
    Makers, NewPicture, NewSeal, Read, Report, Seal, Signature, Signers, Trust, Version,
    signature::{Approval, Refusal, Sealer},
    verify, verify_seal,
};
use crypto::{DigestAlgorithm, KeyKind, SoftwareKey, Suite};
use pki::{
    Certificate, Crl,
    path::{RevocationPolicy, TrustAnchors},
    tsp::{Accuracy, Imprint, Stamper, TimeStampReq},
    validation::{Evidence, Origin, SignaturePolicy},
};
use ring::rand::SystemRandom;

use crate::forge::*;

pub const DAY: i64 = 86_400;
/// 2026-11-22T00:00:00Z.
pub const NOW: i64 = 1_795_305_600;
pub const CONTENT: &[u8] = b"the octets of the document";
/// What the tests' seals look like: not a picture, but one by its first octets.
pub const PICTURE: &[u8] = b"\x89PNG\r\n\x1A\n, and the rest";

pub const SIGNER: u8 = 7;
pub const OTHER: u8 = 8;
pub const MAKER: u8 = 9;

/// Both suites, for tests that must hold in each.
pub const SUITES: [&Suite; 2] = [&Suite::INTERNATIONAL, &Suite::SHANGMI];

pub fn key(kind: KeyKind) -> Arc<SoftwareKey> {
    let key = SoftwareKey::generate(kind, &SystemRandom::new()).unwrap();
    Arc::new(SoftwareKey::from_pkcs8(&key).unwrap())
}

pub fn party(name: &str, kind: KeyKind, validity: [&'static str; 2]) -> Party {
    Party { key: key(kind), validity, ..Party::new(name) }
}

pub struct World {
    pub suite: &'static Suite,
    pub authority: Party,
    pub maker: Party,
    pub signer: Party,
    pub other: Party,
    pub unit: Party,
    pub anchors: TrustAnchors,
    pub authority_certificate: Certificate,
    pub maker_certificate: Certificate,
    pub certificate: Certificate,
    pub other_certificate: Certificate,
    pub unit_certificate: Certificate,
    pub makers: Vec<Certificate>,
    pub crls: Vec<Crl>,
    pub policy: SignaturePolicy,
}

impl World {
    pub fn new(suite: &'static Suite) -> Self {
        Self::of(suite, ["20260101000000Z", "20281231235959Z"], ["20240101000000Z", "20331231235959Z"])
    }

    /// With the signer's and the maker's certificates valid from and to.
    pub fn of(suite: &'static Suite, signer: [&'static str; 2], maker: [&'static str; 2]) -> Self {
        let long = ["20200101000000Z", "20491231235959Z"];
        let party = |name, validity| party(name, suite.key, validity);
        let root = party("root", long);
        let authority = party("authority", long);
        let (maker, signer) = (party("maker of seals", maker), party("部门审批专用章", signer));
        let other = party("another seal", ["20260101000000Z", "20281231235959Z"]);
        let unit = party("time-stamping unit", long);
        let anchor = root.certify(&root, &[ca(None), usage(6)]);
        let authority_certificate = root.certify_with(&authority, &[2], &[ca(None), usage(6)]);
        let signing = purposes(&["1.3.6.1.5.5.7.3.36"]);
        let of =
            |subject, serial| authority.certify_with(subject, &[serial], &[usage(0xC0), signing.clone()]);
        let (maker_certificate, certificate, other_certificate) =
            (of(&maker, MAKER), of(&signer, SIGNER), of(&other, OTHER));
        let stamping = ext("2.5.29.37", true, seq(&[oid("1.3.6.1.5.5.7.3.8")]));
        let unit_certificate = root.certify_with(&unit, &[3], &[usage(0x80), stamping]);
        let policy = policy().with_revocation(RevocationPolicy::IfAvailable, RevocationPolicy::IfAvailable);
        Self {
            suite,
            anchors: TrustAnchors::new(vec![anchor]),
            makers: vec![maker_certificate.clone()],
            crls: Vec::new(),
            policy,
            authority,
            maker,
            signer,
            other,
            unit,
            authority_certificate,
            maker_certificate,
            certificate,
            other_certificate,
            unit_certificate,
        }
    }

    /// The authority's list of a day, with these serials revoked on a day for a reason.
    pub fn revoke(&mut self, revoked: &[(u8, &str, u8)]) {
        let serials: Vec<_> =
            revoked.iter().map(|(serial, day, reason)| ([*serial], *day, *reason)).collect();
        let entries: Vec<_> =
            serials.iter().map(|(serial, day, reason)| (&serial[..], *day, *reason)).collect();
        self.crls = vec![self.authority.list(["20261121", "20261130"], &entries, &[])];
    }

    /// A seal that is valid from 2026-06-01 to 2029-06-01, for the signer.
    pub fn new_seal(&self) -> NewSeal {
        NewSeal {
            version: Version::V4,
            vendor: "Cinnabar".to_owned(),
            id: "37030000001721".to_owned(),
            kind: 6,
            name: "示例市行政审批局审批专用章".to_owned(),
            signers: Signers::Certificates(vec![self.certificate.der().to_vec()]),
            created: time("20260601000000"),
            valid_from: time("20260601000000"),
            valid_to: time("20290601000000"),
            picture: NewPicture {
                kind: "PNG".to_owned(),
                data: PICTURE.to_vec(),
                width_mm: 42,
                height_mm: 42,
            },
            extensions: Vec::new(),
        }
    }

    pub fn made(&self, new: &NewSeal) -> Seal {
        let der = new.sign(&*self.maker.key, self.maker_certificate.der()).unwrap();
        let read = Seal::parse(&der).unwrap();
        assert_eq!(read.deviations, [], "what we write deviates from nothing");
        assert_eq!(read.value.der(), der);
        read.value
    }

    pub fn seal(&self) -> Seal {
        self.made(&self.new_seal())
    }

    pub fn digest(&self) -> Vec<u8> {
        self.suite.digest.digest(CONTENT)
    }

    /// What the signer signs with the seal, 2026-11-20.
    pub fn signed(&self, seal: &Seal) -> Vec<u8> {
        self.signed_at(seal, time("20261120000000"))
    }

    pub fn signed_at(&self, seal: &Seal, at: i64) -> Vec<u8> {
        let sealer = Sealer::new(seal, self.certificate.der(), &Everybody, at).unwrap();
        sealer
            .sign(
                &*self.signer.key,
                self.suite.digest,
                &self.digest(),
                "/Doc_0/Signs/Sign_0/Signature.xml",
                at,
            )
            .unwrap()
    }

    pub fn signature(&self) -> Vec<u8> {
        self.signed(&self.seal())
    }

    /// A time-stamp token over octets, at a time.
    pub fn token(&self, octets: &[u8], at: i64) -> Vec<u8> {
        let accuracy = Accuracy { millis: 1000 };
        let stamper =
            Stamper::new(self.unit.key.clone(), &self.unit_certificate, &[], accuracy, false).unwrap();
        let imprint = Imprint::new(self.suite.digest, &self.suite.digest.digest(octets)).unwrap();
        let mut asked = TimeStampReq::new(imprint, None, [1; 8]);
        asked.certificates = true;
        let stamp = stamper.stamp(&asked, "1.2.3.4".parse().unwrap(), &[1], at * 1_000_000).unwrap();
        stamper.sign(&stamp).unwrap()
    }

    pub fn with_trust<T>(&self, ask: impl FnOnce(&Trust<'_>) -> T) -> T {
        let mut evidence = Evidence::new(&self.anchors);
        evidence.add_certificates([&self.authority_certificate], Origin::Outside);
        evidence.add_crls(&self.crls, Origin::Outside);
        ask(&Trust::new(&evidence, &self.policy, Makers::Known(&self.makers)))
    }

    pub fn verify(&self, signature: &[u8]) -> Report {
        self.verify_at(signature, NOW)
    }

    pub fn verify_at(&self, signature: &[u8], at: i64) -> Report {
        let signature = Signature::parse(signature).unwrap();
        self.with_trust(|trust| verify(&signature, &content, trust, at))
    }

    pub fn verify_seal(&self, seal: &[u8], at: i64) -> Report {
        let seal: Read<Seal> = Seal::parse(seal).unwrap();
        self.with_trust(|trust| verify_seal(&seal, trust, at))
    }
}

pub fn content(algorithm: DigestAlgorithm) -> Option<Vec<u8>> {
    Some(algorithm.digest(CONTENT))
}

/// An approval that believes everybody, for tests of what comes after.
pub struct Everybody;

impl Approval for Everybody {
    fn signer(&self, _: &Certificate, _: i64) -> Result<(), Refusal> {
        Ok(())
    }

    fn maker(&self, _: &Certificate, _: i64, _: i64) -> Result<(), Refusal> {
        Ok(())
    }
}

/// `YYYYMMDDhhmmss` → Unix seconds.
pub fn time(text: &str) -> i64 {
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    let (year, month, day) = (number(0..4), number(4..6), number(6..8));
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = year.div_euclid(400) * 146_097 + year.rem_euclid(400) * 365 + year.rem_euclid(400) / 4
        - year.rem_euclid(400) / 100
        + of_year
        - 719_468;
    days * DAY + number(8..10) * 3600 + number(10..12) * 60 + number(12..14)
}

/// The policy `default`, with SM2 and SM3 taken for reliable.
pub fn policy() -> SignaturePolicy {
    let (_, text) = SignaturePolicy::builtin_texts().iter().find(|(name, _)| *name == "default").unwrap();
    let mut text = (*text).to_owned();
    for (table, line) in
        [("[digests]", "sm3 = \"open\""), ("[keys]", "sm2 = [{ bits = 256, until = \"open\" }]")]
    {
        let key = line.split(' ').next().unwrap();
        if !text.lines().any(|line| line.starts_with(&format!("{key} "))) {
            text = text.replace(table, &format!("{table}\n{line}"));
        }
    }
    SignaturePolicy::parse(&text).unwrap()
}
