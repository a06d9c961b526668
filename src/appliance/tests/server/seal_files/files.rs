//! What is honest holds, in both suites, under every name and in every form of file.

use pdf::report::{About, Language, Simple, etsi};
use pdf::verify::{Format, Integrity, Kind, StateWord, ToldBy, Trust, Verdict};

use super::attacks::Pasted;
use super::*;
use crate::parts::{SealParts, SignatureParts, bits, ia5, int};
use crate::world::{CONTENT, SUITES};

#[test]
fn a_sealed_pdf_holds_in_both_suites_and_its_seal_is_told() {
    for suite in SUITES {
        let world = World::new(suite);
        let seal = world.seal();
        let report = Judge::of(&world).pdf(&sealed(&Forged::honest(&world, &seal)));
        let signature = one(&report);
        assert_eq!((report.verdict, report.exit_code()), (Verdict::Valid, 0), "{:?}", signature.reasons);
        assert_eq!((signature.kind, signature.integrity), (Kind::SesSignature, Integrity::Intact));
        assert_eq!(signature.trust, Trust::Trusted);
        assert_eq!(signature.signing_time.as_deref(), Some("2026-11-20T00:00:00Z"));
        let digest = signature.document_digest.as_ref().unwrap();
        assert_eq!(digest.algorithm, if suite.digest == DigestAlgorithm::Sm3 { "sm3" } else { "sha256" });
        let told = seal_of(signature);
        assert_eq!((told.id.as_str(), told.name.as_str()), ("37030000001721", "示例市行政审批局审批专用章"));
        assert_eq!((told.kind.number, told.kind.zh.as_str(), told.version), (6, "业务专用章", Some(4)));
        assert_eq!(told.maker.as_deref(), Some("CN=maker of seals"));
        assert_eq!(told.valid_from.as_deref(), Some("2026-06-01T00:00:00Z"));
        assert!(told.steps.iter().all(|step| step.outcome == Outcome::Passed), "{:?}", told.steps);
        let (then, now) = (told.then.as_ref().unwrap(), told.now.as_ref().unwrap());
        assert_eq!((then.word, then.told_by, now.word), (StateWord::Active, ToldBy::Seal, StateWord::Active));
        let about = About { name: "f.pdf", at: NOW, offset_minutes: 480, policy: "default" };
        let words: String = Simple::new(&report, &about)
            .lines(Language::Both)
            .into_iter()
            .map(|(_, line)| line + "\n")
            .collect();
        assert!(words.contains("电子签章 1") && words.contains("制章人签名验证通过"), "{words}");
        assert!(
            words.contains("示例市行政审批局审批专用章")
                && words.contains("the seal lists the signer's certificate")
        );
        assert!(etsi(&report, &about).contains("urn:cinnabar:validation:ses:signer-listed"));
    }
}

#[test]
fn whatever_the_field_calls_it_the_octets_decide() {
    let world = World::new(SUITES[1]);
    let seal = world.seal();
    for (filter, sub_filter) in [
        ("GM.PKILite", "GM.SM2"),
        ("DJ.GMPkiLite", "GM.sm2cms.detached"),
        ("Gomain.GMPkiLite", "GM.sm2seal"),
        ("Adobe.PPKLite", "adbe.pkcs7.detached"),
        ("Adobe.PPKLite", "ETSI.CAdES.detached"),
    ] {
        let file =
            appended(&pdf(1, 0), Container::Other { filter, sub_filter }, &Forged::honest(&world, &seal));
        let report = Judge::of(&world).pdf(&file);
        assert_eq!((report.verdict, one(&report).kind), (Verdict::Valid, Kind::SesSignature), "{sub_filter}");
    }
}

#[test]
fn every_version_of_the_structures_holds() {
    for suite in SUITES {
        let world = World::new(suite);
        for version in [1, 4, 5] {
            let new = SealParts::new(&world);
            let parts = match version {
                1 => SealParts::old(&world),
                number => SealParts { header: [ia5("ES"), int(number), ia5("Cinnabar")], ..new },
            };
            let seal = parts.signed(&world);
            let over = |digest: &[u8]| {
                let parts = match version {
                    1 => SignatureParts::old(&world, seal.clone()),
                    number => {
                        SignatureParts { version: int(number), ..SignatureParts::new(&world, seal.clone()) }
                    }
                };
                SignatureParts { hash: bits(digest), ..parts }.signed(&world)
            };
            let report = Judge::of(&world).pdf(&sealed(&Pasted(&world, &over)));
            let signature = one(&report);
            assert_eq!(report.verdict, Verdict::Valid, "{version}: {:?}", signature.reasons);
            let told = seal_of(signature);
            assert_eq!(
                (told.version, &told.deviations[..]),
                (Some(i64::from(version)), &[][..]),
                "{version}"
            );
            assert_eq!(told.kind.zh, if version == 1 { "单位印章" } else { "业务专用章" });
            let beside = Judge::of(&world).plain(&over(&world.digest()), Some(CONTENT)).unwrap();
            assert_eq!(beside.verdict, Verdict::Valid, "{version}");
            let alone = Judge::of(&world).plain(&seal, None).unwrap();
            assert_eq!((alone.verdict, alone.file.format), (Verdict::Valid, Format::Seal), "{version}");
        }
    }
}

#[test]
fn a_signature_beside_its_content_and_a_seal_are_files_of_their_own() {
    use base64::Engine as _;
    for suite in SUITES {
        let world = World::new(suite);
        let judge = Judge::of(&world);
        let der = world.signature();
        let text = base64::engine::general_purpose::STANDARD.encode(&der);
        for file in [
            &der[..],
            text.as_bytes(),
            format!("-----BEGIN CMS-----\n{text}\n-----END CMS-----\n").as_bytes(),
        ] {
            let report = judge.plain(file, Some(CONTENT)).unwrap();
            assert_eq!((report.verdict, report.file.format), (Verdict::Valid, Format::SesSignature));
            let other = judge.plain(file, Some(b"another")).unwrap();
            assert_eq!((other.exit_code(), said(one(&other)).1), (3, Some(SubIndication::HashFailure)));
        }
        let report = judge.plain(&der, None).unwrap();
        assert_eq!(report.exit_code(), 4);
        assert_eq!(said(one(&report)).1, Some(SubIndication::SignedDataNotFound));
        let seal = world.seal();
        let report = judge.plain(seal.der(), None).unwrap();
        assert_eq!((report.verdict, report.file.format), (Verdict::Valid, Format::Seal), "{report:?}");
        assert_eq!(one(&report).kind, Kind::Seal);
        assert_eq!(one(&report).signer.as_deref(), Some("CN=maker of seals"), "its maker vouches for it");
        assert!(seal_of(one(&report)).then.is_none() && seal_of(one(&report)).now.is_some());
    }
}

#[test]
fn a_seal_that_has_run_out_is_not_valid_any_more_and_one_that_was_altered_never() {
    let world = World::new(SUITES[1]);
    let seal = world.seal();
    let later = Judge { at: time("20300101000000"), ..Judge::of(&world) };
    let report = later.plain(seal.der(), None).unwrap();
    assert_ne!(report.verdict, Verdict::Valid);
    assert_eq!(seal_of(one(&report)).now.as_ref().unwrap().word, StateWord::Expired);
    let mut altered = seal.der().to_vec();
    let at = altered.windows(14).position(|window| window == b"37030000001721").unwrap();
    altered[at] = b'9';
    let report = Judge::of(&world).plain(&altered, None).unwrap();
    assert_eq!((report.exit_code(), one(&report).integrity), (3, Integrity::Broken));
    assert_eq!(outcome(one(&report), "maker-signature"), Outcome::Failed);
}

#[test]
fn two_seals_a_cms_and_what_came_after_are_judged_one_by_one() {
    let world = World::new(SUITES[1]);
    let seal = world.seal();
    let honest = Forged::honest(&world, &seal);
    let first = sealed(&honest);
    let second = appended(&first, GM_SEAL, &honest);
    let report = Judge::of(&world).pdf(&second);
    assert_eq!((report.verdict, report.signatures.len()), (Verdict::Valid, 2), "{report:?}");
    assert!(report.signatures.iter().all(|signature| signature.changes_allowed && signature.seal.is_some()));
    // A CMS by the same signer above it.
    let third = appended(&second, CMS, &cms_by(&world));
    let report = Judge::of(&world).pdf(&third);
    let kinds: Vec<_> = report.signatures.iter().map(|signature| signature.kind).collect();
    assert_eq!(kinds, [Kind::SesSignature, Kind::SesSignature, Kind::Signature]);
    assert_eq!(report.verdict, Verdict::Valid, "{report:?}");
    // What is added to the page afterwards breaks them all, whatever they are.
    let mut altered = third.clone();
    altered.extend_from_slice(&rotated(&third));
    let report = Judge::of(&world).pdf(&altered);
    assert_eq!(report.exit_code(), 3);
    assert!(report.signatures.iter().all(|signature| !signature.changes_allowed));
}

/// A revision that turns the first page.
pub(super) fn rotated(file: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(file);
    let previous: usize =
        text.rsplit("startxref").next().unwrap().split_whitespace().next().unwrap().parse().unwrap();
    let page = file.len();
    let body =
        "5 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Annots[3 0 R 4 0 R]/Rotate 90>>\nendobj\n";
    let table = page + body.len();
    format!(
        "{body}xref\n5 1\n{page:010} 00000 n \ntrailer\n<</Size 90/Root 1 0 R/Prev {previous}>>\nstartxref\n{table}\n%%EOF\n"
    )
    .into_bytes()
}
