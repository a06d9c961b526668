//! The seal is seen where it was asked for, upright, by two renderers.

use std::path::Path;

use super::peers::{at, read, request, run, signed};

/// A rendered page: RGB.
pub struct Rendered {
    pub width: usize,
    pub height: usize,
    pixels: Vec<u8>,
}

impl Rendered {
    pub fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        let at = (y * self.width + x) * 3;
        self.pixels[at..at + 3].try_into().unwrap()
    }

    pub fn at_mm(&self, x: f64, y: f64) -> [u8; 3] {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "places on a page")]
        let pixel = |mm: f64| (mm / 25.4 * f64::from(DPI)) as usize;
        let at = (pixel(y).min(self.height - 1) * self.width + pixel(x).min(self.width - 1)) * 3;
        self.pixels[at..at + 3].try_into().unwrap()
    }
}

const DPI: u32 = 100;

/// A binary PPM.
fn ppm(data: &[u8]) -> Rendered {
    let mut numbers = Vec::new();
    let mut at = 2;
    while numbers.len() < 3 {
        while data[at].is_ascii_whitespace() {
            at += 1;
        }
        if data[at] == b'#' {
            at += data[at..].iter().position(|&byte| byte == b'\n').unwrap();
            continue;
        }
        let end = at + data[at..].iter().position(u8::is_ascii_whitespace).unwrap();
        numbers.push(std::str::from_utf8(&data[at..end]).unwrap().parse::<usize>().unwrap());
        at = end;
    }
    Rendered { width: numbers[0], height: numbers[1], pixels: data[at + 1..].to_vec() }
}

pub fn renderings(folder: &Path, file: &Path, page: u32) -> Vec<(&'static str, Rendered)> {
    let poppler = folder.join("poppler");
    let (dpi, number) = (DPI.to_string(), page.to_string());
    let (status, said) = run(
        "pdftoppm",
        &[&"-cropbox", &"-r", &dpi, &"-f", &number, &"-l", &number, &"-singlefile", &file, &poppler],
    );
    assert_eq!(status, 0, "{said}");
    let mupdf = folder.join("mupdf.ppm");
    let (status, said) =
        run("mutool", &[&"draw", &"-q", &"-r", &dpi, &"-c", &"rgb", &"-o", &mupdf, &file, &number]);
    assert_eq!(status, 0, "{said}");
    let poppler = std::fs::read(poppler.with_extension("ppm")).unwrap();
    vec![("poppler", ppm(&poppler)), ("mupdf", ppm(&std::fs::read(mupdf).unwrap()))]
}

/// The quarters of the seal at (x, y), width by height, are where they belong; the transparent one shows the paper.
pub fn assert_seal(rendered: &Rendered, what: &str, [x, y, width, height]: [f64; 4]) {
    let quarters = [
        (0.25, 0.25, [220, 0, 0]),
        (0.75, 0.25, [0, 160, 0]),
        (0.25, 0.75, [0, 0, 220]),
        // Just inside the corners: the edges are where they should be.
        (0.03, 0.03, [220, 0, 0]),
        (0.97, 0.03, [0, 160, 0]),
        (0.03, 0.97, [0, 0, 220]),
    ];
    for (across, down, colour) in quarters {
        let seen = rendered.at_mm(x + across * width, y + down * height);
        let near = seen.iter().zip(colour).all(|(&seen, wanted): (&u8, u8)| seen.abs_diff(wanted) < 40);
        assert!(near, "{what}: {seen:?} instead of {colour:?} at {across}, {down}");
    }
    // Just outside, and in the transparent quarter, nothing is painted.
    for (across, down) in [(-0.06, 0.25), (0.25, -0.06), (1.06, 0.25), (0.25, 1.06), (0.75, 0.75)] {
        let seen = rendered.at_mm(x + across * width, y + down * height);
        let coloured = seen.iter().max().unwrap() - seen.iter().min().unwrap() > 60;
        assert!(!coloured, "{what}: {seen:?} at {across}, {down}");
    }
}

#[test]
fn the_seal_stands_upright_where_it_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let place = [25.0, 41.0, 30.0, 20.0];
    let pages = [
        ("rotated", 1),
        ("rotated", 2),
        ("rotated", 3),
        ("rotated", 4),
        ("cropped", 1),
        ("chromium", 2),
        ("cairo", 3),
        ("scanned", 1),
        ("qpdf-linearised-streams", 1),
        ("ghostscript", 1),
        ("form", 1),
        ("leading-junk", 1),
    ];
    for (name, page) in pages {
        let (whole, _) = signed(&read(name), &request(at(page, place[0], place[1], place[2], place[3])));
        let file = folder.path().join(format!("{name}.pdf"));
        std::fs::write(&file, whole).unwrap();
        for (renderer, rendered) in renderings(folder.path(), &file, page) {
            assert_seal(&rendered, &format!("{name} page {page} by {renderer}"), place);
        }
    }
}

#[test]
fn user_units_scale_the_page_and_not_the_seal() {
    let original = super::forms::minimal("/UserUnit 2/Rotate 90/CropBox[10 20 290 410]", "", "");
    let folder = tempfile::tempdir().unwrap();
    let place = [40.0, 30.0, 40.0, 40.0];
    let (whole, _) = signed(&original, &request(at(1, place[0], place[1], place[2], place[3])));
    let file = folder.path().join("unit.pdf");
    std::fs::write(&file, whole).unwrap();
    // Poppler does not know /UserUnit; mupdf does.
    let (_, rendered) = renderings(folder.path(), &file, 1).pop().unwrap();
    assert!(rendered.width.abs_diff(1_083) <= 1, "390 units of 1/36 inch");
    assert_seal(&rendered, "UserUnit by mupdf", place);
}
