//! Texts with placeholders: `{{field}}`, `{{@computed}}`, `{{field|filter}}`.
//!
//! Filters: `date` writes `2024-03-01` as 2024年03月01日, `or:TEXT` stands in for what is absent or empty, `lines` sets a
//! list in lines instead of 、. In a repeated text `{{.}}` is the entry, `{{.name}}` a member of it, `{{#}}` its number.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Computed, TemplateError};

/// A text with placeholders, parsed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Words(pub(super) Vec<Piece>);

/// A piece of a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Plain(String),
    Hole { of: Source, filters: Vec<Filter> },
}

/// What a placeholder stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Field(String),
    Computed(String),
    /// The entry of a repeated text.
    Entry,
    /// A member of it.
    Member(String),
    /// Its number, from 1.
    Number,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Filter {
    Date,
    Lines,
    Or(String),
}

/// What placeholders are filled from.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    pub(super) fields: &'a Map<String, Value>,
    pub(super) computed: &'a Computed,
    /// The entry of a repeated text, and its number from 1.
    pub(super) entry: Option<(&'a Value, usize)>,
}

impl TryFrom<String> for Words {
    type Error = TemplateError;

    fn try_from(text: String) -> Result<Self, TemplateError> {
        Self::parse(&text)
    }
}

impl Words {
    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        let wrong = |what| TemplateError::Placeholder { text: text.chars().take(60).collect(), what };
        if text.len() > MAX_TEXT {
            return Err(TemplateError::TooIntricate { what: "the length of a text", limit: MAX_TEXT });
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (inner, behind) = after.split_once("}}").ok_or_else(|| wrong("`{{` without `}}`"))?;
            if !before.is_empty() {
                pieces.push(Piece::Plain(before.to_owned()));
            }
            let mut parts = inner.split('|').map(str::trim);
            let of = source(parts.next().unwrap_or_default()).ok_or_else(|| {
                wrong("a placeholder is a field, `@` and a computed value, `.`, `.member` or `#`")
            })?;
            let filters = parts
                .map(|part| match part.split_once(':') {
                    Some(("or", text)) => Ok(Filter::Or(text.to_owned())),
                    None if part == "date" => Ok(Filter::Date),
                    None if part == "lines" => Ok(Filter::Lines),
                    _ => Err(wrong("the filters are `date`, `lines` and `or:TEXT`")),
                })
                .collect::<Result<_, _>>()?;
            pieces.push(Piece::Hole { of, filters });
            rest = behind;
        }
        if rest.contains("}}") {
            return Err(wrong("`}}` without `{{`"));
        }
        if !rest.is_empty() {
            pieces.push(Piece::Plain(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// What its placeholders stand for.
    pub(super) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Hole { of, .. } => Some(of),
            Piece::Plain(_) => None,
        })
    }

    /// The text with its placeholders filled in.
    pub(super) fn fill(&self, values: &Values<'_>) -> Result<String, TemplateError> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Plain(text) => out.push_str(text),
                Piece::Hole { of, filters } => out.push_str(&values.word(of, filters)?),
            }
            if out.len() > MAX_TEXT {
                return Err(TemplateError::TooIntricate { what: "the length of a text", limit: MAX_TEXT });
            }
        }
        Ok(out)
    }
}

impl Values<'_> {
    fn word(&self, of: &Source, filters: &[Filter]) -> Result<String, TemplateError> {
        let lines = filters.contains(&Filter::Lines);
        let (name, mut text) = match of {
            Source::Field(name) => (name.clone(), text(name, self.fields.get(name), lines)?),
            Source::Computed(name) => (format!("@{name}"), self.computed.get(name).unwrap_or_default()),
            Source::Entry => (".".to_owned(), text(".", self.entry.map(|entry| entry.0), lines)?),
            Source::Member(name) => {
                let value = self.entry.and_then(|entry| entry.0.get(name));
                (format!(".{name}"), text(name, value, lines)?)
            }
            Source::Number => {
                ("#".to_owned(), self.entry.map(|entry| entry.1.to_string()).unwrap_or_default())
            }
        };
        for filter in filters {
            match filter {
                Filter::Date if !text.is_empty() => {
                    let date: jiff::civil::Date = text.parse().map_err(|_| TemplateError::Value {
                        field: name.clone(),
                        what: "is no date; write it as 2024-03-01".to_owned(),
                    })?;
                    text = chinese(date);
                }
                Filter::Or(other) if text.trim().is_empty() => text.clone_from(other),
                _ => {}
            }
        }
        clean(&name, text)
    }
}

/// A date as documents write it.
pub(super) fn chinese(date: jiff::civil::Date) -> String {
    format!("{}年{:02}月{:02}日", date.year(), date.month(), date.day())
}

fn source(text: &str) -> Option<Source> {
    let name = |text: &str| {
        let fits = !text.is_empty()
            && text.len() <= 64
            && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        fits.then(|| text.to_owned())
    };
    match text {
        "." => Some(Source::Entry),
        "#" => Some(Source::Number),
        _ => match (text.strip_prefix('@'), text.strip_prefix('.')) {
            (Some(computed), _) => name(computed).map(Source::Computed),
            (_, Some(member)) => name(member).map(Source::Member),
            _ => name(text).map(Source::Field),
        },
    }
}

fn text(field: &str, value: Option<&Value>, lines: bool) -> Result<String, TemplateError> {
    match value {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(Value::Bool(yes)) => Ok(if *yes { "是" } else { "否" }.to_owned()),
        Some(Value::Array(entries)) => {
            if entries.len() > MAX_ENTRIES {
                return Err(TemplateError::Value {
                    field: field.to_owned(),
                    what: format!("has {} entries; a page takes at most {MAX_ENTRIES}", entries.len()),
                });
            }
            let mut out = String::new();
            for (index, entry) in entries.iter().enumerate() {
                if index > 0 {
                    out.push_str(if lines { "\n" } else { "、" });
                }
                match entry {
                    Value::Array(_) | Value::Object(_) => return Err(nested(field)),
                    entry => out.push_str(&text_of(field, entry)?),
                }
            }
            Ok(out)
        }
        Some(Value::Object(_)) => Err(nested(field)),
    }
}

fn text_of(field: &str, value: &Value) -> Result<String, TemplateError> {
    text(field, Some(value), false)
}

fn nested(field: &str) -> TemplateError {
    TemplateError::Value {
        field: field.to_owned(),
        what: "is an object; place its members with `repeat` and `{{.member}}`".to_owned(),
    }
}

/// A value as it may stand on a page: characters that are not seen, or make others be read in another order (Unicode
/// TR36 §2.5), would let a page say something else than its fields.
fn clean(field: &str, text: String) -> Result<String, TemplateError> {
    let text = if text.contains('\r') { text.replace("\r\n", "\n") } else { text };
    match text.chars().find(|c| *c != '\n' && hidden(*c)) {
        None => Ok(text),
        Some(character) => Err(TemplateError::Value {
            field: field.to_owned(),
            what: format!(
                "holds U+{:04X}, which is not seen on a page or changes how it is read; take it out",
                u32::from(character)
            ),
        }),
    }
}

/// Controls, direction marks, joiners, separators, tags, and what is no character.
fn hidden(character: char) -> bool {
    character.is_control()
        || matches!(u32::from(character),
            0xAD | 0x061C | 0x180E | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF
            | 0xFFF0..=0xFFFD | 0xE0000..=0xE007F | 0xE000..=0xF8FF | 0xF0000..=0x10_FFFF)
        || u32::from(character) & 0xFFFE == 0xFFFE
}

/// Octets of a text, filled in.
const MAX_TEXT: usize = 64 << 10;
/// Entries of a list.
pub(super) const MAX_ENTRIES: usize = 500;
