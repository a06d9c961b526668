//! The words a schema may use, and what is judged of each alone.

use serde_json::Value;

use super::{LOCAL, MOST_NODES, TAGS, presentable};
use crate::catalogue::fault::{Faults, token};

/// Where in a schema a word stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) depth: usize,
    /// Below a word that only asks a condition: references are not followed there.
    pub(super) conditional: bool,
}

/// What a word of a schema holds.
enum Holds {
    Schema { conditional: bool },
    Schemas,
    Named { conditional: bool },
    Plain,
}

/// The vocabulary.
fn holds(word: &str) -> Option<Holds> {
    Some(match word {
        "items" | "additionalProperties" => Holds::Schema { conditional: false },
        "contains" | "not" | "if" | "then" | "else" => Holds::Schema { conditional: true },
        "allOf" | "anyOf" | "oneOf" => Holds::Schemas,
        "properties" | "$defs" => Holds::Named { conditional: false },
        "dependentSchemas" => Holds::Named { conditional: true },
        "$schema" | "$ref" | "$comment" | "title" | "description" | "type" | "enum" | "const"
        | "required" | "dependentRequired" | "examples" | "minimum" | "maximum" | "exclusiveMinimum"
        | "exclusiveMaximum" | "multipleOf" | "minLength" | "maxLength" | "pattern" | "format"
        | "contentEncoding" | "minItems" | "maxItems" | "uniqueItems" | "minContains" | "maxContains"
        | "minProperties" | "maxProperties" => Holds::Plain,
        _ if TAGS.contains(&word) => Holds::Plain,
        _ => return None,
    })
}

/// Walks over every schema within `schema` and judges its words.
pub(super) fn words(schema: &Value, at: &str, place: Place, nodes: &mut usize, faults: &mut Faults) {
    *nodes += 1;
    if *nodes > MOST_NODES || faults.full() {
        return;
    }
    if place.depth > MOST_DEPTH {
        faults.add(
            at,
            format!("字段定义嵌套过深，至多{MOST_DEPTH}层"),
            format!("the schema is nested too deeply; at most {MOST_DEPTH} levels"),
        );
        return;
    }
    let Some(object) = schema.as_object() else {
        if !schema.is_boolean() {
            faults.add(at, "须为对象或布尔值", "a schema is an object or a boolean");
        }
        return;
    };
    for (word, value) in object {
        let at = format!("{at}/{}", token(word));
        let below = |conditional: bool| Place {
            depth: place.depth + 1,
            conditional: place.conditional || conditional,
        };
        match holds(word) {
            None => faults.add(
                &at,
                "不支持的关键字",
                "this word is not supported here; those that are stand in `policies/licence-templates/README.md`",
            ),
            Some(Holds::Plain) => plain(word, value, &at, place, faults),
            Some(Holds::Schema { conditional }) => words(value, &at, below(conditional), nodes, faults),
            Some(Holds::Schemas) => match value.as_array() {
                Some(list) => {
                    for (index, entry) in list.iter().enumerate() {
                        words(entry, &format!("{at}/{index}"), below(true), nodes, faults);
                    }
                }
                None => faults.add(&at, "须为数组", "this word holds an array of schemas"),
            },
            Some(Holds::Named { conditional }) => match value.as_object() {
                Some(named) => {
                    for (name, entry) in named {
                        let at = format!("{at}/{}", token(name));
                        words(entry, &at, below(conditional), nodes, faults);
                    }
                }
                None => faults.add(&at, "须为对象", "this word holds an object of schemas by name"),
            },
        }
    }
}

/// Judges a word that holds no schema.
fn plain(word: &str, value: &Value, at: &str, place: Place, faults: &mut Faults) {
    match (word, value) {
        ("$schema", _) if place.depth > 0 => {
            faults.add(at, "$schema只能出现在顶层", "`$schema` stands at the top alone");
        }
        ("$ref", _) if place.conditional => {
            faults.add(
                at,
                "条件关键字之下不得使用$ref",
                "a reference cannot stand below a condition; write the schema out",
            );
        }
        ("$ref", Value::String(target)) if !target.starts_with(LOCAL) => {
            faults.add(
                at,
                "只能引用本定义内的$defs",
                format!("a reference must be local: `{LOCAL}NAME`; nothing is fetched"),
            );
        }
        ("pattern", Value::String(pattern)) if pattern.len() > LONGEST_PATTERN => {
            faults.add(
                at,
                format!("正则表达式过长，至多{LONGEST_PATTERN}字节"),
                format!("the pattern is too long; at most {LONGEST_PATTERN} octets"),
            );
        }
        ("format", Value::String(format)) if !FORMATS.contains(&format.as_str()) => {
            faults.add(
                at,
                format!("不支持的格式，可用：{}", FORMATS.join("、")),
                format!("this format is not checked here; known ones: {}", FORMATS.join(", ")),
            );
        }
        ("contentEncoding", encoding) if encoding != "base64" => {
            faults.add(at, "只支持base64", "the one encoding is `base64`: a photograph, PNG or JPEG");
        }
        ("enum", Value::Array(choices)) if choices.len() > MOST_CHOICES => {
            faults.add(
                at,
                format!("枚举值过多，至多{MOST_CHOICES}个"),
                format!("too many choices; at most {MOST_CHOICES}"),
            );
        }
        ("title" | "x-title-en", Value::String(title)) if !presentable(title, LONGEST_TITLE) => {
            faults.add(
                at,
                format!("名称须为1至{LONGEST_TITLE}个可见字符"),
                format!("a title has 1 to {LONGEST_TITLE} visible characters"),
            );
        }
        _ => {}
    }
}

/// Octets of a pattern.
const LONGEST_PATTERN: usize = 500;
/// Formats that are asserted.
const FORMATS: &[&str] = &["date", "date-time", "email", "uri", "uuid"];
/// Choices of an enumeration.
const MOST_CHOICES: usize = 500;
/// Characters of a field's title.
const LONGEST_TITLE: usize = 60;
/// Levels of schemas within schemas.
const MOST_DEPTH: usize = 12;
