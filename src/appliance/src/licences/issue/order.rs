//! What is asked for when a licence is to be issued.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::IssueError;
use crate::documents::model::is_shown_text;

/// A licence to be issued.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Code of the type: 18 characters of the defining body, 3 digits.
    #[serde(rename = "type")]
    pub type_code: String,
    /// Its fields, by the type's schema.
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    /// The day from which it holds (`YYYY-MM-DD`, China time); today when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub valid_from: Option<Date>,
    /// Code of the service item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Case number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_number: Option<String>,
    /// Legal basis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    /// The serial of its identifier, 7 to 32 of `0-9A-Z`; the next free one when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The holder's public key (JWK, P-256) that the credential is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub holder_key: Option<Value>,
}

/// Fields name people.
impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Order({}, {} fields)", self.type_code, self.fields.len())
    }
}

impl Order {
    /// That the texts beside the fields can stand in rows and entries.
    ///
    /// # Errors
    /// [`IssueError::Parameter`].
    pub fn check(&self) -> Result<(), IssueError> {
        for (parameter, text, most) in
            [("item", &self.item, 64), ("case_number", &self.case_number, 64), ("basis", &self.basis, 200)]
        {
            if text.as_deref().is_some_and(|text| !is_shown_text(text, most)) {
                let reason = format!("write 1 to {most} visible characters, or leave it out");
                return Err(IssueError::Parameter { parameter, reason });
            }
        }
        let fits = |serial: &str| {
            (7..=32).contains(&serial.len())
                && serial.bytes().all(|octet| octet.is_ascii_digit() || octet.is_ascii_uppercase())
        };
        if self.serial.as_deref().is_some_and(|serial| !fits(serial)) {
            let reason = "write 7 to 32 of `0-9A-Z` (GB/T 36904), or leave it out".to_owned();
            return Err(IssueError::Parameter { parameter: "serial", reason });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(more: &str) -> Result<Order, serde_json::Error> {
        serde_json::from_str(&format!(r#"{{"type":"t","fields":{{}}{more}}}"#))
    }

    #[test]
    fn what_cannot_stand_in_an_identifier_or_a_row_is_named() {
        assert!(order("").unwrap().check().is_ok());
        assert!(order(r#","serial":"A234567","valid_from":"2026-11-22""#).unwrap().check().is_ok());
        for (more, name) in [
            (r#","serial":"123456""#, "serial"),
            (r#","serial":"a234567""#, "serial"),
            (r#","item":"""#, "item"),
            (r#","basis":"a\u0000""#, "basis"),
        ] {
            let Err(IssueError::Parameter { parameter, .. }) = order(more).unwrap().check() else {
                panic!("{more}")
            };
            assert_eq!(parameter, name);
        }
        assert!(order(r#","more":1"#).is_err());
        assert!(order(r#","valid_from":"22.11.2026""#).is_err());
    }
}
