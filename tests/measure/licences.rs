//! What issuing a licence computes, by part, for the food-operation permit that ships: its three kinds of page set and drawn, two
//! of them sealed, its credentials signed. What the whole costs an appliance, with TLS, encryption, database and log, is
//! `licence.issue.cpu_ms` of the load program.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use crypto::KeyKind;
use licence::catalogue::{Compiled, TypeDefinition};
use licence::credential::qr::{self, Essential};
use licence::credential::{Issuer, StatusReference, sd_jwt};
use licence::identifier::Identifier;
use licence::template::{Computed, Fonts, Limits, PageData, Template, Variant, render};
use pdf::appearance::Placement;
use pdf::sign;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Map, Value};
use support::cast::{certificate, certificate_of, key};
use support::licences::{FOOD, ISSUER, food_fields, shipped};

use crate::pdf::{NOW, cast, visible};
use crate::{Figure, cpu_of};

pub fn figures() -> Vec<Figure> {
    let figure = |name, measure: fn() -> f64| Figure { name, unit: "ms", measure: Box::new(measure) };
    vec![
        figure("licence.render.cpu_ms", || rendering(&PAGES[..1])),
        figure("licence.issue.render.cpu_ms", || rendering(&PAGES)),
        figure("licence.issue.seal.cpu_ms", sealing),
        figure("licence.issue.credentials.cpu_ms", credentials),
    ]
}

/// The permit's pages, in the order in which they are issued.
const PAGES: [(&str, Variant); 3] = [
    ("food-operation-original", Variant::Original),
    ("food-operation-duplicate", Variant::Duplicate),
    ("food-operation-overprint", Variant::Overprint),
];

/// Templates and fonts at hand, as an appliance has them after the first licence.
struct Drawn {
    fields: Map<String, Value>,
    computed: Computed,
    fonts: Fonts,
    templates: Vec<(Template, Variant)>,
}

impl Drawn {
    fn new(pages: &[(&str, Variant)]) -> Self {
        let fields = food_fields();
        let noto = |file: &str| {
            let path = format!("/usr/share/fonts/opentype/noto/{file}");
            Arc::new(std::fs::read(path).expect("the package fonts-noto-cjk"))
        };
        let fonts = Fonts::load(&[
            ("Noto Serif CJK SC", noto("NotoSerifCJK-Regular.ttc"), 2),
            ("Noto Serif CJK SC Bold", noto("NotoSerifCJK-Bold.ttc"), 2),
            ("Noto Sans CJK SC", noto("NotoSansCJK-Regular.ttc"), 2),
        ]);
        let files: BTreeMap<String, String> = std::fs::read_dir(shipped())
            .expect("the shipped types")
            .map(|entry| entry.expect("an entry"))
            .filter_map(|entry| {
                let text = std::fs::read_to_string(entry.path()).ok()?;
                Some((entry.file_name().into_string().ok()?, text))
            })
            .collect();
        let read = |name: &str| Template::load(&files, name).expect("a template");
        let computed = Computed::sample(definition().definition(), &fields, jiff::civil::date(2026, 11, 22));
        let templates = pages.iter().map(|(name, variant)| (read(name), *variant)).collect();
        Self { fields, computed, fonts: fonts.expect("fonts"), templates }
    }

    fn render(&self) -> Vec<Vec<u8>> {
        let made = jiff::Timestamp::from_second(NOW).expect("a time");
        let page = |(template, variant): &(Template, Variant)| {
            let (values, computed) = (black_box(&self.fields), &self.computed);
            let data = PageData { values, computed, variant: *variant, watermark: None, made };
            render(template, &data, &self.fonts, &Limits::default()).expect("rendered").pdf
        };
        self.templates.iter().map(page).collect()
    }
}

fn definition() -> Compiled {
    let text = std::fs::read_to_string(shipped().join("food-operation-permit.json")).expect("a definition");
    serde_json::from_str::<TypeDefinition>(&text).expect("JSON").compile().expect("a good definition")
}

fn rendering(pages: &[(&str, Variant)]) -> f64 {
    let drawn = Drawn::new(pages);
    1000.0 * cpu_of(|| drop(black_box(drawn.render())))
}

/// Original and duplicate, each with a visible P-256 seal.
fn sealing() -> f64 {
    let (drafts, cast, mut request) = (Drawn::new(&PAGES[..2]).render(), cast(), visible());
    if let Some(appearance) = &mut request.appearance {
        let (width_mm, height_mm) = (42.0, 42.0);
        appearance.placement = Placement::Page { page: 1, x_mm: 120.0, y_mm: 120.0, width_mm, height_mm };
    }
    1000.0
        * cpu_of(|| {
            for draft in &drafts {
                black_box(sign::sign(draft, &request, &cast.signer).expect("signed").tail);
            }
        })
}

/// The SD-JWT with every tagged field to be disclosed by itself, and the QR symbol's text.
fn credentials() -> f64 {
    let (root, authority, own) = (key(KeyKind::P256), key(KeyKind::P256), key(KeyKind::P256));
    let top = certificate(NOW, "root", "Root", &root, None);
    let ca = certificate(NOW, "issuing-ca", "Licences CA", &authority, Some((&top, &root)));
    let uri = Some("http://platform.example/licences/credentials");
    let above = Some((&ca, &authority));
    let leaf = certificate_of(NOW, "credential-signer", "Licences", uri, &own, above);
    let issuer = Issuer::new(Arc::new(own), vec![leaf, ca]).expect("an issuer");
    let (compiled, fields) = (definition(), food_fields());
    let (vct, mut selective) = (compiled.vct(), compiled.selective());
    selective.retain(|field| fields.contains_key(*field));
    let status = StatusReference { uri: "http://platform.example/licences/status/1".into(), index: 4711 };
    let wish = sd_jwt::Issue {
        vct: &vct,
        claims: &fields,
        selective: &selective,
        issued_at: NOW,
        not_before: Some(NOW),
        expires: Some(NOW + 5 * 365 * 86_400),
        status: Some(&status),
        holder_key: None,
    };
    let essential = Essential {
        identifier: Identifier::new(FOOD, ISSUER, "2026000000001", 1).expect("an identifier"),
        type_name: "食品经营许可证".into(),
        holder: "示例市某某餐饮有限公司".into(),
        issuing_body: "示例市行政审批局".into(),
        fields: compiled.qr(&fields).into_iter().map(|(name, value)| (name, value.to_string())).collect(),
        valid_from: NOW,
        valid_to: Some(NOW + 5 * 365 * 86_400),
        issued_at: NOW,
        status: Some(status.clone()),
    };
    let mut salts = || {
        let mut salt = [0_u8; 16];
        SystemRandom::new().fill(&mut salt).expect("randomness");
        salt
    };
    1000.0
        * cpu_of(|| {
            black_box(sd_jwt::issue(black_box(&wish), &issuer, &mut salts).expect("issued"));
            black_box(qr::encode(black_box(&essential), &issuer).expect("it fits"));
        })
}
