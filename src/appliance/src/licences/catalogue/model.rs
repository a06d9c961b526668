//! Licence types and their versions, as they travel.

use std::collections::BTreeMap;

use jiff::Timestamp;
use licence::catalogue::{Fault, TypeDefinition};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::records::{int, text};
use crate::store::Row;

/// A draft of a licence type, or of a new version of one.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDraft {
    /// The organisation that keeps the type in the catalogue; left out: the caller's. The first version decides.
    pub organisation: Option<String>,
    /// The definition (GB/T 36902): code, names, schema of the fields, rules.
    #[schema(value_type = Object)]
    pub definition: Value,
    /// Files of its templates by name: `NAME.toml` with the settings of template NAME, and the SVG pages they name.
    #[serde(default)]
    pub templates: BTreeMap<String, String>,
}

/// Where a type or a version of it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TypeState {
    /// Drafted; of a type: no version of it was ever published.
    Draft,
    /// Handed in for review.
    Review,
    /// In force.
    Published,
    /// Was in force; licences made by it are under it still.
    Superseded,
    /// Ended: nothing is issued any more.
    Retired,
    /// Refused by the reviewer.
    Refused,
    /// Taken back.
    Withdrawn,
}

impl TypeState {
    /// Its word in rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Review => "review",
            Self::Published => "published",
            Self::Superseded => "superseded",
            Self::Retired => "retired",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Its word for people.
    #[must_use]
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Draft => "草稿",
            Self::Review => "待审核",
            Self::Published => "已发布",
            Self::Superseded => "已被新版本取代",
            Self::Retired => "已停用",
            Self::Refused => "审核未通过",
            Self::Withdrawn => "已撤回",
        }
    }

    pub(super) fn of(row: &Row) -> Self {
        let word = text(row, "state");
        let all = [
            Self::Draft,
            Self::Review,
            Self::Published,
            Self::Superseded,
            Self::Retired,
            Self::Refused,
            Self::Withdrawn,
        ];
        all.into_iter().find(|standing| standing.as_str() == word).unwrap_or(Self::Draft)
    }

    /// Whether everybody who is registered may read a version that stands so.
    #[must_use]
    pub const fn is_public(self) -> bool {
        matches!(self, Self::Published | Self::Superseded | Self::Retired)
    }
}

/// A licence type.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LicenceType {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The organisation that keeps it.
    pub organisation: String,
    /// `draft`, `published` or `retired`.
    pub state: TypeState,
    /// The version in force.
    pub published: Option<i64>,
    /// Version of this record, also its `ETag`.
    pub version: i64,
    /// When it changed last, RFC 3339.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub updated: Option<Timestamp>,
    /// Its versions, where it was asked for alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<TypeVersion>,
}

/// A version of a licence type.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TypeVersion {
    /// The type.
    #[serde(rename = "type")]
    pub code: String,
    /// Which version it is, the first is 1.
    pub number: i64,
    /// Where it stands.
    pub state: TypeState,
    /// Version of this record, also its `ETag`.
    pub version: i64,
    /// SHA-256 over definition and templates, hexadecimal.
    pub digest: String,
    /// The registration that drafted it.
    pub author: String,
    /// The registration that handed it in.
    pub submitter: Option<String>,
    /// The registration that decided on it.
    pub reviewer: Option<String>,
    /// Why it was refused or taken back.
    pub reason: Option<String>,
    /// When it was drafted, RFC 3339.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created: Option<Timestamp>,
    /// When it was handed in.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub submitted: Option<Timestamp>,
    /// When it was decided on.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided: Option<Timestamp>,
    /// The definition; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub definition: Option<TypeDefinition>,
    /// The files of its templates; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub templates: Option<BTreeMap<String, String>>,
    /// What keeps it from being published as things are; of drafts and of what is under review, where asked for alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub faults: Vec<Fault>,
}

impl From<&Row> for LicenceType {
    fn from(row: &Row) -> Self {
        Self {
            code: row.id().to_owned(),
            name: text(row, "name").to_owned(),
            organisation: text(row, "organisation").to_owned(),
            state: TypeState::of(row),
            published: int(row, "published"),
            version: row.version(),
            updated: time(row, "updated"),
            versions: Vec::new(),
        }
    }
}

impl TypeVersion {
    /// The record without definition and templates.
    pub(super) fn bare(row: &Row) -> Self {
        let word = |column| row.value(column).as_text().map(str::to_owned);
        Self {
            code: text(row, "type").to_owned(),
            number: int(row, "number").unwrap_or_default(),
            state: TypeState::of(row),
            version: row.version(),
            digest: text(row, "digest").to_owned(),
            author: text(row, "author").to_owned(),
            submitter: word("submitter"),
            reviewer: word("reviewer"),
            reason: word("reason"),
            created: time(row, "created"),
            submitted: time(row, "submitted"),
            decided: time(row, "decided"),
            definition: None,
            templates: None,
            faults: Vec::new(),
        }
    }

    /// The whole record.
    pub(super) fn whole(row: &Row) -> Self {
        Self {
            definition: serde_json::from_str(text(row, "definition")).ok(),
            templates: serde_json::from_str(text(row, "templates")).ok(),
            ..Self::bare(row)
        }
    }
}

fn time(row: &Row, column: &str) -> Option<Timestamp> {
    int(row, column).and_then(|time| Timestamp::from_microsecond(time).ok())
}
