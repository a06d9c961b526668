//! Keys made here verify at OpenSSL's and the other way round.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::{path::Path, process::Command};

use cinnabar_crypto::{
    DigestAlgorithm, KeyKind, PrehashedKey, PrehashedSigner, SchemeError, SignatureScheme, Signer,
    SoftwareKey, VerifyError, prehash, raw_signature_to_der, verify,
};
use ring::rand::SystemRandom;

fn software(kind: KeyKind) -> SoftwareKey {
    SoftwareKey::from_pkcs8(&SoftwareKey::generate(kind, &SystemRandom::new()).unwrap()).unwrap()
}

fn openssl(dir: &Path, args: &str) {
    let output = Command::new("openssl")
        .args(args.split(' '))
        .current_dir(dir)
        .output()
        .expect("openssl is installed");
    assert!(output.status.success(), "openssl {args}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Each scheme, signed by OpenSSL: (key generation, signing options, scheme).
const FOREIGN: &[(&str, &str, SignatureScheme)] = &[
    ("ec -pkeyopt ec_paramgen_curve:P-256", "-sha256", SignatureScheme::EcdsaP256Sha256),
    ("ec -pkeyopt ec_paramgen_curve:P-256", "-sha384", SignatureScheme::EcdsaP256Sha384),
    ("ec -pkeyopt ec_paramgen_curve:P-256", "-sha512", SignatureScheme::EcdsaP256Sha512),
    ("ec -pkeyopt ec_paramgen_curve:P-384", "-sha256", SignatureScheme::EcdsaP384Sha256),
    ("ec -pkeyopt ec_paramgen_curve:P-384", "-sha384", SignatureScheme::EcdsaP384Sha384),
    ("ec -pkeyopt ec_paramgen_curve:P-384", "-sha512", SignatureScheme::EcdsaP384Sha512),
    ("rsa -pkeyopt rsa_keygen_bits:2048", "-sha256", SignatureScheme::RsaPkcs1Sha256),
    ("rsa -pkeyopt rsa_keygen_bits:2048", "-sha384", SignatureScheme::RsaPkcs1Sha384),
    ("rsa -pkeyopt rsa_keygen_bits:2048", "-sha512", SignatureScheme::RsaPkcs1Sha512),
    (
        "rsa -pkeyopt rsa_keygen_bits:2048",
        "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest",
        SignatureScheme::RsaPssSha256,
    ),
    (
        "rsa -pkeyopt rsa_keygen_bits:2048",
        "-sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest",
        SignatureScheme::RsaPssSha384,
    ),
    (
        "rsa -pkeyopt rsa_keygen_bits:2048",
        "-sha512 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest",
        SignatureScheme::RsaPssSha512,
    ),
    (
        "rsa -pkeyopt rsa_keygen_bits:2048",
        "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:max",
        SignatureScheme::RsaPssSalted { digest: DigestAlgorithm::Sha256, salt: 222 },
    ),
    (
        "rsa -pkeyopt rsa_keygen_bits:2048",
        "-sha512 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:0",
        SignatureScheme::RsaPssSalted { digest: DigestAlgorithm::Sha512, salt: 0 },
    ),
    ("sm2", "-sm3 -sigopt distid:1234567812345678", SignatureScheme::Sm2Sm3),
];

#[test]
fn what_openssl_signs_verifies_and_an_altered_message_or_signature_does_not() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("m"), b"a message").unwrap();
    let mut last = "";
    for (generate, options, scheme) in FOREIGN {
        if *generate != last {
            openssl(dir.path(), &format!("genpkey -algorithm {generate} -out k"));
            openssl(dir.path(), "pkey -in k -pubout -outform DER -out p");
            last = generate;
        }
        openssl(dir.path(), &format!("dgst {options} -sign k -out s m"));
        let (spki, signature) =
            (std::fs::read(dir.path().join("p")).unwrap(), std::fs::read(dir.path().join("s")).unwrap());
        assert_eq!(verify(&spki, *scheme, b"a message", &signature), Ok(()), "{scheme:?}");
        assert_eq!(
            verify(&spki, *scheme, b"A message", &signature),
            Err(VerifyError::BadSignature),
            "{scheme:?}"
        );
        let mut bad = signature.clone();
        *bad.last_mut().unwrap() ^= 1;
        assert_eq!(verify(&spki, *scheme, b"a message", &bad), Err(VerifyError::BadSignature), "{scheme:?}");
        assert_eq!(SignatureScheme::from_algorithm(&scheme.algorithm_identifier(), &spki), Ok(*scheme));
    }
}

#[test]
fn our_own_keys_sign_what_we_and_openssl_verify() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, options) in [
        (KeyKind::P256, " -digest sha256"),
        (KeyKind::Ed25519, ""),
        (KeyKind::Sm2, " -digest sm3 -pkeyopt distid:1234567812345678"),
    ] {
        let key = software(kind);
        let signature = key.sign(b"message").unwrap();
        assert!(signature.len() <= key.max_signature_len());
        assert_eq!(verify(key.public_key(), key.scheme(), b"message", &signature), Ok(()));
        for (name, bytes) in [("m", &b"message"[..]), ("p", key.public_key()), ("s", &signature)] {
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        openssl(
            dir.path(),
            &format!("pkeyutl -verify -pubin -keyform DER -inkey p -rawin{options} -in m -sigfile s"),
        );
    }
}

#[test]
fn a_key_made_by_openssl_opens_and_signs() {
    let dir = tempfile::tempdir().unwrap();
    for algorithm in ["ec -pkeyopt ec_paramgen_curve:P-256", "ed25519", "sm2"] {
        openssl(dir.path(), &format!("genpkey -algorithm {algorithm} -outform DER -out k"));
        openssl(dir.path(), "pkcs8 -topk8 -nocrypt -inform DER -in k -outform DER -out k8");
        let key = SoftwareKey::from_pkcs8(&std::fs::read(dir.path().join("k8")).unwrap()).unwrap();
        let signature = key.sign(b"m").unwrap();
        assert_eq!(verify(key.public_key(), key.scheme(), b"m", &signature), Ok(()));
    }
}

#[test]
fn small_rsa_keys_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    openssl(dir.path(), "genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:1024 -out k");
    openssl(dir.path(), "pkey -in k -pubout -outform DER -out p");
    let spki = std::fs::read(dir.path().join("p")).unwrap();
    assert_eq!(
        verify(&spki, SignatureScheme::RsaPkcs1Sha256, b"m", &[0; 128]),
        Err(VerifyError::KeySize { bits: 1024 })
    );
}

#[test]
fn a_scheme_of_another_key_family_is_a_contradiction() {
    let key = software(KeyKind::Ed25519);
    let algorithm = SignatureScheme::EcdsaP256Sha256.algorithm_identifier();
    assert_eq!(
        SignatureScheme::from_algorithm(&algorithm, key.public_key()),
        Err(SchemeError::Contradiction)
    );
    assert_eq!(
        verify(key.public_key(), SignatureScheme::EcdsaP256Sha256, b"", b""),
        Err(VerifyError::KeyMismatch)
    );
}

#[test]
fn sha1_signatures_are_refused_and_unknown_ones_are_unsupported() {
    let key = software(KeyKind::P256);
    let ecdsa_sha1 = hex::decode("300906072a8648ce3d0401").unwrap();
    assert_eq!(
        SignatureScheme::from_algorithm(&ecdsa_sha1, key.public_key()),
        Err(SchemeError::Refused { name: "SHA-1" })
    );
    // GOST R 34.10-2012 with 256 bits (RFC 9215 §2).
    let gost = hex::decode("300a06082a85030701010302").unwrap();
    assert!(matches!(
        SignatureScheme::from_algorithm(&gost, key.public_key()),
        Err(SchemeError::Unsupported { .. })
    ));
    assert_eq!(SignatureScheme::from_algorithm(b"\x30\x80", key.public_key()), Err(SchemeError::Malformed));
}

/// gmssl (PyPI), whose arithmetic is Python's: it verifies ours, and we verify its signatures, bare octets both.
#[test]
fn gmssl_and_we_verify_each_other_s_sm2_signatures() {
    let python = std::env::var("CINNABAR_VENV").unwrap_or_else(|_| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/peers/python");
        String::from_utf8(Command::new(script).output().unwrap().stdout).unwrap().trim().to_owned()
    });
    let mut ours = String::new();
    let mut keys = Vec::new();
    for round in 0..12_usize {
        let document = SoftwareKey::generate(KeyKind::Sm2, &SystemRandom::new()).unwrap();
        let key = SoftwareKey::from_pkcs8(&document).unwrap();
        let message = vec![0x61; 1 + round * 9];
        // r and s as 32 octets each.
        let der = key.sign(&message).unwrap();
        let (r, rest) = der[4..].split_at(usize::from(der[3]));
        let raw: String = [r, &rest[2..]]
            .iter()
            .map(|number| {
                let digits = hex::encode(number);
                format!("{:0>64}", digits.strip_prefix("00").unwrap_or(&digits))
            })
            .collect();
        let fields = [&document[36..68], &key.raw_public_key()[1..], &message].map(hex::encode);
        ours += &format!("{} {raw}\n", fields.join(" "));
        keys.push((key, message));
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ours"), &ours).unwrap();
    let output = Command::new(Path::new(&python).join("bin/python"))
        .args(["-c", GMSSL])
        .arg(dir.path().join("ours"))
        .output()
        .expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs = String::from_utf8(output.stdout).unwrap();
    assert_eq!(theirs.lines().count(), keys.len());
    for (line, (key, message)) in theirs.lines().zip(&keys) {
        let raw: [u8; 64] = hex::decode(line).unwrap().try_into().unwrap();
        assert_eq!(verify(key.public_key(), key.scheme(), message, &raw), Err(VerifyError::BadSignature));
        let der = raw_signature_to_der(key.scheme(), &raw).unwrap();
        assert_eq!(verify(key.public_key(), key.scheme(), message, &der), Ok(()));
        assert_eq!(
            verify(key.public_key(), key.scheme(), &message[1..], &der),
            Err(VerifyError::BadSignature)
        );
    }
}

/// For each line `secret point message r‖s`: judges the signature, also over another message, and prints one of its own.
const GMSSL: &str = "
import sys
from gmssl import sm2
for line in open(sys.argv[1]):
    secret, point, message, signature = line.split()
    key = sm2.CryptSM2(private_key=secret, public_key=point)
    key.public_key = point  # its constructor strips zeros and fours from the left
    message = bytes.fromhex(message)
    assert key.verify_with_sm3(signature, message), line
    assert not key.verify_with_sm3(signature, message + b'.'), line
    print(key.sign_with_sm3(message))
";

/// OpenSSL judges what was signed as a digest as it judges what was signed as a message, and signs the digest itself.
#[test]
fn openssl_verifies_signed_digests_and_signs_them_itself() {
    let dir = tempfile::tempdir().unwrap();
    let cases = [(KeyKind::P256, ""), (KeyKind::Sm2, " -pkeyopt distid:1234567812345678")];
    for (kind, options) in cases {
        let document = SoftwareKey::generate(kind, &SystemRandom::new()).unwrap();
        let key = PrehashedKey::from_pkcs8(&document).unwrap();
        let digest = prehash(key.public_key(), key.scheme(), b"message").unwrap();
        let signature = key.sign_prehashed(&digest).unwrap();
        let files = [
            ("m", &b"message"[..]),
            ("e", &digest),
            ("p", key.public_key()),
            ("s", &signature),
            ("k", &document),
        ];
        for (name, bytes) in files {
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        let name = if kind == KeyKind::Sm2 { "sm3" } else { "sha256" };
        openssl(
            dir.path(),
            &format!(
                "pkeyutl -verify -pubin -keyform DER -inkey p -rawin -digest {name}{options} -in m -sigfile s"
            ),
        );
        openssl(dir.path(), "pkeyutl -sign -keyform DER -inkey k -in e -out t");
        let theirs = std::fs::read(dir.path().join("t")).unwrap();
        assert_eq!(verify(key.public_key(), key.scheme(), b"message", &theirs), Ok(()));
    }
}

#[test]
fn sm2_is_read_under_each_of_its_identifiers_and_written_as_certificates_and_cms_carry_it() {
    let key = software(KeyKind::Sm2);
    let scheme = SignatureScheme::Sm2Sm3;
    assert_eq!(key.scheme(), scheme);
    let (certificates, cms) = ("300a06082a811ccf55018375", "300b06092a811ccf5501822d01");
    assert_eq!(hex::encode(scheme.algorithm_identifier()), certificates);
    assert_eq!(hex::encode(scheme.cms_algorithm_identifier()), cms);
    let with_null = ["300c06082a811ccf550183750500", "300d06092a811ccf5501822d010500"];
    for text in [certificates, cms].iter().chain(&with_null) {
        let algorithm = hex::decode(text).unwrap();
        assert_eq!(SignatureScheme::from_algorithm(&algorithm, key.public_key()), Ok(scheme));
        assert_eq!(SignatureScheme::from_cms(&algorithm, DigestAlgorithm::Sm3, key.public_key()), Ok(scheme));
        assert_eq!(
            SignatureScheme::from_cms(&algorithm, DigestAlgorithm::Sha256, key.public_key()),
            Err(SchemeError::Contradiction)
        );
        let other = software(KeyKind::P256);
        assert_eq!(
            SignatureScheme::from_algorithm(&algorithm, other.public_key()),
            Err(SchemeError::Contradiction)
        );
    }
    assert_eq!(SignatureScheme::from_oid(scheme.signature_oid().unwrap(), key.public_key()), Ok(scheme));
    let other = hex::decode("300e06082a811ccf5501837502020500").unwrap();
    assert_eq!(
        SignatureScheme::from_algorithm(&other, key.public_key()),
        Err(SchemeError::Malformed),
        "parameters"
    );
}

#[test]
fn an_sm2_key_is_read_with_the_curve_in_the_algorithm_s_place() {
    let key = software(KeyKind::Sm2);
    let signature = key.sign(b"m").unwrap();
    for algorithm in ["300a06082a811ccf5501822d", "300c06082a811ccf5501822d0500"] {
        let algorithm = hex::decode(algorithm).unwrap();
        let content = [&algorithm[..], &key.public_key()[key.public_key().len() - 68..]].concat();
        let spki = [&[0x30, u8::try_from(content.len()).unwrap()][..], &content].concat();
        assert_eq!(verify(&spki, SignatureScheme::Sm2Sm3, b"m", &signature), Ok(()));
    }
}

#[test]
fn debug_output_holds_no_key_material() {
    assert_eq!(format!("{:?}", software(KeyKind::P256)), "SoftwareKey { scheme: EcdsaP256Sha256, .. }");
}
