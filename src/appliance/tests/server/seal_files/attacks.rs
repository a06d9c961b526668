//! Forged and misplaced seals.

use pdf::verify::{Integrity, Trust, Verdict};
use pki::path::{Anchor, Constraints};

use super::*;
use crate::forge::{Party, purposes, usage};
use crate::world::SUITES;

#[test]
fn a_signer_whom_the_seal_does_not_list_is_refused_even_under_the_same_name() {
    for suite in SUITES {
        let world = World::new(suite);
        let seal = world.seal();
        let stranger = Forged {
            by: &world.other,
            certificate: &world.other_certificate,
            ..Forged::honest(&world, &seal)
        };
        // The same name, from the same authority, another key.
        let namesake = Party { key: crate::world::key(suite.key), ..Party::named(world.signer.name.clone()) };
        let certificate =
            world.authority.certify_with(&namesake, &[77], &[usage(0xC0), purposes(&["1.3.6.1.5.5.7.3.36"])]);
        assert_eq!(certificate.subject(), world.certificate.subject());
        let twin = Forged { by: &namesake, certificate: &certificate, ..Forged::honest(&world, &seal) };
        // And the same key in another certificate of the same name.
        let renewed = world.authority.certify_with(
            &world.signer,
            &[78],
            &[usage(0xC0), purposes(&["1.3.6.1.5.5.7.3.36"])],
        );
        let again = Forged { certificate: &renewed, ..Forged::honest(&world, &seal) };
        for (what, forged) in [("stranger", stranger), ("namesake", twin), ("another certificate", again)] {
            let report = Judge::of(&world).pdf(&sealed(&forged));
            let signature = one(&report);
            assert_eq!((report.exit_code(), signature.integrity), (3, Integrity::Broken), "{what}");
            assert_eq!(outcome(signature, "signer-listed"), Outcome::Failed, "{what}");
            assert_eq!(outcome(signature, "signature-value"), Outcome::Passed, "{what}");
        }
    }
}

#[test]
fn a_seal_by_itself_signs_no_document() {
    for suite in SUITES {
        let world = World::new(suite);
        let seal = world.seal();
        // Whoever was ever sent a sealed document has the seal, and nothing more than that.
        let lifted = Pasted(&world, &|_| seal.der().to_vec());
        for container in [GM_SEAL, CMS] {
            let file = appended(&pdf(1, 0), container, &lifted);
            let report = Judge::of(&world).pdf(&file);
            let signature = one(&report);
            assert_eq!((report.exit_code(), signature.integrity), (3, Integrity::Broken), "{container:?}");
            assert_eq!(said(signature), (Indication::TotalFailed, Some(SubIndication::FormatFailure)));
            assert!(signature.signer.is_none(), "nobody signed");
        }
        // In a file of its own it stands for itself, as ever.
        assert_eq!(Judge::of(&world).plain(seal.der(), None).unwrap().verdict, Verdict::Valid);
    }
}

#[test]
fn a_certificate_shown_that_did_not_sign_is_noticed() {
    let world = World::new(SUITES[1]);
    let seal = world.seal();
    let shown = Forged { by: &world.other, ..Forged::honest(&world, &seal) };
    let report = Judge::of(&world).pdf(&sealed(&shown));
    assert_eq!((report.exit_code(), said(one(&report)).1), (3, Some(SubIndication::SigCryptoFailure)));
}

#[test]
fn what_was_signed_for_another_document_or_another_range_does_not_hold() {
    let world = World::new(SUITES[1]);
    let seal = world.seal();
    let honest = Forged::honest(&world, &seal);
    let elsewhere = honest.over(&world.suite.digest.digest(b"another document"));
    let pasted = Pasted(&world, &|_| elsewhere.clone());
    let report = Judge::of(&world).pdf(&sealed(&pasted));
    assert_eq!((report.exit_code(), said(one(&report)).1), (3, Some(SubIndication::HashFailure)));
    assert_eq!(outcome(one(&report), "content-digest"), Outcome::Failed);
    // dataHash by the wrong algorithm of the right length.
    let sha256 = honest.over(&DigestAlgorithm::Sha256.digest(b"whatever"));
    let report = Judge::of(&world).pdf(&sealed(&Pasted(&world, &|_| sha256.clone())));
    assert_eq!(report.exit_code(), 3);
    // A sound file whose range is widened afterwards.
    let file = sealed(&honest);
    let report = Judge::of(&world).pdf(&file);
    let [_, first, second, tail] = one(&report).byte_range.unwrap();
    for (from, to) in [(first, first - 2), (second, second + 2), (tail, tail - 1)] {
        let (old, new) = (from.to_string(), to.to_string());
        if old.len() != new.len() {
            continue;
        }
        let at = file.windows(10).rposition(|window| window == b"/ByteRange").unwrap();
        let within = file[at..].windows(old.len()).position(|window| window == old.as_bytes()).unwrap();
        let mut forged = file.clone();
        forged[at + within..at + within + old.len()].copy_from_slice(new.as_bytes());
        assert_eq!(Judge::of(&world).pdf(&forged).exit_code(), 3, "{from} {to}");
    }
}

/// Puts something else where a signature belongs.
pub(super) struct Pasted<'w>(pub &'w World, pub &'w dyn Fn(&[u8]) -> Vec<u8>);

impl CmsSigner for Pasted<'_> {
    fn digest_algorithm(&self) -> DigestAlgorithm {
        self.0.suite.digest
    }

    fn size_hint(&self) -> usize {
        16_000
    }

    fn sign(&self, digest: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        Ok((self.1)(digest))
    }
}

#[test]
fn a_seal_of_ones_own_making_does_not_count() {
    for suite in SUITES {
        let world = World::new(suite);
        // The signer makes a seal for himself, with the key and certificate he signs with.
        let own = world.new_seal().sign(&*world.signer.key, world.certificate.der()).unwrap();
        let own = Seal::parse(&own).unwrap().value;
        // And one for himself by another certificate of the same authority, which does not make seals.
        let others = world.new_seal().sign(&*world.other.key, world.other_certificate.der()).unwrap();
        let others = Seal::parse(&others).unwrap().value;
        let strangers = SealMakers { strangers: world.anchors.clone(), ..SealMakers::default() };
        for (seal, makers) in
            [(&own, Judge::of(&world).makers), (&others, Judge::of(&world).makers), (&own, strangers.clone())]
        {
            let file = sealed(&Forged::honest(&world, seal));
            let report = Judge { makers, ..Judge::of(&world) }.pdf(&file);
            let signature = one(&report);
            assert_eq!((report.exit_code(), signature.integrity), (4, Integrity::Intact));
            assert_ne!(signature.trust, Trust::Trusted);
            assert_eq!(outcome(signature, "maker-certificate"), Outcome::Failed);
        }
        // Under anchors of strangers a maker is whoever they certify.
        let file = sealed(&Forged::honest(&world, &world.seal()));
        let report = Judge { makers: strangers, ..Judge::of(&world) }.pdf(&file);
        assert_eq!(report.verdict, Verdict::Valid);
        // Nobody known, nobody trusted.
        let report = Judge { makers: SealMakers::default(), ..Judge::of(&world) }.pdf(&file);
        assert_eq!(report.exit_code(), 4);
    }
}

#[test]
fn a_path_that_only_looks_like_one_makes_nobody_a_maker() {
    for suite in SUITES {
        let (mut world, another) = (World::new(suite), World::new(suite));
        // We trust another house beside our own, and its makers make seals.
        let both = [world.anchors.anchors(), another.anchors.anchors()].concat();
        world.anchors = TrustAnchors::constrained(both);
        let makers = SealMakers {
            known: world.makers.clone(),
            strangers: another.anchors.clone(),
            ..SealMakers::default()
        };
        // An owner of ours makes a seal, and lays a certificate beside it that he wrote himself: our authority's name,
        // issued by what has the name of their root.
        let liar = Party { key: crate::world::key(suite.key), ..Party::new("root") };
        let shadow =
            Party { key: crate::world::key(suite.key), ..Party::named(world.authority.name.clone()) };
        let shadow = liar.certify_with(&shadow, &[2], &[crate::forge::ca(None), usage(6)]);
        let made = world.new_seal().sign(&*world.other.key, world.other_certificate.der()).unwrap();
        let made = Seal::parse(&made).unwrap().value;
        let more = vec![shadow, another.authority_certificate.clone()];
        let judge = Judge { makers: makers.clone(), more, ..Judge::of(&world) };
        let report = judge.pdf(&sealed(&Forged::honest(&world, &made)));
        assert_eq!((report.exit_code(), one(&report).integrity), (4, Integrity::Intact));
        assert_eq!(outcome(one(&report), "maker-certificate"), Outcome::Failed);
        assert_ne!(one(&report).trust, Trust::Trusted);
        // What they sealed is good, and what we did.
        let theirs = judge.pdf(&sealed(&Forged::honest(&another, &another.seal())));
        assert_eq!(theirs.verdict, Verdict::Valid, "{:?}", one(&theirs).reasons);
        let ours = judge.pdf(&sealed(&Forged::honest(&world, &world.seal())));
        assert_eq!(ours.verdict, Verdict::Valid, "{:?}", one(&ours).reasons);
    }
}

#[test]
fn whoever_is_trusted_for_something_else_makes_no_seals() {
    let world = World::new(SUITES[1]);
    let file = sealed(&Forged::honest(&world, &world.seal()));
    for (purpose, exit) in [
        ("1.3.6.1.5.5.7.3.8", 4),  // time-stamps
        ("1.3.6.1.5.5.7.3.1", 4),  // TLS servers
        ("1.3.6.1.5.5.7.3.36", 0), // documents
    ] {
        let limits = Constraints { purposes: vec![purpose.parse().unwrap()], ..Constraints::default() };
        let anchors = world.anchors.certificates().iter();
        let anchors = anchors.map(|anchor| Anchor::new(anchor.clone(), limits.clone())).collect();
        let makers = SealMakers { strangers: TrustAnchors::constrained(anchors), ..SealMakers::default() };
        let report = Judge { makers, ..Judge::of(&world) }.pdf(&file);
        assert_eq!(report.exit_code(), exit, "{purpose}: {:?}", one(&report).reasons);
    }
}

#[test]
fn while_nobody_has_said_who_makes_seals_nothing_is_valid() {
    let world = World::new(SUITES[0]);
    let makers = SealMakers { strangers: world.anchors.clone(), to_be_named: true, ..SealMakers::default() };
    let judge = Judge { makers, ..Judge::of(&world) };
    // An owner with two certificates makes a seal with the one for the other; it looks like any maker's.
    let made = world.new_seal().sign(&*world.other.key, world.other_certificate.der()).unwrap();
    let made = Seal::parse(&made).unwrap().value;
    for seal in [&made, &world.seal()] {
        for report in
            [judge.pdf(&sealed(&Forged::honest(&world, seal))), judge.plain(seal.der(), None).unwrap()]
        {
            let signature = one(&report);
            assert_eq!((report.exit_code(), signature.integrity), (4, Integrity::Intact));
            assert_eq!(said(signature), (Indication::Indeterminate, None));
            let steps = &seal_of(signature).steps;
            let step = steps.iter().find(|step| step.name == "maker-certificate").unwrap();
            assert_eq!(step.outcome, Outcome::Undecided);
            assert!(step.zh.contains("--seal-maker") && step.en.contains("--any-seal-maker"));
            assert!(signature.reasons.iter().any(|reason| reason.contains("--seal-maker")));
        }
    }
}

#[test]
fn a_maker_of_another_house_with_the_same_name_is_not_ours() {
    let world = World::new(SUITES[1]);
    let another = World::new(SUITES[1]);
    // Their seal, made out to our signer: same maker's name, another key.
    let new = eseal::NewSeal {
        signers: eseal::Signers::Certificates(vec![world.certificate.der().to_vec()]),
        ..another.new_seal()
    };
    let theirs = new.sign(&*another.maker.key, another.maker_certificate.der()).unwrap();
    let theirs = Seal::parse(&theirs).unwrap().value;
    let report = Judge::of(&world).pdf(&sealed(&Forged::honest(&world, &theirs)));
    assert_eq!(report.exit_code(), 4);
    assert_eq!(outcome(one(&report), "maker-certificate"), Outcome::Failed);
    // Our maker's certificate over what they signed.
    let mut forged = theirs.der().to_vec();
    let (old, new) = (another.maker_certificate.der(), world.maker_certificate.der());
    if old.len() == new.len() {
        let at = forged.windows(old.len()).position(|window| window == old).unwrap();
        forged.splice(at..at + old.len(), new.iter().copied());
        let seal = Seal::parse(&forged).unwrap().value;
        let report = Judge::of(&world).pdf(&sealed(&Forged::honest(&world, &seal)));
        assert_eq!((report.exit_code(), one(&report).integrity), (3, Integrity::Broken));
    }
}

#[test]
fn a_picture_swapped_inside_the_seal_breaks_it() {
    let world = World::new(SUITES[1]);
    let seal = world.seal();
    let mut der = seal.der().to_vec();
    let at = der.windows(8).position(|window| window == b"and the ").unwrap();
    der[at] ^= 0x20;
    let swapped = Seal::parse(&der).unwrap().value;
    let report = Judge::of(&world).pdf(&sealed(&Forged::honest(&world, &swapped)));
    assert_eq!((report.exit_code(), one(&report).integrity), (3, Integrity::Broken));
    assert_eq!(outcome(one(&report), "maker-signature"), Outcome::Failed);
}

#[test]
fn deviations_are_told_and_break_nothing() {
    for suite in SUITES {
        let world = World::new(suite);
        let seal = world.seal();
        let report = Judge::of(&world).pdf(&sealed(&Forged { raw: true, ..Forged::honest(&world, &seal) }));
        assert_eq!(report.verdict, Verdict::Valid, "{:?}", one(&report).reasons);
        let told = seal_of(one(&report));
        assert_eq!(told.deviations.len(), 1, "{:?}", told.deviations);
        assert_eq!(told.deviations[0].name, "raw-signature");
        assert!(told.deviations[0].zh.contains("r‖s") && told.deviations[0].en.contains("r‖s"));
        assert_eq!(outcome(one(&report), "structure"), Outcome::Warned);
    }
}

#[test]
fn what_is_malformed_deep_or_huge_is_told_and_bounded() {
    let world = World::new(SUITES[1]);
    let seal = world.seal();
    let honest = Forged::honest(&world, &seal);
    let content = b"content";
    let sound = honest.over(&world.suite.digest.digest(content));
    let judge = Judge::of(&world);
    assert_eq!(judge.plain(&sound, Some(content)).unwrap().verdict, Verdict::Valid);
    for at in (0..sound.len()).step_by(7) {
        let cut = judge.plain(&sound[..at], Some(content));
        assert!(cut.map_or(true, |report| report.verdict != Verdict::Valid), "cut at {at}");
        let mut altered = sound.clone();
        altered[at] ^= 0x41;
        if let Ok(report) = judge.plain(&altered, Some(content)) {
            assert_ne!(report.verdict, Verdict::Valid, "octet {at}");
        }
    }
    // Depth: SEQUENCE in SEQUENCE, a hundred thousand times.
    let mut deep = Vec::new();
    for _ in 0..100_000 {
        deep.extend([0x30, 0x80]);
    }
    let file = [&sound[..60], &deep].concat();
    assert!(judge.plain(&file, Some(content)).is_err());
    // A list with more certificates than any seal has.
    let many = seq(&vec![tlv(4, [0x30, 0]); 200_000]);
    let start = [0x30, 0x84, 0x7F, 0xFF, 0xFF, 0xFF, 0x30, 0x84, 0x7F, 0xFF, 0xFF, 0xF0];
    assert!(judge.plain(&[&start[..], &many].concat(), None).is_err());
    // In a PDF the signature is broken, and the file too complex only where a budget was spent.
    for broken in [vec![0x30, 0], seq(&[vec![0x30, 0]]), sound[..sound.len() - 3].to_vec()] {
        let file = sealed(&Pasted(&world, &|_| broken.clone()));
        assert_eq!(judge.pdf(&file).exit_code(), 3);
    }
}
