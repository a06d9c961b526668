//! What is written, field by field as another reader sees it, and that what is read is what was written.

use std::process::Command;

use cinnabar_eseal::{
    NewPicture, NewSeal, Seal, Signature, Signers, Version,
    seal::{CertDigest, CertList, Extension},
};
use crypto::{DigestAlgorithm, SignatureScheme};
use proptest::prelude::*;

use crate::{parts::*, world::*};

/// Depth, type and value of each element, as `openssl asn1parse` prints them.
fn parsed(der: &[u8]) -> Vec<(usize, String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("der");
    std::fs::write(&file, der).unwrap();
    let output = Command::new("openssl").args(["asn1parse", "-inform", "DER", "-in"]).arg(&file).output();
    let output = output.expect("openssl is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let line = |line: &str| {
        // `    0:d=0  hl=4 l= 123 cons: SEQUENCE          `, `…prim: INTEGER           :04`
        let depth = line.split("d=").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
        let rest = line.split_once(": ").map_or("", |(_, rest)| rest);
        // What cannot be printed follows a tag of its own.
        let rest = rest.replace("[HEX DUMP]", "");
        let (kind, value) = rest.split_once(':').unwrap_or((&rest, ""));
        (depth, kind.trim().to_owned(), value.trim().to_owned())
    };
    text.lines().map(line).collect()
}

type Row<'r> = (usize, &'r str, &'r str);

#[track_caller]
fn equal(found: &[(usize, String, String)], expected: &[Row<'_>]) {
    let found: Vec<Row<'_>> =
        found.iter().map(|(depth, kind, value)| (*depth, kind.as_str(), value.as_str())).collect();
    // Values that are made at run time are left open by `*`.
    for (row, (found, expected)) in found.iter().zip(expected).enumerate() {
        let value = if expected.2 == "*" { "*" } else { found.2 };
        assert_eq!(&(found.0, found.1, value), expected, "row {row}");
    }
    assert_eq!(found.len(), expected.len());
}

/// SES_SealInfo of V4 at a depth, as standards say: each line is a field.
fn info_rows<'r>(depth: usize, name: &'r str, version: &'r str, by_digest: bool) -> Vec<Row<'r>> {
    let d = depth;
    let mut rows = vec![
        (d, "SEQUENCE", ""),                                     // eSealInfo
        (d + 1, "SEQUENCE", ""),                                 //   header
        (d + 2, "IA5STRING", "ES"),                              //     ID
        (d + 2, "INTEGER", version),                             //     version
        (d + 2, "IA5STRING", "Cinnabar"),                        //     Vid
        (d + 1, "IA5STRING", "37030000001721"),                  // esID
        (d + 1, "SEQUENCE", ""),                                 //   property
        (d + 2, "INTEGER", "06"),                                //     type
        (d + 2, "UTF8STRING", name),                             //     name
        (d + 2, "INTEGER", if by_digest { "02" } else { "01" }), // certListType
        (d + 2, "SEQUENCE", ""),                                 //     certList
    ];
    match by_digest {
        false => rows.push((d + 3, "OCTET STRING", "*")), // CertInfoList: OCTET STRING
        true => rows.extend([
            (d + 3, "SEQUENCE", ""),         // CertDigestObj
            (d + 4, "PRINTABLESTRING", "*"), //   type
            (d + 4, "OCTET STRING", "*"),    //   value
        ]),
    }
    rows.extend([
        (d + 2, "GENERALIZEDTIME", "20260601000000Z"), // createDate
        (d + 2, "GENERALIZEDTIME", "20260601000000Z"), // validStart
        (d + 2, "GENERALIZEDTIME", "20290601000000Z"), // validEnd
        (d + 1, "SEQUENCE", ""),                       //   picture
        (d + 2, "IA5STRING", "PNG"),                   //     type
        (d + 2, "OCTET STRING", "*"),                  //     data
        (d + 2, "INTEGER", "2A"),                      //     width
        (d + 2, "INTEGER", "2A"),                      //     height
    ]);
    rows
}

/// OpenSSL prints what it has a name for.
fn algorithm(scheme: SignatureScheme) -> &'static str {
    match scheme {
        SignatureScheme::EcdsaP256Sha256 => "ecdsa-with-SHA256",
        SignatureScheme::Sm2Sm3 => "SM2-with-SM3",
        _ => unreachable!("no suite signs so"),
    }
}

#[test]
fn openssl_reads_a_seal_as_the_standard_has_it_field_by_field() {
    for suite in SUITES {
        let world = World::new(suite);
        for by_digest in [false, true] {
            let mut new = NewSeal { name: "Seal".to_owned(), ..world.new_seal() };
            if by_digest {
                let certificates = vec![world.certificate.der().to_vec()];
                new.signers = Signers::Digests(suite.digest, certificates);
            }
            let mut expected = vec![(0, "SEQUENCE", "")];
            expected.extend(info_rows(1, "Seal", "04", by_digest));
            expected.extend([
                (1, "OCTET STRING", "*"),                  // cert
                (1, "OBJECT", algorithm(suite.signature)), // signAlgID
                (1, "BIT STRING", ""),                     // signedValue
            ]);
            equal(&parsed(world.made(&new).der()), &expected);
        }
    }
}

#[test]
fn openssl_reads_extensions_of_a_seal_untagged_and_defaults_left_out() {
    let world = World::new(SUITES[1]);
    let extension = |critical| Extension { id: "1.2.3.4".parse().unwrap(), critical, value: b"v".to_vec() };
    let extensions = vec![extension(false), extension(true)];
    let der = world.made(&NewSeal { name: "Seal".to_owned(), extensions, ..world.new_seal() });
    let mut expected = vec![(0, "SEQUENCE", "")];
    expected.extend(info_rows(1, "Seal", "04", false));
    expected.extend([
        (2, "SEQUENCE", ""),      // extDatas
        (3, "SEQUENCE", ""),      //   ExtData
        (4, "OBJECT", "1.2.3.4"), //     extnID
        (4, "OCTET STRING", "v"), //     extnValue
        (3, "SEQUENCE", ""),
        (4, "OBJECT", "1.2.3.4"),
        (4, "BOOLEAN", "255"), //     critical
        (4, "OCTET STRING", "v"),
        (1, "OCTET STRING", "*"),
        (1, "OBJECT", "SM2-with-SM3"),
        (1, "BIT STRING", ""),
    ]);
    equal(&parsed(der.der()), &expected);
}

#[test]
fn openssl_reads_a_signature_as_the_standard_has_it_field_by_field() {
    for suite in SUITES {
        let world = World::new(suite);
        for (version, number) in [(Version::V4, "04"), (Version::V5, "05")] {
            let seal = world.made(&NewSeal { name: "Seal".to_owned(), version, ..world.new_seal() });
            let stamped = match version {
                Version::V5 => {
                    let token = world.token(seal.signature(), time("20260601000100"));
                    Seal::parse(&seal.with_time_stamp(&token).unwrap()).unwrap().value
                }
                _ => seal,
            };
            let signature = Signature::parse(&world.signed(&stamped)).unwrap().value;
            let token = world.token(signature.value(), time("20261120120000"));
            let der = signature.with_time_stamp(&token).unwrap();
            let mut expected = vec![
                (0, "SEQUENCE", ""),
                (1, "SEQUENCE", ""),    // toSign
                (2, "INTEGER", number), //   version
                (2, "SEQUENCE", ""),    //   eseal
            ];
            expected.extend(info_rows(3, "Seal", number, false));
            expected.extend([
                (3, "OCTET STRING", "*"),
                (3, "OBJECT", algorithm(suite.signature)),
                (3, "BIT STRING", ""),
            ]);
            if version == Version::V5 {
                expected.extend([
                    (3, "cont [ 0 ]", ""), //     timeStamp of the seal
                    (4, "BIT STRING", ""),
                ]);
            }
            expected.extend([
                (2, "GENERALIZEDTIME", "20261120000000Z"),             // timeInfo
                (2, "BIT STRING", ""),                                 // dataHash
                (2, "IA5STRING", "/Doc_0/Signs/Sign_0/Signature.xml"), // propertyInfo
                (1, "OCTET STRING", "*"),                              // cert
                (1, "OBJECT", algorithm(suite.signature)),             // signatureAlgID
                (1, "BIT STRING", ""),                                 // signature
                (1, "cont [ 0 ]", ""),                                 // timeStamp
                (2, "BIT STRING", ""),
            ]);
            equal(&parsed(&der), &expected);
        }
    }
}

#[test]
fn a_hole_of_the_foretold_length_is_always_large_enough_and_hardly_too_large() {
    for suite in SUITES {
        let world = World::new(suite);
        let seal = world.seal();
        let property = "/Doc_0/Signs/Sign_0/Signature.xml";
        let scheme = suite.signature;
        let sizes = [seal.der().len(), world.certificate.der().len()];
        for _ in 0..16 {
            let signature = Signature::parse(&world.signed(&seal)).unwrap().value;
            let bound = cinnabar_eseal::max_len(sizes[0], sizes[1], scheme, property.len(), None);
            let len = signature.der().len();
            assert!((len..=len + 8).contains(&bound), "{len} {bound}");
            let token = world.token(signature.value(), time("20261120120000"));
            let stamped = signature.with_time_stamp(&token).unwrap().len();
            let bound =
                cinnabar_eseal::max_len(sizes[0], sizes[1], scheme, property.len(), Some(token.len()));
            assert!((stamped..=stamped + 8).contains(&bound), "{stamped} {bound}");
        }
    }
}

fn any_seal() -> impl Strategy<Value = NewSeal> {
    let text = "[ -~]{1,40}";
    let extension = (0_u32..40, any::<bool>(), proptest::collection::vec(any::<u8>(), 0..40)).prop_map(
        |(arc, critical, value)| Extension { id: format!("1.2.156.{arc}").parse().unwrap(), critical, value },
    );
    let times = (0_i64..200_000_000_000, 1_i64..3_000_000_000, 0_i64..1000);
    let picture = (
        proptest::sample::select(vec!["SVG", "JPG", "GIF"]),
        proptest::collection::vec(any::<u8>(), 1..400),
        1_u32..=1000,
        1_u32..=1000,
    );
    (
        (any::<bool>(), text, text, any::<u8>(), "[\\p{Han}a-z ]{0,20}印"),
        (any::<bool>(), 1_usize..4, times, picture, proptest::collection::vec(extension, 0..4)),
    )
        .prop_map(|((fifth, vendor, id, kind, name), (digests, signers, times, picture, extensions))| {
            let (from, length, before) = times;
            let (picture_kind, mut data, width_mm, height_mm) = picture;
            // Not by chance what another type of picture begins with.
            data.insert(0, 0);
            let certificates = vec![pool().certificate.der().to_vec(); signers];
            NewSeal {
                version: if fifth { Version::V5 } else { Version::V4 },
                vendor,
                id,
                kind,
                name,
                signers: match digests {
                    true => Signers::Digests(DigestAlgorithm::Sm3, certificates),
                    false => Signers::Certificates(certificates),
                },
                created: from - before,
                valid_from: from,
                valid_to: (from + length).min(253_402_300_799),
                picture: NewPicture { kind: picture_kind.to_owned(), data, width_mm, height_mm },
                extensions,
            }
        })
}

fn pool() -> &'static World {
    static WORLD: std::sync::OnceLock<World> = std::sync::OnceLock::new();
    WORLD.get_or_init(|| World::new(SUITES[1]))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_written_is_read_and_written_again_in_the_same_octets(new in any_seal(), stamp in any::<bool>()) {
        let world = pool();
        let der = new.sign(&*world.maker.key, world.maker_certificate.der()).unwrap();
        let read = Seal::parse(&der).unwrap();
        prop_assert_eq!(&read.deviations, &[]);
        let seal = read.value;
        prop_assert_eq!(seal.der(), &der[..]);
        // Everything that was read, written anew.
        let signers = match (&new.signers, seal.cert_list()) {
            (Signers::Certificates(wanted), CertList::Certificates(found)) => {
                let found: Vec<_> = found.iter().flatten().cloned().collect();
                prop_assert_eq!(wanted, &found);
                Signers::Certificates(found)
            }
            (Signers::Digests(digest, wanted), CertList::Digests(found)) => {
                let expected: Vec<_> = wanted
                    .iter()
                    .map(|der| CertDigest { kind: "SM3".to_owned(), value: digest.digest(der) })
                    .collect();
                prop_assert_eq!(&expected, found);
                new.signers.clone()
            }
            _ => panic!("another list than was written"),
        };
        let picture = seal.picture();
        let again = NewSeal {
            version: seal.version(),
            vendor: seal.vendor().to_owned(),
            id: seal.id().to_owned(),
            kind: u8::try_from(seal.kind()).unwrap(),
            name: seal.name().to_owned(),
            signers,
            created: seal.created(),
            valid_from: seal.valid_from(),
            valid_to: seal.valid_to(),
            picture: NewPicture {
                kind: picture.kind.to_owned(),
                data: picture.data.to_vec(),
                width_mm: u32::try_from(picture.width_mm).unwrap(),
                height_mm: u32::try_from(picture.height_mm).unwrap(),
            },
            extensions: seal.extensions().to_vec(),
        };
        prop_assert_eq!(&again, &new);
        prop_assert_eq!(again.info().unwrap(), seal.signed_octets());
        // And a signature made with it, put together again from what was read.
        let mut parts = SignatureParts::new(world, der);
        parts.version = int(u8::try_from(seal.version().number()).unwrap());
        let mut signature = parts.signed(world);
        if stamp {
            let read = Signature::parse(&signature).unwrap().value;
            signature = read.with_time_stamp(b"whatever stands for a token").unwrap();
        }
        let read = Signature::parse(&signature).unwrap();
        prop_assert_eq!(&read.deviations, &[]);
        prop_assert_eq!(read.value.der(), &signature[..]);
        prop_assert_eq!(read.value.signed_octets(), &parts.to_sign()[..]);
        prop_assert_eq!(read.value.seal(), &seal);
    }
}
