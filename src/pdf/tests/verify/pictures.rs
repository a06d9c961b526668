//! What the page shows of a seal is compared with the seal's picture: what is drawn counts, and what that costs does not
//! change what is said of the signatures.

use std::fmt::Write as _;

use cinnabar_pdf::syntax::Limits;
use cinnabar_pdf::verify::{Options, Report, SealReport, SignatureContainer, Verdict, verify};

use super::containers::{Small, encoded};
use super::later::{Later, SIGNATURE, signed_by_hand_with};
use super::people::options;
use super::support::{Writer, one_page};

/// Samples in grey of what [`super::containers::bar`] draws, `scale` times as large, as an image.
fn image(w: &mut Writer, number: u32, wide: usize, scale: usize) {
    let size = 60 * scale;
    let pixel = |at: usize| {
        let (x, y) = (at % size / scale, at / size / scale);
        let edge = x < 4 || y < 4 || x >= 56 || y >= 56;
        if edge || ((20..40).contains(&y) && x < wide) { 60 } else { 255 }
    };
    let samples: Vec<u8> = (0..size * size).map(pixel).collect();
    let entries = format!(
        "/Type /XObject /Subtype /Image /Width {size} /Height {size} /ColorSpace /DeviceGray /BitsPerComponent 8"
    );
    w.stream(number, &entries, &samples);
}

/// A page, the genuine picture as object 30, another as 31, a form that draws what 30 holds as 32, one that lists it and
/// draws the other as 33.
fn page(scale: usize) -> Vec<u8> {
    let mut w = one_page();
    image(&mut w, 30, 50, scale);
    image(&mut w, 31, 10, scale);
    let form =
        "/Type /XObject /Subtype /Form /BBox [0 0 1 1] /Resources << /XObject << /X 30 0 R /Y 31 0 R >> >>";
    w.stream(32, form, b"/X Do").stream(33, form, b"/Y Do").table("/Size 34 /Root 1 0 R");
    w.bytes
}

const RESOURCES: &str = "/Resources << /XObject << /A 30 0 R /B 31 0 R /F 32 0 R /G 33 0 R >> >>";

fn sealed(bytes: &[u8], name: &str, look: &str, word: &str) -> Vec<u8> {
    let widget = format!("/Rect [20 20 120 120] /T ({name})");
    signed_by_hand_with(bytes, &widget, (RESOURCES, look), SIGNATURE, &|data| encoded(word, data))
}

fn judged(file: &[u8], limits: &Limits) -> Report {
    let small = Small::default();
    let containers: [&dyn SignatureContainer; 1] = [&small];
    verify(&file, &Options { containers: &containers, ..options() }, limits).unwrap()
}

fn shown(report: &Report) -> Vec<Option<bool>> {
    let picture = |seal: &SealReport| seal.picture.as_ref().unwrap().shown;
    report.signatures.iter().map(|signature| picture(signature.seal.as_ref().unwrap())).collect()
}

#[test]
fn only_pictures_that_are_drawn_count() {
    for (look, expected) in [
        ("q 10 0 0 10 0 0 cm /A Do Q", Some(true)),
        ("q 10 0 0 10 0 0 cm /B Do Q", Some(false)),
        ("/F Do", Some(true)),
        ("/G Do", Some(false)),
        ("/A Do /B Do", Some(false)),
        ("0 0 10 10 re f", None),
        ("/A Do /Unknown Do", None),
        ("/A Do BI /W 1 /H 1 /BPC 8 /CS /G ID x EI", None),
        ("/OC /Hidden BDC /A Do EMC", None),
    ] {
        let report = judged(&sealed(&page(1), "s", look, "seal-picture-50"), &Limits::default());
        assert_eq!((report.verdict, shown(&report)), (Verdict::Valid, vec![expected]), "{look}");
    }
}

#[test]
fn many_signatures_that_share_a_large_picture_are_judged_as_without() {
    let all = |word: &str| (0..8).fold(page(20), |file, at| sealed(&file, &format!("s{at}"), "/A Do", word));
    let limits = Limits { scanned_bytes: 6 << 20, inflated_total: 6 << 20, ..Limits::default() };
    let (without, with) = (judged(&all("seal"), &limits), judged(&all("seal-picture-50"), &limits));
    assert_eq!(with.verdict, without.verdict);
    assert_eq!(shown(&with), [Some(true); 8], "and it is read once");
}

#[test]
fn more_pictures_than_are_compared_are_not_known_and_change_nothing() {
    let mut later = Later::than(&page(1));
    let mut listed = String::new();
    for number in 40..60 {
        image(&mut later.w, number, 50, 1);
        let _ = write!(listed, "/I{number} {number} 0 R ");
    }
    later.next = 60;
    let file = later.finish();
    let look: String = (40..60).map(|number| format!("/I{number} Do ")).collect();
    let resources = format!("/Resources << /XObject << {listed}>> >>");
    let file =
        signed_by_hand_with(&file, "/Rect [20 20 120 120] /T (s)", (&resources, &look), SIGNATURE, &|data| {
            encoded("seal-picture-50", data)
        });
    let report = judged(&file, &Limits::default());
    assert_eq!((report.verdict, shown(&report)), (Verdict::Valid, vec![None]));
}
