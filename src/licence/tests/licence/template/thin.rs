//! One page through all: boxes, standing text, seal place, PDF/A.

use serde_json::json;

use super::page;

#[test]
fn a_page_with_texts_a_symbol_and_a_seal_is_written_twice_alike() {
    let settings = r#"
        [box.operator]
        text = "{{operator}}"
        [box.qr]
        qr = "{{@qr}}"
        [box.seal]
        seal = true
    "#;
    let inside = r##"
        <rect x="5" y="5" width="200" height="138" fill="none" stroke="#a00"/>
        <text x="105" y="30" font-size="10" text-anchor="middle">食品经营许可证 {{@number}}</text>
        <g transform="translate(10,0)"><rect id="operator" x="10" y="50" width="100" height="10"/></g>
        <rect id="qr" x="150" y="60" width="40" height="40"/>
        <rect id="seal" x="120" y="100" width="42" height="42"/>
    "##;
    let made = page(settings, inside, json!({ "operator": "示例市好味餐饮有限公司" })).unwrap();
    assert!(made.pdf.starts_with(b"%PDF-1.7"));
    assert!(made.findings.is_empty(), "{:?}", made.findings);
    let seal = made.seal.unwrap();
    let mm = [seal.x_mm, seal.y_mm, seal.width_mm, seal.height_mm];
    for (found, drawn) in mm.into_iter().zip([120.0, 100.0, 42.0, 42.0]) {
        assert!((found - drawn).abs() < 0.01, "{mm:?}");
    }
    assert_eq!(seal.page, 1);
    assert_eq!(made, page(settings, inside, json!({ "operator": "示例市好味餐饮有限公司" })).unwrap());
}
