//! Answering a repeated `Idempotency-Key` as the first time (decision 32).
//!
//! A key's scope is caller and route; it belongs to one request, told by its digest. The appended tail is
//! kept 24 hours, encrypted, in a row of the act's own unit: either act and answer are there, or neither.
//! On replay the tail is appended again to the body that was sent again. The loser of a race finds the
//! winner's row.

use std::sync::Arc;

use bytes::Bytes;
use custody::{Custody, CustodyError};
use http::HeaderMap;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::problem::{Kind, Problem};
use crate::store::tables::IDEMPOTENCY;
use crate::store::{Db, Row, StoreError};

/// The header (draft-ietf-httpapi-idempotency-key-header).
pub const HEADER: &str = "idempotency-key";

/// How long an answer is kept, microseconds.
const KEPT: i64 = 24 * 3600 * 1_000_000;

/// One key of one caller on one route, for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayKey {
    id: String,
    request: String,
}

/// An answer as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What is told in headers.
    pub answer: Answer,
    /// What was appended.
    pub tail: Bytes,
}

/// The part of an answer that is not the tail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Identifier of the first seal-use record.
    record: String,
    /// Those of further seals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    further: Vec<String>,
    /// SHA-256 of the sealed document, hexadecimal.
    pub result_digest: String,
    /// Leaves of the log when it was recorded, where no row says which is its own: that comes soon after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
}

impl Answer {
    /// An answer with these records.
    #[must_use]
    pub fn of(records: Vec<String>, result_digest: String) -> Self {
        let mut records = records.into_iter();
        Self {
            record: records.next().unwrap_or_default(),
            further: records.collect(),
            result_digest,
            since: None,
        }
    }

    /// The same answer, recorded when the log had so many leaves.
    #[must_use]
    pub fn since(self, leaves: u64) -> Self {
        Self { since: Some(leaves), ..self }
    }

    /// The seal-use records in the order of the seals.
    pub fn records(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.record).chain(&self.further)
    }
}

/// Why a key does not lead to an answer.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The header is not a key.
    #[error("an idempotency key is 1 to 255 visible ASCII characters")]
    Malformed,
    /// The key belongs to another request.
    #[error("the idempotency key was used with another request")]
    Reused,
    /// The kept answer does not open.
    #[error("a kept answer does not read: {0}")]
    Damaged(String),
    /// The key that protects answers cannot be used.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ReplayKey {
    /// The key of a request; none if it has none. `request` parts together tell one request from another.
    ///
    /// # Errors
    /// [`ReplayError::Malformed`].
    pub fn of(
        headers: &HeaderMap,
        caller: &str,
        route: &str,
        request: &[&[u8]],
    ) -> Result<Option<Self>, ReplayError> {
        let Some(value) = headers.get(HEADER) else { return Ok(None) };
        let text = value.to_str().map_err(|_| ReplayError::Malformed)?.trim();
        let text = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text);
        if text.is_empty() || text.len() > 255 || headers.get_all(HEADER).iter().count() > 1 {
            return Err(ReplayError::Malformed);
        }
        let id = digest(&[b"idempotency", caller.as_bytes(), route.as_bytes(), text.as_bytes()]);
        Ok(Some(Self { id, request: digest(request) }))
    }

    /// The answer kept under this key.
    ///
    /// # Errors
    /// [`ReplayError::Reused`] if it answered another request.
    pub async fn find(
        &self,
        db: &Db,
        custody: &Arc<dyn Custody>,
        label: &str,
    ) -> Result<Option<Kept>, ReplayError> {
        let Some(open) = self.open(db, custody, label).await? else { return Ok(None) };
        let damaged = |what: &str| ReplayError::Damaged(what.to_owned());
        let end = open.iter().position(|b| *b == b'\n').ok_or_else(|| damaged("no head"))?;
        let (head, tail) = open.split_at_checked(end).ok_or_else(|| damaged("no tail"))?;
        let answer = serde_json::from_slice(head).map_err(|e| ReplayError::Damaged(e.to_string()))?;
        Ok(Some(Kept { answer, tail: Bytes::copy_from_slice(tail.get(1..).unwrap_or_default()) }))
    }

    /// What was kept under this key, as it was given to [`seal`](Self::seal).
    ///
    /// # Errors
    /// [`ReplayError::Reused`] if it answered another request.
    pub async fn open(
        &self,
        db: &Db,
        custody: &Arc<dyn Custody>,
        label: &str,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, ReplayError> {
        let Some(row) = db.row(&IDEMPOTENCY, &self.id).await? else { return Ok(None) };
        if row.value("request_digest").as_text() != Some(&self.request) {
            return Err(ReplayError::Reused);
        }
        let sealed = row.value("response").as_bytes().unwrap_or_default();
        Ok(Some(custody.open(label, sealed, self.id.as_bytes())?))
    }

    /// The row that keeps an answer; part of the act's unit.
    ///
    /// # Errors
    /// [`ReplayError::Custody`].
    pub fn row(
        &self,
        kept: &Kept,
        now: i64,
        custody: &Arc<dyn Custody>,
        label: &str,
    ) -> Result<Row, ReplayError> {
        let mut plain = serde_json::to_vec(&kept.answer).map_err(|e| ReplayError::Damaged(e.to_string()))?;
        plain.push(b'\n');
        plain.extend_from_slice(&kept.tail);
        self.seal(&plain, now, custody, label)
    }

    /// The row that keeps what makes up an answer, encrypted; part of the act's unit.
    ///
    /// # Errors
    /// [`ReplayError::Custody`].
    pub fn seal(
        &self,
        plain: &[u8],
        now: i64,
        custody: &Arc<dyn Custody>,
        label: &str,
    ) -> Result<Row, ReplayError> {
        let sealed = custody.seal(label, plain, self.id.as_bytes())?;
        let values = vec![
            self.id.as_str().into(),
            1.into(),
            self.request.as_str().into(),
            sealed.into(),
            now.saturating_add(KEPT).into(),
        ];
        Ok(Row::new(&IDEMPOTENCY, values))
    }
}

/// The `Idempotency-Key` of a request, for acts whose own row keeps it.
///
/// # Errors
/// The problem to answer: it is none.
pub fn given(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim().trim_matches('"').to_owned();
    if text.is_empty() || text.len() > 255 || headers.get_all(HEADER).iter().count() > 1 {
        let detail = "An idempotency key is 1 to 255 visible ASCII characters.";
        return Err(Problem::new(Kind::MalformedRequest, detail));
    }
    Ok(Some(text))
}

/// SHA-256 over parts, each with its length before it, so that no two lists of parts meet; hexadecimal.
#[must_use]
pub fn digest(parts: &[&[u8]]) -> String {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    hex::encode(context.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(value: &str, caller: &str, request: &[u8]) -> Result<Option<ReplayKey>, ReplayError> {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        ReplayKey::of(&headers, caller, "seal", &[request])
    }

    #[test]
    fn an_answer_that_an_earlier_version_kept_still_reads() {
        let old: Answer = serde_json::from_str(r#"{"record":"a","result_digest":"b"}"#).unwrap();
        assert_eq!(old, Answer::of(vec!["a".into()], "b".into()));
        let new = old.since(7);
        assert_eq!(serde_json::from_str::<Answer>(&serde_json::to_string(&new).unwrap()).unwrap(), new);
    }

    #[test]
    fn a_key_is_one_callers_and_one_requests() {
        let one = key("k", "a", b"x").unwrap().unwrap();
        assert_eq!(one, key("\"k\"", "a", b"x").unwrap().unwrap());
        assert_ne!(one.id, key("k", "b", b"x").unwrap().unwrap().id);
        let other = key("k", "a", b"y").unwrap().unwrap();
        assert_eq!(one.id, other.id);
        assert_ne!(one.request, other.request);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for value in ["", "\"\"", &"k".repeat(256), "k\u{e9}"] {
            assert!(matches!(key(value, "a", b"x"), Err(ReplayError::Malformed)), "{value}");
        }
        assert!(ReplayKey::of(&HeaderMap::new(), "a", "seal", &[]).unwrap().is_none());
        let mut twice = HeaderMap::new();
        twice.append(HEADER, "a".parse().unwrap());
        twice.append(HEADER, "b".parse().unwrap());
        assert!(ReplayKey::of(&twice, "a", "seal", &[]).is_err());
    }
}
