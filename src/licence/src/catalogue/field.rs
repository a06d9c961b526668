//! A field of a licence as its schema describes it: what others (templates, credentials, metadata) need to know of it.

use super::definition::{FieldTags, Sensitivity, Words};

/// A field: a property of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name in the schema: `[a-z][a-z0-9_]*`, at most 40 characters.
    pub name: String,
    /// Its name for people.
    pub title: Words,
    /// What it holds.
    pub kind: Kind,
    /// Whether a licence must have it.
    pub required: bool,
    /// How it is treated.
    pub tags: FieldTags,
    /// Its key in metadata (GB/T 36903): `KZ_…`.
    pub key: String,
}

impl Field {
    /// Whether anyone may see it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.tags.sensitivity == Sensitivity::Open
    }
}

/// What a field holds, with its bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text {
        /// Most characters (Unicode scalar values).
        longest: u32,
        /// The texts it may be, where the schema lists them.
        choices: Vec<String>,
    },
    /// A photograph: base64 of a PNG or JPEG (`contentEncoding`).
    Picture {
        /// Most characters of base64.
        longest: u32,
    },
    /// A day, `YYYY-MM-DD`.
    Date,
    /// A moment, RFC 3339.
    DateTime,
    /// A whole number.
    Integer {
        /// Least.
        least: i64,
        /// Greatest.
        greatest: i64,
    },
    /// A number; its text has at most this many characters.
    Number {
        /// Most characters.
        longest: u32,
    },
    /// Yes or no.
    Boolean,
    /// A list.
    List {
        /// Most entries.
        most: u32,
        /// What an entry is.
        of: Box<Self>,
    },
    /// A record of named parts.
    Record {
        /// Its parts, in the schema's order of names.
        columns: Vec<Column>,
    },
}

/// A part of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name in the schema.
    pub name: String,
    /// Its name for people.
    pub title: Words,
    /// What it holds.
    pub kind: Kind,
}

impl Kind {
    /// Most octets of UTF-8 its values take as text, marks between the entries of a list included.
    ///
    /// `latin` says that its characters are ASCII (numbers with a check digit).
    #[must_use]
    pub fn longest_octets(&self, latin: bool) -> u64 {
        match self {
            Self::Text { choices, .. } if !choices.is_empty() => {
                choices.iter().map(|choice| choice.len() as u64).max().unwrap_or_default()
            }
            Self::Text { longest, .. } => u64::from(*longest) * if latin { 1 } else { HAN_OCTETS },
            Self::Picture { longest } => u64::from(*longest),
            Self::Date => 10,
            Self::DateTime => 35,
            Self::Integer { least, greatest } => {
                least.to_string().len().max(greatest.to_string().len()) as u64
            }
            Self::Number { longest } => u64::from(*longest),
            Self::Boolean => 5,
            Self::List { most, of } => (of.longest_octets(latin) + 1) * u64::from(*most),
            Self::Record { columns } => columns
                .iter()
                .map(|column| column.name.len() as u64 + 2 + column.kind.longest_octets(false))
                .sum(),
        }
    }
}

/// Octets of a Chinese character in UTF-8; the rare ones of 4 are rare enough not to be counted for.
const HAN_OCTETS: u64 = 3;
