//! Pages of licences, from template to PDF.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod attacks;
mod judges;
mod layout;
mod shipped;
mod thin;

use std::sync::Arc;

use cinnabar_licence::template::{
    Computed, Fonts, Limits, PageData, Rendered, Template, TemplateError, Variant,
};
use serde_json::{Map, Value};

/// Debian's Noto CJK, as the appliance is configured by default.
pub fn fonts() -> Fonts {
    let file =
        |name: &str| Arc::new(std::fs::read(format!("/usr/share/fonts/opentype/noto/{name}")).unwrap());
    Fonts::load(&[
        ("Noto Serif CJK SC", file("NotoSerifCJK-Regular.ttc"), 2),
        ("Noto Serif CJK SC Bold", file("NotoSerifCJK-Bold.ttc"), 2),
        ("Noto Sans CJK SC", file("NotoSansCJK-Regular.ttc"), 2),
        ("Noto Sans CJK SC Bold", file("NotoSansCJK-Bold.ttc"), 2),
    ])
    .unwrap()
}

/// An A5 page with what `inside` draws.
pub fn svg(inside: &str) -> String {
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="210mm" height="148mm" viewBox="0 0 210 148">{inside}</svg>"#
    )
}

pub fn identifier() -> &'static str {
    "1.2.156.3005.2.11990000MB0F00012G001.11990000MB0F00013D.JY10000001.001.X"
}

pub fn computed() -> Computed {
    Computed {
        identifier: identifier().to_owned(),
        number: "JY13401000000017".to_owned(),
        issuer: "示例市市场监督管理局".to_owned(),
        issued: Some(jiff::civil::date(2026, 3, 1)),
        valid_from: Some(jiff::civil::date(2026, 3, 1)),
        valid_to: Some(jiff::civil::date(2031, 2, 28)),
        version: 1,
        qr: Some("CNB1:6BF+70790T9WJWG.FKY*4GO0.O1CV2 O5 N2FBBRW1*70HS8WY04AC".to_owned()),
        ..Computed::default()
    }
}

pub fn fields(values: Value) -> Map<String, Value> {
    values.as_object().unwrap().clone()
}

/// Renders one page of these settings and drawings.
pub fn page(settings: &str, inside: &str, values: Value) -> Result<Rendered, TemplateError> {
    let settings = format!("title = \"样张\"\npages = [\"page.svg\"]\n{settings}");
    let template = Template::parse(&settings, &[("page.svg", &svg(inside))])?;
    let (values, computed) = (fields(values), computed());
    let data = PageData {
        values: &values,
        computed: &computed,
        variant: Variant::Original,
        watermark: None,
        made: "2026-03-01T00:00:00Z".parse().unwrap(),
    };
    cinnabar_licence::template::render(&template, &data, &fonts(), &Limits::default())
}
