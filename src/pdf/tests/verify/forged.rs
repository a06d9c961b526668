//! Forged signatures that take more than one file to tell: the attacks themselves are made in
//! `support/attacks`.

use cinnabar_pdf::verify::{Coverage, Integrity, Verdict};

use super::later::{Later, signed_page};
use super::made::Forgery;
use super::people::report;

#[test]
fn the_small_signer_itself_is_sound() {
    let report = report(&Forgery::none().make());
    assert_eq!(report.verdict, Verdict::Valid);
    assert_eq!(report.signatures[0].coverage, Coverage::File);
}

#[test]
fn every_covered_octet_counts() {
    let bytes = signed_page();
    let gap = report(&bytes).signatures[0].byte_range.unwrap();
    for at in (0..bytes.len()).step_by(97).filter(|at| !(gap[1]..gap[2]).contains(&(*at as u64))) {
        let mut forged = bytes.clone();
        forged[at] ^= 1;
        let verdict = cinnabar_pdf::verify::verify(
            &forged,
            &super::people::options(),
            &cinnabar_pdf::syntax::Limits::default(),
        );
        if let Ok(report) = verdict {
            assert_ne!(report.verdict, Verdict::Valid, "octet {at}");
            assert_ne!(report.verdict, Verdict::TimestampOnly, "octet {at}");
        }
    }
}

#[test]
fn a_range_that_ends_inside_a_revision_is_partial() {
    let sound = Forgery::none().make();
    let [_, _, end, tail] = report(&sound).signatures[0].byte_range.unwrap();
    assert_eq!(end + tail, sound.len() as u64);
    let mut longer = sound;
    let mut later = Later::than(&longer);
    later.w.object(50, "(late)");
    longer = later.finish();
    // The range now says that it covers half of the second revision.
    let text = format!("{tail:08}");
    let at = memchr::memmem::find(&longer, text.as_bytes()).unwrap();
    longer.splice(at..at + 8, format!("{:08}", tail + 10).bytes());
    let report = report(&longer);
    assert_eq!((report.verdict, report.exit_code()), (Verdict::Invalid, 3));
    assert_eq!(report.signatures[0].integrity, Integrity::Broken);
    assert_eq!(report.signatures[0].coverage, Coverage::Partial);
    assert!(!report.signatures[0].not_covered.is_empty());
}
