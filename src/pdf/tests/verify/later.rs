//! Changing signed files the way an attacker does: by further revisions, or in the bytes.

use cinnabar_pdf::syntax::{Dictionary, Document, Limits, Object, ObjectId};
use cinnabar_pdf::verify::{Class, Report, Verdict};

use super::people::{Person, invisible, people, report, signed, visible};
use super::support::{Writer, one_page};

/// A signed one-page file.
pub fn signed_page() -> Vec<u8> {
    signed(&one_page().bytes, &visible(20.0), &people().seal)
}

/// A page with a text field, a second text field, a check box and an empty signature field, all merged
/// with their widgets; `signature` goes into the signature field, `more` into the catalog.
pub fn form_page(signature: &str, more: &str) -> Writer {
    let mut w = Writer::new();
    let widget = "/Type /Annot /Subtype /Widget /P 3 0 R";
    w.object(1, &format!("<< /Type /Catalog /Pages 2 0 R /AcroForm 5 0 R {more} >>"))
        .object(2, "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>")
        .object(3, "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Annots [6 0 R 7 0 R 8 0 R 9 0 R] /Resources << /XObject << /Shared 12 0 R >> /Font << /F1 13 0 R >> >> >>")
        .stream(4, "", b"BT /F1 12 Tf (pay 100) Tj ET /Shared Do")
        .object(5, "<< /Fields [6 0 R 7 0 R 8 0 R 9 0 R] /DR << /Font << /F1 13 0 R >> >> /DA (/F1 0 Tf) >>")
        .object(6, &format!("<< {widget} /FT /Tx /T (name) /Rect [10 10 100 30] /AP << /N 10 0 R >> >>"))
        .object(7, &format!("<< {widget} /FT /Tx /T (amount) /V (100) /Rect [10 40 100 60] /AP << /N 12 0 R >> >>"))
        .object(8, &format!("<< {widget} /FT /Btn /T (agree) /V /Off /AS /Off /Rect [10 70 20 80] /AP << /N << /Yes 11 0 R /Off 14 0 R >> >> >>"))
        .object(9, &format!("<< {widget} /FT /Sig /T (sign) /Rect [10 90 100 120] {signature} >>"))
        .stream(10, "/Type /XObject /Subtype /Form /BBox [0 0 90 20]", b"/Tx BMC EMC")
        .stream(11, "/Type /XObject /Subtype /Form /BBox [0 0 10 10]", b"0 0 10 10 re f")
        .stream(12, "/Type /XObject /Subtype /Form /BBox [0 0 90 20]", b"/Tx BMC BT /F1 9 Tf (100) Tj ET EMC")
        .object(13, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
        .stream(14, "/Type /XObject /Subtype /Form /BBox [0 0 10 10]", b"0 0 10 10 re S")
        .table("/Size 15 /Root 1 0 R");
    w
}

/// That form, signed invisibly in a new field.
pub fn signed_form() -> Vec<u8> {
    signed(&form_page("", "").bytes, &invisible(), &people().seal)
}

/// A revision to be written after `bytes`.
pub struct Later {
    pub w: Writer,
    pub next: u32,
    /// Another catalog for the trailer.
    pub root: Option<u32>,
    /// More for the trailer.
    pub more: String,
    original: Vec<u8>,
}

impl Later {
    pub fn than(bytes: &[u8]) -> Self {
        let owned = bytes.to_vec();
        let document = Document::open(&owned, &Limits::default()).unwrap();
        let (at, next) = (document.startxref() as usize, document.next_object_number());
        drop(document);
        Self { w: Writer::after(bytes, at), next, root: None, more: String::new(), original: owned }
    }

    /// The newest value of an object.
    pub fn get(&self, number: u32) -> Dictionary {
        let document = Document::open(&self.original, &Limits::default()).unwrap();
        document.object(ObjectId { number, generation: 0 }).unwrap().as_dictionary().unwrap().clone()
    }

    /// Writes an object again with one entry set to what `value` spells (or removed, if empty).
    pub fn set(&mut self, number: u32, key: &str, value: &str) -> &mut Self {
        let mut dictionary = self.get(number);
        dictionary.remove(key.as_bytes());
        let text = show(&Object::Dictionary(dictionary));
        let entry = if value.is_empty() { String::new() } else { format!("/{key} {value} ") };
        let body = format!("{} {entry}>>", text.strip_suffix(">>").unwrap());
        self.w.object(number, &body);
        self
    }

    /// The number of the signature field made by signing, and of its signature dictionary.
    pub fn seal(&self) -> (u32, u32) {
        let document = Document::open(&self.original, &Limits::default()).unwrap();
        let (_, catalog) = document.catalog().unwrap();
        let form = document.entry(&catalog, b"AcroForm").unwrap();
        let fields = document.entry(form.as_dictionary().unwrap(), b"Fields").unwrap();
        let field = fields.as_array().unwrap().last().unwrap().as_reference().unwrap();
        let value = document.object(field).unwrap();
        let value = value.as_dictionary().unwrap().get(b"V").unwrap().as_reference().unwrap();
        (field.number, value.number)
    }

    /// What the new trailer has to say beside `/Prev`; `/Info` is left to the caller.
    pub fn trailer(&self) -> String {
        let document = Document::open(&self.original, &Limits::default()).unwrap();
        let id = document.trailer().get(b"ID").map(|id| format!("/ID {}", show(id)));
        let root = self.root.unwrap_or(1);
        format!("/Size {} /Root {root} 0 R {} {}", self.next + 20, id.unwrap_or_default(), self.more)
    }

    pub fn finish(&mut self) -> Vec<u8> {
        let trailer = self.trailer();
        self.w.table(&trailer);
        self.w.bytes.clone()
    }
}

/// A signature in a new field, made by hand: what our own signing refuses to make. `widget` is what the
/// field has beside its name and value, `look` what its appearance (two numbers on) draws, `signature` the
/// head of the signature dictionary.
pub fn signed_by_hand(
    bytes: &[u8],
    widget: &str,
    look: &str,
    signature: &str,
    cms: &dyn Fn(&[u8]) -> Vec<u8>,
) -> Vec<u8> {
    let widget = format!("/T (hand) {widget}");
    signed_by_hand_with(bytes, &widget, ("", look), signature, cms)
}

/// As [`signed_by_hand`], with the field's name in `widget` and the appearance's resources before what it draws.
pub fn signed_by_hand_with(
    bytes: &[u8],
    widget: &str,
    (resources, look): (&str, &str),
    signature: &str,
    cms: &dyn Fn(&[u8]) -> Vec<u8>,
) -> Vec<u8> {
    let hole = 8192;
    let lay_out = |numbers: [usize; 4], hex: &str| {
        let mut later = Later::than(bytes);
        let (field, value, drawn) = (later.next, later.next + 1, later.next + 2);
        let grown = |list: Option<&Object>| match list {
            Some(list) => show(list).replacen(']', &format!(" {field} 0 R]"), 1),
            None => format!("[{field} 0 R]"),
        };
        let annotations = grown(later.get(3).get(b"Annots"));
        later.set(3, "Annots", &annotations);
        match later.get(1).get(b"AcroForm") {
            Some(Object::Reference(form)) => {
                let fields = grown(later.get(form.number).get(b"Fields"));
                later.set(form.number, "Fields", &fields);
            }
            Some(Object::Dictionary(form)) => {
                let mut form = form.clone();
                let fields = grown(form.get(b"Fields"));
                form.remove(b"Fields");
                let rest = show(&Object::Dictionary(form));
                later.set(
                    1,
                    "AcroForm",
                    &format!("{} /Fields {fields} >>", rest.strip_suffix(">>").unwrap()),
                );
            }
            _ => {
                later.set(1, "AcroForm", &format!("<< /SigFlags 3 /Fields [{field} 0 R] >>"));
            }
        }
        let head = "/Type /Annot /Subtype /Widget /FT /Sig /P 3 0 R";
        later.w.object(field, &format!("<< {head} {widget} /AP << /N {drawn} 0 R >> /V {value} 0 R >>"));
        let [a, b, c, d] = numbers;
        let range = format!("/ByteRange [{a:08} {b:08} {c:08} {d:08}]");
        later.w.object(value, &format!("<< {signature} {range} /Contents <{hex}> >>"));
        let form = format!("/Type /XObject /Subtype /Form /BBox [0 0 595 842] {resources}");
        later.w.stream(drawn, &form, look.as_bytes());
        later.finish()
    };
    let empty = "0".repeat(hole);
    let draft = lay_out([0; 4], &empty);
    let start = memchr::memmem::rfind(&draft, empty.as_bytes()).unwrap() - 1;
    let end = start + hole + 2;
    let numbers = [0, start, end, draft.len() - end];
    let draft = lay_out(numbers, &empty);
    let hex = hex::encode(cms(&[&draft[..start], &draft[end..]].concat()));
    lay_out(numbers, &format!("{hex}{}", "0".repeat(hole - hex.len())))
}

/// The head of an ordinary signature dictionary.
pub const SIGNATURE: &str = "/Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached";

/// A sound CMS over `data`.
pub fn cms_by(person: &Person, data: &[u8]) -> Vec<u8> {
    use cinnabar_pdf::sign::CmsSigner as _;
    person.signer.sign(&person.signer.digest_algorithm().digest(data)).unwrap()
}

/// An object spelled out.
pub fn show(object: &Object) -> String {
    match object {
        Object::Null => "null".into(),
        Object::Boolean(value) => value.to_string(),
        Object::Integer(value) => value.to_string(),
        Object::Real(value) => format!("{value:.4}"),
        Object::Name(name) => format!("/{}", String::from_utf8_lossy(name)),
        Object::String(string) => format!("<{}>", hex::encode(&string.bytes)),
        Object::Array(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
        Object::Dictionary(dictionary) => {
            let entries =
                dictionary.iter().map(|(k, v)| format!("/{} {}", String::from_utf8_lossy(k), show(v)));
            format!("<< {} >>", entries.collect::<Vec<_>>().join(" "))
        }
        Object::Reference(id) => format!("{} {} R", id.number, id.generation),
        Object::Stream(_) => panic!("streams are not written again"),
    }
}

/// The first signature was followed by exactly these changes, and did not allow them.
pub fn assert_forbidden(bytes: &[u8], classes: &[Class]) -> Report {
    let report = report(bytes);
    assert_eq!((report.verdict, report.exit_code()), (Verdict::Invalid, 3));
    let first = &report.signatures[0];
    assert_eq!(first.changes, classes);
    assert!(!first.changes_allowed && !first.reasons.is_empty());
    report
}

/// The first signature was followed by exactly these changes, and everything is still valid.
pub fn assert_allowed(bytes: &[u8], classes: &[Class]) -> Report {
    let report = report(bytes);
    assert_eq!(report.verdict, Verdict::Valid);
    assert_eq!(report.signatures[0].changes, classes);
    report
}
