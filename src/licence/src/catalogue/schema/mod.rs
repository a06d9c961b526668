//! The schema of a type's fields: which part of JSON Schema 2020-12 it may use, and the fields it describes.
//!
//! The vocabulary is a closed list: what is not on it (`patternProperties`, `$id`, `$dynamicRef`, …) makes sizes that cannot
//! be judged or refers elsewhere. Within it every value has a bound, so that a template, a QR symbol and a database row can be
//! judged by their worst case. References are local and stand only where a field or an entry of a list is described, so that
//! no schema costs more than its own length times the length of what it judges.

mod reader;
mod vocabulary;

use serde_json::Value;

use super::{fault::Faults, field::Field, values};
use vocabulary::Place;

/// The fields of a schema; faults are told below `/schema`.
pub(super) fn fields(schema: &Value, faults: &mut Faults) -> Vec<Field> {
    let Some(root) = schema.as_object() else {
        faults.add("/schema", "字段定义须为JSON对象", "the schema must be an object");
        return Vec::new();
    };
    if root.get("$schema").and_then(Value::as_str) != Some(DIALECT) {
        faults.add(
            "/schema/$schema",
            format!("须声明 {DIALECT}"),
            format!("the schema must say `\"$schema\": \"{DIALECT}\"`"),
        );
    }
    let mut nodes = 0;
    vocabulary::words(schema, "/schema", Place { depth: 0, conditional: false }, &mut nodes, faults);
    if nodes > MOST_NODES {
        faults.add(
            "/schema",
            format!("字段定义过大，至多{MOST_NODES}个节点"),
            format!("the schema is too large; at most {MOST_NODES} schemas within it"),
        );
    }
    if !faults.is_empty() {
        return Vec::new();
    }
    reader::fields(root, faults)
}

/// Whether a name can be shown to people.
pub(super) fn presentable(text: &str, most: usize) -> bool {
    !text.trim().is_empty()
        && text.chars().count() <= most
        && !text.chars().any(|character| character == '\n' || values::forbidden(character))
}

/// The dialect.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// How a local reference begins.
const LOCAL: &str = "#/$defs/";
const TITLE_EN: &str = "x-title-en";
/// Words of ours.
const TAGS: &[&str] = &["x-sensitivity", TITLE_EN, "x-key", "x-check", "x-known", "x-qr"];
/// What a metadata key begins with (GB/T 36903).
pub(super) const KEY_PREFIX: &str = "KZ_";
/// Schemas within one.
const MOST_NODES: usize = 2_000;
