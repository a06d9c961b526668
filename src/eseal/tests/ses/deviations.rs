//! Each deviation is understood, reported with its place, and takes nothing away from what holds.

use cinnabar_eseal::{
    DeviationKind as D, Seal, Signature, Version,
    seal::CertList,
    signature::TimeInfo,
    verify::{Outcome, StepName},
};

use crate::{forge::*, parts::*, world::*};

/// A seal with one thing otherwise deviates in exactly this, and holds.
#[track_caller]
pub fn seal(change: impl Fn(&mut SealParts, &World), expected: &[(&str, D)]) {
    for suite in SUITES {
        let world = World::new(suite);
        let mut parts = SealParts::new(&world);
        change(&mut parts, &world);
        seal_of(&world, &parts.signed(&world), expected);
    }
}

#[track_caller]
pub fn old_seal(change: impl Fn(&mut SealParts, &World), expected: &[(&str, D)]) {
    for suite in SUITES {
        let world = World::new(suite);
        let mut parts = SealParts::old(&world);
        change(&mut parts, &world);
        seal_of(&world, &parts.signed(&world), expected);
    }
}

#[track_caller]
pub fn seal_of(world: &World, der: &[u8], expected: &[(&str, D)]) {
    let found = found_in_seal(der);
    let found: Vec<_> = found.iter().map(|(place, kind)| (place.as_str(), kind.clone())).collect();
    assert_eq!(found, expected);
    let report = world.verify_seal(der, NOW);
    assert!(report.is_valid(), "{:?}", report.steps);
    let outcome = if expected.is_empty() { Outcome::Passed } else { Outcome::Warned };
    assert_eq!(report.step(StepName::Structure).unwrap().outcome, outcome);
    for deviation in &report.deviations {
        assert!(!deviation.kind.zh().is_empty() && !deviation.kind.en().is_empty());
        assert!(deviation.en().starts_with(&deviation.place) && deviation.offset < der.len());
    }
    // Whatever was understood of it, one octet of what was signed changed makes it fail.
    let at = der.windows(PICTURE.len()).position(|window| window == PICTURE);
    if let Some(at) = at {
        let mut other = der.to_vec();
        other[at + 10] ^= 1;
        let report = world.verify_seal(&other, NOW);
        assert_eq!(report.step(StepName::MakerSignature).unwrap().outcome, Outcome::Failed);
        assert!(!report.is_valid());
    }
}

/// A signature with one thing otherwise deviates in exactly this, and holds.
#[track_caller]
pub fn signature(change: impl Fn(&mut SignatureParts, &World), expected: &[(&str, D)]) {
    for suite in SUITES {
        let world = World::new(suite);
        let mut parts = SignatureParts::new(&world, SealParts::new(&world).signed(&world));
        change(&mut parts, &world);
        signature_of(&world, &parts.signed(&world), expected);
    }
}

#[track_caller]
pub fn old_signature(change: impl Fn(&mut SignatureParts, &World), expected: &[(&str, D)]) {
    for suite in SUITES {
        let world = World::new(suite);
        let mut parts = SignatureParts::old(&world, SealParts::old(&world).signed(&world));
        change(&mut parts, &world);
        signature_of(&world, &parts.signed(&world), expected);
    }
}

#[track_caller]
pub fn signature_of(world: &World, der: &[u8], expected: &[(&str, D)]) {
    let found = found_in_signature(der);
    let found: Vec<_> = found.iter().map(|(place, kind)| (place.as_str(), kind.clone())).collect();
    assert_eq!(found, expected);
    let report = world.verify(der);
    assert!(report.is_valid(), "{:?}", report.steps);
    let at = der.windows(PICTURE.len()).position(|window| window == PICTURE).unwrap();
    let mut other = der.to_vec();
    other[at + 10] ^= 1;
    let report = world.verify(&other);
    assert_eq!(report.step(StepName::SignatureValue).unwrap().outcome, Outcome::Failed);
    assert!(!report.is_valid());
}

#[test]
fn versions_1_and_4_to_the_letter_deviate_in_nothing() {
    seal(|_, _| {}, &[]);
    old_seal(|_, _| {}, &[]);
    signature(|_, _| {}, &[]);
    old_signature(|_, _| {}, &[]);
    let world = World::new(SUITES[1]);
    let old = Seal::parse(&SealParts::old(&world).signed(&world)).unwrap().value;
    assert_eq!((old.version(), old.valid_to()), (Version::V1, time("20290601000000")));
}

#[test]
fn extensions_with_another_tag() {
    let list = || seq(&[seq(&[oid("1.2.3.4"), octets(b"v")])]);
    let inside = || seq(&[oid("1.2.3.4"), octets(b"v")]);
    seal(|parts, _| parts.extensions = tlv(0xA0, list()), &[("eSealInfo.extDatas", D::ExtensionTag)]);
    old_seal(|parts, _| parts.extensions = tlv(0xA0, list()), &[]);
    old_seal(|parts, _| parts.extensions = tlv(0xA4, list()), &[]);
    old_seal(|parts, _| parts.extensions = list(), &[("eSealInfo.extDatas", D::ExtensionTag)]);
    signature(|parts, _| parts.extensions = tlv(0xA0, list()), &[]);
    signature(|parts, _| parts.extensions = list(), &[("toSign.extDatas", D::ExtensionTag)]);
    signature(|parts, _| parts.extensions = tlv(0xA0, inside()), &[("toSign.extDatas", D::ExtensionTag)]);
}

#[test]
fn certificates_as_text_or_wrapped_otherwise() {
    let list = "eSealInfo.property.certList[0]";
    let ia5_for_octets = || D::StringType { expected: "OCTET STRING", found: "IA5String" };
    let base64 = |der: &[u8]| {
        pki::pem::encode(der, "CERTIFICATE").lines().filter(|line| !line.starts_with('-')).collect::<String>()
    };
    // Seen in V1: the octets themselves, or their base64, as IA5String.
    old_seal(
        |parts, world| parts.list = seq(&[tlv(0x16, world.certificate.der())]),
        &[(list, ia5_for_octets())],
    );
    old_seal(
        |parts, world| parts.list = seq(&[tlv(0x16, base64(world.certificate.der()))]),
        &[(list, ia5_for_octets()), (list, D::CertificateText)],
    );
    seal(
        |parts, world| parts.cert = octets(pki::pem::encode(world.maker_certificate.der(), "CERTIFICATE")),
        &[("cert", D::CertificateText)],
    );
    seal(
        |parts, world| parts.cert = octets(hex::encode(world.maker_certificate.der())),
        &[("cert", D::CertificateText)],
    );
    seal(
        |parts, world| parts.cert = octets(octets(world.maker_certificate.der())),
        &[("cert", D::CertificateWrappedTwice)],
    );
    seal(|parts, world| parts.cert = world.maker_certificate.der().to_vec(), &[("cert", D::CertificateBare)]);
    seal(|parts, world| parts.list = seq(&[world.certificate.der().to_vec()]), &[(list, D::CertificateBare)]);
    seal(
        |parts, world| parts.cert = octets([world.maker_certificate.der(), &[0, 0, 0]].concat()),
        &[("cert", D::CertificateTrailing)],
    );
    signature(
        |parts, world| parts.cert = octets(octets(world.certificate.der())),
        &[("cert", D::CertificateWrappedTwice)],
    );
    seal(
        |parts, world| parts.list = octets(world.certificate.der()),
        &[("eSealInfo.property.certList", D::CertListBare)],
    );
}

#[test]
fn a_missing_certificate_is_read_and_decides_nothing() {
    for suite in SUITES {
        let world = World::new(suite);
        let mut parts = SignatureParts::new(&world, SealParts::new(&world).signed(&world));
        parts.cert = octets([]);
        let der = parts.signed(&world);
        assert_eq!(found_in_signature(&der), [("cert".to_owned(), D::CertificateMissing)]);
        let report = world.verify(&der);
        assert_eq!(report.verdict, cinnabar_eseal::verify::Verdict::Undecided);
        assert_eq!(report.sub_indication, Some(pki::SubIndication::NoSigningCertificateFound));
        let mut parts = SealParts::new(&world);
        parts.cert = octets([]);
        let report = world.verify_seal(&parts.signed(&world), NOW);
        assert_eq!(report.verdict, cinnabar_eseal::verify::Verdict::Undecided);
    }
}

#[test]
fn the_time_of_signing_in_version_1() {
    let place = "toSign.timeInfo";
    let text = || D::TimeType { expected: "UTCTime or a time-stamp", found: "text" };
    let at = |form: Vec<u8>| move |parts: &mut SignatureParts, _: &World| parts.time = form.clone();
    old_signature(at(bits(&generalized("20261120000000Z"))), &[]);
    old_signature(at(bits(b"2026-11-20T07:31:56.377Z")), &[(place, D::TimeFraction), (place, text())]);
    old_signature(at(bits(b"2026-11-20 15:31:56")), &[(place, D::TimeLocal), (place, text())]);
    old_signature(at(bits(b"20261120073156Z")), &[(place, text())]);
    old_signature(
        at(utc("261120073156Z")),
        &[(place, D::TimeType { expected: "BIT STRING", found: "time" })],
    );
    old_signature(
        at(utf8("2026-11-20 15:31:56")),
        &[
            (place, D::TimeType { expected: "BIT STRING", found: "text" }),
            (place, D::TimeLocal),
            (place, text()),
        ],
    );
    signature(
        at(utc("261120073156Z")),
        &[(place, D::TimeType { expected: "GeneralizedTime", found: "UTCTime" })],
    );
    signature(at(bits(b"2026-11-20T07:31:56Z")), &[(place, text())]);
}

#[test]
fn a_time_that_cannot_be_read_decides_nothing() {
    for suite in SUITES {
        let world = World::new(suite);
        let mut parts = SignatureParts::old(&world, SealParts::old(&world).signed(&world));
        parts.time = bits(b"yesterday");
        let der = parts.signed(&world);
        assert_eq!(found_in_signature(&der), [("toSign.timeInfo".to_owned(), D::TimeUnreadable)]);
        let report = world.verify(&der);
        assert_eq!(report.verdict, cinnabar_eseal::verify::Verdict::Undecided);
        assert_eq!(report.step(StepName::SealValidity).unwrap().outcome, Outcome::Undecided);
        assert_eq!(report.indication, pki::Indication::Indeterminate);
    }
}

#[test]
fn a_time_stamp_as_time_info_is_no_more_than_a_claim() {
    for suite in SUITES {
        let world = World::new(suite);
        let mut parts = SignatureParts::old(&world, SealParts::old(&world).signed(&world));
        parts.time = bits(&world.token(CONTENT, time("20261120080000")));
        let der = parts.signed(&world);
        let read = Signature::parse(&der).unwrap();
        assert!(matches!(read.value.time_info(), TimeInfo::Token(_)) && read.deviations.is_empty());
        let report = world.verify(&der);
        assert!(report.is_valid(), "{:?}", report.steps);
        assert_eq!(report.time_source, cinnabar_eseal::verify::TimeSource::Claimed);
        assert_eq!(report.signing_time, Some(time("20261120080000")));
    }
}

#[test]
fn algorithms_named_otherwise() {
    let null = || tlv(5, []);
    for parameters in [vec![], null()] {
        let algorithm = move |own: &[u8]| seq(&[own.to_vec(), parameters.clone()]);
        let other = algorithm.clone();
        seal(
            move |parts, _| parts.algorithm = algorithm(&parts.algorithm),
            &[("signAlgID", D::AlgorithmIdentifier)],
        );
        old_signature(
            move |parts, _| parts.algorithm = other(&parts.algorithm),
            &[("toSign.signatureAlgorithm", D::AlgorithmIdentifier)],
        );
    }
    let world = World::new(SUITES[1]);
    // SM2 with SM3 has two names, and SM3 or the curve stand for it at some vendors.
    for name in ["1.2.156.10197.1.501", "1.2.156.10197.1.301.1"] {
        let mut parts = SealParts::new(&world);
        parts.algorithm = oid(name);
        seal_of(&world, &parts.signed(&world), &[]);
    }
    for name in ["1.2.156.10197.1.401", "1.2.156.10197.1.301"] {
        let mut parts = SealParts::new(&world);
        parts.algorithm = oid(name);
        let found = D::AlgorithmName { found: name.to_owned() };
        seal_of(&world, &parts.signed(&world), &[("signAlgID", found)]);
    }
}

#[test]
fn lists_of_digests_and_what_they_are_called() {
    let kind = "eSealInfo.property.certList[0].type";
    let with = |name: Vec<u8>, value: fn(&World) -> Vec<u8>| {
        move |parts: &mut SealParts, world: &World| {
            parts.list_type = int(2);
            parts.list = seq(&[seq(&[name.clone(), octets(value(world))])]);
        }
    };
    let own = |world: &World| world.suite.digest.digest(world.certificate.der());
    let sm3 = |world: &World| crypto::DigestAlgorithm::Sm3.digest(world.certificate.der());
    for name in ["SM3", "sm3", "SM-3", "1.2.156.10197.1.401"] {
        seal(with(tlv(0x13, name), sm3), &[]);
    }
    seal(with(tlv(0x13, "custom"), own), &[(kind, D::DigestTypeName { found: "custom".into() })]);
    let of = |found| D::StringType { expected: "PrintableString", found };
    seal(with(utf8("SM3"), sm3), &[(kind, of("UTF8String"))]);
    seal(with(oid("1.2.156.10197.1.401"), sm3), &[(kind, of("OBJECT IDENTIFIER"))]);
    seal(with(seq(&[oid("1.2.156.10197.1.401")]), sm3), &[(kind, of("AlgorithmIdentifier"))]);
    // The signer is found by them.
    for suite in SUITES {
        let world = World::new(suite);
        let mut parts = SealParts::new(&world);
        with(tlv(0x13, "custom"), own)(&mut parts, &world);
        let der = SignatureParts::new(&world, parts.signed(&world)).signed(&world);
        assert!(world.verify(&der).is_valid());
    }
}

#[test]
fn cert_list_type_where_it_does_not_belong_or_says_something_else() {
    let property = "eSealInfo.property";
    let list = "eSealInfo.property.certList";
    seal(|parts, _| parts.list_type = vec![], &[(property, D::CertListTypePlace)]);
    old_seal(|parts, _| parts.list_type = int(1), &[(property, D::CertListTypePlace)]);
    seal(|parts, _| parts.list_type = int(2), &[(list, D::CertListTypeOther { found: 2 })]);
    seal(|parts, _| parts.list_type = int(0), &[(list, D::CertListTypeOther { found: 0 })]);
    let world = World::new(SUITES[1]);
    let mut parts = SealParts::new(&world);
    parts.list_type = int(2);
    let read = Seal::parse(&parts.signed(&world)).unwrap().value;
    assert!(matches!(read.cert_list(), CertList::Certificates(_)));
}

#[test]
fn headers_and_versions() {
    let number = |expected, found| D::VersionNumber { expected, found };
    let place = "eSealInfo.header.version";
    seal(
        |parts, _| parts.header[0] = ia5("es"),
        &[("eSealInfo.header.ID", D::HeaderId { found: "es".into() })],
    );
    seal(|parts, _| parts.header[1] = int(2), &[(place, number(4, 2))]);
    seal(|parts, _| parts.header[1] = int(1), &[(place, number(4, 1))]);
    old_seal(|parts, _| parts.header[1] = int(4), &[(place, number(1, 4))]);
    seal(|parts, _| parts.header[1] = int(5), &[]);
    signature(|parts, _| parts.version = int(1), &[("toSign.version", number(4, 1))]);
    old_signature(|parts, _| parts.version = int(4), &[("toSign.version", number(1, 4))]);
    // A new signature around an old seal, and the other way round.
    for suite in SUITES {
        let world = World::new(suite);
        let der = SignatureParts::new(&world, SealParts::old(&world).signed(&world)).signed(&world);
        signature_of(&world, &der, &[("toSign.eseal", D::MixedVersions)]);
        let der = SignatureParts::old(&world, SealParts::new(&world).signed(&world)).signed(&world);
        signature_of(&world, &der, &[("toSign.eseal", D::MixedVersions)]);
    }
}

#[test]
fn pictures_of_other_types() {
    let kind = "eSealInfo.picture.type";
    let data = "eSealInfo.picture.data";
    let spelt = |found: &str| D::PictureTypeSpelling { found: found.into() };
    seal(|parts, _| parts.picture[0] = ia5("png"), &[(kind, spelt("png"))]);
    seal(|parts, _| parts.picture[0] = ia5(".PNG"), &[(kind, spelt(".PNG"))]);
    seal(|parts, _| parts.picture[0] = ia5("BMP"), &[(data, D::PictureTypeOther { found: "PNG" })]);
    seal(
        |parts, _| parts.picture[0] = ia5("TIFF"),
        &[
            (kind, D::PictureTypeUnknown { found: "TIFF".into() }),
            (data, D::PictureTypeOther { found: "PNG" }),
        ],
    );
    let ofd = |parts: &mut SealParts, _: &World| {
        parts.picture[0] = ia5("ofd");
        parts.picture[1] = octets([b"PK\x03\x04", PICTURE].concat());
    };
    seal(ofd, &[(kind, spelt("ofd")), (data, D::PictureOfd)]);
    seal(
        |parts, _| {
            parts.picture[0] = ia5("JPEG");
            parts.picture[1] = octets([&[0xFF, 0xD8, 0xFF, 0xE0], PICTURE].concat());
        },
        &[],
    );
}

#[test]
fn time_stamps_with_another_tag() {
    for suite in SUITES {
        let world = World::new(suite);
        let parts = SignatureParts::new(&world, SealParts::new(&world).signed(&world));
        let plain = parts.signed(&world);
        let value = Signature::parse(&plain).unwrap().value.value().to_vec();
        let token = world.token(&value, time("20261120120000"));
        let stamped = |stamp: Vec<u8>| {
            let outer = cinnabar_eseal::Signature::parse(&plain).unwrap().value;
            let body = outer.der();
            let start = 2 + usize::from(body[1] & 0x7F);
            seq(&[body[start..].to_vec(), stamp])
        };
        let forms: [(Vec<u8>, usize); 6] = [
            (tlv(0xA0, bits(&token)), 0),
            (bits(&token), 1),
            (octets(&token), 1),
            (tlv(0xA0, octets(&token)), 1),
            (tlv(0xA0, &token), 1),
            (tlv(0x80, [&[0], &token[..]].concat()), 1),
        ];
        for (stamp, deviations) in forms {
            let der = stamped(stamp);
            let found = found_in_signature(&der);
            assert_eq!(found, vec![("timeStamp".to_owned(), D::TimeStampTag); deviations]);
            let report = world.verify(&der);
            assert!(report.is_valid(), "{:?}", report.steps);
            assert_eq!(report.signing_time, Some(time("20261120120000")));
        }
    }
}
