//! The registry over the platform API: organisations, callers, certificates and seals.
//!
//! Each change answers with the leaf of its log entry, whose receipt `cinnabar receipt get` fetches. Changes are
//! made to the version that was read (`If-Match`), so that nobody overwrites what they have not seen.

mod authority;
mod caller;
mod certificate;
mod certificate_ask;
mod enrolment;
mod organisation;
mod seal_apply;
mod seal_preview;
mod seal_record;
mod seal_steps;
mod seal_table;
mod seal_use;
mod status;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

pub use authority::{AuthorityCommand, KeyCommand, authority, key};
pub use caller::{CallerCommand, caller};
pub use certificate::{CertificateCommand, certificate};
pub use organisation::{OrganisationCommand, organisation};
pub use seal_record::{SealRecordCommand, seal_record};
pub use seal_use::{SealUseCommand, seal_use};

use super::client::{Answer, Client};
use super::{Failure, Global, Outcome, Output, Remote, Tone, block_on};

/// All items of a listing, page after page. `query` begins with `?` or is empty.
pub(super) async fn all(client: &Client, path: &str, query: &str) -> Result<Vec<Value>, Failure> {
    let mut items = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let mut address = format!("{path}{query}");
        if let Some(after) = &after {
            let glue = if query.is_empty() { '?' } else { '&' };
            address = format!("{address}{glue}{}", super::query(&[("after", after.clone())]));
        }
        let answer = client.get(&address).await?.json();
        // Each listing names its array after what it lists.
        let page = answer.as_object().and_then(|members| members.values().find_map(Value::as_array));
        let page = page.ok_or("the service answered with something that is no list")?;
        items.extend(page.iter().cloned());
        let next = answer.get("next").and_then(Value::as_str).map(ToOwned::to_owned);
        if next.is_none() || next == after {
            return Ok(items);
        }
        after = next;
    }
}

/// Reads a record and changes the very version that was read.
pub(super) async fn change(
    client: &Client,
    method: Method,
    record: &str,
    at: &str,
    body: &Value,
) -> Result<Answer, Failure> {
    let read = client.get(record).await?;
    let tag = read.header("etag").ok_or("the service named no version of the record")?.to_owned();
    let key = uuid::Uuid::new_v4().to_string();
    let headers =
        [("content-type", "application/json"), ("if-match", tag.as_str()), ("idempotency-key", key.as_str())];
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    Ok(client.send(method, at, &headers, body).await?)
}

/// A path segment of a name that comes from the command line.
pub(super) fn segment(name: &str) -> Result<String, Failure> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if name.is_empty() || name.starts_with('.') || !name.bytes().all(plain) {
        return Err(format!("`{name}` is no identifier: letters, digits, `-`, `_` and `.` only").into());
    }
    Ok(name.to_owned())
}

/// Prints what an act brought: its record, and the leaf that proves it.
pub(super) fn done(answer: &Answer, what: &str, output: Output) {
    let leaf = answer.header("cinnabar-leaf").unwrap_or_default();
    let mut value = answer.json();
    if let Some(members) = value.as_object_mut() {
        members.insert("leaf".into(), leaf.parse::<u64>().map_or(Value::Null, Into::into));
    }
    output.result(&value, &[(Tone::Good, what.to_owned()), (Tone::Plain, format!("  log leaf {leaf}"))]);
}

/// Prints a listing: one line each, the named members in columns.
pub(super) fn table(items: &[Value], columns: &[&str], output: Output) {
    let cell = |item: &Value, column: &str| match item.get(column) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        Some(other) => other.to_string(),
    };
    let rows: Vec<Vec<String>> =
        items.iter().map(|item| columns.iter().map(|column| cell(item, column)).collect()).collect();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
            cells.chain([name.len()]).max().unwrap_or(0)
        })
        .collect();
    let line = |cells: &[String]| -> String {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines =
        vec![(Tone::Head, line(&columns.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()))];
    lines.extend(rows.iter().map(|row| (Tone::Plain, line(row))));
    if items.is_empty() {
        lines = vec![(Tone::Dim, "none".into())];
    }
    output.result(&json!({ "items": items }), &lines);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_lead_elsewhere_are_refused_before_they_are_sent() {
        for name in ["", "..", ".x", "a/b", "a?b", "a b", "章", "a%2f"] {
            assert!(segment(name).is_err(), "{name}");
        }
        assert_eq!(segment("bureau-1.a_b").unwrap(), "bureau-1.a_b");
    }
}
