//! §5.3 with §5.2: a passing signature, and one for each way to fail.

use std::convert::Infallible;

use cinnabar_pki::{
    Certificate, Crl, Indication, SubIndication as S,
    cms::{Limits, SignedData},
    path::{Anchor, Constraints, RevocationPolicy, TrustAnchors},
    validation::{Block, Evidence, Format, ObjectKind, Origin, Poes, Process, Status, Subject, Validator},
};
use crypto::Signer as _;

use crate::{forge::*, world::*};

#[test]
fn a_signature_with_a_fresh_path_passes_and_says_what_that_rests_on() {
    let world = world();
    let outcome = world.case().passes();
    assert_eq!(outcome.process, Process::Basic);
    assert_eq!((outcome.at, outcome.best_signature_time), (day(NOW), day(NOW)));
    assert_eq!((outcome.policy.as_str(), outcome.best_signature_time_source), ("default", None));
    let subjects: Vec<_> = outcome.material.chain.iter().map(|one| one.subject.as_str()).collect();
    assert_eq!(subjects, ["CN=signer", "CN=authority", "CN=root"]);
    assert_eq!(outcome.material.chain.iter().map(|one| one.anchor).collect::<Vec<_>>(), [false, false, true]);
    let evidence = &outcome.material.revocation;
    assert_eq!(evidence.len(), 2);
    assert!(evidence.iter().all(|one| one.kind == ObjectKind::Crl && one.origin == Origin::Store));
    assert_eq!(evidence[0].certificate, *world.certificate.sha256_fingerprint());
    assert!(outcome.material.algorithms.iter().all(|one| one.secure));
    let kinds = |kind| outcome.material.algorithms.iter().filter(|one| one.kind == kind).count();
    // ecdsa and sha256 each.
    assert_eq!(
        (kinds(ObjectKind::Signature), kinds(ObjectKind::Certificate), kinds(ObjectKind::Crl)),
        (2, 4, 4)
    );
    let blocks: Vec<_> = outcome.steps.iter().map(|step| step.block.section()).collect();
    assert_eq!(blocks, ["5.2.2", "5.2.3", "5.2.4", "5.2.6", "5.2.7", "5.2.8", "5.5"]);
}

#[test]
fn a_report_is_json_of_stable_words() {
    let json = toml::Value::try_from(world().case().passes()).unwrap();
    let at = |path: &[&str]| path.iter().fold(&json, |value, key| &value[*key]).as_str().unwrap().to_owned();
    assert_eq!(at(&["process"]), "basic");
    assert_eq!(at(&["indication"]), "TOTAL-PASSED");
    assert_eq!(at(&["policy_digest"]).len(), 64);
    assert_eq!(json["steps"][3]["block"].as_str(), Some("certificate-validation"));
    assert_eq!(json["revocation"][0]["kind"].as_str(), Some("crl"));
    assert_eq!(json["algorithms"][0]["algorithm"].as_str(), Some("ecdsa"));
    assert_eq!(json["algorithms"][0]["reliability"].as_str(), Some("open"));
    assert_eq!(json["chain"][0]["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn what_format_checking_refuses_has_failed() {
    let world = world();
    let mut case = world.case();
    case.format = Format::Fails(vec!["the byte range has a gap".into()]);
    let outcome = case.fails(S::FormatFailure);
    assert_eq!(outcome.reasons, ["the byte range has a gap"]);
    assert_eq!(outcome.steps.len(), 1);
}

#[test]
fn a_broken_signature_has_failed_whatever_else_is_wrong() {
    let world = world();
    let mut case = world.case();
    case.content = b"other octets".to_vec();
    case.fails(S::HashFailure);
    case.crls.clear();
    case.anchors = TrustAnchors::default();
    let outcome = case.fails(S::HashFailure);
    assert!(
        outcome.steps.iter().all(|step| step.block != Block::CertificateValidation),
        "no path is looked for"
    );
    // A signature by another key than the certificate's.
    let stranger = World { signer: Party::new("signer"), ..self::world() };
    let forged = World { certificate: stranger.certificate.clone(), ..stranger };
    let cms = forged.cms_with(&[], &[&forged.certificate]);
    let mut case = forged.case_of(cms);
    case.fails(S::SigCryptoFailure);
    case.signed_data = false;
    case.is_open(S::SignedDataNotFound);
}

impl World {
    pub fn case_of(&self, cms: Vec<u8>) -> Case<'_> {
        Case::new(self, cms)
    }
}

#[test]
fn a_signature_without_its_certificate_or_its_data_is_open() {
    let world = world();
    let outcome = world.case_of(world.cms_with(&[], &[])).is_open(S::NoSigningCertificateFound);
    assert_eq!(outcome.steps.last().unwrap().block, Block::SigningCertificate);
    let mut case = world.case();
    case.signed_data = false;
    case.is_open(S::SignedDataNotFound);
}

#[test]
fn a_path_must_lead_to_an_anchor_and_keep_its_rules() {
    let world = world();
    let mut case = world.case();
    case.anchors = TrustAnchors::default();
    case.is_open(S::NoCertificateChainFound);
    // An authority of the same name whose key did not sign.
    let mut case = world.case_of(world.cms_with(&[], &[&world.certificate]));
    let other = World::of(&Differently::default());
    case.certificates = vec![world.root.certify_with(&other.authority, &[AUTHORITY], &[ca(None), usage(6)])];
    case.is_open(S::CertificateChainGeneralFailure);
    // No CA; another purpose.
    let of = |differently: Differently| World::of(&differently);
    let world = of(Differently { authority_extensions: Some(vec![usage(6)]), ..Default::default() });
    world.case().is_open(S::ChainConstraintsFailure);
    let server = vec![usage(0xC0), purposes(&["1.3.6.1.5.5.7.3.1"])];
    let world = of(Differently { signer_extensions: Some(server), ..Default::default() });
    world.case().is_open(S::ChainConstraintsFailure);
    world.case().policy("purpose = \"documentSigning\"", "purpose = \"serverAuth\"").passes();
    // A certificate policy that is asked for.
    let wanted = (
        "signature-policies = \"ignored\"",
        "signature-policies = \"ignored\"\ncertificate-policies = [\"1.2.3.4\"]",
    );
    self::world().case().policy(wanted.0, wanted.1).is_open(S::ChainConstraintsFailure);
    let world = of(Differently {
        signer_extensions: Some(vec![usage(0xC0), policies(&["1.2.3.4"])]),
        authority_extensions: Some(vec![ca(None), usage(6), policies(&["2.5.29.32.0"])]),
        ..Default::default()
    });
    world.case().policy(wanted.0, wanted.1).passes();
}

#[test]
fn an_anchor_after_its_sunset_needs_proofs() {
    let world = world();
    let mut case = world.case();
    let sunset = |not_after| {
        let constraints = Constraints { not_after: Some(not_after), ..Constraints::default() };
        TrustAnchors::constrained(vec![Anchor::new(world.anchor.clone(), constraints)])
    };
    case.anchors = sunset(day(NOW));
    case.passes();
    case.anchors = sunset(day(NOW) - 1);
    case.is_open(S::NoCertificateChainFoundNoPoe);
}

#[test]
fn a_revoked_certificate_is_told_from_a_revoked_authority_and_from_a_suspended_one() {
    let world = world();
    let with = |revoked: &[(u8, &str, u8)]| world.case().crls(world.lists(["20261121", "20261130"], revoked));
    let outcome = with(&[(SIGNER, "20261101", 1)]).is_open(S::RevokedNoPoe);
    assert_eq!(outcome.revoked_at, Some(day("20261101")));
    assert_eq!(outcome.material.revocation.iter().find_map(|one| one.reason), Some("keyCompromise"));
    let outcome = with(&[(AUTHORITY, "20261102", 2)]).is_open(S::RevokedCaNoPoe);
    assert_eq!(outcome.revoked_at, Some(day("20261102")));
    with(&[(AUTHORITY, "20261102", 2), (SIGNER, "20261101", 1)]).is_open(S::RevokedCaNoPoe);
    // On hold: until newer information is due (§5.2.6.4).
    let outcome = with(&[(SIGNER, "20261101", HOLD)]).is_open(S::TryLater);
    assert_eq!((outcome.revoked_at, outcome.try_again_at), (Some(day("20261101")), Some(day("20261130"))));
}

#[test]
fn what_must_be_known_about_revocation_is_the_policys_choice() {
    let world = world();
    let none = || world.case().crls(Vec::new());
    none().is_open(S::TryLater);
    let stale = || world.case().crls(world.lists(["20261001", "20261108"], &[]));
    let outcome = stale().is_open(S::TryLater);
    assert_eq!(outcome.try_again_at, Some(day("20261108")));
    // Authorities only if available.
    let mut case = world.case();
    case.crls.remove(0);
    case.passes();
    case.policy = policy("authorities = \"if-available\"", "authorities = \"required\"");
    case.is_open(S::TryLater);
    let mut case = none();
    case.policy = case.policy.with_revocation(RevocationPolicy::Waived, RevocationPolicy::Waived);
    let outcome = case.passes();
    let step = outcome.steps.iter().find(|step| step.block == Block::CertificateValidation).unwrap();
    assert!(step.constraints.iter().any(|one| one.name == "revocation" && one.status == Status::Ignored));
    let if_available = || policy("signer = \"required\"", "signer = \"if-available\"");
    let mut case = none();
    case.policy = if_available();
    case.passes();
    let mut case = world.case().crls(world.lists(["20261121", "20261130"], &[(SIGNER, "20261101", 1)]));
    case.policy = if_available();
    case.is_open(S::RevokedNoPoe);
    // A certificate that says that nothing can be known.
    let no_rev_avail = vec![usage(0xC0), ext("2.5.29.56", false, tlv(5, []))];
    let world = World::of(&Differently { signer_extensions: Some(no_rev_avail), ..Default::default() });
    world.case().crls(Vec::new()).passes();
}

#[test]
fn freshness_is_counted_from_when_the_evidence_was_made() {
    let world = world();
    let within = |seconds: i64| policy("slide-to", &format!("freshness = {seconds}\nslide-to"));
    // Made on the 21st, asked about on the 22nd.
    let mut case = world.case();
    case.policy = within(DAY);
    case.passes();
    case.policy = within(DAY - 1);
    let outcome = case.is_open(S::TryLater);
    assert_eq!(outcome.try_again_at, Some(day(NOW) - 1));
    // nextUpdate passed, but the policy takes it.
    let mut case = world.case().crls(world.lists(["20261101", "20261110"], &[]));
    case.is_open(S::TryLater);
    case.policy = within(30 * DAY);
    case.passes();
    // An answer instead of a list.
    let mut case = world.case().crls(Vec::new());
    case.ocsp = vec![world.answer(day(NOW) - 60, None)];
    let outcome = case.passes();
    assert_eq!(outcome.material.revocation[0].kind, ObjectKind::Ocsp);
    assert_eq!(outcome.material.revocation[0].origin, Origin::Outside);
    case.policy = within(30);
    case.is_open(S::TryLater);
}

#[test]
fn an_expired_certificate_is_told_from_one_known_not_to_be_revoked() {
    let until =
        |until| World::of(&Differently { signer: Some(["20260101000000Z", until]), ..Default::default() });
    let world = until("20261110000000Z");
    let good = world.lists(["20261101", "20261108"], &[]);
    world.case().crls(good).is_open(S::OutOfBoundsNotRevoked);
    // What was made after it ran out may have forgotten it (RFC 5280 §3.3).
    world.case().is_open(S::OutOfBoundsNoPoe);
    world.case().crls(Vec::new()).is_open(S::OutOfBoundsNoPoe);
    world
        .case()
        .crls(world.lists(["20261101", "20261108"], &[(SIGNER, "20261101", 1)]))
        .is_open(S::RevokedNoPoe);
    let future = World::of(&Differently {
        signer: Some(["20270101000000Z", "20280101000000Z"]),
        ..Default::default()
    });
    future.case().is_open(S::OutOfBoundsNoPoe);
    let authority = World::of(&Differently {
        authority: Some(["20200101000000Z", "20261110000000Z"]),
        ..Default::default()
    });
    authority.case().is_open(S::OutOfBoundsNoPoe);
}

#[test]
fn an_algorithm_that_has_ended_or_never_began_is_refused_wherever_it_is_used() {
    let world = world();
    let ended = |from: &str, to: &str| world.case().policy(from, to);
    let ecdsa = "{ bits = 256, until = \"open\" }";
    // Everything here is ECDSA: the path is asked first.
    let outcome =
        ended(ecdsa, "{ bits = 256, until = 2026-11-22 }").is_open(S::CryptoConstraintsFailureNoPoe);
    assert!(outcome.reasons[0].contains("it ended on 2026-11-22"), "{:?}", outcome.reasons);
    assert!(outcome.material.algorithms.iter().any(|one| !one.secure));
    ended(ecdsa, "{ bits = 256, until = 2026-11-23 }").passes();
    ended("sha256 = \"open\"", "sha256 = 2026-11-22").is_open(S::CryptoConstraintsFailureNoPoe);
    // No end known: no proof of existence could help.
    ended("sha256 = \"open\"", "").is_open(S::CryptoConstraintsFailure);
    ended(ecdsa, "{ bits = 257, until = \"open\" }").is_open(S::CryptoConstraintsFailureNoPoe);
}

#[test]
fn a_digest_refused_by_name_is_weak_and_not_broken() {
    let world = world();
    let good = world.cms();
    // sha256 → sha1 in digestAlgorithms and in the SignerInfo: what it says about itself.
    let (sha256, sha1) = (seq(&[oid("2.16.840.1.101.3.4.2.1")]), seq(&[oid("1.3.14.3.2.26")]));
    let at = good.windows(sha256.len()).rposition(|window| window == sha256).unwrap();
    let info = [&good[..at], &sha1, &good[at + sha256.len()..]].concat();
    // Lengths of what encloses it shrink by four: read leniently by rebuilding is more than the test needs.
    assert!(SignedData::parse(&info, &Limits::default()).is_err());
    let cms = world.cms_with_digest(&sha1, &[&world.certificate]);
    let outcome = world.case_of(cms.clone()).is_open(S::CryptoConstraintsFailureNoPoe);
    assert!(outcome.reasons[0].contains("SHA-1"), "{:?}", outcome.reasons);
    // Nobody verified it: proofs that make up for the path's algorithms do not make up for that.
    let ended = ("{ bits = 256, until = \"open\" }", "{ bits = 256, until = 2026-11-24 }");
    let case = || world.case_of(cms.clone()).at("20261125").policy(ended.0, ended.1);
    case().archived("20261123").is_open(S::CryptoConstraintsFailureNoPoe);
    case().stamped("20261123").archived("20261123").is_open(S::CryptoConstraintsFailureNoPoe);
    case().content_stamped("20261123").is_open(S::CryptoConstraintsFailureNoPoe);
    let mut proven = world.case_of(cms.clone());
    proven = proven.content_stamped("20261120");
    proven.is_open(S::CryptoConstraintsFailure);
}

impl World {
    fn cms_with_digest(&self, digest: &[u8], certificates: &[&Certificate]) -> Vec<u8> {
        let info = seq(&[
            tlv(2, [1]),
            seq(&[self.certificate.issuer().der().to_vec(), tlv(2, self.certificate.serial())]),
            digest.to_vec(),
            self.signer.key.scheme().algorithm_identifier(),
            tlv(4, self.signer.key.sign(CONTENT).unwrap()),
        ]);
        let embedded: Vec<_> = certificates.iter().map(|one| one.der().to_vec()).collect();
        let data = seq(&[
            tlv(2, [1]),
            tlv(0x31, digest),
            seq(&[oid("1.2.840.113549.1.7.1")]),
            tlv(0xA0, embedded.concat()),
            tlv(0x31, info),
        ]);
        seq(&[oid("1.2.840.113549.1.7.2"), tlv(0xA0, data)])
    }
}

#[test]
fn attributes_and_signature_policies_are_held_against_the_policy() {
    let world = world();
    let bare = || world.case_of(world.cms_with(&[], &[&world.certificate]));
    bare().passes();
    let wanted = ("signing-certificate = false", "signing-certificate = true");
    bare().policy(wanted.0, wanted.1).is_open(S::SigConstraintsFailure);
    world.case().policy(wanted.0, wanted.1).passes();
    let listed = "signature-policies = \"ignored\"\nattributes = [\"1.2.840.113549.1.9.16.2.47\"]";
    bare().policy("signature-policies = \"ignored\"", listed).is_open(S::SigConstraintsFailure);
    world.case().policy("signature-policies = \"ignored\"", listed).passes();

    let attribute = |value: Vec<u8>| seq(&[oid("1.2.840.113549.1.9.16.2.15"), tlv(0x31, value)]);
    let hash = |digest: [u8; 32]| seq(&[seq(&[oid("2.16.840.1.101.3.4.2.1")]), tlv(4, digest)]);
    let under = |value: Vec<u8>| world.case_of(world.cms_with(&[attribute(value)], &[&world.certificate]));
    let named = |digest| seq(&[oid("1.2.3"), hash(digest)]);
    under(named([10; 32])).passes();
    let known = |case: Case<'_>, id: &str| {
        let text = include_str!("../../../../policies/signature-validation/default.toml")
            .replace("signature-policies = \"ignored\"", "signature-policies = \"known\"");
        let listed = format!("{text}\n[[signature-policy]]\nid = \"{id}\"\nsha256 = \"{}\"", "0a".repeat(32));
        cinnabar_pki::validation::SignaturePolicy::parse(&listed).map(|policy| {
            let mut case = Case { policy, ..case };
            case.at = day(NOW);
            case.run()
        })
    };
    let sub = |case, id: &str| known(case, id).unwrap().sub_indication;
    assert_eq!(sub(under(named([10; 32])), "1.2.3"), None);
    assert_eq!(sub(under(named([10; 32])), "1.2.4"), Some(S::SignaturePolicyNotAvailable));
    assert_eq!(sub(under(tlv(5, [])), "1.2.3"), Some(S::SignaturePolicyNotAvailable));
    assert_eq!(sub(under(named([11; 32])), "1.2.3"), Some(S::PolicyProcessingError));
    assert_eq!(sub(under(tlv(4, [1])), "1.2.3"), Some(S::PolicyProcessingError));
    assert_eq!(sub(bare(), "1.2.3"), None);
}

#[test]
fn verifications_are_bounded_and_what_is_not_looked_at_does_not_pass() {
    let world = world();
    // Leaf, authority, two lists.
    world.case().policy("signatures = 256", "signatures = 4").passes();
    let mut case = world.case().policy("signatures = 256", "signatures = 3");
    case.policy = case.policy.with_revocation(RevocationPolicy::IfAvailable, RevocationPolicy::IfAvailable);
    let outcome = case.is_open(S::CertificateChainGeneralFailure);
    assert!(outcome.reasons[0].contains("budget of 3"), "{:?}", outcome.reasons);
    let mut case = world.case().policy("signatures = 256", "signatures = 8");
    for _ in 0..64 {
        case = case.stamped("20261121");
    }
    let outcome = case.run();
    let looked_at = outcome.timestamps.iter().filter(|one| one.proves).count();
    assert!(looked_at < 8, "{looked_at}");
    assert!(outcome.timestamps.iter().any(|one| one.reasons.concat().contains("budget")));
    // Forged lists by the hundred: not one of them may be the one that revokes.
    let stranger = Party::named(world.authority.name.clone());
    let forged = || Crl::from_der(stranger.list(["20261121", "20261130"], &[], &[]).der()).unwrap();
    let mut case = world.case().policy("signatures = 256", "signatures = 64");
    case.crls = (0..100).map(|_| forged()).chain(case.crls).collect();
    case.policy = case.policy.with_revocation(RevocationPolicy::IfAvailable, RevocationPolicy::IfAvailable);
    case.is_open(S::CertificateChainGeneralFailure);
    case.crls.truncate(20);
    case.passes();
}

#[test]
fn one_subject_that_costs_too_much_does_not_take_the_next_ones_steps() {
    let world = world();
    let case = world.case();
    let content = |algorithm: crypto::DigestAlgorithm| Ok::<_, Infallible>(algorithm.digest(CONTENT));
    let verification = case.data.verify(&[], content).unwrap();
    let subject = Subject::of_cms("signature", &case.data, &verification);
    let evidence = |crls: &[Crl]| {
        let mut evidence = Evidence::new(&case.anchors);
        evidence.add_certificates(case.data.certificates(), Origin::Signature);
        evidence.add_crls(crls, Origin::Store);
        evidence
    };
    // Four verifications: one path and its two lists, for however many signatures.
    let policy = policy("signatures = 256", "signatures = 4");
    let mut validator = Validator::new(&policy, case.at);
    let known = evidence(&case.crls);
    for _ in 0..100 {
        let outcome = validator.signature(&subject, &known, &mut Poes::new());
        assert_eq!(outcome.indication, Indication::TotalPassed);
    }
    assert!(!validator.is_exhausted());
    let other = World::of(&Differently::default());
    let unknown = evidence(&other.lists(["20261121", "20261130"], &[]));
    let outcome = validator.signature(&subject, &unknown, &mut Poes::new());
    assert_eq!(outcome.indication, Indication::Indeterminate);
    assert!(validator.is_exhausted());
    assert_eq!(validator.signature(&subject, &known, &mut Poes::new()).indication, Indication::TotalPassed);
    assert!(validator.is_exhausted(), "something was not looked at");
}
