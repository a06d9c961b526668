//! By whom a licence is found, and what a verifier may know of it: keyed hashes, never the values (decision 30).
//!
//! Numbers of identity cards are few enough to be tried, so a plain digest would hide nothing. During a rotation an entry is
//! under the former key or the present one; who looks asks for both.

use super::LibraryError;
use super::keys::{self, generations, hashing_label, opened};
use crate::app::{App, Unsealed};
use crate::store::tables::LICENCE_HOLDERS;
use crate::store::{Row, Value};

/// The role of the holder itself in the index; others are those of the type's definition.
pub const HOLDER: &str = "holder";

/// Somebody by whom a licence is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// [`HOLDER`], or a role of the type's `holder_fields.others`.
    pub role: String,
    /// Kind of the number (GB/T 36903): 001 credit code, 111 citizen ID, …
    pub kind: String,
    /// The number.
    pub number: String,
}

/// The keyed hashes under which a person's licences are found: by the present key first, then by older ones that entries may
/// still be under. Each with the label of its key.
///
/// # Errors
/// [`LibraryError`].
pub async fn hash(app: &App, kind: &str, number: &str) -> Result<Vec<(String, String)>, LibraryError> {
    all(app, &person_message(kind, number)).await
}

/// The keyed hashes of the value of a field of one licence, as [`hash`]. Equal values of two licences differ.
///
/// # Errors
/// [`LibraryError`].
pub async fn known(
    app: &App,
    licence: &str,
    field: &str,
    value: &str,
) -> Result<Vec<(String, String)>, LibraryError> {
    all(app, &known_message(licence, field, value)).await
}

async fn all(app: &App, message: &[u8]) -> Result<Vec<(String, String)>, LibraryError> {
    let unsealed = opened(app)?;
    let now = generations(app).await?;
    let labels = (now.oldest.min(now.hashing)..=now.hashing).rev().map(hashing_label);
    labels
        .map(|label| {
            let code = keys::mac(unsealed.custody.as_ref(), app.keystore().suite(), &label, message)?;
            Ok((label, code))
        })
        .collect()
}

/// The entries of the index for a new licence.
///
/// # Errors
/// [`LibraryError`].
pub async fn rows(
    app: &App,
    unsealed: &Unsealed,
    licence: &str,
    persons: &[Person],
) -> Result<Vec<Row>, LibraryError> {
    let label = hashing_label(generations(app).await?.hashing);
    rows_under(app, unsealed, licence, persons, &label)
}

pub(super) fn rows_under(
    app: &App,
    unsealed: &Unsealed,
    licence: &str,
    persons: &[Person],
    label: &str,
) -> Result<Vec<Row>, LibraryError> {
    let row = |person: &Person| {
        let message = person_message(&person.kind, &person.number);
        let code = keys::mac(unsealed.custody.as_ref(), app.keystore().suite(), label, &message)?;
        Ok(Row::new(
            &LICENCE_HOLDERS,
            vec![
                row_id(licence, &person.role, label).into(),
                Value::Int(1),
                licence.into(),
                person.role.as_str().into(),
                label.into(),
                code.into(),
            ],
        ))
    };
    persons.iter().map(row).collect()
}

/// The `known` of a version, JSON, and the label of the key it is under.
///
/// # Errors
/// [`LibraryError`].
pub async fn known_column(
    app: &App,
    unsealed: &Unsealed,
    licence: &str,
    known: &[(String, String)],
) -> Result<(String, String), LibraryError> {
    let label = hashing_label(generations(app).await?.hashing);
    Ok((known_under(app, unsealed, licence, known, &label)?, label))
}

pub(super) fn known_under(
    app: &App,
    unsealed: &Unsealed,
    licence: &str,
    known: &[(String, String)],
    label: &str,
) -> Result<String, LibraryError> {
    let mut members = serde_json::Map::new();
    for (field, value) in known {
        let message = known_message(licence, field, value);
        let code = keys::mac(unsealed.custody.as_ref(), app.keystore().suite(), label, &message)?;
        members.insert(field.clone(), code.into());
    }
    Ok(serde_json::Value::Object(members).to_string())
}

/// Identifier of an entry of the index.
#[must_use]
pub fn row_id(licence: &str, role: &str, label: &str) -> String {
    format!("{licence}:{role}:{label}")
}

/// What differs in writing alone is the same number.
#[must_use]
pub fn normalised(number: &str) -> String {
    number.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase).collect()
}

fn person_message(kind: &str, number: &str) -> Vec<u8> {
    message(&["holder", kind, &normalised(number)])
}

fn known_message(licence: &str, field: &str, value: &str) -> Vec<u8> {
    message(&["known", licence, field, value])
}

/// Parts with their lengths, so that no two lists of parts meet.
fn message(parts: &[&str]) -> Vec<u8> {
    let mut message = Vec::with_capacity(96);
    for part in parts {
        message.extend_from_slice(&(part.len() as u64).to_be_bytes());
        message.extend_from_slice(part.as_bytes());
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_one_however_it_is_written_and_no_two_messages_meet() {
        assert_eq!(person_message("111", " 11010519491231002x"), person_message("111", "11010519491231002X"));
        assert_ne!(person_message("111", "1"), person_message("11", "11"));
        assert_ne!(known_message("a", "b", "c"), known_message("a", "bc", ""));
        assert_ne!(known_message("a", "b", "c"), known_message("d", "b", "c"));
    }
}
