//! A licence as callers read it.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::licences::library::records::{int, text};
use crate::licences::library::{Licence, OID, Version};
use crate::store::Row;

/// A licence, as it is told.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LicenceView {
    /// `TYPE.ISSUER.SERIAL`: the licence through all its versions.
    pub id: String,
    /// Version of the record, also the `ETag`.
    pub version: i64,
    /// Identifier (GB/T 36904) of the version that is told, with the OID.
    pub identifier: String,
    /// Code of the type.
    #[serde(rename = "type")]
    pub type_code: String,
    /// Version of the type's definition.
    pub type_number: i64,
    /// The organisation that issued it.
    pub organisation: String,
    /// Code of the issuing body.
    pub issuer: String,
    /// Kind of the holder's number (GB/T 36903): 001 credit code, 111 citizen ID, …
    pub holder_kind: String,
    /// Where it stands: `active`, `suspended`, `lost`, `cancelled`, `revoked`, `withdrawn`, `transferred`, `expired`.
    pub state: String,
    /// The same in Chinese.
    pub state_zh: &'static str,
    /// Why, a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ground: Option<String>,
    /// From when it holds, RFC 3339.
    pub valid_from: String,
    /// Until when, inclusive; `null` has no end.
    pub valid_to: Option<String>,
    /// Number of the version, from 1.
    pub number: i64,
    /// Number of the present version.
    pub present: i64,
    /// What made the version.
    pub operation: String,
    /// Its fields: those that anyone may see, or all where they were asked for.
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    /// Whether `fields` are all.
    pub complete: bool,
    /// What was made of it.
    pub documents: Vec<DocumentView>,
    /// Words on what is odd about it: of licences taken over from elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub warnings: Option<Value>,
    /// When it was issued, RFC 3339.
    pub issued: String,
    /// When it was last changed.
    pub updated: String,
}

/// Something that was made of a version.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DocumentView {
    /// `original`, `duplicate`, `overprint`, `credential`, `qr`.
    pub kind: String,
    /// Media type.
    pub media_type: String,
    /// Length in octets.
    pub length: i64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// Where it is had.
    pub url: String,
}

impl LicenceView {
    /// A licence with one of its versions, as it is at `now` (microseconds), with the fields that anyone may see.
    #[must_use]
    pub fn of(licence: &Licence, version: &Version, artefacts: &[Row], now: i64) -> Self {
        let state = licence.state_at(now.div_euclid(1_000_000));
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self {
            id: licence.id().to_owned(),
            version: licence.version(),
            identifier: format!("{OID}{}", version.identifier()),
            type_code: licence.type_code().to_owned(),
            type_number: version.type_number(),
            organisation: licence.organisation().to_owned(),
            issuer: licence.issuer().to_owned(),
            holder_kind: licence.text("holder_kind").to_owned(),
            state: state.as_str().to_owned(),
            state_zh: state.word_zh(),
            ground: some(licence.text("ground")),
            valid_from: seconds(int(&version.row, "valid_from").unwrap_or_default()),
            valid_to: int(&version.row, "valid_to").map(seconds),
            number: version.number(),
            present: licence.number(),
            operation: text(&version.row, "operation").to_owned(),
            fields: version.open_fields(),
            complete: false,
            documents: artefacts.iter().map(|row| DocumentView::of(version.identifier(), row)).collect(),
            warnings: serde_json::from_str(licence.text("warnings")).ok(),
            issued: micros(int(&version.row, "issued").unwrap_or_default()),
            updated: micros(int(&licence.row, "updated").unwrap_or_default()),
        }
    }
}

impl DocumentView {
    fn of(identifier: &str, row: &Row) -> Self {
        let kind = text(row, "kind");
        Self {
            kind: kind.to_owned(),
            media_type: text(row, "media_type").to_owned(),
            length: int(row, "length").unwrap_or_default(),
            sha256: text(row, "sha256").to_owned(),
            url: format!("/v1/licences/{identifier}/documents/{kind}"),
        }
    }
}

/// Unix seconds as RFC 3339.
pub(crate) fn seconds(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

/// Microseconds as RFC 3339.
pub(crate) fn micros(micros: i64) -> String {
    Timestamp::from_microsecond(micros).unwrap_or_default().to_string()
}
