//! Deviations of encoding: BER, other types of strings, times, numbers and signature values.

use cinnabar_eseal::{
    DeviationKind as D, Seal, Signature,
    verify::{Outcome, StepName, TimeSource},
};

use crate::{deviations::*, forge::*, parts::*, world::*};

#[test]
fn a_signature_as_r_and_s() {
    let raw = |octets| D::RawSignature { octets };
    seal(|parts, _| parts.value = |der| bits(&raw_signature(der, 32)), &[("signedValue", raw(64))]);
    seal(|parts, _| parts.value = |der| bits(&raw_signature(der, 64)), &[("signedValue", raw(128))]);
    old_seal(|parts, _| parts.value = |der| bits(&raw_signature(der, 32)), &[("signInfo.signData", raw(64))]);
    signature(|parts, _| parts.value = |der| bits(&raw_signature(der, 32)), &[("signature", raw(64))]);
    old_signature(|parts, _| parts.value = |der| bits(&raw_signature(der, 64)), &[("signature", raw(128))]);
}

#[test]
fn a_time_stamp_of_a_signature_as_r_and_s_is_over_the_octets_that_are_there() {
    type Width = fn(&[u8]) -> Vec<u8>;
    let widths: [Width; 2] = [|der| bits(&raw_signature(der, 32)), |der| bits(&raw_signature(der, 64))];
    for (suite, form) in SUITES.into_iter().flat_map(|suite| widths.map(|form| (suite, form))) {
        let mut world = World::new(suite);
        // The seal, stamped by its maker's house: V5.
        let mut parts = SealParts::new(&world);
        (parts.header[1], parts.value) = (int(5), form);
        let plain = parts.signed(&world);
        let seal = Seal::parse(&plain).unwrap().value;
        assert_eq!(form(seal.signature_in_der()), bits(seal.signature()));
        let stamp = |value: &[u8], at| tlv(0xA0, bits(&world.token(value, time(at))));
        let sealed = appended(&plain, &stamp(seal.signature(), "20260601000100"));
        let reencoded = appended(&plain, &stamp(seal.signature_in_der(), "20260601000100"));
        // The signature with it, stamped too.
        let signed = |seal: &[u8]| {
            let mut parts = SignatureParts::new(&world, seal.to_vec());
            (parts.version, parts.value) = (int(5), form);
            parts.signed(&world)
        };
        let plain = signed(&sealed);
        let signature = Signature::parse(&plain).unwrap().value;
        assert_eq!(form(signature.value_in_der()), bits(signature.value()));
        let stamped = appended(&plain, &stamp(signature.value(), "20261120120000"));
        let other = appended(&plain, &stamp(signature.value_in_der(), "20261120120000"));
        let unproven = signed(&reencoded);
        let report = world.verify(&stamped);
        assert!(report.is_valid(), "{:?}", report.steps);
        assert_eq!(report.time_source, TimeSource::SignatureTimestamp);
        assert_eq!(world.verify(&other).time_source, TimeSource::Claimed);
        // The stamp of the seal proves it older than its maker's compromise.
        world.revoke(&[(MAKER, "20261101", 1)]);
        let maker =
            |signature: &[u8]| world.verify(signature).step(StepName::MakerCertificate).unwrap().outcome;
        assert_eq!((maker(&plain), maker(&unproven)), (Outcome::Warned, Outcome::Failed));
    }
}

/// A SEQUENCE with one more element at its end.
fn appended(sequence: &[u8], element: &[u8]) -> Vec<u8> {
    let start = 2 + if sequence[1] < 0x80 { 0 } else { usize::from(sequence[1] & 0x7F) };
    seq(&[sequence[start..].to_vec(), element.to_vec()])
}

#[test]
fn octets_for_bits_and_bits_for_octets() {
    seal(|parts, _| parts.value = |der| octets(der), &[("signedValue", D::OctetsForBits)]);
    signature(|parts, _| parts.value = |der| octets(der), &[("signature", D::OctetsForBits)]);
    signature(|parts, world| parts.hash = octets(world.digest()), &[("toSign.dataHash", D::OctetsForBits)]);
    old_signature(
        |parts, _| parts.time = octets(utc("261120000000Z")),
        &[("toSign.timeInfo", D::OctetsForBits)],
    );
    seal(|parts, world| parts.cert = bits(world.maker_certificate.der()), &[("cert", D::BitsForOctets)]);
    seal(|parts, _| parts.picture[1] = bits(PICTURE), &[("eSealInfo.picture.data", D::BitsForOctets)]);
}

#[test]
fn a_default_that_is_written_out_and_other_truth_values() {
    let extension = |flag: Vec<u8>| seq(&[seq(&[oid("1.2.3.4"), flag, octets(b"v")])]);
    let place = "eSealInfo.extDatas[0].critical";
    seal(|parts, _| parts.extensions = extension(vec![]), &[]);
    seal(|parts, _| parts.extensions = extension(tlv(1, [0])), &[(place, D::EncodedDefault)]);
    let world = World::new(SUITES[0]);
    let mut parts = SealParts::new(&world);
    parts.extensions = extension(tlv(1, [1]));
    let der = parts.signed(&world);
    assert_eq!(found_in_seal(&der), [(place.to_owned(), D::BooleanForm)]);
    assert!(Seal::parse(&der).unwrap().value.extensions()[0].critical);
}

#[test]
fn other_string_types() {
    let of = |expected, found| D::StringType { expected, found };
    let name = "eSealInfo.property.name";
    let wide: Vec<u8> = "部门审批专用章".encode_utf16().flat_map(u16::to_be_bytes).collect();
    seal(move |parts, _| parts.name = tlv(0x1E, &wide), &[(name, of("UTF8String", "BMPString"))]);
    seal(|parts, _| parts.name = tlv(0x13, "Seal"), &[(name, of("UTF8String", "PrintableString"))]);
    let four: Vec<u8> = "部门".chars().flat_map(|character| u32::from(character).to_be_bytes()).collect();
    seal(move |parts, _| parts.name = tlv(0x1C, &four), &[(name, of("UTF8String", "UniversalString"))]);
    seal(|parts, _| parts.id = utf8("37"), &[("eSealInfo.esID", of("IA5String", "UTF8String"))]);
    seal(
        |parts, _| parts.header[2] = tlv(0x13, "Vendor"),
        &[("eSealInfo.header.Vid", of("IA5String", "PrintableString"))],
    );
    signature(
        |parts, _| parts.property = utf8("/文档"),
        &[("toSign.propertyInfo", of("IA5String", "UTF8String"))],
    );
    signature(
        |parts, _| parts.property = octets("x"),
        &[("toSign.propertyInfo", of("IA5String", "OCTET STRING"))],
    );
    // 审批 in GB 18030, where UTF-8 is promised; and UTF-8 where ASCII is.
    seal(|parts, _| parts.name = tlv(0x0C, [0xC9, 0xF3, 0xC5, 0xFA]), &[(name, D::TextEncoding)]);
    seal(|parts, _| parts.id = ia5("章"), &[("eSealInfo.esID", D::TextEncoding)]);
    let world = World::new(SUITES[0]);
    let mut parts = SealParts::new(&world);
    parts.name = tlv(0x0C, [0xC9, 0xF3, 0xC5, 0xFA]);
    assert_eq!(Seal::parse(&parts.signed(&world)).unwrap().value.name(), "审批");
}

#[test]
fn other_times() {
    let of = |expected, found| D::TimeType { expected, found };
    let place = "eSealInfo.property.validStart";
    let at = |form: Vec<u8>| move |parts: &mut SealParts, _: &World| parts.dates[1] = form.clone();
    seal(at(utc("260601000000Z")), &[(place, of("GeneralizedTime", "UTCTime"))]);
    old_seal(at(generalized("20260601000000Z")), &[(place, of("UTCTime", "GeneralizedTime"))]);
    old_seal(at(utc("20260601000000Z")), &[(place, D::TimeYear)]);
    seal(at(generalized("260601000000Z")), &[(place, D::TimeYear)]);
    seal(at(generalized("20260601000000.123Z")), &[(place, D::TimeFraction)]);
    seal(at(generalized("20260601080000+0800")), &[(place, D::TimeOffset)]);
    seal(at(generalized("20260601080000")), &[(place, D::TimeLocal)]);
    seal(at(generalized("202606010000Z")), &[(place, D::TimeWithoutSeconds)]);
    seal(
        at(ia5("2026-06-01 08:00:00")),
        &[(place, of("GeneralizedTime", "IA5String")), (place, D::TimeLocal)],
    );
    for form in ["20260601080000+0800", "20260601080000", "20260601000000Z"] {
        let world = World::new(SUITES[0]);
        let mut parts = SealParts::new(&world);
        parts.dates[1] = generalized(form);
        let read = Seal::parse(&parts.signed(&world)).unwrap().value;
        assert_eq!(read.valid_from(), time("20260601000000"), "{form}");
    }
}

#[test]
fn numbers_written_otherwise() {
    seal(|parts, _| parts.kind = tlv(2, [0, 6]), &[("eSealInfo.property.type", D::IntegerForm)]);
    seal(|parts, _| parts.kind = tlv(10, [6]), &[("eSealInfo.property.type", D::IntegerForm)]);
    seal(|parts, _| parts.picture[2] = tlv(2, [0, 0, 0, 42]), &[("eSealInfo.picture.width", D::IntegerForm)]);
}

#[test]
fn lengths_and_strings_of_ber() {
    // A length in more octets than needed.
    let padded = |element: Vec<u8>| -> Vec<u8> {
        let content = match element[1] {
            short @ 0..0x80 => element[2..2 + usize::from(short)].to_vec(),
            long => element[2 + usize::from(long & 0x7F)..].to_vec(),
        };
        [&[element[0], 0x84][..], &u32::try_from(content.len()).unwrap().to_be_bytes(), &content].concat()
    };
    let open = |element: Vec<u8>| -> Vec<u8> {
        let start = if element[1] < 0x80 { 2 } else { 2 + usize::from(element[1] & 0x7F) };
        [&[element[0], 0x80][..], &element[start..], &[0, 0]].concat()
    };
    seal(|parts, _| parts.id = padded(parts.id.clone()), &[("eSealInfo.esID", D::PaddedLength)]);
    for suite in SUITES {
        let world = World::new(suite);
        let parts = SealParts::new(&world);
        seal_of(&world, &padded(parts.signed(&world)), &[("", D::PaddedLength)]);
        seal_of(&world, &open(parts.signed(&world)), &[("", D::IndefiniteLength)]);
        seal_of(&world, &parts.around(&world, padded(parts.info())), &[("eSealInfo", D::PaddedLength)]);
        seal_of(&world, &parts.around(&world, open(parts.info())), &[("eSealInfo", D::IndefiniteLength)]);
        let old = SealParts::old(&world);
        seal_of(&world, &old.around(&world, open(old.info())), &[("eSealInfo", D::IndefiniteLength)]);
        let parts = SignatureParts::new(&world, parts.signed(&world));
        signature_of(
            &world,
            &open(parts.around(&world, open(parts.to_sign()))),
            &[("", D::IndefiniteLength), ("toSign", D::IndefiniteLength)],
        );
    }
    seal(
        |parts, _| {
            let (first, second) = PICTURE.split_at(9);
            parts.picture[1] = tlv(0x24, [octets(first), octets(second)].concat());
        },
        &[("eSealInfo.picture.data", D::ConstructedString)],
    );
}

#[test]
fn something_behind_the_structure() {
    for suite in SUITES {
        let world = World::new(suite);
        let seal = SealParts::new(&world).signed(&world);
        seal_of(&world, &[&seal[..], &[0; 9]].concat(), &[("", D::TrailingZeros { octets: 9 })]);
        seal_of(&world, &[&seal[..], b"more"].concat(), &[("", D::TrailingData { octets: 4 })]);
        let signature = SignatureParts::new(&world, seal).signed(&world);
        signature_of(
            &world,
            &[&signature[..], &[0; 512]].concat(),
            &[("", D::TrailingZeros { octets: 512 })],
        );
        let read = Signature::parse(&[&signature[..], &[0; 512]].concat()).unwrap().value;
        assert_eq!(read.der(), signature);
    }
}
