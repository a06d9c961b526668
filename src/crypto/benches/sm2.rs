//! SM2 signatures over a message as short as a TBSCertificate or TBS_Sign, the base crate's beside ours; SM3 and P-256 for
//! comparison. The base crate's signatures are bare octets (it writes DER only with more of its features).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::hint::black_box;

use cinnabar_crypto::{DigestAlgorithm, KeyKind, SignatureScheme, Signer, SoftwareKey, verify};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ring::rand::SystemRandom;
use sm2::dsa::signature::{Signer as _, Verifier as _};
use sm2::dsa::{Signature, SigningKey, VerifyingKey};

const ID: &str = "1234567812345678";
const MESSAGE: &[u8] = &[7; 600];

fn software(kind: KeyKind) -> SoftwareKey {
    SoftwareKey::from_pkcs8(&SoftwareKey::generate(kind, &SystemRandom::new()).unwrap()).unwrap()
}

fn signing(c: &mut Criterion) {
    let mut group = c.benchmark_group("sign");
    group.throughput(Throughput::Elements(1));
    for (name, kind) in [("sm2", KeyKind::Sm2), ("p256", KeyKind::P256)] {
        let key = software(kind);
        group.bench_function(name, |b| b.iter(|| black_box(key.sign(black_box(MESSAGE)).unwrap())));
    }
    let base = SigningKey::from_slice(ID, &[7; 32]).unwrap();
    group.bench_function("sm2_base", |b| {
        b.iter(|| {
            let signature: Signature = base.sign(black_box(MESSAGE));
            black_box(signature.to_bytes())
        });
    });
    group.finish();
}

fn verifying(c: &mut Criterion) {
    let mut group = c.benchmark_group("verify");
    group.throughput(Throughput::Elements(1));
    for (name, kind) in [("sm2", KeyKind::Sm2), ("p256", KeyKind::P256)] {
        let key = software(kind);
        let signature = key.sign(MESSAGE).unwrap();
        let scheme: SignatureScheme = key.scheme();
        group.bench_function(name, |b| {
            b.iter(|| verify(key.public_key(), scheme, black_box(MESSAGE), &signature).unwrap());
        });
    }
    let base = SigningKey::from_slice(ID, &[7; 32]).unwrap();
    let point = base.verifying_key().to_sec1_bytes();
    let signature: Signature = base.sign(MESSAGE);
    let bytes = signature.to_bytes();
    group.bench_function("sm2_base", |b| {
        b.iter(|| {
            let key = VerifyingKey::from_sec1_bytes(ID, &point).unwrap();
            let signature = Signature::from_bytes(&bytes).unwrap();
            key.verify(black_box(MESSAGE), &signature).unwrap();
        });
    });
    group.finish();
}

fn opening(c: &mut Criterion) {
    let document = SoftwareKey::generate(KeyKind::Sm2, &SystemRandom::new()).unwrap();
    c.bench_function("open/sm2", |b| {
        b.iter(|| black_box(SoftwareKey::from_pkcs8(black_box(&document)).unwrap()));
    });
}

fn digesting(c: &mut Criterion) {
    let mut group = c.benchmark_group("digest_64k");
    let data = vec![7; 65_536];
    group.throughput(Throughput::Bytes(65_536));
    for algorithm in [DigestAlgorithm::Sm3, DigestAlgorithm::Sha256] {
        group.bench_function(algorithm.name(), |b| b.iter(|| black_box(algorithm.digest(black_box(&data)))));
    }
    group.finish();
}

criterion_group!(benches, signing, verifying, opening, digesting);
criterion_main!(benches);
