//! SM2 signatures made and verified in process, and by the crate whose arithmetic ours replaces, on the same message in the
//! same run. The base crate's figures are without DER, which ours read and write.

use std::hint::black_box;

use crypto::{KeyKind, Signer, SoftwareKey, verify};
use ring::rand::SystemRandom;
use sm2::dsa::signature::{Signer as _, Verifier as _};
use sm2::dsa::{Signature, SigningKey, VerifyingKey};

use crate::{Figure, cpu_of};

pub fn figures() -> Vec<Figure> {
    let figure =
        |name, time: fn() -> f64| Figure { name, unit: "1/s", measure: Box::new(move || 1.0 / time()) };
    vec![
        figure("sm2.sign.per_core_s", signing),
        figure("sm2.verify.per_core_s", verifying),
        figure("peer.base.sm2.sign.per_core_s", base_signing),
        figure("peer.base.sm2.verify.per_core_s", base_verifying),
    ]
}

/// As long as a TBSCertificate or a TBS_Sign without its seal.
const MESSAGE: &[u8] = &[7; 600];
const ID: &str = "1234567812345678";
/// Calls between two looks at the clock, which would count.
const CALLS: u32 = 20;

fn each(mut call: impl FnMut()) -> f64 {
    cpu_of(|| (0..CALLS).for_each(|_| call())) / f64::from(CALLS)
}

fn key() -> SoftwareKey {
    let document = SoftwareKey::generate(KeyKind::Sm2, &SystemRandom::new()).expect("a key");
    SoftwareKey::from_pkcs8(&document).expect("a key")
}

fn signing() -> f64 {
    let key = key();
    each(|| drop(black_box(key.sign(black_box(MESSAGE)).expect("signed"))))
}

/// The whole way: the key read from its SubjectPublicKeyInfo, ZA computed, the signature read from DER.
fn verifying() -> f64 {
    let key = key();
    let signature = key.sign(MESSAGE).expect("signed");
    each(|| verify(key.public_key(), key.scheme(), black_box(MESSAGE), &signature).expect("verifies"))
}

fn base() -> SigningKey {
    SigningKey::from_slice(ID, &[7; 32]).expect("a key")
}

fn base_signing() -> f64 {
    let key = base();
    each(|| {
        let signature: Signature = key.sign(black_box(MESSAGE));
        black_box(signature);
    })
}

fn base_verifying() -> f64 {
    let key = base();
    let signature: Signature = key.sign(MESSAGE);
    let point = key.verifying_key().to_sec1_bytes();
    each(|| {
        let key = VerifyingKey::from_sec1_bytes(ID, &point).expect("a key");
        key.verify(black_box(MESSAGE), &signature).expect("verifies");
    })
}
