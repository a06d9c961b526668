//! Pictures over a page that pose as signature fields: how large they are is hidden, divided or put off, or
//! a time-stamp that anybody gets answers for them. Beside them a place to sign whose frame was signed later.

use super::super::later::{Later, SIGNATURE, cms_by, form_page, signed_by_hand};
use super::super::people::{invisible, people, signed, visible};
use super::{Attack, Honest, attack, certified, changed, longer};
use cinnabar_pdf::appearance::{Placement, SealAppearance};
use cinnabar_pdf::sign::{DocMdp, SignatureRequest};

const TIME_STAMP: &str = "/Type /DocTimeStamp /Filter /Adobe.PPKLite /SubFilter /ETSI.RFC3161";

fn certification(name: &str, bytes: Vec<u8>, because: &'static str) -> Attack {
    attack("certification", name, bytes, because)
}

/// Signature fields, unsigned, with these entries and looks.
fn fields(bytes: &[u8], entries: &[&str], look: &[u8]) -> Vec<u8> {
    changed(bytes, |l| {
        let first = l.next;
        let mut add = |number: u32, key: &str| {
            let list = longer(l, number, key, first);
            let more: String =
                (1..entries.len()).map(|at| format!(" {} 0 R", first as usize + 2 * at)).collect();
            l.set(number, key, &list.replacen(']', &format!("{more}]"), 1));
        };
        add(3, "Annots");
        add(5, "Fields");
        for (at, entries) in entries.iter().enumerate() {
            let field = first + 2 * u32::try_from(at).unwrap();
            l.w.object(field, &format!("<< /Type /Annot /Subtype /Widget /FT /Sig /T (x{field}) {entries} /AP << /N {} 0 R >> >>", field + 1));
            l.w.stream(field + 1, "/Type /XObject /Subtype /Form /BBox [0 0 200 200]", look);
        }
    })
}

fn stamped(bytes: &[u8], widget: &str) -> Vec<u8> {
    let look = "0 0 100 100 re f";
    signed_by_hand(bytes, widget, look, TIME_STAMP, &|data| cms_by(&people().other, data))
}

pub fn attacks() -> Vec<Attack> {
    let plain = signed(&form_page("", "").bytes, &invisible(), &people().seal);
    let mut small = form_page("", "");
    small
        .object(2, "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 200 200] >>")
        .table("/Size 15 /Root 1 0 R");
    let small = signed(&small.bytes, &invisible(), &people().seal);
    let most = "covers most of its page";
    let third = |at: u32| format!("/P 3 0 R /Rect [0 {} 595 {}]", at * 280, (at + 1) * 280);
    let thirds = [third(0), third(1), third(2)];
    let one_by_one = thirds.iter().fold(plain.clone(), |bytes, third| fields(&bytes, &[third], b""));
    let half = "/P 3 0 R /Rect [0 0 150 150]";
    vec![
        certification("field-over-a-small-page", fields(&small, &[half], b""), most),
        certification(
            "field-over-a-page-it-does-not-name",
            fields(&small, &["/Rect [0 0 150 150]"], b""),
            most,
        ),
        certification(
            "field-over-a-page-larger-by-its-word",
            fields(&plain, &["/P << /MediaBox [0 0 9999 9999] >> /Rect [0 0 595 842]"], b""),
            "another page than it stands on",
        ),
        certification(
            "fields-over-a-page-together",
            fields(&plain, &[&thirds[0], &thirds[1], &thirds[2]], b""),
            "cover most of page",
        ),
        certification("fields-over-a-page-one-by-one", one_by_one, "together cover page"),
        certification(
            "visible-time-stamp",
            stamped(&plain, "/Rect [20 20 120 120]"),
            "the time-stamp in signature field",
        ),
        certification(
            "time-stamp-with-a-picture-p1",
            stamped(&certified(DocMdp::NoChanges), "/Rect [0 0 0 0]"),
            "a further signature was added",
        ),
    ]
}

pub fn honest() -> Vec<Honest> {
    let plain = signed(&form_page("", "").bytes, &invisible(), &people().seal);
    // What pyHanko draws with `empty_field_appearance`, and its signature in a later revision.
    let place = Later::than(&plain).next;
    let frame = b"q q 0.95 0.95 0.95 rg 0 0 100 100 re f Q 0.5 w 0 0 100 100 re S Q";
    let framed = fields(&plain, &["/P 3 0 R /Rect [20 200 120 300]"], frame);
    let appearance = visible(20.0)
        .appearance
        .map(|appearance| SealAppearance { placement: Placement::Field, ..appearance });
    let request = SignatureRequest { field_name: Some(format!("x{place}")), appearance, ..invisible() };
    let small =
        signed_by_hand(&plain, "/Rect [20 20 120 120]", "", SIGNATURE, &|d| cms_by(&people().other, d));
    vec![
        Honest { name: "framed-place-signed-later", bytes: signed(&framed, &request, &people().other) },
        Honest { name: "place-without-a-page", bytes: fields(&plain, &["/Rect [20 20 120 120]"], b"") },
        Honest { name: "visible-signatures", bytes: signed(&small, &visible(90.0), &people().other) },
    ]
}
