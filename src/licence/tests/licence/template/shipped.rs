//! The templates that are shipped: they suit their types, and samples and worst cases of them are drawn.
//!
//! With `CINNABAR_GALLERY` naming a folder the pages are written there, to be looked at.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cinnabar_licence::catalogue::TypeDefinition;
use cinnabar_licence::template::{
    Computed, Limits, PageData, Rendered, Severity, Template, TemplateError, Variant, worst_case,
};
use serde_json::{Map, Value};

use super::{computed, fonts};

const TYPES: [&str; 3] = ["food-operation-permit", "business-licence", "qualification-certificate"];

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/licence-templates"))
}

/// All files but the definitions.
pub fn files() -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml" || ending == "svg"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

pub fn definition(name: &str) -> TypeDefinition {
    let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    let definition = TypeDefinition::read(text.as_bytes()).unwrap();
    assert!(definition.clone().compile().is_ok(), "{name}: {:?}", definition.clone().compile().err());
    definition
}

pub fn sample(name: &str) -> Map<String, Value> {
    let text = std::fs::read_to_string(folder().join(format!("{name}.sample.json"))).unwrap();
    let values: Map<String, Value> = serde_json::from_str(&text).unwrap();
    definition(name).compile().unwrap().validate(&values).unwrap();
    values
}

/// The templates of a type, with what each is drawn as.
pub fn templates(definition: &TypeDefinition) -> Vec<(String, Variant)> {
    let named = &definition.templates;
    let all = [
        (Some(&named.original), Variant::Original),
        (named.duplicate.as_ref(), Variant::Duplicate),
        (named.overprint.as_ref(), Variant::Overprint),
    ];
    all.into_iter().filter_map(|(name, variant)| Some((name?.clone(), variant))).collect()
}

pub fn draw(
    template: &Template,
    (values, computed): (&Map<String, Value>, &Computed),
    variant: Variant,
    watermark: Option<&str>,
) -> Result<Rendered, TemplateError> {
    let made = "2026-03-01T00:00:00Z".parse().unwrap();
    let data = PageData { values, computed, variant, watermark, made };
    cinnabar_licence::template::render(template, &data, &fonts(), &Limits::default())
}

fn keep(name: &str, pdf: &[u8]) {
    if let Some(folder) = std::env::var_os("CINNABAR_GALLERY") {
        std::fs::write(PathBuf::from(folder).join(format!("{name}.pdf")), pdf).unwrap();
    }
}

#[test]
fn every_shipped_template_suits_its_type() {
    let (files, fonts) = (files(), fonts());
    for name in TYPES {
        let definition = definition(name);
        for (template, _) in templates(&definition) {
            let findings = Template::load(&files, &template).unwrap().check(&definition, &fonts);
            let grave: Vec<_> = findings.iter().filter(|finding| finding.severity > Severity::Note).collect();
            assert!(grave.is_empty(), "{template}: {grave:#?}");
        }
    }
}

#[test]
fn every_shipped_template_is_drawn_with_its_sample_and_with_its_longest_texts() {
    let files = files();
    for name in TYPES {
        let definition = definition(name);
        let sample = sample(name);
        let (longest, long_computed) = worst_case(&definition);
        for (template, variant) in templates(&definition) {
            let read = Template::load(&files, &template).unwrap();
            let drawn = draw(&read, (&sample, &computed()), variant, None).unwrap();
            assert!(drawn.seal.is_some(), "{template}");
            keep(&template, &drawn.pdf);
            keep(
                &format!("{template}-worst"),
                &draw(&read, (&longest, &long_computed), variant, None).unwrap().pdf,
            );
            let marked = draw(&read, (&sample, &computed()), variant, Some("样本 SAMPLE")).unwrap();
            keep(&format!("{template}-marked"), &marked.pdf);
            assert_ne!(marked.pdf, drawn.pdf);
        }
    }
}
