//! What a hierarchy must be to be carried out, key by key and as a whole.

use crypto::Suite;

use super::{CustodyKind, Entry, Hierarchy, HierarchyError, Key, Kind, Role};

/// A key by itself.
pub(super) fn check(label: String, entry: Entry) -> Result<Key, HierarchyError> {
    let wrong = |reason: &str| HierarchyError::Key { label: label.clone(), reason: reason.into() };
    let certified = !matches!(entry.role, Role::LogCheckpoint | Role::Data);
    if label.is_empty() || !label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(wrong("labels are lower-case letters, digits and hyphens"));
    }
    if certified != (entry.suite.is_some() && entry.days.is_some() && entry.name.is_some()) {
        return Err(wrong("a certified key needs suite, days and name; log and data keys have none of them"));
    }
    let suite =
        entry.suite.as_deref().map(Suite::by_name).transpose().map_err(|error| wrong(&error.to_string()))?;
    if entry.role.is_international() && suite.is_some_and(|suite| *suite != Suite::INTERNATIONAL) {
        return Err(wrong("credentials and published documents are signed in suite `international` alone"));
    }
    if (entry.role == Role::Data) != entry.purpose.is_some() {
        return Err(wrong("a data key, and no other, names its purpose"));
    }
    if (entry.role == Role::IssuingCa) == entry.issues.is_empty() {
        return Err(wrong("an issuing-ca, and no other, says what it issues"));
    }
    let wants_issuer = certified && entry.role != Role::RootCa;
    if wants_issuer != entry.issuer.is_some() {
        return Err(wrong("every certified key but the root names its issuer"));
    }
    if entry.days.is_some_and(|d| d == 0 || d > 36_500) {
        return Err(wrong("validity must be 1 to 36500 days"));
    }
    if entry.role != Role::RootCa && entry.custody == CustodyKind::Offline {
        return Err(wrong("only the root may be offline"));
    }
    if entry.role == Role::LogCheckpoint && entry.custody != CustodyKind::File {
        return Err(wrong(
            "the log's key is kept in the file keystore: the record must not wait for a device",
        ));
    }
    Ok(Key {
        role: entry.role,
        suite,
        custody: entry.custody,
        issuer: entry.issuer,
        issues: entry.issues,
        days: entry.days.unwrap_or(0),
        name: entry.name.unwrap_or_default(),
        purpose: entry.purpose,
        label,
    })
}

/// Puts issuers first; an issuer must be the root (for authorities) or an issuing authority, of the same suite, and must
/// outlive what it signs.
pub(super) fn order(mut pending: Vec<Key>) -> Result<Vec<Key>, HierarchyError> {
    let mut done: Vec<Key> = Vec::with_capacity(pending.len());
    while !pending.is_empty() {
        let (ready, later): (Vec<_>, Vec<_>) = pending
            .into_iter()
            .partition(|key| key.issuer.as_ref().is_none_or(|i| done.iter().any(|d| d.label == *i)));
        if ready.is_empty() {
            let key = later.first().map(|k| k.label.clone()).unwrap_or_default();
            let reason = "its issuer does not exist, or issuers form a circle".into();
            return Err(HierarchyError::Key { label: key, reason });
        }
        for key in &ready {
            let issuer = key.issuer.as_ref().and_then(|i| done.iter().find(|d| d.label == *i));
            let Some(issuer) = issuer else { continue };
            let wanted = if key.role == Role::IssuingCa { Role::RootCa } else { Role::IssuingCa };
            let reason = if issuer.role != wanted {
                "the root signs issuing authorities and only them"
            } else if issuer.suite != key.suite {
                "its issuer is of another suite; give each suite a root and authorities of its own"
            } else if issuer.days < key.days {
                "it would outlive its issuer; lower its days or raise the issuer's"
            } else {
                continue;
            };
            return Err(HierarchyError::Key { label: key.label.clone(), reason: reason.into() });
        }
        done.extend(ready);
        pending = later;
    }
    Ok(done)
}

/// One log key, one root in each suite, and nobody in doubt who issues what.
pub(super) fn complete(hierarchy: &Hierarchy) -> Result<(), HierarchyError> {
    let count = |role: Role| hierarchy.keys.iter().filter(|k| k.role == role).count();
    for role in [Role::RootCa, Role::LogCheckpoint] {
        let found = count(role);
        if found == 0 || (found > 1 && role == Role::LogCheckpoint) {
            return Err(HierarchyError::Count { role: role.as_str(), found });
        }
    }
    let mut suites: Vec<&'static Suite> = Vec::new();
    for suite in hierarchy.keys.iter().filter_map(|key| key.suite) {
        if !suites.contains(&suite) {
            suites.push(suite);
        }
    }
    for suite in &suites {
        let roots = hierarchy.keys.iter().filter(|k| k.role == Role::RootCa && k.suite == Some(suite));
        let found = roots.count();
        if found != 1 {
            return Err(HierarchyError::Roots { suite: suite.name, found });
        }
    }
    for kind in Kind::ALL {
        for suite in &suites {
            let mut issuers =
                hierarchy.keys.iter().filter(|k| k.suite == Some(suite) && k.issues.contains(&kind));
            if let (Some(one), Some(other)) = (issuers.next(), issuers.next()) {
                return Err(HierarchyError::Ambiguous {
                    kind: kind.as_str(),
                    suite: suite.name,
                    one: one.label.clone(),
                    other: other.label.clone(),
                });
            }
        }
        let issued = |suite: &Suite| hierarchy.issuer_of(kind, suite).is_some();
        let served = if kind.names_in_tls() {
            issued(&Suite::INTERNATIONAL)
        } else {
            suites.iter().any(|suite| issued(suite))
        };
        if !served {
            return Err(HierarchyError::Unissued { kind: kind.as_str(), suite: Suite::INTERNATIONAL.name });
        }
    }
    Ok(())
}
