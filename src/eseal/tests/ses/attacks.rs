//! Forgeries: whatever is put together from genuine parts does not hold.

use cinnabar_eseal::{
    Makers, NewSeal, Report, Seal, Signers, Trust,
    verify::{Outcome, StepName, Verdict},
};
use crypto::{DigestAlgorithm, Signer as _};
use pki::{
    Indication, SubIndication,
    validation::{Evidence, Origin},
};

use crate::{forge::*, parts::*, world::*};

#[track_caller]
fn fails(report: &Report, step: StepName, sub: SubIndication) {
    assert_eq!(report.verdict, Verdict::Invalid, "{:?}", report.steps);
    assert_eq!(report.step(step).unwrap().outcome, Outcome::Failed, "{:?}", report.steps);
    assert_ne!(report.indication, Indication::TotalPassed);
    assert_eq!(report.sub_indication, Some(sub));
    let (zh, en) = report.reasons().next().expect("a reason");
    assert!(!zh.is_empty() && !en.is_empty());
}

/// Every other step of the report holds.
#[track_caller]
fn alone(report: &Report, step: StepName) {
    let others = report.steps.iter().filter(|other| other.name != step);
    for other in others {
        assert!(matches!(other.outcome, Outcome::Passed | Outcome::Warned), "{other:?}");
    }
}

#[test]
fn a_signer_that_the_seal_does_not_list() {
    for suite in SUITES {
        let world = World::new(suite);
        // A genuine seal of the same authority, somebody else's certificate and key.
        let mut parts = SignatureParts::new(&world, world.seal().der().to_vec());
        parts.cert = octets(world.other_certificate.der());
        let to_sign = parts.to_sign();
        let value = bits(&world.other.key.sign(&to_sign).unwrap());
        let der = seq(&[to_sign, parts.cert.clone(), parts.algorithm.clone(), value]);
        let report = world.verify(&der);
        fails(&report, StepName::SignerListed, SubIndication::FormatFailure);
        alone(&report, StepName::SignerListed);
    }
}

#[test]
fn a_certificate_of_the_same_name_and_another_key() {
    for suite in SUITES {
        let world = World::new(suite);
        let twin = Party { key: key(suite.key), name: world.signer.name.clone(), ..Party::new("twin") };
        let certificate = world.authority.certify_with(&twin, &[SIGNER], &[usage(0xC0)]);
        let mut parts = SignatureParts::new(&world, world.seal().der().to_vec());
        parts.cert = octets(certificate.der());
        let to_sign = parts.to_sign();
        let value = bits(&twin.key.sign(&to_sign).unwrap());
        let der = seq(&[to_sign, parts.cert.clone(), parts.algorithm.clone(), value]);
        let report = world.verify(&der);
        fails(&report, StepName::SignerListed, SubIndication::FormatFailure);
    }
}

#[test]
fn another_certificate_for_the_signers_own_key() {
    for suite in SUITES {
        let world = World::new(suite);
        // Not signed over in version 4: it can be exchanged, and only the list tells.
        let renewed = world.authority.certify_with(&world.signer, &[77], &[usage(0xC0)]);
        let mut parts = SignatureParts::new(&world, world.seal().der().to_vec());
        parts.cert = octets(renewed.der());
        let report = world.verify(&parts.signed(&world));
        fails(&report, StepName::SignerListed, SubIndication::FormatFailure);
        alone(&report, StepName::SignerListed);
    }
}

#[test]
fn a_seal_that_its_owner_made_himself() {
    for suite in SUITES {
        let world = World::new(suite);
        // The owner's certificate may sign documents, and he signs a seal with it: any name, any picture.
        let new = NewSeal { name: "中华人民共和国国务院".to_owned(), ..world.new_seal() };
        let der = new.sign(&*world.signer.key, world.certificate.der()).unwrap();
        let seal = Seal::parse(&der).unwrap().value;
        let signature = SignatureParts::new(&world, der).signed(&world);
        let report = world.verify(&signature);
        fails(&report, StepName::MakerCertificate, SubIndication::ChainConstraintsFailure);
        alone(&report, StepName::MakerCertificate);
        assert_eq!(world.verify_seal(seal.der(), NOW).verdict, Verdict::Invalid);
        // Nor where every maker under the anchor counts.
        let mut evidence = Evidence::new(&world.anchors);
        evidence.add_certificates([&world.authority_certificate], Origin::Outside);
        let trust = Trust::new(&evidence, &world.policy, Makers::Anyone);
        let signature = cinnabar_eseal::Signature::parse(&signature).unwrap();
        let report = cinnabar_eseal::verify(&signature, &content, &trust, NOW);
        fails(&report, StepName::MakerCertificate, SubIndication::ChainConstraintsFailure);
    }
}

#[test]
fn a_maker_without_the_key_usage_or_without_a_path() {
    for suite in SUITES {
        let mut world = World::new(suite);
        let encipherment = world.authority.certify_with(&world.maker, &[MAKER], &[usage(0x30)]);
        world.makers = vec![encipherment.clone()];
        let mut parts = SealParts::new(&world);
        parts.cert = octets(encipherment.der());
        let report = world.verify(&SignatureParts::new(&world, parts.signed(&world)).signed(&world));
        fails(&report, StepName::MakerCertificate, SubIndication::ChainConstraintsFailure);
        // Known by key and name, but certified by nobody that is trusted.
        let by_itself = world.maker.certify(&world.maker, &[usage(0xC0)]);
        parts.cert = octets(by_itself.der());
        let report = world.verify(&SignatureParts::new(&world, parts.signed(&world)).signed(&world));
        assert_eq!(report.verdict, Verdict::Undecided);
        assert_eq!(report.sub_indication, Some(SubIndication::NoCertificateChainFound));
    }
}

#[test]
fn a_picture_from_another_seal() {
    for suite in SUITES {
        let world = World::new(suite);
        let parts = SealParts::new(&world);
        let genuine = parts.signed(&world);
        let mut swapped = parts.clone();
        swapped.picture[1] = octets(b"\x89PNG\r\n\x1A\n, of another seal");
        // The maker's signature of the genuine seal around the other picture.
        let start = genuine.len() - fields_of(&genuine) + parts.info().len();
        let forged = seq(&[swapped.info(), genuine[start..].to_vec()]);
        let report = world.verify_seal(&forged, NOW);
        fails(&report, StepName::MakerSignature, SubIndication::SigCryptoFailure);
        // The signer signs it all the same.
        let report = world.verify(&SignatureParts::new(&world, forged).signed(&world));
        fails(&report, StepName::MakerSignature, SubIndication::SigCryptoFailure);
        alone(&report, StepName::MakerSignature);
    }
}

/// The length of a SEQUENCE's content.
fn fields_of(element: &[u8]) -> usize {
    match element[1] {
        short @ 0..0x80 => usize::from(short),
        long => element.len() - 2 - usize::from(long & 0x7F),
    }
}

#[test]
fn a_signature_over_another_to_sign() {
    for suite in SUITES {
        let world = World::new(suite);
        let seal = world.seal().der().to_vec();
        let genuine = SignatureParts::new(&world, seal.clone());
        let value = bits(&world.signer.key.sign(&genuine.to_sign()).unwrap());
        let around = |parts: &SignatureParts| {
            seq(&[parts.to_sign(), parts.cert.clone(), parts.algorithm.clone(), value.clone()])
        };
        assert!(world.verify(&around(&genuine)).is_valid());
        let changes: [fn(&mut SignatureParts, &World); 5] = [
            |parts, _| parts.time = generalized("20261119000000Z"),
            |parts, _| parts.property = ia5("/Doc_1/Signs/Sign_0/Signature.xml"),
            |parts, _| parts.version = int(5),
            |parts, world| {
                let other = NewSeal { name: "另一枚印章".to_owned(), ..world.new_seal() };
                parts.seal = world.made(&other).der().to_vec();
            },
            |parts, _| parts.extensions = tlv(0xA0, seq(&[seq(&[oid("1.2.3.4"), octets(b"v")])])),
        ];
        for change in changes {
            let mut other = genuine.clone();
            change(&mut other, &world);
            let report = world.verify(&around(&other));
            fails(&report, StepName::SignatureValue, SubIndication::SigCryptoFailure);
        }
        // The digest exchanged for that of another document, which is handed in.
        let mut other = genuine.clone();
        other.hash = bits(&suite.digest.digest(b"another document"));
        let signature = cinnabar_eseal::Signature::parse(&around(&other)).unwrap();
        let content = |algorithm: DigestAlgorithm| Some(algorithm.digest(b"another document"));
        let report = world.with_trust(|trust| cinnabar_eseal::verify(&signature, &content, trust, NOW));
        fails(&report, StepName::SignatureValue, SubIndication::SigCryptoFailure);
        assert_eq!(report.step(StepName::ContentDigest).unwrap().outcome, Outcome::Passed);
    }
}

#[test]
fn one_versions_signature_in_the_other_versions_structure() {
    for suite in SUITES {
        let world = World::new(suite);
        // A maker's signature over eSealInfo alone (V4), dressed as V1, whatever the header says; and the other way round.
        for header in [1, 4, 5] {
            for old in [false, true] {
                let mut parts = if old { SealParts::old(&world) } else { SealParts::new(&world) };
                parts.header[1] = int(header);
                let info = parts.info();
                let signed = match old {
                    true => seq(&[info.clone(), parts.cert.clone(), parts.algorithm.clone()]),
                    false => info.clone(),
                };
                let value = bits(&world.maker.key.sign(&signed).unwrap());
                let (cert, algorithm) = (parts.cert.clone(), parts.algorithm.clone());
                let forged = match old {
                    true => seq(&[info, cert, algorithm, value]),
                    false => seq(&[info, seq(&[cert, algorithm, value])]),
                };
                let report = world.verify_seal(&forged, NOW);
                fails(&report, StepName::MakerSignature, SubIndication::SigCryptoFailure);
            }
        }
        // A signature's toSign of one version is no toSign of the other: they have other fields.
        let new = SignatureParts::new(&world, world.seal().der().to_vec());
        let value = bits(&world.signer.key.sign(&new.to_sign()).unwrap());
        assert!(cinnabar_eseal::Signature::parse(&seq(&[new.to_sign(), value.clone()])).is_err());
        let old = SignatureParts::old(&world, SealParts::old(&world).signed(&world));
        let der = seq(&[old.to_sign(), old.cert.clone(), old.algorithm.clone(), value]);
        assert!(cinnabar_eseal::Signature::parse(&der).is_err());
    }
}

#[test]
fn digests_under_a_type_that_is_not_theirs() {
    for suite in SUITES {
        let world = World::new(suite);
        let certificate = world.certificate.der();
        let listed = |members: &[(&str, Vec<u8>)]| {
            let mut parts = SealParts::new(&world);
            parts.list_type = int(2);
            let members: Vec<_> =
                members.iter().map(|(kind, value)| seq(&[tlv(0x13, kind), octets(value)])).collect();
            parts.list = seq(&members);
            world.verify(&SignatureParts::new(&world, parts.signed(&world)).signed(&world))
        };
        let sha256 = || DigestAlgorithm::Sha256.digest(certificate);
        let sm3 = || DigestAlgorithm::Sm3.digest(certificate);
        let of_other = || DigestAlgorithm::Sm3.digest(world.other_certificate.der());
        assert!(listed(&[("SM3", sm3())]).is_valid());
        assert!(listed(&[("SM3", of_other()), ("SHA-256", sha256())]).is_valid());
        let forgeries: [&[(&str, Vec<u8>)]; 7] = [
            &[("SM3", sha256())],
            &[("SHA-256", sm3())],
            // Two of one type, neither of them the signer's.
            &[("SM3", of_other()), ("SM3", sha256())],
            &[("SHA-1", crypto::sha1_identifier(certificate).to_vec())],
            &[("custom", crypto::sha1_identifier(certificate).to_vec())],
            &[("custom", sm3()[..16].to_vec())],
            &[("SM3", vec![]), ("", vec![])],
        ];
        for members in forgeries {
            let report = listed(members);
            fails(&report, StepName::SignerListed, SubIndication::FormatFailure);
        }
    }
}

#[test]
fn an_empty_list_lists_nobody() {
    for suite in SUITES {
        let world = World::new(suite);
        for list in [seq(&[]), seq(&[octets([])])] {
            let mut parts = SealParts::new(&world);
            parts.list = list;
            let report = world.verify(&SignatureParts::new(&world, parts.signed(&world)).signed(&world));
            fails(&report, StepName::SignerListed, SubIndication::FormatFailure);
        }
    }
}

#[test]
fn a_signature_of_the_other_suite_or_by_the_other_algorithm() {
    let [international, shangmi] = SUITES.map(World::new);
    // The seal of one suite, algorithm identifiers exchanged.
    let mut parts = SignatureParts::new(&shangmi, shangmi.seal().der().to_vec());
    parts.algorithm = oid("1.2.840.10045.4.3.2");
    let report = shangmi.verify(&parts.signed(&shangmi));
    assert_ne!(report.verdict, Verdict::Valid);
    assert_ne!(report.indication, Indication::TotalPassed);
    let mut parts = SignatureParts::new(&international, international.seal().der().to_vec());
    parts.algorithm = oid("1.2.156.10197.1.501");
    let report = international.verify(&parts.signed(&international));
    fails(&report, StepName::SignatureValue, SubIndication::FormatFailure);
    // SHA-1 proves nothing.
    parts.algorithm = oid("1.2.840.10045.4.1");
    let report = international.verify(&parts.signed(&international));
    assert_eq!(report.verdict, Verdict::Undecided);
    assert_eq!(report.sub_indication, Some(SubIndication::CryptoConstraintsFailureNoPoe));
}

#[test]
fn several_signers_may_use_a_seal_and_each_is_known_by_his_own_key() {
    for suite in SUITES {
        let world = World::new(suite);
        let both = vec![world.certificate.der().to_vec(), world.other_certificate.der().to_vec()];
        let seal = world.made(&NewSeal { signers: Signers::Certificates(both), ..world.new_seal() });
        // The one signs, the other's certificate is put beside it.
        let mut parts = SignatureParts::new(&world, seal.der().to_vec());
        parts.cert = octets(world.other_certificate.der());
        let report = world.verify(&parts.signed(&world));
        fails(&report, StepName::SignatureValue, SubIndication::SigCryptoFailure);
    }
}
