//! Judging the fields of one licence, in words for who fills the form in.

use jsonschema::{
    JsonType, ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind},
};
use serde_json::{Map, Value};

use super::{
    FieldFault,
    fault::{Faults, token},
    field::{Field, Kind},
    values,
};
use crate::codes;

/// Judges `fields`: schema and formats first; characters and check digits of what has the right shape.
pub(super) fn judge(
    validator: &Validator,
    described: &[Field],
    fields: &Map<String, Value>,
) -> Result<(), Vec<FieldFault>> {
    let mut faults = Faults::default();
    let whole = Value::Object(fields.clone());
    for error in validator.iter_errors(&whole) {
        if faults.full() {
            break;
        }
        tell(&error, &mut faults);
    }
    for field in described {
        let Some(value) = fields.get(&field.name) else { continue };
        let at = format!("/{}", field.name);
        characters(value, &at, &mut faults);
        if let (Kind::Picture { .. }, Value::String(text)) = (&field.kind, value)
            && !base64(text)
        {
            faults.add(&at, "照片须为base64编码", "a photograph is a PNG or JPEG in base64 (RFC 4648)");
        }
        if let (Some(check), Value::String(text)) = (&field.tags.check, value)
            && let Err(error) = digits(check, text)
        {
            faults.add(at, error.zh(), error.told());
        }
    }
    faults.none_or(())
}

fn digits(check: &str, text: &str) -> Result<(), codes::CodeError> {
    match check {
        "credit-code" => codes::credit_code(text),
        "organisation-code" => codes::organisation_code(text),
        "citizen-id" => codes::citizen_id(text),
        "mobile" => codes::mobile(text),
        "bank-card" => codes::bank_card(text),
        // The definition was judged: there is no other.
        _ => Ok(()),
    }
}

/// Whether a text is base64 with padding. Nothing is decoded: pictures are read where they are drawn.
fn base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && !body.is_empty()
        && body.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/'))
}

/// Texts within a value, at any depth the schema allows.
fn characters(value: &Value, at: &str, faults: &mut Faults) {
    match value {
        Value::String(text) if text.chars().any(values::forbidden) => faults.add(
            at,
            "含有控制字符或不可见字符",
            "there are control characters or invisible ones in it; type it anew",
        ),
        Value::Array(list) => {
            for (index, entry) in list.iter().enumerate() {
                if faults.full() {
                    return;
                }
                characters(entry, &format!("{at}/{index}"), faults);
            }
        }
        Value::Object(record) => {
            for (name, entry) in record {
                characters(entry, &format!("{at}/{}", token(name)), faults);
            }
        }
        _ => {}
    }
}

/// One fault of the schema in words. Bounds are told, values are not.
fn tell(error: &ValidationError<'_>, faults: &mut Faults) {
    let at = error.instance_path().as_str();
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            faults.add(format!("{at}/{}", token(name)), "必填", "this field is required");
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            for name in unexpected {
                let at = format!("{at}/{}", token(name));
                faults.add(
                    at,
                    "该证照类型没有此字段",
                    "licences of this type have no such field; leave it out",
                );
            }
        }
        kind => {
            let (zh, en) = words(kind);
            faults.add(at, zh, en);
        }
    }
}

fn words(kind: &ValidationErrorKind) -> (String, String) {
    match kind {
        ValidationErrorKind::MaxLength { limit } => {
            (format!("至多{limit}个字符"), format!("at most {limit} characters"))
        }
        ValidationErrorKind::MinLength { limit } => {
            (format!("至少{limit}个字符"), format!("at least {limit} characters"))
        }
        ValidationErrorKind::MaxItems { limit } => {
            (format!("至多{limit}项"), format!("at most {limit} entries"))
        }
        ValidationErrorKind::MinItems { limit } => {
            (format!("至少{limit}项"), format!("at least {limit} entries"))
        }
        ValidationErrorKind::Minimum { limit } => {
            (format!("不小于{limit}"), format!("not less than {limit}"))
        }
        ValidationErrorKind::Maximum { limit } => {
            (format!("不大于{limit}"), format!("not more than {limit}"))
        }
        ValidationErrorKind::ExclusiveMinimum { limit } => {
            (format!("大于{limit}"), format!("more than {limit}"))
        }
        ValidationErrorKind::ExclusiveMaximum { limit } => {
            (format!("小于{limit}"), format!("less than {limit}"))
        }
        ValidationErrorKind::MultipleOf { multiple_of } => {
            (format!("须为{multiple_of}的倍数"), format!("must be a multiple of {multiple_of}"))
        }
        ValidationErrorKind::Enum { options } => {
            let options = choices(options);
            (format!("须为下列之一：{options}"), format!("must be one of: {options}"))
        }
        ValidationErrorKind::Constant { expected_value } => {
            (format!("须为{expected_value}"), format!("must be {expected_value}"))
        }
        ValidationErrorKind::Format { format } if format == "date" => {
            ("须为日期，写作YYYY-MM-DD".to_owned(), "must be a date, written `YYYY-MM-DD`".to_owned())
        }
        ValidationErrorKind::Format { format } => {
            (format!("格式须为{format}"), format!("must be of format `{format}`"))
        }
        ValidationErrorKind::Pattern { pattern } => {
            (format!("格式不符，须匹配 {pattern}"), format!("must match the pattern `{pattern}`"))
        }
        ValidationErrorKind::Type { kind } => {
            let kind = match kind {
                TypeKind::Single(kind) => *kind,
                TypeKind::Multiple(_) => JsonType::Null,
            };
            let (zh, en) = type_words(kind);
            (format!("须为{zh}"), format!("must be {en}"))
        }
        ValidationErrorKind::UniqueItems => ("各项不得重复".to_owned(), "entries must differ".to_owned()),
        other => (
            "不符合该证照类型的要求".to_owned(),
            format!("does not fit what the type asks (`{}`)", other.keyword()),
        ),
    }
}

const fn type_words(kind: JsonType) -> (&'static str, &'static str) {
    match kind {
        JsonType::String => ("文本", "a text"),
        JsonType::Integer => ("整数", "a whole number"),
        JsonType::Number => ("数值", "a number"),
        JsonType::Boolean => ("是或否", "true or false"),
        JsonType::Array => ("列表", "a list"),
        JsonType::Object => ("记录", "a record"),
        JsonType::Null => ("另一类型", "of another type"),
    }
}

/// The first choices of a list.
fn choices(options: &Value) -> String {
    let list = options.as_array().map(Vec::as_slice).unwrap_or_default();
    let shown: Vec<String> = list.iter().take(SHOWN).filter_map(values::plain).collect();
    let more = if list.len() > SHOWN { " …" } else { "" };
    format!("{}{more}", shown.join("、"))
}

/// Choices that are told.
const SHOWN: usize = 20;
