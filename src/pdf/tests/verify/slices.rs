//! Signature fields of many widgets (骑缝章 of a later signature): harmless when whole, and no way in.

use cinnabar_pdf::appearance::{Paging, Placement};
use cinnabar_pdf::sign::SignatureRequest;
use cinnabar_pdf::verify::{Class, Verdict};

use super::later::{Later, assert_allowed, assert_forbidden};
use super::people::{invisible, people, report, signed, visible};
use super::support::Writer;

/// Two pages, signed invisibly: the catalog is object 1, the pages are 3 and 4, a text field is 5.
fn signed_pages() -> Vec<u8> {
    let mut w = Writer::new();
    w.object(1, "<< /Type /Catalog /Pages 2 0 R /AcroForm 6 0 R >>")
        .object(2, "<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 /MediaBox [0 0 595 842] >>")
        .object(3, "<< /Type /Page /Parent 2 0 R /Annots [5 0 R] >>")
        .object(4, "<< /Type /Page /Parent 2 0 R >>")
        .object(5, "<< /Type /Annot /Subtype /Widget /P 3 0 R /FT /Tx /T (name) /Rect [10 10 100 30] >>")
        .object(6, "<< /Fields [5 0 R] >>")
        .table("/Size 7 /Root 1 0 R");
    signed(&w.bytes, &invisible(), &people().seal)
}

fn split() -> SignatureRequest {
    let mut request = visible(20.0);
    if let Some(appearance) = &mut request.appearance {
        appearance.placement = Placement::Paging(Paging::new(20.0, 20.0));
    }
    request
}

/// The second signature with some octets of its slices replaced: it breaks, and what matters is what is
/// said about the first.
fn tampered(from: &str, to: &str) -> Vec<u8> {
    let first = signed_pages();
    let mut whole = signed(&first, &split(), &people().other);
    assert_eq!(from.len(), to.len());
    let places: Vec<usize> = memchr::memmem::find_iter(&whole[first.len()..], from.as_bytes()).collect();
    assert!(!places.is_empty(), "{from} does not occur");
    for at in places {
        whole[first.len() + at..first.len() + at + to.len()].copy_from_slice(to.as_bytes());
    }
    whole
}

fn assert_told(bytes: &[u8], reason: &str) {
    let report = report(bytes);
    assert_eq!((report.verdict, report.exit_code()), (Verdict::Invalid, 3));
    let first = &report.signatures[0];
    assert!(first.changes.contains(&Class::Other), "{:?}", first.changes);
    assert!(first.reasons.iter().any(|told| told.contains(reason)), "{:?}", first.reasons);
}

/// The number after a key in the slices of an honest second signature.
fn number_after(key: &str) -> String {
    let first = signed_pages();
    let whole = signed(&first, &split(), &people().other);
    let tail = String::from_utf8_lossy(&whole[first.len()..]).into_owned();
    tail.split(key).nth(1).unwrap().split(' ').next().unwrap().to_owned()
}

#[test]
fn a_later_seal_over_the_edges_is_a_signature_and_nothing_else() {
    let whole = signed(&signed_pages(), &split(), &people().other);
    assert_allowed(&whole, &[Class::Signature]);
}

#[test]
fn a_slice_that_names_another_signature_is_told() {
    let (_, value) = Later::than(&signed_pages()).seal();
    let own = number_after("/FT/Sig/V ");
    let other = format!("{value:0width$}", width = own.len());
    assert_told(
        &tampered(&format!("/FT/Sig/V {own} 0 R"), &format!("/FT/Sig/V {other} 0 R")),
        "another value",
    );
}

#[test]
fn a_slice_below_another_field_is_told() {
    let (field, _) = Later::than(&signed_pages()).seal();
    let own = number_after("]/Parent ");
    let other = format!("{field:0width$}", width = own.len());
    assert_told(
        &tampered(&format!("]/Parent {own} 0 R"), &format!("]/Parent {other} 0 R")),
        "another parent",
    );
}

#[test]
fn a_slice_with_an_action_or_of_another_kind_is_told() {
    assert_told(&tampered("/FT/Sig/V ", "/AA<<>>/V "), "entry /AA");
    assert_told(&tampered("/FT/Sig/V ", "/FT/Btn/V "), "was added");
}

#[test]
fn a_slice_added_to_an_older_signature_is_told() {
    let whole = signed(&signed_pages(), &split(), &people().other);
    let mut later = Later::than(&whole);
    let (field, value) = later.seal();
    let fresh = later.next;
    let kids = super::later::show(later.get(field).get(b"Kids").unwrap());
    later.set(field, "Kids", &kids.replace(']', &format!(" {fresh} 0 R]")));
    later.w.object(
        fresh,
        &format!("<< /Type /Annot /Subtype /Widget /Parent {field} 0 R /FT /Sig /V {value} 0 R /P 3 0 R /F 4 /Rect [0 0 595 842] >>"),
    );
    let annotations = super::later::show(later.get(3).get(b"Annots").unwrap());
    later.set(3, "Annots", &annotations.replace(']', &format!(" {fresh} 0 R]")));
    assert_told(&later.finish(), "was added");
}

#[test]
fn a_field_that_takes_an_older_widget_is_told() {
    let mut later = Later::than(&signed_pages());
    let fresh = later.next;
    let fields = super::later::show(later.get(6).get(b"Fields").unwrap());
    later.set(6, "Fields", &fields.replace(']', &format!(" {fresh} 0 R]")));
    later.w.object(fresh, &format!("<< /FT /Sig /T (slices) /Kids [5 0 R {} 0 R] >>", fresh + 1));
    later.w.object(
        fresh + 1,
        &format!("<< /Type /Annot /Subtype /Widget /Parent {fresh} 0 R /P 4 0 R /F 4 /Rect [0 0 9 9] >>"),
    );
    later.set(4, "Annots", &format!("[{} 0 R]", fresh + 1));
    assert_eq!(report(&later.finish()).verdict, Verdict::Invalid);
}

#[test]
fn slices_nobody_signed_are_pictures_over_the_pages() {
    let mut later = Later::than(&signed_pages());
    let fresh = later.next;
    let fields = super::later::show(later.get(6).get(b"Fields").unwrap());
    later.set(6, "Fields", &fields.replace(']', &format!(" {fresh} 0 R]")));
    later.w.object(fresh, &format!("<< /FT /Sig /T (slices) /Kids [{} 0 R] >>", fresh + 1));
    later.w.object(
        fresh + 1,
        &format!("<< /Type /Annot /Subtype /Widget /Parent {fresh} 0 R /P 4 0 R /F 4 /Rect [0 0 595 842] >>"),
    );
    later.set(4, "Annots", &format!("[{} 0 R]", fresh + 1));
    // An empty place to sign, but one that covers its page.
    assert_forbidden(&later.finish(), &[Class::Signature, Class::Annotation]);
}

#[test]
fn stamps_taken_off_or_changed_after_signing_are_told() {
    let mut w = Writer::new();
    w.object(1, "<< /Type /Catalog /Pages 2 0 R >>")
        .object(2, "<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 /MediaBox [0 0 595 842] >>")
        .object(3, "<< /Type /Page /Parent 2 0 R >>")
        .object(4, "<< /Type /Page /Parent 2 0 R >>")
        .table("/Size 5 /Root 1 0 R");
    let whole = signed(&w.bytes, &split(), &people().seal);
    let mut later = Later::than(&whole);
    let stamp = later.get(4).get(b"Annots").unwrap().as_array().unwrap()[0].as_reference().unwrap();
    later.set(4, "Annots", "[]");
    assert_forbidden(&later.finish(), &[Class::Annotation]);
    let mut later = Later::than(&whole);
    later.set(stamp.number, "Rect", "[0 0 595 842]");
    assert_forbidden(&later.finish(), &[Class::Annotation]);
}
