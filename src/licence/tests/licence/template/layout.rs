//! Where texts come to stand: alignment, vertical text, columns, layers, and that the same text stays searchable.

use std::process::Command;

use cinnabar_licence::template::{Limits, PageData, Template, TemplateError, Variant};
use serde_json::{Value, json};

use super::{computed, fields, fonts, page, svg};

/// Words of the first page: text, left, top, right, bottom, in points.
fn words(pdf: &[u8]) -> Vec<(String, [f32; 4])> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.pdf");
    std::fs::write(&path, pdf).unwrap();
    let out = Command::new("pdftotext").arg("-bbox").arg(&path).arg("-").output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let number = |line: &str, key: &str| -> f32 {
        let rest = line.split_once(&format!("{key}=\"")).unwrap().1;
        rest.split_once('"').unwrap().0.parse().unwrap()
    };
    text.lines()
        .filter(|line| line.trim_start().starts_with("<word"))
        .map(|line| {
            let word = line.split_once('>').unwrap().1.split_once("</word>").unwrap().0.to_owned();
            (word, ["xMin", "yMin", "xMax", "yMax"].map(|key| number(line, key)))
        })
        .collect()
}

const BOX: &str = "<rect id='a' x='50' y='50' width='100' height='40'/>";
const MM: f32 = 72.0 / 25.4;

fn placed(settings: &str, values: Value) -> Vec<(String, [f32; 4])> {
    words(&page(&format!("[box.a]\n{settings}"), BOX, values).unwrap().pdf)
}

#[test]
fn texts_stand_left_in_the_middle_right_and_fill_the_line() {
    let close = |found: f32, mm: f32| assert!((found - mm * MM).abs() < 1.0, "{found} is not {}", mm * MM);
    let left = placed("text = \"甲乙\"\nsize = 10", json!({}));
    close(left[0].1[0], 50.0);
    let right = placed("text = \"甲乙\"\nsize = 10\nalign = \"right\"", json!({}));
    close(right[0].1[2], 150.0);
    let centre = placed("text = \"甲乙\"\nsize = 10\nalign = \"centre\"", json!({}));
    close((centre[0].1[0] + centre[0].1[2]) / 2.0, 100.0);
    let spread = placed("text = \"甲乙\"\nsize = 10\nalign = \"spread\"", json!({}));
    close(spread.first().unwrap().1[0], 50.0);
    close(spread.last().unwrap().1[2], 150.0);
    // Two lines and a bit: all but the last end at the box's edge.
    let text =
        format!("text = \"{}\"\nsize = 10\nalign = \"justify\"\nvalign = \"top\"", "甲，乙".repeat(20));
    let justified = placed(&text, json!({}));
    close(justified[0].1[2], 150.0);
    assert!(justified.last().unwrap().1[2] < 149.0 * MM);
}

#[test]
fn vertical_text_runs_downwards_and_to_the_left() {
    let words = placed("text = \"甲\\n乙\"\nsize = 10\nvertical = true\nvalign = \"top\"", json!({}));
    let of = |text: &str| words.iter().find(|word| word.0 == text).unwrap();
    let (first, second) = (of("甲"), of("乙"));
    assert!(first.1[0] > second.1[0] && first.1[2] <= 150.0 * MM + 1.0, "{words:?}");
    let words = placed("text = \"甲乙\"\nsize = 10\nvertical = true", json!({}));
    let tops: Vec<f32> = words.iter().map(|word| word.1[1]).collect();
    let high = words.iter().map(|word| word.1[3]).fold(0.0, f32::max)
        - tops.iter().copied().fold(f32::MAX, f32::min);
    assert!(high > 19.0, "{words:?}");
}

#[test]
fn entries_of_a_list_stand_in_rows_and_columns() {
    let rows = json!({ "rows": [{ "n": "甲", "d": "2026-03-01" }, { "n": "乙", "d": "2026-04-01" }] });
    let settings = "repeat = \"rows\"\nsize = 10\nvalign = \"top\"\ncolumns = [{ text = \"{{#}}.{{.n}}\", width = 1 }, \
                    { text = \"{{.d|date}}\", width = 1, align = \"right\" }]";
    let words = placed(settings, rows);
    let texts: Vec<&str> = words.iter().map(|word| word.0.as_str()).collect();
    assert_eq!(texts.len(), 4, "{texts:?}");
    assert!(texts.contains(&"1.甲") && texts.contains(&"2026年04月01日"), "{texts:?}");
    let date = words.iter().find(|word| word.0 == "2026年03月01日").unwrap();
    let name = words.iter().find(|word| word.0 == "1.甲").unwrap();
    assert!((date.1[1] - name.1[1]).abs() < 0.5 && date.1[0] > 100.0 * MM, "{words:?}");
}

#[test]
fn absent_values_leave_their_place_empty_or_take_what_stands_in_for_them() {
    let words = placed("text = \"{{a}}|{{b|or:长期}}|{{c}}|{{d}}\"", json!({ "c": true, "d": ["甲", "乙"] }));
    assert_eq!(words.iter().map(|word| word.0.as_str()).collect::<String>(), "|长期|是|甲、乙");
    assert!(matches!(
        page("[box.a]\ntext = \"{{a|date}}\"", BOX, json!({ "a": "yesterday" })),
        Err(TemplateError::Value { .. })
    ));
}

#[test]
fn standing_texts_turn_shift_spread_and_take_their_anchor() {
    let inside = "<g transform='translate(10 0)'><text x='50' y='20' font-size='5' text-anchor='middle'>中\
                  <tspan font-weight='bold'>{{x}}</tspan></text></g>\
                  <text x='20' y='60' font-size='5' textLength='60'>左右</text>\
                  <text transform='rotate(90 100 100)' x='100' y='100' font-size='5'>转</text>\
                  <text><tspan x='10' y='120' font-size='4'>一</tspan><tspan x='10' y='130' font-size='4'>二</tspan></text>";
    let found = words(&page("", inside, json!({ "x": "央" })).unwrap().pdf);
    let at = |text: &str| {
        found.iter().find(|word| word.0.contains(text)).unwrap_or_else(|| panic!("{text}: {found:?}")).1
    };
    let middle = at("中央");
    assert!(((middle[0] + middle[2]) / 2.0 - 60.0 * MM).abs() < 0.5, "{middle:?}");
    assert!((at("左")[0] - 20.0 * MM).abs() < 0.5 && (at("右")[2] - 80.0 * MM).abs() < 0.5);
    assert!(at("一")[1] < at("二")[1]);
}

#[test]
fn an_overprint_is_without_the_layers_that_are_on_the_paper() {
    let settings = "title = \"x\"\npages = [\"page.svg\"]\noverprint-leaves-out = [\"frame\"]\n[box.a]\ntext = \"{{x}}\"\n";
    let inside = format!(
        "<g id='frame'><rect width='200' height='100' fill='none' stroke='#a00'/><text x='9' y='9' font-size='5'>栏目</text></g>{BOX}"
    );
    let template = Template::parse(settings, &[("page.svg", &svg(&inside))]).unwrap();
    let (values, computed) = (fields(json!({ "x": "内容" })), computed());
    let drawn = |variant| {
        let made = "2026-03-01T00:00:00Z".parse().unwrap();
        let data = PageData { values: &values, computed: &computed, variant, watermark: None, made };
        words(
            &cinnabar_licence::template::render(&template, &data, &fonts(), &Limits::default()).unwrap().pdf,
        )
    };
    let texts = |words: Vec<(String, [f32; 4])>| words.into_iter().map(|word| word.0).collect::<Vec<_>>();
    assert_eq!(texts(drawn(Variant::Original)), ["栏目", "内容"]);
    assert_eq!(texts(drawn(Variant::Overprint)), ["内容"]);
}

#[test]
fn a_document_costs_no_more_than_it_may() {
    let template = Template::parse(
        "title = \"x\"\npages = [\"page.svg\"]\n[box.a]\ntext = \"{{x}}\"\n",
        &[("page.svg", &svg(BOX))],
    )
    .unwrap();
    let (values, computed) = (fields(json!({ "x": "内容" })), computed());
    let made = "2026-03-01T00:00:00Z".parse().unwrap();
    let data =
        PageData { values: &values, computed: &computed, variant: Variant::Original, watermark: None, made };
    for limits in [Limits { letters: 1, ..Limits::default() }, Limits { octets: 100, ..Limits::default() }] {
        let refused = cinnabar_licence::template::render(&template, &data, &fonts(), &limits);
        assert!(matches!(refused, Err(TemplateError::TooIntricate { .. })));
    }
}
