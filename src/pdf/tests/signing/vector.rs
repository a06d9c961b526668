//! SVG seals: as shapes, as pixels where PDF lacks what they use, and refused where they lead outside.

use std::sync::Arc;

use cinnabar_pdf::appearance::{
    Font, FontError, ImageError, ImageLimits, Lines, Made, SealAppearance, SealImage,
};
use cinnabar_pdf::sign::prepare;
use cinnabar_pdf::syntax::{Document, Limits};

use super::looks::{dejavu, song};
use super::peers::{assert_ours, at, qpdf_check, read, request, signed};
use super::render::{Rendered, assert_seal, renderings};

fn svg(body: &str) -> Vec<u8> {
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' viewBox='0 0 100 100'>{body}</svg>"
    )
    .into_bytes()
}

fn image(body: &str) -> Result<SealImage, ImageError> {
    SealImage::from_svg(&svg(body), &ImageLimits::default(), &[song()])
}

/// The four quarters that the tests know, as shapes.
const QUARTERS: &str = "<rect width='50' height='50' fill='rgb(220,0,0)'/>\
    <g transform='translate(50 0)'><path d='M0 0h50v50h-50z' fill='rgb(0,160,0)'/></g>\
    <rect y='50' width='50' height='50' style='fill:rgb(0,0,220)'/>";

fn sealed(image: SealImage, page: u32, place: [f64; 4]) -> Vec<u8> {
    let [x, y, width, height] = place;
    let mut wanted = request(at(page, x, y, width, height));
    let placement = wanted.appearance.as_ref().unwrap().placement.clone();
    wanted.appearance = Some(SealAppearance::new(Arc::new(image), placement));
    let (whole, _) = signed(&read("rotated"), &wanted);
    assert_ours(&whole, 1);
    whole
}

fn rendered(image: SealImage, page: u32, place: [f64; 4]) -> Vec<(&'static str, Rendered)> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("svg.pdf");
    std::fs::write(&file, sealed(image, page, place)).unwrap();
    assert_eq!(qpdf_check(&file).0, 0);
    renderings(folder.path(), &file, page)
}

#[test]
fn shapes_stand_where_pixels_would_on_pages_turned_any_way() {
    let seal = image(QUARTERS).unwrap();
    assert_eq!(seal.made(), Made::Shapes);
    assert_eq!((seal.width(), seal.height()), (100, 100));
    for page in 1..=4 {
        for (renderer, rendered) in rendered(seal.clone(), page, [25.0, 41.0, 30.0, 20.0]) {
            assert_seal(&rendered, &format!("page {page} by {renderer}"), [25.0, 41.0, 30.0, 20.0]);
        }
    }
}

#[test]
fn the_same_picture_as_shapes_and_as_pixels() {
    let picture = "<defs><clipPath id='c'><circle cx='50' cy='50' r='46'/></clipPath>\
        <linearGradient id='l' x1='0' x2='1' y1='0' y2='0'><stop offset='0.2' stop-color='#d00'/><stop offset='0.8' stop-color='#00d'/></linearGradient>\
        <radialGradient id='r'><stop offset='0' stop-color='#fff'/><stop offset='1' stop-color='#060'/></radialGradient></defs>\
        <g clip-path='url(#c)'><rect width='100' height='100' fill='url(#l)'/></g>\
        <circle cx='50' cy='50' r='25' fill='url(#r)' stroke='#000' stroke-width='3' stroke-dasharray='9 3'/>\
        <g opacity='0.5'><rect x='10' y='60' width='40' height='12' fill='#ff0'/><rect x='30' y='60' width='40' height='12' fill='#ff0'/></g>\
        <path d='M20 20 Q50 0 80 20 T 80 40' fill='none' stroke='#0a0' stroke-width='4' stroke-opacity='0.7'/>\
        <text x='50' y='92' font-size='9' text-anchor='middle' fill='#900'>行政 Seal</text>";
    let place = [20.0, 110.0, 80.0, 80.0];
    let shapes = image(picture).unwrap();
    assert_eq!(shapes.made(), Made::Shapes);
    // A filter that changes nothing makes it pixels.
    let same = format!(
        "<filter id='f' x='0' y='0' width='1' height='1'><feOffset dx='0'/></filter><g filter='url(#f)'><rect width='100' height='100' fill='none'/>{picture}</g>"
    );
    let pixels = image(&same).unwrap();
    assert_eq!(pixels.made(), Made::Drawn { because: "filter" });
    let (shapes, pixels) = (rendered(shapes, 1, place), rendered(pixels, 1, place));
    let mut compared = 0;
    for (a, b) in [(&shapes[0], &pixels[0]), (&shapes[1], &pixels[1]), (&shapes[0], &shapes[1])] {
        let mut differing = 0;
        for y in 0..80 {
            for x in 0..80 {
                let (x, y) = (20.5 + f64::from(x), 110.5 + f64::from(y));
                let (one, other) = (a.1.at_mm(x, y), b.1.at_mm(x, y));
                let off = one.iter().zip(other).map(|(a, b)| a.abs_diff(b)).max().unwrap();
                differing += usize::from(off > 60);
                compared += 1;
            }
        }
        // Edges fall differently into pixels.
        assert!(differing < 6_400 / 25, "{} and {}: {differing} of 6400 places differ", a.0, b.0);
    }
    assert_eq!(compared, 3 * 6_400);
    // Where two shapes of one group overlap they are no darker: the group is blended as one.
    for (renderer, page) in &shapes {
        let (single, both) = (
            page.at_mm(20.0 + 0.15 * 80.0, 110.0 + 0.66 * 80.0),
            page.at_mm(20.0 + 0.28 * 80.0, 110.0 + 0.66 * 80.0),
        );
        let far = single.iter().zip(both).map(|(a, b)| a.abs_diff(b)).max().unwrap();
        assert!(far < 60, "{renderer}: {single:?} {both:?}");
    }
}

#[test]
fn what_pdf_lacks_is_drawn_and_said() {
    let because = |body: &str| match image(body).unwrap().made() {
        Made::Drawn { because } => because,
        other => panic!("{other:?}"),
    };
    let blur = "<filter id='f'><feGaussianBlur stdDeviation='1'/></filter><rect x='20' y='20' width='50' height='50' filter='url(#f)'/>";
    assert_eq!(because(blur), "filter");
    let mask = "<mask id='m'><rect width='50' height='100' fill='white'/></mask><rect width='100' height='100' mask='url(#m)'/>";
    assert_eq!(because(mask), "mask");
    let fades = "<linearGradient id='l'><stop offset='0'/><stop offset='1' stop-opacity='0'/></linearGradient><rect width='100' height='100' fill='url(#l)'/>";
    assert_eq!(because(fades), "a gradient that fades");
    let (page, seal) = (1, image(mask).unwrap());
    for (renderer, rendered) in rendered(seal, page, [20.0, 110.0, 40.0, 40.0]) {
        assert!(rendered.at_mm(30.0, 130.0)[0] < 40, "{renderer}: the left half is black");
        assert!(rendered.at_mm(50.0, 130.0)[0] > 200, "{renderer}: the right half is masked");
    }
}

#[test]
fn nothing_outside_the_document_is_looked_at() {
    let uses = |body: &str| match image(body) {
        Err(ImageError::SvgUses { what }) => what,
        other => panic!("{other:?} of {body}"),
    };
    let secret = tempfile::NamedTempFile::new().unwrap();
    let path = secret.path().display();
    assert_eq!(uses(&format!("<image href='{path}' width='9' height='9'/>")), "image");
    assert_eq!(uses("<image xlink:href='data:image/svg+xml;base64,PHN2Zy8+'/>"), "image");
    assert_eq!(uses("<use xlink:href='http://127.0.0.1/a.svg#x'/>"), "http://127.0.0.1/a.svg#x");
    assert!(uses("<rect fill='url(http://127.0.0.1/p#x)'/>").contains("127.0.0.1"));
    assert!(uses("<rect style='fill:url(file:///etc/hosts#x)'/>").contains("etc/hosts"));
    assert_eq!(uses("<style>@import 'x.css';</style>"), "url() in a style sheet");
    assert_eq!(uses("<style>rect{fill:url(#p)}</style>"), "url() in a style sheet");
    assert_eq!(uses("<filter id='f'><feImage href='#a'/></filter>"), "feImage");
    assert_eq!(uses("<foreignObject/>"), "foreignObject");
    assert_eq!(uses("<script>alert(1)</script>"), "script");
    assert_eq!(uses("<rect onload='alert(1)'/>"), "onload");
    assert_eq!(uses("<a href=' JavaScript:alert(1)'><rect/></a>"), "href");
    let entity = format!(
        "<!DOCTYPE svg [<!ENTITY x SYSTEM 'file://{path}'>]><svg xmlns='http://www.w3.org/2000/svg'><text>&x;</text></svg>"
    );
    let refused = SealImage::from_svg(entity.as_bytes(), &ImageLimits::default(), &[song()]);
    assert!(matches!(refused, Err(ImageError::SvgUses { what }) if what == "<!ENTITY"));
    // What editors write into every file is no reason to refuse one.
    let doctype = "<?xml version='1.0'?><!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd'><svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><rect width='9' height='9'/></svg>";
    assert!(SealImage::from_svg(doctype.as_bytes(), &ImageLimits::default(), &[]).is_ok());
}

#[test]
fn bombs_are_refused_before_they_go_off() {
    let mut laughs = String::from("<g id='a0'><rect width='9' height='9'/></g>");
    for level in 1..30 {
        laughs += &format!("<g id='a{level}'>{}</g>", format!("<use href='#a{}'/>", level - 1).repeat(10));
    }
    let nested = format!("{}{}", "<g>".repeat(5_000), "</g>".repeat(5_000));
    let circle = "<g id='a'><use href='#b'/></g><g id='b'><use href='#a'/></g><use href='#a'/>";
    let many = "<rect width='9' height='9'/>".repeat(30_000);
    let over = "<filter id='f'><feOffset/></filter><rect filter='url(#f)' width='9' height='9'/>".to_owned()
        + &"<rect width='100' height='100'/>".repeat(5_000);
    let blurs = "<filter id='f'><feGaussianBlur stdDeviation='9'/></filter>".to_owned()
        + &"<rect filter='url(#f)' width='99' height='99'/>".repeat(500);
    let noise = "<filter id='f'><feTurbulence numOctaves='1000000' baseFrequency='1'/></filter><rect filter='url(#f)' width='99' height='99'/>";
    let dashes = "<path d='M0 0H100' stroke='red' stroke-dasharray='0.000001'/>";
    let text = format!("<text>{}</text>", "字".repeat(100_000));
    for body in [&laughs, &nested, circle, &many, &over, &blurs, noise, dashes, &text] {
        let refused = image(body);
        let head: String = body.chars().take(60).collect();
        assert!(
            matches!(
                refused,
                Err(ImageError::TooIntricate { .. } | ImageError::SvgUses { .. } | ImageError::Svg(_))
            ),
            "{refused:?} of {head}"
        );
    }
    let large = vec![b' '; (4 << 20) + 1];
    assert!(matches!(
        SealImage::from_svg(&large, &ImageLimits::default(), &[]),
        Err(ImageError::FileTooLarge { .. })
    ));
    assert!(matches!(image(""), Err(ImageError::Invisible)));
}

#[test]
fn text_in_a_seal_is_set_in_the_fonts_handed_in_or_refused() {
    let circle = "<defs><path id='p' d='M15 50a35 35 0 0 1 70 0'/></defs><text font-family='SimSun' font-size='9'><textPath href='#p'>示例市行政审批局</textPath></text>";
    let seal = image(circle).unwrap();
    assert_eq!(seal.made(), Made::Shapes);
    let with = |fonts: &[Arc<Font>]| SealImage::from_svg(&svg(circle), &ImageLimits::default(), fonts);
    assert!(matches!(with(&[]), Err(ImageError::NoFont)));
    assert!(matches!(with(&[dejavu()]), Err(ImageError::Font(FontError::MissingGlyph { .. }))));
    assert!(with(&[dejavu(), song()]).is_ok(), "the second font has what the first lacks");
}

/// A few octets of `data` replaced, taken out, doubled or moved, as `seed` says.
fn damaged(data: &[u8], seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 16).unwrap() % below.max(1)
    };
    let mut out = data.to_vec();
    for _ in 0..=next(4) {
        let (at, length) = (next(out.len()), next(24));
        let end = (at + length).min(out.len());
        match next(4) {
            0 => out[at] = u8::try_from(next(256)).unwrap(),
            1 => drop(out.drain(at..end)),
            2 => {
                let part = out[at..end].to_vec();
                let to = next(out.len());
                out.splice(to..to, part);
            }
            _ => {
                let digits = [b"0", b"9", b"-", b"e"][next(4)];
                out.splice(at..at, digits.iter().copied());
            }
        }
        if out.is_empty() {
            break;
        }
    }
    out
}

#[test]
fn damaged_svgs_are_refused_or_drawn() {
    let whole = svg(
        "<defs><clipPath id='c'><circle cx='50' cy='50' r='46'/></clipPath><linearGradient id='l'><stop offset='0.2' stop-color='#d00'/><stop offset='0.8'/></linearGradient><g id='g'><path d='M9 9H20V20L9 30Q5 5 9 9C1 2 3 4 5 6S7 8 9 9T1 1A5 5 0 0 1 9 9Z'/></g></defs>\
         <g clip-path='url(#c)' opacity='.8' style='mix-blend-mode:multiply'><circle cx='50' cy='50' r='40' fill='url(#l)' stroke='red' stroke-dasharray='9 3'/><use href='#g' transform='rotate(45) scale(2)'/></g>\
         <mask id='m'><rect width='9' height='9' fill='#fff'/></mask><filter id='f'><feGaussianBlur stdDeviation='1'/></filter><rect width='9' height='9' mask='url(#m)' filter='url(#f)'/><text x='9' y='9'>Seal</text>",
    );
    let limits = ImageLimits { edge: 64, pixels: 4_096, ..ImageLimits::default() };
    let mut made = 0;
    for seed in 0..1_500 {
        made += usize::from(SealImage::from_svg(&damaged(&whole, seed), &limits, &[dejavu()]).is_ok());
    }
    assert!((100..1_500).contains(&made), "{made} of 1500 are still SVGs");
}

#[test]
fn damaged_fonts_are_refused_or_cut_down() {
    let original = read("reportlab-single");
    let document = Document::open(&original, &Limits::default()).unwrap();
    let fonts = [
        ("/usr/share/fonts/truetype/dejavu/DejaVuSans-ExtraLight.ttf", "Aé0"),
        ("/usr/share/fonts/opentype/urw-base35/NimbusSans-Regular.otf", "Aé0"),
    ];
    for (path, text) in fonts {
        let whole = std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let font = Arc::new(Font::parse(whole.clone().into(), 0).unwrap());
        let lines = Lines::new(vec![text.to_owned()], font);
        let wanted = super::looks::with(at(1, 20.0, 20.0, 20.0, 20.0), |a| a.lines = Some(lines));
        prepare(&document, &wanted, 64).unwrap();
        let mut made = 0;
        for seed in 0..150u64 {
            // Half of the damage where the tables are listed and begin, half anywhere.
            let mut data = whole.clone();
            let reach = if seed % 2 == 0 { 2_000 } else { data.len() };
            let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            for _ in 0..=seed % 7 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = usize::try_from(state >> 24).unwrap() % reach;
                data[at] = [0, 0xFF, 0x7F, 0x80, 1][usize::try_from(state >> 60).unwrap() % 5];
            }
            let Ok(font) = Font::parse(data.into(), 0) else { continue };
            let lines = Lines::new(vec![text.to_owned()], Arc::new(font));
            let wanted = super::looks::with(at(1, 20.0, 20.0, 20.0, 20.0), |a| a.lines = Some(lines));
            made += usize::from(prepare(&document, &wanted, 64).is_ok());
        }
        assert!((10..150).contains(&made), "{made} of 150 are still fonts: {path}");
    }
}
