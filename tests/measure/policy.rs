//! One authorization decision with the shipped policies: a machine seals with its organisation's seal.

use std::hint::black_box;
use std::path::Path;

use appliance::identity::{Caller, CallerKind, Registration, Role};
use appliance::policy::{Facts, Policy, Resource, SealDocument};

use crate::{Figure, cpu_of};

pub fn figures() -> Vec<Figure> {
    vec![Figure { name: "policy.decide.cpu_us", unit: "us", measure: Box::new(deciding) }]
}

fn deciding() -> f64 {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/authorization");
    let policy = Policy::load(&folder).expect("the shipped policies");
    let registration = Registration {
        id: "approval".into(),
        kind: CallerKind::Machine,
        uri: "urn:cinnabar:demo:machine:approval".into(),
        organisation: "bureau".into(),
        person: None,
        roles: vec![Role::Sealer, Role::Verifier],
        active: true,
    };
    let caller = Caller::new(&registration, &"ab".repeat(32), "1f");
    1_000_000.0
        * cpu_of(|| {
            let seal = Resource::seal("bureau-seal", registration.organisation.clone()).at_version(1);
            let permit = policy
                .decide::<SealDocument>(&caller, seal, Facts::of_request("request"))
                .expect("permitted");
            black_box(permit.policies().len());
        })
}
