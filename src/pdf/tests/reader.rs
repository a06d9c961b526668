//! The reader on files whose every byte is known, and beside lopdf and hayro-syntax.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod support;

use cinnabar_pdf::syntax::{Document, Limits, Object, ObjectId, Oddity, OpenError, ReadError, XrefKind};
use support::{Writer, one_page};

fn open(bytes: &[u8]) -> Document<'static> {
    Document::open(Box::leak(Box::new(bytes.to_vec())), &Limits::default()).unwrap()
}

fn refused(bytes: &[u8]) -> OpenError {
    Document::open(&bytes.to_vec(), &Limits::default()).err().expect("must not open")
}

fn id(number: u32) -> ObjectId {
    ObjectId { number, generation: 0 }
}

#[test]
fn a_classic_file_opens_and_its_page_inherits() {
    let w = one_page();
    let document = open(&w.bytes);
    assert_eq!(document.xref_kind(), XrefKind::Table);
    assert_eq!(document.startxref(), w.last_xref as u64);
    assert_eq!(document.next_object_number(), 5);
    assert_eq!(document.version(), (1, 7));
    assert_eq!(document.page_count().unwrap(), 1);
    let page = document.page(0).unwrap();
    assert_eq!(page.id, id(3));
    assert!((page.media_box[3] - 842.0).abs() < 1e-9);
    assert!(document.page(1).is_err());
    let Object::Stream(contents) = document.entry(&page.dictionary, b"Contents").unwrap() else { panic!() };
    assert_eq!(document.stream_data(&contents, 1000).unwrap(), b"BT /F1 12 Tf (hello) Tj ET");
    assert!(document.oddities().is_empty());
    assert_eq!(document.object(id(77)).unwrap(), Object::Null);
}

#[test]
fn object_streams_and_cross_reference_streams_are_read() {
    let mut w = Writer::new();
    w.object_stream(
        9,
        &[
            (1, "<< /Type /Catalog /Pages 2 0 R >>"),
            (2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"),
            (3, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 10 20] /Rotate -90 >>"),
        ],
    );
    w.xref_stream(10, "/Size 11 /Root 1 0 R", &[(1, 9, 0), (2, 9, 1), (3, 9, 2)]);
    let document = open(&w.bytes);
    assert_eq!(document.xref_kind(), XrefKind::Stream);
    assert!(document.is_in_object_stream(id(3)));
    assert!(!document.is_in_object_stream(id(9)));
    assert_eq!(document.page(0).unwrap().rotate, 270);
    // The wrong index is refused, not searched for.
    let mut w = Writer::new();
    w.object_stream(9, &[(1, "<< >>"), (2, "<< >>")]).xref_stream(10, "/Size 11 /Root 1 0 R", &[(1, 9, 1)]);
    assert!(matches!(open(&w.bytes).object(id(1)), Err(ReadError::Malformed { .. })));
}

#[test]
fn a_hybrid_file_shows_its_hidden_objects() {
    let mut w = Writer::new();
    w.object(1, "<< /Type /Catalog /Pages 2 0 R >>").object(2, "<< /Type /Pages /Kids [] /Count 0 >>");
    let table_offsets = std::mem::take(&mut w.offsets);
    w.object_stream(5, &[(3, "(hidden)")]);
    let packed = std::mem::take(&mut w.offsets);
    let at = w.bytes.len();
    let o = (packed[0].1 as u32).to_be_bytes();
    let mut data = vec![2, 0, 0, 0, 5, 0, 0];
    data.extend([1, o[0], o[1], o[2], o[3], 0, 0]);
    w.stream(6, "/Type /XRef /W [1 4 2] /Index [3 1 5 1] /Size 7", &data);
    w.offsets = table_offsets;
    w.table(&format!("/Size 7 /Root 1 0 R /XRefStm {at}"));
    let document = open(&w.bytes);
    assert_eq!(document.xref_kind(), XrefKind::Hybrid);
    assert_eq!(document.object(id(3)).unwrap().as_string(), Some(b"hidden".as_slice()));
    assert!(!document.oddities().contains(&Oddity::HybridDisagreement));
}

#[test]
fn junk_before_the_header_shifts_every_offset() {
    let plain = one_page();
    let mut bytes = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let junk = bytes.len() as u64;
    bytes.extend_from_slice(&plain.bytes);
    let document = open(&bytes);
    assert_eq!(document.header_offset(), junk);
    assert_eq!(document.startxref(), plain.last_xref as u64);
    assert_eq!(document.page(0).unwrap().id, id(3));
    assert_eq!(document.oddities(), [Oddity::JunkBeforeHeader]);
}

#[test]
fn later_sections_override_earlier_ones() {
    let mut w = one_page();
    w.object(3, "<< /Type /Page /Parent 2 0 R /Marked true >>").table("/Size 5 /Root 1 0 R");
    let document = open(&w.bytes);
    assert_eq!(document.sections().len(), 2);
    let newest = document.object(id(3)).unwrap();
    assert!(newest.as_dictionary().unwrap().get(b"Marked").is_some());
    let older = document.view_from(1).object(id(3)).unwrap();
    assert!(older.as_dictionary().unwrap().get(b"Marked").is_none());
}

#[test]
fn cycles_and_bad_chains_are_refused() {
    let mut w = one_page();
    let own = w.bytes.len();
    w.last_xref = own;
    w.table("/Size 5 /Root 1 0 R");
    assert!(matches!(refused(&w.bytes), OpenError::Malformed { what, .. } if what.contains("cycle")));
    let mut w = one_page();
    w.last_xref = 10_000_000;
    w.table("/Size 5 /Root 1 0 R");
    assert!(matches!(refused(&w.bytes), OpenError::Malformed { .. }));
    assert!(matches!(refused(b"hello"), OpenError::NotPdf));
    assert!(matches!(refused(b"%PDF-1.4\n"), OpenError::Malformed { .. }));
    let mut w = one_page();
    w.table("/Size 5 /Root 1 0 R /Encrypt << /Filter /Standard >>");
    assert!(matches!(refused(&w.bytes), OpenError::Malformed { what, .. } if what.contains("encryption")));
}

#[test]
fn one_number_listed_twice_with_two_places_is_refused() {
    let bytes = one_page().bytes;
    let at = memchr::memmem::rfind(&bytes, b"trailer\n").unwrap();
    let forged = [&bytes[..at], b"3 1\n0000000015 00000 n \n", &bytes[at..]].concat();
    assert!(matches!(Document::open(&forged, &Limits::default()),
        Err(OpenError::Malformed { what, .. }) if what.contains("twice")));
}

#[test]
fn odd_entries_that_all_readers_take_are_taken_and_named() {
    let bytes = one_page().bytes;
    let odd: Vec<u8> = {
        // 19-octet entries: the space before the line feed dropped.
        let at = memchr::memmem::rfind(&bytes, b"xref\n0 1").unwrap();
        let (body, section) = bytes.split_at(at);
        let section =
            String::from_utf8(section.to_vec()).unwrap().replace(" n \n", " n\n").replace(" f \n", " f\n");
        [body, section.as_bytes()].concat()
    };
    let document = open(&odd);
    assert_eq!(document.page(0).unwrap().id, id(3));
    assert_eq!(document.oddities(), [Oddity::EntrySpacing]);
}

#[test]
fn a_chain_of_indirect_lengths_is_bounded() {
    // lopdf overflows its stack on such a file: each object stream's length is in the next one.
    let mut w = Writer::new();
    w.object(1, "<< /Type /Catalog /Pages 2 0 R >>").object(2, "<< /Type /Pages /Kids [] /Count 0 >>");
    let links = 2000_u32;
    let mut packed = Vec::new();
    for n in 0..links {
        let (own, length) = (10 + 2 * n, 13 + 2 * n);
        w.offsets.push((own, w.bytes.len()));
        let body = format!("{} 0 5 ", own + 1);
        w.raw(
            format!(
                "{own} 0 obj << /Type /ObjStm /N 1 /First {} /Length {length} 0 R >> stream\n",
                body.len() - 2
            )
            .as_bytes(),
        );
        w.raw(format!("{body}\nendstream endobj\n").as_bytes());
        packed.push((own + 1, own, 0));
    }
    w.xref_stream(9, &format!("/Size {} /Root 1 0 R", 20 + 2 * links), &packed);
    let document = open(&w.bytes);
    assert!(matches!(document.object(id(11)), Err(ReadError::TooComplex { .. })));
}

#[test]
fn nesting_and_inflation_are_bounded() {
    let mut w = one_page();
    w.object(3, &"[".repeat(100_000)).table("/Size 5 /Root 1 0 R");
    assert!(matches!(open(&w.bytes).object(id(3)), Err(ReadError::TooComplex { .. })));
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..300 {
        std::io::Write::write_all(&mut encoder, &[0; 1 << 20]).unwrap();
    }
    let mut w = one_page();
    w.stream(4, "/Filter /FlateDecode", &encoder.finish().unwrap()).table("/Size 5 /Root 1 0 R");
    let document = open(&w.bytes);
    let Object::Stream(bomb) = document.object(id(4)).unwrap() else { panic!() };
    assert!(matches!(document.stream_data(&bomb, usize::MAX), Err(ReadError::TooComplex { .. })));
    assert!(matches!(document.stream_data(&bomb, 1000), Err(ReadError::TooComplex { .. })));
}
