//! Shadow attacks: the document that is signed already holds the other one. Hide (something over the content
//! goes away), replace (something in place changes what is shown), hide-and-replace (objects that were
//! hidden come up).

use super::super::later::{Later, form_page, show, signed_form};
use super::super::people::{invisible, people, signed};
use super::super::support::{Writer, one_page};
use super::{Attack, EVIL, Forgery, Honest, attack, changed};
use cinnabar_pdf::syntax::Object;

fn shadow(name: &str, bytes: Vec<u8>, because: &'static str) -> Attack {
    attack("shadow", name, bytes, because)
}

fn sign(bytes: &[u8]) -> Vec<u8> {
    signed(bytes, &invisible(), &people().seal)
}

const LOOK: &str = "/Type /XObject /Subtype /Form /BBox [0 0 90 20]";

pub fn attacks() -> Vec<Attack> {
    [hide(), replace(), fields(), hide_and_replace(), ambiguous()].into_iter().flatten().collect()
}

/// A page whose text lies under an image, an annotation and a form XObject.
fn covered() -> Writer {
    let mut w = one_page();
    w.object(3, "<< /Type /Page /Parent 2 0 R /Contents [4 0 R 5 0 R] /Annots [6 0 R] /Resources << /XObject << /Over 7 0 R >> /Font << /F1 8 0 R >> >> >>")
        .stream(4, "", EVIL)
        .stream(5, "", b"/Over Do BT /F1 12 Tf (pay 100) Tj ET")
        .object(6, "<< /Type /Annot /Subtype /Square /Rect [0 0 300 300] /IC [1 1 1] >>")
        .stream(7, "/Type /XObject /Subtype /Form /BBox [0 0 300 300]", b"1 g 0 0 300 300 re f")
        .object(8, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
        .table("/Size 9 /Root 1 0 R");
    w
}

fn hide() -> Vec<Attack> {
    let bytes = sign(&covered().bytes);
    let free = |number: u32| {
        let mut later = Later::than(&bytes);
        let (at, previous) = (later.w.bytes.len(), later.w.last_xref);
        later.w.raw(format!("xref\n{number} 1\n0000000000 00001 f \ntrailer\n<< /Size 60 /Root 1 0 R /Prev {previous} >>\nstartxref\n{at}\n%%EOF\n").as_bytes());
        later.w.bytes
    };
    let purpose = "without a permitted purpose";
    vec![
        shadow("hide-cover-freed", free(7), purpose),
        shadow("hide-annotation-freed", free(6), purpose),
        shadow(
            "hide-cover-emptied",
            changed(&bytes, |l| {
                l.w.stream(7, "/Type /XObject /Subtype /Form /BBox [0 0 300 300]", b"");
            }),
            purpose,
        ),
        shadow(
            "hide-annotation-taken-off",
            changed(&bytes, |l| {
                l.set(3, "Annots", "[]");
            }),
            "annotations were changed",
        ),
        shadow(
            "hide-annotation-moved",
            changed(&bytes, |l| {
                l.set(6, "Rect", "[0 0 1 1]");
            }),
            "annotations were changed",
        ),
        shadow(
            "hide-annotation-hidden",
            changed(&bytes, |l| {
                l.set(6, "F", "2");
            }),
            "annotations were changed",
        ),
        shadow(
            "hide-content-part-dropped",
            changed(&bytes, |l| {
                l.set(3, "Contents", "[4 0 R]");
            }),
            "/Contents of page object 3",
        ),
    ]
}

fn replace() -> Vec<Attack> {
    let bytes = signed_form();
    let purpose = "without a permitted purpose";
    let font = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding << /Differences [48 /nine /eight /seven] >> >>";
    let mut made = vec![
        shadow(
            "replace-font",
            changed(&bytes, |l| {
                l.w.object(13, font);
            }),
            purpose,
        ),
        shadow(
            "replace-content",
            changed(&bytes, |l| {
                l.w.stream(4, "", EVIL);
            }),
            purpose,
        ),
        shadow(
            "replace-resources",
            changed(&bytes, |l| {
                l.set(3, "Resources", "<< >>");
            }),
            "/Resources of page object 3",
        ),
        shadow(
            "replace-shared-appearance",
            changed(&bytes, |l| {
                l.w.stream(12, LOOK, b"BT /F1 9 Tf (1000000) Tj ET");
            }),
            purpose,
        ),
        shadow(
            "replace-default-font",
            changed(&bytes, |l| {
                let fresh = l.next;
                l.set(5, "DR", &format!("<< /Font << /F1 {fresh} 0 R >> >>"));
                l.w.object(fresh, font);
            }),
            "default resources changed",
        ),
        shadow(
            "replace-default-appearance",
            changed(&bytes, |l| {
                l.set(5, "DA", "(/F1 0 Tf 1 g)");
            }),
            "the form's /DA changed",
        ),
        shadow(
            "replace-xfa",
            changed(&bytes, |l| {
                l.set(5, "XFA", "(x)");
            }),
            "the form's /XFA changed",
        ),
    ];
    // The first revision names content that does not exist yet.
    let mut dangling = one_page();
    dangling
        .object(3, "<< /Type /Page /Parent 2 0 R /Contents [4 0 R 30 0 R] /Annots [] >>")
        .table("/Size 5 /Root 1 0 R");
    made.push(shadow(
        "replace-reference-filled",
        changed(&sign(&dangling.bytes), |l| {
            l.w.stream(30, "", EVIL);
        }),
        "led nowhere",
    ));
    made
}

/// Values that nobody saw, and appearances that say something else.
fn fields() -> Vec<Attack> {
    // The appearance says 100, the value 1000000; the field is not drawn by the page as well.
    let mut w = form_page("", "");
    w.object(7, "<< /Type /Annot /Subtype /Widget /P 3 0 R /FT /Tx /T (amount) /V (1000000) /Rect [10 40 100 60] /DA (/F1 9 Tf) /AP << /N 15 0 R >> >>")
        .stream(15, LOOK, b"/Tx BMC BT /F1 9 Tf (100) Tj ET EMC")
        .object(16, "<< /Type /Annot /Subtype /Widget /P 3 0 R /FT /Btn /Ff 65536 /T (push) /Rect [0 0 500 800] /AP << /N 17 0 R >> >>")
        .stream(17, "/Type /XObject /Subtype /Form /BBox [0 0 500 800]", b"")
        .object(5, "<< /Fields [6 0 R 7 0 R 8 0 R 9 0 R 16 0 R] /DR << /Font << /F1 13 0 R >> >> /DA (/F1 0 Tf) >>")
        .object(3, "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Annots [6 0 R 7 0 R 8 0 R 9 0 R 16 0 R] /Resources << /XObject << /Shared 12 0 R >> /Font << /F1 13 0 R >> >> >>")
        .table("/Size 18 /Root 1 0 R");
    let bytes = sign(&w.bytes);
    let another = "shows something else";
    let plain = signed_form();
    let look = |text: &str| format!("/Tx BMC BT /F1 9 Tf ({text}) Tj ET EMC");
    let filled = |value: &str, drawn: &str| {
        changed(&plain, |l| {
            let fresh = l.next;
            let field = show(&Object::Dictionary(l.get(6)));
            let field = field.replace("/N 10 0 R", &format!("/N {fresh} 0 R"));
            l.w.object(6, &field.replace("/FT", &format!("/V ({value}) /FT")));
            l.w.stream(fresh, LOOK, drawn.as_bytes());
        })
    };
    vec![
        shadow(
            "field-appearance-taken-off",
            changed(&bytes, |l| {
                l.set(7, "AP", "");
            }),
            another,
        ),
        shadow(
            "field-appearance-made-anew",
            changed(&bytes, |l| {
                l.set(5, "NeedAppearances", "true");
            }),
            another,
        ),
        shadow(
            "field-appearance-brought-in-line",
            changed(&bytes, |l| {
                l.w.stream(15, LOOK, look("1000000").as_bytes());
            }),
            another,
        ),
        shadow(
            "field-value-under-its-appearance",
            changed(&plain, |l| {
                l.set(7, "V", "(1000000)");
            }),
            another,
        ),
        shadow("field-appearance-unlike-its-value", filled("100", &look("1000000")), another),
        shadow(
            "field-appearance-with-a-picture",
            filled("100", "/Tx BMC BT /F1 9 Tf (100) Tj ET EMC BI /W 1 /H 1 /BPC 8 /CS /G ID 0 EI"),
            "paints a picture",
        ),
        shadow(
            "field-value-blanked",
            changed(&bytes, |l| {
                l.w.stream(15, LOOK, b"/Tx BMC EMC");
            }),
            another,
        ),
        shadow(
            "check-box-unlike-its-value",
            changed(&plain, |l| {
                l.set(8, "AS", "/Yes");
            }),
            "shows another state than its value",
        ),
        shadow(
            "check-box-repainted",
            changed(&plain, |l| {
                l.w.stream(14, LOOK, b"0 0 10 10 re f");
            }),
            "the looks of button",
        ),
        shadow(
            "button-over-the-page",
            changed(&bytes, |l| {
                l.w.stream(17, "/Type /XObject /Subtype /Form /BBox [0 0 500 800]", EVIL);
            }),
            "the looks of button",
        ),
        shadow(
            "field-moved",
            changed(&plain, |l| {
                l.set(7, "Rect", "[0 0 595 842]");
            }),
            "/Rect of form field",
        ),
        shadow(
            "field-renamed",
            changed(&plain, |l| {
                l.set(7, "T", "(other)");
            }),
            "became another field",
        ),
        shadow(
            "field-hidden",
            changed(&plain, |l| {
                l.set(7, "F", "2");
            }),
            "/F of form field",
        ),
        shadow(
            "field-with-an-action",
            changed(&plain, |l| {
                l.set(6, "AA", "<< /K << /S /JavaScript /JS (1) >> >>");
            }),
            "/AA of form field",
        ),
        shadow(
            "field-dropped",
            changed(&plain, |l| {
                l.set(5, "Fields", "[6 0 R 8 0 R 9 0 R]");
            }),
            "was removed",
        ),
        shadow(
            "field-value-from-elsewhere",
            changed(&plain, |l| {
                l.set(7, "V", "4 0 R");
            }),
            "/V of form field",
        ),
    ]
}

fn hide_and_replace() -> Vec<Attack> {
    let evil = evil(4);
    // Only the later table knows it.
    let mut stray = one_page();
    let hidden = stray.bytes.len();
    stray.raw(&evil).object(9, "(so that the section has an entry)").table("/Size 10 /Root 1 0 R");
    let brought_up = changed(&sign(&stray.bytes), |l| l.w.offsets.push((4, hidden)));
    // Another catalog stands ready in the signed octets.
    let mut second = one_page();
    second
        .object(20, "<< /Type /Catalog /Pages 21 0 R >>")
        .object(21, "<< /Type /Pages /Kids [22 0 R] /Count 1 /MediaBox [0 0 595 842] >>")
        .object(22, "<< /Type /Page /Parent 21 0 R /Contents 23 0 R >>")
        .stream(23, "", EVIL)
        .table("/Size 24 /Root 1 0 R");
    let other_root = changed(&sign(&second.bytes), |l| {
        l.w.object(40, "(so that the section has an entry)");
        l.root = Some(20);
    });
    // Octets that no table mentions, for a reader that rebuilds the file.
    let unlisted = changed(&signed_form(), |l| {
        l.w.raw(&evil);
        l.set(6, "V", "(Zhang)");
    });
    let commented = changed(&signed_form(), |l| {
        l.w.raw(b"% 4 0 obj << /Length 32 >> stream endstream endobj\n");
        l.set(6, "V", "(Zhang)");
    });
    vec![
        shadow("hidden-object-brought-up", brought_up, "outside its revision"),
        shadow("hidden-catalog-brought-up", other_root, "removed or replaced"),
        shadow("hidden-object-no-table-mentions", unlisted, "belong to no object"),
        shadow("hidden-object-in-a-comment", commented, "belong to no object"),
        shadow("entry-behind-the-signed-octets", entry_behind(), "put behind the signed ones"),
        shadow("hybrid-stream-behind-the-signed-octets", hybrid_behind(), "put behind the signed ones"),
        shadow("object-finished-later", finished_later(), "ends behind the octets that were signed"),
    ]
}

/// A security store (object `crl`) whose one stream is filled so that `what` stands at `offset` of the file.
fn store(mut w: Writer, catalog: &str, crl: u32, offset: usize, what: &[u8]) -> Vec<u8> {
    w.object(1, &catalog.replacen("<<", &format!("<< /DSS << /Certs [{crl} 0 R] >>"), 1));
    let room = offset - w.bytes.len();
    let head = |length: usize| format!("{crl} 0 obj\n<<  /Length {length} >>\nstream\n").len();
    let mut fill = room;
    for _ in 0..4 {
        fill = room - head(fill + what.len() + 1);
    }
    let data = [&vec![b'x'; fill - 1][..], b"\n", what, b"\n"].concat();
    w.stream(crl, "", &data).table("/Size 60 /Root 1 0 R");
    assert!(w.bytes[offset..].starts_with(what));
    w.bytes
}

fn stored(signed: &[u8], offset: usize, what: &[u8]) -> Vec<u8> {
    let later = Later::than(signed);
    let catalog = show(&Object::Dictionary(later.get(1)));
    store(later.w.clone(), &catalog, later.next, offset, what)
}

/// Content under a number the page names.
fn evil(number: u32) -> Vec<u8> {
    [format!("{number} 0 obj\n<< /Length 32 >>\nstream\n").as_bytes(), EVIL, b"\nendstream\nendobj\n"]
        .concat()
}

const DANGLING: &str = "<< /Type /Page /Parent 2 0 R /Contents 30 0 R >>";

/// The signed table says that the page's content stands where, when signing, the file had already ended.
fn entry_behind() -> Vec<u8> {
    let offset = 40_000;
    let mut w = one_page();
    w.object(3, DANGLING);
    w.offsets.push((30, offset));
    w.table("/Size 31 /Root 1 0 R");
    stored(&sign(&w.bytes), offset, &evil(30))
}

/// The signed trailer names a cross-reference stream that came later. Made by hand: no signing software
/// opens such a file.
fn hybrid_behind() -> Vec<u8> {
    let offset = 40_000;
    let signed = Forgery { page: DANGLING, trailer: "/XRefStm 40000", ..Forgery::none() }.make();
    let section = |at: usize| {
        let at = u32::try_from(at).unwrap().to_be_bytes();
        let row = [&[1][..], &at, &[0, 0]].concat();
        let head = b"31 0 obj\n<< /Type /XRef /W [1 4 2] /Index [30 1] /Size 32 /Length 7 >>\nstream\n";
        [&head[..], &row, b"\nendstream\nendobj\n"].concat()
    };
    let what = [section(offset + section(0).len()), evil(30)].concat();
    let at = memchr::memmem::rfind(&signed, b"xref\n1 1").unwrap();
    let catalog = "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [5 0 R] /SigFlags 3 >> >>";
    store(Writer::after(&signed, at), catalog, 41, offset, &what)
}

/// A stream whose length reaches over the end of the signed octets.
fn finished_later() -> Vec<u8> {
    let end = 40_000;
    let mut w = one_page();
    w.object(3, DANGLING);
    w.offsets.push((30, w.bytes.len()));
    let head = |length: usize| format!("30 0 obj\n<< /Length {length:05} >>\nstream\n");
    let start = w.bytes.len() + head(0).len();
    w.raw(head(end - start).as_bytes()).raw(EVIL).raw(b"\n").table("/Size 31 /Root 1 0 R");
    stored(&sign(&w.bytes), end, b"\nendstream\nendobj\n")
}

/// As signed, the file's last startxref names the section before the signature's; the update names that one.
fn elsewhere() -> Vec<u8> {
    let signed = Forgery { older_startxref: true, ..Forgery::none() }.make();
    let at = memchr::memmem::rfind(&signed, b"xref\n1 1").unwrap();
    let mut w = Writer::after(&signed, at);
    w.object(40, "<< /ModDate (D:20261122000000Z) >>").table("/Size 60 /Root 1 0 R /Info 40 0 R");
    w.bytes
}

/// Files that readers read in two ways, signed like that.
fn ambiguous() -> Vec<Attack> {
    // One object, two places: a hybrid's table and stream.
    let mut hybrid = one_page();
    let other = hybrid.bytes.len();
    hybrid.raw(b"4 0 obj\n<< /Length 32 >>\nstream\n").raw(EVIL).raw(b"\nendstream\nendobj\n");
    let at = hybrid.bytes.len();
    let offset = u32::try_from(other).unwrap().to_be_bytes();
    let row = [&[1][..], &offset, &[0, 0]].concat();
    hybrid
        .raw(b"31 0 obj\n<< /Type /XRef /W [1 4 2] /Index [4 1] /Size 32 /Length 7 >>\nstream\n")
        .raw(&row)
        .raw(b"\nendstream\nendobj\n");
    hybrid
        .stream(4, "", b"BT /F1 12 Tf (pay 100) Tj ET")
        .table(&format!("/Size 32 /Root 1 0 R /XRefStm {at}"));
    // A later hybrid section that changes what only some readers see.
    let hidden = changed(&signed_form(), |l| {
        let evil = l.w.bytes.len();
        l.w.raw(b"4 0 obj\n<< /Length 32 >>\nstream\n").raw(EVIL).raw(b"\nendstream\nendobj\n");
        let own = l.next;
        let at = l.w.bytes.len();
        let offset = u32::try_from(evil).unwrap().to_be_bytes();
        let row = [&[1][..], &offset, &[0, 0]].concat();
        let head =
            format!("{own} 0 obj\n<< /Type /XRef /W [1 4 2] /Index [4 1] /Size 60 /Length 7 >>\nstream\n");
        l.w.raw(head.as_bytes()).raw(&row).raw(b"\nendstream\nendobj\n");
        l.set(6, "V", "(Zhang)");
        l.more = format!("/XRefStm {at}");
    });
    // Two entries for one object in one table.
    let twice = changed(&signed_form(), |l| {
        let first = l.w.bytes.len();
        l.w.raw(&evil(4));
        l.w.offsets.push((4, first));
        l.w.stream(4, "", b"BT /F1 12 Tf (pay 100) Tj ET");
    });
    vec![
        shadow("startxref-names-another-section", elsewhere(), "names another cross-reference section"),
        shadow(
            "hybrid-section-contradicts-itself",
            sign(&hybrid.bytes),
            "hybrid cross-reference section disagree",
        ),
        shadow("hybrid-update-older-readers-do-not-see", hidden, "a hybrid section changes objects"),
        shadow("object-twice-in-one-table", twice, "").exits(6),
    ]
}

pub fn honest() -> Vec<Honest> {
    let plain = signed_form();
    let look = |text: &str| format!("/Tx BMC BT /F1 9 Tf ({text}) Tj ET EMC");
    let filled = changed(&plain, |l| {
        let fresh = l.next;
        let field = show(&Object::Dictionary(l.get(7))).replace("/N 12 0 R", &format!("/N {fresh} 0 R"));
        l.w.object(7, &field.replace("/V <313030>", "/V (250)"));
        l.w.stream(fresh, LOOK, look("250").as_bytes());
    });
    let unseen = changed(&plain, |l| {
        l.set(6, "V", "(Zhang)");
    });
    let anew = changed(&plain, |l| {
        l.set(6, "V", "(Zhang)");
        l.set(5, "NeedAppearances", "true");
    });
    let ticked = changed(&plain, |l| {
        let field = show(&Object::Dictionary(l.get(8)));
        l.w.object(8, &field.replace("/V /Off /AS /Off", "/V /Yes /AS /Yes"));
    });
    let in_place = changed(&plain, |l| {
        l.set(6, "V", "(Zhang)");
        l.w.stream(10, LOOK, look("Zhang").as_bytes());
    });
    vec![
        Honest { name: "field-filled-in", bytes: filled },
        Honest { name: "field-filled-in-without-looks", bytes: unseen },
        Honest { name: "field-filled-in-and-to-be-drawn", bytes: anew },
        Honest { name: "check-box-ticked", bytes: ticked },
        Honest { name: "field-filled-in-place", bytes: in_place },
    ]
}
