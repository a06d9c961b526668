//! Golden files: octets made once, that must be read and held the same for ever.
//!
//! `tests/ses/golden/NAME.der` were made by `keep_what_is_made` (`CINNABAR_BLESS=1`), with keys that were thrown away: what is
//! kept are signatures and public parts. What a maker signs is written from fixed bytes alone and compared octet for octet.

use std::path::PathBuf;

use cinnabar_eseal::{
    Makers, NewPicture, NewSeal, Seal, Signature, Signers, Trust, Version, verify::Verdict,
};
use pki::{
    Certificate,
    path::{RevocationPolicy, TrustAnchors},
    validation::{Evidence, Origin},
};

use crate::{parts::*, world::*};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/ses/golden").join(name)
}

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What a maker signs, of fixed bytes: the certificate is a golden file as well.
fn fixed(version: Version, signers: Signers) -> Vec<u8> {
    let new = NewSeal {
        version,
        vendor: "Cinnabar".to_owned(),
        id: "37030000001721".to_owned(),
        kind: 1,
        name: "示例市行政审批局".to_owned(),
        signers,
        created: time("20260601000000"),
        valid_from: time("20260601000000"),
        valid_to: time("20290601000000"),
        picture: NewPicture { kind: "PNG".to_owned(), data: PICTURE.to_vec(), width_mm: 42, height_mm: 30 },
        extensions: Vec::new(),
    };
    new.info().unwrap()
}

#[test]
fn what_a_maker_signs_is_the_same_octets_as_ever() {
    let signer = golden("shangmi.signer.der");
    let certificates = Signers::Certificates(vec![signer.clone()]);
    assert_eq!(fixed(Version::V4, certificates), golden("info.v4.der"));
    let digests = Signers::Digests(crypto::DigestAlgorithm::Sm3, vec![signer]);
    assert_eq!(fixed(Version::V5, digests), golden("info.v5.digests.der"));
}

#[test]
fn signatures_made_before_are_read_and_hold() {
    for suite in SUITES {
        let certificate =
            |role: &str| Certificate::from_der(&golden(&format!("{}.{role}.der", suite.name))).unwrap();
        let anchors = TrustAnchors::new(vec![certificate("root")]);
        let (authority, maker) = (certificate("authority"), certificate("maker"));
        let mut evidence = Evidence::new(&anchors);
        evidence.add_certificates([&authority], Origin::Outside);
        let policy = policy().with_revocation(RevocationPolicy::IfAvailable, RevocationPolicy::IfAvailable);
        let makers = [maker];
        let trust = Trust::new(&evidence, &policy, Makers::Known(&makers));
        for (name, version, deviations) in [
            ("v1", Version::V1, 0),
            ("v4", Version::V4, 0),
            ("v5", Version::V5, 0),
            ("deviant", Version::V4, 6),
        ] {
            let der = golden(&format!("{}.{name}.der", suite.name));
            let read = Signature::parse(&der).unwrap();
            assert_eq!((read.value.version(), read.deviations.len()), (version, deviations), "{name}");
            let report = cinnabar_eseal::verify(&read, &content, &trust, NOW);
            assert_eq!(report.verdict, Verdict::Valid, "{name} {:?}", report.steps);
            assert!(report.is_valid(), "{name} {:?}", report.validation);
            let seal = Seal::parse(read.value.seal().der()).unwrap();
            let report = cinnabar_eseal::verify_seal(&seal, &trust, NOW);
            assert_eq!(report.verdict, Verdict::Valid, "{name} {:?}", report.steps);
        }
    }
}

/// Makes the files anew when asked to; otherwise there is nothing to do.
#[test]
fn keep_what_is_made() {
    if std::env::var_os("CINNABAR_BLESS").is_none() {
        return;
    }
    std::fs::create_dir_all(file("")).unwrap();
    for suite in SUITES {
        let world = World::new(suite);
        let keep = |name: &str, der: &[u8]| {
            std::fs::write(file(&format!("{}.{name}.der", suite.name)), der).unwrap();
        };
        keep("root", world.anchors.certificates()[0].der());
        keep("authority", world.authority_certificate.der());
        keep("maker", world.maker_certificate.der());
        keep("signer", world.certificate.der());
        keep("v1", &SignatureParts::old(&world, SealParts::old(&world).signed(&world)).signed(&world));
        keep("v4", &world.signature());
        let seal = world.made(&NewSeal { version: Version::V5, ..world.new_seal() });
        let token = world.token(seal.signature(), time("20260601000100"));
        let seal = Seal::parse(&seal.with_time_stamp(&token).unwrap()).unwrap().value;
        let signature = Signature::parse(&world.signed(&seal)).unwrap().value;
        let token = world.token(signature.value(), time("20261120120000"));
        keep("v5", &signature.with_time_stamp(&token).unwrap());
        let mut parts = SealParts::new(&world);
        parts.picture[0] = ia5("png");
        parts.value = |der| bits(&raw_signature(der, 32));
        parts.dates[0] = utc("260601000000Z");
        let mut parts = SignatureParts::new(&world, parts.signed(&world));
        parts.value = |der| octets(raw_signature(der, 32));
        parts.time = generalized("20261120080000+0800");
        keep("deviant", &parts.signed(&world));
    }
    let signer = golden("shangmi.signer.der");
    std::fs::write(file("info.v4.der"), fixed(Version::V4, Signers::Certificates(vec![signer.clone()])))
        .unwrap();
    let digests = Signers::Digests(crypto::DigestAlgorithm::Sm3, vec![signer]);
    std::fs::write(file("info.v5.digests.der"), fixed(Version::V5, digests)).unwrap();
}
