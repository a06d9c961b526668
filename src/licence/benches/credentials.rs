//! `credential_issue`: an SD-JWT with five selective fields; `credential_verify`: a presentation of two with the holder's proof, by
//! path; `credential_verify_known`: the same by a known certificate. `qr_encode`, `qr_verify`: the symbol's text. `status_list_sign`:
//! a list of 2^20 entries, one in a hundred not valid, compressed and signed as a JWT; `status_list_read`: verified and
//! inflated. `identifier_parse`: one identifier with its check character.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "benchmark"
)]

use std::hint::black_box;

use cinnabar_licence::credential::Trust;
use cinnabar_licence::credential::qr::{self, Essential};
use cinnabar_licence::credential::sd_jwt::{Binding, Expected, Issue, Presentation, issue, present};
use cinnabar_licence::credential::status_list::{SUSPENDED, StatusList, Terms, Token, token_jwt};
use cinnabar_licence::identifier::Identifier;
use criterion::{Criterion, criterion_group, criterion_main};
use pki::path::TrustAnchors;

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/licence/credential/world.rs"]
mod world;

use world::*;

fn benches(c: &mut Criterion) {
    let (world, holder) = (World::new(), key());
    let known = [world.issuer.certificate().unwrap().clone()];
    let nothing = TrustAnchors::default();
    let by_known = Trust::new(&nothing).knowing(&known);
    let (fields, place, jwk) = (fields(), place(), jwk(&holder));
    let selective: Vec<&str> = fields.keys().map(String::as_str).collect();
    let wish = Issue {
        vct: "http://platform.example/licences/types/1",
        claims: &fields,
        selective: &selective,
        issued_at: NOW,
        not_before: Some(NOW),
        expires: Some(NOW + DAY),
        status: Some(&place),
        holder_key: Some(&jwk),
    };
    let made = || issue(black_box(&wish), &world.issuer, &mut random).unwrap();
    c.bench_function("credential_issue", |b| b.iter(made));
    let binding = Binding { signer: holder.as_ref(), audience: "a", nonce: "n", issued_at: NOW };
    let shown = present(&made(), &["person", "items"], Some(&binding)).unwrap();
    let expected = Expected { audience: "a", nonce: "n" };
    let verified = |trust: &Trust<'_>| {
        Presentation::parse(black_box(&shown)).unwrap().verify(trust, NOW + 1, Some(&expected)).unwrap()
    };
    c.bench_function("credential_verify", |b| b.iter(|| verified(&world.trust())));
    c.bench_function("credential_verify_known", |b| b.iter(|| verified(&by_known)));
    let essential = Essential {
        identifier: identifier(),
        type_name: "食品经营许可证".into(),
        holder: "示例市好味餐饮店".into(),
        issuing_body: "示例市市场监督管理局".into(),
        fields: vec![("经营项目".into(), "热食类食品制售；冷食类食品制售".into())],
        valid_from: NOW,
        valid_to: Some(NOW + DAY),
        issued_at: NOW,
        status: Some(place.clone()),
    };
    c.bench_function("qr_encode", |b| b.iter(|| qr::encode(black_box(&essential), &world.issuer).unwrap()));
    let text = qr::encode(&essential, &world.issuer).unwrap();
    c.bench_function("qr_verify", |b| {
        b.iter(|| qr::decode(black_box(&text)).unwrap().verify(&by_known, NOW + 1).unwrap());
    });
    let mut list = StatusList::new(1 << 20).unwrap();
    for place in (0..1 << 20).step_by(100) {
        list.set(place, SUSPENDED).unwrap();
    }
    let terms = Terms { uri: LIST.into(), issued_at: NOW, expires: Some(NOW + DAY), ttl: Some(60) };
    let signed = || token_jwt(2, &black_box(&list).compressed(), &terms, &world.issuer).unwrap();
    c.bench_function("status_list_sign", |b| b.iter(signed));
    let token = signed();
    c.bench_function("status_list_read", |b| {
        b.iter(|| {
            let token = Token::parse_jwt(black_box(&token)).unwrap();
            token.verify(&by_known, ISSUER, LIST, NOW + 1).unwrap()
        });
    });
    let text = identifier().to_string();
    c.bench_function("identifier_parse", |b| b.iter(|| Identifier::parse(black_box(&text)).unwrap()));
}

criterion_group!(all, benches);
criterion_main!(all);
