//! What is odd about a licence that was taken over. Warnings name rules, never values: they are told with the licence.

use licence::catalogue::FieldFault;
use licence::identifier::Check;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something odd about a licence that was taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Warning {
    /// What it is about: `check-character`, `check-absent`, `field`, `issuer`; `repeated` of lines of batch work.
    pub code: String,
    /// The field, as a JSON pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Warning {
    fn new(code: &str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { code: code.to_owned(), pointer: None, zh: zh.into(), en: en.into() }
    }

    /// About the check character of an identifier.
    #[must_use]
    pub fn of_check(check: Check) -> Option<Self> {
        match check {
            Check::Right => None,
            Check::Wrong { found, expected } => Some(Self::new(
                "check-character",
                format!("标识校验码为“{found}”，按GB/T 36904应为“{expected}”"),
                format!(
                    "the check character of the identifier is `{found}`, by GB/T 36904 it would be `{expected}`"
                ),
            )),
            Check::Absent => Some(Self::new(
                "check-absent",
                "标识未带校验码，已按GB/T 36904补全",
                "the identifier came without its check character, which was filled in (GB/T 36904)",
            )),
        }
    }

    /// About a field that the type's schema would not take.
    #[must_use]
    pub fn of_field(fault: FieldFault) -> Self {
        Self { code: "field".to_owned(), pointer: Some(fault.pointer), zh: fault.zh, en: fault.en }
    }

    /// That it had been taken over before, with the same content.
    #[must_use]
    pub fn of_repetition() -> Self {
        Self::new(
            "repeated",
            "该证照此前已入库，内容相同，未重复入库",
            "the licence had been taken over before, with the same content; nothing was done",
        )
    }

    /// That the issuing body is not the one whose seal issues the type now.
    #[must_use]
    pub fn of_issuer() -> Self {
        Self::new(
            "issuer",
            "标识中的颁发机构代码不是本机构现用印章的机构代码",
            "the issuing body's code in the identifier is not that of the seal which issues this type now",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_character_that_fits_is_not_worth_a_word() {
        assert_eq!(Warning::of_check(Check::Right), None);
        let wrong = Warning::of_check(Check::Wrong { found: 'M', expected: 'D' }).unwrap();
        assert!(wrong.zh.contains('M') && wrong.en.contains("`D`"), "{wrong:?}");
        assert_eq!(Warning::of_check(Check::Absent).unwrap().code, "check-absent");
    }
}
