//! §5.6: when certificates, lists and algorithms are all of the past, proofs of existence alone decide.

use cinnabar_pki::{
    Certificate, Crl, SubIndication as S,
    path::{Anchor, Constraints, TrustAnchors},
    validation::{
        Block, Evidence, ObjectKind, Origin, Poes, Process, ProofSource, Stamp, StampKind, Validator,
    },
};
use crypto::{DigestAlgorithm, KeyKind};

use crate::{forge::*, world::*};

/// Long after everything but the root has run out.
const LATER: &str = "20400601";

#[test]
fn a_signature_outlives_its_certificates_by_proofs_from_when_they_were_good() {
    let world = world();
    let case = || world.case().at(LATER);
    let outcome = case().archived("20261122").passes();
    assert_eq!(outcome.process, Process::Archival);
    assert_eq!(outcome.best_signature_time, day("20261122"));
    assert_eq!(outcome.best_signature_time_source, Some(ProofSource::DocumentTimestamp));
    let proofs = |kind| outcome.material.proofs.iter().filter(|one| one.kind == kind).count();
    assert_eq!(
        (proofs(ObjectKind::Signature), proofs(ObjectKind::Certificate), proofs(ObjectKind::Crl)),
        (1, 2, 2)
    );
    for block in [Block::TimeSliding, Block::PastCertificateValidation, Block::PastSignatureValidation] {
        assert!(
            outcome.steps.iter().any(|step| step.block == block && step.sub_indication.is_none()),
            "{block:?}"
        );
    }
    // No proofs; proofs from after the lists were fresh; from after the certificate ran out.
    let outcome = case().is_open(S::OutOfBoundsNoPoe);
    assert_eq!(outcome.process, Process::Basic);
    case().archived("20261201").is_open(S::OutOfBoundsNoPoe);
    case().archived("20280102").is_open(S::OutOfBoundsNoPoe);
    // The signature alone is proven, or everything but one list.
    let mut alone = case();
    alone.poes.add(&Poes::digest(alone.data.signature_value()), day("20261122"), ProofSource::Told);
    alone.is_open(S::OutOfBoundsNoPoe);
    let mut less = case().crls(world.lists(["20261121", "20261130"], &[])[..1].to_vec()).archived("20261122");
    less.crls = world.lists(["20261121", "20261130"], &[]);
    less.is_open(S::RevocationOutOfBoundsNoPoe);
    // Where the authority's own status is asked for, it slides the control time back to before the proofs.
    let required = ("authorities = \"if-available\"", "authorities = \"required\"");
    less.policy = policy(required.0, required.1);
    less.is_open(S::OutOfBoundsNoPoe);
    case().policy(required.0, required.1).archived("20261122").passes();
}

#[test]
fn a_signature_time_stamp_counts_by_proofs_when_its_unit_has_run_out() {
    let world = world();
    let case = || world.case().at(LATER).stamped("20261122");
    let outcome = case().archived("20261123").passes();
    assert_eq!(outcome.best_signature_time, day("20261122"));
    assert_eq!(outcome.timestamps[0].process, Process::Archival);
    assert!(outcome.timestamps[0].proves);
    assert!(!case().run().timestamps[0].proves);
    case().is_open(S::OutOfBoundsNoPoe);
}

#[test]
fn revocation_before_and_after_the_proofs() {
    let world = world();
    let revoked = |date: &str, archived: &str| {
        let lists = world.lists(["20261121", "20261130"], &[(SIGNER, date, 1)]);
        world.case().at(LATER).crls(lists).archived(archived)
    };
    revoked("20261120", "20261122").is_open(S::RevokedNoPoe);
    // A list of the time says when; the proof of the signature is older.
    let mut early = revoked("20261120", "20261122");
    let objects = [Poes::digest(early.data.signature_value()), *world.certificate.sha256_fingerprint()];
    let more = [*world.authority_certificate.sha256_fingerprint()];
    for object in objects.iter().chain(&more) {
        early.poes.add(object, day("20261119"), ProofSource::DocumentTimestamp);
    }
    early.passes();
    // Of an authority: what is known about the signer must be older than that.
    let of_authority = |date: &str| {
        let lists = world.lists(["20261121", "20261130"], &[(AUTHORITY, date, 2)]);
        let former = world.lists(["20261101", "20261125"], &[]);
        let mut case = world.case().at("20261124").crls(vec![former[1].clone()]).archived("20261105");
        case.crls = vec![lists[0].clone(), former[1].clone()];
        case
    };
    of_authority("20261110").passes();
    of_authority("20261104").is_open(S::RevokedCaNoPoe);
}

#[test]
fn the_end_of_an_algorithm_before_and_after_the_proofs() {
    let world = world();
    // Everything is ECDSA with P-256.
    let ended = || {
        let to = "{ bits = 256, until = 2026-11-24 }";
        world.case().at("20261125").policy("{ bits = 256, until = \"open\" }", to)
    };
    ended().is_open(S::CryptoConstraintsFailureNoPoe);
    let outcome = ended().archived("20261123").passes();
    assert_eq!(outcome.process, Process::Archival);
    ended().archived("20261124").is_open(S::CryptoConstraintsFailureNoPoe);
    // Of the signature alone.
    let other = World::of(&Differently { signer_key: Some(KeyKind::Ed25519), ..Default::default() });
    let case = || {
        let to = "eddsa = [{ bits = 255, until = 2026-11-24 }]";
        other.case().at(LATER).policy("eddsa = [{ bits = 255, until = \"open\" }]", to)
    };
    case().archived("20261123").passes();
    case().archived("20261124").is_open(S::CryptoConstraintsFailureNoPoe);
}

#[test]
fn how_far_stale_evidence_slides_is_the_policys_choice() {
    let world = world();
    // The list was made on the 21st, the proofs are of the 22nd: good until newer was due, or until it was made.
    let case = || world.case().at(LATER).archived("20261122");
    case().passes();
    let letter = ("slide-to = \"next-update\"", "slide-to = \"this-update\"");
    case().policy(letter.0, letter.1).is_open(S::OutOfBoundsNoPoe);
    // A list made after the signature was proven satisfies the letter.
    let mut case = case().policy(letter.0, letter.1);
    case.crls = world.lists(["20261123", "20261130"], &[]);
    case.poes = Poes::new();
    let mut case = case.archived("20261123");
    let signature = Poes::digest(case.data.signature_value());
    case.poes.add(&signature, day("20261122"), ProofSource::DocumentTimestamp);
    case.passes();
}

#[test]
fn whoever_signed_the_evidence_must_be_proven_valid_then() {
    // The authority ran out before anybody archived anything; the signature itself was time-stamped in time.
    let short = Differently { authority: Some(["20200101000000Z", "20261125000000Z"]), ..Default::default() };
    let world = World::of(&short);
    let later = world.lists(["20261210", "20261231"], &[]);
    let lists = world.lists(["20261121", "20261130"], &[]);
    let case = |archived: &str| {
        let mut case = world.case().at("20261220").stamped("20261122");
        case.crls = vec![later[0].clone(), lists[1].clone()];
        case.archived(archived)
    };
    case("20261124").passes();
    case("20261126").is_open(S::RevocationOutOfBoundsNoPoe);
}

#[test]
fn an_archive_policy_wants_proofs_even_while_everything_is_good() {
    let world = world();
    let policy = || cinnabar_pki::validation::SignaturePolicy::builtin("archive").unwrap().clone();
    let mut case = world.case();
    case.policy = policy();
    case.is_open(S::SigConstraintsFailure);
    let mut case = world.case().stamped("20261122").at("20261123");
    case.policy = policy();
    let outcome = case.passes();
    assert_eq!(outcome.process, Process::Archival);
    // Good at the proven time by lists of that time, which nobody archived.
    let mut case = world.case().crls(world.lists(["20261101", "20261110"], &[]));
    case.poes.add(&Poes::digest(case.data.signature_value()), day("20261109"), ProofSource::Told);
    case.passes();
    case.policy = policy();
    let outcome = case.is_open(S::NoPoe);
    assert_eq!(outcome.process, Process::Archival);
    case.archived("20261109").passes();
}

#[test]
fn an_anchor_after_its_sunset_is_good_for_what_existed_before() {
    let world = world();
    let constraints = Constraints { not_after: Some(day("20261125")), ..Constraints::default() };
    let anchors = TrustAnchors::constrained(vec![Anchor::new(world.anchor.clone(), constraints)]);
    let case = |archived: Option<&str>| {
        let mut case = world.case().at("20261128");
        case.anchors = anchors.clone();
        match archived {
            Some(date) => case.archived(date),
            None => case,
        }
    };
    case(None).is_open(S::NoCertificateChainFoundNoPoe);
    case(Some("20261124")).passes();
    case(Some("20261126")).is_open(S::NoCertificateChainFoundNoPoe);
}

#[test]
fn signed_too_early_is_final_in_the_past_too() {
    let young = Differently { signer: Some(["20261101000000Z", "20271231235959Z"]), ..Default::default() };
    let world = World::of(&young);
    let mut case = world.case().at(LATER).archived("20261122");
    case.poes.add(
        &Poes::digest(case.data.signature_value()),
        day("20261030"),
        ProofSource::DocumentTimestamp,
    );
    case.fails(S::NotYetValid);
}

#[test]
fn what_an_old_key_signs_later_does_not_speak_for_the_past() {
    // A signature that was time-stamped under a key of the forger's own; years later the key of an authority whose
    // certificate ran out is found, and makes a certificate of long ago that says no revocation information exists.
    let forged = vec![usage(0xC0), ext("2.5.29.56", false, tlv(5, []))];
    let differently = Differently {
        authority: Some(["20200101000000Z", "20301231235959Z"]),
        signer_extensions: Some(forged),
        ..Default::default()
    };
    let world = World::of(&differently);
    let archived = |certificate_known: &str| {
        let mut case =
            world.case().at("20350101").crls(world.lists(["20341220", "20350110"], &[])[..1].to_vec());
        let proofs = [
            (Poes::digest(case.data.signature_value()), "20261122"),
            (*world.authority_certificate.sha256_fingerprint(), "20261122"),
            (*world.certificate.sha256_fingerprint(), certificate_known),
        ];
        for (object, date) in proofs {
            case.poes.add(&object, day(date), ProofSource::DocumentTimestamp);
        }
        case
    };
    archived("20261122").passes();
    archived("20341231").is_open(S::OutOfBoundsNoPoe);

    // Its algorithm ended in 2028, and was broken: a list of 2026 turns up that nobody had seen by then.
    let world = World::of(&Differently::default());
    let ended = "{ bits = 256, until = 2028-06-01 }";
    let case = |list_known: &str| {
        let mut case =
            world.case().at(LATER).policy("{ bits = 256, until = \"open\" }", ended).archived("20261122");
        let list = world.authority.list(["20261120", "20261130"], &[], &[]);
        case.crls = vec![case.crls[0].clone(), list];
        let name = *case.crls[1].sha256_fingerprint();
        case.poes.add(&name, day(list_known), ProofSource::DocumentTimestamp);
        case
    };
    case("20261122").passes();
    case("20291201").is_open(S::OutOfBoundsNoPoe);
}

#[test]
fn an_older_reference_to_the_certificate_proves_nothing_about_it() {
    // signing-certificate names it by SHA-1, signing-certificate-v2 by SHA-256.
    let world = world();
    let reference = |kind: &str, digest: Vec<u8>| {
        let certificate = seq(&[tlv(4, digest)]);
        seq(&[oid(kind), tlv(0x31, seq(&[seq(&[certificate])]))])
    };
    let certificate = &world.certificate;
    let sha256 = DigestAlgorithm::Sha256.digest(certificate.der());
    let newer = reference("1.2.840.113549.1.9.16.2.47", sha256);
    let older = reference("1.2.840.113549.1.9.16.2.12", crypto::sha1_identifier(certificate.der()).to_vec());
    for (attribute, proven) in [(newer, true), (older, false)] {
        let mut case =
            Case::new(&world, world.cms_with(&[attribute], &[certificate])).at(LATER).stamped("20261122");
        // The time-stamp holds by proofs of its own.
        let token = Poes::digest(&case.stamps[0].octets);
        for object in
            [token, *world.unit_certificate.sha256_fingerprint(), *case.crls[0].sha256_fingerprint()]
        {
            case.poes.add(&object, day("20261123"), ProofSource::DocumentTimestamp);
        }
        let mut proofs = case.poes.clone();
        case.run_with(&mut proofs);
        assert_eq!(proofs.earliest(certificate.sha256_fingerprint()).is_some(), proven);
    }
}

#[test]
fn an_archive_is_renewed_before_its_time_stamps_run_out() {
    let world = world();
    // The first unit runs out in 2035; the second one lives on.
    let second = Party { validity: ["20300101000000Z", "20491231235959Z"], ..Party::new("second unit") };
    let stamping = ext("2.5.29.37", true, seq(&[oid("1.3.6.1.5.5.7.3.8")]));
    let second_certificate = world.root.certify_with(&second, &[9], &[usage(0x80), stamping]);
    let renewed = |date: &str| {
        let case = world.case().at(LATER);
        let first = world.token(b"document", day("20261122"));
        let last = world.token_by(&second, &second_certificate, b"document and first", day(date), 1000);
        let mut evidence = Evidence::new(&case.anchors);
        evidence.add_certificates(
            [&world.authority_certificate, &world.unit_certificate, &second_certificate],
            Origin::Store,
        );
        evidence.add_crls(&case.crls, Origin::Store);
        let current = world.lists(["20400525", "20400610"], &[]);
        let then = world.lists(["20341220", "20350110"], &[]);
        evidence.add_crls(&current, Origin::Outside);
        evidence.add_crls(&then, Origin::Store);
        let (over_first, over_last) = (first.over(b"document"), last.over(b"document and first"));
        let mut validator = Validator::new(&case.policy, case.at);
        let mut proofs = Poes::new();
        // Newest first: what it covers is the first token, and everything of the store.
        let newest = Stamp::verified("newest", StampKind::Document, &last.token, &last.octets, &over_last);
        let outcome = validator.time_stamp(&newest, &evidence, &proofs);
        assert!(outcome.proves, "{outcome:#?}");
        let mut covered = vec![Poes::digest(&first.octets)];
        let certificates = [&world.authority_certificate, &world.unit_certificate, &world.certificate];
        covered.extend(certificates.map(|one| *one.sha256_fingerprint()));
        covered.extend(then.iter().chain(&case.crls).map(|one| *one.sha256_fingerprint()));
        proofs.extract(&outcome, ProofSource::DocumentTimestamp, &covered);
        let oldest = Stamp::verified("oldest", StampKind::Document, &first.token, &first.octets, &over_first);
        let outcome = validator.time_stamp(&oldest, &evidence, &proofs);
        (outcome.proves, outcome.process, outcome.sub_indication)
    };
    assert_eq!(renewed("20350101"), (true, Process::Archival, None));
    // After the first unit had run out, and after its list was last fresh.
    assert_eq!(renewed("20360601"), (false, Process::Archival, Some(S::OutOfBoundsNotRevoked)));
}

#[test]
fn a_responder_of_long_ago_still_speaks_by_proofs_of_what_it_said() {
    let world = world();
    let case = |archived: &str| {
        let mut case = world.case().at(LATER);
        case.crls.truncate(1);
        case.ocsp = vec![world.answer_by_delegate(day("20261121"), day("20261128"))];
        case.archived(archived)
    };
    let outcome = case("20261122").passes();
    assert_eq!(outcome.material.revocation.iter().filter(|one| one.kind == ObjectKind::Ocsp).count(), 1);
    case("20261129").is_open(S::OutOfBoundsNoPoe);
    // The signature is of the time; the answer turns up after the responder had run out.
    let mut late = case("20261122");
    late.ocsp = vec![world.answer_by_delegate(day("20261121"), day("20261128"))];
    late.is_open(S::RevocationOutOfBoundsNoPoe);
}

#[test]
fn a_signature_made_after_its_authority_ran_out_is_not_of_its_time() {
    let differently =
        Differently { authority: Some(["20200101000000Z", "20261115000000Z"]), ..Default::default() };
    let world = World::of(&differently);
    let case = |signed: &str| {
        let mut case = world.case().at(LATER).crls(world.lists(["20261101", "20261130"], &[]));
        let certificates =
            [&world.certificate, &world.authority_certificate].map(Certificate::sha256_fingerprint);
        for object in case.crls.iter().map(Crl::sha256_fingerprint).chain(certificates) {
            case.poes.add(object, day("20261110"), ProofSource::DocumentTimestamp);
        }
        let signature = Poes::digest(case.data.signature_value());
        case.poes.add(&signature, day(signed), ProofSource::DocumentTimestamp);
        case
    };
    case("20261112").passes();
    case("20261116").is_open(S::OutOfBoundsNoPoe);
}

#[test]
fn a_revocation_that_time_sliding_leaves_out_is_not_forgotten() {
    let world = world();
    let required = ("authorities = \"if-available\"", "authorities = \"required\"");
    let case = |revoked: &str| {
        // What is known about the authority is old: the control time slides to before the newest list was made.
        let old = world.lists(["20261101", "20261115"], &[]).swap_remove(0);
        let good = world.lists(["20261101", "20261130"], &[]).swap_remove(1);
        let newest = world.lists(["20261120", "20261130"], &[(SIGNER, revoked, 1)]).swap_remove(1);
        let mut case = world.case().at("20261128").policy(required.0, required.1);
        case.crls = vec![old, good];
        case = case.archived("20261110");
        case.crls.push(newest);
        case
    };
    case("20261105").is_open(S::RevokedNoPoe);
    case("20261110").is_open(S::RevokedNoPoe);
    case("20261112").passes();
}
