//! A definition as it is written (GB/T 36902): the shape of its JSON, nothing judged.

use serde::{Deserialize, Serialize};

use crate::life::Operation;

/// A licence type, one version of its definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeDefinition {
    /// Code: the defining body's 18 characters and 3 digits (GB/T 36902).
    pub code: String,
    /// Its name.
    pub name: Words,
    /// Who defines it.
    pub defining_body: Body,
    /// The item of government service it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Item>,
    /// Who holds licences of this type.
    pub holder: HolderCategory,
    /// 1 national, 2 provincial, 3 city, 4 county, 5 other.
    pub issuing_level: u8,
    /// How long one holds.
    pub validity: Validity,
    /// JSON Schema 2020-12 of the fields: an object; each property may have the keywords of [`FieldTags`].
    pub schema: serde_json::Value,
    /// Which fields name the holder.
    pub holder_fields: HolderFields,
    /// The field that is the number printed on the licence (证照编号), if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_field: Option<String>,
    /// The seal that seals it, by issuing organisation's id; `*` for any.
    pub seals: std::collections::BTreeMap<String, String>,
    /// Organisations that may issue it, by id.
    pub issuers: Vec<String>,
    /// Who may take which fields for which purpose.
    #[serde(default)]
    pub queries: Vec<QueryRule>,
    /// What may be done to licences of this type, besides issuing.
    pub operations: Vec<Operation>,
    /// Names of its templates.
    pub templates: Templates,
    /// Level of the PDF signature: `b-b`, `b-t`, `b-lt`, `b-lta`.
    #[serde(default = "baseline")]
    pub level: String,
    /// The credential's type (`vct` of SD-JWT VC); a URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vct: Option<String>,
}

fn baseline() -> String {
    "b-b".to_owned()
}

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// A body: its name, its unified social credit code, its level (1 national to 5 other).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// Name.
    pub name: String,
    /// Unified social credit code (GB 32100).
    pub code: String,
    /// Level.
    pub level: u8,
}

/// An item of government service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Name.
    pub name: String,
    /// Code.
    pub code: String,
}

/// Who holds licences of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HolderCategory {
    /// 自然人.
    NaturalPerson,
    /// 法人或其他组织.
    LegalPerson,
    /// Either.
    Mixed,
    /// Neither: a vessel, a plot of land.
    Other,
}

/// How long a licence holds, counted from the day it takes effect, in China time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "rule", deny_unknown_fields)]
pub enum Validity {
    /// 长期: no end.
    LongTerm,
    /// Years; the last day is the one before the anniversary.
    Years {
        /// How many.
        years: u16,
    },
    /// Months.
    Months {
        /// How many.
        months: u16,
    },
    /// To the date that this field says (inclusive); long-term where it is absent.
    Field {
        /// The field, of format `date`.
        until: String,
    },
}

/// Which fields name the holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HolderFields {
    /// The field with the holder's name.
    pub name: String,
    /// The field with the holder's number.
    pub number: String,
    /// Kind of that number (GB/T 36903 CZZTDMLXDM): 001 credit code, 111 citizen ID, 414 passport, …
    pub number_kind: String,
    /// Further persons who find the licence as theirs: role → field with a citizen's number.
    #[serde(default)]
    pub others: std::collections::BTreeMap<String, String>,
}

/// Who may take which fields for which purpose (依职能查验, 免证办).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryRule {
    /// Purpose: a word that a query names.
    pub purpose: String,
    /// Codes of the items it serves; `*` for any.
    pub items: Vec<String>,
    /// Organisations that may ask, by id; `*` for any registered one.
    pub organisations: Vec<String>,
    /// The fields that are necessary.
    pub fields: Vec<String>,
    /// Whether the sealed document itself may be fetched.
    #[serde(default)]
    pub document: bool,
}

/// Names of a type's templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Templates {
    /// 正本.
    pub original: String,
    /// 副本.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<String>,
    /// 套打: on pre-printed paper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overprint: Option<String>,
}

/// How a field is treated: the `x-` keywords of its property in the schema.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldTags {
    /// `x-sensitivity`.
    #[serde(rename = "x-sensitivity", default)]
    pub sensitivity: Sensitivity,
    /// `x-title-en`: its name in English; `title` is the Chinese one.
    #[serde(rename = "x-title-en", default)]
    pub title_en: String,
    /// `x-key`: its key in metadata (GB/T 36903), `KZ_…`; made from the field's name when absent.
    #[serde(rename = "x-key", default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// `x-check`: a check beyond the schema: `credit-code`, `citizen-id`, `mobile`, `bank-card`.
    #[serde(rename = "x-check", default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// `x-known`: a verifier may name it together with the identifier.
    #[serde(rename = "x-known", default)]
    pub known: bool,
    /// `x-qr`: stands in the offline QR symbol.
    #[serde(rename = "x-qr", default)]
    pub qr: bool,
}

/// How sensitive a field is (GB/T 35273, GB/T 45574).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sensitivity {
    /// Anyone may see it; stored readable, stands openly in credentials.
    Open,
    /// Personal: encrypted at rest, selectively disclosed. What says nothing is personal.
    #[default]
    Personal,
    /// Sensitive personal information: encrypted, selectively disclosed, never in a QR symbol.
    Sensitive,
}
