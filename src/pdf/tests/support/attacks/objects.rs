//! Where readers disagree about objects, what else of a document shows or runs, and stores that are used to
//! overwrite.

use super::super::later::{Later, form_page, show, signed_form};
use super::super::people::{invisible, people, signed};
use super::super::support::{Writer, one_page};
use super::{Attack, EVIL, Honest, attack, changed, longer, replaced};
use cinnabar_pdf::syntax::Object;

fn objects(name: &str, bytes: Vec<u8>, because: &'static str) -> Attack {
    attack("objects", name, bytes, because)
}

fn sign(bytes: &[u8]) -> Vec<u8> {
    signed(bytes, &invisible(), &people().seal)
}

pub fn attacks() -> Vec<Attack> {
    [catalog(), page(), collisions(), store(), streams(), roles()].into_iter().flatten().collect()
}

/// What a viewer does, shows or hides by the catalog's word.
fn catalog() -> Vec<Attack> {
    let more = "/OCProperties << /OCGs [20 0 R] /D 21 0 R >> /Version /2.0 /Names << /Dests << >> >> /Extensions << /ADBE << /BaseVersion /1.7 /ExtensionLevel 3 >> >>";
    let mut w = form_page("", more);
    w.object(20, "<< /Type /OCG /Name (layer) >>")
        .object(21, "<< /ON [20 0 R] >>")
        .table("/Size 22 /Root 1 0 R");
    let bytes = sign(&w.bytes);
    let set = |name: &str, key: &str, value: &str, because: &'static str| {
        objects(
            &format!("catalog-{name}"),
            changed(&bytes, |l| {
                l.set(1, key, value);
            }),
            because,
        )
    };
    let script = "<< /S /JavaScript /JS (app.alert\\(1\\)) >>";
    vec![
        set("open-action", "OpenAction", script, "/OpenAction changed"),
        set("additional-actions", "AA", &format!("<< /WC {script} >>"), "/AA changed"),
        set("names", "Names", &format!("<< /JavaScript << /Names [(x) {script}] >> >>"), "/Names changed"),
        set("layers", "OCProperties", "<< /OCGs [20 0 R] /D << /OFF [20 0 R] >> >>", "/OCProperties changed"),
        set("pages", "Pages", "<< >>", "/Pages changed"),
        set("outlines", "Outlines", "<< >>", "/Outlines changed"),
        set("page-labels", "PageLabels", "<< >>", "/PageLabels changed"),
        set(
            "viewer-preferences",
            "ViewerPreferences",
            "<< /DisplayDocTitle true >>",
            "/ViewerPreferences changed",
        ),
        set("version-lowered", "Version", "/1.4", "/Version changed"),
        set("extensions-removed", "Extensions", "", "/Extensions was removed"),
        set("metadata-elsewhere", "Metadata", "4 0 R", "/Metadata"),
        set("duplicated-key", "Lang", "(en) /Pages 2 0 R", "duplicated key"),
        set("store-with-unknown-entry", "DSS", "<< /JavaScript [] >>", "unknown entry"),
        objects(
            "layers-by-their-configuration",
            changed(&bytes, |l| {
                l.w.object(21, "<< /OFF [20 0 R] >>");
            }),
            "without a permitted purpose",
        ),
        objects(
            "form-removed-keys",
            changed(&bytes, |l| {
                l.set(5, "SigFlags", "0");
            }),
            "signature flags were cleared",
        ),
        objects(
            "form-order-of-calculation",
            changed(&bytes, |l| {
                l.set(5, "CO", "[7 0 R]");
            }),
            "the form's /CO changed",
        ),
        objects(
            "form-field-added",
            changed(&bytes, |l| {
                let fresh = l.next;
                let fields = longer(l, 5, "Fields", fresh);
                l.set(5, "Fields", &fields);
                l.w.object(
                    fresh,
                    "<< /Type /Annot /Subtype /Widget /FT /Tx /T (new) /V (1000000) /Rect [0 0 300 300] >>",
                );
            }),
            "was added",
        ),
        objects(
            "signature-field-of-the-same-name",
            changed(&bytes, |l| {
                let fresh = l.next;
                let fields = longer(l, 5, "Fields", fresh);
                l.set(5, "Fields", &fields);
                l.w.object(fresh, "<< /Type /Annot /Subtype /Widget /FT /Sig /T (sign) /Rect [0 0 0 0] >>");
            }),
            "a second form field named",
        ),
    ]
}

fn page() -> Vec<Attack> {
    let bytes = signed_form();
    let set = |key: &str, value: &str| {
        objects(
            &format!("page-{key}"),
            changed(&bytes, |l| {
                l.set(3, key, value);
            }),
            "of page object 3",
        )
    };
    let mut made: Vec<Attack> = [
        ("Contents", "[4 0 R 4 0 R]"),
        ("Rotate", "180"),
        ("CropBox", "[0 0 10 10]"),
        ("MediaBox", "[0 0 10 10]"),
        ("UserUnit", "2"),
        ("AA", "<< /O << /S /JavaScript /JS (1) >> >>"),
        ("Trans", "<< >>"),
        ("Metadata", "4 0 R"),
        ("Tabs", "/S"),
        ("Group", "<< >>"),
    ]
    .into_iter()
    .map(|(key, value)| set(key, value))
    .collect();
    made.extend([
        objects(
            "page-added",
            changed(&bytes, |l| {
                let fresh = l.next;
                l.set(2, "Kids", &format!("[3 0 R {fresh} 0 R]"));
                l.w.object(fresh, "<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>");
            }),
            "without a permitted purpose",
        ),
        objects(
            "page-removed",
            changed(&bytes, |l| {
                l.set(2, "Kids", "[]");
            }),
            "without a permitted purpose",
        ),
        objects(
            "page-duplicated-key",
            changed(&bytes, |l| {
                l.set(3, "Contents", "4 0 R /Contents 12 0 R");
            }),
            "duplicated key",
        ),
        objects(
            "page-made-another-object",
            changed(&bytes, |l| {
                l.w.object(3, "[4 0 R]");
            }),
            "without a permitted purpose",
        ),
        objects(
            "annotations-in-another-order",
            changed(&bytes, |l| {
                l.set(3, "Annots", "[7 0 R 6 0 R 8 0 R 9 0 R]");
            }),
            "another order",
        ),
        objects(
            "widget-taken-off-its-page",
            changed(&bytes, |l| {
                l.set(3, "Annots", "[7 0 R 8 0 R 9 0 R]");
            }),
            "a form field was taken off",
        ),
    ]);
    made
}

/// Two objects where there should be one.
fn collisions() -> Vec<Attack> {
    let bytes = signed_form();
    let generation = {
        let mut later = Later::than(&bytes);
        let (object, previous) = (later.w.bytes.len(), later.w.last_xref);
        later.w.raw(b"4 1 obj\n<< /Length 32 >>\nstream\n").raw(EVIL).raw(b"\nendstream\nendobj\n");
        let at = later.w.bytes.len();
        later.w.raw(format!("xref\n4 1\n{object:010} 00001 n \ntrailer\n<< /Size 60 /Root 1 0 R /Prev {previous} >>\nstartxref\n{at}\n%%EOF\n").as_bytes());
        later.w.bytes
    };
    let inside = changed(&bytes, |l| {
        // A certificate of the store whose octets hold a further object, which the table lists.
        let (crl, other) = (l.next, l.next + 1);
        l.set(1, "DSS", &format!("<< /Certs [{crl} 0 R {other} 0 R] >>"));
        let inner = format!("{other} 0 obj\n<< /Length 1 >>\nstream\nx\nendstream\nendobj\n");
        l.w.stream(crl, "", inner.as_bytes());
        let at = memchr::memmem::rfind(&l.w.bytes, format!("{other} 0 obj").as_bytes()).unwrap();
        l.w.offsets.push((other, at));
    });
    let lying = changed(&bytes, |l| {
        let fresh = l.next;
        let at = l.w.bytes.len();
        l.w.stream(fresh, "", EVIL);
        l.w.offsets.push((4, at));
    });
    let beyond = changed(&bytes, |l| l.w.offsets.push((4, 9_999_999)));
    let twice = changed(&bytes, |l| {
        let fresh = l.next;
        let annotations = longer(l, 3, "Annots", fresh);
        l.set(3, "Annots", &annotations);
        l.w.object(fresh, "<< /Type /Annot /Subtype /Text /Rect [0 0 9 9] /MK << /R 1 /R 2 >> >>");
    });
    vec![
        objects("another-generation", generation, "without a permitted purpose"),
        objects("object-inside-another", inside, "belong to two objects"),
        objects("entry-to-another-object", lying, "another object than").exits(6),
        objects("entry-beyond-the-file", beyond, "beyond the file").exits(6),
        objects("duplicated-key-deep-inside", twice, "duplicated key"),
        objects(
            "stray-object",
            changed(&bytes, |l| {
                l.w.object(l.next, "(nobody knows why)");
            }),
            "was added without a permitted purpose",
        ),
        objects(
            "encryption-added",
            changed(&bytes, |l| {
                l.more = "/Encrypt << /Filter /Standard /V 1 /R 2 /O <00> /U <00> /P -4 >>".into();
            }),
            "",
        )
        .exits(6),
        objects("another-identifier", replaced_identifier(), "the file identifier changed"),
        objects(
            "information-by-reference",
            changed(&bytes, |l| {
                let fresh = l.next;
                l.w.object(fresh, "<< /Title 4 0 R >>");
                l.more = format!("/Info {fresh} 0 R");
            }),
            "without a permitted purpose",
        ),
        objects(
            "unknown-trailer-entry",
            changed(&bytes, |l| {
                l.w.object(6, &show(&Object::Dictionary(l.get(6))));
                l.more = "/Catalog 3 0 R".into();
            }),
            "the trailer's /Catalog changed",
        ),
    ]
}

fn replaced_identifier() -> Vec<u8> {
    let mut w = one_page();
    w.object(9, "(so that the section has an entry)").table("/Size 10 /Root 1 0 R /ID [<00> <00>]");
    let bytes = sign(&w.bytes);
    let later = Later::than(&bytes);
    let trailer = later.trailer();
    let id = trailer.split("/ID [").nth(1).unwrap().split(']').next().unwrap().to_owned();
    let mut w = later.w.clone();
    w.object(50, "<< >>").table(&replaced_text(&trailer, &id));
    w.bytes
}

fn replaced_text(trailer: &str, id: &str) -> String {
    String::from_utf8(replaced(trailer.as_bytes(), id, "<ff> <ff>")).unwrap()
}

/// A security store is allowed at every level: what else can be written with it?
fn store() -> Vec<Attack> {
    let bytes = signed_form();
    let with = |name: &str, store: &str, because: &'static str| {
        objects(
            &format!("store-{name}"),
            changed(&bytes, |l| {
                l.set(1, "DSS", store);
            }),
            because,
        )
    };
    let crl = people().crls[0].der();
    let mut shared = one_page();
    shared
        .object(1, "<< /Type /Catalog /Pages 2 0 R /DSS << /CRLs 6 0 R >> >>")
        .object(3, "<< /Type /Page /Parent 2 0 R /Contents 6 0 R >>")
        .object(6, "[7 0 R]")
        .stream(7, "", crl)
        .table("/Size 8 /Root 1 0 R");
    let grown = changed(&sign(&shared.bytes), |l| {
        let fresh = l.next;
        l.w.object(6, &format!("[7 0 R {fresh} 0 R]"));
        l.w.stream(fresh, "", EVIL);
    });
    let stored = changed(&bytes, |l| {
        let fresh = l.next;
        l.set(1, "DSS", &format!("<< /CRLs [{fresh} 0 R] >>"));
        l.w.stream(fresh, "", crl);
    });
    let entry = Later::than(&bytes).next;
    vec![
        with("not-a-dictionary", "[]", "is not a dictionary"),
        with("not-an-array", "<< /Certs << >> >>", "is not an array"),
        with("not-a-stream", "<< /Certs [3 0 R] >>", "other than a stream"),
        with("unknown-vri", "<< /VRI << /AB << /JS [] >> >> >>", "unknown key"),
        objects(
            "store-overwrites-the-page",
            changed(&bytes, |l| {
                l.set(1, "DSS", "<< /Certs [4 0 R] >>");
                l.w.stream(4, "", EVIL);
            }),
            "object 4 was changed",
        ),
        objects("store-is-also-content", grown, "without a permitted purpose"),
        objects(
            "store-entry-overwritten",
            changed(&stored, |l| {
                l.w.stream(entry, "", EVIL);
            }),
            "",
        ),
        objects(
            "store-removed",
            changed(&stored, |l| {
                l.set(1, "DSS", "");
            }),
            "security store was removed",
        ),
        objects(
            "appearance-with-outside-content",
            changed(&bytes, |l| {
                let look = l.next;
                let text =
                    show(&Object::Dictionary(l.get(6))).replace("/N 10 0 R", &format!("/N {look} 0 R"));
                l.w.object(6, &text.replace("/FT", "/V (x) /FT"));
                l.w.stream(
                    look,
                    "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Ref << /F (evil.pdf) /Page 0 >>",
                    b"BT /F1 9 Tf (x) Tj ET",
                );
            }),
            "stands outside the document",
        ),
    ]
}

/// Object streams and what they hold.
fn streams() -> Vec<Attack> {
    let later = Later::than(&signed_form());
    let (container, own) = (later.next, later.next + 1);
    let field = show(&Object::Dictionary(later.get(6)));
    let filled = field.replace("/FT", "/V (Zhang) /FT");
    let mut unlisted = later.w.clone();
    unlisted.object_stream(container, &[(6, filled.as_str()), (4, "(hidden)")]);
    unlisted.xref_stream(own, &later.trailer(), &[(6, container, 0)]);
    // One stream holds the catalog and a page's resources and is a field's appearance as well.
    let mut w = Writer::new();
    w.object(2, "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>")
        .object(3, "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Annots [6 0 R] /Resources 8 0 R >>")
        .stream(4, "", b"/X Do")
        .object(
            6,
            "<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /Rect [1 1 9 9] /AP << /N 9 0 R >> >>",
        );
    let head = "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R] >> >>";
    w.object_stream(9, &[(1, head), (8, "<< /A 1 >>")]);
    w.xref_stream(10, "/Size 11 /Root 1 0 R", &[(1, 9, 0), (8, 9, 1)]);
    let bytes = sign(&w.bytes);
    let mut swapped = Later::than(&bytes);
    swapped.w.object_stream(9, &[(1, head), (8, "<< /A 2 >>")]);
    let (trailer, number) = (swapped.trailer(), swapped.next);
    swapped.w.xref_stream(number, &trailer, &[]);
    vec![
        objects("object-stream-with-an-unlisted-object", unlisted.bytes, "hides another object"),
        objects("object-stream-swapped", swapped.w.bytes, "without a permitted purpose"),
    ]
}

/// One object in two roles, of which only the harmless one is looked at.
fn roles() -> Vec<Attack> {
    let mut font = one_page();
    font.object(3, "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 8 0 R >> >> >>")
        .object(8, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
        .table("/Size 9 /Root 1 0 R /Info 8 0 R");
    let information = changed(&sign(&font.bytes), |l| {
        l.w.object(8, "<< /Type /Font /Subtype /Type1 /BaseFont /Symbol >>");
        l.more = "/Info 8 0 R".into();
    });
    let mut list = one_page();
    list.object(3, "<< /Type /Page /Parent 2 0 R /Contents 6 0 R /Annots 6 0 R >>")
        .object(6, "[4 0 R]")
        .table("/Size 7 /Root 1 0 R");
    let annotations = changed(&sign(&list.bytes), |l| {
        let fresh = l.next;
        l.w.object(6, &format!("[4 0 R {fresh} 0 R]"));
        l.w.stream(fresh, "", EVIL);
    });
    let mut metadata = one_page();
    metadata
        .object(1, "<< /Type /Catalog /Pages 2 0 R /Metadata 6 0 R >>")
        .object(3, "<< /Type /Page /Parent 2 0 R /Contents 6 0 R >>")
        .stream(6, "/Type /Metadata /Subtype /XML", b"% <x:xmpmeta/>")
        .table("/Size 7 /Root 1 0 R");
    let content = changed(&sign(&metadata.bytes), |l| {
        l.w.stream(6, "/Type /Metadata /Subtype /XML", EVIL);
    });
    let purpose = "without a permitted purpose";
    vec![
        objects("information-is-also-a-font", information, purpose),
        objects("annotation-list-is-also-content", annotations, purpose),
        objects("metadata-is-also-content", content, purpose),
    ]
}

pub fn honest() -> Vec<Honest> {
    let crl = people().crls[0].der();
    let stored = changed(&signed_form(), |l| {
        let fresh = l.next;
        l.set(1, "DSS", &format!("<< /CRLs [{fresh} 0 R] >>"));
        l.w.stream(fresh, "", crl);
    });
    let titled = changed(&signed_form(), |l| {
        let (metadata, info) = (l.next, l.next + 1);
        l.set(1, "Metadata", &format!("{metadata} 0 R"));
        l.w.stream(metadata, "/Type /Metadata /Subtype /XML", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>");
        l.w.object(info, "<< /ModDate (D:20261122000000Z) >>");
        l.more = format!("/Info {info} 0 R");
    });
    // The information that one update brought, another one changes.
    let again = changed(&titled, |l| {
        let info = Later::than(&signed_form()).next + 1;
        l.w.object(info, "<< /ModDate (D:20261122010000Z) >>");
        l.more = format!("/Info {info} 0 R");
    });
    let newer = changed(&signed_form(), |l| {
        l.set(1, "Version", "/2.0");
    });
    vec![
        Honest { name: "store-added", bytes: stored },
        Honest { name: "information-and-metadata", bytes: titled },
        Honest { name: "information-again", bytes: again },
        Honest { name: "version-raised", bytes: newer },
    ]
}
