//! Judging a definition as a whole: its codes, its schema, and that every rule names fields that exist and may be used so.

use std::collections::BTreeSet;

use jsonschema::{Draft, PatternOptions};

use super::{
    Compiled, Fault,
    definition::{HolderCategory, Sensitivity, TypeDefinition, Validity, Words},
    fault::{Faults, token},
    field::{Field, Kind},
    schema::{self, KEY_PREFIX, presentable},
};
use crate::{codes, life::Operation};

impl TypeDefinition {
    /// Reads a definition from JSON, nothing judged yet.
    ///
    /// # Errors
    /// One fault: it is too long, or does not read.
    pub fn read(json: &[u8]) -> Result<Self, Vec<Fault>> {
        if json.len() > LONGEST_DEFINITION {
            return Err(vec![Fault::new(
                "",
                format!("证照类型定义过大，至多{LONGEST_DEFINITION}字节"),
                format!("the definition is too long; at most {LONGEST_DEFINITION} octets"),
            )]);
        }
        serde_json::from_slice(json).map_err(|error| {
            vec![Fault::new(
                "",
                format!("证照类型定义无法读取（第{}行第{}列）", error.line(), error.column()),
                format!("the definition does not read: {error}"),
            )]
        })
    }

    /// Judges a definition; all its faults at once (up to 100).
    ///
    /// # Errors
    /// The faults, by JSON pointer.
    pub fn compile(self) -> Result<Compiled, Vec<Fault>> {
        let mut faults = Faults::default();
        heading(&self, &mut faults);
        let fields = schema::fields(&self.schema, &mut faults);
        if faults.is_empty() {
            tags(&fields, &mut faults);
            let names = Names { fields: &fields };
            holder(&self, &names, &mut faults);
            rules(&self, &names, &mut faults);
        }
        let mut faults = faults.into_vec();
        if !faults.is_empty() {
            return Err(faults);
        }
        // `regex`, not the default engine: patterns come from officers, and no pattern may cost more than linear time.
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            .with_pattern_options(PatternOptions::regex().size_limit(LARGEST_PATTERN))
            .offline()
            .build(&self.schema)
            .map_err(|error| {
                faults.push(Fault::new(
                    format!("/schema{}", error.instance_path().as_str()),
                    "字段定义不符合JSON Schema 2020-12",
                    format!("the schema is not one of JSON Schema 2020-12: {}", error.masked()),
                ));
                faults
            })?;
        Ok(Compiled::new(self, fields, validator))
    }
}

/// Codes, names, levels, templates, operations.
fn heading(definition: &TypeDefinition, faults: &mut Faults) {
    let body = &definition.defining_body;
    if let Err(error) = codes::credit_code(&body.code) {
        faults.add("/defining_body/code", error.zh(), error.told());
    }
    let digits = definition.code.strip_prefix(body.code.as_str());
    if !digits.is_some_and(|rest| rest.len() == 3 && rest.bytes().all(|octet| octet.is_ascii_digit())) {
        faults.add(
            "/code",
            "证照类型代码为颁发定义机构的18位统一社会信用代码加3位数字",
            "a type's code is the credit code of the body that defines it and 3 digits (GB/T 36902)",
        );
    }
    for (at, level) in [("/defining_body/level", body.level), ("/issuing_level", definition.issuing_level)] {
        if !(1..=5).contains(&level) {
            faults.add(
                at,
                "级别为1（国家）至5（其他）",
                "a level is 1 national, 2 provincial, 3 city, 4 county or 5 other",
            );
        }
    }
    name("/defining_body/name", &body.name, faults);
    words("/name", &definition.name, faults);
    if let Some(item) = &definition.item {
        name("/item/name", &item.name, faults);
        word("/item/code", &item.code, faults);
    }
    let templates = &definition.templates;
    let named = [
        ("original", Some(&templates.original)),
        ("duplicate", templates.duplicate.as_ref()),
        ("overprint", templates.overprint.as_ref()),
    ];
    for (which, template) in named {
        if template.is_some_and(|template| !slug(template)) {
            faults.add(
                format!("/templates/{which}"),
                "模板名称由小写字母、数字、连字符组成，至多64个字符",
                "a template's name has small letters, digits and `-`, at most 64",
            );
        }
    }
    if !["b-b", "b-t", "b-lt", "b-lta"].contains(&definition.level.as_str()) {
        faults.add("/level", "签名级别为b-b、b-t、b-lt、b-lta之一", "a level is b-b, b-t, b-lt or b-lta");
    }
    if let Some(vct) = &definition.vct
        && !(vct.len() <= 256
            && (vct.starts_with("https://") || vct.starts_with("urn:"))
            && vct.bytes().all(|octet| octet.is_ascii_graphic()))
    {
        faults.add(
            "/vct",
            "凭证类型须为https或urn标识",
            "`vct` is a URI: `https://…` or `urn:…`, at most 256 octets",
        );
    }
    match definition.validity {
        Validity::Years { years } if !(1..=100).contains(&years) => {
            faults.add("/validity/years", "年数为1至100", "years are 1 to 100; use `long-term` for no end");
        }
        Validity::Months { months } if !(1..=1_200).contains(&months) => {
            faults.add(
                "/validity/months",
                "月数为1至1200",
                "months are 1 to 1200; use `long-term` for no end",
            );
        }
        _ => {}
    }
    issuers(definition, faults);
    operations(definition, faults);
}

/// Who issues it, with which seal.
fn issuers(definition: &TypeDefinition, faults: &mut Faults) {
    let mut seen = BTreeSet::new();
    for (index, issuer) in definition.issuers.iter().enumerate() {
        let at = format!("/issuers/{index}");
        word(&at, issuer, faults);
        if !seen.insert(issuer) {
            faults.add(&at, "颁发机构重复", "this organisation is named twice");
        }
        if issuer == ANY {
            faults.add(&at, "颁发机构须逐一列出", "issuers are named one by one; `*` is none");
        } else if !definition.seals.contains_key(issuer) && !definition.seals.contains_key(ANY) {
            faults.add(
                &at,
                "未指定该机构的签章",
                "no seal is named for this organisation; add it, or one for `*`, to `seals`",
            );
        }
    }
    for (organisation, seal) in &definition.seals {
        let at = format!("/seals/{}", token(organisation));
        if organisation != ANY && !definition.issuers.contains(organisation) {
            faults.add(&at, "该机构不在颁发机构之列", "this organisation is not among the issuers");
        }
        word(&at, seal, faults);
    }
    if definition.issuers.len() > MOST_NAMED {
        faults.add("/issuers", "颁发机构过多", format!("too many issuers; at most {MOST_NAMED}"));
    }
}

fn operations(definition: &TypeDefinition, faults: &mut Faults) {
    for (index, operation) in definition.operations.iter().enumerate() {
        let at = format!("/operations/{index}");
        if *operation == Operation::Issue {
            faults.add(&at, "签发无须列出", "issuing is not listed: every type is issued");
        }
        if definition.operations.iter().take(index).any(|earlier| earlier == operation) {
            faults.add(&at, "操作重复", "this operation is listed twice");
        }
    }
    let has = |operation| definition.operations.contains(&operation);
    if has(Operation::Suspend) && !has(Operation::Resume) {
        faults.add(
            "/operations",
            "可暂扣的证照须可恢复",
            "licences that are suspended must be resumable; add `resume`",
        );
    }
    if has(Operation::Reissue) && !has(Operation::ReportLoss) {
        faults.add(
            "/operations",
            "补发以挂失为前提",
            "a licence is reissued when it was reported lost; add `report-loss`",
        );
    }
}

/// How fields are treated.
fn tags(fields: &[Field], faults: &mut Faults) {
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
fn holder(definition: &TypeDefinition, names: &Names<'_>, faults: &mut Faults) {
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
fn rules(definition: &TypeDefinition, names: &Names<'_>, faults: &mut Faults) {
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
struct Names<'a> {
    fields: &'a [Field],
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

fn name(at: &str, text: &str, faults: &mut Faults) {
    if !presentable(text, LONGEST_NAME) {
        faults.add(
            at,
            format!("名称须为1至{LONGEST_NAME}个可见字符"),
            format!("a name has 1 to {LONGEST_NAME} visible characters"),
        );
    }
}

fn words(at: &str, words: &Words, faults: &mut Faults) {
    name(&format!("{at}/zh"), &words.zh, faults);
    name(&format!("{at}/en"), &words.en, faults);
}

/// A code or an identifier: visible ASCII.
fn word(at: &str, text: &str, faults: &mut Faults) {
    if text.is_empty() || text.len() > LONGEST_WORD || !text.bytes().all(|octet| octet.is_ascii_graphic()) {
        faults.add(
            at,
            format!("代码须为1至{LONGEST_WORD}个可见ASCII字符"),
            format!("a code has 1 to {LONGEST_WORD} visible ASCII characters"),
        );
    }
}

fn slug(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-')
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
/// Any organisation, any item.
pub(super) const ANY: &str = "*";
/// Octets of a definition.
const LONGEST_DEFINITION: usize = 256 * 1024;
/// Octets of a compiled pattern.
const LARGEST_PATTERN: usize = 1024 * 1024;
/// Issuers, rules, items of a rule.
const MOST_NAMED: usize = 500;
/// Characters of a name.
const LONGEST_NAME: usize = 100;
/// Octets of a code.
const LONGEST_WORD: usize = 100;
/// Octets the fields of a QR symbol may take: 967 in all (decisions.md 29), less signature, headers and what every symbol says.
const MOST_QR: u64 = 640;
