//! What every keeper of keys must do, whatever is behind it: run [`suite`] with a factory of empty keepers.

use custody::{Algorithm, BlindPermit, Custody, CustodyError, Usage};

/// Runs every check, each on a fresh keeper.
pub fn suite<C: Custody>(make: impl Fn() -> C) {
    keys_are_listed_as_they_were_made(&make());
    signatures_verify_with_the_public_key(&make());
    sealed_data_opens_with_the_same_key_and_context_only(&make());
    macs_are_stable_and_differ_by_key_and_message(&make());
    {
        let custody = make();
        keys_serve_their_usage_only(&custody);
        digests_are_signed_by_keys_made_for_it(&custody);
    }
    labels_are_unique_and_well_formed(&make());
    destroyed_keys_are_gone(&make());
    keys_serve_many_threads(&make());
}

const ALL: [(Algorithm, Usage); 4] = [
    (Algorithm::P256, Usage::Sign),
    (Algorithm::Ed25519, Usage::Sign),
    (Algorithm::Aes256, Usage::Seal),
    (Algorithm::HmacSha256, Usage::Mac),
];

fn all(custody: &impl Custody) {
    for (algorithm, usage) in ALL {
        custody.generate(algorithm.name(), algorithm, usage).unwrap();
    }
}

fn keys_are_listed_as_they_were_made(custody: &impl Custody) {
    assert!(custody.keys().unwrap().is_empty());
    let mut made = Vec::new();
    for (label, (algorithm, usage)) in ["z", "a.1", "m-x", "k_2"].into_iter().zip(ALL) {
        made.push(custody.generate(label, algorithm, usage).unwrap());
        assert_eq!(made.last(), Some(&custody.key(label).unwrap()));
    }
    made.sort_by(|a, b| a.label.cmp(&b.label));
    assert_eq!(custody.keys().unwrap(), made);
}

fn signatures_verify_with_the_public_key(custody: &impl Custody) {
    all(custody);
    for label in ["p256", "ed25519"] {
        let signer = custody.signer(label).unwrap();
        let info = custody.key(label).unwrap();
        assert_eq!(info.public_key.as_deref(), Some(signer.public_key()));
        let signature = signer.sign(b"message").unwrap();
        crypto::verify(signer.public_key(), signer.scheme(), b"message", &signature).unwrap();
        assert!(crypto::verify(signer.public_key(), signer.scheme(), b"massage", &signature).is_err());
    }
}

fn sealed_data_opens_with_the_same_key_and_context_only(custody: &impl Custody) {
    all(custody);
    custody.generate("other", Algorithm::Aes256, Usage::Seal).unwrap();
    for plaintext in [b"".as_slice(), b"x", &[7; 100_000]] {
        let sealed = custody.seal("aes256-gcm", plaintext, b"context").unwrap();
        assert_eq!(custody.open("aes256-gcm", &sealed, b"context").unwrap().as_slice(), plaintext);
        assert_ne!(sealed, custody.seal("aes256-gcm", plaintext, b"context").unwrap());
        let unauthentic = |result: Result<_, CustodyError>| {
            assert!(matches!(result, Err(CustodyError::Unauthentic)));
        };
        unauthentic(custody.open("aes256-gcm", &sealed, b"contest"));
        unauthentic(custody.open("other", &sealed, b"context"));
        unauthentic(custody.open("aes256-gcm", &[], b"context"));
        for position in (0..sealed.len()).step_by(sealed.len().div_ceil(64)) {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            unauthentic(custody.open("aes256-gcm", &changed, b"context"));
            unauthentic(custody.open("aes256-gcm", &sealed[..position], b"context"));
        }
    }
}

fn macs_are_stable_and_differ_by_key_and_message(custody: &impl Custody) {
    all(custody);
    custody.generate("other", Algorithm::HmacSha256, Usage::Mac).unwrap();
    let mac = custody.mac("hmac-sha256", b"message").unwrap();
    assert_eq!(mac, custody.mac("hmac-sha256", b"message").unwrap());
    assert_ne!(mac, custody.mac("hmac-sha256", b"massage").unwrap());
    assert_ne!(mac, custody.mac("other", b"message").unwrap());
}

fn keys_serve_their_usage_only(custody: &impl Custody) {
    all(custody);
    for (algorithm, usage) in ALL {
        let label = algorithm.name();
        let refused = |wanted, error: Option<CustodyError>| match error {
            None => assert_eq!(usage, wanted, "{label} did {wanted:?}"),
            Some(CustodyError::Usage { label: named, usage: is, wanted: asked }) => {
                assert_eq!((named.as_str(), is, asked), (label, usage, wanted));
                assert_ne!(usage, wanted);
            }
            // Only the right key gets so far as to look at the data.
            Some(CustodyError::Unauthentic) => assert_eq!((usage, wanted), (Usage::Seal, Usage::Seal)),
            Some(other) => panic!("{other}"),
        };
        refused(Usage::Sign, custody.signer(label).err());
        refused(Usage::Seal, custody.seal(label, b"", b"").err());
        refused(Usage::Seal, custody.open(label, &[0; 64], b"").err());
        refused(Usage::Mac, custody.mac(label, b"").err());
        for wrong in [Usage::Sign, Usage::Seal, Usage::Mac].into_iter().filter(|wrong| *wrong != usage) {
            let error = custody.generate("wrong", algorithm, wrong).unwrap_err();
            assert!(matches!(error, CustodyError::Combination { .. }), "{error}");
        }
    }
}

struct Allowed;

impl BlindPermit for Allowed {}

fn digests_are_signed_by_keys_made_for_it(custody: &impl Custody) {
    let made = custody.generate("blind", Algorithm::P256, Usage::SignPrehashed).unwrap();
    assert_eq!(made.usage, Usage::SignPrehashed);
    assert_eq!(custody.key("blind").unwrap(), made);
    let (blind, signer) =
        (custody.prehashed_signer("blind", &Allowed).unwrap(), custody.signer("blind").unwrap());
    let (spki, scheme) = (blind.public_key(), blind.scheme());
    assert_eq!(made.public_key.as_deref(), Some(spki));
    let digest = crypto::prehash(spki, scheme, b"message").unwrap();
    for signature in [blind.sign_prehashed(&digest).unwrap(), signer.sign(b"message").unwrap()] {
        crypto::verify(spki, scheme, b"message", &signature).unwrap();
    }
    for label in ["p256", "ed25519", "aes256-gcm"] {
        let Err(CustodyError::Usage { wanted, .. }) = custody.prehashed_signer(label, &Allowed) else {
            panic!("{label} signs digests")
        };
        assert_eq!(wanted, Usage::SignPrehashed);
    }
    for algorithm in [Algorithm::Ed25519, Algorithm::Aes256] {
        let refused = custody.generate("other", algorithm, Usage::SignPrehashed).unwrap_err();
        assert!(matches!(refused, CustodyError::Combination { .. }), "{refused}");
    }
}

fn labels_are_unique_and_well_formed(custody: &impl Custody) {
    let first = custody.generate("k", Algorithm::Ed25519, Usage::Sign).unwrap();
    let error = custody.generate("k", Algorithm::Aes256, Usage::Seal).unwrap_err();
    assert!(matches!(error, CustodyError::Exists { .. }), "{error}");
    assert_eq!(custody.key("k").unwrap(), first);
    let long = "x".repeat(65);
    for label in ["", ".", "..", ".x", "-x", "a/b", "../k", "A", "a b", "a\0", "é", &long] {
        let error = custody.generate(label, Algorithm::Aes256, Usage::Seal).unwrap_err();
        assert!(matches!(error, CustodyError::Label(_)), "{error}");
        assert!(matches!(custody.key(label), Err(CustodyError::Label(_))));
    }
    custody.generate(&long[1..], Algorithm::Aes256, Usage::Seal).unwrap();
}

fn destroyed_keys_are_gone(custody: &impl Custody) {
    custody.generate("k", Algorithm::Aes256, Usage::Seal).unwrap();
    let sealed = custody.seal("k", b"data", b"").unwrap();
    custody.destroy("k").unwrap();
    for error in [custody.open("k", &sealed, b"").err(), custody.destroy("k").err(), custody.key("k").err()] {
        assert!(matches!(error, Some(CustodyError::NoSuchKey { .. })), "{error:?}");
    }
    // A new key of the same name is another key.
    custody.generate("k", Algorithm::Aes256, Usage::Seal).unwrap();
    assert!(matches!(custody.open("k", &sealed, b""), Err(CustodyError::Unauthentic)));
}

fn keys_serve_many_threads(custody: &impl Custody) {
    all(custody);
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            scope.spawn(move || {
                for round in 0..20_u8 {
                    let data = [thread, round];
                    let sealed = custody.seal("aes256-gcm", &data, &data).unwrap();
                    assert_eq!(custody.open("aes256-gcm", &sealed, &data).unwrap().as_slice(), data);
                    custody.signer("ed25519").unwrap().sign(&data).unwrap();
                    custody
                        .generate(&format!("t{thread}-{round}"), Algorithm::HmacSha256, Usage::Mac)
                        .unwrap();
                }
            });
        }
    });
    assert_eq!(custody.keys().unwrap().len(), 4 + 80);
}
