//! Judging a definition as a whole: its codes, its schema, and that every rule names fields that exist and may be used so.

mod fields;

use std::collections::BTreeSet;

use jsonschema::{Draft, PatternOptions};

use super::{
    Compiled, Fault,
    definition::{TypeDefinition, Validity, Words},
    fault::{Faults, token},
    schema::{self, presentable},
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
        let described = schema::fields(&self.schema, &mut faults);
        if faults.is_empty() {
            fields::tags(&described, &mut faults);
            let names = fields::Names { fields: &described };
            fields::holder(&self, &names, &mut faults);
            fields::rules(&self, &names, &mut faults);
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
        Ok(Compiled::new(self, described, validator))
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
