//! Small files that would cost much: each ends within its budgets, as `too complex` or by another clear answer.
//!
//! What is bounded is work that is counted, not time; that the whole module ends soon even in an unoptimised build is
//! the proof that what is counted is what costs.

use std::io::Write;

use cinnabar_pdf::sign::{PrepareError, SignError, sign};
use cinnabar_pdf::syntax::{Document, Limits, Object, ObjectId, OpenError, ReadError};
use cinnabar_pdf::verify::verify;

use super::peers::{at, keys, options, request};
use super::support::{Writer, one_page};

fn deflated(octets: usize) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let block = vec![b' '; 1 << 20];
    for _ in 0..octets >> 20 {
        encoder.write_all(&block).unwrap();
    }
    encoder.finish().unwrap()
}

#[derive(Debug, PartialEq, Clone, Copy)]
enum Answer {
    Fine,
    TooComplex,
    Refused,
}

/// What verifying and signing answer; every object is read, too.
fn answers(bytes: &[u8]) -> (Answer, Answer) {
    if let Ok(document) = Document::open(&bytes, &Limits::default()) {
        let _ = (document.page_count(), document.page(0), document.pages(false).map(Iterator::count));
        for number in 0..document.next_object_number().min(200) {
            if let Ok(Object::Stream(stream)) = document.object(ObjectId { number, generation: 0 }) {
                let _ = document.stream_data(&stream, 1 << 20);
            }
        }
    }
    let verified = match verify(&bytes, &options(), &Limits::default()) {
        Ok(_) => Answer::Fine,
        Err(error) if error.is_too_complex() => Answer::TooComplex,
        Err(_) => Answer::Refused,
    };
    let signed = match sign(&bytes, &request(at(1, 9.0, 9.0, 9.0, 9.0)), &keys().signer) {
        Ok(_) => Answer::Fine,
        Err(
            SignError::Open(OpenError::TooComplex { .. })
            | SignError::Prepare(
                PrepareError::Read(ReadError::TooComplex { .. }) | PrepareError::TooManyFields { .. },
            ),
        ) => Answer::TooComplex,
        Err(_) => Answer::Refused,
    };
    (verified, signed)
}

use Answer::{Fine, Refused, TooComplex};

fn form(fields: &str) -> Writer {
    let mut w = one_page();
    w.object(1, &format!("<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [{fields}] >> >>"));
    w
}

#[test]
fn deflate_bombs_are_too_complex() {
    // A cross-reference stream of millions of entries in a few octets.
    let mut w = Writer::new();
    let start = w.bytes.len();
    let entries =
        "/Type /XRef /W [1 1 1] /Size 20000000 /Index [0 20000000] /Root 1 0 R /Filter /FlateDecode";
    w.stream(5, entries, &deflated(64 << 20)).raw(format!("startxref\n{start}\n%%EOF\n").as_bytes());
    assert!(w.bytes.len() < 128 << 10);
    assert_eq!(answers(&w.bytes), (TooComplex, TooComplex));
    // The catalog in an object stream that inflates to more than any stream may; twice deflated, too.
    let twice = {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&deflated(160 << 20)).unwrap();
        encoder.finish().unwrap()
    };
    for (filters, data) in [("/FlateDecode", deflated(160 << 20)), ("[/FlateDecode /FlateDecode]", twice)] {
        let mut w = Writer::new();
        w.stream(9, &format!("/Type /ObjStm /N 1 /First 5 /Filter {filters}"), &data);
        w.xref_stream(10, "/Size 11 /Root 1 0 R", &[(1, 9, 0)]);
        assert_eq!(answers(&w.bytes), (TooComplex, TooComplex), "{filters}");
    }
    // More filters than anybody has a use for; rows of a gigabyte that are not there.
    let mut w = Writer::new();
    w.stream(9, &format!("/Type /ObjStm /N 1 /First 5 /Filter [{}]", "/AHx ".repeat(9)), b"00");
    w.xref_stream(10, "/Size 11 /Root 1 0 R", &[(1, 9, 0)]);
    assert_eq!(answers(&w.bytes), (TooComplex, TooComplex));
    let mut w = Writer::new();
    let rows = "<< /Predictor 15 /Columns 16777216 /Colors 32 /BitsPerComponent 16 >>";
    let parameters = format!("/Type /ObjStm /N 1 /First 5 /Filter /FlateDecode /DecodeParms {rows}");
    w.stream(9, &parameters, &deflated(1 << 20));
    w.xref_stream(10, "/Size 11 /Root 1 0 R", &[(1, 9, 0)]);
    assert_eq!(answers(&w.bytes), (Refused, Refused));
}

#[test]
fn cycles_end() {
    let page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] >>";
    let cycles: [(&str, &[(u32, &str)]); 7] = [
        ("kids name their parent", &[(2, "<< /Type /Pages /Kids [2 0 R] /Count 1 >>")]),
        (
            "two nodes name each other",
            &[
                (2, "<< /Type /Pages /Kids [5 0 R] /Count 1 >>"),
                (5, "<< /Type /Pages /Kids [2 0 R] /Count 1 >>"),
            ],
        ),
        (
            "a parent below its child",
            &[(2, "<< /Type /Pages /Parent 3 0 R /Kids [3 0 R] /Count 1 >>"), (3, page)],
        ),
        (
            "a count that leads to itself",
            &[(2, "<< /Type /Pages /Kids [3 0 R] /Count 5 0 R >>"), (5, "5 0 R")],
        ),
        (
            "a box that leads to itself",
            &[(3, "<< /Type /Page /MediaBox 5 0 R >>"), (5, "[5 0 R 5 0 R 5 0 R 5 0 R]")],
        ),
        (
            "names that name each other",
            &[
                (1, "<< /Type /Catalog /Pages 2 0 R /Names << /Dests 5 0 R >> >>"),
                (5, "<< /Kids [6 0 R] >>"),
                (6, "<< /Kids [5 0 R] >>"),
            ],
        ),
        (
            "fields that are each other's kids",
            &[
                (1, "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [5 0 R] >> >>"),
                (5, "<< /T (a) /FT /Sig /Kids [6 0 R] >>"),
                (6, "<< /T (b) /Parent 5 0 R /Kids [5 0 R 6 0 R] >>"),
            ],
        ),
    ];
    for (what, objects) in cycles {
        let mut w = one_page();
        objects.iter().for_each(|(number, body)| {
            w.object(*number, body);
        });
        w.table("/Size 7 /Root 1 0 R");
        let (verified, _) = answers(&w.bytes);
        assert_ne!(verified, Refused, "{what}");
    }
    // Object streams that extend each other, and one that holds itself.
    let mut w = Writer::new();
    for (number, other) in [(8, 9), (9, 8)] {
        w.stream(number, &format!("/Type /ObjStm /N 1 /First 4 /Extends {other} 0 R"), b"7 0 null");
    }
    w.xref_stream(10, "/Size 11 /Root 1 0 R", &[(1, 9, 0), (7, 8, 0)]);
    assert_eq!(answers(&w.bytes), (Refused, Refused));
    let mut w = Writer::new();
    w.xref_stream(10, "/Size 11 /Root 1 0 R", &[(1, 9, 0), (9, 9, 0)]);
    assert_eq!(answers(&w.bytes), (Refused, Refused));
    // Lengths that lead to each other, through the very streams they measure.
    let mut w = one_page();
    w.raw(b"").object(5, "6 0 R").object(6, "5 0 R");
    let at = w.bytes.len() - w.header;
    w.raw(b"4 0 obj\n<< /Length 5 0 R >>\nstream\nx\nendstream\nendobj\n");
    w.offsets.push((4, at));
    w.table("/Size 7 /Root 1 0 R");
    let _ = answers(&w.bytes);
    // A section whose hybrid stream is the section itself.
    let mut w = one_page();
    let own = w.bytes.len();
    w.object(4, "null").table(&format!("/Size 7 /Root 1 0 R /XRefStm {own}"));
    assert_eq!(answers(&w.bytes), (Refused, Refused));
}

#[test]
fn what_is_named_over_and_over_is_paid_for_each_time() {
    let many = |what: &str, count: usize| what.repeat(count);
    // One large value under thousands of fields: held once, read once.
    let fields: String = (100..20_100).map(|n| format!("{n} 0 R ")).collect();
    let mut w = form(&fields);
    w.object(5, &format!("[{}]", many("0 ", 200_000)));
    for n in 100..20_100 {
        w.object(n, "<< /FT /Tx /T (x) /V 5 0 R >>");
    }
    w.table("/Size 20100 /Root 1 0 R");
    let (_, signed) = answers(&w.bytes);
    assert_eq!(signed, Fine);
    // One long name above thousands of fields.
    let kids: String = (100..20_100).map(|n| format!("{n} 0 R ")).collect();
    let mut w = form("5 0 R");
    w.object(5, &format!("<< /T ({}) /FT /Tx /Kids [{kids}] >>", many("n", 100_000)));
    for n in 100..20_100 {
        w.object(n, "<< /T (x) >>");
    }
    w.table("/Size 20100 /Root 1 0 R");
    assert_eq!(answers(&w.bytes).1, TooComplex);
    // One long array out of an object stream, asked for by every page.
    let mut w = Writer::new();
    let array = format!("[{}]", many("0 ", 300_000));
    let kids = many("3 0 R ", 50_000);
    w.object_stream(
        9,
        &[
            (1, "<< /Type /Catalog /Pages 2 0 R >>"),
            (2, &format!("<< /Type /Pages /Kids [{kids}] /Count 4000000000 >>")),
            (3, &format!("<< /Type /Pages /Kids [] /Count 0 /Other {array} >>")),
        ],
    );
    w.xref_stream(10, "/Size 11 /Root 1 0 R", &[(1, 9, 0), (2, 9, 1), (3, 9, 2)]);
    assert_eq!(answers(&w.bytes).1, TooComplex);
}

#[test]
fn dictionaries_of_a_hundred_thousand_keys_are_changed_and_compared() {
    let entries = |value: u32| -> String { (0..100_000).map(|n| format!("/K{n} {value} ")).collect() };
    let mut w = one_page();
    w.object(1, &format!("<< /Type /Catalog /Pages 2 0 R {}>>", entries(1))).table("/Size 5 /Root 1 0 R");
    let tail = sign(&w.bytes, &request(None), &keys().signer).unwrap().tail;
    let whole = [w.bytes.as_slice(), &tail].concat();
    let again = sign(&whole, &request(None), &keys().signer).unwrap().tail;
    assert_eq!(answers(&[whole.as_slice(), &again].concat()).0, Fine);
}

#[test]
fn nesting_comments_and_brackets_have_an_end() {
    for body in [
        format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)),
        "<<".repeat(200_000),
        format!("{}null", "%a\n".repeat(500_000)),
        "(".repeat(1_000_000),
        format!("<{}", "4".repeat(1_000_000)),
        format!("[{}]", "0 ".repeat(1_200_000)),
    ] {
        let mut w = one_page();
        w.object(3, &body).table("/Size 5 /Root 1 0 R");
        let (_, signed) = answers(&w.bytes);
        assert_ne!(signed, Fine, "{}", &body[..4]);
    }
    let mut w = one_page();
    w.object(2, "<< /Type /Pages /Kids [100 0 R] /Count 1 >>");
    for n in 100..400 {
        w.object(n, &format!("<< /Type /Pages /Kids [{} 0 R] /Count 1 >>", n + 1));
    }
    w.table("/Size 401 /Root 1 0 R");
    assert_eq!(answers(&w.bytes).1, TooComplex);
}
