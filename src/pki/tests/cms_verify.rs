//! CMS made by OpenSSL and by us, honest and forged, judged by us.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod common;

use std::{convert::Infallible, path::Path, slice::from_ref};

use cinnabar_pki::{
    Certificate, Indication, SubIndication,
    cms::{
        CmsError, Fault, Integrity, Limits, Message, SignedData, TimeStampToken, Unverifiable, Verification,
        element_len, sign::CmsSigner,
    },
};
use common::*;
use crypto::{DigestAlgorithm, KeyKind, SignatureScheme};

fn parse(der: &[u8]) -> SignedData {
    SignedData::parse(der, &Limits::default()).unwrap()
}

fn verify(der: &[u8], content: &[u8]) -> Verification {
    parse(der).verify::<Infallible>(&[], |algorithm| Ok(algorithm.digest(content))).unwrap()
}

/// A signer made by OpenSSL: `key` and `cert` in `dir`.
fn foreign(dir: &Path, algorithm: &str, extra: &str) {
    openssl(dir, &format!("genpkey -algorithm {algorithm} -out key"));
    openssl(dir, &format!("req -x509 -new -key key -subj /CN=foreign -days 30 -out cert{extra}"));
    write(dir, "content", "content");
}

fn sign(dir: &Path, options: &str) -> Vec<u8> {
    openssl(
        dir,
        &format!("cms -sign -binary -in content -signer cert -inkey key -outform DER -out cms {options}"),
    );
    read(dir, "cms")
}

#[test]
fn what_openssl_signs_is_intact_and_other_content_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for (algorithm, options, scheme) in [
        ("ec -pkeyopt ec_paramgen_curve:P-256", "-md sha256", SignatureScheme::EcdsaP256Sha256),
        ("ec -pkeyopt ec_paramgen_curve:P-256", "-md sha512 -cades", SignatureScheme::EcdsaP256Sha512),
        ("ec -pkeyopt ec_paramgen_curve:P-384", "-md sha384 -keyid", SignatureScheme::EcdsaP384Sha384),
        ("rsa -pkeyopt rsa_keygen_bits:2048", "-md sha256 -cades", SignatureScheme::RsaPkcs1Sha256),
        (
            "rsa -pkeyopt rsa_keygen_bits:2048",
            "-md sha384 -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:digest",
            SignatureScheme::RsaPssSha384,
        ),
    ] {
        foreign(dir, algorithm, "");
        let cms = sign(dir, options);
        let verification = verify(&cms, b"content");
        assert_eq!(verification.integrity, Integrity::Intact, "{options}");
        assert_eq!(verification.scheme, Some(scheme));
        assert_eq!(verification.signer, Some(Certificate::from_pem(&read(dir, "cert")).unwrap()[0].clone()));
        assert!(parse(&cms).signed_attributes().unwrap().signing_time().is_some());
        assert_eq!(
            parse(&cms).signed_attributes().unwrap().has_signing_certificate(),
            options.contains("cades")
        );
        let other = verify(&cms, b"Content").integrity;
        assert_eq!(other, Integrity::Broken(vec![Fault::MessageDigestMismatch]));
        assert_eq!(other.indication(), (Indication::TotalFailed, Some(SubIndication::HashFailure)));
    }
}

#[test]
fn indefinite_lengths_as_streaming_signers_write_them_are_read() {
    let dir = tempfile::tempdir().unwrap();
    foreign(dir.path(), "ec -pkeyopt ec_paramgen_curve:P-256", "");
    let attached = sign(dir.path(), "-stream -nodetach");
    assert_eq!(attached[..2], [0x30, 0x80]);
    assert_eq!(element_len(&[&attached[..], &[0; 50]].concat()), Ok(attached.len()));
    assert_eq!(parse(&attached).encapsulated_content(), Some(&b"content"[..]));
    assert_eq!(parse(&attached).verify_encapsulated(&[]).integrity, Integrity::Intact);
    assert_eq!(verify(&attached, b"content").integrity, Integrity::Broken(vec![Fault::EncapsulatedContent]));
}

#[test]
fn a_signature_without_signed_attributes_is_recognised_and_judged_with_the_message() {
    let dir = tempfile::tempdir().unwrap();
    foreign(dir.path(), "rsa -pkeyopt rsa_keygen_bits:2048", "");
    let cms = sign(dir.path(), "-noattr");
    assert!(parse(&cms).signed_attributes().is_none());
    assert_eq!(verify(&cms, b"content").integrity, Integrity::Unknown(Unverifiable::NoSignedAttributes));
    assert_eq!(parse(&cms).verify_message(&[], b"content").integrity, Integrity::Intact);
    assert_eq!(
        parse(&cms).verify_message(&[], b"c0ntent").integrity,
        Integrity::Broken(vec![Fault::BadSignature])
    );
}

#[test]
fn broken_digests_are_refused_by_name_and_do_not_count_as_altered() {
    let dir = tempfile::tempdir().unwrap();
    foreign(dir.path(), "rsa -pkeyopt rsa_keygen_bits:2048", "");
    let short = tempfile::tempdir().unwrap();
    foreign(short.path(), "rsa -pkeyopt rsa_keygen_bits:1024", "");
    let integrity = verify(&sign(short.path(), "-md sha256"), b"content").integrity;
    assert_eq!(integrity.indication().1, Some(SubIndication::CryptoConstraintsFailureNoPoe), "{integrity:?}");
    for (digest, name) in [("sha1", "SHA-1"), ("md5", "MD5")] {
        let integrity = verify(&sign(dir.path(), &format!("-md {digest}")), b"content").integrity;
        assert_eq!(integrity, Integrity::Unknown(Unverifiable::RefusedAlgorithm { name }));
        let expected = (Indication::Indeterminate, Some(SubIndication::CryptoConstraintsFailureNoPoe));
        assert_eq!(integrity.indication(), expected);
    }
}

#[test]
fn an_unsupported_algorithm_is_unknown_and_not_broken() {
    let dir = tempfile::tempdir().unwrap();
    foreign(dir.path(), "ec -pkeyopt ec_paramgen_curve:secp521r1", "");
    let integrity = verify(&sign(dir.path(), "-md sha512"), b"content").integrity;
    assert!(
        matches!(integrity, Integrity::Unknown(Unverifiable::UnsupportedAlgorithm { .. })),
        "{integrity:?}"
    );
}

#[test]
fn several_signers_or_none_or_trailing_data_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    foreign(dir.path(), "ec -pkeyopt ec_paramgen_curve:P-256", "");
    let cms = sign(dir.path(), "");
    openssl(
        dir.path(),
        "cms -resign -nocerts -binary -in cms -inform DER -signer cert -inkey key -outform DER -out two",
    );
    let error = |der: &[u8]| SignedData::parse(der, &Limits::default()).unwrap_err();
    assert_eq!(error(&read(dir.path(), "two")), CmsError::SeveralSigners { count: 2 });
    openssl(dir.path(), "crl2pkcs7 -nocrl -certfile cert -outform DER -out bag");
    assert_eq!(error(&read(dir.path(), "bag")), CmsError::NoSigner);
    assert_eq!(error(&[&cms[..], b"\0"].concat()), CmsError::TrailingData { offset: cms.len() });
    openssl(dir.path(), "cms -data_create -in content -outform DER -out data");
    assert!(matches!(error(&read(dir.path(), "data")), CmsError::NotSignedData { .. }));
    let small = Limits { max_len: 100, ..Limits::default() };
    assert!(matches!(SignedData::parse(&cms, &small), Err(CmsError::TooLarge { .. })));
}

#[test]
fn without_its_certificate_a_signature_is_unknown_until_the_certificate_is_given() {
    let dir = tempfile::tempdir().unwrap();
    foreign(dir.path(), "ec -pkeyopt ec_paramgen_curve:P-256", "");
    let cms = parse(&sign(dir.path(), "-nocerts"));
    let verify = |further: &[Certificate]| cms.verify_message(further, b"content").integrity;
    assert_eq!(verify(&[]), Integrity::Unknown(Unverifiable::NoSignerCertificate));
    assert_eq!(verify(&Certificate::from_pem(&read(dir.path(), "cert")).unwrap()), Integrity::Intact);
}

fn ours(kind: KeyKind) -> (Entity, Vec<u8>) {
    let root = entity(None, Profile::RootCa, "root");
    let seal = entity_from(Some(&root), kind, |_| {}, Profile::Seal, "seal");
    let signer = CmsSigner::new(seal.key.clone(), &seal.certificate, &[]).unwrap();
    let cms = signer.sign(&signer.digest_algorithm().digest(b"content")).unwrap();
    (seal, cms)
}

#[test]
fn our_own_signatures_are_intact_ed25519_with_sha512_included() {
    for (kind, digest) in
        [(KeyKind::P256, DigestAlgorithm::Sha256), (KeyKind::Ed25519, DigestAlgorithm::Sha512)]
    {
        let (seal, cms) = ours(kind);
        let verification = verify(&cms, b"content");
        assert_eq!(verification.integrity, Integrity::Intact);
        assert_eq!(verification.digest, Some(digest));
        assert_eq!(verification.signer.as_ref(), Some(&seal.certificate));
        let signed = parse(&cms);
        let attributes = signed.signed_attributes().unwrap();
        assert!(attributes.has_signing_certificate() && attributes.signing_time().is_none());
        assert_eq!(attributes.kinds().count(), 3);
    }
}

#[test]
fn no_single_altered_byte_leaves_a_signature_intact_with_another_meaning() {
    let (seal, cms) = ours(KeyKind::P256);
    for at in 0..cms.len() {
        for flip in [0x01, 0x80, 0xFF] {
            let mut altered = cms.clone();
            altered[at] ^= flip;
            let Ok(signed) = SignedData::parse(&altered, &Limits::default()) else { continue };
            let verification = signed.verify_message(from_ref(&seal.certificate), b"content");
            if verification.integrity.is_intact() {
                // Only what no signature covers: the versions, digestAlgorithms, or the embedded copy of a certificate
                // that was given from elsewhere too.
                assert_eq!(verification.signer.as_ref(), Some(&seal.certificate), "byte {at}");
                assert_eq!(signed.signature_value(), parse(&cms).signature_value());
            }
        }
    }
}

/// Rebuilds the CMS of `seal` with other signed attributes, validly signed: what a malicious signer could make.
fn with_attributes(seal: &Entity, cms: &[u8], change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    use crypto::Signer;
    let tlv = |tag: u8, content: &[u8]| {
        let length = content.len();
        let header = match length {
            0..0x80 => vec![tag, u8::try_from(length).unwrap()],
            0x80..0x100 => vec![tag, 0x81, u8::try_from(length).unwrap()],
            _ => vec![tag, 0x82, u8::try_from(length >> 8).unwrap(), u8::try_from(length & 0xFF).unwrap()],
        };
        [header, content.to_vec()].concat()
    };
    let split = |mut bytes: &[u8]| {
        let mut parts = vec![];
        while !bytes.is_empty() {
            let (part, rest) = bytes.split_at(element_len(bytes).unwrap());
            parts.push(part.to_vec());
            bytes = rest;
        }
        parts
    };
    let content = |element: &[u8]| {
        let skip = if element[1] < 0x80 { 2 } else { 2 + usize::from(element[1] & 0x7F) };
        element[skip..].to_vec()
    };
    let info = split(&content(cms));
    let mut signed_data = split(&content(&content(&info[1])));
    let mut signer = split(&content(&content(signed_data.last().unwrap())));
    let mut attributes = split(&content(&signer[3]));
    change(&mut attributes);
    let joined = attributes.concat();
    signer[3] = tlv(0xA0, &joined);
    signer[5] = tlv(
        0x04,
        &seal
            .key
            .sign(&{
                let mut set = tlv(0xA0, &joined);
                set[0] = 0x31;
                set
            })
            .unwrap(),
    );
    *signed_data.last_mut().unwrap() = tlv(0x31, &tlv(0x30, &signer.concat()));
    tlv(0x30, &[info[0].clone(), tlv(0xA0, &tlv(0x30, &signed_data.concat()))].concat())
}

#[test]
fn missing_duplicate_and_contradictory_signed_attributes_are_named() {
    let (seal, cms) = ours(KeyKind::P256);
    let faults =
        |change: fn(&mut Vec<Vec<u8>>)| match verify(&with_attributes(&seal, &cms, change), b"content")
            .integrity
        {
            Integrity::Broken(faults) => faults,
            other => panic!("{other:?}"),
        };
    assert_eq!(verify(&with_attributes(&seal, &cms, |_| {}), b"content").integrity, Integrity::Intact);
    assert_eq!(faults(|a| drop(a.remove(0))), [Fault::MissingAttribute { name: "content-type" }]);
    assert_eq!(faults(|a| drop(a.remove(1))), [Fault::MissingAttribute { name: "message-digest" }]);
    assert!(matches!(
        faults(|a| a.push(a[1].clone()))[..],
        [Fault::DuplicateAttribute { .. }, Fault::MissingAttribute { .. }]
    ));
    assert!(matches!(faults(|a| *a[0].last_mut().unwrap() = 2)[..], [Fault::ContentTypeMismatch { .. }]));
    assert_eq!(faults(|a| *a[2].last_mut().unwrap() ^= 1), [Fault::SigningCertificateMismatch]);
    assert_eq!(faults(|a| *a[1].last_mut().unwrap() ^= 1), [Fault::MessageDigestMismatch]);
    // Two values in one attribute: SET { digest, digest }.
    let two = |a: &mut Vec<Vec<u8>>| {
        let digest = a[1][15..].to_vec();
        a[1].extend(digest);
        a[1][1] += 34;
        a[1][14] += 34;
    };
    assert!(matches!(
        faults(two)[..],
        [Fault::AttributeValues { count: 2, .. }, Fault::MissingAttribute { .. }]
    ));
}

#[test]
fn another_certificate_for_the_same_key_is_substitution() {
    let root = entity(None, Profile::RootCa, "root");
    let seal = entity(Some(&root), Profile::Seal, "seal");
    // The same key, issuer and serial under another subject, as a careless CA could be made to issue.
    let twin = Certificate::from_der(
        &common::issue(
            &common::Template {
                serial: {
                    let mut serial = [0; 20];
                    serial[20 - seal.certificate.serial().len()..].copy_from_slice(seal.certificate.serial());
                    serial
                },
                ..template(Profile::Seal, cinnabar_pki::Subject::common_name("twin"), seal.certificate.spki())
            },
            cinnabar_pki::issue::IssuerRef::Ca(&root.certificate),
            &*root.key,
        )
        .unwrap(),
    )
    .unwrap();
    let cms = CmsSigner::new(seal.key.clone(), &seal.certificate, &[])
        .unwrap()
        .sign(&DigestAlgorithm::Sha256.digest(b"content"))
        .unwrap();
    let at = cms
        .windows(seal.certificate.der().len())
        .position(|window| window == seal.certificate.der())
        .unwrap();
    let verified = parse(&cms).verify_message(from_ref(&twin), b"content");
    assert_eq!(verified.signer.as_ref(), Some(&seal.certificate), "the confirmed one of two candidates");
    let mut without = cms.clone();
    without[at] = 0xA1; // now an unread CertificateChoice
    let verified = parse(&without).verify_message(from_ref(&twin), b"content");
    assert_eq!(verified.integrity, Integrity::Broken(vec![Fault::SigningCertificateMismatch]));
}

#[test]
fn an_openssl_time_stamp_token_is_read_and_verified() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let tsa = {
        let root = entity(None, Profile::RootCa, "root");
        entity(Some(&root), Profile::TimeStamp, "TSA")
    };
    write(dir, "cert", tsa.certificate.to_pem());
    openssl(dir, "genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out key");
    write(dir, "eku", "extendedKeyUsage=critical,timeStamping");
    openssl(dir, "req -new -key key -subj /CN=TSA -out csr");
    openssl(dir, "x509 -req -in csr -signkey key -extfile eku -out cert");
    write(dir, "serial", "01");
    write(
        dir,
        "tsa.cnf",
        "[tsa]\ndefault_tsa=t\n[t]\nserial=serial\nsigner_digest=sha256\ndefault_policy=1.2.3.4\ndigests=sha256,sha384\naccuracy=secs:1\ness_cert_id_alg=sha256\n",
    );
    write(dir, "content", "content");
    openssl(dir, "ts -query -data content -sha384 -cert -out request");
    openssl(
        dir,
        "ts -reply -config tsa.cnf -queryfile request -signer cert -inkey key -token_out -out token",
    );
    let der = read(dir, "token");
    let token = TimeStampToken::parse(&der, &Limits::default()).unwrap();
    assert_eq!(token.info().policy.to_string(), "1.2.3.4");
    assert_eq!(token.info().imprint, DigestAlgorithm::Sha384.digest(b"content"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(token.info().gen_time.abs_diff(i64::try_from(now).unwrap()) < 600);
    let verify =
        |content: &[u8]| token.verify::<Infallible>(&[], |algorithm| Ok(algorithm.digest(content))).unwrap();
    assert_eq!(verify(b"content").integrity, Integrity::Intact);
    assert_eq!(verify(b"other").integrity, Integrity::Broken(vec![Fault::MessageDigestMismatch]));
    let (_, cms) = ours(KeyKind::P256);
    assert_eq!(TimeStampToken::parse(&cms, &Limits::default()).unwrap_err(), CmsError::NotTimeStamp);
}

#[test]
fn a_token_without_its_content_does_not_pass_for_a_signature_over_a_document() {
    let dir = tempfile::tempdir().unwrap();
    foreign(dir.path(), "ec -pkeyopt ec_paramgen_curve:P-256", "");
    let cms = sign(dir.path(), "-econtent_type 1.2.840.113549.1.9.16.1.4");
    match verify(&cms, b"content").integrity {
        Integrity::Broken(faults) => {
            assert!(matches!(faults[..], [Fault::ContentTypeMismatch { .. }]), "{faults:?}")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_is_judged_signer_by_signer_wherever_its_content_is() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    foreign(dir, "ec -pkeyopt ec_paramgen_curve:P-256", "");
    openssl(dir, "genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out key2");
    openssl(dir, "req -x509 -new -key key2 -subj /CN=second -days 30 -out cert2");
    let two = "-signer cert2 -inkey key2";
    for options in [
        two.to_owned(),
        format!("{two} -nodetach"),
        format!("{two} -nodetach -stream -cades"),
        format!("{two} -nodetach -econtent_type 1.2.3.4"),
        format!("{two} -econtent_type 1.2.3.4 -md sha512"),
        format!("{two} -noattr"),
        format!("{two} -noattr -nodetach"),
    ] {
        let der = sign(dir, &options);
        assert_eq!(
            SignedData::parse(&der, &Limits::default()).err(),
            Some(CmsError::SeveralSigners { count: 2 })
        );
        let message = Message::parse(&der, &Limits::default()).unwrap();
        assert_eq!(message.content.is_some(), options.contains("nodetach"), "{options}");
        assert!(message.content.as_deref().is_none_or(|inside| inside == b"content"), "{options}");
        assert_eq!(message.signers.len(), 2);
        for (content, intact) in [("content", true), ("contents", false)] {
            for signer in &message.signers {
                let signer = signer.clone().over(content.as_bytes().into());
                let digest = |algorithm: DigestAlgorithm| Ok(algorithm.digest(content.as_bytes()));
                let verification = signer.verify::<Infallible>(&[], digest).unwrap();
                assert_eq!(
                    verification.integrity.is_intact(),
                    intact,
                    "{options}: {:?}",
                    verification.integrity
                );
            }
        }
    }
}

#[test]
fn a_message_of_certificates_alone_has_no_signer_and_one_of_too_many_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    foreign(dir, "ec -pkeyopt ec_paramgen_curve:P-256", "");
    openssl(dir, "crl2pkcs7 -nocrl -certfile cert -outform DER -out bag");
    assert!(Message::parse(&read(dir, "bag"), &Limits::default()).unwrap().signers.is_empty());
    // signed-data, version 1, no digest algorithms, id-data, 33 empty SignerInfos.
    let mut many =
        b"\x30\x69\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x5c\x30\x5a\x02\x01\x01\x31\x00\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\x31\x42".to_vec();
    many.extend([0x30, 0].repeat(33));
    let lengths = [(1, many.len() - 2), (14, many.len() - 15), (16, many.len() - 17)];
    for (at, length) in lengths {
        many[at] = u8::try_from(length).unwrap();
    }
    assert_eq!(Message::parse(&many, &Limits::default()).err(), Some(CmsError::SeveralSigners { count: 33 }));
}

/// RFC 5652 §5.4 signs a SET OF attributes when there are any: that SET, handed in as content and without the attributes,
/// verifies under the same signature.
#[test]
fn signed_attributes_passed_off_as_content_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    foreign(dir, "rsa -pkeyopt rsa_keygen_bits:2048", "");
    let honest = sign(dir, "-md sha256");
    // The attributes as they were signed: the [0] of the SignerInfo with the tag of a SET.
    let content_type = b"\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03".to_vec();
    let first = honest.windows(content_type.len()).position(|window| window == content_type).unwrap();
    let at = if honest[first - 2] == 0xA0 { first - 2 } else { first - 3 };
    assert_eq!(honest[at], 0xA0);
    let mut set = honest[at..at + element_len(&honest[at..]).unwrap()].to_vec();
    set[0] = 0x31;
    std::fs::write(dir.join("content"), &set).unwrap();
    let forged = sign(dir, "-md sha256 -noattr");
    let message = Message::parse(&forged, &Limits::default()).unwrap();
    let signer = message.signers[0].clone().over(set.clone().into());
    let verification = signer.verify::<Infallible>(&[], |a| Ok(a.digest(&set))).unwrap();
    assert_eq!(verification.integrity, Integrity::Broken(vec![Fault::AttributesAsContent]));
    let verification = parse(&forged).verify_message(&[], &set);
    assert_eq!(verification.integrity, Integrity::Broken(vec![Fault::AttributesAsContent]));
}
