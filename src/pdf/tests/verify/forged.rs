//! Forged signature dictionaries: universal forgery, wrapping, copies. Built by a small signer of its own,
//! so that each entry can be wrong in one way.

use cinnabar_pdf::sign::CmsSigner as _;
use cinnabar_pdf::verify::{Coverage, Integrity, Report, Verdict};

use super::later::{Later, signed_page};
use super::people::{people, report};
use super::support::{Writer, one_page};

/// How a hand-made signature departs from a sound one.
#[derive(Clone)]
struct Forgery {
    /// Written instead of `/ByteRange [a b c d]`; the numbers replace `A` to `D`.
    byte_range: &'static str,
    /// Written instead of `/Contents <…>`; the hexadecimal digits replace `X`.
    contents: &'static str,
    /// Appended to the dictionary.
    more: &'static str,
    /// What follows the signature inside its padding.
    padding: &'static str,
    sub_filter: &'static str,
    kind: &'static str,
}

impl Forgery {
    fn none() -> Self {
        Self {
            byte_range: "/ByteRange [A B C D]",
            contents: "/Contents <X>",
            more: "",
            padding: "",
            sub_filter: "/ETSI.CAdES.detached",
            kind: "/Sig",
        }
    }

    /// The file: two rounds, the first to find out where things stand.
    fn make(&self) -> Vec<u8> {
        let hole = 8192;
        let lay_out = |numbers: [usize; 4], hex: &str| {
            let mut w = one_page();
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
                .table("/Size 7 /Root 1 0 R");
            w.bytes
        };
        let empty = "0".repeat(hole);
        let draft = lay_out([0; 4], &empty);
        let digits = memchr::memmem::rfind(&draft, empty.as_bytes());
        let (start, end) = digits.map_or((10, 20), |at| (at - 1, at + hole + 1));
        let numbers = [0, start, end, draft.len() - end];
        let draft = lay_out(numbers, &empty);
        let person = people();
        let digest = person.seal.signer.digest_algorithm();
        let mut hasher = digest.hasher();
        hasher.update(&draft[..start]);
        hasher.update(&draft[end..]);
        let cms = person.seal.signer.sign(&hasher.finish()).unwrap();
        let hex = format!("{}{}", hex::encode(cms), self.padding);
        lay_out(numbers, &format!("{hex}{}", "0".repeat(hole - hex.len())))
    }
}

fn assert_broken(bytes: &[u8]) -> Report {
    let report = report(bytes);
    assert_eq!((report.verdict, report.exit_code()), (Verdict::Invalid, 3));
    assert!(report.signatures.iter().any(|s| s.integrity == Integrity::Broken && !s.reasons.is_empty()));
    report
}

#[test]
fn the_small_signer_itself_is_sound() {
    let report = report(&Forgery::none().make());
    assert_eq!(report.verdict, Verdict::Valid);
    assert_eq!(report.signatures[0].coverage, Coverage::File);
}

#[test]
fn byte_ranges_that_are_not_four_sound_integers_are_broken() {
    for byte_range in [
        "",
        "/ByteRange null",
        "/ByteRange []",
        "/ByteRange [A B C]",
        "/ByteRange [A B C D 0 0]",
        "/ByteRange [A B C -1]",
        "/ByteRange [A B C D.0]",
        "/ByteRange [A B C null]",
        "/ByteRange [A B C (D)]",
        "/ByteRange (A B C D)",
        "/ByteRange 9 0 R",
        "/ByteRange [1 B C D]",
        "/ByteRange [A B 0 D]",
        "/ByteRange [A B C 99999999999]",
        "/ByteRange [A B C 9223372036854775807]",
        "/ByteRange [A B C 0]",
        "/ByteRange [A 0 0 0]",
        "/ByteRange [0 0 0 0]",
    ] {
        assert_broken(&Forgery { byte_range, ..Forgery::none() }.make());
    }
}

#[test]
fn contents_that_are_no_plain_hexadecimal_string_are_broken() {
    for contents in [
        "",
        "/Contents null",
        "/Contents <>",
        "/Contents <00>",
        "/Contents ()",
        "/Contents (X)",
        "/Contents [<X>]",
        "/Contents 0",
        "/Contents 9 0 R",
        // The gap would be someone else's string.
        "/Other <X>",
        "/Contents <00> /Other <X>",
        "/Contents <X> /Contents <00>",
        "/Contents <00> /Contents <X>",
        "/Nested << /Contents <X> >>",
    ] {
        assert_broken(&Forgery { contents, ..Forgery::none() }.make());
    }
}

#[test]
fn duplicated_keys_are_broken() {
    assert_broken(&Forgery { more: "/ByteRange [0 10 20 30]", ..Forgery::none() }.make());
    assert_broken(&Forgery { more: "/SubFilter /adbe.pkcs7.detached", ..Forgery::none() }.make());
}

#[test]
fn data_after_the_signature_in_its_contents_is_broken() {
    assert_broken(&Forgery { padding: "00000001", ..Forgery::none() }.make());
    assert_broken(&Forgery { padding: "3000", ..Forgery::none() }.make());
}

#[test]
fn type_and_sub_filter_must_agree() {
    assert_broken(&Forgery { kind: "/DocTimeStamp", ..Forgery::none() }.make());
    assert_broken(&Forgery { sub_filter: "/ETSI.RFC3161", ..Forgery::none() }.make());
    assert_broken(&Forgery { sub_filter: "/ETSI.RFC3161", kind: "/DocTimeStamp", ..Forgery::none() }.make());
}

#[test]
fn an_unknown_sub_filter_is_undecided() {
    for sub_filter in ["/adbe.x509.rsa_sha1", "/adbe.pkcs7.sha1", "/GM.SM2", "null"] {
        let report = report(&Forgery { sub_filter, ..Forgery::none() }.make());
        assert_eq!((report.verdict, report.exit_code()), (Verdict::Undecided, 4));
        assert_eq!(report.signatures[0].integrity, Integrity::Unknown);
    }
}

#[test]
fn every_covered_octet_counts() {
    let bytes = signed_page();
    let gap = report(&bytes).signatures[0].byte_range.unwrap();
    for at in (0..bytes.len()).step_by(97).filter(|at| !(gap[1]..gap[2]).contains(&(*at as u64))) {
        let mut forged = bytes.clone();
        forged[at] ^= 1;
        let verdict = cinnabar_pdf::verify::verify(
            &forged,
            &super::people::options(),
            &cinnabar_pdf::syntax::Limits::default(),
        );
        if let Ok(report) = verdict {
            assert_ne!(report.verdict, Verdict::Valid, "octet {at}");
            assert_ne!(report.verdict, Verdict::TimestampOnly, "octet {at}");
        }
    }
}

#[test]
fn octets_inside_the_gap_cannot_hide_anything() {
    let bytes = signed_page();
    let [_, start, end, _] = report(&bytes).signatures[0].byte_range.unwrap();
    let (start, end) = (start as usize, end as usize);
    // Shorter string, the rest of the gap a comment, another entry, or white space.
    for filler in ["%00 ", "/Reason (forged)", "  "] {
        let mut forged = bytes.clone();
        forged[end - 1 - filler.len()] = b'>';
        forged[end - filler.len()..end].copy_from_slice(filler.as_bytes());
        assert_broken(&forged);
    }
    let mut forged = bytes;
    forged[start + 1] = b' ';
    assert_broken(&forged);
}

#[test]
fn a_signature_wrapped_around_other_content_is_broken() {
    // The signed tail is moved to the end, new content stands between: the gap is far wider than /Contents.
    let bytes = signed_page();
    let [_, start, end, tail] = report(&bytes).signatures[0].byte_range.unwrap();
    let (start, end) = (start as usize, end as usize);
    let between = b"\n4 0 obj\n<< /Length 22 >>\nstream\nBT (pay 1000000) Tj ET\nendstream\nendobj\n";
    let mut forged = bytes[..end].to_vec();
    forged.extend_from_slice(between);
    forged.extend_from_slice(&bytes[end..]);
    let at = memchr::memmem::rfind(&forged, b"/ByteRange").expect("there is a byte range");
    let open = at + forged[at..].iter().position(|b| *b == b'[').unwrap();
    let close = at + forged[at..].iter().position(|b| *b == b']').unwrap();
    let range = format!("0 {start} {} {tail}", end + between.len());
    let padded = format!("{range:<width$}", width = close - open - 1);
    assert_eq!(padded.len(), close - open - 1);
    forged.splice(open + 1..close, padded.bytes());
    let verdict = cinnabar_pdf::verify::verify(
        &forged,
        &super::people::options(),
        &cinnabar_pdf::syntax::Limits::default(),
    );
    assert!(!matches!(verdict, Ok(report) if report.verdict != Verdict::Invalid));
}

#[test]
fn a_signature_shared_by_two_fields_or_copied_from_elsewhere_is_broken() {
    let bytes = signed_page();
    let mut later = Later::than(&bytes);
    let (_, value) = later.seal();
    let fresh = later.next;
    later.set(1, "AcroForm", &format!("<< /SigFlags 3 /Fields [{} 0 R {fresh} 0 R] >>", later.seal().0));
    later.w.object(
        fresh,
        &format!("<< /FT /Sig /T (copy) /V {value} 0 R /Type /Annot /Subtype /Widget /Rect [0 0 0 0] >>"),
    );
    assert_broken(&later.finish());
    // The dictionary copied into a document that was never signed.
    let mut w = one_page();
    let copied =
        super::later::show(&cinnabar_pdf::syntax::Object::Dictionary(Later::than(&bytes).get(value)));
    w.object(1, "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [5 0 R] >> >>")
        .object(5, "<< /FT /Sig /T (s) /V 6 0 R >>")
        .object(6, &copied)
        .table("/Size 7 /Root 1 0 R");
    assert_broken(&w.bytes);
}

#[test]
fn values_that_are_no_indirect_dictionary_are_broken() {
    for value in [
        "null",
        "(x)",
        "99 0 R",
        "3 0 R",
        "4 0 R",
        "<< /Type /Sig /ByteRange [0 1 2 3] /Contents <3000> >>",
        "[]",
    ] {
        let mut w = one_page();
        w.object(1, "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [5 0 R] >> >>")
            .object(5, &format!("<< /FT /Sig /T (s) /V {value} >>"))
            .table("/Size 7 /Root 1 0 R");
        assert_broken(&w.bytes);
    }
    let mut w = Writer::new();
    w.object_stream(
        9,
        &[
            (1, "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [5 0 R] >> >>"),
            (2, "<< /Type /Pages /Kids [] /Count 0 >>"),
            (5, "<< /FT /Sig /T (s) /V 6 0 R >>"),
            (6, "<< /Type /Sig /ByteRange [0 100 200 300] /Contents <3000> >>"),
        ],
    );
    w.xref_stream(10, "/Size 11 /Root 1 0 R", &[(1, 9, 0), (2, 9, 1), (5, 9, 2), (6, 9, 3)]);
    assert_broken(&w.bytes);
}

#[test]
fn a_range_that_ends_inside_a_revision_is_partial() {
    let sound = Forgery::none().make();
    let [_, _, end, tail] = report(&sound).signatures[0].byte_range.unwrap();
    assert_eq!(end + tail, sound.len() as u64);
    let mut longer = sound;
    let mut later = Later::than(&longer);
    later.w.object(50, "(late)");
    longer = later.finish();
    // The range now says that it covers half of the second revision.
    let text = format!("{tail:08}");
    let at = memchr::memmem::find(&longer, text.as_bytes()).unwrap();
    longer.splice(at..at + 8, format!("{:08}", tail + 10).bytes());
    let report = assert_broken(&longer);
    assert_eq!(report.signatures[0].coverage, Coverage::Partial);
    assert!(!report.signatures[0].not_covered.is_empty());
}
