//! Damaged files: never a panic, never long, never valid.

use std::time::{Duration, Instant};

use cinnabar_pdf::sign::{DocMdp, SignatureRequest};
use cinnabar_pdf::syntax::{Document, Limits, ObjectId};
use cinnabar_pdf::verify::{Report, Unreadable, Verdict, verify};

use super::later::{Later, signed_form};
use super::people::{invisible, options, people, signed, visible};
use super::support::{Writer, one_page};

/// Signed files of every construction.
fn specimens() -> Vec<Vec<u8>> {
    let mut w = Writer::new();
    w.object_stream(
        9,
        &[
            (1, "<< /Type /Catalog /Pages 2 0 R >>"),
            (2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"),
            (3, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"),
        ],
    );
    w.xref_stream(10, "/Size 11 /Root 1 0 R", &[(1, 9, 0), (2, 9, 1), (3, 9, 2)]);
    let certify = SignatureRequest { certify: Some(DocMdp::FormsAndSignatures), ..invisible() };
    let twice = signed(&signed(&one_page().bytes, &certify, &people().seal), &invisible(), &people().other);
    let mut later = Later::than(&signed_form());
    later.set(6, "V", "(Zhang)");
    vec![signed(&w.bytes, &visible(20.0), &people().seal), twice, later.finish()]
}

fn bounded(bytes: &[u8]) -> Result<Report, Unreadable> {
    let start = Instant::now();
    let result = verify(&bytes, &options(), &Limits::default());
    assert!(start.elapsed() < Duration::from_secs(10), "took {:?}", start.elapsed());
    result
}

/// A small generator, so that every run makes the same damage.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }
}

#[test]
fn damage_never_panics_and_never_passes() {
    let mut random = Random(42);
    for specimen in specimens() {
        let original = bounded(&specimen).unwrap();
        assert_eq!(original.verdict, Verdict::Valid);
        let gaps: Vec<[u64; 4]> = original.signatures.iter().filter_map(|s| s.byte_range).collect();
        for _ in 0..1500 {
            let mut bytes = specimen.clone();
            let mut covered = false;
            for _ in 0..=random.next(3) {
                let at = random.next(bytes.len());
                // The last signature's range covers everything but its gap and what follows it.
                let [_, start, end, tail] = *gaps.last().unwrap();
                let outside = (start..end).contains(&(at as u64)) || at as u64 >= end + tail;
                let damage = match random.next(4) {
                    0 => bytes[at] ^ (1 << random.next(8)),
                    1 => b' ',
                    2 => b"0123456789<>[]()/%R"[random.next(19)],
                    _ => random.next(256) as u8,
                };
                covered |= !outside && damage != bytes[at];
                bytes[at] = damage;
            }
            let result = bounded(&bytes);
            if covered {
                assert!(!matches!(result, Ok(report) if report.verdict == Verdict::Valid));
            }
        }
    }
}

#[test]
fn truncation_never_panics_and_never_passes() {
    for specimen in specimens() {
        let ends: Vec<usize> =
            (0..specimen.len()).step_by(211).chain(specimen.len() - 40..specimen.len()).collect();
        for end in ends {
            let whole = specimen[..end].trim_ascii_end() == specimen.trim_ascii_end();
            // An earlier revision cut at its end is the file that was signed then; an unsigned one may lack its
            // end-of-file marker, which is said.
            let ended = |report: &Report| {
                specimen[..end].trim_ascii_end().ends_with(b"%%EOF") || !report.file.oddities.is_empty()
            };
            let result = bounded(&specimen[..end]);
            assert!(
                whole || !matches!(result, Ok(report) if report.verdict == Verdict::Valid && !ended(&report)),
                "{end}"
            );
        }
    }
}

#[test]
fn pieces_moved_and_repeated_never_panic() {
    let mut random = Random(7);
    for specimen in specimens() {
        let signatures = bounded(&specimen).unwrap().signatures;
        let [_, start, end, tail] = signatures.iter().filter_map(|s| s.byte_range).next_back().unwrap();
        let [start, end, tail] = [start, end, tail].map(|at| usize::try_from(at).unwrap());
        for _ in 0..300 {
            let (from, length) = (random.next(specimen.len()), random.next(400));
            let piece = specimen[from..(from + length).min(specimen.len())].to_vec();
            let at = random.next(specimen.len());
            let mut bytes = specimen.clone();
            if random.next(2) == 0 {
                bytes.splice(at..at, piece);
            } else {
                bytes.splice(at..(at + piece.len()).min(specimen.len()), piece);
            }
            // What the last signature covers is untouched: only its gap, whose certificates and padding nobody
            // signed, or what a later revision may say was changed.
            let untouched = bytes.get(..start) == specimen.get(..start)
                && bytes.get(end..end + tail) == specimen.get(end..end + tail);
            let result = bounded(&bytes);
            assert!(untouched || !matches!(result, Ok(report) if report.verdict == Verdict::Valid));
        }
    }
}

#[test]
fn every_object_of_a_damaged_file_can_be_asked_for() {
    let mut random = Random(3);
    for specimen in specimens() {
        for _ in 0..300 {
            let mut bytes = specimen.clone();
            let at = random.next(bytes.len());
            bytes[at] = random.next(256) as u8;
            let Ok(document) = Document::open(&bytes, &Limits::default()) else { continue };
            for number in 0..40 {
                let _ = document.object(ObjectId { number, generation: 0 });
            }
            let _ = document.page_count();
            let _ = document.page(0);
        }
    }
}

#[test]
fn thousands_of_revisions_fields_and_signatures_are_too_complex_or_quick() {
    // Revisions beyond the budget.
    let mut w = one_page();
    for _ in 0..1_100 {
        w.object(4, "null").table("/Size 5 /Root 1 0 R");
    }
    assert!(bounded(&w.bytes).is_err_and(|error| error.is_too_complex()));
    // As many as the budget allows, each with the whole form to be read again.
    let mut w = one_page();
    let kids: String = (100..600).map(|n| format!("{n} 0 R ")).collect();
    w.object(1, &format!("<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [{kids}] >> >>"));
    for n in 100..600 {
        w.object(n, &format!("<< /FT /Sig /T (s{n}) /V {n} 0 R >>"));
    }
    w.table("/Size 700 /Root 1 0 R");
    for _ in 0..900 {
        w.object(4, "null").table("/Size 700 /Root 1 0 R");
    }
    let _ = bounded(&w.bytes);
    // A form whose fields are each other's kids.
    let mut w = one_page();
    w.object(1, "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [5 0 R 6 0 R] >> >>")
        .object(5, "<< /T (a) /Kids [6 0 R 5 0 R] >>")
        .object(6, "<< /T (b) /Kids [5 0 R 6 0 R] /FT /Sig /V 1 0 R >>")
        .table("/Size 7 /Root 1 0 R");
    let _ = bounded(&w.bytes);
    // One field with many kids, named over and over; then many nodes that share one long list of kids.
    let mut w = one_page();
    let many = |what: &str, count: usize| what.repeat(count);
    let fields = many("5 0 R ", 60_000);
    w.object(1, &format!("<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [{fields}] >> >>"))
        .object(5, &format!("<< /FT /Sig /T (x) /Kids [{}] >>", many("5 0 R ", 1_000)))
        .table("/Size 6 /Root 1 0 R");
    let report = bounded(&w.bytes).unwrap();
    assert!(report.warnings.len() < 10, "a repetition is said once: {}", report.warnings.len());
    let mut w = one_page();
    let fields: String = (100..1_100).map(|n| format!("{n} 0 R ")).collect();
    w.object(1, &format!("<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [{fields}] >> >>"))
        .object(5, &format!("[{}]", many("6 0 R ", 60_000)))
        .object(6, "<< /FT /Tx >>");
    for n in 100..1_100 {
        w.object(n, &format!("<< /T (s{n}) /Kids 5 0 R >>"));
    }
    w.table("/Size 1100 /Root 1 0 R");
    assert!(bounded(&w.bytes).is_err_and(|error| error.is_too_complex()));
}
