//! Whether a template suits a licence type: every field placed or said to be left out, no unknown placeholder, and the
//! longest texts that the type's schema lets through fit.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::draw::rows;
use super::fonts::Fonts;
use super::lay::{Place, lay};
use super::settings::BoxSettings;
use super::words::{MAX_ENTRIES, Source, Values, Words};
use super::{Computed, Finding, Severity, Template, TemplateError};
use crate::catalogue::TypeDefinition;

impl Template {
    /// What is wrong with this template for licences of a type; nothing of severity [`Severity::Error`] may be published.
    ///
    /// The longest text of a field is taken from `maxLength`, `enum`, `format: date`, `maximum` and `maxItems`; a text in a
    /// box without a bound in the schema is a warning. Ideographs stand for its characters unless the schema's `pattern`
    /// is in ASCII alone.
    #[must_use]
    pub fn check(&self, definition: &TypeDefinition, fonts: &Fonts) -> Vec<Finding> {
        let mut findings = Vec::new();
        let fields = properties(&definition.schema);
        let placed = self.placed();
        self.unplaced(&fields, &placed, &mut findings);
        self.unknown(&fields, &mut findings);
        if findings.iter().all(|finding| finding.severity < Severity::Error) {
            self.worst(definition, &fields, fonts, &mut findings);
        }
        findings
    }

    /// The fields that stand on a page.
    #[must_use]
    pub fn placed(&self) -> BTreeSet<String> {
        let mut out = BTreeSet::new();
        for source in self.words().flat_map(Words::sources) {
            if let Source::Field(name) = source {
                out.insert(name.clone());
            }
        }
        for settings in self.settings.boxes.values() {
            out.extend(settings.photo.clone());
            out.extend(settings.repeat.clone());
        }
        out
    }

    /// All texts: the title's, the pages', the boxes'.
    fn words(&self) -> impl Iterator<Item = &Words> {
        let standing = self.pages.iter().flat_map(|page| &page.texts).flat_map(|text| &text.spans);
        let boxed = self.settings.boxes.values().flat_map(|settings| {
            let columns = settings.columns.iter().map(|column| &column.text);
            settings.text.iter().chain(&settings.qr).chain(columns)
        });
        std::iter::once(&self.settings.title).chain(standing.map(|span| &span.words)).chain(boxed)
    }

    fn unplaced(&self, fields: &Map<String, Value>, placed: &BTreeSet<String>, findings: &mut Vec<Finding>) {
        let left_out = &self.settings.left_out;
        for (name, schema) in fields {
            if !placed.contains(name) && !left_out.contains(name) {
                let title = schema.get("title").and_then(Value::as_str).unwrap_or(name);
                findings.push(Finding::new(
                    Severity::Error,
                    name,
                    format!("字段“{title}”（{name}）未出现在版面上；请为其设置位置，或写入 left-out"),
                    format!("the field `{name}` stands on no page; place it, or name it under `left-out`"),
                ));
            }
        }
        for name in left_out.iter().filter(|name| !fields.contains_key(*name) || placed.contains(*name)) {
            findings.push(Finding::new(
                Severity::Warning,
                name,
                format!("left-out 所列“{name}”不是未出现的字段"),
                format!("`left-out` names `{name}`, which is no field or stands on a page"),
            ));
        }
    }

    fn unknown(&self, fields: &Map<String, Value>, findings: &mut Vec<Finding>) {
        let mut seen = BTreeSet::new();
        let mut tell = |name: &str, findings: &mut Vec<Finding>| {
            if seen.insert(name.to_owned()) {
                findings.push(Finding::new(
                    Severity::Error,
                    name,
                    format!("占位符“{name}”既不是该证照类型的字段，也不是可计算的内容"),
                    format!("the placeholder `{name}` is neither a field of the type nor computed"),
                ));
            }
        };
        for source in self.words().flat_map(Words::sources) {
            match source {
                Source::Field(name) if !fields.contains_key(name) => tell(name, findings),
                Source::Computed(name) if !Computed::NAMES.contains(&name.as_str()) => {
                    tell(&format!("@{name}"), findings);
                }
                _ => {}
            }
        }
        for settings in self.settings.boxes.values() {
            let entry = settings.repeat.as_ref().and_then(|name| {
                let schema = fields.get(name);
                if schema.is_none() {
                    tell(name, findings);
                }
                schema?.get("items")
            });
            let words = settings.text.iter().chain(settings.columns.iter().map(|column| &column.text));
            for source in words.flat_map(Words::sources) {
                let known = match source {
                    Source::Member(name) => entry
                        .and_then(|entry| entry.get("properties"))
                        .is_some_and(|known| known.get(name).is_some()),
                    Source::Entry | Source::Number => settings.repeat.is_some(),
                    _ => true,
                };
                if !known {
                    let name = match source {
                        Source::Member(name) => format!(".{name}"),
                        Source::Number => "#".to_owned(),
                        _ => ".".to_owned(),
                    };
                    tell(&name, findings);
                }
            }
            if let Some(name) = settings.photo.as_ref().filter(|name| !fields.contains_key(*name)) {
                tell(name, findings);
            }
        }
    }

    /// Lays the longest texts into their boxes.
    fn worst(
        &self,
        definition: &TypeDefinition,
        fields: &Map<String, Value>,
        fonts: &Fonts,
        findings: &mut Vec<Finding>,
    ) {
        let mut unbounded = BTreeSet::new();
        let longest = all_longest(fields, &mut unbounded);
        let placed = self.placed();
        for name in unbounded.iter().filter(|name| placed.contains(*name)) {
            findings.push(Finding::new(
                Severity::Warning,
                name,
                format!("字段“{name}”没有长度上限（maxLength、maxItems），无法确认放得下"),
                format!("the field `{name}` has no bound (`maxLength`, `maxItems`); whether it fits cannot be said"),
            ));
        }
        let computed = Computed::longest(definition);
        let values = Values { fields: &longest, computed: &computed, entry: None };
        let letters = match fonts.letters(&self.settings.fallback) {
            Ok(letters) => letters,
            Err(error) => return findings.push(Finding::refused("", &error)),
        };
        for (index, page) in self.pages.iter().enumerate() {
            for (name, area) in &page.boxes {
                let Some(settings) = self.settings.boxes.get(name) else { continue };
                let place = Place { name, page: index + 1, area: *area };
                if let Some(finding) = self.fits(place, settings, &values, fonts, &letters) {
                    findings.push(finding);
                }
            }
        }
    }

    fn fits(
        &self,
        place: Place<'_>,
        settings: &BoxSettings,
        values: &Values<'_>,
        fonts: &Fonts,
        letters: &super::fonts::Letters<'_>,
    ) -> Option<Finding> {
        if let Some(words) = &settings.qr {
            let symbol = words.fill(values).and_then(|text| super::qr::symbol(place.name, &text, place.area));
            return symbol.err().map(|error| Finding::refused(place.name, &error));
        }
        if settings.photo.is_some() || settings.seal {
            return None;
        }
        let face = fonts.named(settings.font.as_ref().unwrap_or(&self.settings.font));
        let laid = face.and_then(|face| {
            let rows = rows(settings, values)?;
            lay(place, settings, &rows, face, letters)
        });
        match laid {
            Ok(laid) => laid.finding,
            Err(error) => Some(Finding::refused(place.name, &error)),
        }
    }
}

/// The longest values that a type lets through, and computed ones as long as they can become: what [`Template::check`] lays.
#[must_use]
pub fn worst_case(definition: &TypeDefinition) -> (Map<String, Value>, Computed) {
    let longest = all_longest(&properties(&definition.schema), &mut BTreeSet::new());
    (longest, Computed::longest(definition))
}

fn all_longest(fields: &Map<String, Value>, unbounded: &mut BTreeSet<String>) -> Map<String, Value> {
    fields.iter().map(|(name, schema)| (name.clone(), longest(schema, name, 0, unbounded))).collect()
}

impl Finding {
    /// What keeps a template from being used.
    pub(super) fn refused(place: &str, error: &TemplateError) -> Self {
        let zh = match error {
            TemplateError::DoesNotFit { page, size, wide_mm, high_mm, width_mm, height_mm, .. } => format!(
                "第 {page} 页“{place}”放不下最长的内容：最小字号 {size} 磅时需 {wide_mm:.1} × {high_mm:.1} 毫米，现为 {width_mm:.1} × \
                 {height_mm:.1} 毫米；请加大方框、减小 min-size，或减小字段的 maxLength、maxItems"
            ),
            TemplateError::Qr { needed_mm, has_mm, octets, .. } => format!(
                "二维码“{place}”容纳 {octets} 字节需边长 {needed_mm:.1} 毫米，现为 {has_mm:.1} 毫米；请加大方框"
            ),
            TemplateError::NoFont { name, known } => format!("字体“{name}”未配置；已配置：{known}"),
            TemplateError::MissingGlyphs { characters, fonts } => {
                format!("以下字符在各字体中均缺字形：{characters}（已尝试：{fonts}）")
            }
            error => format!("“{place}”：{error}"),
        };
        Self::new(Severity::Error, place, zh, error.to_string())
    }
}

impl Computed {
    /// What stands in for computed values in a preview: an identifier of the type's code that nobody issues, the type's
    /// defining body as issuer, `today`, a year's validity, and a QR symbol that says it is a sample.
    #[must_use]
    pub fn sample(
        definition: &TypeDefinition,
        values: &Map<String, Value>,
        today: jiff::civil::Date,
    ) -> Self {
        let number =
            definition.number_field.as_ref().and_then(|field| values.get(field)).and_then(Value::as_str);
        let body = &definition.defining_body;
        Self {
            identifier: format!("1.2.156.3005.2.{}.{}.00000000.001.0", definition.code, body.code),
            number: number.unwrap_or("00000000").to_owned(),
            issuer: body.name.clone(),
            issued: Some(today),
            valid_from: Some(today),
            valid_to: today.checked_add(jiff::Span::new().days(364)).ok(),
            version: 1,
            qr: Some(format!("CNB1:{}", "SAMPLE ".repeat(60))),
            purpose: Some("样本".to_owned()),
            annotated_until: Some(today),
        }
    }

    /// As long as they can become.
    fn longest(definition: &TypeDefinition) -> Self {
        let day = jiff::civil::date(2028, 12, 28);
        // TYPE.ISSUER.SERIAL.VERSION.CHECK with the longest serial, and its OID (GB/T 36904).
        let identifier =
            format!("1.2.156.3005.2.{}.{}.{}.001.X", definition.code, "9".repeat(18), "W".repeat(32));
        Self {
            identifier,
            number: "9".repeat(24),
            issuer: "某".repeat(24),
            issued: Some(day),
            valid_from: Some(day),
            valid_to: Some(day),
            version: 999,
            qr: Some("W".repeat(MAX_QR)),
            purpose: Some("用".repeat(40)),
            annotated_until: Some(day),
        }
    }
}

fn properties(schema: &Value) -> Map<String, Value> {
    schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default()
}

/// The longest value that a schema lets through, as far as its own keywords say; `unbounded` takes the field's name where
/// they do not.
fn longest(schema: &Value, field: &str, depth: usize, unbounded: &mut BTreeSet<String>) -> Value {
    let number = |key: &str| schema.get(key).and_then(Value::as_u64);
    let wide = |value: &Value| value.as_str().map_or(0, |text| text.chars().count());
    if let Some(value) = schema.get("const") {
        return value.clone();
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.iter().max_by_key(|value| wide(value)).cloned().unwrap_or(Value::Null);
    }
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind.as_str(),
        Some(Value::Array(kinds)) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("")
        }
        _ => "string",
    };
    match kind {
        _ if depth > MAX_DEPTH => Value::Null,
        "boolean" => Value::Bool(true),
        "integer" | "number" => {
            let most = schema.get("maximum").cloned();
            most.unwrap_or_else(|| {
                unbounded.insert(field.to_owned());
                json!(999_999_999_999_u64)
            })
        }
        "array" => {
            let entry =
                schema.get("items").map_or(Value::Null, |items| longest(items, field, depth + 1, unbounded));
            let count = number("maxItems").unwrap_or_else(|| {
                unbounded.insert(field.to_owned());
                10
            });
            let count = usize::try_from(count).unwrap_or(MAX_ENTRIES + 1).min(MAX_ENTRIES + 1);
            Value::Array(vec![entry; count])
        }
        "object" => {
            let members = properties(schema);
            let members: BTreeMap<_, _> = members
                .iter()
                .map(|(name, schema)| (name.clone(), longest(schema, field, depth + 1, unbounded)))
                .collect();
            Value::Object(members.into_iter().collect())
        }
        _ => {
            if schema.get("contentEncoding").is_some() {
                return Value::Null;
            }
            match schema.get("format").and_then(Value::as_str) {
                Some("date") => return json!("2028-12-28"),
                Some("date-time") => return json!("2028-12-28T23:59:59+08:00"),
                _ => {}
            }
            let checked = match schema.get("x-check").and_then(Value::as_str) {
                Some("credit-code" | "citizen-id") => Some(18),
                Some("mobile") => Some(11),
                Some("bank-card") => Some(19),
                _ => None,
            };
            let length = checked.or_else(|| number("maxLength")).unwrap_or_else(|| {
                unbounded.insert(field.to_owned());
                40
            });
            let length = usize::try_from(length).unwrap_or(MAX_LETTERS).min(MAX_LETTERS);
            let narrow = checked.is_some()
                || schema.get("pattern").and_then(Value::as_str).is_some_and(|pattern| {
                    pattern.is_ascii() && !pattern.contains(['.', '\\']) && !pattern.contains("[^")
                });
            // Marks now and then, as texts have them: lines are broken at other places than the edge.
            let sample = if narrow { "0" } else { "国务院食品药品经营许可，" };
            Value::String(sample.chars().cycle().take(length).collect())
        }
    }
}

/// Characters of a text that are tried.
const MAX_LETTERS: usize = 20_000;
/// Objects and lists within each other that are followed.
const MAX_DEPTH: usize = 8;
/// Characters of an offline QR symbol: base45 of what such symbols may hold [29].
const MAX_QR: usize = 967;
