//! Keywords are found where poppler sees them.

use cinnabar_pdf::appearance::Placement;
use cinnabar_pdf::sign::{PrepareError, SignError, sign};
use cinnabar_pdf::syntax::{Document, Limits};
use cinnabar_pdf::text::{SearchError, find};

use super::peers::{corpus, keys, read, request, run, signed};

/// The middles of all words holding `text` on a page by pdftotext, in points from the top left.
fn poppler(name: &str, page: u32, text: &str) -> Vec<(f64, f64)> {
    let page = page.to_string();
    let file = corpus().join(format!("{name}.pdf"));
    let (status, said) = run("pdftotext", &[&"-bbox", &"-f", &page, &"-l", &page, &file, &"-"]);
    assert_eq!(status, 0, "{said}");
    let words = said.lines().filter(|line| line.contains("<word") && line.contains(text));
    words
        .map(|line| {
            let number = |key: &str| -> f64 {
                line.split(&format!("{key}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
            };
            (f64::midpoint(number("xMin"), number("xMax")), f64::midpoint(number("yMin"), number("yMax")))
        })
        .collect()
}

#[test]
fn keywords_are_found_where_poppler_sees_them() {
    // Each text is a whole word to pdftotext, so that its box is the keyword's.
    let cases = [
        ("chromium", 1, "（盖章）", "（盖章）"),
        ("chromium", 1, "示例市行政审批局", "示例市行政审批局"),
        ("qpdf-object-streams", 1, "（ 盖 章 ）", "（盖章）"),
        ("mutool-sanitised", 1, "(盖章)", "（盖章）"),
        ("ghostscript-from-cairo", 1, "电子证照", "电子证照"),
        ("cairo", 1, "电子证照", "电子证照"),
        ("reportlab-single", 1, "示例市行政审批局（盖章）", "示例市行政审批局（盖章）"),
        ("image-1m", 1, "image-1m,", "image-1m,"),
        ("debian-mime", 1, "specification", "specification"),
    ];
    for (name, page, keyword, word) in cases {
        let data = read(name);
        let document = Document::open(&data, &Limits::default()).unwrap();
        let found = find(&document, keyword, 1).unwrap_or_else(|error| panic!("{name} {keyword}: {error}"));
        assert_eq!(found.page, page, "{name} {keyword}");
        let page = document.page(page - 1).unwrap();
        let seen = (found.centre.0 - page.media_box[0], page.media_box[3] - found.centre.1);
        let words = poppler(name, found.page, word);
        let near = words.iter().any(|word| (word.0 - seen.0).abs() < 3.0 && (word.1 - seen.1).abs() < 6.0);
        assert!(near, "{name} {keyword}: {seen:?}, poppler has {words:?}");
    }
}

#[test]
fn occurrences_count_from_both_ends() {
    let data = read("many-pages");
    let document = Document::open(&data, &Limits::default()).unwrap();
    assert_eq!(find(&document, "行政许可", 1).unwrap().page, 1);
    assert_eq!(find(&document, "行政许可", 21).unwrap().page, 2);
    assert_eq!(find(&document, "第17页", 1).unwrap().page, 17);
    assert_eq!(find(&document, "盖章", -1).unwrap().page, 300);
    assert_eq!(find(&document, "盖章", -2).unwrap().page, 299);
    assert!(matches!(find(&document, "盖章", 301), Err(SearchError::NotFound { found: 300, .. })));
    assert!(matches!(find(&document, "盖章", 0), Err(SearchError::Zeroth)));
    assert!(matches!(find(&document, " \u{3000}", 1), Err(SearchError::EmptyText)));
}

#[test]
fn pages_in_either_order_are_the_pages_by_number() {
    for name in ["many-pages", "debian-reportlab", "rotated", "qpdf-linearised-streams"] {
        let data = read(name);
        let document = Document::open(&data, &Limits::default()).unwrap();
        let forwards: Vec<_> = document.pages(false).unwrap().map(Result::unwrap).collect();
        let mut backwards: Vec<_> = document.pages(true).unwrap().map(Result::unwrap).collect();
        backwards.reverse();
        assert_eq!(forwards.len(), document.page_count().unwrap() as usize, "{name}");
        for ((i, page), (j, other)) in forwards.iter().zip(&backwards) {
            let by_number = document.page(*i).unwrap();
            assert_eq!((i, page.id, page.rotate), (j, other.id, by_number.rotate));
            assert_eq!((by_number.id, by_number.crop_box), (page.id, other.crop_box));
        }
    }
}

#[test]
fn a_missing_keyword_is_a_reason_not_a_guess() {
    let placement = Placement::Keyword {
        text: "没有这个词".to_owned(),
        occurrence: 1,
        dx_mm: 0.0,
        dy_mm: 0.0,
        width_mm: 40.0,
        height_mm: 40.0,
    };
    let refused = sign(&read("chromium"), &request(Some(placement)), &keys().signer);
    let Err(SignError::Prepare(PrepareError::Search(SearchError::NotFound { found: 0, .. }))) = refused
    else {
        panic!("{refused:?}");
    };
}

#[test]
fn every_occurrence_is_sealed_in_one_signature() {
    let every = |text: &str| {
        let text = text.to_owned();
        request(Some(Placement::EveryKeyword {
            text,
            dx_mm: 0.0,
            dy_mm: 0.0,
            width_mm: 12.0,
            height_mm: 12.0,
        }))
    };
    let original = read("rotated");
    // 盖章 stands once on each of the four pages; the second signature sets widgets instead of stamps.
    let (once, _) = signed(&original, &every("（盖章）"));
    let (twice, _) = signed(&once, &every("第10行"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("every.pdf");
    std::fs::write(&file, &twice).unwrap();
    super::peers::assert_ours(&twice, 2);
    let document = Document::open(&original, &Limits::default()).unwrap();
    for needle in ["（盖章）", "第10行"] {
        let all = cinnabar_pdf::text::find_all(&document, needle, 10).unwrap();
        assert_eq!(all.iter().map(|found| found.page).collect::<Vec<_>>(), [1, 2, 3, 4], "{needle}");
    }
    for page in 1..=4 {
        for (renderer, rendered) in super::render::renderings(folder.path(), &file, page) {
            // Red is in none of the pages but in the seals' upper left quarters of 24 x 24 pixels.
            let places = (0..rendered.height).flat_map(|y| (0..rendered.width).map(move |x| (x, y)));
            let red = places.filter(|(x, y)| rendered.pixel(*x, *y) == [220, 0, 0]).count();
            assert!(red > 24 * 24 * 5 / 4, "page {page} by {renderer}: {red} red pixels are not two seals'");
        }
    }
    let few = cinnabar_pdf::text::find_all(&document, "行", 3);
    assert!(matches!(few, Err(cinnabar_pdf::text::SearchError::TooMany { limit: 3, .. })));
}
