//! A small hierarchy with every knob that validation turns on: who is valid when, what is revoked when, what was stamped
//! when. Keys are made at run time.

use std::{convert::Infallible, sync::Arc};

use cinnabar_pki::{
    Certificate, Crl, Indication, SubIndication,
    cms::{Limits, SignedData, TimeStampToken, Verification, sign::CmsSigner},
    ocsp::{BasicResponse, IssuerId, Responder, Single, Status, respond},
    path::TrustAnchors,
    tsp::{Accuracy, Imprint, Stamper, TimeStampReq},
    validation::{
        Evidence, Format, Origin, Poes, ProofSource, SignaturePolicy, Stamp, StampKind, Subject, Validation,
        validate,
    },
};
use crypto::{DigestAlgorithm, KeyKind, Signer as _, SoftwareKey};

use crate::forge::*;

pub const DAY: i64 = 86_400;
/// 2026-11-22, when tests validate unless they say otherwise.
pub const NOW: &str = "20261122";

/// `YYYYMMDD` → the first second of that day.
pub fn day(text: &str) -> i64 {
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    let (year, month, day) = (number(0..4), number(4..6), number(6..8));
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    (year.div_euclid(400) * 146_097 + year.rem_euclid(400) * 365 + year.rem_euclid(400) / 4
        - year.rem_euclid(400) / 100
        + of_year
        - 719_468)
        * DAY
}

pub const SIGNER: u8 = 7;
pub const AUTHORITY: u8 = 2;
pub const UNIT: u8 = 3;
pub const HOLD: u8 = 6;

/// Root → authority → signer, root → time-stamping unit.
pub struct World {
    pub root: Party,
    pub authority: Party,
    pub signer: Party,
    pub unit: Party,
    pub anchor: Certificate,
    pub authority_certificate: Certificate,
    pub certificate: Certificate,
    pub unit_certificate: Certificate,
}

/// What differs from the ordinary world.
#[derive(Clone, Default)]
pub struct Differently {
    pub signer: Option<[&'static str; 2]>,
    pub authority: Option<[&'static str; 2]>,
    pub unit: Option<[&'static str; 2]>,
    pub signer_extensions: Option<Vec<Vec<u8>>>,
    pub authority_extensions: Option<Vec<Vec<u8>>>,
    /// P-256 like everybody unless said otherwise.
    pub signer_key: Option<KeyKind>,
}

pub fn world() -> World {
    World::of(&Differently::default())
}

impl World {
    pub fn of(differently: &Differently) -> Self {
        let party = |name: &str, validity: [&'static str; 2]| Party { validity, ..Party::new(name) };
        let root = party("root", ["20200101000000Z", "20491231235959Z"]);
        let authority =
            party("authority", differently.authority.unwrap_or(["20200101000000Z", "20391231235959Z"]));
        let mut signer =
            party("signer", differently.signer.unwrap_or(["20260101000000Z", "20271231235959Z"]));
        if let Some(kind) = differently.signer_key {
            let key = SoftwareKey::generate(kind, &ring::rand::SystemRandom::new()).unwrap();
            signer.key = Arc::new(SoftwareKey::from_pkcs8(&key).unwrap());
        }
        let unit = party("unit", differently.unit.unwrap_or(["20200101000000Z", "20351231235959Z"]));
        let anchor = root.certify(&root, &[ca(None), usage(6)]);
        let of_authority = differently.authority_extensions.clone().unwrap_or(vec![ca(None), usage(6)]);
        let of_signer = differently.signer_extensions.clone().unwrap_or(vec![usage(0xC0)]);
        let stamping = ext("2.5.29.37", true, seq(&[oid("1.3.6.1.5.5.7.3.8")]));
        Self {
            authority_certificate: root.certify_with(&authority, &[AUTHORITY], &of_authority),
            certificate: authority.certify_with(&signer, &[SIGNER], &of_signer),
            unit_certificate: root.certify_with(&unit, &[UNIT], &[usage(0x80), stamping]),
            root,
            authority,
            signer,
            unit,
            anchor,
        }
    }

    /// The root's and the authority's lists of some days, with the signer, the authority or the unit on them.
    pub fn lists(&self, days: [&str; 2], revoked: &[(u8, &str, u8)]) -> Vec<Crl> {
        let of = |serials: &[u8]| -> Vec<(Vec<u8>, String, u8)> {
            let chosen = revoked.iter().filter(|(serial, ..)| serials.contains(serial));
            chosen.map(|(serial, date, reason)| (vec![*serial], (*date).to_owned(), *reason)).collect()
        };
        let list = |by: &Party, entries: Vec<(Vec<u8>, String, u8)>| {
            let entries: Vec<_> =
                entries.iter().map(|(serial, date, reason)| (&serial[..], &date[..], *reason)).collect();
            by.list(days, &entries, &[])
        };
        vec![list(&self.root, of(&[AUTHORITY, UNIT])), list(&self.authority, of(&[SIGNER]))]
    }

    /// The authority's own answer that the signer is good.
    pub fn answer(&self, produced: i64, next: Option<i64>) -> BasicResponse {
        let id = IssuerId::of(&self.authority_certificate).id(self.certificate.serial());
        let responder =
            Responder::new(self.authority_certificate.clone(), &self.authority_certificate).unwrap();
        let single = Single {
            id: &id,
            status: Status::Good,
            this_update: produced,
            next_update: next,
            cert_hash: None,
            archive_cutoff: None,
        };
        let der = respond(&responder, &*self.authority.key, produced, &[single], None).unwrap();
        BasicResponse::from_response_der(&der).unwrap()
    }

    /// What a responder says, delegated by the authority and valid in November 2026.
    pub fn answer_by_delegate(&self, produced: i64, next: i64) -> BasicResponse {
        let helper = Party { validity: ["20261101000000Z", "20261130235959Z"], ..Party::new("responder") };
        let nocheck = ext("1.3.6.1.5.5.7.48.1.5", false, tlv(5, []));
        let delegate =
            self.authority.certify_with(&helper, &[11], &[purposes(&["1.3.6.1.5.5.7.3.9"]), nocheck]);
        let id = IssuerId::of(&self.authority_certificate).id(self.certificate.serial());
        let responder = Responder::new(delegate, &self.authority_certificate).unwrap();
        let single = Single {
            id: &id,
            status: Status::Good,
            this_update: produced,
            next_update: Some(next),
            cert_hash: None,
            archive_cutoff: None,
        };
        let der = respond(&responder, &*helper.key, produced, &[single], None).unwrap();
        BasicResponse::from_response_der(&der).unwrap()
    }

    /// A detached CMS over [`CONTENT`] with the signing certificate referred to.
    pub fn cms(&self) -> Vec<u8> {
        let chain = std::slice::from_ref(&self.authority_certificate);
        let signer = CmsSigner::new(self.signer.key.clone(), &self.certificate, chain).unwrap();
        signer.sign(&self.signer.key.scheme().cms_digest().digest(CONTENT)).unwrap()
    }

    /// A detached CMS over [`CONTENT`] with these signed attributes beside content-type and message-digest, and with
    /// `certificates`.
    pub fn cms_with(&self, attributes: &[Vec<u8>], certificates: &[&Certificate]) -> Vec<u8> {
        let sha256 = seq(&[oid("2.16.840.1.101.3.4.2.1")]);
        let attribute = |kind: &str, value: Vec<u8>| seq(&[oid(kind), tlv(0x31, value)]);
        let mut all = vec![
            attribute("1.2.840.113549.1.9.3", oid("1.2.840.113549.1.7.1")),
            attribute("1.2.840.113549.1.9.4", tlv(4, DigestAlgorithm::Sha256.digest(CONTENT))),
        ];
        all.extend_from_slice(attributes);
        all.sort();
        let signed = self.signer.key.sign(&tlv(0x31, all.concat())).unwrap();
        let issuer = self.certificate.issuer().der().to_vec();
        let info = seq(&[
            tlv(2, [1]),
            seq(&[issuer, tlv(2, self.certificate.serial())]),
            sha256.clone(),
            tlv(0xA0, all.concat()),
            self.signer.key.scheme().algorithm_identifier(),
            tlv(4, signed),
        ]);
        let embedded: Vec<_> = certificates.iter().map(|one| one.der().to_vec()).collect();
        let data = seq(&[
            tlv(2, [1]),
            tlv(0x31, sha256),
            seq(&[oid("1.2.840.113549.1.7.1")]),
            if embedded.is_empty() { vec![] } else { tlv(0xA0, embedded.concat()) },
            tlv(0x31, info),
        ]);
        seq(&[oid("1.2.840.113549.1.7.2"), tlv(0xA0, data)])
    }

    /// A token over octets, at a time.
    pub fn token(&self, octets: &[u8], at: i64) -> Token {
        self.token_within(octets, at, 1000)
    }

    pub fn token_within(&self, octets: &[u8], at: i64, millis: u32) -> Token {
        self.token_by(&self.unit, &self.unit_certificate, octets, at, millis)
    }

    pub fn token_by(
        &self,
        unit: &Party,
        certificate: &Certificate,
        octets: &[u8],
        at: i64,
        millis: u32,
    ) -> Token {
        let accuracy = Accuracy { millis };
        let stamper = Stamper::new(unit.key.clone(), certificate, &[], accuracy, false).unwrap();
        let imprint = Imprint::new(DigestAlgorithm::Sha256, &DigestAlgorithm::Sha256.digest(octets)).unwrap();
        let mut asked = TimeStampReq::new(imprint, None, [1; 8]);
        asked.certificates = true;
        let stamp = stamper.stamp(&asked, "1.2.3.4".parse().unwrap(), &[1], at * 1_000_000).unwrap();
        let octets = stamper.sign(&stamp).unwrap();
        Token { token: TimeStampToken::parse(&octets, &Limits::default()).unwrap(), octets }
    }

    pub fn case(&self) -> Case<'_> {
        Case::new(self, self.cms())
    }
}

/// What is signed.
pub const CONTENT: &[u8] = b"the octets of the document";

pub struct Token {
    pub token: TimeStampToken,
    pub octets: Vec<u8>,
}

impl Token {
    /// As a time-stamp of the signed data, or of the whole document.
    pub fn over(&self, octets: &[u8]) -> Verification {
        self.token.verify::<Infallible>(&[], |algorithm| Ok(algorithm.digest(octets))).unwrap()
    }
}

/// One validation: everything as it should be until a test changes it.
pub struct Case<'w> {
    pub world: &'w World,
    pub data: SignedData,
    pub content: Vec<u8>,
    pub format: Format,
    pub signed_data: bool,
    pub claimed: Option<i64>,
    pub policy: SignaturePolicy,
    pub at: i64,
    pub anchors: TrustAnchors,
    pub certificates: Vec<Certificate>,
    pub crls: Vec<Crl>,
    pub ocsp: Vec<BasicResponse>,
    pub stamps: Vec<Token>,
    /// Time-stamps of the signed data.
    pub content_stamps: Vec<Token>,
    pub poes: Poes,
}

impl<'w> Case<'w> {
    pub fn new(world: &'w World, cms: Vec<u8>) -> Self {
        Self {
            world,
            data: SignedData::parse(&cms, &Limits::default()).unwrap(),
            content: CONTENT.to_vec(),
            format: Format::Conforms,
            signed_data: true,
            claimed: None,
            policy: SignaturePolicy::builtin("default").unwrap().clone(),
            at: day(NOW),
            anchors: TrustAnchors::new(vec![world.anchor.clone()]),
            certificates: vec![world.authority_certificate.clone()],
            crls: world.lists(["20261121", "20261130"], &[]),
            ocsp: Vec::new(),
            stamps: Vec::new(),
            content_stamps: Vec::new(),
            poes: Poes::new(),
        }
    }

    pub fn at(mut self, date: &str) -> Self {
        self.at = day(date);
        self
    }

    /// The default policy with a word of its text changed.
    pub fn policy(mut self, from: &str, to: &str) -> Self {
        self.policy = policy(from, to);
        self
    }

    pub fn crls(mut self, crls: Vec<Crl>) -> Self {
        self.crls = crls;
        self
    }

    /// A signature time-stamp of that day.
    pub fn stamped(mut self, date: &str) -> Self {
        self.stamps.push(self.world.token(self.data.signature_value(), day(date)));
        self
    }

    /// A time-stamp of the signed data of that day.
    pub fn content_stamped(mut self, date: &str) -> Self {
        self.content_stamps.push(self.world.token(CONTENT, day(date)));
        self
    }

    /// Everything that is there now is proven to have existed on that day, as by a document time-stamp.
    pub fn archived(mut self, date: &str) -> Self {
        let mut objects: Vec<[u8; 32]> = vec![Poes::digest(self.data.signature_value())];
        let certificates = [&self.world.anchor, &self.world.authority_certificate, &self.world.certificate];
        objects.extend(certificates.map(|one| *one.sha256_fingerprint()));
        objects.push(*self.world.unit_certificate.sha256_fingerprint());
        objects.extend(self.crls.iter().map(|one| *one.sha256_fingerprint()));
        objects.extend(self.ocsp.iter().map(|one| *one.sha256_fingerprint()));
        objects.extend(self.stamps.iter().map(|one| Poes::digest(&one.octets)));
        for object in objects {
            self.poes.add(&object, day(date), ProofSource::DocumentTimestamp);
        }
        self
    }

    pub fn run(&self) -> Validation {
        self.run_with(&mut self.poes.clone())
    }

    /// With these proofs, which gain what the signature's time-stamps prove.
    pub fn run_with(&self, poes: &mut Poes) -> Validation {
        let digest = |algorithm: DigestAlgorithm| Ok::<_, Infallible>(algorithm.digest(&self.content));
        let verification = self.data.verify(&self.certificates, digest).unwrap();
        let mut evidence = Evidence::new(&self.anchors);
        evidence.add_certificates(self.data.certificates(), Origin::Signature);
        evidence.add_certificates(&self.certificates, Origin::Store);
        evidence.add_certificates([&self.world.unit_certificate], Origin::Outside);
        evidence.add_crls(&self.crls, Origin::Store);
        evidence.add_ocsp(&self.ocsp, Origin::Outside);
        let value = self.data.signature_value();
        let stamps = self.stamps.iter().enumerate();
        let stamps: Vec<_> = stamps
            .map(|(n, one)| Stamp::of_signature(format!("stamp {n}"), &one.token, &one.octets, value))
            .collect();
        let verified: Vec<_> = self.content_stamps.iter().map(|one| one.over(CONTENT)).collect();
        let content = self.content_stamps.iter().zip(&verified);
        let content: Vec<_> = content
            .map(|(one, verified)| {
                Stamp::verified("content", StampKind::Content, &one.token, &one.octets, verified)
            })
            .collect();
        let subject = Subject {
            format: self.format.clone(),
            signed_data: self.signed_data,
            claimed_time: self.claimed,
            signature_stamps: &stamps,
            content_stamps: &content,
            ..Subject::of_cms("signature", &self.data, &verification)
        };
        validate(&subject, &evidence, poes, &self.policy, self.at)
    }

    #[track_caller]
    pub fn passes(&self) -> Validation {
        let outcome = self.run();
        assert_eq!(
            (outcome.indication, outcome.sub_indication),
            (Indication::TotalPassed, None),
            "{outcome:#?}"
        );
        outcome
    }

    #[track_caller]
    pub fn is_open(&self, sub: SubIndication) -> Validation {
        let outcome = self.run();
        let expected = (Indication::Indeterminate, Some(sub));
        assert_eq!((outcome.indication, outcome.sub_indication), expected, "{outcome:#?}");
        assert!(!outcome.reasons.is_empty());
        outcome
    }

    #[track_caller]
    pub fn fails(&self, sub: SubIndication) -> Validation {
        let outcome = self.run();
        let expected = (Indication::TotalFailed, Some(sub));
        assert_eq!((outcome.indication, outcome.sub_indication), expected, "{outcome:#?}");
        assert!(!outcome.reasons.is_empty());
        outcome
    }
}

/// The default policy with a word of its text changed.
pub fn policy(from: &str, to: &str) -> SignaturePolicy {
    let text = include_str!("../../../../policies/signature-validation/default.toml");
    let changed = text.replacen(from, to, 1);
    assert_ne!(changed, text, "{from}");
    SignaturePolicy::parse(&changed).unwrap()
}
