//! One authorization decision with the shipped policies: a machine seals with its organisation's seal.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a bench fails loudly")]

use std::hint::black_box;
use std::path::Path;

use appliance::identity::{Caller, CallerKind, Registration, Role};
use appliance::policy::{Facts, Policy, Resource, SealDocument};
use criterion::{Criterion, criterion_group, criterion_main};

fn decide(c: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/authorization");
    let policy = Policy::load(&folder).unwrap();
    let registration = Registration {
        id: "0198c5a0-0000-7000-8000-000000000001".into(),
        kind: CallerKind::Machine,
        uri: "urn:cinnabar:demo:machine:approvals".into(),
        organisation: "0198c5a0-0000-7000-8000-000000000002".into(),
        person: None,
        roles: vec![Role::Sealer, Role::Verifier],
        active: true,
    };
    let caller = Caller::new(&registration, &"ab".repeat(32), "1f");
    c.bench_function("policy_decide", |b| {
        b.iter(|| {
            let seal = Resource::seal("seal-1", registration.organisation.clone()).at_version(1);
            let permit = policy.decide::<SealDocument>(&caller, seal, Facts::of_request("request")).unwrap();
            black_box(permit.policies().len())
        });
    });
    c.bench_function("policy_load", |b| b.iter(|| Policy::load(black_box(&folder)).unwrap()));
}

criterion_group!(benches, decide);
criterion_main!(benches);
