//! 骑缝章: seals split over the edges of pages, as first and as later signature, judged by other programs.

use std::path::{Path, PathBuf};

use cinnabar_pdf::appearance::{
    AppearanceError, Edge, GeometryError, Paging, PagingError, Placement, SealAppearance, Sheets,
};
use cinnabar_pdf::sign::{PrepareError, SignError, SignatureRequest, sign};

use super::looks::{ink, with};
use super::peers::{assert_ours, assert_pdfsig, at, keys, pyhanko, qpdf_check, read, request, run, signed};
use super::render::{Rendered, assert_seal, renderings};

fn split(paging: Paging) -> SignatureRequest {
    request(Some(Placement::Paging(paging)))
}

fn save(folder: &Path, name: &str, whole: &[u8]) -> PathBuf {
    let file = folder.join(format!("{name}.pdf"));
    std::fs::write(&file, whole).unwrap();
    file
}

fn size_mm(page: &Rendered) -> (f64, f64) {
    let mm = |pixels: usize| f64::from(u32::try_from(pixels).unwrap()) * 25.4 / 100.0;
    (mm(page.width), mm(page.height))
}

/// The seal's quarters: red, green, blue, and the transparent one that shows the paper.
const QUARTERS: [[u8; 3]; 4] = [[220, 0, 0], [0, 160, 0], [0, 0, 220], [255, 255, 255]];

/// The slice in `place` shows the part of the seal from `from` to `to`, across or downwards.
fn assert_slice(page: &Rendered, what: &str, place: [f64; 4], across: bool, (from, to): (f64, f64)) {
    let [x, y, width, height] = place;
    for along in [0.15, 0.5, 0.85] {
        for other in [0.2, 0.8] {
            let part = from + along * (to - from);
            let (in_x, in_y) = if across { (part, other) } else { (other, part) };
            let wanted = QUARTERS[usize::from(in_x >= 0.5) + 2 * usize::from(in_y >= 0.5)];
            let (dx, dy) = if across { (along, other) } else { (other, along) };
            let seen = page.at_mm(x + dx * width, y + dy * height);
            let near = seen.iter().zip(wanted).all(|(a, b): (&u8, u8)| a.abs_diff(b) < 40);
            assert!(near, "{what}: {seen:?} instead of {wanted:?} at {in_x}, {in_y}");
        }
    }
}

#[test]
fn fanned_out_pages_show_the_whole_seal_at_each_edge() {
    let folder = tempfile::tempdir().unwrap();
    let part = 8.0;
    for edge in [Edge::Right, Edge::Left, Edge::Top, Edge::Bottom] {
        let across = matches!(edge, Edge::Right | Edge::Left);
        let (width_mm, height_mm) = if across { (4.0 * part, 20.0) } else { (20.0, 4.0 * part) };
        let wanted =
            Paging { edge, along_mm: Some(70.0), last_page: Some(4), ..Paging::new(width_mm, height_mm) };
        let (whole, _) = signed(&read("many-pages"), &split(wanted));
        let file = save(folder.path(), "split", &whole);
        for page in 1..=5 {
            for (renderer, rendered) in renderings(folder.path(), &file, page) {
                let what = format!("{edge:?} page {page} by {renderer}");
                let (width, height) = size_mm(&rendered);
                let place = match edge {
                    Edge::Right => [width - part, 70.0, part, 20.0],
                    Edge::Left => [0.0, 70.0, part, 20.0],
                    Edge::Top => [70.0, 0.0, 20.0, part],
                    Edge::Bottom => [70.0, height - part, 20.0, part],
                };
                if page == 5 {
                    assert!(!ink(&rendered, place), "{what}: a slice beyond the range");
                    continue;
                }
                // Pages that stick out further show what lies further out.
                let number = f64::from(match edge {
                    Edge::Right | Edge::Bottom => page - 1,
                    Edge::Left | Edge::Top => 4 - page,
                });
                assert_slice(&rendered, &what, place, across, (number / 4.0, (number + 1.0) / 4.0));
                let [x, y, ..] = place;
                let beside = if across { [place[0], y - 1.5, part, 1.0] } else { [x - 1.5, y, 1.0, part] };
                assert!(!ink(&rendered, beside), "{what}: ink beside the slice");
            }
        }
    }
}

#[test]
fn slices_stand_at_the_edge_of_rotated_and_cropped_pages_as_they_are_seen() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = Paging { along_mm: Some(2.0), ..Paging::new(32.0, 10.0) };
    let (whole, _) = signed(&read("rotated"), &split(wanted.clone()));
    let file = save(folder.path(), "rotated", &whole);
    for page in 1..=4 {
        for (renderer, rendered) in renderings(folder.path(), &file, page) {
            let place = [size_mm(&rendered).0 - 8.0, 2.0, 8.0, 10.0];
            let number = f64::from(page - 1);
            let what = format!("page {page} by {renderer}");
            assert_slice(&rendered, &what, place, true, (number / 4.0, (number + 1.0) / 4.0));
        }
    }
    assert_eq!(qpdf_check(&file).0, 0);
}

#[test]
fn one_signature_for_all_pages_that_every_program_takes() {
    let folder = tempfile::tempdir().unwrap();
    let placed = with(at(2, 100.0, 200.0, 20.0, 20.0), |appearance| {
        appearance.paging = Some(Paging { along_mm: Some(100.0), ..Paging::new(40.0, 40.0) });
    });
    let original = read("many-pages");
    let mut files = Vec::new();
    for (name, wanted) in [("split", split(Paging::new(40.0, 40.0))), ("placed", placed)] {
        let (whole, made) = signed(&original, &wanted);
        // 300 pages: one picture, twenty forms, and for each page an annotation and its own /Annots.
        assert!(made.tail.len() < 300 * 700 + 20_000, "{} octets", made.tail.len());
        assert_eq!(
            memchr::memmem::find_iter(&made.tail, b"/Subtype/Form").count(),
            20 + usize::from(name == "placed")
        );
        assert_eq!(memchr::memmem::find_iter(&made.tail, b"/Subtype/Widget").count(), 1);
        assert_ours(&whole, 1);
        let file = save(folder.path(), name, &whole);
        assert_pdfsig(&file, 1);
        assert_eq!(qpdf_check(&file).0, 0);
        files.push(file);
    }
    let verdicts = pyhanko(&files);
    assert_eq!(verdicts.len(), 2);
    for verdict in verdicts {
        assert_eq!(verdict["bottom_line"], true, "{verdict}");
        assert_eq!(verdict["coverage"], "ENTIRE_FILE", "{verdict}");
    }
    for (renderer, rendered) in renderings(folder.path(), &files[1], 2) {
        assert_seal(&rendered, renderer, [100.0, 200.0, 20.0, 20.0]);
        let place = [size_mm(&rendered).0 - 2.0, 100.0, 2.0, 40.0];
        assert_slice(&rendered, renderer, place, true, (0.05, 0.1));
    }
}

#[test]
fn a_later_signature_splits_its_seal_without_breaking_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    let (ours, _) = signed(&read("chromium"), &request(at(1, 20.0, 20.0, 20.0, 20.0)));
    let foreign = read("signed-pyhanko");
    let wanted = with(at(1, 20.0, 60.0, 20.0, 20.0), |appearance| {
        appearance.paging = Some(Paging { along_mm: Some(5.0), ..Paging::new(30.0, 12.0) });
    });
    for (name, original) in [("ours", ours), ("foreign", foreign)] {
        let (whole, made) = signed(&original, &wanted);
        // One field, whose widgets are the seal and its slices.
        assert!(memchr::memmem::find(&made.tail, b"/Subtype/Stamp").is_none());
        assert_eq!(memchr::memmem::find_iter(&made.tail, b"/Kids[").count(), 1);
        assert!(memchr::memmem::find_iter(&made.tail, b"/Parent ").count() > 1);
        if name == "ours" {
            assert_ours(&whole, 2);
        }
        let file = save(folder.path(), name, &whole);
        assert_eq!(qpdf_check(&file).0, 0);
        let (_, said) = run("pdfsig", &[&"-nocert", &file]);
        assert_eq!(said.matches("Signature is Valid").count(), said.matches("Signature #").count(), "{said}");
        // Both report the second once for each of its widgets; mupdf says of every signature that others
        // follow that there were edits.
        let (_, said) = run("mutool", &[&"sign", &"-v", &file]);
        let unchanged = said.matches("The document is unchanged since signing").count();
        let valid = unchanged + said.matches("The signature is valid but there have been edits").count();
        assert_eq!(valid, said.matches("Verifying signature").count(), "{said}");
        assert!(unchanged >= 3, "{said}");
        for (renderer, rendered) in renderings(folder.path(), &file, 1) {
            assert_seal(&rendered, renderer, [20.0, 60.0, 20.0, 20.0]);
        }
        for page in [1, 2] {
            for (renderer, rendered) in renderings(folder.path(), &file, page) {
                let width = size_mm(&rendered).0;
                assert!(ink(&rendered, [width - 4.0, 5.5, 3.0, 5.0]), "page {page} by {renderer}: no slice");
            }
        }
        files.push(file);
    }
    let verdicts = pyhanko(&files);
    for verdict in &verdicts {
        assert_eq!((&verdict["intact"], &verdict["valid"]), (&true.into(), &true.into()), "{verdict}");
        assert_eq!(verdict["docmdp_ok"], true, "{verdict}");
    }
    assert_eq!(verdicts.len(), 4, "two signatures in each: {verdicts:?}");
}

#[test]
fn a_third_seal_stands_beside_two_split_ones() {
    let original = read("many-pages");
    let first = Paging { along_mm: Some(40.0), last_page: Some(6), ..Paging::new(40.0, 40.0) };
    let second = Paging { along_mm: Some(100.0), ..first.clone() };
    let (one, _) = signed(&original, &split(first));
    let (two, _) = signed(&one, &split(second));
    let (three, _) = signed(&two, &request(at(3, 20.0, 240.0, 20.0, 20.0)));
    assert_ours(&three, 3);
    let folder = tempfile::tempdir().unwrap();
    let verdicts = pyhanko(&[save(folder.path(), "three", &three)]);
    assert_eq!(verdicts.len(), 3);
    for verdict in verdicts {
        assert_eq!(verdict["bottom_line"], true, "{verdict}");
    }
}

#[test]
fn what_cannot_be_split_is_refused_with_the_reason() {
    let refused =
        |name: &str, wanted: &SignatureRequest| match sign(&read(name).as_slice(), wanted, &keys().signer) {
            Err(SignError::Prepare(error)) => error,
            Ok(_) => panic!("signed"),
            Err(other) => panic!("{other:?}"),
        };
    let of = |paging: Paging| refused("rotated", &split(paging));
    assert!(matches!(
        refused("reportlab-single", &split(Paging::new(40.0, 40.0))),
        PrepareError::Appearance(AppearanceError::Paging(PagingError::TooFewPages { pages: 1 }))
    ));
    let sheets = of(Paging { sheets: Sheets::Odd, first_page: 2, ..Paging::new(40.0, 40.0) });
    assert!(matches!(
        sheets,
        PrepareError::Appearance(AppearanceError::Paging(PagingError::TooFewPages { .. }))
    ));
    let below = of(Paging { along_mm: Some(270.0), ..Paging::new(40.0, 40.0) });
    assert!(
        matches!(
            &below,
            PrepareError::Appearance(AppearanceError::Paging(PagingError::Page {
                page: 1,
                error: GeometryError::OffPage { .. }
            }))
        ),
        "{below}"
    );
    let twice = with(Some(Placement::Paging(Paging::new(40.0, 40.0))), |appearance: &mut SealAppearance| {
        appearance.paging = Some(Paging::new(40.0, 40.0));
    });
    assert!(matches!(refused("rotated", &twice), PrepareError::Appearance(AppearanceError::PagingTwice)));
}
