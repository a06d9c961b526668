//! What a drawn seal is made of, and which pictures are taken.

use std::sync::{Arc, OnceLock};

use pdf::appearance::{ImageLimits, Made, SealImage};

use super::sizes::Level;
use super::upload::{Format, Limits, UploadError, check};
use super::*;

/// Noto Serif CJK, simplified Chinese: a collection with CFF outlines.
fn serif() -> Font {
    static FONT: OnceLock<Font> = OnceLock::new();
    let read = || {
        let octets = std::fs::read("/usr/share/fonts/opentype/noto/NotoSerifCJK-Bold.ttc").unwrap();
        Font::parse(octets.into(), 2).unwrap()
    };
    FONT.get_or_init(read).clone()
}

/// A font of Latin letters alone.
fn latin() -> Font {
    let octets: Arc<[u8]> = std::fs::read("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf").unwrap().into();
    Font::parse(octets, 0).unwrap()
}

fn round(name: &str) -> Shape {
    Shape::Round { name: name.to_owned(), purpose: None, code: None, diameter_mm: 42.0, star: true }
}

fn every_shape() -> Vec<Shape> {
    let oval = |border| Shape::Oval {
        name: "国家税务总局示范县税务局".to_owned(),
        centre: Some("91370300MA3C0EXAM8".to_owned()),
        purpose: Some("业务专用章".to_owned()),
        width_mm: 30.0,
        height_mm: 20.0,
        border,
    };
    let name_seal = |name: &str, filling| Shape::NameSeal { name: name.to_owned(), filling, edge_mm: 20.0 };
    vec![
        round("示范县局"),
        Shape::Round {
            name: "示范科技（北京）有限公司".to_owned(),
            purpose: Some("合同专用章".to_owned()),
            code: Some("37030000001721".to_owned()),
            diameter_mm: 38.0,
            star: true,
        },
        Shape::Round {
            name: "示".repeat(40),
            purpose: Some("审批专用章（一）".to_owned()),
            code: Some("3703000000172".to_owned()),
            diameter_mm: 60.0,
            star: false,
        },
        oval(Border::None),
        oval(Border::Single),
        oval(Border::Double),
        Shape::Rectangle {
            lines: vec!["示范县行政审批服务局".to_owned(), "档案骑缝专用章".to_owned()],
            width_mm: 45.0,
            height_mm: 20.0,
            border: Border::Double,
        },
        name_seal("王明", false),
        name_seal("王明", true),
        name_seal("李建国", false),
        name_seal("李建国", true),
        name_seal("欧阳文静", true),
        Shape::Signature { name: "Li 建国".to_owned(), width_mm: 40.0, height_mm: 16.0 },
    ]
}

/// Width, height and RGBA samples.
fn decoded(png: &[u8]) -> (u32, u32, Vec<u8>, png::Info<'static>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut samples = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut samples).unwrap();
    assert_eq!(frame.color_type, png::ColorType::Rgba);
    (frame.width, frame.height, samples, reader.info().clone())
}

#[test]
fn a_png_has_its_millimetres_at_600_dots_to_the_inch() {
    for (mm, pixels) in [(60.0, 1417), (50.0, 1181), (45.0, 1063), (42.0, 992), (38.0, 898)] {
        let Shape::Round { name, purpose, code, star, .. } = round("示范县局") else { unreachable!() };
        let shape = Shape::Round { name, purpose, code, star, diameter_mm: mm };
        let drawn = draw(&shape, Colour::SEAL, &[serif()]).unwrap();
        let (width, height, _, info) = decoded(&drawn.png().unwrap());
        assert_eq!((width, height), (pixels, pixels), "{mm} mm");
        assert_eq!(drawn.pixels(), (width, height));
        let dims = info.pixel_dims.unwrap();
        assert_eq!((dims.xppu, dims.yppu, dims.unit), (23_622, 23_622, png::Unit::Meter));
    }
    let oval = every_shape().swap_remove(4);
    assert_eq!(draw(&oval, Colour::SEAL, &[serif()]).unwrap().pixels(), (709, 472));
}

#[test]
fn a_png_is_of_one_colour_on_a_transparent_ground() {
    let drawn = draw(&round("示范县行政审批服务局"), Colour::SEAL, &[serif()]).unwrap();
    let (width, height, samples, _) = decoded(&drawn.png().unwrap());
    let alpha = |x: u32, y: u32| samples[((y * width + x) * 4 + 3) as usize];
    assert!(samples.chunks(4).all(|pixel| pixel[..3] == [0xE6, 0, 0x12]));
    // The corners and the ground within the ring, the ring itself at its four sides, the star in the middle.
    for (x, y) in [(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1), (width / 2, 300)] {
        assert_eq!(alpha(x, y), 0, "{x} {y}");
    }
    for (x, y) in [(width / 2, 14), (14, height / 2), (width - 14, height / 2), (width / 2, height / 2)] {
        assert_eq!(alpha(x, y), 255, "{x} {y}");
    }
    let blue = draw(&round("示范县局"), Colour::parse("#0000ff").unwrap(), &[serif()]).unwrap();
    assert!(decoded(&blue.png().unwrap()).2.chunks(4).all(|pixel| pixel[..3] == [0, 0, 0xFF]));
}

#[test]
fn an_uploaded_vector_picture_becomes_a_png_of_its_millimetres() {
    let drawn = draw(&round("示范县局"), Colour::SEAL, &[serif()]).unwrap();
    let (width, height, samples, info) = decoded(&png_of_svg(drawn.svg().as_bytes(), 42.0, 42.0).unwrap());
    assert_eq!((width, height, info.pixel_dims.unwrap().xppu), (992, 992, 23_622));
    let ours = decoded(&drawn.png().unwrap()).2;
    let near = |(one, other): (&[u8], &[u8])| one[3].abs_diff(other[3]) <= 16;
    assert!(
        samples.chunks(4).zip(ours.chunks(4)).all(near),
        "the same picture but for the steps of its alpha"
    );
    assert!(png_of_svg(drawn.svg().as_bytes(), 400.0, 400.0).is_err());
    assert!(png_of_svg(b"\xFF", 42.0, 42.0).is_err());
}

#[test]
fn the_star_has_the_flags_proportions() {
    let drawn = draw(&round("示范县局"), Colour::SEAL, &[serif()]).unwrap();
    let star = drawn.svg().split("d=\"").last().unwrap().split('"').next().unwrap().to_owned();
    let points: Vec<(f64, f64)> = star
        .trim_end_matches('Z')
        .split(['M', 'L'])
        .filter(|point| !point.is_empty())
        .map(|point| point.split_once(' ').unwrap())
        .map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()))
        .collect();
    assert_eq!(points.len(), 10);
    assert_eq!(points[0], (0.0, -7.0));
    // Its edges run on: the two upper inner corners and the points beside them lie on one level.
    let level = [1, 2, 8, 9].map(|at: usize| points[at].1);
    assert!(level.iter().all(|y| (y - level[0]).abs() < 2e-3), "{level:?}");
    // The golden section squared.
    let inner = points[1].0.hypot(points[1].1) / 7.0;
    assert!((inner - 0.381_966).abs() < 1e-3, "{inner}");
}

#[test]
fn a_vector_picture_holds_shapes_alone_and_pdf_takes_it_as_shapes() {
    for shape in every_shape() {
        let drawn = draw(&shape, Colour::SEAL, &[serif()]).unwrap();
        let document = usvg::roxmltree::Document::parse(drawn.svg()).unwrap();
        for node in document.descendants().filter(|node| node.is_element()) {
            let name = node.tag_name().name();
            assert!(["svg", "path", "ellipse", "rect"].contains(&name), "{name}");
        }
        // No font is handed in: text would be refused.
        let image = SealImage::from_svg(drawn.svg().as_bytes(), &ImageLimits::default(), &[]).unwrap();
        assert_eq!(image.made(), Made::Shapes, "{shape:?}");
        let size = (drawn.width_mm(), drawn.height_mm());
        SealImage::from_png(&drawn.png().unwrap(), &ImageLimits::default()).unwrap();
        // What we draw we would take.
        for picture in [drawn.svg().as_bytes(), &drawn.png().unwrap()] {
            check(picture, size.0, size.1, &Limits::default()).unwrap_or_else(|e| panic!("{e} {shape:?}"));
        }
    }
}

#[test]
fn inscriptions_of_4_to_40_characters_stay_within_the_ring_and_apart() {
    for count in [2, 3, 4, 6, 9, 13, 18, 24, 30, 36, 40] {
        let name: String = "示范县行政审批服务局".chars().cycle().take(count).collect();
        let drawn = draw(&round(&name), Colour::SEAL, &[serif()]).unwrap();
        let (width, _, samples, _) = decoded(&drawn.png().unwrap());
        let middle = f64::from(width) / 2.0;
        let unit = middle / 21.0;
        let (mut between, mut around) = (0, 0);
        for (at, pixel) in samples.chunks(4).enumerate().filter(|(_, pixel)| pixel[3] > 128) {
            let at = u32::try_from(at).unwrap();
            let (x, y) = (f64::from(at % width) + 0.5 - middle, f64::from(at / width) + 0.5 - middle);
            let radius = x.hypot(y) / unit;
            assert_eq!(pixel.len(), 4);
            // Between the ring and the letters, and between the letters and the star.
            between += u32::from((19.3..19.7).contains(&radius));
            around += u32::from((7.3..10.5).contains(&radius));
        }
        assert_eq!((between, around), (0, 0), "{count} characters");
    }
}

#[test]
fn what_cannot_be_set_is_said() {
    let error = |shape: &Shape, fonts: &[Font]| draw(shape, Colour::SEAL, fonts).unwrap_err();
    let missing = PictureError::MissingGlyph { font: "DejaVuSans".to_owned(), character: '示' };
    assert_eq!(error(&round("示范县局"), &[latin()]), missing);
    assert!(missing.to_string().contains("`示` (U+793A)"), "{missing}");
    assert_eq!(error(&round("示范县局"), &[]), PictureError::NoFont);
    assert_eq!(error(&round("བོད་ལྗོངས"), &[serif()]), PictureError::Joining { character: 'བ' });
    // The second font steps in for what the first lacks.
    assert!(draw(&round("示范县局A"), Colour::SEAL, &[latin(), serif()]).is_ok());

    let length = |part, found, least, most| PictureError::Length { part, found, least, most };
    assert_eq!(error(&round("示"), &[serif()]), length("name", 1, 2, 40));
    assert_eq!(error(&round(&"示".repeat(41)), &[serif()]), length("name", 41, 2, 40));
    assert_eq!(
        error(&round("示\u{202E}范"), &[serif()]),
        PictureError::Hidden { part: "name", character: '\u{202E}' }
    );
    let seal = Shape::NameSeal { name: "一二三四五".to_owned(), filling: true, edge_mm: 20.0 };
    assert_eq!(error(&seal, &[serif()]), length("name", 5, 2, 4));
    for code in ["123", "123456789012a", "123456789012345"] {
        let Shape::Round { name, purpose, diameter_mm, star, .. } = round("示范县局") else {
            unreachable!()
        };
        let shape = Shape::Round { name, purpose, diameter_mm, star, code: Some(code.to_owned()) };
        assert_eq!(error(&shape, &[serif()]), PictureError::Code(code.to_owned()));
    }
    for mm in [4.9, 100.1, f64::NAN, f64::INFINITY, -42.0] {
        let shape = Shape::Signature { name: "王明".to_owned(), width_mm: mm, height_mm: 10.0 };
        assert!(matches!(error(&shape, &[serif()]), PictureError::Size { what: "width", .. }), "{mm}");
    }
    for colour in ["red", "#12345", "#12345g", "e60012", ""] {
        assert_eq!(Colour::parse(colour).unwrap_err(), PictureError::Colour(colour.to_owned()));
    }
    assert!(matches!(Font::parse(b"no font".as_slice().into(), 0), Err(PictureError::Font { .. })));
    assert!(matches!(
        Font::parse(std::fs::read("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf").unwrap().into(), 3),
        Err(PictureError::Font { index: 3, .. })
    ));
}

#[test]
fn a_shape_reads_as_it_is_written() {
    for shape in every_shape() {
        let text = serde_json::to_string(&shape).unwrap();
        assert_eq!(serde_json::from_str::<Shape>(&text).unwrap(), shape);
    }
    assert!(
        serde_json::from_str::<Shape>(r#"{"shape":"signature","name":"a","width_mm":9,"height_mm":9,"x":1}"#)
            .is_err()
    );
    assert_eq!(Colour::SEAL.to_string(), "#e60012");
    for level in Level::ALL {
        assert_eq!(Level::parse(level.as_str()), Some(level));
        assert!(Limits::default().edge_mm.1 >= level.diameter_mm());
    }
    assert_eq!(Level::parse("village"), None);
}

fn refused(picture: &[u8], width_mm: f64, height_mm: f64) -> UploadError {
    check(picture, width_mm, height_mm, &Limits::default()).unwrap_err()
}

fn png_of(width: u32, height: u32, colour: png::ColorType, pixel: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(colour);
    let mut writer = encoder.write_header().unwrap();
    let samples: Vec<u8> =
        (0..width * height).flat_map(|at| pixel[at as usize % pixel.len()].to_vec()).collect();
    writer.write_image_data(&samples).unwrap();
    drop(writer);
    out
}

#[test]
fn an_uploaded_png_is_judged_by_what_it_is() {
    use png::ColorType::{Rgb, Rgba};
    let (red, clear): (&[u8], &[u8]) = (&[255, 0, 0, 255], &[0, 0, 0, 0]);
    let good = png_of(400, 300, Rgba, &[red, clear]);
    let uploaded = check(&good, 40.0, 30.0, &Limits::default()).unwrap();
    assert_eq!((uploaded.format, uploaded.width, uploaded.height), (Format::Png, 400.0, 300.0));
    assert!((uploaded.transparent - 0.5).abs() < 1e-9);

    assert!(matches!(refused(&good, 40.0, 40.0), UploadError::Aspect { .. }));
    assert!(matches!(refused(&good, 80.0, 60.0), UploadError::Coarse { .. }));
    assert!(matches!(refused(&good, 400.0, 300.0), UploadError::Millimetres { .. }));
    assert!(matches!(refused(&good, f64::NAN, 30.0), UploadError::Millimetres { .. }));
    assert!(matches!(
        refused(&png_of(400, 300, Rgb, &[&[255, 255, 255]]), 40.0, 30.0),
        UploadError::Opaque { .. }
    ));
    assert!(matches!(refused(&png_of(400, 300, Rgba, &[red]), 40.0, 30.0), UploadError::Opaque { .. }));
    assert!(matches!(refused(&png_of(400, 300, Rgba, &[clear]), 40.0, 30.0), UploadError::Empty));
    assert!(matches!(refused(&png_of(30, 30, Rgba, &[red, clear]), 30.0, 30.0), UploadError::Pixels { .. }));
    assert!(matches!(refused(&png_of(4_097, 40, Rgba, &[red]), 40.0, 30.0), UploadError::Pixels { .. }));

    let mut trailing = good.clone();
    trailing.extend_from_slice(b"PK\x03\x04");
    assert!(matches!(refused(&trailing, 40.0, 30.0), UploadError::NotPlain("octets after its end")));
    let mut animated = good.clone();
    animated.splice(33..33, *b"\0\0\0\x08acTL\0\0\0\x01\0\0\0\0\x21\x5d\xc7\x39");
    assert!(matches!(refused(&animated, 40.0, 30.0), UploadError::NotPlain("an animation")));
    assert!(matches!(refused(&good[..good.len() - 20], 40.0, 30.0), UploadError::NotPlain(_)));
    let mut damaged = good.clone();
    damaged[50] ^= 1;
    assert!(matches!(refused(&damaged, 40.0, 30.0), UploadError::Png(_) | UploadError::NotPlain(_)));
    assert!(matches!(refused(b"GIF89a", 40.0, 30.0), UploadError::Format));
    assert!(matches!(refused(b"", 40.0, 30.0), UploadError::Format));
    assert!(matches!(refused(&vec![b'<'; (4 << 20) + 1], 40.0, 30.0), UploadError::File { .. }));
}

fn svg(inner: &str) -> Vec<u8> {
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' \
         xmlns:h='http://www.w3.org/1999/xhtml' viewBox='0 0 40 40'>{inner}</svg>"
    )
    .into_bytes()
}

const CIRCLE: &str = "<circle cx='20' cy='20' r='18' fill='none' stroke='red'/>";

#[test]
fn an_uploaded_svg_holds_nothing_but_shapes() {
    for good in [
        "",
        "<defs><linearGradient id='a'><stop stop-color='red'/></linearGradient><clipPath id='c'><rect width='9' height='9'/></clipPath></defs><path d='M1 1h9v9z' fill='url(#a)' clip-path='url(#c)'/>",
        "<style>.a{fill:#e60012}</style><g class='a'><path d='M1 1h9v9z'/></g>",
        "<title>章</title><!-- drawn by hand -->",
    ] {
        let uploaded = check(&svg(&format!("{CIRCLE}{good}")), 42.0, 42.0, &Limits::default()).unwrap();
        assert_eq!(uploaded.format, Format::Svg, "{good}");
    }
    for bad in [
        "<script>alert(1)</script>",
        "<h:script>alert(1)</h:script>",
        "<metadata><h:iframe src='x'/></metadata>",
        "<text x='1' y='9'>章</text>",
        "<image href='data:image/png;base64,AAAA'/>",
        "<use href='#a'/>",
        "<foreignObject/>",
        "<a href='#x'><path d='M0 0'/></a>",
        "<animate attributeName='r'/>",
        "<set attributeName='onload' to='x'/>",
        "<pattern id='p'/>",
        "<mask id='m'/>",
        "<filter id='f'/>",
        "<path onclick='x' d='M0 0'/>",
        "<path ONLOAD='x' d='M0 0'/>",
        "<linearGradient xlink:href='https://x/y#z'/>",
        "<path fill='url(https://x/y)' d='M0 0'/>",
        "<path style='fill:URL( \"//x\")' d='M0 0'/>",
        "<path style='fill:u\\72l(//x)' d='M0 0'/>",
        "<path style='background:image-set(\"//x\" 1x)' d='M0 0'/>",
        "<path stroke-dasharray='0.0001' d='M0 0h9'/>",
        "<path style='stroke-dasharray:.0001' d='M0 0h9'/>",
        "<style>@import '//x';</style>",
        "<style>path{fill:url(#a)}</style>",
        "<?xml-stylesheet href='x'?>",
        "<g xml:base='https://x/'/>",
        "<clipPath id='c'><path clip-path='url(#d)' d='M0 0'/></clipPath>",
    ] {
        let error = refused(&svg(&format!("{CIRCLE}{bad}")), 42.0, 42.0);
        assert!(matches!(error, UploadError::Uses { .. }), "{bad}: {error}");
    }
    let entity = format!("<!DOCTYPE svg [<!ENTITY a 'b'>]>{}", String::from_utf8(svg(CIRCLE)).unwrap());
    assert!(matches!(refused(entity.as_bytes(), 42.0, 42.0), UploadError::Uses { .. }));
    let plain = format!(
        "<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'x'>{}",
        String::from_utf8(svg(CIRCLE)).unwrap()
    );
    assert!(check(plain.as_bytes(), 42.0, 42.0, &Limits::default()).is_ok());
}

#[test]
fn an_uploaded_svg_shows_something_on_a_transparent_ground_in_its_shape() {
    assert!(matches!(refused(&svg(""), 42.0, 42.0), UploadError::Empty));
    let white = svg("<rect width='40' height='40' fill='white'/>");
    assert!(matches!(refused(&white, 42.0, 42.0), UploadError::Opaque { .. }));
    assert!(matches!(refused(&svg(CIRCLE), 42.0, 30.0), UploadError::Aspect { .. }));
    assert!(matches!(refused(b"<svg", 42.0, 42.0), UploadError::Svg(_)));
    assert!(matches!(refused(b"<html/>", 42.0, 42.0), UploadError::Uses { .. }));
    assert!(matches!(
        refused(b"<svg xmlns='http://www.w3.org/2000/svg'>\xFF</svg>", 42.0, 42.0),
        UploadError::Svg(_)
    ));
}

#[test]
fn an_intricate_svg_is_not_worked_on() {
    let deep = format!("{}{}{}", "<g>".repeat(40), CIRCLE, "</g>".repeat(40));
    let many = CIRCLE.repeat(6_000);
    let references = "<path clip-path='url(#c)' d='M0 0h9v9z'/>".repeat(70);
    let long = format!("<path d='M0 0{}'/>", "h1v1".repeat(300_000));
    for inner in [deep, many, references, long] {
        let error = refused(&svg(&inner), 42.0, 42.0);
        assert!(matches!(error, UploadError::Intricate { .. }), "{error}");
    }
}
