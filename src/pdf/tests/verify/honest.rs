//! Honest files: nothing may be held against them.

use cinnabar_pdf::sign::DocMdp;
use cinnabar_pdf::syntax::Limits;
use cinnabar_pdf::verify::{Class, Coverage, Integrity, Kind, Level, Options, Trust, Verdict, verify};
use pki::path::{RevocationPolicy, TrustAnchors};

use super::people::{NOW, invisible, options, people, report, signed, visible};
use super::support::{Writer, one_page};

#[test]
fn a_fresh_signature_is_valid_and_covers_the_file() {
    for request in [invisible(), visible(20.0)] {
        let report = report(&signed(&one_page().bytes, &request, &people().seal));
        assert_eq!((report.verdict, report.exit_code()), (Verdict::Valid, 0));
        let [signature] = &report.signatures[..] else { panic!() };
        assert_eq!(signature.kind, Kind::Signature);
        assert_eq!(signature.integrity, Integrity::Intact);
        assert_eq!(signature.coverage, Coverage::File);
        assert_eq!(signature.trust, Trust::Trusted);
        assert_eq!(signature.level, Level::BB);
        assert!(
            signature.changes.is_empty() && signature.changes_allowed && signature.not_covered.is_empty()
        );
        assert_eq!(signature.signing_time.as_deref(), Some("2026-11-22T07:59:00+08:00"));
        assert!(signature.signer.as_deref().unwrap().contains("Approval Seal"));
        assert!(signature.reasons.is_empty());
    }
}

#[test]
fn further_signatures_leave_the_first_valid() {
    let mut bytes = one_page().bytes;
    for (x, person) in [(10.0, &people().seal), (40.0, &people().other), (70.0, &people().seal)] {
        bytes = signed(&bytes, &visible(x), person);
    }
    let report = report(&bytes);
    assert_eq!(report.verdict, Verdict::Valid);
    let coverage: Vec<_> = report.signatures.iter().map(|s| s.coverage).collect();
    assert_eq!(coverage, [Coverage::Revision, Coverage::Revision, Coverage::File]);
    assert_eq!(report.signatures[0].changes, [Class::Signature]);
    assert_eq!(report.signatures[2].changes, []);
    assert_eq!(report.file.revisions, 4);
}

#[test]
fn a_stream_file_signed_three_times_is_valid() {
    let mut w = Writer::new();
    w.object_stream(
        9,
        &[
            (1, "<< /Type /Catalog /Pages 2 0 R >>"),
            (2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"),
            (3, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"),
        ],
    );
    w.xref_stream(10, "/Size 11 /Root 1 0 R", &[(1, 9, 0), (2, 9, 1), (3, 9, 2)]);
    let mut bytes = w.bytes;
    for x in [10.0, 40.0, 70.0] {
        bytes = signed(&bytes, &visible(x), &people().seal);
    }
    assert_eq!(report(&bytes).verdict, Verdict::Valid);
}

#[test]
fn a_file_without_a_signature_says_so() {
    let report = report(&one_page().bytes);
    assert_eq!((report.verdict, report.exit_code()), (Verdict::NoSignature, 5));
}

#[test]
fn nothing_is_decided_without_an_anchor_or_a_revocation_list() {
    let bytes = signed(&one_page().bytes, &invisible(), &people().seal);
    let nobody = TrustAnchors::default();
    let untrusted = Options { anchors: &nobody, ..options() };
    let report = verify(&bytes, &untrusted, &Limits::default()).unwrap();
    assert_eq!((report.verdict, report.exit_code()), (Verdict::Undecided, 4));
    assert_eq!(report.signatures[0].sub_indication, Some(pki::SubIndication::NoCertificateChainFound));
    let no_list = Options::new(&people().anchors, NOW);
    assert_eq!(verify(&bytes, &no_list, &Limits::default()).unwrap().verdict, Verdict::Undecided);
    let waived =
        Options { revocation: RevocationPolicy::Waived, ca_revocation: RevocationPolicy::Waived, ..no_list };
    assert_eq!(verify(&bytes, &waived, &Limits::default()).unwrap().verdict, Verdict::Valid);
}

#[test]
fn a_revoked_signer_without_proof_of_existence_is_undecided() {
    let report = report(&signed(&one_page().bytes, &invisible(), &people().revoked));
    assert_eq!(report.exit_code(), 4);
    assert_eq!(report.signatures[0].sub_indication, Some(pki::SubIndication::RevokedNoPoe));
}

#[test]
fn a_certification_that_allows_signatures_allows_them() {
    let mut request = invisible();
    request.certify = Some(DocMdp::FormsAndSignatures);
    let bytes = signed(&one_page().bytes, &request, &people().seal);
    assert_eq!(report(&bytes).verdict, Verdict::Valid);
    let again = signed(&bytes, &invisible(), &people().other);
    assert_eq!(report(&again).verdict, Verdict::Valid);
}
