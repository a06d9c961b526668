//! Templates and values that mean harm, or are merely wrong: each is refused with words that say why, soon.

use cinnabar_licence::template::{Computed, Fonts, Limits, PageData, Template, TemplateError, Variant};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{page, svg};

const EMPTY: &str = "title = \"样张\"\npages = [\"page.svg\"]\n";

fn read(settings: &str, svg: &str) -> Result<Template, TemplateError> {
    Template::parse(settings, &[("page.svg", svg)])
}

/// What is said of a page with this inside.
fn refused(inside: &str) -> String {
    read(EMPTY, &svg(inside)).unwrap_err().to_string()
}

#[test]
fn entities_and_document_types_are_refused_before_they_grow() {
    let mut bomb = String::from("<!DOCTYPE svg [<!ENTITY a \"aaaaaaaaaa\">");
    for (name, of) in ('b'..='j').zip('a'..='i') {
        bomb.push_str(&format!("<!ENTITY {name} \"{}\">", format!("&{of};").repeat(10)));
    }
    bomb.push_str(
        "]><svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100mm\" height=\"100mm\"><text>&j;</text></svg>",
    );
    assert!(matches!(read(EMPTY, &bomb), Err(TemplateError::Uses { .. })));
    let external = "<!DOCTYPE svg SYSTEM \"file:///etc/passwd\"><svg xmlns=\"http://www.w3.org/2000/svg\"/>";
    assert!(matches!(read(EMPTY, external), Err(TemplateError::Uses { .. })));
    assert!(matches!(read(EMPTY, &svg("<text>&unknown;</text>")), Err(TemplateError::Svg { .. })));
}

#[test]
fn what_runs_moves_multiplies_or_leads_out_is_refused_by_name() {
    for (inside, named) in [
        ("<script>alert(1)</script>", "script"),
        ("<foreignObject><p/></foreignObject>", "foreignObject"),
        ("<rect width='1' height='1' onload='x()'/>", "onload"),
        ("<rect width='1' height='1' ONCLICK='x()'/>", "ONCLICK"),
        ("<image href='file:///etc/passwd' width='9' height='9'/>", "picture"),
        (
            "<image xlink:href='http://192.0.2.1/a.png' xmlns:xlink='http://www.w3.org/1999/xlink'/>",
            "picture",
        ),
        ("<a href='http://192.0.2.1/'><rect width='1' height='1'/></a>", "<a>"),
        ("<linearGradient id='a' href='http://192.0.2.1/b.svg#c'/>", "192.0.2.1"),
        ("<rect width='1' height='1' fill='url(http://192.0.2.1/a.svg#b)'/>", "192.0.2.1"),
        ("<rect width='1' height='1' style='fill:URL( file:///etc/passwd )'/>", "passwd"),
        ("<style>@import url(http://192.0.2.1/a.css);</style>", "style sheet"),
        ("<use href='#x'/>", "use"),
        ("<animate attributeName='x'/>", "animate"),
        ("<filter id='f'/>", "filter"),
        ("<rect width='1' height='1' filter='url(#f)'/>", "filter"),
        ("<mask id='m'/>", "mask"),
        ("<pattern id='p'/>", "pattern"),
        ("<text><textPath href='#p'>x</textPath></text>", "textPath"),
        ("<p xmlns='http://www.w3.org/1999/xhtml'>x</p>", "foreign name space"),
    ] {
        let said = refused(inside);
        assert!(said.contains(named), "{inside}: {said}");
    }
}

#[test]
fn depth_numbers_and_sizes_are_bounded() {
    let deep = format!("{}{}", "<g>".repeat(5_000), "</g>".repeat(5_000));
    assert!(matches!(read(EMPTY, &svg(&deep)), Err(TemplateError::TooIntricate { .. })));
    let deep = format!("<text>{}x{}</text>", "<tspan>".repeat(500), "</tspan>".repeat(500));
    assert!(matches!(read(EMPTY, &svg(&deep)), Err(TemplateError::TooIntricate { .. })));
    let many = "<path d='M0 0h1'/>".repeat(30_000);
    assert!(matches!(read(EMPTY, &svg(&many)), Err(TemplateError::TooIntricate { .. })));
    let long = format!("<path fill='none' d='M0 0{}'/>", "h1v1".repeat(150_000));
    assert!(matches!(read(EMPTY, &svg(&long)), Err(TemplateError::TooIntricate { .. })));
    let large = "x".repeat(3 << 20);
    assert!(matches!(
        read(EMPTY, &svg(&format!("<desc>{large}</desc>"))),
        Err(TemplateError::TooIntricate { .. })
    ));
    let far = "<path fill='none' stroke='#000' d='M0 0H1e30V-1e30'/>";
    assert!(matches!(read(EMPTY, &svg(far)), Err(TemplateError::TooIntricate { .. })));
    let far = "<g transform='scale(1e9)'><rect width='1' height='1'/></g>";
    assert!(matches!(read(EMPTY, &svg(far)), Err(TemplateError::TooIntricate { .. })));
    let endless = "<rect width='1' height='1' clip-path='url(#c)'/>".repeat(300);
    assert!(matches!(read(EMPTY, &svg(&endless)), Err(TemplateError::TooIntricate { .. })));
    for size in ["width='1e9mm' height='1mm'", "width='0' height='0'", ""] {
        let page =
            format!("<svg xmlns='http://www.w3.org/2000/svg' {size}><rect width='1e9' height='1'/></svg>");
        assert!(read(EMPTY, &page).is_err(), "{size}");
    }
    assert!(read(EMPTY, "").is_err());
    assert!(read(EMPTY, "<html/>").is_err());
    assert!(read(EMPTY, &svg("<clipPath id='c'><g clip-path='url(#c)'/></clipPath>")).is_err());
}

#[test]
fn settings_that_cannot_be_meant_say_what_is_wrong() {
    let settings = "[box.a]\n";
    for (settings, named) in [
        ("colour = 1", "colour"),
        ("[box.a]\ntext = \"x\"\nsize = 900", "size"),
        ("[box.a]\ntext = \"x\"\nsize = nan", "size"),
        ("[box.a]\ntext = \"x\"\nmin-size = 30", "min-size"),
        ("[box.a]\ntext = \"x\"\nqr = \"y\"", "exactly one"),
        (settings, "exactly one"),
        ("[box.a]\ncolumns = [{ text = \"x\", width = 1 }]", "repeat"),
        ("[box.a]\ntext = \"{{x\"", "}}"),
        ("[box.a]\ntext = \"{{x|shout}}\"", "filters"),
        ("[box.a]\ntext = \"{{../x}}\"", "placeholder"),
        ("[box.b]\ntext = \"x\"", "no page has a rectangle"),
        ("overprint-leaves-out = [\"frame\"]", "layer"),
    ] {
        let read = read(&format!("{EMPTY}{settings}"), &svg("<rect id='a' width='9' height='9'/>"));
        let said = read.unwrap_err().to_string();
        assert!(said.contains(named), "{settings}: {said}");
    }
    assert!(matches!(
        Template::parse("title = \"x\"\npages = [\"../../etc/passwd\"]", &[]),
        Err(TemplateError::NoPage { .. })
    ));
    let turned = svg("<rect id='a' width='9' height='9' transform='rotate(20)'/>");
    assert!(matches!(
        read(&format!("{EMPTY}[box.a]\ntext = \"x\""), &turned),
        Err(TemplateError::Svg { .. })
    ));
    let flat = svg("<rect id='a' width='9' height='0'/>");
    assert!(matches!(read(&format!("{EMPTY}[box.a]\ntext = \"x\""), &flat), Err(TemplateError::Svg { .. })));
}

const BOX: &str = "<rect id='a' x='10' y='10' width='60' height='20'/>";

fn with(settings: &str, values: Value) -> Result<cinnabar_licence::template::Rendered, TemplateError> {
    page(&format!("[box.a]\n{settings}"), BOX, values)
}

#[test]
fn a_text_that_never_fits_is_refused_with_its_size_or_cut_where_that_is_allowed() {
    let long = json!({ "x": "无".repeat(2_000) });
    let Err(TemplateError::DoesNotFit { name, page, size, high_mm, height_mm, .. }) =
        with("text = \"{{x}}\"\nmin-size = 8", long.clone())
    else {
        panic!("it fitted")
    };
    assert_eq!((name.as_str(), page, size), ("a", 1, 8.0));
    assert!(high_mm > height_mm && (height_mm - 20.0).abs() < 0.01);
    let cut = with("text = \"{{x}}\"\nmin-size = 8\noverflow = \"cut\"", long).unwrap();
    assert_eq!(cut.findings.len(), 1);
    assert!(cut.findings[0].zh.contains("未印出"), "{:?}", cut.findings);
    let unwrapped = with("text = \"{{x}}\"\nwrap = false", json!({ "x": "无".repeat(30) }));
    assert!(matches!(unwrapped, Err(TemplateError::DoesNotFit { .. })));
    let shrunk =
        with("text = \"{{x}}\"\nmin-size = 4\nwrap = false", json!({ "x": "无".repeat(30) })).unwrap();
    assert!(shrunk.findings[0].en.contains("shrunk"), "{:?}", shrunk.findings);
}

#[test]
fn lists_are_bounded() {
    let rows: Vec<Value> = (0..10_000).map(|row| json!({ "name": format!("第{row}行") })).collect();
    let said =
        with("repeat = \"rows\"\ntext = \"{{.name}}\"", json!({ "rows": rows })).unwrap_err().to_string();
    assert!(said.contains("10000 entries"), "{said}");
    let flat: Vec<String> = (0..10_000).map(|row| row.to_string()).collect();
    assert!(with("text = \"{{rows}}\"", json!({ "rows": flat })).is_err());
    let columns = "repeat = \"rows\"\ncolumns = [{ text = \"{{#}}\", width = 1 }, { text = \"{{.name}}\", width = 3 }]\n\
                   size = 6\noverflow = \"cut\"";
    let cut = with(columns, json!({ "rows": rows[..100] })).unwrap();
    assert!(cut.findings[0].en.contains("rows"), "{:?}", cut.findings);
    assert!(with("text = \"{{x}}\"", json!({ "x": { "y": 1 } })).is_err());
    assert!(with("repeat = \"rows\"\ntext = \"{{.}}\"", json!({ "rows": 7 })).is_err());
}

#[test]
fn what_is_not_seen_or_turns_text_around_is_refused_by_code_point() {
    for hidden in [
        '\u{0}',
        '\u{1b}',
        '\u{9}',
        '\u{ad}',
        '\u{202e}',
        '\u{2066}',
        '\u{200b}',
        '\u{feff}',
        '\u{e000}',
        '\u{e0041}',
    ] {
        let said = with("text = \"{{x}}\"", json!({ "x": format!("甲{hidden}乙") })).unwrap_err().to_string();
        assert!(said.contains(&format!("U+{:04X}", u32::from(hidden))) && said.contains("`x`"), "{said}");
    }
    assert!(with("text = \"{{x}}\"", json!({ "x": "甲\r\n乙" })).is_ok());
}

#[test]
fn missing_glyphs_are_named_with_the_fonts_tried() {
    let said = with("text = \"{{x}}\"", json!({ "x": "证\u{1F9FF}\u{0F40}" })).unwrap_err().to_string();
    assert!(said.contains("U+1F9FF") && said.contains("U+0F40"), "{said}");
    assert!(
        said.contains("Noto Serif CJK SC, Noto Sans CJK SC") || said.contains("tried: Noto Serif CJK SC"),
        "{said}"
    );
    assert!(said.contains("Noto Sans CJK SC Bold"), "{said}");
    let said = with("text = \"{{x}}\"\nfont = \"Wingdings\"", json!({ "x": "证" })).unwrap_err().to_string();
    assert!(said.contains("`Wingdings`") && said.contains("`Noto Serif CJK SC`"), "{said}");
    // Names of persons: an ideographic variation sequence, and ideographs outside the basic plane.
    assert!(with("text = \"{{x}}\"", json!({ "x": "葛\u{E0100}𠮷䶮" })).is_ok());
}

#[test]
fn photographs_are_judged_before_they_are_decoded() {
    let photo = |value: Value| page("[box.a]\nphoto = \"x\"", BOX, json!({ "x": value }));
    for (value, named) in [
        (json!("not base64!"), "base64"),
        (json!("aGVsbG8="), "neither PNG nor JPEG"),
        (json!("A".repeat(800_000)), "KiB"),
        (json!(7), "no picture"),
        // A PNG of 100,000 x 100,000 in its head.
        (json!("iVBORw0KGgoAAAANSUhEUgABhqAAAYagCAYAAAAfFcSJ"), "PNG"),
        // A JPEG that ends in its head.
        (json!("/9j/4AAQSkZJRgABAQAAAQABAAD/2Q=="), "JPEG"),
    ] {
        let said = photo(value.clone()).unwrap_err().to_string();
        assert!(said.contains(named), "{said}");
    }
    assert!(photo(Value::Null).is_ok());
}

#[test]
fn a_symbol_that_would_not_be_readable_is_refused_with_the_room_it_needs() {
    let qr = |text: String| page("[box.a]\nqr = \"{{x}}\"", BOX, json!({ "x": text }));
    assert!(qr("CNB1:ABC".to_owned()).is_ok());
    assert!(matches!(qr("A".repeat(900)), Err(TemplateError::Qr { needed_mm, .. }) if needed_mm > 20.0));
    assert!(matches!(qr("A".repeat(5_000)), Err(TemplateError::Qr { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// A real page with pieces taken out, doubled and swapped, drawn without fonts: an answer, whichever.
    #[test]
    fn pages_that_were_tampered_with_are_answered(cuts in prop::collection::vec((0usize..4_000, 0usize..400, 0usize..4_000), 1..6)) {
        let page = r##"<svg xmlns="http://www.w3.org/2000/svg" width="100mm" height="80mm" viewBox="0 0 100 80">
            <defs><linearGradient id="g"><stop offset="0" stop-color="#fff"/><stop offset="1"/></linearGradient>
            <clipPath id="c"><circle cx="9" cy="9" r="9"/></clipPath></defs>
            <g id="frame" transform="translate(1 2) scale(.9)"><path clip-path="url(#c)" fill="url(#g)" d="M1 1C2 3 4 5 6 7Z"/></g>
            <text x="5" y="9" font-size="4" textLength="9">{{@number}}<tspan x="3" y="4">{{x|or:y}}</tspan></text>
            <rect id="a" x="1" y="1" width="50" height="30"/><rect id="q" x="60" y="10" width="30" height="30"/></svg>"##;
        let settings = "title = \"t\"\npages = [\"p\"]\noverprint-leaves-out = [\"frame\"]\n[box.a]\ntext = \"{{x}}\"\n[box.q]\nqr = \"{{@qr}}\"\n";
        let mut text: Vec<char> = page.chars().collect();
        for (from, count, to) in cuts {
            let from = from % text.len();
            let piece: Vec<char> = text.iter().skip(from).take(count).copied().collect();
            let to = to % text.len();
            text.splice(to..to, piece);
        }
        let text: String = text.into_iter().collect();
        for settings in [settings, EMPTY] {
            let Ok(template) = Template::parse(settings, &[("p", &text), ("page.svg", &text)]) else { continue };
            let (values, computed) = (Default::default(), Computed::default());
            let made = jiff::Timestamp::UNIX_EPOCH;
            let data = PageData { values: &values, computed: &computed, variant: Variant::Overprint, watermark: None, made };
            let drawn = cinnabar_licence::template::render(&template, &data, &Fonts::default(), &Limits::default());
            prop_assert!(drawn.is_ok() || matches!(drawn, Err(TemplateError::NoFont { .. } | TemplateError::Pdf { .. })), "{drawn:?}");
        }
    }
}
