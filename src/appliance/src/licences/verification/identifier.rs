//! By identifier and one known field.
//!
//! Whoever asks says the identifier and a field's value that stands on the licence in his hands. Strangers get one answer
//! for "there is none" and "it does not match", by the same work: the same look into the store or the cache, the same keyed
//! hash under a key of custody, the same comparison (decision 30). Wrong answers are limited per network, and per network and licence.

use licence::identifier::{Check, Identifier, IdentifierError};

use super::facts;
use super::fields;
use super::known;
use super::record::Version;
use super::verdict::{Audience, Code, Reason, Verdict};
use crate::app::App;
use crate::journal::CommitError;
use crate::licences::library::holder;
use crate::problem::{Kind, Problem, Result};

/// What somebody says of a licence.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Name of a field, or empty for any that may be known.
    pub field: String,
    /// Its value.
    pub value: String,
}

/// Verifies that a licence has this value in this field, and says where it stands.
///
/// `identifier` with or without its object identifier; `field` a name in the type's schema, marked `x-known`, or empty where
/// any field that is may have this value.
///
/// # Errors
/// A problem when limits are reached, the appliance is sealed, or the store does not answer. That nothing is found or
/// matches is a verdict.
pub async fn by_identifier(
    app: &App,
    audience: &Audience<'_>,
    identifier: &str,
    field: &str,
    value: &str,
) -> Result<Verdict> {
    let entry = Entry { field: field.to_owned(), value: value.to_owned() };
    by_entries(app, audience, identifier, std::slice::from_ref(&entry)).await
}

/// As [`by_identifier`]; all that is said must be right.
///
/// # Errors
/// As [`by_identifier`].
pub(super) async fn by_entries(
    app: &App,
    audience: &Audience<'_>,
    identifier: &str,
    entries: &[Entry],
) -> Result<Verdict> {
    let now = clock(app)?;
    let read = match read(identifier) {
        Ok(read) => read,
        Err(fault) => return Ok(Verdict::new(Code::Incomplete, now).because(unreadable(&fault))),
    };
    if let Some(missing) = missing(entries) {
        return Ok(Verdict::new(Code::Incomplete, now).because(missing));
    }
    // What there is to name is the type's, which is public; so it tells nothing about the licence.
    let published = fields::of_type(app, &read.type_code).await?;
    let mut asked = Vec::with_capacity(entries.len());
    for entry in entries {
        match fields::named(published.as_deref(), entry.field.trim()) {
            Ok(names) => asked.push((names, licence::catalogue::normalise(&entry.value))),
            Err(foreign) => return Ok(Verdict::new(Code::Incomplete, now).because(foreign)),
        }
    }
    let service = &app.licences.verification;
    service.limits.admit(audience, &read.licence)?;
    let found = service.records.find(&app.db, &read.text).await?;
    let mut right = true;
    for (names, value) in &asked {
        // Every entry is compared, whatever came of those before.
        right &= matches(app, found.as_deref(), &read.licence, names, value).await?;
    }
    let verdict = match (&found, right) {
        (Some(version), true) => facts::verdict(app, version, now).await,
        // Nothing is left that could be compared. Whoever is registered learns where it stands; strangers get their one answer.
        (Some(version), false) if version.erased && !audience.is_stranger() => {
            let verdict = facts::verdict(app, version, now).await;
            Verdict {
                zh: "证照已失效，所填信息已无从核对".into(),
                en: "The licence is void; there is nothing left to compare what was given with".into(),
                ..verdict
            }
        }
        (found, _) => {
            service.limits.wrong(audience, &read.licence);
            let code = if found.is_some() { Code::Mismatch } else { Code::NotFound };
            Verdict::refused(audience, code, now)
        }
    };
    let verdict = read.check.into_iter().fold(verdict, Verdict::because);
    service.tally.count(audience, verdict.code, now);
    Ok(verdict)
}

/// The time by the trusted clock, microseconds.
pub(super) fn clock(app: &App) -> Result<i64> {
    Ok(app.unsealed()?.journal.clock().now().map_err(CommitError::ClockUntrusted)?)
}

/// An identifier as it is looked up.
struct Asked {
    /// As it stands on record.
    text: String,
    licence: String,
    type_code: String,
    /// What there is to say of its check character.
    check: Option<Reason>,
}

fn read(text: &str) -> std::result::Result<Asked, IdentifierError> {
    let parsed = Identifier::parse(text)?;
    let right = parsed.identifier.to_string();
    let licence = parsed.identifier.licence_id();
    let type_code = parsed.identifier.type_code().to_owned();
    Ok(match parsed.check {
        Check::Right | Check::Absent => Asked { text: right, licence, type_code, check: None },
        // On record as it came, where it was taken over from elsewhere: a wrong algorithm circulates.
        Check::Wrong { found, expected } => {
            let mut text = right;
            text.pop();
            text.push(found);
            let check = Reason::new(
                "check-character",
                format!("校验位为“{found}”，按 GB/T 36904 应为“{expected}”：请核对证照标识是否录入有误"),
                format!(
                    "the check character is `{found}`, by GB/T 36904 it would be `{expected}`: compare the identifier"
                ),
            );
            Asked { text, licence, type_code, check: Some(check) }
        }
    })
}

fn unreadable(fault: &IdentifierError) -> Reason {
    Reason::new("identifier", "证照标识格式不正确，应为“类型.颁发机构.流水号.版本.校验位”", fault.to_string())
}

fn missing(entries: &[Entry]) -> Option<Reason> {
    if entries.is_empty() || entries.iter().any(|entry| entry.value.trim().is_empty()) {
        return Some(Reason::new(
            "value",
            "请填写证照上的一项信息",
            "give the field's value as it stands on the licence",
        ));
    }
    let long = |entry: &Entry| entry.field.len() > LONGEST_FIELD || entry.value.len() > LONGEST_VALUE;
    let reason = || Reason::new("value", "所填内容过长", "what was given is longer than any such field");
    entries.iter().any(long).then(reason)
}

/// Whether the version found has the value in one of these fields. The same work whether there is one, and whether it has them.
async fn matches(
    app: &App,
    found: Option<&Version>,
    licence: &str,
    fields: &[String],
    value: &str,
) -> Result<bool> {
    let mut right = false;
    for field in fields {
        for (key, hash) in holder::known(app, licence, field, value).await? {
            let Some(hash) = known::hash(&hash) else { continue };
            let known = found.and_then(|version| version.known(field, &key));
            right |= known::same(known.unwrap_or(&[0; 32]), &hash) & known.is_some();
        }
    }
    Ok(right)
}

/// Too many wrong answers.
pub(super) fn limited(wait: std::time::Duration) -> Problem {
    let text = "Too many verifications failed; wait as `Retry-After` says. 核验失败次数过多，请稍后再试。";
    Problem::new(Kind::TooManyRequests, text).retry_after(wait.as_secs() + 1)
}

/// Octets.
const LONGEST_FIELD: usize = 128;
const LONGEST_VALUE: usize = 4096;
