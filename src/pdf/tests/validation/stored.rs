//! Validation material inside the document: where it may stand, and that it counts from everywhere.

use cinnabar_pdf::syntax::Limits;
use cinnabar_pdf::verify::{Level, Options, Report, Verdict, verify};

use super::cast::{DAY, SIGNED, cast, clean_lists};
use super::forge::{Cms, archival, other_revocation_info};
use super::paper::Paper;

fn judged(paper: &Paper, at: i64) -> Report {
    verify(&paper.bytes, &Options::new(&cast().anchors, at), &Limits::default()).unwrap()
}

fn valid(paper: &Paper) -> Report {
    let report = judged(paper, SIGNED + DAY);
    assert_eq!(report.verdict, Verdict::Valid, "{report:#?}");
    report
}

#[test]
fn lists_of_the_store_count() {
    let cast = cast();
    let [root, ca] = clean_lists(SIGNED);
    let signed = Paper::new().sign(SIGNED, &Cms::new(&cast.seal, &[&cast.ca]));
    assert_eq!(judged(&signed, SIGNED + DAY).verdict, Verdict::Undecided);
    assert_eq!(valid(&signed.store(&[], &[&root, &ca], &[])).signatures[0].level, Level::BB);
}

#[test]
fn responses_of_the_store_count() {
    let cast = cast();
    let [root, _] = clean_lists(SIGNED);
    let answer = cast.responder.ocsp(&cast.ca, &cast.seal, [SIGNED, SIGNED + 2 * DAY], None);
    let signed = Paper::new().sign(SIGNED, &Cms::new(&cast.seal, &[]));
    valid(&signed.store(&[&cast.ca], &[&root], &[&answer]));
}

#[test]
fn what_only_a_vri_entry_names_counts() {
    let cast = cast();
    let [root, _] = clean_lists(SIGNED);
    let answer = cast.responder.ocsp(&cast.ca, &cast.seal, [SIGNED, SIGNED + 2 * DAY], None);
    let signed = Paper::new().sign(SIGNED, &Cms::new(&cast.seal, &[]));
    valid(&signed.store_in_vri(&cast.ca, &root, &answer));
}

#[test]
fn revocation_information_inside_the_cms_counts() {
    let cast = cast();
    let [root, ca] = clean_lists(SIGNED);
    let answer = cast.responder.ocsp(&cast.ca, &cast.seal, [SIGNED, SIGNED + 2 * DAY], None);
    let plain = Cms::new(&cast.seal, &[&cast.ca]);
    for (crls, attributes) in [
        (vec![root.clone(), ca.clone()], vec![]),
        (vec![root.clone(), other_revocation_info(&answer)], vec![]),
        (vec![], vec![archival(&[root.clone(), ca.clone()], &[])]),
        (vec![], vec![archival(std::slice::from_ref(&root), std::slice::from_ref(&answer))]),
    ] {
        valid(&Paper::new().sign(SIGNED, &Cms { crls, attributes, ..plain.clone() }));
    }
}
