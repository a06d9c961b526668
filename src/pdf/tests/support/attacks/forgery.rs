//! Universal signature forgery: a dictionary that names a signature and gives a verifier nothing to check,
//! and signatures that belong elsewhere. Built by a small signer of its own, so that each entry can be
//! wrong in one way.

use super::super::later::{Later, show, signed_page};
use super::super::people::{invisible, people, signed};
use super::super::support::{Writer, one_page};
use super::{Attack, attack, changed};
use cinnabar_pdf::syntax::Object;

/// How a hand-made signature departs from a sound one.
#[derive(Clone, Copy)]
pub struct Forgery<'f> {
    /// Written instead of `/ByteRange [a b c d]`; the numbers replace `A` to `D`.
    pub byte_range: &'f str,
    /// Written instead of `/Contents <…>`; the hexadecimal digits replace `X`.
    pub contents: &'f str,
    /// Appended to the dictionary.
    pub more: &'f str,
    /// What follows the signature inside its padding.
    pub padding: &'f str,
    pub sub_filter: &'f str,
    pub kind: &'f str,
    /// Added to the four numbers, before they are signed over.
    pub shift: [i64; 4],
    /// Makes the CMS over the octets of the byte range.
    pub cms: &'f dyn Fn(&[u8]) -> Vec<u8>,
    /// More for the trailer.
    pub trailer: &'f str,
    /// Another page, if any.
    pub page: &'f str,
    /// The last startxref names the section before the signature's.
    pub older_startxref: bool,
}

impl Forgery<'_> {
    pub fn none() -> Self {
        Self {
            byte_range: "/ByteRange [A B C D]",
            contents: "/Contents <X>",
            more: "",
            padding: "",
            sub_filter: "/ETSI.CAdES.detached",
            kind: "/Sig",
            shift: [0; 4],
            cms: &|data| super::super::later::cms_by(&people().seal, data),
            trailer: "",
            page: "",
            older_startxref: false,
        }
    }

    /// The file: two rounds, the first to find out where things stand.
    pub fn make(&self) -> Vec<u8> {
        let hole = 8192;
        let lay_out = |numbers: [usize; 4], hex: &str| {
            let mut w = one_page();
            let older = w.last_xref;
            if !self.page.is_empty() {
                w.object(3, self.page);
            }
            let mut byte_range = self.byte_range.to_owned();
            for (letter, number) in ["A", "B", "C", "D"].iter().zip(numbers) {
                let spelled = format!("{number:08}");
                for before in ["[", " ", "("] {
                    byte_range =
                        byte_range.replace(&format!("{before}{letter}"), &format!("{before}{spelled}"));
                }
            }
            let contents = self.contents.replace('X', hex);
            w.object(1, "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [5 0 R] /SigFlags 3 >> >>")
                .object(
                    5,
                    "<< /FT /Sig /T (s) /V 6 0 R /Type /Annot /Subtype /Widget /Rect [0 0 0 0] /P 3 0 R >>",
                )
                .object(
                    6,
                    &format!(
                        "<< /Type {} /Filter /Adobe.PPKLite /SubFilter {} {byte_range} {contents} {} >>",
                        self.kind, self.sub_filter, self.more
                    ),
                )
                .table(&format!("/Size 7 /Root 1 0 R {}", self.trailer));
            if self.older_startxref {
                let at = memchr::memmem::rfind(&w.bytes, b"startxref").unwrap();
                w.bytes.truncate(at);
                w.raw(format!("startxref\n{older}\n%%EOF\n").as_bytes());
            }
            w.bytes
        };
        let empty = "0".repeat(hole);
        let draft = lay_out([0; 4], &empty);
        let digits = memchr::memmem::rfind(&draft, empty.as_bytes());
        let (start, end) = digits.map_or((10, 20), |at| (at - 1, at + hole + 1));
        let mut numbers = [0, start, end, draft.len() - end];
        for (number, shift) in numbers.iter_mut().zip(self.shift) {
            *number = usize::try_from(*number as i64 + shift).unwrap();
        }
        let draft = lay_out(numbers, &empty);
        let [a, b, c, d] = numbers;
        let covered = [&draft[a..a + b], &draft[c..(c + d).min(draft.len())]].concat();
        let hex = format!("{}{}", hex::encode((self.cms)(&covered)), self.padding);
        lay_out(numbers, &format!("{hex}{}", "0".repeat(hole - hex.len())))
    }
}

fn byte_range(name: &str, byte_range: &str, because: &'static str) -> Attack {
    attack(
        "forgery",
        &format!("byte-range-{name}"),
        Forgery { byte_range, ..Forgery::none() }.make(),
        because,
    )
}

fn contents(name: &str, contents: &str, because: &'static str) -> Attack {
    attack("forgery", &format!("contents-{name}"), Forgery { contents, ..Forgery::none() }.make(), because)
}

fn value(name: &str, value: &str, because: &'static str) -> Attack {
    let mut w = one_page();
    w.object(1, "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [5 0 R] /SigFlags 3 >> >>")
        .object(5, &format!("<< /FT /Sig /T (s) /V {value} /Type /Annot /Subtype /Widget /Rect [0 0 0 0] >>"))
        .table("/Size 7 /Root 1 0 R");
    attack("forgery", &format!("value-{name}"), w.bytes, because)
}

pub fn attacks() -> Vec<Attack> {
    let (missing, not_four) = ("has no /ByteRange", "is not four non-negative integers");
    let gap = "the gap of the byte range is not exactly";
    let mut made = vec![
        byte_range("missing", "", missing),
        byte_range("null", "/ByteRange null", missing),
        byte_range("empty", "/ByteRange []", not_four),
        byte_range("three", "/ByteRange [A B C]", not_four),
        byte_range("six", "/ByteRange [A B C D 0 0]", not_four),
        byte_range("negative", "/ByteRange [A B C -1]", not_four),
        byte_range("all-negative", "/ByteRange [-1 -1 -1 -1]", not_four),
        byte_range("real", "/ByteRange [A B C D.0]", not_four),
        byte_range("with-null", "/ByteRange [A B C null]", not_four),
        byte_range("string", "/ByteRange (A B C D)", "is not a direct array"),
        byte_range("indirect", "/ByteRange 9 0 R", "is not a direct array"),
        byte_range("not-from-zero", "/ByteRange [1 B C D]", "does not start at 0"),
        byte_range("overlapping", "/ByteRange [A B 0 D]", "overlaps or is out of order"),
        byte_range("huge", "/ByteRange [A B C 99999999999]", "reaches beyond the file"),
        byte_range("overflowing", "/ByteRange [A B C 9223372036854775807]", "reaches beyond the file"),
        byte_range("no-tail", "/ByteRange [A B C 0]", "overlaps or is out of order"),
        byte_range("nothing", "/ByteRange [0 0 0 0]", "overlaps or is out of order"),
        contents("missing", "", "has no /Contents"),
        contents("null", "/Contents null", "has no /Contents"),
        contents("empty", "/Contents <>", gap),
        contents("zero", "/Contents <00>", gap),
        contents("literal", "/Contents (X)", "is not a hexadecimal string"),
        contents("nested", "/Contents [<X>]", "/Contents is not a string"),
        contents("number", "/Contents 0", "/Contents is not a string"),
        contents("indirect", "/Contents 9 0 R", "/Contents is not a string"),
        contents("renamed", "/Other <X>", "has no /Contents"),
        contents("beside", "/Contents <00> /Other <X>", gap),
        contents("twice", "/Contents <X> /Contents <00>", "duplicated key"),
        contents("twice-reversed", "/Contents <00> /Contents <X>", "duplicated key"),
        contents("deeper", "/Nested << /Contents <X> >>", "has no /Contents"),
        value("null", "null", "the signature value is null"),
        value("string", "(signed)", "not a dictionary"),
        value("nowhere", "99 0 R", "leads to no object"),
        value("a-page", "3 0 R", "/Contents is not a string"),
        value("a-stream", "4 0 R", "not a dictionary"),
        value("direct", "<< /Type /Sig /ByteRange [0 1 2 3] /Contents <3000> >>", "not an indirect object"),
    ];
    let duplicated = |name: &str, more: &str| {
        attack("forgery", name, Forgery { more, ..Forgery::none() }.make(), "duplicated key")
    };
    made.push(duplicated("byte-range-twice", "/ByteRange [0 10 20 30]"));
    made.push(duplicated("sub-filter-twice", "/SubFilter /adbe.pkcs7.detached"));
    let unknown = |sub_filter: &str| {
        let name = format!("sub-filter-{}", sub_filter.trim_start_matches('/'));
        attack("forgery", &name, Forgery { sub_filter, ..Forgery::none() }.make(), "not supported").exits(4)
    };
    made.extend(["/adbe.x509.rsa_sha1", "/adbe.pkcs7.sha1", "null"].map(unknown));
    let contradiction = "contradict each other";
    made.push(attack(
        "forgery",
        "time-stamp-by-type-only",
        Forgery { kind: "/DocTimeStamp", ..Forgery::none() }.make(),
        contradiction,
    ));
    made.push(attack(
        "forgery",
        "time-stamp-by-filter-only",
        Forgery { sub_filter: "/ETSI.RFC3161", ..Forgery::none() }.make(),
        contradiction,
    ));
    made.push(in_an_object_stream());
    made.extend(copied());
    made
}

fn in_an_object_stream() -> Attack {
    let mut w = Writer::new();
    w.object_stream(
        9,
        &[
            (1, "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [5 0 R] /SigFlags 3 >> >>"),
            (2, "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>"),
            (3, "<< /Type /Page /Parent 2 0 R >>"),
            (5, "<< /FT /Sig /T (s) /V 6 0 R /Type /Annot /Subtype /Widget /Rect [0 0 0 0] >>"),
            (6, "<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /ByteRange [0 100 200 300] /Contents <3000> >>"),
        ],
    );
    w.xref_stream(10, "/Size 11 /Root 1 0 R", &[(1, 9, 0), (2, 9, 1), (3, 9, 2), (5, 9, 3), (6, 9, 4)]);
    attack("forgery", "in-an-object-stream", w.bytes, "inside an object stream")
}

/// A signature in another document, and one for several fields.
fn copied() -> Vec<Attack> {
    let bytes = signed_page();
    let later = Later::than(&bytes);
    let (field, value) = later.seal();
    let dictionary = show(&Object::Dictionary(later.get(value)));
    let mut w = one_page();
    w.object(1, "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [5 0 R] /SigFlags 3 >> >>")
        .object(5, "<< /FT /Sig /T (s) /V 6 0 R /Type /Annot /Subtype /Widget /Rect [0 0 0 0] >>")
        .object(6, &dictionary)
        .table("/Size 7 /Root 1 0 R");
    let elsewhere = attack("forgery", "copied-to-another-document", w.bytes, "reaches beyond the file");
    let shared = changed(&bytes, |later| {
        let fresh = later.next;
        later.set(1, "AcroForm", &format!("<< /SigFlags 3 /Fields [{field} 0 R {fresh} 0 R] >>"));
        let head = "/FT /Sig /T (copy) /Type /Annot /Subtype /Widget /Rect [0 0 0 0]";
        later.w.object(fresh, &format!("<< {head} /V {value} 0 R >>"));
    });
    let recycled = changed(&signed(&bytes, &invisible(), &people().other), |later| {
        // The newest signature's field shows the older, sound one.
        let (newest, _) = later.seal();
        later.set(newest, "V", &format!("{value} 0 R"));
    });
    let again = changed(&bytes, |later| {
        let fresh = later.next;
        later.set(1, "AcroForm", &format!("<< /SigFlags 3 /Fields [{field} 0 R {fresh} 0 R] >>"));
        let head = "/FT /Sig /T (copy) /Type /Annot /Subtype /Widget /Rect [0 0 0 0]";
        later.w.object(fresh, &format!("<< {head} /V {} 0 R >>", fresh + 1));
        later.w.object(fresh + 1, &dictionary);
    });
    vec![
        elsewhere,
        attack("forgery", "shared-by-two-fields", shared, "two fields share one signature dictionary"),
        attack("forgery", "recycled-by-a-later-field", recycled, "removed or replaced"),
        attack("forgery", "copied-within-the-document", again, "the gap of the byte range"),
    ]
}
