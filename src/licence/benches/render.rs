//! `render`: the food-operation permit's original with its sample, template and fonts at hand, as issuing has them; the figure
//! `licence.render.cpu_ms`. `template`: reading and judging the template's files.
#![allow(clippy::unwrap_used, missing_docs, reason = "benchmark")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use cinnabar_licence::catalogue::TypeDefinition;
use cinnabar_licence::template::{Computed, Fonts, Limits, PageData, Template, Variant};
use criterion::{Criterion, criterion_group, criterion_main};

fn shipped(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/licence-templates");
    std::fs::read_to_string(format!("{folder}/{name}")).unwrap()
}

fn benches(c: &mut Criterion) {
    let noto =
        |name: &str| Arc::new(std::fs::read(format!("/usr/share/fonts/opentype/noto/{name}")).unwrap());
    let fonts = Fonts::load(&[
        ("Noto Serif CJK SC", noto("NotoSerifCJK-Regular.ttc"), 2),
        ("Noto Serif CJK SC Bold", noto("NotoSerifCJK-Bold.ttc"), 2),
        ("Noto Sans CJK SC", noto("NotoSansCJK-Regular.ttc"), 2),
    ])
    .unwrap();
    let name = "food-operation-original";
    let files: BTreeMap<String, String> = [format!("{name}.toml"), format!("{name}.svg")]
        .into_iter()
        .map(|file| (file.clone(), shipped(&file)))
        .collect();
    let definition: TypeDefinition = serde_json::from_str(&shipped("food-operation-permit.json")).unwrap();
    let values = serde_json::from_str(&shipped("food-operation-permit.sample.json")).unwrap();
    let computed = Computed::sample(&definition, &values, jiff::civil::date(2026, 3, 1));
    let template = Template::load(&files, name).unwrap();
    let made = "2026-03-01T00:00:00Z".parse().unwrap();
    let data =
        PageData { values: &values, computed: &computed, variant: Variant::Original, watermark: None, made };
    c.bench_function("render", |b| {
        b.iter(|| {
            cinnabar_licence::template::render(&template, black_box(&data), &fonts, &Limits::default())
                .unwrap()
        });
    });
    c.bench_function("template", |b| b.iter(|| Template::load(black_box(&files), name).unwrap()));
}

criterion_group!(all, benches);
criterion_main!(all);
