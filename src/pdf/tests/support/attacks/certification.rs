//! Evil annotations and sneaky signatures on certified documents, at each permission level, and changes of
//! the permissions themselves.

use super::super::later::{Later, SIGNATURE, cms_by, form_page, signed_by_hand};
use super::super::people::{invisible, people, signed};
use super::{Attack, Honest, LEVELS, attack, certified, changed, longer};
use cinnabar_pdf::sign::{DocMdp, SignatureRequest};

fn certification(name: &str, bytes: Vec<u8>, because: &'static str) -> Attack {
    attack("certification", name, bytes, because)
}

/// Subtypes that markup is made of (table 171); P=3 allows them, and they can lie over the content.
const MARKUP: [&str; 16] = [
    "Text",
    "Link",
    "FreeText",
    "Line",
    "Square",
    "Circle",
    "Polygon",
    "PolyLine",
    "Highlight",
    "Underline",
    "Squiggly",
    "StrikeOut",
    "Stamp",
    "Caret",
    "Ink",
    "Popup",
];
/// The others: they play, run, take content away or are no annotations of a reader.
const OTHERS: [&str; 12] = [
    "FileAttachment",
    "Sound",
    "Movie",
    "Screen",
    "PrinterMark",
    "TrapNet",
    "Watermark",
    "3D",
    "Redact",
    "Projection",
    "RichMedia",
    "Unknown",
];

fn annotated(bytes: &[u8], subtype: &str, more: &str) -> Vec<u8> {
    changed(bytes, |l| {
        let (fresh, look) = (l.next, l.next + 1);
        let annotations = longer(l, 3, "Annots", fresh);
        l.set(3, "Annots", &annotations);
        l.w.object(fresh, &format!("<< /Type /Annot /Subtype /{subtype} /Rect [0 0 500 800] /F 4 /Contents (pay 1000000) /AP << /N {look} 0 R >> {more} >>"));
        l.w.stream(look, "/Type /XObject /Subtype /Form /BBox [0 0 500 800]", b"1 g 0 0 500 800 re f");
    })
}

/// A signature field nobody signed, with a picture.
fn unsigned_field(bytes: &[u8], entries: &str) -> Vec<u8> {
    changed(bytes, |l| {
        let (field, look) = (l.next, l.next + 1);
        let (annotations, fields) = (longer(l, 3, "Annots", field), longer(l, 5, "Fields", field));
        l.set(3, "Annots", &annotations).set(5, "Fields", &fields);
        l.w.object(field, &format!("<< /Type /Annot /Subtype /Widget /FT /Sig /T (x) /P 3 0 R {entries} /AP << /N {look} 0 R >> >>"));
        l.w.stream(look, "/Type /XObject /Subtype /Form /BBox [0 0 200 200]", b"(pay 1000000) Tj");
    })
}

fn sneaked(bytes: &[u8], widget: &str) -> Vec<u8> {
    signed_by_hand(bytes, widget, "(pay 1000000) Tj", SIGNATURE, &|data| cms_by(&people().other, data))
}

const SMALL: &str = "/Rect [20 20 120 120]";
const LARGE: &str = "/Rect [0 0 595 842]";

pub fn attacks() -> Vec<Attack> {
    let mut made = Vec::new();
    let annotations = "annotations were changed";
    for (name, level) in LEVELS {
        let bytes = certified(level);
        if name != "p3" {
            for subtype in MARKUP {
                made.push(certification(
                    &format!("evil-{subtype}-{name}"),
                    annotated(&bytes, subtype, ""),
                    annotations,
                ));
            }
            made.push(certification(
                &format!("unsigned-field-{name}"),
                unsigned_field(&bytes, SMALL),
                annotations,
            ));
            made.push(certification(
                &format!("sneaky-signature-{name}"),
                sneaked(&bytes, SMALL),
                if name == "p1" { "a further signature was added" } else { "a visible signature field" },
            ));
        }
        for subtype in OTHERS {
            made.push(certification(
                &format!("evil-{subtype}-{name}"),
                annotated(&bytes, subtype, ""),
                "that is no markup",
            ));
        }
        made.push(certification(
            &format!("annotation-with-a-script-{name}"),
            annotated(&bytes, "Link", "/A << /S /JavaScript /JS (1) >>"),
            "an action was added",
        ));
        made.push(certification(
            &format!("annotation-with-a-link-{name}"),
            annotated(&bytes, "Link", "/A << /S /URI /URI (http://evil.example) >>"),
            "an action was added",
        ));
        let filled = changed(&bytes, |l| {
            l.set(6, "V", "(Zhang)");
        });
        if name == "p1" {
            made.push(certification("filled-in-p1", filled, "form fields were filled in"));
            made.push(certification(
                "signed-p1",
                signed_by_hand(&bytes, "/Rect [0 0 0 0]", "", SIGNATURE, &|d| cms_by(&people().other, d)),
                "a further signature was added",
            ));
        }
    }
    let p2 = certified(DocMdp::FormsAndSignatures);
    let plain = signed(&form_page("", "").bytes, &invisible(), &people().seal);
    made.extend([
        certification(
            "sneaky-signature-with-two-rectangles",
            sneaked(&p2, "/Rect [0 0 595 842] /Rect [0 0 0 0]"),
            "duplicated key",
        ),
        certification("sneaky-signature-over-the-page", sneaked(&plain, LARGE), "covers most of its page"),
        certification("unsigned-field-on-an-approval", unsigned_field(&plain, SMALL), annotations),
        certification("unsigned-field-below-another", widget_below(&p2), ""),
        certification("evil-FreeText-on-an-approval", annotated(&plain, "FreeText", ""), annotations),
        certification(
            "annotation-inside-its-list",
            changed(&certified(DocMdp::Annotations), |l| {
                l.set(
                    3,
                    "Annots",
                    "[6 0 R 7 0 R 8 0 R 9 0 R << /Type /Annot /Subtype /Text /Rect [0 0 9 9] >>]",
                );
            }),
            "not an indirect object",
        ),
        certification(
            "older-object-made-an-annotation",
            changed(&certified(DocMdp::Annotations), |l| {
                l.set(3, "Annots", "[6 0 R 7 0 R 8 0 R 9 0 R 13 0 R]");
            }),
            "that is no markup",
        ),
        certification(
            "older-object-made-a-field",
            changed(&p2, |l| {
                l.set(5, "Fields", "[6 0 R 7 0 R 8 0 R 9 0 R 13 0 R]");
            }),
            "",
        ),
    ]);
    made.push(certification(
        "unsigned-field-coloured",
        empty_frame(&plain, "/MK << /BG [1 1 1] >>"),
        annotations,
    ));
    made.push(certification("place-to-sign-p2", empty_frame(&p2, ""), "a visible signature field"));
    made.extend(permissions(&p2));
    made.extend(locks());
    made
}

/// A second widget for the empty signature field, somewhere else on the page.
fn widget_below(bytes: &[u8]) -> Vec<u8> {
    changed(bytes, |l| {
        let fresh = l.next;
        let annotations = longer(l, 3, "Annots", fresh);
        l.set(3, "Annots", &annotations).set(9, "Kids", &format!("[{fresh} 0 R]"));
        l.w.object(fresh, "<< /Type /Annot /Subtype /Widget /Parent 9 0 R /P 3 0 R /Rect [0 0 595 842] >>");
    })
}

fn permissions(p2: &[u8]) -> Vec<Attack> {
    let perms = "the catalog's /Perms changed";
    let (_, value) = Later::than(p2).seal();
    let p1 = certified(DocMdp::NoChanges);
    let (_, strict) = Later::than(&p1).seal();
    let raised = super::spelled(&Later::than(&p1), strict).replace("/P 1", "/P 3");
    vec![
        certification(
            "permissions-removed",
            changed(p2, |l| {
                l.set(1, "Perms", "");
            }),
            perms,
        ),
        certification(
            "permissions-emptied",
            changed(p2, |l| {
                l.set(1, "Perms", "<< >>");
            }),
            perms,
        ),
        certification(
            "permissions-to-another-object",
            changed(p2, |l| {
                l.set(1, "Perms", "<< /DocMDP 13 0 R >>");
            }),
            perms,
        ),
        certification(
            "usage-rights-added",
            changed(p2, |l| {
                l.set(1, "Perms", &format!("<< /DocMDP {value} 0 R /UR3 {value} 0 R >>"));
            }),
            perms,
        ),
        certification(
            "level-raised",
            changed(&p1, |l| {
                l.w.object(strict, &raised);
            }),
            "removed or replaced",
        ),
    ]
}

/// A locked field, and the value given to the group that a field inherits from (§12.7.4.1).
fn group_filled(locked: &str) -> Vec<u8> {
    let lock = format!("/Lock << /Type /SigFieldLock /Action /Include /Fields [({locked})] >>");
    let mut w = form_page(&lock, "");
    w.object(7, "<< /FT /Tx /T (g) /Kids [20 0 R] >>")
        .object(20, "<< /Type /Annot /Subtype /Widget /P 3 0 R /Parent 7 0 R /T (amount) /Rect [10 40 100 60] /DA (/F1 9 Tf) >>")
        .object(3, "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Annots [6 0 R 20 0 R 8 0 R 9 0 R] /Resources << /Font << /F1 13 0 R >> >> >>")
        .table("/Size 21 /Root 1 0 R");
    let request = SignatureRequest { field_name: Some("sign".into()), ..invisible() };
    changed(&signed(&w.bytes, &request, &people().seal), |l| {
        l.set(7, "V", "(1000000)");
    })
}

fn locks() -> Vec<Attack> {
    let lock = "/Lock << /Type /SigFieldLock /Action /Include /Fields [(amount)] >>";
    let request = SignatureRequest { field_name: Some("sign".into()), ..invisible() };
    let bytes = signed(&form_page(lock, "").bytes, &request, &people().seal);
    let all = signed(
        &form_page("/Lock << /Type /SigFieldLock /Action /All >>", "").bytes,
        &request,
        &people().seal,
    );
    let locked = "although the signer locked it";
    let fill = |bytes: &[u8], number: u32| {
        changed(bytes, |l| {
            l.set(number, "V", "(100)");
        })
    };
    vec![
        certification("locked-field-filled-in-by-its-group", group_filled("g.amount"), locked),
        certification("locked-field-filled-in", fill(&replace_amount(&bytes), 7), ""),
        certification("all-fields-locked", fill(&all, 6), locked),
        certification(
            "lock-taken-off",
            changed(&bytes, |l| {
                l.set(9, "Lock", "");
            }),
            "/Lock of form field",
        ),
        certification("read-only-taken-off", read_only(), "/Ff of form field"),
    ]
}

/// Another value for the locked field, its appearance with it.
fn replace_amount(bytes: &[u8]) -> Vec<u8> {
    changed(bytes, |l| {
        l.set(7, "V", "(1000000)");
    })
}

fn read_only() -> Vec<u8> {
    let mut w = form_page("", "");
    w.object(6, "<< /Type /Annot /Subtype /Widget /P 3 0 R /FT /Tx /T (name) /Ff 1 /Rect [10 10 100 30] >>")
        .table("/Size 15 /Root 1 0 R");
    changed(&signed(&w.bytes, &invisible(), &people().seal), |l| {
        l.set(6, "Ff", "0");
    })
}

/// A place to sign that draws nothing.
fn empty_frame(bytes: &[u8], look: &str) -> Vec<u8> {
    changed(bytes, |l| {
        let (field, drawn) = (l.next, l.next + 1);
        let (annotations, fields) = (longer(l, 3, "Annots", field), longer(l, 5, "Fields", field));
        l.set(3, "Annots", &annotations).set(5, "Fields", &fields);
        l.w.object(field, &format!("<< /Type /Annot /Subtype /Widget /FT /Sig /T (x) /P 3 0 R {SMALL} {look} /AP << /N {drawn} 0 R >> >>"));
        l.w.stream(drawn, "/Type /XObject /Subtype /Form /BBox [0 0 100 100]", b"q Q");
    })
}

pub fn honest() -> Vec<Honest> {
    let plain = signed(&form_page("", "").bytes, &invisible(), &people().seal);
    let p2 = certified(DocMdp::FormsAndSignatures);
    let p3 = certified(DocMdp::Annotations);
    vec![
        Honest { name: "filled-in-by-its-group", bytes: group_filled("name") },
        Honest { name: "certified-then-signed", bytes: signed(&p2, &invisible(), &people().other) },
        Honest {
            name: "certified-then-filled-in",
            bytes: changed(&p2, |l| {
                l.set(6, "V", "(Zhang)");
            }),
        },
        Honest { name: "annotated-as-allowed", bytes: annotated(&p3, "FreeText", "") },
        Honest { name: "stamped-as-allowed", bytes: annotated(&p3, "Stamp", "") },
        Honest { name: "signed-visibly-as-allowed", bytes: sneaked(&p3, SMALL) },
        Honest { name: "place-to-sign-added", bytes: empty_frame(&plain, "") },
    ]
}
