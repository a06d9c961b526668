//! Long lists and many fields cost what they hold: where each entry was looked for among all others, these
//! took minutes. That they end is what is shown.

use cinnabar_pdf::verify::{Class, Verdict};

use super::later::{Later, assert_allowed, form_page, signed_form};
use super::people::{invisible, people, report, signed};

const MANY: u32 = 40_000;

#[test]
fn lists_of_annotations_are_compared_in_one_go() {
    let run = |entry: &str| entry.repeat(MANY as usize);
    let spelled = |numbers: &mut dyn Iterator<Item = u32>| {
        numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(" ")
    };
    for (before, after) in [
        (run("1 "), run("2 ")),
        (spelled(&mut (0..MANY)), spelled(&mut (0..MANY).rev())),
        (spelled(&mut (0..MANY)), spelled(&mut (MANY..2 * MANY))),
    ] {
        let mut w = form_page("", "");
        w.object(3, "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Annots 20 0 R >>")
            .object(20, &format!("[{before}]"))
            .table("/Size 21 /Root 1 0 R");
        let mut later = Later::than(&signed(&w.bytes, &invisible(), &people().seal));
        later.w.object(20, &format!("[{after}]"));
        let report = report(&later.finish());
        assert_eq!(report.verdict, Verdict::Invalid);
        assert!(report.signatures[0].changes.contains(&Class::Other));
    }
}

#[test]
fn many_fields_are_looked_at_one_by_one() {
    let many = 12_000;
    let mut w = form_page("", "");
    let kids: String = (100..100 + many).map(|number| format!("{number} 0 R ")).collect();
    for number in 100..100 + many {
        w.object(number, &format!("<< /Type /Annot /Subtype /Widget /FT /Tx /T (f{number}) /V (1) /Rect [0 0 90 20] /AP << /N 30 0 R >> >>"));
    }
    w.object(5, &format!("<< /Fields [6 0 R 7 0 R 8 0 R 9 0 R {kids}] /DR << /Font << /F1 13 0 R >> >> >>"))
        .stream(
            30,
            "/Type /XObject /Subtype /Form /BBox [0 0 90 20] /Resources << /Font << /F1 13 0 R >> >>",
            b"/Tx BMC BT /F1 9 Tf (1) Tj ET EMC",
        )
        .table(&format!("/Size {} /Root 1 0 R", 100 + many));
    let signed = signed(&w.bytes, &invisible(), &people().seal);
    let mut later = Later::than(&signed);
    later.set(5, "NeedAppearances", "true");
    assert_allowed(&later.finish(), &[Class::Form]);
}

#[test]
fn honest_lists_still_say_what_changed() {
    let mut later = Later::than(&signed_form());
    later.set(3, "Annots", "[7 0 R 6 0 R 8 0 R 9 0 R]");
    let report = report(&later.finish());
    assert!(
        report.signatures[0]
            .reasons
            .iter()
            .any(|reason| reason.contains("off its page") || reason.contains("another order"))
    );
}
