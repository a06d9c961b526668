//! QR symbols: CWT in COSE_Sign1, zlib, base45.

use std::io::Write as _;

use ciborium::Value;
use cinnabar_licence::credential::qr::{self, Essential, LONGEST, PREFIX, QrError};
use cinnabar_licence::credential::{Trust, Untrusted};
use coset::iana::Algorithm;
use coset::{CborSerializable as _, CoseSign1, CoseSign1Builder, HeaderBuilder, TaggedCborSerializable as _};
use flate2::{Compression, write::ZlibEncoder};
use pki::Certificate;
use pki::path::TrustAnchors;
use proptest::prelude::*;

use super::world::{DAY, ISSUER, NOW, Party, World, entity, identifier, place};

type Claims = Vec<(Value, Value)>;

fn essential() -> Essential {
    Essential {
        identifier: identifier(),
        type_name: "食品经营许可证".into(),
        holder: "示例市好味餐饮店".into(),
        issuing_body: "示例市市场监督管理局".into(),
        fields: vec![
            ("许可证编号".into(), "JY23701020000019".into()),
            ("经营项目".into(), "热食类食品制售；冷食类食品制售".into()),
        ],
        valid_from: NOW,
        valid_to: Some(NOW + 5 * 365 * DAY),
        issued_at: NOW,
        status: Some(place()),
    }
}

fn known(world: &World) -> [Certificate; 1] {
    [world.issuer.certificate().unwrap().clone()]
}

fn verify(world: &World, text: &str, at: i64) -> Result<qr::Verified, QrError> {
    let known = known(world);
    qr::decode(text)?.verify(&Trust::new(&TrustAnchors::default()).knowing(&known), at)
}

#[test]
fn a_symbol_says_what_was_put_in_and_fits_version_25() {
    let world = World::new();
    let text = qr::encode(&essential(), &world.issuer).unwrap();
    assert!(text.starts_with(PREFIX) && text.len() < 700, "{} characters", text.len());
    let verified = verify(&world, &text, NOW + 1).unwrap();
    assert_eq!(verified.essential, essential());
    assert_eq!(verified.issuer, ISSUER);
    // Alphanumeric mode alone keeps it small: version and error level of the printed symbol.
    let code = qrcode::QrCode::with_error_correction_level(&text, qrcode::EcLevel::M).unwrap();
    let qrcode::Version::Normal(version) = code.version() else { panic!("a micro symbol") };
    assert!(version <= 25, "version {version}");
    let longest = "A".repeat(LONGEST);
    let code = qrcode::QrCode::with_error_correction_level(longest, qrcode::EcLevel::M).unwrap();
    assert_eq!(code.version(), qrcode::Version::Normal(25));
    // Without an end, status or fields.
    let bare = Essential { valid_to: None, status: None, fields: Vec::new(), ..essential() };
    let text = qr::encode(&bare, &world.issuer).unwrap();
    assert_eq!(verify(&world, &text, NOW + 100 * 365 * DAY).unwrap().essential, bare);
}

#[test]
fn more_than_fits_is_refused_by_the_name_of_the_longest_field() {
    let world = World::new();
    let mut much = essential();
    // Han characters that do not repeat do not compress.
    let scope: String = (0x4e00..0x4e00 + 600).filter_map(char::from_u32).collect();
    much.fields.push(("经营范围".into(), scope));
    let Err(QrError::TooMuch { length, field }) = qr::encode(&much, &world.issuer) else { panic!("it fits") };
    assert!(length > LONGEST);
    assert_eq!(field, "经营范围");
}

#[test]
fn a_symbol_holds_from_its_beginning_to_its_end() {
    let world = World::new();
    let text = qr::encode(&essential(), &world.issuer).unwrap();
    let end = NOW + 5 * 365 * DAY;
    assert!(verify(&world, &text, end).is_ok(), "its last second");
    assert_eq!(verify(&world, &text, end + 1).unwrap_err(), QrError::Expired(end));
    assert_eq!(verify(&world, &text, NOW - 30).unwrap_err(), QrError::NotYet(NOW));
    assert_eq!(verify(&world, &text, NOW - 3600).unwrap_err(), QrError::Future);
}

#[test]
fn whoever_may_not_issue_is_not_believed() {
    let world = World::new();
    for (who, impostor) in world.impostors() {
        let text = qr::encode(&essential(), &impostor).unwrap();
        assert_eq!(verify(&world, &text, NOW).unwrap_err(), QrError::Untrusted(Untrusted::Unknown), "{who}");
    }
    // Known, but for something else.
    let machine = entity("machine", Some(ISSUER), 300, Some(&world.authority));
    let text = qr::encode(&essential(), &machine.issuer(&[])).unwrap();
    let known = [machine.certificate.clone()];
    let trust = Trust::new(&world.anchors).knowing(&known);
    let error = qr::decode(&text).unwrap().verify(&trust, NOW).unwrap_err();
    assert!(matches!(error, QrError::Untrusted(Untrusted::Purpose { .. })), "{error}");
    // The identifier of one key, the signature of another.
    let kid = qr::kid(world.issuer.certificate().unwrap());
    let other = world.impostors().remove(0).1;
    let text = symbol(&sign(&claims(), Some(&kid), Algorithm::ES256, &other).to_tagged_vec().unwrap());
    assert!(matches!(verify(&world, &text, NOW).unwrap_err(), QrError::Cwt(_)));
}

#[test]
fn other_forms_of_the_same_token_are_read_and_other_algorithms_are_not() {
    let world = World::new();
    let kid = qr::kid(world.issuer.certificate().unwrap());
    let signed = |algorithm| sign(&claims(), Some(&kid), algorithm, &world.issuer);
    let read = |octets: Vec<u8>| verify(&world, &symbol(&octets), NOW + 1);
    let structure = signed(Algorithm::ES256);
    assert!(read(structure.clone().to_vec().unwrap()).is_ok(), "untagged");
    let tagged = structure.clone().to_tagged_vec().unwrap();
    assert!(read([&[0xD8, 61][..], &tagged].concat()).is_ok(), "CWT tag around it");
    assert!(read([&tagged[..], &[0]].concat()).is_err(), "something behind it");
    assert!(read([&[0xD8, 62][..], &tagged].concat()).is_err(), "another tag");
    for algorithm in [Algorithm::ES384, Algorithm::EdDSA, Algorithm::HMAC_256_256] {
        assert!(read(signed(algorithm).to_vec().unwrap()).is_err(), "{algorithm:?}");
    }
    // The algorithm where nobody protects it.
    let mut moved = structure.clone();
    moved.protected.header.alg = None;
    moved.protected.original_data = None;
    moved.unprotected.alg = Some(coset::RegisteredLabelWithPrivate::Assigned(Algorithm::ES256));
    assert!(read(moved.to_vec().unwrap()).is_err());
    let mut stripped = structure.clone();
    stripped.signature = Vec::new();
    assert!(read(stripped.to_vec().unwrap()).is_err());
    let mut detached = structure;
    detached.payload = None;
    assert!(read(detached.to_vec().unwrap()).is_err());
    assert!(
        read(sign(&claims(), None, Algorithm::ES256, &world.issuer).to_vec().unwrap()).is_err(),
        "no kid"
    );
}

#[test]
fn claims_that_are_missing_twice_or_wrong_are_refused() {
    let world = World::new();
    let kid = qr::kid(world.issuer.certificate().unwrap());
    let with = |change: &dyn Fn(&mut Claims)| {
        let mut claims = claims();
        change(&mut claims);
        let structure = sign(&claims, Some(&kid), Algorithm::ES256, &world.issuer);
        verify(&world, &symbol(&structure.to_vec().unwrap()), NOW + 1)
    };
    assert!(with(&|_| ()).is_ok());
    for (number, name) in [(2, "sub"), (5, "nbf"), (6, "iat"), (-65_537, "licence")] {
        let without = with(&|claims| claims.retain(|(key, _)| *key != Value::from(number)));
        assert_eq!(without.unwrap_err(), QrError::Claim(name));
    }
    let set = |number: i64, value: Value| {
        with(&|claims| {
            claims.retain(|(key, _)| *key != Value::from(number));
            claims.push((number.into(), value.clone()));
        })
    };
    assert!(set(2, "11370800MB28559184.1".into()).is_err());
    assert!(set(2, format!("{}X", identifier()).as_str().into()).is_err());
    assert!(set(4, "tomorrow".into()).is_err());
    assert!(set(6, i64::MAX.into()).is_err());
    assert!(set(65_535, Value::Map(vec![])).is_err());
    assert!(with(&|claims| claims.push((2.into(), "x".into()))).is_err(), "a claim twice");
}

#[test]
fn bombs_and_other_texts_are_refused() {
    let world = World::new();
    let mut bomb = ZlibEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&vec![0; 1 << 20]).unwrap();
    let bomb = bomb.finish().unwrap();
    assert_eq!(qr::decode(&format!("{PREFIX}{}", base45::encode(&bomb))).unwrap_err(), QrError::Zlib);
    let text = qr::encode(&essential(), &world.issuer).unwrap();
    assert_eq!(qr::decode(text.strip_prefix(PREFIX).unwrap()).unwrap_err(), QrError::Prefix);
    assert_eq!(qr::decode(&text.to_lowercase()).unwrap_err(), QrError::Prefix);
    assert_eq!(
        qr::decode(&format!("{PREFIX}{}", "A".repeat(1_000_000))).unwrap_err(),
        QrError::TooLong(1_000_005)
    );
    for wrong in ["", "A", ":::", "GGW!", "证照"] {
        let error = qr::decode(&format!("{PREFIX}{wrong}")).unwrap_err();
        assert!(matches!(error, QrError::Base45 | QrError::Zlib), "{wrong}: {error}");
    }
    // Arrays in arrays without end, and a length that nothing follows.
    for octets in [vec![0x81; 8000], vec![0x9B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]] {
        assert!(matches!(qr::decode(&symbol(&octets)).unwrap_err(), QrError::Cwt(_)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_altered_character_verifies(at in 0_usize..10_000, other in "[0-9A-Z $%*+./:-]") {
        let world = World::new();
        let text = qr::encode(&essential(), &world.issuer).unwrap();
        let at = at % text.len();
        let altered = format!("{}{other}{}", &text[..at], &text[at + 1..]);
        if altered.trim() != text {
            // Another way to compress the same token is the same token.
            if let Ok(verified) = verify(&world, &altered, NOW + 1) {
                prop_assert_eq!(verified.essential, essential());
            }
        }
    }

    #[test]
    fn any_text_is_answered(text in "CNB1:[0-9A-Z $%*+./:-]{0,200}") {
        prop_assert!(qr::decode(&text).is_err());
    }
}

fn claims() -> Claims {
    let licence = vec![
        (1.into(), "食品经营许可证".into()),
        (2.into(), "示例市好味餐饮店".into()),
        (3.into(), "示例市市场监督管理局".into()),
        (4.into(), Value::Map(vec![])),
    ];
    vec![
        (2.into(), identifier().to_string().as_str().into()),
        (5.into(), NOW.into()),
        (6.into(), NOW.into()),
        ((-65_537).into(), Value::Map(licence)),
    ]
}

fn sign(claims: &[(Value, Value)], kid: Option<&[u8]>, algorithm: Algorithm, by: &Party) -> CoseSign1 {
    let mut payload = Vec::new();
    ciborium::into_writer(&Value::Map(claims.to_vec()), &mut payload).unwrap();
    let mut header = HeaderBuilder::new().algorithm(algorithm);
    if let Some(kid) = kid {
        header = header.key_id(kid.to_vec());
    }
    let structure = CoseSign1Builder::new().protected(header.build()).payload(payload);
    structure.create_signature(b"", |message| by.sign(message).to_vec()).build()
}

fn symbol(token: &[u8]) -> String {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(token).unwrap();
    format!("{PREFIX}{}", base45::encode(encoder.finish().unwrap()))
}
