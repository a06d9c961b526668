//! Incremental saving: octets put behind the signed ones, with and without what an update needs, and updates
//! that lead around the signed revision.

use super::super::later::{Later, SIGNATURE, cms_by, show, signed_by_hand, signed_form, signed_page};
use super::super::people::{invisible, people, signed};
use super::super::support::{Writer, one_page};
use super::{Attack, EVIL, attack, changed};
use cinnabar_pdf::syntax::Object;

fn saving(name: &str, bytes: Vec<u8>, because: &'static str) -> Attack {
    attack("saving", name, bytes, because)
}

pub fn attacks() -> Vec<Attack> {
    let bytes = signed_page();
    let body = [&b"4 0 obj\n<< /Length 32 >>\nstream\n"[..], EVIL, b"\nendstream\nendobj\n"].concat();
    let newest = Later::than(&bytes).w.last_xref;
    let (field, value) = Later::than(&bytes).seal();
    let at = bytes.len();
    let table = format!("xref\n4 1\n{at:010} 00000 n \n");
    let trailer = format!("trailer\n<< /Size 60 /Root 1 0 R /Prev {newest} >>\n");
    let tail = format!("startxref\n{}\n%%EOF\n", at + body.len());
    let behind = "there is data after the end of the document";
    let with = |parts: &[&[u8]]| [&bytes[..], &parts.concat()].concat();
    let mut made = vec![
        saving("body-alone", with(&[&body]), behind),
        saving("body-and-trailer", with(&[&body, b"trailer\n<< /Root 1 0 R >>\n"]), behind),
        saving("body-and-table", with(&[&body, table.as_bytes()]), behind),
        saving("body-table-and-trailer", with(&[&body, table.as_bytes(), trailer.as_bytes()]), behind),
        saving("startxref-back", with(&[&body, format!("startxref\n{newest}\n%%EOF\n").as_bytes()]), behind),
        saving(
            "table-without-trailer",
            with(&[&body, table.as_bytes(), tail.as_bytes()]),
            "malformed document",
        )
        .exits(6),
        saving(
            "whole-update",
            with(&[&body, table.as_bytes(), trailer.as_bytes(), tail.as_bytes()]),
            "object 4 was changed",
        ),
        saving("end-of-file-marker-alone", with(&[b"%%EOF\n%%EOF"]), behind),
        saving("many-octets", with(&[&body, &vec![b'A'; 70_000]]), "no startxref").exits(6),
    ];
    // The attack's own signature object, so that a verifier finds one at the end of the file.
    let dictionary = show(&Object::Dictionary(Later::than(&bytes).get(value)));
    let copied = changed(&bytes, |later| {
        later.w.stream(4, "", EVIL);
        later.w.object(value, &dictionary);
    });
    made.push(saving("with-a-copy-of-the-signature", copied, "removed or replaced"));
    made.extend(around(&bytes));
    made.extend(removed(&bytes, field, value));
    made.push(saving("forward-reference-of-sections", forward(), ""));
    made.push(saving("freed-page-content", freed(), "without a permitted purpose"));
    made
}

/// Sections whose `/Prev` is not the signed revision.
fn around(bytes: &[u8]) -> Vec<Attack> {
    let passed = "passed over";
    let first = one_page().last_xref;
    let skip = |last_xref: usize| {
        let mut w = Writer::after(bytes, last_xref);
        w.stream(4, "", EVIL);
        w
    };
    let mut skipped = skip(first);
    skipped.table("/Size 60 /Root 1 0 R");
    let mut alone = Writer::after(bytes, 0);
    alone
        .object(1, "<< /Type /Catalog /Pages 2 0 R >>")
        .object(2, "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>")
        .object(3, "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << >> >>")
        .stream(4, "", EVIL)
        .table("/Size 5 /Root 1 0 R");
    // Led around, and signed by someone else: one valid signature, that of the wrong person.
    let mut next = skip(first);
    next.table("/Size 60 /Root 1 0 R");
    let signed_again = signed(&next.bytes, &invisible(), &people().other);
    // The older signature's field is kept, its revision is not.
    let (field, value) = Later::than(bytes).seal();
    let mut kept = Later::than(bytes);
    let catalog = show(&Object::Dictionary(kept.get(1)));
    let body = show(&Object::Dictionary(kept.get(field)));
    let at = memchr::memmem::rfind(bytes, format!("\n{value} 0 obj").as_bytes()).unwrap() + 1;
    kept.w.last_xref = first;
    if let Some(Object::Reference(form)) = kept.get(1).get(b"AcroForm") {
        let body = show(&Object::Dictionary(kept.get(form.number)));
        kept.w.object(form.number, &body);
    }
    kept.w.object(1, &catalog).object(field, &body).stream(4, "", EVIL);
    kept.w.offsets.push((value, at));
    let kept = kept.finish();
    // A section hidden in signed octets is what the new startxref names.
    let mut hiding = one_page();
    let page = hiding.last_xref;
    let evil = hiding.bytes.len();
    hiding.raw(b"4 0 obj\n<< /Length 32 >>\nstream\n").raw(EVIL).raw(b"\nendstream\nendobj\n");
    let section = hiding.bytes.len();
    let text = format!(
        "xref\n4 1\n{evil:010} 00000 n \ntrailer\n<< /Size 60 /Root 1 0 R /Prev {page} >>\nstartxref\n{section}\n%%EOF\n"
    );
    hiding.raw(text.as_bytes());
    hiding.object(9, "(so that the section has an entry)").table("/Size 60 /Root 1 0 R");
    let mut hidden = signed(&hiding.bytes, &invisible(), &people().seal);
    hidden.extend_from_slice(format!("startxref\n{section}\n%%EOF\n").as_bytes());
    vec![
        saving("prev-skips-the-signed-revision", skipped.bytes, passed),
        saving("prev-left-out", alone.bytes, passed),
        saving("prev-skips-and-signed-by-another", signed_again, passed),
        saving("prev-skips-but-keeps-the-field", kept, "does not end where a revision ends"),
        saving("startxref-to-a-hidden-section", hidden, passed),
    ]
}

fn removed(bytes: &[u8], field: u32, value: u32) -> Vec<Attack> {
    let gone = "removed or replaced";
    let made = |name: &str, change: &dyn Fn(&mut Later)| saving(name, changed(bytes, |l| change(l)), gone);
    vec![
        made("signature-value-removed", &|later| {
            later.set(field, "V", "");
        }),
        made("signature-value-null", &|later| {
            later.set(field, "V", "null");
        }),
        made("form-removed", &|later| {
            later.set(1, "AcroForm", "");
        }),
        made("field-list-emptied", &|later| {
            later.set(1, "AcroForm", "<< /Fields [] >>");
        }),
        made("field-kind-changed", &|later| {
            later.set(field, "FT", "/Tx");
        }),
        made("signature-rewritten", &|later| {
            later.set(value, "Reason", "(another)");
        }),
        made("another-catalog", &|later| {
            later.w.object(later.next, "<< /Type /Catalog /Pages 2 0 R >>");
            later.root = Some(later.next);
        }),
    ]
}

/// The newest section stands before the one its /Prev names.
fn forward() -> Vec<u8> {
    let bytes = signed_by_hand(&one_page().bytes, "/Rect [0 0 0 0]", "", SIGNATURE, &|data| {
        cms_by(&people().seal, data)
    });
    let mut later = Later::than(&bytes);
    let last = later.w.last_xref;
    let at = later.w.bytes.len();
    // First a section whose /Prev leads forward, then one that leads back to the signed revision.
    let length = 200;
    let second = at + length;
    let head = format!("xref\n0 0\ntrailer\n<< /Size 60 /Root 1 0 R /Prev {second} >>\n");
    later.w.raw(format!("{head:<length$}").as_bytes());
    later.w.raw(
        format!("xref\n0 0\ntrailer\n<< /Size 60 /Root 1 0 R /Prev {last} >>\nstartxref\n{at}\n%%EOF\n")
            .as_bytes(),
    );
    later.w.bytes
}

fn freed() -> Vec<u8> {
    let mut later = Later::than(&signed_form());
    let (at, previous) = (later.w.bytes.len(), later.w.last_xref);
    later.w.raw(format!("xref\n0 1\n0000000004 65535 f \n4 1\n0000000000 00001 f \ntrailer\n<< /Size 60 /Root 1 0 R /Prev {previous} >>\nstartxref\n{at}\n%%EOF\n").as_bytes());
    later.w.bytes
}
