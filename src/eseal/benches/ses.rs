//! `ses_create`: a digest signed with a seal of 20 KB whose first steps have passed; `ses_sign_at_once`: with those steps,
//! paths apart. `ses_verify`: read and verified with paths of three certificates, lists and a maker, nothing kept between;
//! `seal_verify`: the seal alone. In both suites. `ses_parse` is reading alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "benchmark"
)]
#![allow(dead_code, reason = "the tests' world has more in it")]

extern crate pki as cinnabar_pki;

#[path = "../../pki/tests/forge/mod.rs"]
mod forge;
#[path = "../tests/ses/world.rs"]
mod world;

use std::hint::black_box;

use cinnabar_eseal::{NewPicture, NewSeal, Seal, Sealer, Signature, verify, verify_seal};
use criterion::{Criterion, criterion_group, criterion_main};
use world::*;

fn benches(c: &mut Criterion) {
    for suite in SUITES {
        let mut world = World::new(suite);
        world.revoke(&[]);
        let data = [PICTURE, &[7; 20_000]].concat();
        let picture = NewPicture { data, ..world.new_seal().picture };
        let new = NewSeal { picture, ..world.new_seal() };
        let seal = world.made(&new);
        let (name, at, hash) = (suite.name, time("20261120000000"), world.digest());
        c.bench_function(&format!("seal_make/{name}"), |b| {
            b.iter(|| new.sign(&*world.maker.key, world.maker_certificate.der()).unwrap());
        });
        let sealer = Sealer::new(&seal, world.certificate.der(), &Everybody, at).unwrap();
        let sign = |sealer: &Sealer| {
            sealer.sign(&*world.signer.key, suite.digest, black_box(&hash), "/ByteRange", at).unwrap()
        };
        c.bench_function(&format!("ses_create/{name}"), |b| b.iter(|| sign(&sealer)));
        c.bench_function(&format!("ses_sign_at_once/{name}"), |b| {
            b.iter(|| sign(&Sealer::new(&seal, world.certificate.der(), &Everybody, at).unwrap()));
        });
        let der = sign(&sealer);
        c.bench_function(&format!("ses_parse/{name}"), |b| {
            b.iter(|| Signature::parse(black_box(&der)).unwrap());
        });
        let digest = |_| Some(hash.clone());
        c.bench_function(&format!("ses_verify/{name}"), |b| {
            b.iter(|| {
                let read = Signature::parse(black_box(&der)).unwrap();
                let report = world.with_trust(|trust| verify(&read, &digest, trust, NOW));
                assert!(report.is_valid());
            });
        });
        c.bench_function(&format!("seal_verify/{name}"), |b| {
            b.iter(|| {
                let read = Seal::parse(black_box(seal.der())).unwrap();
                let report = world.with_trust(|trust| verify_seal(&read, trust, NOW));
                assert!(report.is_valid());
            });
        });
    }
}

criterion_group!(all, benches);
criterion_main!(all);
