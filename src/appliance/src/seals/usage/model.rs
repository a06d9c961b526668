//! Rules of use as they are written, checked and kept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::documents::model::{BadParameter, is_identifier, is_shown_text};
use crate::identity::Role;

/// What a rule admits. Conditions that are left out admit everything; all that are given must be met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Registrations of callers: one of them, or one of `officers`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<String>,
    /// Registrations of named officers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub officers: Vec<String>,
    /// One of these roles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    /// A caller of one of these organisations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub organisations: Vec<String>,
    /// Codes of service items; a final `*` stands for anything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<String>,
    /// Kinds of documents; a final `*` stands for anything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub document_kinds: Vec<String>,
    /// From this moment, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub from: Option<Timestamp>,
    /// Until before this moment, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub to: Option<Timestamp>,
    /// How often in all, counted from when a limit was first set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// How often in a minute, hour, day or month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Whose approval each use needs; none when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
}

/// How often in a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Most uses.
    pub most: u32,
    /// In each of these.
    pub per: Period,
}

/// A while of the calendar, in China Standard Time: what clerks count by. A day's limit is full again at midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// From second 0.
    Minute,
    /// From minute 0.
    Hour,
    /// From midnight.
    Day,
    /// From the first of the month.
    Month,
}

/// m-of-n approval by named officers, for one document told by its SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// How many of them must approve.
    pub needed: u8,
    /// Registrations of the officers.
    pub officers: Vec<String>,
    /// Hours from the request until its approvals are void; 72 when left out.
    #[serde(default = "hours")]
    pub hours: u32,
}

const fn hours() -> u32 {
    72
}

/// A rule to be set.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRule {
    /// The seal that it governs. From its first rule on a seal is used by rules only.
    pub seal: String,
    /// What the rule is called where a use is refused.
    pub name: String,
    /// What it admits.
    pub terms: Terms,
}

/// A rule in place of an earlier version.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleChange {
    /// What the rule is called.
    pub name: String,
    /// What it admits.
    pub terms: Terms,
}

impl Terms {
    /// Checks what can be checked without the register.
    ///
    /// # Errors
    /// The first [`BadParameter`].
    pub fn check(&self) -> Result<(), BadParameter> {
        let bad = |name, reason| Err(BadParameter { name, reason });
        let ids = [
            ("callers", &self.callers),
            ("officers", &self.officers),
            ("organisations", &self.organisations),
        ];
        for (name, list) in ids {
            if list.len() > MOST {
                return bad(name, "name at most 64");
            }
            if !list.iter().all(|id| is_identifier(id)) {
                return bad(name, "write identifiers: letters, digits, `-`, `_` and `.`, at most 64");
            }
        }
        for (name, list) in [("items", &self.items), ("document_kinds", &self.document_kinds)] {
            if list.len() > MOST {
                return bad(name, "name at most 64");
            }
            if !list.iter().all(|word| is_shown_text(word, 256) && word != "*") {
                return bad(
                    name,
                    "write 1 to 256 visible characters, a final `*` for anything that begins so",
                );
            }
        }
        if self.roles.len() > Role::ALL.len() {
            return bad("roles", "name each role once");
        }
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from >= to
        {
            return bad("to", "the end lies after the beginning");
        }
        if self.count == Some(0) || self.rate.is_some_and(|rate| rate.most == 0) {
            return bad("count", "allow at least one use, or retire the rule");
        }
        self.approval.as_ref().map_or(Ok(()), Approval::check)
    }

    /// Whether uses are counted.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        self.count.is_some() || self.rate.is_some()
    }
}

impl Approval {
    fn check(&self) -> Result<(), BadParameter> {
        let bad = |reason| Err(BadParameter { name: "approval", reason });
        if self.officers.is_empty() || self.officers.len() > usize::from(MOST_OFFICERS) {
            return bad("name 1 to 32 officers");
        }
        if !self.officers.iter().all(|id| is_identifier(id)) {
            return bad("write the officers' registrations: letters, digits, `-`, `_` and `.`, at most 64");
        }
        let mut once = self.officers.clone();
        once.sort_unstable();
        once.dedup();
        if once.len() != self.officers.len() {
            return bad("name each officer once");
        }
        if self.needed == 0 || usize::from(self.needed) > self.officers.len() {
            return bad("`needed` is 1 to the number of officers");
        }
        if !(1..=24 * 90).contains(&self.hours) {
            return bad("`hours` is 1 to 2160");
        }
        Ok(())
    }
}

impl NewRule {
    /// Checks what can be checked without the register.
    ///
    /// # Errors
    /// The first [`BadParameter`].
    pub fn check(&self) -> Result<(), BadParameter> {
        if !is_identifier(&self.seal) {
            return Err(BadParameter { name: "seal", reason: "write the seal's identifier" });
        }
        named(&self.name)?;
        self.terms.check()
    }
}

impl RuleChange {
    /// Checks what can be checked without the register.
    ///
    /// # Errors
    /// The first [`BadParameter`].
    pub fn check(&self) -> Result<(), BadParameter> {
        named(&self.name)?;
        self.terms.check()
    }
}

fn named(name: &str) -> Result<(), BadParameter> {
    match is_shown_text(name, 64) {
        true => Ok(()),
        false => Err(BadParameter { name: "name", reason: "write 1 to 64 visible characters" }),
    }
}

impl Period {
    /// The beginning of the while that `now` lies in, and its end; microseconds.
    #[must_use]
    pub fn around(self, now: i64) -> (i64, i64) {
        let fixed = |length: i64| {
            let start = (now + CHINA).div_euclid(length) * length - CHINA;
            (start, start + length)
        };
        match self {
            Self::Minute => fixed(MINUTE),
            Self::Hour => fixed(60 * MINUTE),
            Self::Day => fixed(24 * 60 * MINUTE),
            Self::Month => {
                let local = Timestamp::from_microsecond(now + CHINA).unwrap_or_default();
                let date = local.to_zoned(jiff::tz::TimeZone::UTC).date();
                let at = |date: jiff::civil::Date| {
                    let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp());
                    midnight.map_or(now, |moment| moment.as_microsecond() - CHINA)
                };
                let end = date.last_of_month().tomorrow().unwrap_or(date);
                (at(date.first_of_month()), at(end))
            }
        }
    }
}

/// Entries of a list, at most.
const MOST: usize = 64;
/// Named officers, at most.
const MOST_OFFICERS: u8 = 32;
const MINUTE: i64 = 60_000_000;
/// China Standard Time is ahead of UTC by this, all the year.
pub(super) const CHINA: i64 = 8 * 60 * MINUTE;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn whiles_are_those_of_the_chinese_calendar() {
        let now = at("2026-02-28T16:30:15.5Z"); // 1 March 00:30:15 in China
        for (period, start, end) in [
            (Period::Minute, "2026-02-28T16:30:00Z", "2026-02-28T16:31:00Z"),
            (Period::Hour, "2026-02-28T16:00:00Z", "2026-02-28T17:00:00Z"),
            (Period::Day, "2026-02-28T16:00:00Z", "2026-03-01T16:00:00Z"),
            (Period::Month, "2026-02-28T16:00:00Z", "2026-03-31T16:00:00Z"),
        ] {
            assert_eq!(period.around(now), (at(start), at(end)), "{period:?}");
        }
        assert_eq!(Period::Month.around(at("2026-12-31T15:59:59Z")).1, at("2026-12-31T16:00:00Z"));
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        let approval = |needed, officers: &[&str]| {
            let officers = officers.iter().map(|id| (*id).to_owned()).collect();
            Some(Approval { needed, officers, hours: 72 })
        };
        let good = Terms { approval: approval(2, &["a", "b"]), ..Terms::default() };
        assert_eq!(good.check(), Ok(()));
        let same = "2026-01-01T00:00:00Z".parse().ok();
        for (terms, name) in [
            (Terms { callers: vec!["a/b".into()], ..Terms::default() }, "callers"),
            (Terms { officers: vec![String::new()], ..Terms::default() }, "officers"),
            (Terms { items: vec!["*".into()], ..Terms::default() }, "items"),
            (Terms { document_kinds: vec!["x".into(); 65], ..Terms::default() }, "document_kinds"),
            (Terms { from: same, to: same, ..Terms::default() }, "to"),
            (Terms { count: Some(0), ..Terms::default() }, "count"),
            (Terms { rate: Some(Rate { most: 0, per: Period::Day }), ..Terms::default() }, "count"),
            (Terms { approval: approval(0, &["a"]), ..Terms::default() }, "approval"),
            (Terms { approval: approval(2, &["a"]), ..Terms::default() }, "approval"),
            (Terms { approval: approval(1, &[]), ..Terms::default() }, "approval"),
            (Terms { approval: approval(1, &["a", "a"]), ..Terms::default() }, "approval"),
        ] {
            assert_eq!(terms.check().unwrap_err().name, name, "{terms:?}");
        }
    }

    #[test]
    fn terms_are_kept_as_they_were_written_and_strange_members_refused() {
        let text = r#"{"callers":["a"],"from":"2026-01-01T00:00:00Z","rate":{"most":5,"per":"day"}}"#;
        let terms: Terms = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&terms).unwrap(), text);
        assert!(serde_json::from_str::<Terms>(r#"{"caller":["a"]}"#).is_err());
        let approval: Terms = serde_json::from_str(r#"{"approval":{"needed":1,"officers":["a"]}}"#).unwrap();
        assert_eq!(approval.approval.unwrap().hours, 72);
    }
}
