//! `cms_sign`: content digest to CMS, the share of the PKI in sealing a document. `path_validate`: leaf, issuing CA,
//! root, two CRLs; `validate_basic`: a signature by that leaf, its own verification apart. `issue_leaf_with_lint`: a P-256 client certificate from the wish to the verified signature, with its
//! parts: `issue_prepare` (profile applied, throw-away signature, every lint) and two signatures and one verification
//! besides. `time_stamp`: a request read, TSTInfo made and signed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "benchmark"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::{convert::Infallible, hint::black_box};

use cinnabar_pki::{
    Certificate, Crl, CrlBuilder, Indication,
    cms::{Limits, SignedData, sign::CmsSigner},
    issue::{IssuerRef, prepare},
    path::{Policy, Purpose, Request, RevocationPolicy, TrustAnchors, validate},
    profile::builtin,
    tsp::{Accuracy, Imprint, Stamper, TimeStampReq},
    validation::{self, Evidence, Origin, Poes, SignaturePolicy, Subject},
};
use common::*;
use criterion::{Criterion, criterion_group, criterion_main};
use crypto::{DigestAlgorithm, KeyKind, Signer};

fn benches(c: &mut Criterion) {
    let Hierarchy { root, ca, seal } = hierarchy();
    let digest = DigestAlgorithm::Sha256.digest(b"content");
    let signer =
        CmsSigner::new(seal.key.clone(), &seal.certificate, std::slice::from_ref(&ca.certificate)).unwrap();
    c.bench_function("p256_sign_alone", |b| b.iter(|| seal.key.sign(black_box(&digest)).unwrap()));
    c.bench_function("cms_sign", |b| b.iter(|| signer.sign(black_box(&digest)).unwrap()));
    let cms = signer.sign(&digest).unwrap();
    c.bench_function("cms_verify", |b| {
        b.iter(|| {
            let signed = SignedData::parse(black_box(&cms), &Limits::default()).unwrap();
            signed.verify::<Infallible>(&[], |_| Ok(digest.clone())).unwrap()
        });
    });
    let machine = builtin().get("machine").unwrap();
    let holder = key(KeyKind::P256);
    let wanted = wish(machine, "approvals", holder.public_key());
    let linted = || {
        let issuer = IssuerRef::Ca(&ca.certificate);
        prepare(machine, black_box(&wanted), issuer, &places(), serial(), NOW, ca.key.scheme()).unwrap()
    };
    c.bench_function("issue_prepare", |b| b.iter(linted));
    c.bench_function("issue_leaf_with_lint", |b| b.iter(|| linted().sign(&*ca.key).unwrap()));
    let tsa = entity(Some(&ca), Profile::TimeStamp, "TSA");
    let stamper =
        Stamper::new(tsa.key.clone(), &tsa.certificate, &[], Accuracy { millis: 1000 }, true).unwrap();
    let asked = TimeStampReq::new(Imprint::new(DigestAlgorithm::Sha256, &digest).unwrap(), None, [1; 8]);
    let (asked, policy) = (asked.to_der(), "0.4.0.2023.1.1".parse().unwrap());
    c.bench_function("time_stamp", |b| {
        b.iter(|| {
            let request = TimeStampReq::parse(black_box(&asked)).unwrap();
            let stamp = stamper.stamp(&request, policy, &[0x7F; 20], NOW * 1_000_000).unwrap();
            stamper.sign(&stamp).unwrap()
        });
    });
    c.bench_function("certificate_parse", |b| {
        b.iter(|| Certificate::from_der(black_box(seal.certificate.der())).unwrap());
    });

    let list = |issuer: &Entity| {
        let builder = CrlBuilder {
            number: 1,
            this_update: NOW - 60,
            next_update: NOW + DAY,
            distribution_point: Some(CRL_URI.into()),
            ..CrlBuilder::default()
        };
        Crl::from_der(&builder.build(&issuer.certificate, &*issuer.key).unwrap()).unwrap()
    };
    let crls = [list(&root), list(&ca)];
    let anchors = TrustAnchors::new(vec![root.certificate.clone()]);
    let untrusted = [ca.certificate.clone()];
    let request = Request {
        untrusted: &untrusted,
        crls: &crls,
        purpose: Purpose::DocumentSigning,
        policy: Policy::new(RevocationPolicy::Required),
        ..Request::new(&seal.certificate, &anchors, NOW)
    };
    assert!(validate(&request).path().is_some());
    c.bench_function("path_validate", |b| b.iter(|| validate(black_box(&request))));

    // The same path inside the validation of a signature whose cryptographic verification is done.
    let signed = SignedData::parse(&cms, &Limits::default()).unwrap();
    let verification = signed.verify::<Infallible>(&[], |_| Ok(digest.clone())).unwrap();
    let policy = SignaturePolicy::builtin("default").unwrap();
    let basic = || {
        let mut evidence = Evidence::new(&anchors);
        evidence.add_certificates(&untrusted, Origin::Store);
        evidence.add_crls(&crls, Origin::Store);
        let subject = Subject::of_cms("signature", &signed, &verification);
        validation::validate(&subject, black_box(&evidence), &mut Poes::new(), policy, NOW)
    };
    assert_eq!(basic().indication, Indication::TotalPassed);
    c.bench_function("validate_basic", |b| b.iter(basic));
}

criterion_group!(pki, benches);
criterion_main!(pki);
