//! A licence to be taken over, as it is brought.

use jiff::civil::Date;
use licence::life::{Ground, State};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::documents::model::{BadParameter, is_shown_text};

/// A licence that exists already.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// Its identifier (GB/T 36904), with or without the OID, as it stands on it. A wrong check character is taken with a warning.
    pub identifier: String,
    /// Its fields, by the type's schema; what does not fit is taken with a warning.
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    /// The first day that it holds (`YYYY-MM-DD`, China time).
    #[schema(value_type = String, format = Date)]
    pub valid_from: Date,
    /// The last day. Left out: by the type's rule, counted from `valid_from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub valid_to: Option<Date>,
    /// It has no end, whatever the type's rule is now.
    #[serde(default)]
    pub long_term: bool,
    /// Where it stands: `active` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub state: Option<State>,
    /// Why it stands there, where it was suspended or ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub ground: Option<Ground>,
    /// The last day that an annual check covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub checked_to: Option<Date>,
    /// Code of the service item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Number of the case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_number: Option<String>,
    /// Legal basis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    /// Where it was kept so far. Kept encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Fields name people.
impl std::fmt::Debug for Import {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Import({} fields)", self.fields.len())
    }
}

impl Import {
    /// Checks what no licence can be without.
    ///
    /// # Errors
    /// [`BadParameter`].
    pub fn check(&self) -> Result<(), BadParameter> {
        let bad = |name, reason| Err(BadParameter { name, reason });
        for (text, name, most) in [
            (&self.item, "item", 100),
            (&self.case_number, "case_number", 100),
            (&self.basis, "basis", 300),
            (&self.source, "source", 200),
        ] {
            if text.as_deref().is_some_and(|text| !is_shown_text(text, most)) {
                return bad(name, "write visible characters, not too many");
            }
        }
        let length: usize = serde_json::to_vec(&self.fields).map_or(usize::MAX, |octets| octets.len());
        if length > MOST_FIELDS || self.fields.len() > 200 {
            return bad("fields", "a licence has at most 200 fields and 64 KiB of them");
        }
        if self.state == Some(State::Expired) {
            return bad("state", "what has expired is `active`, with the end that it had");
        }
        if self.long_term && self.valid_to.is_some() {
            return bad("valid_to", "what has an end is not `long_term`");
        }
        if self.valid_to.is_some_and(|last| last < self.valid_from) {
            return bad("valid_to", "the last day is before the first");
        }
        let held = self.state.is_some_and(|state| state != State::Active && state != State::Lost);
        if self.ground.is_some() && !held {
            return bad("ground", "only what was suspended or ended has a ground");
        }
        Ok(())
    }
}

/// Octets that the fields may have: ten times what a long business scope takes.
const MOST_FIELDS: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(more: &str) -> Import {
        let text = format!(
            r#"{{"identifier":"11100000000013338W009.11330105002500287C.2025052201.002.0","fields":{{}},"valid_from":"2025-05-22"{more}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn what_cannot_be_is_named() {
        assert_eq!(read("").check(), Ok(()));
        assert_eq!(
            read(r#","state":"suspended","ground":"penalty","valid_to":"2025-05-22""#).check(),
            Ok(())
        );
        for (more, name) in [
            (r#","state":"expired""#, "state"),
            (r#","valid_to":"2025-05-21""#, "valid_to"),
            (r#","valid_to":"2026-05-21","long_term":true"#, "valid_to"),
            (r#","ground":"penalty""#, "ground"),
            (r#","source":"""#, "source"),
        ] {
            assert_eq!(read(more).check().unwrap_err().name, name, "{more}");
        }
        let mut wide = read("");
        wide.fields.insert("scope".into(), "长".repeat(30_000).into());
        assert_eq!(wide.check().unwrap_err().name, "fields");
    }
}
