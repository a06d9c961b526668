//! Path building and validation: one passing case and one for each way to fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod common;

use cinnabar_pki::{
    Certificate, Crl, CrlBuilder, Indication, Reason, Revoked, SubIndication, Subject,
    issue::IssuerRef,
    path::{
        Evidence, PathFailure, PathVerdict, Policy, Purpose, Request, RevocationPolicy, TrustAnchors,
        validate,
    },
};
use common::*;
use crypto::{KeyKind, Signer};

const ROOT_CRL: &str = "http://pki.example/root.crl";

struct World {
    root: Entity,
    ca: Entity,
    leaf: Entity,
    crls: Vec<Crl>,
    untrusted: Vec<Certificate>,
    anchors: TrustAnchors,
    at: i64,
    purpose: Purpose,
    policy: Policy,
}

fn crl(issuer: &Entity, uri: &str, revoked: &[(&Certificate, i64, Reason)]) -> Crl {
    let builder = CrlBuilder {
        number: 1,
        this_update: NOW - 3600,
        next_update: NOW + DAY,
        distribution_point: Some(uri.into()),
        revoked: revoked
            .iter()
            .map(|(certificate, time, reason)| {
                (certificate.serial().to_vec(), Revoked { time: *time, reason: Some(*reason) }).into()
            })
            .collect(),
        ..CrlBuilder::default()
    };
    Crl::from_der(&builder.build(&issuer.certificate, &*issuer.key).unwrap()).unwrap()
}

fn world_of(profile: Profile) -> World {
    let root = entity(None, Profile::RootCa, "root");
    let at_root = |t: &mut common::Template| t.crl_distribution_point = Some(ROOT_CRL.into());
    let ca = entity_from(Some(&root), KeyKind::P256, at_root, Profile::IssuingCa, "ca");
    let leaf = entity(Some(&ca), profile, "leaf");
    World {
        crls: vec![crl(&root, ROOT_CRL, &[]), crl(&ca, CRL_URI, &[])],
        untrusted: vec![ca.certificate.clone()],
        anchors: TrustAnchors::new(vec![root.certificate.clone()]),
        at: NOW,
        purpose: Purpose::DocumentSigning,
        policy: Policy::new(RevocationPolicy::Required),
        root,
        ca,
        leaf,
    }
}

fn world() -> World {
    world_of(Profile::Seal)
}

impl World {
    fn validate(&self) -> PathVerdict {
        self.validate_leaf(&self.leaf.certificate)
    }

    fn validate_leaf(&self, leaf: &Certificate) -> PathVerdict {
        validate(&Request {
            untrusted: &self.untrusted,
            crls: &self.crls,
            purpose: self.purpose,
            policy: self.policy,
            ..Request::new(leaf, &self.anchors, self.at)
        })
    }

    #[track_caller]
    fn undecided(&self, sub: SubIndication) -> PathFailure {
        let verdict = self.validate();
        assert_eq!(verdict.indication(), (Indication::Indeterminate, Some(sub)), "{verdict:?}");
        assert!(matches!(verdict, PathVerdict::Undecided(_)), "{verdict:?}");
        verdict.failure().unwrap().clone()
    }

    #[track_caller]
    fn rejected(&self, rule: &str) {
        match self.validate() {
            PathVerdict::Rejected(failure) => assert!(failure.to_string().contains(rule), "{failure}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_good_path_with_fresh_revocation_evidence_is_trusted() {
    let world = world();
    let verdict = world.validate();
    let path = verdict.path().unwrap_or_else(|| panic!("{verdict:?}"));
    let expected = [&world.leaf, &world.ca, &world.root].map(|entity| entity.certificate.clone());
    assert_eq!(path.certificates(), expected);
    assert_eq!(
        path.evidence(),
        [Evidence::Good { this_update: NOW - 3600 }, Evidence::Good { this_update: NOW - 3600 }]
    );
    assert_eq!(verdict.indication(), (Indication::TotalPassed, None));
}

#[test]
fn an_anchor_needs_no_path() {
    let mut world = world();
    world.anchors = TrustAnchors::new(vec![world.leaf.certificate.clone()]);
    assert_eq!(world.validate().path().unwrap().certificates().len(), 1);
}

#[test]
fn without_the_intermediate_or_the_anchor_there_is_no_path() {
    let mut one = world();
    one.untrusted.clear();
    one.undecided(SubIndication::NoCertificateChainFound);
    let mut two = world();
    two.anchors = TrustAnchors::new(vec![entity(None, Profile::RootCa, "another").certificate]);
    two.undecided(SubIndication::NoCertificateChainFound);
}

#[test]
fn an_anchor_of_the_same_name_and_another_key_is_no_issuer() {
    let mut world = world();
    world.anchors = TrustAnchors::new(vec![entity(None, Profile::RootCa, "root").certificate]);
    let verdict = world.validate();
    assert!(matches!(verdict.failure(), Some(PathFailure::BadSignature { .. })), "{verdict:?}");
    // Beside the true one it does no harm.
    world.anchors = TrustAnchors::new(vec![
        entity(None, Profile::RootCa, "root").certificate,
        world.root.certificate.clone(),
    ]);
    assert!(world.validate().path().is_some());
}

#[test]
fn expired_and_not_yet_valid_are_undecided_without_proof_of_existence() {
    let mut world = world();
    world.policy = Policy::new(RevocationPolicy::Waived);
    world.at = world.leaf.certificate.not_after();
    assert!(world.validate().path().is_some());
    world.at += 1;
    assert!(matches!(world.undecided(SubIndication::OutOfBoundsNoPoe), PathFailure::Expired { .. }));
    world.at = world.leaf.certificate.not_before() - 1;
    assert!(matches!(world.undecided(SubIndication::OutOfBoundsNoPoe), PathFailure::NotYetValid { .. }));
}

#[test]
fn a_certificate_younger_than_the_proven_signature_fails_for_good() {
    let mut world = world();
    world.leaf =
        entity_from(Some(&world.ca), KeyKind::P256, |t| t.not_before = NOW + 10, Profile::Seal, "late");
    world.policy.existence_proven = true;
    assert_eq!(world.validate().indication(), (Indication::TotalFailed, Some(SubIndication::NotYetValid)));
}

#[test]
fn revoked_is_undecided_and_revoked_after_the_time_in_question_is_still_valid() {
    let mut world = world();
    world.crls[1] = crl(&world.ca, CRL_URI, &[(&world.leaf.certificate, NOW - 60, Reason::KeyCompromise)]);
    let failure = world.undecided(SubIndication::RevokedNoPoe);
    assert!(failure.to_string().ends_with("is revoked (keyCompromise)"), "{failure}");
    world.at = NOW - 61;
    assert!(world.validate().path().is_some());
}

#[test]
fn a_suspended_certificate_counts_as_revoked() {
    let mut world = world();
    world.crls[1] = crl(&world.ca, CRL_URI, &[(&world.leaf.certificate, NOW - 60, Reason::CertificateHold)]);
    world.undecided(SubIndication::RevokedNoPoe);
}

#[test]
fn a_revoked_ca_makes_its_own_lists_worthless() {
    let mut world = world();
    world.crls[0] = crl(&world.root, ROOT_CRL, &[(&world.ca.certificate, NOW - 60, Reason::CaCompromise)]);
    world.undecided(SubIndication::RevokedCaNoPoe);
}

#[test]
fn without_usable_revocation_lists_the_policy_decides() {
    let mut world = world();
    let ca = crl(&world.ca, CRL_URI, &[]);
    let forged = {
        let mut der = ca.der().to_vec();
        *der.last_mut().unwrap() ^= 1;
        Crl::from_der(&der).unwrap()
    };
    let other_shard = crl(&world.ca, "http://pki.example/other.crl", &[]);
    let other_issuer = crl(&world.root, CRL_URI, &[]);
    for unusable in [vec![], vec![forged], vec![other_shard], vec![other_issuer]] {
        world.crls.truncate(1);
        world.crls.extend(unusable);
        world.policy = Policy::new(RevocationPolicy::Required);
        world.undecided(SubIndication::TryLater);
        world.policy = Policy::new(RevocationPolicy::IfAvailable);
        assert!(matches!(world.validate().path().unwrap().evidence()[0], Evidence::None { .. }));
        world.policy = Policy::new(RevocationPolicy::Waived);
        assert_eq!(world.validate().path().unwrap().evidence()[0], Evidence::Waived);
    }
}

#[test]
fn a_stale_list_proves_revocation_but_not_its_absence() {
    let mut world = world();
    world.at = NOW + DAY + 1;
    world.policy.ca_revocation = RevocationPolicy::Waived;
    world.undecided(SubIndication::TryLater);
    world.crls[1] = crl(&world.ca, CRL_URI, &[(&world.leaf.certificate, NOW - 60, Reason::Superseded)]);
    world.undecided(SubIndication::RevokedNoPoe);
}

#[test]
fn a_responder_that_needs_no_revocation_information_passes_without() {
    let mut world = world_of(Profile::Ocsp);
    world.purpose = Purpose::OcspSigning;
    world.crls.truncate(1);
    assert_eq!(world.validate().path().unwrap().evidence()[0], Evidence::NotApplicable);
}

#[test]
fn each_profile_serves_its_own_purpose_only() {
    let purposes = [
        (Profile::Seal, Purpose::DocumentSigning),
        (Profile::MachineClient, Purpose::ClientAuth),
        (Profile::TlsServer, Purpose::ServerAuth),
        (Profile::TimeStamp, Purpose::TimeStamping),
        (Profile::Ocsp, Purpose::OcspSigning),
    ];
    for (profile, own) in purposes {
        let mut world = world_of(profile);
        for (_, purpose) in purposes {
            world.purpose = purpose;
            let verdict = world.validate();
            assert_eq!(verdict.path().is_some(), purpose == own, "{profile:?} {purpose:?} {verdict:?}");
            if purpose != own {
                assert!(matches!(verdict, PathVerdict::Rejected(PathFailure::Purpose { .. })), "{verdict:?}");
            }
        }
        world.purpose = Purpose::Any;
        assert!(world.validate().path().is_some());
    }
}

#[test]
fn an_end_entity_cannot_issue() {
    let mut world = world();
    // A lint stops us from making it, so the forger signs by hand: the seal's key over another leaf's body.
    let forged = forge(&world.leaf, |t| t.profile = Profile::Seal);
    world.untrusted.push(world.leaf.certificate.clone());
    match world.validate_leaf(&forged) {
        PathVerdict::Rejected(failure) => {
            assert!(failure.to_string().contains("issuer is not a CA"), "{failure}")
        }
        other => panic!("{other:?}"),
    }
}

/// Issues below `issuer` whatever the lints say, by pretending to be a CA of the same name and key.
fn forge(issuer: &Entity, change: impl FnOnce(&mut common::Template)) -> Certificate {
    let mut as_root = template(Profile::RootCa, Subject::default(), issuer.key.public_key());
    as_root.subject = issuer
        .certificate
        .subject()
        .attributes()
        .into_iter()
        .fold(Subject::default(), |subject, (kind, value)| subject.with(kind, value));
    let pretended =
        Certificate::from_der(&issue(&as_root, IssuerRef::SelfSigned, &*issuer.key).unwrap()).unwrap();
    assert_eq!(pretended.subject(), issuer.certificate.subject());
    let mut wanted = template(Profile::Seal, Subject::common_name("forged"), key(KeyKind::P256).public_key());
    change(&mut wanted);
    Certificate::from_der(&issue(&wanted, IssuerRef::Ca(&pretended), &*issuer.key).unwrap()).unwrap()
}

#[test]
fn a_path_length_constraint_holds() {
    let mut world = world();
    let below = key(KeyKind::P256);
    let sub_ca = forge(&world.ca, |t| {
        t.profile = Profile::IssuingCa;
        t.subject = Subject::common_name("sub ca");
        t.public_key = below.public_key().to_vec();
    });
    let template = template(Profile::Seal, Subject::common_name("x"), key(KeyKind::P256).public_key());
    let leaf = Certificate::from_der(&issue(&template, IssuerRef::Ca(&sub_ca), &below).unwrap()).unwrap();
    world.untrusted.push(sub_ca);
    match world.validate_leaf(&leaf) {
        PathVerdict::Rejected(failure) => assert!(failure.to_string().contains("path length"), "{failure}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn many_candidate_issuers_of_one_name_exhaust_the_budget_not_the_machine() {
    let mut world = world();
    world.untrusted = (0..60).map(|_| entity(None, Profile::RootCa, "ca").certificate).collect();
    world.policy.signature_budget = 8;
    let failure = world.undecided(SubIndication::CertificateChainGeneralFailure);
    assert_eq!(failure, PathFailure::Budget { budget: 8 });
    // With the true issuer among them its key identifier brings it to the front.
    world.untrusted.push(world.ca.certificate.clone());
    assert!(world.validate().path().is_some());
}

#[test]
fn a_loop_of_cross_certificates_ends() {
    let mut world = world();
    let (a, b) = (entity(None, Profile::RootCa, "a"), entity(None, Profile::RootCa, "b"));
    let cross = |subject: &Entity, issuer: &Entity| {
        let name = subject.certificate.subject().attributes();
        forge(issuer, |t| {
            t.profile = Profile::IssuingCa;
            t.subject = name.into_iter().fold(Subject::default(), |s, (kind, value)| s.with(kind, value));
            t.public_key = subject.key.public_key().to_vec();
        })
    };
    world.untrusted = (0..6).flat_map(|_| [cross(&a, &b), cross(&b, &a)]).collect();
    let leaf = entity(Some(&a), Profile::Seal, "leaf").certificate;
    world.policy.signature_budget = 1000;
    let verdict = world.validate_leaf(&leaf);
    assert!(matches!(verdict, PathVerdict::Undecided(_)), "{verdict:?}");
}

#[test]
fn name_constraints_and_unknown_critical_extensions_of_a_foreign_ca_are_honoured() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    openssl(dir, "genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out k");
    write(
        dir,
        "ca.cnf",
        "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\nnameConstraints=critical,permitted;DNS:example.cn,excluded;DNS:bad.example.cn\n",
    );
    openssl(dir, "req -new -key k -subj /CN=ca -out ca.csr");
    openssl(dir, "x509 -req -in ca.csr -signkey k -days 30 -extfile ca.cnf -out ca.pem");
    let mut world = world();
    let ca = Certificate::from_pem(&read(dir, "ca.pem")).unwrap().remove(0);
    world.at = ca.not_before() + 60;
    world.anchors = TrustAnchors::new(vec![ca]);
    world.policy = Policy::new(RevocationPolicy::Waived);
    world.purpose = Purpose::Any;
    for (extensions, outcome) in [
        ("subjectAltName=DNS:a.example.cn", None),
        ("subjectAltName=DNS:a.example.com", Some("not permitted")),
        ("subjectAltName=DNS:x.bad.example.cn", Some("excluded")),
        ("subjectAltName=email:a@b.cn", None),
        ("1.2.3.4=critical,DER:0500", Some("unknown critical extension")),
    ] {
        write(dir, "leaf.cnf", extensions);
        openssl(dir, "req -new -key k -subj /CN=leaf -out leaf.csr");
        openssl(
            dir,
            "x509 -req -in leaf.csr -CA ca.pem -CAkey k -CAcreateserial -days 30 -extfile leaf.cnf -out leaf.pem",
        );
        world.leaf.certificate = Certificate::from_pem(&read(dir, "leaf.pem")).unwrap().remove(0);
        match outcome {
            None => assert!(world.validate().path().is_some(), "{extensions}: {:?}", world.validate()),
            Some(rule) => world.rejected(rule),
        }
    }
}
