//! How a licence stands, as it is answered after something was done to it.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use jiff::tz::Offset;
use licence::life::{Ground, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::documents::http::LEAF;
use crate::licences::library::records::{int, state, text};
use crate::problem::{Kind, Problem, Result};
use crate::server::conditional::Match;
use crate::store::Row;

/// How a licence stands.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct Standing {
    /// `TYPE.ISSUER.SERIAL`.
    pub id: String,
    /// Identifier (GB/T 36904) of its present version.
    pub identifier: String,
    /// Number of its present version.
    pub number: i64,
    /// Where it stands.
    pub state: &'static str,
    /// The ministry's word.
    pub state_zh: &'static str,
    /// Why it stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ground: Option<String>,
    /// That in Chinese.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ground_zh: Option<&'static str>,
    /// The first day that it holds.
    pub valid_from: String,
    /// The last day; none where it has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<String>,
    /// The last day that an annual check covers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked_to: Option<String>,
    /// What is odd about it, where it was taken over from elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub warnings: Option<serde_json::Value>,
    /// Version of the record, also the `ETag`.
    pub version: i64,
    /// What was done, by its event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
}

impl Standing {
    /// How the licence of a row stands at a time, Unix seconds.
    pub fn of(row: &Row, now: i64) -> Self {
        let seen: State = state(text(row, "state")).at(int(row, "valid_to"), now);
        let ground = row.value("ground").as_text();
        Self {
            id: row.id().to_owned(),
            identifier: text(row, "identifier").to_owned(),
            number: int(row, "number").unwrap_or_default(),
            state: seen.as_str(),
            state_zh: seen.word_zh(),
            ground: ground.map(ToOwned::to_owned),
            ground_zh: ground.and_then(Ground::parse).map(Ground::word_zh),
            valid_from: day(int(row, "valid_from").unwrap_or_default()),
            valid_to: int(row, "valid_to").map(day),
            checked_to: int(row, "checked_to").map(day),
            warnings: row.value("warnings").as_text().and_then(|text| serde_json::from_str(text).ok()),
            version: row.version(),
            event: None,
        }
    }

    /// The answer, with the version to change next and the leaf that proves what was done.
    pub fn answer(self, status: http::StatusCode, leaf: Option<u64>) -> Response {
        let tag = format!("\"{}\"", self.version);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::try_from(tag) {
            headers.insert(header::ETAG, value);
        }
        if let Some(leaf) = leaf {
            headers.insert(LEAF, HeaderValue::from(leaf));
        }
        response
    }
}

/// The day in China that a second belongs to.
pub(super) fn day(second: i64) -> String {
    let time = Timestamp::from_second(second).unwrap_or_default();
    Offset::constant(8).to_datetime(time).date().to_string()
}

/// That `If-Match` names this version (RFC 9110 §13.1.1).
///
/// # Errors
/// The problem to answer.
pub(super) fn matching(headers: &HeaderMap, version: i64) -> Result<()> {
    match Match::of(headers, version) {
        Match::This => Ok(()),
        Match::Absent => {
            let detail = "Send `If-Match` with the `ETag` of the licence as you read it.";
            Err(Problem::new(Kind::PreconditionRequired, detail))
        }
        Match::Another => {
            let detail =
                "Something else was done to the licence meanwhile; read it again and repeat the step.";
            Err(Problem::new(Kind::PreconditionFailed, detail).with("zh", "证照已被他人办理，请重新读取"))
        }
    }
}
