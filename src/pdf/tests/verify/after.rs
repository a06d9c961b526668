//! What happened after a signature: each class, allowed and forbidden, and the attacks that pose as one.

use cinnabar_pdf::sign::{DocMdp, SignatureRequest};
use cinnabar_pdf::verify::{Class, Integrity, Verdict};

use super::later::{
    Later, SIGNATURE, assert_allowed, assert_forbidden, cms_by, form_page, signed_by_hand, signed_form,
    signed_page,
};
use super::people::{invisible, people, report, signed, visible};
use super::support::one_page;

fn certified(level: DocMdp) -> Vec<u8> {
    let request = SignatureRequest { certify: Some(level), ..invisible() };
    signed(&form_page("", "").bytes, &request, &people().seal)
}

#[test]
fn filling_in_a_field_is_form() {
    let fill = |bytes: &[u8]| {
        let mut later = Later::than(bytes);
        later.set(6, "V", "(Zhang)");
        later.finish()
    };
    assert_allowed(&fill(&signed_form()), &[Class::Form]);
    assert_allowed(&fill(&certified(DocMdp::FormsAndSignatures)), &[Class::Form]);
    assert_forbidden(&fill(&certified(DocMdp::NoChanges)), &[Class::Form]);
}

#[test]
fn new_appearances_and_states_of_fields_are_form() {
    let mut later = Later::than(&signed_form());
    let fresh = later.next;
    let field = super::later::show(&cinnabar_pdf::syntax::Object::Dictionary(later.get(6)));
    later
        .w
        .object(6, &field.replace("/N 10 0 R", &format!("/N {fresh} 0 R")).replace("/FT", "/V (Zhang) /FT"));
    later.w.stream(
        fresh,
        "/Type /XObject /Subtype /Form /BBox [0 0 90 20] /Resources << /Font << /F1 13 0 R >> >>",
        b"/Tx BMC BT /F1 9 Tf (Zhang) Tj ET EMC",
    );
    later.w.object(
        8,
        &super::later::show(&cinnabar_pdf::syntax::Object::Dictionary(later.get(8)))
            .replace("/V /Off /AS /Off", "/V /Yes /AS /Yes"),
    );
    assert_allowed(&later.finish(), &[Class::Form]);
}

#[test]
fn an_appearance_rewritten_in_place_is_form_unless_a_page_draws_it_too() {
    let form = "/Type /XObject /Subtype /Form /BBox [0 0 90 20]";
    let mut later = Later::than(&signed_form());
    later.set(6, "V", "(Zhang)");
    later.w.stream(10, form, b"BT /F1 9 Tf (Zhang) Tj ET");
    assert_allowed(&later.finish(), &[Class::Form]);
    let mut later = Later::than(&signed_form());
    later.w.stream(12, form, b"(1000000) Tj");
    assert_forbidden(&later.finish(), &[Class::Other]);
}

#[test]
fn locked_fields_stay_as_they_are() {
    let lock = "/Lock << /Type /SigFieldLock /Action /Include /Fields [(amount)] >>";
    let request = SignatureRequest { field_name: Some("sign".into()), ..invisible() };
    let bytes = signed(&form_page(lock, "").bytes, &request, &people().seal);
    let mut later = Later::than(&bytes);
    later.set(6, "V", "(Zhang)");
    assert_allowed(&later.finish(), &[Class::Form]);
    let mut later = Later::than(&bytes);
    later.set(7, "V", "(1000000)");
    let locked = assert_forbidden(&later.finish(), &[Class::Form, Class::Other]);
    assert!(locked.signatures[0].reasons.iter().any(|reason| reason.contains("the signer locked it")));
    let all = signed(&form_page("/Lock << /Action /All /P 1 >>", "").bytes, &request, &people().seal);
    let mut later = Later::than(&all);
    later.set(6, "V", "(Zhang)");
    assert_forbidden(&later.finish(), &[Class::Form]);
}

#[test]
fn anything_of_a_field_but_its_value_is_other() {
    for (number, key, value) in [
        (6, "T", "(amount2)"),
        (6, "Rect", "[0 0 595 842]"),
        (6, "F", "2"),
        (6, "Ff", "8192"),
        (6, "DA", "(/F1 0 Tf 1 g)"),
        (6, "A", "<< /S /JavaScript /JS (app.alert\\(1\\)) >>"),
        (6, "AA", "<< /K << /S /JavaScript /JS (1) >> >>"),
        (6, "MaxLen", "3"),
        (6, "FT", "/Sig"),
        (7, "V", "4 0 R"),
        (5, "XFA", "(x)"),
        (5, "Fields", "[6 0 R 7 0 R 8 0 R]"),
    ] {
        let mut later = Later::than(&signed_form());
        later.set(number, key, value);
        let report = report(&later.finish());
        assert_eq!(report.verdict, Verdict::Invalid, "{key}");
        assert!(report.signatures[0].changes.contains(&Class::Other), "{key}");
    }
}

#[test]
fn annotations_need_a_certification_that_allows_them() {
    let annotate = |bytes: &[u8]| {
        let mut later = Later::than(bytes);
        let fresh = later.next;
        let annotations = super::later::show(later.get(3).get(b"Annots").unwrap());
        let longer = annotations.replace(']', &format!(" {fresh} 0 R]"));
        later.set(3, "Annots", &longer);
        later.w.object(fresh, "<< /Type /Annot /Subtype /FreeText /Rect [0 0 200 200] /Contents (pay 1000000) /DA (/F1 12 Tf) >>");
        later.finish()
    };
    assert_forbidden(&annotate(&signed_form()), &[Class::Annotation]);
    assert_forbidden(&annotate(&certified(DocMdp::FormsAndSignatures)), &[Class::Annotation]);
    let report = assert_allowed(&annotate(&certified(DocMdp::Annotations)), &[Class::Annotation]);
    assert!(report.signatures[0].reasons.iter().any(|reason| reason.contains("annotations")));
}

#[test]
fn an_annotation_with_an_action_is_other_even_where_annotations_are_allowed() {
    let mut later = Later::than(&certified(DocMdp::Annotations));
    let fresh = later.next;
    let annotations = super::later::show(later.get(3).get(b"Annots").unwrap());
    later.set(3, "Annots", &annotations.replace(']', &format!(" {fresh} 0 R]")));
    later.w.object(
        fresh,
        "<< /Type /Annot /Subtype /Link /Rect [0 0 200 200] /A << /S /JavaScript /JS (1) >> >>",
    );
    assert_forbidden(&later.finish(), &[Class::Annotation, Class::Other]);
}

#[test]
fn a_visible_signature_field_made_on_a_certified_document_is_not_allowed() {
    let bytes = certified(DocMdp::FormsAndSignatures);
    assert_allowed(&signed(&bytes, &invisible(), &people().other), &[Class::Signature]);
    // Our own signing refuses to make one.
    let sneak = |bytes: &[u8]| {
        signed_by_hand(bytes, "/Rect [20 20 120 120]", "(pay 1000000) Tj", SIGNATURE, &|data| {
            cms_by(&people().other, data)
        })
    };
    let sneaky = assert_forbidden(&sneak(&bytes), &[Class::Signature]);
    assert!(sneaky.signatures[0].reasons.iter().any(|reason| reason.contains("visible")));
    let annotations = certified(DocMdp::Annotations);
    let seen = assert_allowed(&sneak(&annotations), &[Class::Signature]);
    assert!(seen.signatures[0].reasons.iter().any(|reason| reason.contains("look at it")));
    let request = SignatureRequest { field_name: Some("sign".into()), ..visible(20.0) };
    let request = SignatureRequest {
        appearance: request.appearance.map(|a| cinnabar_pdf::appearance::SealAppearance {
            placement: cinnabar_pdf::appearance::Placement::Field,
            ..a
        }),
        ..request
    };
    assert_allowed(&signed(&bytes, &request, &people().other), &[Class::Signature]);
}

#[test]
fn an_unsigned_visible_signature_field_is_an_annotation() {
    let mut later = Later::than(&signed_form());
    let (field, look) = (later.next, later.next + 1);
    let annotations = super::later::show(later.get(3).get(b"Annots").unwrap());
    later.set(3, "Annots", &annotations.replace(']', &format!(" {field} 0 R]")));
    let fields = super::later::show(later.get(5).get(b"Fields").unwrap());
    later.set(5, "Fields", &fields.replace(']', &format!(" {field} 0 R]")));
    later.w.object(
        field,
        &format!(
            "<< /Type /Annot /Subtype /Widget /FT /Sig /T (x) /Rect [0 0 200 200] /AP << /N {look} 0 R >> >>"
        ),
    );
    later.w.stream(look, "/Subtype /Form /BBox [0 0 200 200]", b"(pay 1000000) Tj");
    assert_forbidden(&later.finish(), &[Class::Annotation]);
}

#[test]
fn validation_data_is_ltv_and_allowed_even_by_the_strictest_certification() {
    for bytes in [signed_form(), certified(DocMdp::NoChanges)] {
        let mut later = Later::than(&bytes);
        let (store, list, crl) = (later.next, later.next + 1, later.next + 2);
        later.set(1, "DSS", &format!("{store} 0 R"));
        later.w.object(store, &format!("<< /Type /DSS /CRLs {list} 0 R /Certs [] >>"));
        later.w.object(list, &format!("[{crl} 0 R]"));
        later.w.stream(crl, "", people().crls[0].der());
        let once = later.finish();
        assert_allowed(&once, &[Class::Ltv]);
        // Grown in place.
        let mut later = Later::than(&once);
        let more = later.next;
        later.w.object(list, &format!("[{crl} 0 R {more} 0 R]"));
        later.w.stream(more, "", people().crls[1].der());
        assert_allowed(&later.finish(), &[Class::Ltv]);
        // An old entry given other content.
        let mut later = Later::than(&once);
        later.w.stream(crl, "", b"BT (x) Tj ET");
        assert_forbidden(&later.finish(), &[Class::Ltv, Class::Other]);
    }
}

#[test]
fn a_store_whose_array_is_also_a_pages_content_cannot_grow() {
    let mut original = one_page();
    let crl = people().crls[0].der();
    original
        .object(1, "<< /Type /Catalog /Pages 2 0 R /DSS << /CRLs 6 0 R >> >>")
        .object(3, "<< /Type /Page /Parent 2 0 R /Contents 6 0 R >>")
        .object(6, "[7 0 R]")
        .stream(7, "", crl)
        .table("/Size 8 /Root 1 0 R");
    let mut later = Later::than(&signed(&original.bytes, &invisible(), &people().seal));
    let fresh = later.next;
    later.w.object(6, &format!("[7 0 R {fresh} 0 R]"));
    later.w.stream(fresh, "", b"BT (pay 1000000) Tj ET");
    let report = report(&later.finish());
    assert_eq!(report.verdict, Verdict::Invalid);
    assert!(report.signatures[0].changes.contains(&Class::Other));
}

#[test]
fn metadata_and_information_may_change() {
    let mut later = Later::than(&certified(DocMdp::NoChanges));
    let (metadata, info) = (later.next, later.next + 1);
    later.set(1, "Metadata", &format!("{metadata} 0 R"));
    later.w.stream(metadata, "/Type /Metadata /Subtype /XML", b"<x:xmpmeta/>");
    later.w.object(info, "<< /ModDate (D:20261122000000Z) >>");
    let trailer = later.trailer();
    later.w.table(&format!("{trailer} /Info {info} 0 R"));
    assert_allowed(&later.w.bytes, &[Class::Ltv]);
}

#[test]
fn changes_of_content_are_other() {
    let content = |later: &mut Later| {
        later.w.stream(4, "", b"BT (pay 1000000) Tj ET");
    };
    let font = |later: &mut Later| {
        later.w.object(13, "<< /Type /Font /Subtype /Type1 /BaseFont /Symbol >>");
    };
    let page = |later: &mut Later| {
        later.set(3, "Rotate", "180");
    };
    let resources = |later: &mut Later| {
        later.set(3, "Resources", "<< >>");
    };
    let pages = |later: &mut Later| {
        later.set(2, "Kids", "[3 0 R 3 0 R]");
    };
    let script = |later: &mut Later| {
        later.set(1, "OpenAction", "<< /S /JavaScript /JS (1) >>");
    };
    let layers = |later: &mut Later| {
        later.set(1, "OCProperties", "<< >>");
    };
    let stray = |later: &mut Later| {
        later.w.object(later.next, "(nobody knows why)");
    };
    let changes: [fn(&mut Later); 8] = [content, font, page, resources, pages, script, layers, stray];
    for change in changes {
        let mut later = Later::than(&signed_form());
        change(&mut later);
        assert_forbidden(&later.finish(), &[Class::Other]);
    }
}

#[test]
fn another_catalog_is_other() {
    let mut later = Later::than(&signed_page());
    let fresh = later.next;
    later.w.object(fresh, "<< /Type /Catalog /Pages 2 0 R >>");
    later.w.table(&format!("/Size 60 /Root {fresh} 0 R"));
    let report = report(&later.w.bytes);
    assert_eq!(report.verdict, Verdict::Invalid);
}

#[test]
fn a_reference_that_led_nowhere_cannot_be_filled_later() {
    // Shadow attack: the signed page names content that does not exist yet.
    let mut original = one_page();
    original
        .object(3, "<< /Type /Page /Parent 2 0 R /Contents [4 0 R 30 0 R] /Annots [] >>")
        .table("/Size 5 /Root 1 0 R");
    let mut later = Later::than(&signed(&original.bytes, &invisible(), &people().seal));
    later.w.stream(30, "", b"BT (pay 1000000) Tj ET");
    let report = assert_forbidden(&later.finish(), &[Class::Other]);
    assert!(report.signatures[0].reasons.iter().any(|reason| reason.contains("led nowhere")));
}

#[test]
fn an_object_hidden_in_signed_bytes_cannot_be_brought_up_later() {
    // Shadow attack, hide-and-replace: only the later cross-reference entry changes.
    let mut original = one_page();
    let hidden = original.bytes.len();
    original.raw(b"4 0 obj\n<< /Length 22 >>\nstream\nBT (pay 1000000) Tj ET\nendstream\nendobj\n");
    original.object(9, "(so that the section has an entry)").table("/Size 10 /Root 1 0 R");
    let mut later = Later::than(&signed(&original.bytes, &invisible(), &people().seal));
    later.w.offsets.push((4, hidden));
    let report = assert_forbidden(&later.finish(), &[Class::Other]);
    assert!(report.signatures[0].reasons.iter().any(|reason| reason.contains("outside its revision")));
}

#[test]
fn freed_objects_are_other() {
    let mut later = Later::than(&signed_form());
    let at = later.w.bytes.len();
    let previous = later.w.last_xref;
    later.w.raw(format!("xref\n0 1\n0000000004 65535 f \n4 1\n0000000000 00001 f \ntrailer\n<< /Size 60 /Root 1 0 R /Prev {previous} >>\nstartxref\n{at}\n%%EOF\n").as_bytes());
    assert_forbidden(&later.w.bytes, &[Class::Other]);
}

#[test]
fn octets_that_no_section_accounts_for_are_other() {
    let mut later = Later::than(&signed_form());
    later.w.raw(b"4 0 obj\n<< /Length 22 >>\nstream\nBT (pay 1000000) Tj ET\nendstream\nendobj\n");
    later.set(6, "V", "(Zhang)");
    let report = assert_forbidden(&later.finish(), &[Class::Form, Class::Other]);
    assert!(report.signatures[0].reasons.iter().any(|reason| reason.contains("belong to no object")));
}

#[test]
fn an_object_stream_with_an_unlisted_object_is_other() {
    let later = Later::than(&signed_form());
    let (container, own, last) = (later.next, later.next + 1, later.w.last_xref);
    let field = super::later::show(&cinnabar_pdf::syntax::Object::Dictionary(later.get(6)));
    let filled = field.replace("/FT", "/V (Zhang) /FT");
    for (objects, classes) in [
        (vec![(6, filled.as_str())], vec![Class::Form]),
        (vec![(6, filled.as_str()), (4, "(hidden)")], vec![Class::Form, Class::Other]),
    ] {
        let mut w = later.w.clone();
        w.last_xref = last;
        w.object_stream(container, &objects);
        w.xref_stream(own, &later.trailer(), &[(6, container, 0)]);
        let report = report(&w.bytes);
        assert_eq!(report.signatures[0].changes, classes);
    }
}

#[test]
fn trailing_white_space_is_nothing_and_trailing_data_is_not_allowed() {
    let bytes = signed_page();
    assert_allowed(&[&bytes[..], b"\r\n \n"].concat(), &[]);
    assert_forbidden(&[&bytes[..], b"x"].concat(), &[Class::TrailingData]);
    let body = b"4 0 obj\n<< /Length 5 >>\nstream\nhello\nendstream\nendobj\ntrailer\n<< /Root 1 0 R >>\n";
    assert_forbidden(&[&bytes[..], body].concat(), &[Class::TrailingData]);
    let startxref = format!("startxref\n{}\n%%EOF\n", Later::than(&bytes).w.last_xref);
    assert_forbidden(&[&bytes[..], body, startxref.as_bytes()].concat(), &[Class::TrailingData]);
}

#[test]
fn a_removed_signature_is_reported() {
    let bytes = signed_page();
    let (field, value) = Later::than(&bytes).seal();
    let drop_value = |later: &mut Later| {
        later.set(field, "V", "");
    };
    let null_value = |later: &mut Later| {
        later.set(field, "V", "null");
    };
    let drop_form = |later: &mut Later| {
        later.set(1, "AcroForm", "");
    };
    let rewrite = |later: &mut Later| {
        later.set(value, "Reason", "(another)");
    };
    let redirect = |later: &mut Later| {
        let fresh = later.next;
        later.set(field, "V", &format!("{fresh} 0 R"));
        let copy = super::later::show(&cinnabar_pdf::syntax::Object::Dictionary(later.get(value)));
        later.w.object(fresh, &copy);
    };
    let changes: [&dyn Fn(&mut Later); 5] = [&drop_value, &null_value, &drop_form, &rewrite, &redirect];
    for change in changes {
        let mut later = Later::than(&bytes);
        change(&mut later);
        let report = report(&later.finish());
        assert_eq!((report.verdict, report.exit_code()), (Verdict::Invalid, 3));
        assert!(
            report.signatures.iter().any(|s| s.reasons.iter().any(|r| r.contains("removed or replaced")))
        );
        assert!(report.signatures.iter().all(|s| s.integrity == Integrity::Broken || !s.changes_allowed));
    }
}

#[test]
fn an_object_stream_cannot_be_swapped_under_its_objects() {
    // One stream is both a container of page objects and a field's appearance: rewritten in place it would
    // change the page while only an appearance seems to change.
    let mut w = super::support::Writer::new();
    w.object(2, "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>")
        .object(3, "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Annots [6 0 R] /Resources 8 0 R >>")
        .stream(4, "", b"/X Do")
        .object(
            6,
            "<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /Rect [1 1 9 9] /AP << /N 9 0 R >> >>",
        );
    w.object_stream(
        9,
        &[(1, "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R] >> >>"), (8, "<< /A 1 >>")],
    );
    w.xref_stream(10, "/Size 11 /Root 1 0 R", &[(1, 9, 0), (8, 9, 1)]);
    let mut later = Later::than(&signed(&w.bytes, &invisible(), &people().seal));
    later.w.object_stream(9, &[(1, "<< >>"), (8, "<< /A 2 >>")]);
    let trailer = later.trailer();
    let own = later.next;
    later.w.xref_stream(own, &trailer, &[]);
    let verdict = cinnabar_pdf::verify::verify(
        &later.w.bytes,
        &super::people::options(),
        &cinnabar_pdf::syntax::Limits::default(),
    );
    assert!(!matches!(verdict, Ok(report) if report.verdict != Verdict::Invalid));
}
