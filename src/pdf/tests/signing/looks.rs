//! What stands beside a seal: drawn by two renderers, read by other programs.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use cinnabar_pdf::appearance::{
    AppearanceError, Font, FontError, Lines, LinesError, Placement, Qr, SealAppearance, Side,
};
use cinnabar_pdf::sign::{PrepareError, SignError, SignatureRequest, sign};

use super::peers::{assert_ours, assert_pdfsig, at, keys, qpdf_check, read, request, run, signed};
use super::render::{Rendered, assert_seal, renderings};

/// Noto Serif CJK, simplified Chinese: a collection with CFF outlines.
pub fn song() -> Arc<Font> {
    static FONT: OnceLock<Arc<Font>> = OnceLock::new();
    FONT.get_or_init(|| font("/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc", 2)).clone()
}

/// DejaVu Sans: TrueType outlines, composite glyphs.
pub fn dejavu() -> Arc<Font> {
    static FONT: OnceLock<Arc<Font>> = OnceLock::new();
    FONT.get_or_init(|| font("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", 0)).clone()
}

/// Nimbus Sans: CFF outlines by name instead of by number.
fn nimbus() -> Arc<Font> {
    font("/usr/share/fonts/opentype/urw-base35/NimbusSans-Regular.otf", 0)
}

fn font(path: &str, index: u32) -> Arc<Font> {
    let data = std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}: tests/peers installs it"));
    Arc::new(Font::parse(data.into(), index).unwrap())
}

pub fn chinese() -> Vec<String> {
    [
        "示例市行政审批局",
        "2026-01-12 09:30 +08:00",
        "准予行政许可，依据《行政许可法》第三十八条第一款作出本决定",
        "编号 No. 2026-0042",
    ]
    .map(str::to_owned)
    .to_vec()
}

pub fn with(placement: Option<Placement>, change: impl FnOnce(&mut SealAppearance)) -> SignatureRequest {
    let mut request = request(placement);
    change(request.appearance.as_mut().unwrap());
    request
}

/// Whether anything is drawn in a rectangle given in millimetres.
pub fn ink(page: &Rendered, [x, y, width, height]: [f64; 4]) -> bool {
    let steps = |length: f64| (0..).map(|step| f64::from(step) * 0.2).take_while(move |at| *at < length);
    steps(height).any(|dy| steps(width).any(|dx| page.at_mm(x + dx, y + dy).iter().any(|part| *part < 128)))
}

fn text_of(file: &Path, page: u32) -> String {
    let number = page.to_string();
    let (status, said) = run("mutool", &[&"draw", &"-q", &"-F", &"text", &"-o", &"-", &file, &number]);
    assert_eq!(status, 0, "{said}");
    said
}

#[test]
fn lines_stand_beside_the_seal_and_can_be_read_and_copied() {
    let folder = tempfile::tempdir().unwrap();
    let english = ["Example Bureau: Zoë Ærø".to_owned(), "Approved 2026-01-12".to_owned()].to_vec();
    // Where text is expected: the block's box beside a seal of 20 mm at (85, 120).
    let cases = [
        ("right", song(), chinese(), Side::Right, [108.0, 118.0, 50.0, 24.0]),
        ("left", song(), chinese(), Side::Left, [25.0, 118.0, 57.0, 24.0]),
        ("below", dejavu(), english.clone(), Side::Below, [75.0, 142.0, 40.0, 10.0]),
        ("above", nimbus(), english, Side::Above, [75.0, 108.0, 40.0, 10.0]),
    ];
    for page in 1..=4 {
        for (name, font, text, side, place) in cases.clone() {
            let wanted = with(at(page, 85.0, 120.0, 20.0, 20.0), |appearance| {
                appearance.lines =
                    Some(Lines { side, width_mm: 57.0, ..Lines::new(text.clone(), font.clone()) });
            });
            let (whole, _) = signed(&read("rotated"), &wanted);
            let file = folder.path().join(format!("{name}-{page}.pdf"));
            std::fs::write(&file, &whole).unwrap();
            for (renderer, rendered) in renderings(folder.path(), &file, page) {
                let what = format!("{name} on page {page} by {renderer}");
                assert_seal(&rendered, &what, [85.0, 120.0, 20.0, 20.0]);
                assert!(ink(&rendered, place), "{what}: no text at {place:?}");
                let [x, y, width, height] = place;
                for outside in [[x, y - 4.0, width, 2.0], [x, y + height + 2.0, width, 2.0]] {
                    // The other pages' own text runs there, turned.
                    let beside_seal = outside[1] + 2.0 < 119.0 || outside[1] > 141.0;
                    assert!(
                        page > 1 || !beside_seal || !ink(&rendered, outside),
                        "{what}: ink at {outside:?}"
                    );
                }
            }
            let read: String = text_of(&file, page).split_whitespace().collect();
            let meant: String = text.concat().split_whitespace().collect();
            // Wrapped lines are read one after the other, so the text is whole without its white space.
            assert!(read.contains(&meant), "{name}: {meant} not in {read}");
            if page == 1 {
                assert_pdfsig(&file, 1);
                assert_ours(&whole, 1);
                assert_eq!(qpdf_check(&file).0, 0, "{name}");
                let (status, said) = run("pdffonts", &[&file]);
                assert_eq!(status, 0);
                let ours = said.lines().find(|line| line.contains('+')).unwrap_or_else(|| panic!("{said}"));
                assert!(ours.contains("yes yes yes"), "embedded, subset, with Unicode: {said}");
            }
        }
    }
}

#[test]
fn the_subset_holds_only_what_is_used_and_is_the_same_whatever_was_sealed_before() {
    let wanted = |number: &str| {
        let lines = Lines::new(vec![format!("编号 {number}")], song());
        with(at(1, 20.0, 20.0, 20.0, 20.0), |appearance| appearance.lines = Some(lines))
    };
    let original = read("reportlab-single");
    let (first, signed_first) = signed(&original, &wanted("2026-0042"));
    let (second, _) = signed(&original, &wanted("2031-7985"));
    let (again, _) = signed(&original, &wanted("2026-0042"));
    let program = |whole: &[u8]| {
        let at = whole.windows(14).rposition(|window| window == b"/CIDFontType0C").unwrap();
        whole[at..at + 2_000].to_vec()
    };
    assert_eq!(program(&first), program(&second), "other digits, same subset");
    assert_eq!(program(&first), program(&again));
    assert!(signed_first.tail.len() < 40_000, "{} octets for a dozen glyphs", signed_first.tail.len());
}

#[test]
fn characters_the_font_lacks_are_named() {
    let refused = |text: &str, font: Arc<Font>| {
        let wanted = with(at(1, 20.0, 20.0, 20.0, 20.0), |appearance| {
            appearance.lines = Some(Lines::new(vec![text.to_owned()], font));
        });
        match sign(&read("reportlab-single").as_slice(), &wanted, &keys().signer) {
            Err(SignError::Prepare(PrepareError::Appearance(AppearanceError::Lines(error)))) => error,
            Ok(_) => panic!("signed"),
            Err(other) => panic!("{other:?}"),
        }
    };
    let missing = refused("abc 章", dejavu());
    assert!(
        matches!(&missing, LinesError::Font(FontError::MissingGlyph { character: '章', .. })),
        "{missing}"
    );
    assert!(missing.to_string().contains("`章` (U+7AE0)"));
    let joining = refused("ئۇيغۇر", dejavu());
    assert!(matches!(joining, LinesError::Font(FontError::Joining { .. })));
    let too_much = refused(&"字".repeat(2_001), song());
    assert!(matches!(too_much, LinesError::TooMuch { .. }));
    assert!(matches!(refused("\u{7}", song()), LinesError::Font(FontError::MissingGlyph { .. })));
}

#[test]
fn a_qr_symbol_stands_beside_the_seal() {
    let link = "https://verify.example/r/7Q2M9KXT4B";
    let folder = tempfile::tempdir().unwrap();
    for page in 1..=4 {
        let wanted = with(at(page, 60.0, 60.0, 30.0, 30.0), |appearance| {
            appearance.qr = Some(Qr::new(link, 24.0, Side::Right).unwrap());
            appearance.lines = Some(Lines { side: Side::Below, ..Lines::new(chinese(), song()) });
        });
        let (whole, _) = signed(&read("rotated"), &wanted);
        let file = folder.path().join("qr.pdf");
        std::fs::write(&file, &whole).unwrap();
        let code = qrcode::QrCode::with_error_correction_level(link, qrcode::EcLevel::M).unwrap();
        let (modules, colours) = (u32::try_from(code.width()).unwrap(), code.to_colors());
        let edge = f64::from(modules + 8);
        for (renderer, rendered) in renderings(folder.path(), &file, page) {
            assert_seal(&rendered, renderer, [60.0, 60.0, 30.0, 30.0]);
            let (left, top) = (91.0 + 24.0 * 4.0 / edge, 63.0 + 24.0 * 4.0 / edge);
            let module = 24.0 / edge;
            for (number, colour) in (0u32..).zip(&colours) {
                let (x, y) = (f64::from(number % modules) + 0.5, f64::from(number / modules) + 0.5);
                let seen = rendered.at_mm(left + x * module, top + y * module);
                let dark = *colour == qrcode::Color::Dark;
                assert_eq!(seen[0] < 128, dark, "page {page} by {renderer}: module {x}, {y}");
            }
        }
    }
}

#[test]
fn in_a_field_the_seal_is_as_large_as_the_text_beside_it_allows() {
    let field = "<</Type/Annot/Subtype/Widget/FT/Sig/T(S)/P 3 0 R/Rect[20 300 220 380]>>";
    let original = super::forms::minimal("/Annots[5 0 R]", "/AcroForm<</Fields[5 0 R]>>", field);
    let into = |size_pt: f64| {
        let lines = Lines { size_pt, ..Lines::new(chinese(), song()) };
        let wanted = with(Some(Placement::Field), |appearance| appearance.lines = Some(lines));
        SignatureRequest { field_name: Some("S".to_owned()), ..wanted }
    };
    let (whole, _) = signed(&original, &into(6.0));
    assert_ours(&whole, 1);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("field.pdf");
    std::fs::write(&file, &whole).unwrap();
    let mm = |points: f64| points * 25.4 / 72.0;
    let (left, top, width, height) = (mm(20.0), mm(40.0), mm(200.0), mm(80.0));
    for (renderer, page) in renderings(folder.path(), &file, 1) {
        let columns: Vec<bool> =
            (0..70).map(|x| ink(&page, [left + f64::from(x), top, 0.8, height])).collect();
        assert!(columns.iter().filter(|inked| **inked).count() > 50, "{renderer}: {columns:?}");
        for outside in [
            [left - 3.0, top, 2.5, height],
            [left + width + 0.5, top, 2.5, height],
            [left, top - 3.0, width, 2.5],
            [left, top + height + 0.5, width, 2.5],
        ] {
            assert!(!ink(&page, outside), "{renderer}: ink outside the field at {outside:?}");
        }
    }
    // Text that leaves no room for a seal, or does not fit itself.
    for size_pt in [12.0, 40.0] {
        let Err(SignError::Prepare(PrepareError::Appearance(error))) =
            sign(&original.as_slice(), &into(size_pt), &keys().signer)
        else {
            panic!("{size_pt} pt fit")
        };
        assert!(matches!(error, AppearanceError::NoRoom { .. }), "{error}");
    }
}
