//! Foreign programs that judge what we made. Each function ends the test with the program's own words when it disagrees.

use std::path::Path;
use std::process::Command;

use crate::corpus;
use crate::process::{Done, finish, run};

/// pdfsig (poppler): `signatures` valid ones, the last covering the whole file.
#[track_caller]
pub fn pdfsig_accepts(pdf: &Path, signatures: usize) {
    let done = run("pdfsig", [Path::new("-nocert"), pdf]);
    let valid = done.stdout.matches("Signature Validation: Signature is Valid.").count();
    assert_eq!(valid, signatures, "pdfsig: {}", done.told());
    let coverage = done.stdout.lines().rfind(|line| line.contains("document signed")).unwrap_or_default();
    assert!(coverage.contains("- Total document signed"), "pdfsig: {}", done.told());
}

/// pyHanko: every signature valid and trusted under `root`, covering the whole file, judged as PAdES-compatible.
#[track_caller]
pub fn pyhanko_accepts(pdf: &Path, root: &Path) {
    let done = pyhanko(pdf, root);
    let report = done.json();
    let signatures = report.as_array().unwrap_or_else(|| panic!("pyHanko: {}", done.told()));
    assert!(!signatures.is_empty(), "pyHanko found no signature in {}", pdf.display());
    for signature in signatures {
        for claim in ["valid", "intact", "trusted", "bottom_line"] {
            assert_eq!(signature[claim], true, "pyHanko: not {claim}: {}", done.told());
        }
    }
    let last = signatures.last().unwrap_or_else(|| panic!("pyHanko: {}", done.told()));
    assert_eq!(last["coverage"], "ENTIRE_FILE", "pyHanko: {}", done.told());
}

/// pyHanko's verdict as JSON, one object per signature, whatever it is.
pub fn pyhanko(pdf: &Path, root: &Path) -> Done {
    pyhanko_on(pdf, root, &[])
}

/// As [`pyhanko`], document time-stamps among the signatures.
pub fn pyhanko_on_all(pdf: &Path, root: &Path) -> Done {
    pyhanko_on(pdf, root, &["all"])
}

fn pyhanko_on(pdf: &Path, root: &Path, more: &[&str]) -> Done {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/support/judge_with_pyhanko.py");
    let mut command = Command::new(corpus::python().join("python"));
    command.arg(script).arg(pdf).arg(root).args(more);
    finish(command)
}

/// Draws over the first page of a sealed PDF with a further signature's picture, as an attacker does: pyHanko, kept from asking
/// for leave.
#[track_caller]
pub fn sneaked(pdf: &Path, out: &Path) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/support/sneak_with_pyhanko.py");
    let mut command = Command::new(corpus::python().join("python"));
    command.arg(script).arg(pdf).arg(out);
    finish(command).ok();
}

/// openssl: the CMS of the last signature verifies over the octets its `ByteRange` names, up to `root`, at the time of signing.
#[track_caller]
pub fn openssl_accepts(pdf: &Path, root: &Path) {
    let folder = corpus::scratch();
    let (content, cms) = (folder.path().join("content"), folder.path().join("cms.der"));
    let (signed, container) = signed_octets(&std::fs::read(pdf).expect("the PDF"));
    std::fs::write(&content, signed).expect("content");
    std::fs::write(&cms, container).expect("cms");
    let mut command = Command::new("openssl");
    command.args(["cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any", "-out", "/dev/null"]);
    command.arg("-in").arg(&cms).arg("-content").arg(&content).arg("-CAfile").arg(root);
    let done = finish(command).ok();
    assert!(done.stderr.contains("CMS Verification successful"), "openssl: {}", done.told());
}

/// The octets the last signature covers, and its CMS without the padding of the hole. A reading of its own: nothing of the
/// `pdf` crate, only the last `/ByteRange` of the file.
#[track_caller]
pub fn signed_octets(pdf: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let at = find_last(pdf, b"/ByteRange").expect("a ByteRange");
    let open = at + pdf[at..].iter().position(|&b| b == b'[').expect("[");
    let close = open + pdf[open..].iter().position(|&b| b == b']').expect("]");
    let text = std::str::from_utf8(&pdf[open + 1..close]).expect("numbers");
    let range: Vec<usize> = text.split_whitespace().map(|n| n.parse().expect("number")).collect();
    let [start, length, second, rest] = range[..] else { panic!("ByteRange of {} numbers", range.len()) };
    let mut signed = pdf[start..start + length].to_vec();
    signed.extend_from_slice(&pdf[second..second + rest]);
    let hole = &pdf[start + length..second];
    assert_eq!(
        (hole.first(), hole.last()),
        (Some(&b'<'), Some(&b'>')),
        "the gap is exactly the hexadecimal string"
    );
    let padded: Vec<u8> = hole[1..hole.len() - 1]
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("hex"), 16).expect("hex"))
        .collect();
    (signed, padded[..der_length(&padded)].to_vec())
}

/// Length of the DER element at the start of `data`, header included.
fn der_length(data: &[u8]) -> usize {
    let first = usize::from(data[1]);
    if first < 0x80 {
        return 2 + first;
    }
    let count = first & 0x7f;
    2 + count + data[2..2 + count].iter().fold(0, |n, &b| (n << 8) | usize::from(b))
}

/// Where `needle` begins for the last time.
pub fn find_last(data: &[u8], needle: &[u8]) -> Option<usize> {
    data.windows(needle.len()).rposition(|window| window == needle)
}

/// qpdf --check: exit status and what it complains of, with file names and offsets taken out so that two files can be compared.
pub fn qpdf_complaints(pdf: &Path) -> Vec<String> {
    let done = run("qpdf", [Path::new("--check"), pdf]);
    assert!(matches!(done.code, Some(0 | 3)), "qpdf: {}", done.told());
    let mut found: Vec<String> = done
        .stderr
        .lines()
        .filter(|line| line.contains("WARNING"))
        .map(|line| {
            let words = line.rsplit(": ").next().unwrap_or(line);
            words.chars().filter(|c| !c.is_ascii_digit()).collect()
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

/// qpdf finds nothing in the sealed file that was not in the original.
#[track_caller]
pub fn qpdf_finds_nothing_new(original: &Path, sealed: &Path) {
    let before = qpdf_complaints(original);
    let new: Vec<String> = qpdf_complaints(sealed).into_iter().filter(|c| !before.contains(c)).collect();
    assert!(new.is_empty(), "qpdf --check {}: {new:?}", sealed.display());
}

/// Renders the first page small, with poppler; the test looks whether anything (a red seal) appears. RGB octets.
#[track_caller]
pub fn rendered(pdf: &Path, page: u32) -> (u32, u32, Vec<u8>) {
    let folder = corpus::scratch();
    let out = folder.path().join("page");
    let number = page.to_string();
    let mut command = Command::new("pdftoppm");
    command.args(["-r", "40", "-f", &number, "-l", &number, "-singlefile", "-cropbox"]).arg(pdf).arg(&out);
    finish(command).ok();
    let ppm = std::fs::read(out.with_extension("ppm")).expect("rendered page");
    // P6\nWIDTH HEIGHT\n255\nRGB…
    let mut lines = ppm.splitn(4, |&b| b == b'\n');
    assert_eq!(lines.next(), Some(&b"P6"[..]));
    let size = String::from_utf8(lines.next().expect("size").to_vec()).expect("size");
    let (width, height) = size.split_once(' ').expect("size");
    lines.next();
    (width.parse().expect("width"), height.parse().expect("height"), lines.next().expect("pixels").to_vec())
}

/// How many pixels are clearly red.
pub fn red_pixels(pdf: &Path, page: u32) -> usize {
    let (_, _, pixels) = rendered(pdf, page);
    pixels.chunks(3).filter(|p| matches!(p, [r, g, b] if *r > 140 && *g < 110 && *b < 110)).count()
}
