//! What is judged of a definition's fields: how they are treated, and that every rule names fields that exist and fit.

use std::collections::BTreeSet;

use super::{MOST_NAMED, slug, word};
use crate::catalogue::{
    definition::{HolderCategory, Sensitivity, TypeDefinition, Validity},
    fault::{Faults, token},
    field::{Field, Kind},
    schema::KEY_PREFIX,
};

/// How fields are treated.
pub(super) fn tags(fields: &[Field], faults: &mut Faults) {
    let mut keys = BTreeSet::new();
    for field in fields {
        let at = format!("/schema/properties/{}", field.name);
        let tags = &field.tags;
        if !keys.insert(&field.key) || !metadata_key(&field.key) {
            faults.add(
                format!("{at}/x-key"),
                "元数据键须以KZ_开头，由大写字母、数字、下划线组成，且不重复",
                "a metadata key is `KZ_` with capital letters, digits and `_`, at most 64, and no other field has it (GB/T 36903)",
            );
        }
        if let Some(check) = &tags.check {
            match CHECKS.iter().find(|known| known.0 == check) {
                None => faults.add(
                    format!("{at}/x-check"),
                    "未知的校验方式",
                    format!("no such check; known ones: {}", CHECKS.map(|known| known.0).join(", ")),
                ),
                Some(_) if !matches!(&field.kind, Kind::Text { choices, .. } if choices.is_empty()) => faults.add(
                    format!("{at}/x-check"),
                    "只有文本字段可校验",
                    "only a text can have a check",
                ),
                Some((_, least)) if tags.sensitivity < *least => faults.add(
                    format!("{at}/x-sensitivity"),
                    "该号码的敏感级别过低",
                    "such a number needs `x-sensitivity`: sensitive for citizens' numbers and bank cards, personal for telephone numbers (GB/T 45574)",
                ),
                Some(_) => {}
            }
        }
        if tags.known && (tags.sensitivity == Sensitivity::Sensitive || plural(&field.kind)) {
            faults.add(
                format!("{at}/x-known"),
                "敏感字段、列表与照片不得用于核验",
                "a sensitive field, a list or a photograph cannot be what a verifier names; take a name or a date",
            );
        }
        if matches!(field.kind, Kind::Picture { .. }) && field.is_open() {
            faults.add(format!("{at}/x-sensitivity"), "照片不得公开", "a photograph is at least `personal`");
        }
        if tags.qr && tags.sensitivity == Sensitivity::Sensitive {
            faults.add(
                format!("{at}/x-qr"),
                "敏感字段不得载入二维码",
                "a sensitive field cannot stand in a QR symbol, which anyone reads",
            );
        }
        if tags.qr && plural(&field.kind) {
            faults.add(
                format!("{at}/x-qr"),
                "列表与照片不得载入二维码",
                "a list or a photograph cannot stand in a QR symbol; it would not fit",
            );
        }
    }
    let most: u64 = fields
        .iter()
        .filter(|field| field.tags.qr && !plural(&field.kind))
        .map(|field| field.name.len() as u64 + 4 + field.kind.longest_octets(field.tags.check.is_some()))
        .sum();
    if most > MOST_QR {
        faults.add(
            "/schema/properties",
            format!("二维码字段最长合计{most}字节，超过{MOST_QR}"),
            format!(
                "the fields of the QR symbol may take {most} octets, more than {MOST_QR}; lower `maxLength` or take `x-qr` off one"
            ),
        );
    }
}

/// The holder, the number, the validity.
pub(super) fn holder(definition: &TypeDefinition, names: &Names<'_>, faults: &mut Faults) {
    let fields = &definition.holder_fields;
    let person = definition.holder == HolderCategory::NaturalPerson;
    if let Some(field) = names.text("/holder_fields/name", &fields.name, faults) {
        required("/holder_fields/name", field, faults);
        if person && field.is_open() {
            faults.add(
                format!("/schema/properties/{}/x-sensitivity", field.name),
                "自然人姓名不得公开",
                "the name of a natural person is at least `personal`",
            );
        }
    }
    if let Some(field) = names.text("/holder_fields/number", &fields.number, faults) {
        required("/holder_fields/number", field, faults);
        let kind = fields.number_kind.as_str();
        let fits = kind.len() == 3 && kind.bytes().all(|octet| octet.is_ascii_digit());
        let expected = match kind {
            "001" => Some("credit-code"),
            "111" => Some("citizen-id"),
            _ => None,
        };
        if !fits {
            faults.add(
                "/holder_fields/number_kind",
                "持证主体代码类型为3位数字",
                "the kind of the holder's number has 3 digits: 001 credit code, 111 citizen's number (GB/T 36903)",
            );
        } else if expected.is_some() && field.tags.check.as_deref() != expected {
            faults.add(
                format!("/schema/properties/{}/x-check", field.name),
                "持证主体代码须校验",
                format!(
                    "the holder's number is of kind {kind}: it needs `\"x-check\": \"{}\"`",
                    expected.unwrap_or_default()
                ),
            );
        }
        if person && field.is_open() {
            faults.add(
                format!("/schema/properties/{}/x-sensitivity", field.name),
                "自然人证件号码不得公开",
                "the number of a natural person is at least `personal`",
            );
        }
    }
    for (role, field) in &fields.others {
        let at = format!("/holder_fields/others/{}", token(role));
        if !slug(role) {
            faults.add(
                &at,
                "角色名称由小写字母、数字、连字符组成",
                "a role has small letters, digits and `-`",
            );
        }
        if let Some(field) = names.text(&at, field, faults)
            && field.tags.check.as_deref() != Some("citizen-id")
        {
            faults.add(
                &at,
                "其他持证人须以公民身份号码指明",
                "further holders are named by a field with `\"x-check\": \"citizen-id\"`",
            );
        }
    }
    if let Some(number) = &definition.number_field
        && let Some(field) = names.text("/number_field", number, faults)
    {
        required("/number_field", field, faults);
    }
    if let Validity::Field { until } = &definition.validity
        && let Some(field) = names.field("/validity/until", until, faults)
        && field.kind != Kind::Date
    {
        faults.add(
            "/validity/until",
            "有效期截止字段须为日期",
            "the field with the end must be a text of format `date`",
        );
    }
}

/// Who may take which fields.
pub(super) fn rules(definition: &TypeDefinition, names: &Names<'_>, faults: &mut Faults) {
    if definition.queries.len() > MOST_NAMED {
        faults.add("/queries", "查询规则过多", format!("too many rules; at most {MOST_NAMED}"));
        return;
    }
    for (index, rule) in definition.queries.iter().enumerate() {
        let at = format!("/queries/{index}");
        if !slug(&rule.purpose) {
            faults.add(
                format!("{at}/purpose"),
                "用途由小写字母、数字、连字符组成",
                "a purpose is a word of small letters, digits and `-`, at most 64",
            );
        }
        for (list, which) in [(&rule.items, "items"), (&rule.organisations, "organisations")] {
            if list.is_empty() || list.len() > MOST_NAMED {
                faults.add(
                    format!("{at}/{which}"),
                    "至少列出一项，*表示任意",
                    format!("name 1 to {MOST_NAMED}; `*` is any"),
                );
            }
            for (position, entry) in list.iter().enumerate() {
                word(&format!("{at}/{which}/{position}"), entry, faults);
            }
        }
        let mut seen = BTreeSet::new();
        for (position, field) in rule.fields.iter().enumerate() {
            let at = format!("{at}/fields/{position}");
            names.field(&at, field, faults);
            if !seen.insert(field) {
                faults.add(&at, "字段重复", "this field is named twice");
            }
        }
        if rule.fields.is_empty() && !rule.document {
            faults.add(
                format!("{at}/fields"),
                "至少列出一个字段",
                "a rule gives at least one field or the document",
            );
        }
    }
}

/// The fields by their names.
pub(super) struct Names<'a> {
    pub(super) fields: &'a [Field],
}

impl<'a> Names<'a> {
    fn field(&self, at: &str, name: &str, faults: &mut Faults) -> Option<&'a Field> {
        let found = self.fields.iter().find(|field| field.name == name);
        if found.is_none() {
            faults.add(at, "字段不存在", "no such field in the schema; name one of its properties");
        }
        found
    }

    fn text(&self, at: &str, name: &str, faults: &mut Faults) -> Option<&'a Field> {
        let found = self.field(at, name, faults)?;
        if !matches!(found.kind, Kind::Text { .. }) {
            faults.add(at, "须为文本字段", "this must be a field of type `string`");
            return None;
        }
        Some(found)
    }
}

fn required(at: &str, field: &Field, faults: &mut Faults) {
    if !field.required {
        faults.add(at, "该字段须为必填", "this field must stand in `required`: every licence has it");
    }
}

const fn plural(kind: &Kind) -> bool {
    matches!(kind, Kind::List { .. } | Kind::Record { .. } | Kind::Picture { .. })
}

fn metadata_key(key: &str) -> bool {
    key.len() <= 64
        && key.strip_prefix(KEY_PREFIX).is_some_and(|rest| {
            !rest.is_empty()
                && rest
                    .bytes()
                    .all(|octet| octet.is_ascii_uppercase() || octet.is_ascii_digit() || octet == b'_')
        })
}

/// Checks beyond the schema, with the least sensitivity of what passes them.
const CHECKS: [(&str, Sensitivity); 5] = [
    ("credit-code", Sensitivity::Open),
    ("organisation-code", Sensitivity::Open),
    ("citizen-id", Sensitivity::Sensitive),
    ("mobile", Sensitivity::Personal),
    ("bank-card", Sensitivity::Sensitive),
];
/// Octets the fields of a QR symbol may take: 967 in all (decisions.md 29), less signature, headers and what every symbol says.
const MOST_QR: u64 = 640;
