//! The fields that a schema describes, with their bounds. The words of the schema were judged before.

use serde_json::{Map, Value};

use super::{KEY_PREFIX, LOCAL, TAGS, TITLE_EN, presentable};
use crate::catalogue::{
    definition::{FieldTags, Words},
    fault::{Faults, token},
    field::{Column, Field, Kind},
};

/// The fields of the object at the top.
pub(super) fn fields(root: &Map<String, Value>, faults: &mut Faults) -> Vec<Field> {
    let reader = Reader { definitions: root.get("$defs").and_then(Value::as_object) };
    reader.fields(root, faults)
}

/// Reads fields, with the definitions that references lead to.
struct Reader<'a> {
    definitions: Option<&'a Map<String, Value>>,
}

impl<'a> Reader<'a> {
    fn fields(&self, root: &'a Map<String, Value>, faults: &mut Faults) -> Vec<Field> {
        let at = "/schema";
        if root.get("type").and_then(Value::as_str) != Some("object") {
            faults.add(
                format!("{at}/type"),
                "顶层类型须为object",
                "the top of the schema must be of type `object`",
            );
        }
        let properties = self.closed(root, at, faults);
        let required = names(root.get("required"));
        for name in &required {
            if !properties.is_some_and(|properties| properties.contains_key(*name)) {
                faults.add(
                    format!("{at}/required"),
                    format!("必填字段{name}未定义"),
                    format!("`{name}` is required but is no property"),
                );
            }
        }
        let mut fields = Vec::new();
        for (name, schema) in properties.into_iter().flatten().take(MOST_FIELDS + 1) {
            let at = format!("{at}/properties/{}", token(name));
            name_of(name, &at, faults);
            if RESERVED.contains(&name.as_str()) {
                faults.add(
                    &at,
                    "该名称为凭证保留，请改名",
                    "this name has a meaning of its own in credentials (RFC 7519, RFC 9901); choose another",
                );
            }
            let Some(schema) = self.resolved(schema, &at, faults) else { continue };
            let tags = tags(schema, &at, faults);
            let title = title(schema, &at, faults);
            let Some(kind) = self.kind(schema, &at, 0, faults) else { continue };
            let key =
                tags.key.clone().unwrap_or_else(|| format!("{KEY_PREFIX}{}", name.to_ascii_uppercase()));
            let required = required.contains(&name.as_str());
            fields.push(Field { name: name.clone(), title, kind, required, tags, key });
        }
        if fields.is_empty() && faults.is_empty() {
            faults.add(format!("{at}/properties"), "至少定义一个字段", "a licence has at least one field");
        }
        if fields.len() > MOST_FIELDS {
            faults.add(
                format!("{at}/properties"),
                format!("字段过多，至多{MOST_FIELDS}个"),
                format!("too many fields; at most {MOST_FIELDS}"),
            );
        }
        let most: u64 = fields.iter().map(|field| field.kind.longest_octets(false)).sum();
        if most > MOST_OCTETS {
            faults.add(
                at,
                format!("全部字段最长合计{most}字节，超过{MOST_OCTETS}"),
                format!("all fields together may take {most} octets; lower `maxLength` and `maxItems` to {MOST_OCTETS}"),
            );
        }
        fields
    }

    /// The properties of an object that has no others.
    fn closed(
        &self,
        object: &'a Map<String, Value>,
        at: &str,
        faults: &mut Faults,
    ) -> Option<&'a Map<String, Value>> {
        if object.get("additionalProperties") != Some(&Value::Bool(false)) {
            faults.add(
                format!("{at}/additionalProperties"),
                "须写明\"additionalProperties\": false",
                "an object must say `\"additionalProperties\": false`: what is not described is not taken",
            );
        }
        let properties = object.get("properties").and_then(Value::as_object);
        if properties.is_none() {
            faults.add(
                format!("{at}/properties"),
                "缺少properties",
                "an object must describe its `properties`",
            );
        }
        properties
    }

    /// Follows references to what they mean.
    fn resolved(&self, schema: &'a Value, at: &str, faults: &mut Faults) -> Option<&'a Map<String, Value>> {
        let mut schema = schema;
        for _ in 0..MOST_REFERENCES {
            let Some(object) = schema.as_object() else {
                faults.add(at, "字段定义须为对象", "a field is described by an object");
                return None;
            };
            let Some(target) = object.get("$ref").and_then(Value::as_str) else { return Some(object) };
            let name = target.strip_prefix(LOCAL).unwrap_or_default();
            let Some(found) = self.definitions.and_then(|definitions| definitions.get(name)) else {
                faults.add(
                    format!("{at}/$ref"),
                    "引用的定义不存在",
                    "the definition it refers to does not exist in `$defs`",
                );
                return None;
            };
            schema = found;
        }
        faults.add(format!("{at}/$ref"), "引用层数过多", "references lead on too far; at most 4 in a row");
        None
    }

    fn kind(
        &self,
        schema: &'a Map<String, Value>,
        at: &str,
        depth: usize,
        faults: &mut Faults,
    ) -> Option<Kind> {
        if depth > MOST_LEVELS {
            faults.add(
                at,
                "列表与记录嵌套过深",
                format!("lists and records are nested too deeply; at most {MOST_LEVELS} levels"),
            );
            return None;
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("string") => text(schema, at, faults),
            Some("integer") => integer(schema, at, faults),
            Some("number") => number(schema, at, faults),
            Some("boolean") => Some(Kind::Boolean),
            Some("array") => {
                let most = bound(schema, "maxItems", MOST_ITEMS, at, faults)?;
                let Some(items) = schema.get("items") else {
                    faults.add(format!("{at}/items"), "缺少items", "a list must describe its `items`");
                    return None;
                };
                let at = format!("{at}/items");
                let items = self.resolved(items, &at, faults)?;
                Some(Kind::List { most, of: Box::new(self.kind(items, &at, depth + 1, faults)?) })
            }
            Some("object") => {
                let mut columns = Vec::new();
                for (name, schema) in self.closed(schema, at, faults)? {
                    let at = format!("{at}/properties/{}", token(name));
                    name_of(name, &at, faults);
                    let schema = self.resolved(schema, &at, faults)?;
                    let title = title(schema, &at, faults);
                    if TAGS.iter().any(|tag| *tag != TITLE_EN && schema.contains_key(*tag)) {
                        faults.add(
                            &at,
                            "x-标记只能用于顶层字段",
                            "a part of a record cannot have tags of its own; tag the field it stands in",
                        );
                    }
                    let kind = self.kind(schema, &at, depth + 1, faults)?;
                    columns.push(Column { name: name.clone(), title, kind });
                    if columns.len() > MOST_FIELDS {
                        faults.add(
                            &at,
                            "记录的组成部分过多",
                            format!("too many parts; at most {MOST_FIELDS}"),
                        );
                        return None;
                    }
                }
                Some(Kind::Record { columns })
            }
            _ => {
                faults.add(
                    format!("{at}/type"),
                    "须写明单一类型",
                    "a field must have one `type`: string, integer, number, boolean, array or object",
                );
                None
            }
        }
    }
}

fn text(schema: &Map<String, Value>, at: &str, faults: &mut Faults) -> Option<Kind> {
    match schema.get("format").and_then(Value::as_str) {
        Some("date") => return Some(Kind::Date),
        Some("date-time") => return Some(Kind::DateTime),
        _ => {}
    }
    if schema.contains_key("contentEncoding") {
        let longest = bound(schema, "maxLength", LONGEST_PICTURE, at, faults)?;
        return Some(Kind::Picture { longest });
    }
    let choices = match (schema.get("enum"), schema.get("const")) {
        (Some(Value::Array(choices)), _) => choices.iter().collect(),
        (_, Some(only)) => vec![only],
        _ => Vec::new(),
    };
    let choices: Vec<String> = choices.into_iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if let Some(longest) = choices.iter().map(|choice| choice.chars().count()).max() {
        let longest = u32::try_from(longest).unwrap_or(u32::MAX);
        if longest > LONGEST_TEXT || !choices.iter().all(|choice| presentable(choice, LONGEST_TEXT as usize))
        {
            faults.add(
                format!("{at}/enum"),
                "枚举值含不可见字符或过长",
                "a choice has characters that cannot be shown, or too many",
            );
            return None;
        }
        return Some(Kind::Text { longest, choices });
    }
    let longest = bound(schema, "maxLength", LONGEST_TEXT, at, faults)?;
    Some(Kind::Text { longest, choices })
}

fn integer(schema: &Map<String, Value>, at: &str, faults: &mut Faults) -> Option<Kind> {
    let limit = |word: &str| schema.get(word).and_then(Value::as_i64);
    match (limit("minimum"), limit("maximum")) {
        (Some(least), Some(greatest)) if least <= greatest => Some(Kind::Integer { least, greatest }),
        _ => {
            faults.add(
                at,
                "整数须有minimum与maximum",
                "an integer needs whole numbers as `minimum` and `maximum`, so that its greatest width is known",
            );
            None
        }
    }
}

fn number(schema: &Map<String, Value>, at: &str, faults: &mut Faults) -> Option<Kind> {
    let limit = |word: &str| schema.get(word).and_then(Value::as_f64).filter(|limit| limit.abs() <= 1e15);
    match (limit("minimum"), limit("maximum")) {
        (Some(least), Some(greatest)) if least <= greatest => Some(Kind::Number { longest: LONGEST_NUMBER }),
        _ => {
            faults.add(
                at,
                "数值须有minimum与maximum",
                "a number needs `minimum` and `maximum` within 1e15, so that its greatest width is known",
            );
            None
        }
    }
}

/// A bound that a schema must say.
fn bound(schema: &Map<String, Value>, word: &str, most: u32, at: &str, faults: &mut Faults) -> Option<u32> {
    let said = schema.get(word).and_then(Value::as_u64).and_then(|said| u32::try_from(said).ok());
    let said = said.filter(|said| (1..=most).contains(said));
    if said.is_none() {
        faults.add(
            format!("{at}/{word}"),
            format!("须写明{word}，取1至{most}"),
            format!("`{word}` must be given, 1 to {most}, so that the worst case can be judged"),
        );
    }
    said
}

fn tags(schema: &Map<String, Value>, at: &str, faults: &mut Faults) -> FieldTags {
    let own: Map<String, Value> = schema
        .iter()
        .filter(|(word, _)| TAGS.contains(&word.as_str()))
        .map(|(word, value)| (word.clone(), value.clone()))
        .collect();
    serde_json::from_value(Value::Object(own)).unwrap_or_else(|error| {
        faults.add(at, "x-标记有误", format!("a tag of this field does not read: {error}"));
        FieldTags::default()
    })
}

fn title(schema: &Map<String, Value>, at: &str, faults: &mut Faults) -> Words {
    let mut word = |key: &str, zh: &str, en: &str| match schema.get(key).and_then(Value::as_str) {
        Some(title) => title.to_owned(),
        None => {
            faults.add(format!("{at}/{key}"), zh, en);
            String::new()
        }
    };
    Words {
        zh: word("title", "缺少中文名称title", "give the field's Chinese name as `title`"),
        en: word(TITLE_EN, "缺少英文名称x-title-en", "give the field's English name as `x-title-en`"),
    }
}

fn name_of(name: &str, at: &str, faults: &mut Faults) {
    let fits = name.len() <= LONGEST_NAME
        && name.bytes().next().is_some_and(|octet| octet.is_ascii_lowercase())
        && name.bytes().all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'_');
    if !fits {
        faults.add(
            at,
            "字段名须以小写字母开头，由小写字母、数字、下划线组成，至多40个字符",
            "a field's name begins with a small letter and has small letters, digits and `_`, at most 40",
        );
    }
}

fn names(value: Option<&Value>) -> Vec<&str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Claims of JWT, SD-JWT, SD-JWT VC and of our own credentials: a field with such a name would speak for the issuer.
const RESERVED: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "cnf",
    "vct",
    "status",
    "identifier",
    "licence",
    "issuer",
    "valid_from",
    "valid_to",
];
/// Fields of a licence, parts of a record.
const MOST_FIELDS: usize = 100;
/// Levels of lists and records within a field: a list of records of lists.
const MOST_LEVELS: usize = 3;
/// References in a row.
const MOST_REFERENCES: usize = 5;
/// Characters of a text. A long business scope has 2,000.
const LONGEST_TEXT: u32 = 4_000;
/// Characters of a photograph in base64: 300 kB of picture; `template` would draw more.
const LONGEST_PICTURE: u32 = 400_000;
/// Entries of a list.
const MOST_ITEMS: u32 = 200;
/// Characters of a field's name.
const LONGEST_NAME: usize = 40;
/// Characters of a number within 1e15, as the shortest text that reads back.
const LONGEST_NUMBER: u32 = 24;
/// Octets of all fields of a licence.
const MOST_OCTETS: u64 = 512 * 1024;
