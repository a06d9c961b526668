//! What a verification answers: the result codes and words of GB/T 36906, reasons, and what may be shown to whoever asked.
//!
//! A verdict never tells a stranger whether a licence exists: "not found" and "does not match" are one answer to them, made
//! by the same work (decision 30). Made by this folder's functions; written as JSON by the platform API, the shared-service
//! interface, the public page and the command line.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::ToSchema;

use crate::policy::{Permit, VerifyLicence};
use crate::server::limits::network;

/// Who asks, and so what may be told.
#[derive(Debug, Clone, Copy)]
pub enum Audience<'a> {
    /// Anybody: the public page.
    Stranger {
        /// Where the request comes from.
        address: IpAddr,
        /// The request's identifier.
        request: &'a str,
    },
    /// A registered caller whom the policies let verify.
    Verifier(&'a Permit<VerifyLicence>),
}

impl Audience<'_> {
    /// What counts as one stranger, for limits: an IPv4 address or an IPv6 /64.
    pub(super) fn peer(&self) -> Option<String> {
        match self {
            Self::Stranger { address, .. } => Some(network(*address).to_string()),
            Self::Verifier(_) => None,
        }
    }

    /// Whether it is anybody.
    #[must_use]
    pub const fn is_stranger(&self) -> bool {
        matches!(self, Self::Stranger { .. })
    }
}

/// Result of verifying a licence's information (GB/T 36906).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum Code {
    /// 0: what was given is right, and the licence is in force.
    Valid,
    /// 1: its time has not begun.
    NotYetActive,
    /// 2: suspended, or reported lost.
    Suspended,
    /// 3: void: ended, expired, or replaced by a newer version.
    Void,
    /// 4: what was given is incomplete or cannot be read.
    Incomplete,
    /// 5: no such licence.
    NotFound,
    /// 6: what was given does not match.
    Mismatch,
}

impl Code {
    /// Every code, by number.
    pub const ALL: [Self; 7] = [
        Self::Valid,
        Self::NotYetActive,
        Self::Suspended,
        Self::Void,
        Self::Incomplete,
        Self::NotFound,
        Self::Mismatch,
    ];

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The code of a number.
    #[must_use]
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }

    /// A word for programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::NotYetActive => "not-yet-active",
            Self::Suspended => "suspended",
            Self::Void => "void",
            Self::Incomplete => "incomplete",
            Self::NotFound => "not-found",
            Self::Mismatch => "mismatch",
        }
    }

    /// In Chinese.
    #[must_use]
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Valid => "信息一致，证照有效",
            Self::NotYetActive => "信息一致，证照尚未生效",
            Self::Suspended => "信息一致，证照已暂停使用",
            Self::Void => "信息一致，证照已失效",
            Self::Incomplete => "信息不完整，无法核验",
            Self::NotFound => "未查到该证照",
            Self::Mismatch => "信息不一致",
        }
    }

    /// In English.
    #[must_use]
    pub const fn en(self) -> &'static str {
        match self {
            Self::Valid => "Correct, and the licence is in force",
            Self::NotYetActive => "Correct; the licence is not in force yet",
            Self::Suspended => "Correct; the licence is suspended",
            Self::Void => "Correct; the licence is void",
            Self::Incomplete => "Incomplete: nothing can be verified",
            Self::NotFound => "No such licence",
            Self::Mismatch => "Does not match",
        }
    }
}

impl From<Code> for u8 {
    fn from(code: Code) -> Self {
        code.number()
    }
}

impl TryFrom<u8> for Code {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        Self::of_number(number).ok_or_else(|| format!("`{number}` is no result code of GB/T 36906"))
    }
}

/// Result of verifying a licence's file (GB/T 36906).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum FileCode {
    /// 0: the file is as it was issued.
    Pass,
    /// 1: its seal does not hold.
    SealFails,
    /// 2: it fails otherwise: not on record, altered, of another kind.
    Fails,
}

impl FileCode {
    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl From<FileCode> for u8 {
    fn from(code: FileCode) -> Self {
        code.number()
    }
}

impl TryFrom<u8> for FileCode {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        [Self::Pass, Self::SealFails, Self::Fails]
            .into_iter()
            .find(|code| code.number() == number)
            .ok_or_else(|| format!("`{number}` is no result code of a file (GB/T 36906)"))
    }
}

/// The answer to whoever verifies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Verdict {
    /// Result code of GB/T 36906: 0 correct and valid, 1 not yet active, 2 suspended, 3 void, 4 incomplete, 5 not found,
    /// 6 does not match.
    #[schema(value_type = u8)]
    pub code: Code,
    /// The code as a word: `valid`, `not-yet-active`, `suspended`, `void`, `incomplete`, `not-found`, `mismatch`.
    pub result: String,
    /// What it means, in Chinese.
    pub zh: String,
    /// What it means, in English.
    pub en: String,
    /// Where a file was verified, its own code: 0 pass, 1 the seal fails, 2 it fails otherwise.
    #[schema(value_type = Option<u8>)]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file: Option<FileCode>,
    /// Why, the weightiest first.
    pub reasons: Vec<Reason>,
    /// What may be told of the licence.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub licence: Option<Facts>,
    /// Whose licence it is: this appliance's, or a region's of the trust list.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub origin: Option<Origin>,
    /// When it was verified (RFC 3339).
    pub verified: String,
}

/// A reason, for programs and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    /// A stable word.
    pub name: String,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Reason {
    /// A reason.
    #[must_use]
    pub fn new(name: &str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { name: name.to_owned(), zh: zh.into(), en: en.into() }
    }
}

/// What may be told of a licence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Facts {
    /// Identifier of the version verified (GB/T 36904), without the object identifier.
    pub identifier: String,
    /// Code of its type.
    pub type_code: String,
    /// Name of its type, in Chinese.
    pub type_name: String,
    /// The same in English, where it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub type_name_en: Option<String>,
    /// Name of the issuing body, where it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub issuer: Option<String>,
    /// Its code.
    pub issuer_code: String,
    /// State of the licence: `active`, `suspended`, `lost`, `cancelled`, `revoked`, `withdrawn`, `transferred`, `expired`,
    /// or `superseded` for a version that a newer one has replaced.
    pub state: String,
    /// The state in Chinese.
    pub state_zh: String,
    /// The state in English.
    pub state_en: String,
    /// From when it holds (RFC 3339).
    pub valid_from: String,
    /// Until when; long-term where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub valid_to: Option<String>,
    /// Identifier of the present version, where the one verified was replaced.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub present: Option<String>,
    /// Fields that whoever asked may see.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub fields: Vec<Shown>,
}

/// A field of a licence, as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Shown {
    /// Its name in the type's schema.
    pub name: String,
    /// Its title in Chinese.
    pub zh: String,
    /// Its title in English.
    pub en: String,
    /// Its value.
    #[schema(value_type = Object)]
    pub value: Json,
}

/// Whose licence it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Origin {
    /// The region's code in the trust list; absent for this appliance's own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub region: Option<String>,
    /// Its name in Chinese.
    pub zh: String,
    /// Its name in English.
    pub en: String,
}

impl Origin {
    /// This appliance.
    #[must_use]
    pub fn own() -> Self {
        Self { region: None, zh: "本系统签发".into(), en: "Issued here".into() }
    }
}

impl Verdict {
    /// A verdict without reasons or facts, at `now` (microseconds).
    #[must_use]
    pub fn new(code: Code, now: i64) -> Self {
        Self {
            code,
            result: code.word().to_owned(),
            zh: code.zh().to_owned(),
            en: code.en().to_owned(),
            file: None,
            reasons: Vec::new(),
            licence: None,
            origin: None,
            verified: instant(now.div_euclid(1_000_000)),
        }
    }

    /// The one answer to strangers for what is not there and what does not match.
    #[must_use]
    pub fn neither(now: i64) -> Self {
        Self {
            result: "mismatch".into(),
            zh: "未查到与所填信息一致的证照".into(),
            en: "No licence matches what was given".into(),
            ..Self::new(Code::Mismatch, now)
        }
    }

    /// Not found, or does not match: told apart to verifiers only.
    #[must_use]
    pub fn refused(audience: &Audience<'_>, code: Code, now: i64) -> Self {
        if audience.is_stranger() { Self::neither(now) } else { Self::new(code, now) }
    }

    /// With a further reason.
    #[must_use]
    pub fn because(mut self, reason: Reason) -> Self {
        self.reasons.push(reason);
        self
    }

    /// With the code of its file.
    #[must_use]
    pub fn of_file(mut self, file: FileCode) -> Self {
        self.file = Some(file);
        self
    }
}

/// Whole seconds as RFC 3339, UTC.
pub(crate) fn instant(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_the_standards() {
        let numbers: Vec<u8> = Code::ALL.into_iter().map(Code::number).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6]);
        assert!(Code::ALL.into_iter().all(|code| Code::of_number(code.number()) == Some(code)));
        assert_eq!(Code::of_number(7), None);
        let written = serde_json::to_value(Verdict::new(Code::Suspended, 0).of_file(FileCode::Pass)).unwrap();
        assert_eq!((&written["code"], &written["file"]), (&2.into(), &0.into()));
        assert_eq!(written["verified"], "1970-01-01T00:00:00Z");
    }
}
