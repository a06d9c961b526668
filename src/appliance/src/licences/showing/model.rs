//! What callers send and read about showing and taking licences.

mod taking;

use licence::catalogue::Words;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::ToSchema;

pub use taking::{
    LicenceCopyLine, LicenceQueryAnswer, LicenceUse, LicenceUses, NewLicenceCopy, NewLicenceQuery,
    TakenLicence,
};

use super::bounds;
use crate::documents::model::{BadParameter, is_shown_text};

/// Somebody by kind and number.
#[derive(Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Kind of the number (GB/T 36903 CZZTDMLXDM): `111` citizen ID, `001` unified social credit code, `414` passport, …
    pub kind: String,
    /// The number.
    pub number: String,
}

// The number never reaches a log.
impl std::fmt::Debug for Party {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Party").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Party {
    /// That it can be a person's or a body's.
    ///
    /// # Errors
    /// [`BadParameter`] of this name.
    pub fn check(&self, name: &'static str) -> Result<(), BadParameter> {
        let kind = self.kind.len() == 3 && self.kind.bytes().all(|byte| byte.is_ascii_digit());
        if kind && is_shown_text(&self.number, 40) {
            return Ok(());
        }
        let reason =
            "write `kind`, three digits (111 citizen ID, 001 credit code), and `number`, 1 to 40 characters";
        Err(BadParameter { name, reason })
    }
}

/// A code is wanted by which a holder shows a licence.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewShowCode {
    /// The licence, by identifier or id.
    pub licence: String,
    /// Who shows it: the holder, or, under a delegation, the agent.
    pub holder: Party,
    /// The delegation under which an agent shows it.
    pub delegation: Option<String>,
    /// Fields to show; those that anyone may see when left out. Never more than the delegation allows.
    pub fields: Option<Vec<String>>,
    /// How long it holds, 10 to 300 seconds; 90 when left out.
    pub seconds: Option<u32>,
    /// How often it shows them, 1 to 5; once when left out.
    pub uses: Option<u32>,
    /// Code of the service item that it is for.
    pub item: Option<String>,
    /// What it is for; kept encrypted, whoever holds the licence reads it.
    pub purpose: Option<String>,
}

impl NewShowCode {
    /// Checks the members.
    ///
    /// # Errors
    /// The first [`BadParameter`].
    pub fn check(&self) -> Result<(), BadParameter> {
        let bad = |name, reason| Err(BadParameter { name, reason });
        self.holder.check("holder")?;
        if self.delegation.as_ref().is_some_and(|id| uuid::Uuid::try_parse(id).is_err()) {
            return bad("delegation", "write its identifier");
        }
        if !bounds::SECONDS.contains(&self.seconds()) {
            return bad("seconds", "10 to 300");
        }
        if !bounds::USES.contains(&self.uses()) {
            return bad("uses", "1 to 5");
        }
        if self.fields.as_ref().is_some_and(|fields| fields.is_empty() || fields.len() > bounds::FIELDS) {
            return bad("fields", "name 1 to 200 fields, or leave it out for those that anyone may see");
        }
        code_or_none("item", self.item.as_ref())?;
        words_or_none("purpose", self.purpose.as_ref())
    }

    /// How long it holds, in seconds.
    #[must_use]
    pub fn seconds(&self) -> u32 {
        self.seconds.unwrap_or(bounds::DEFAULT_SECONDS)
    }

    /// How often it shows.
    #[must_use]
    pub fn uses(&self) -> u32 {
        self.uses.unwrap_or(1)
    }
}

/// A code given out. It is told once and kept nowhere.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ShowCode {
    /// The code.
    pub code: String,
    /// Where a phone leads with it. The code stands in the fragment, which no server is sent (RFC 9110 §4.2.4). `null`
    /// where there are no public pages.
    pub url: Option<String>,
    /// A QR symbol of that address, or else of the code alone, SVG.
    pub qr: String,
    /// Identifier of the licence's version that it shows.
    pub identifier: String,
    /// The fields that it shows.
    pub fields: Vec<String>,
    /// How often it shows them.
    pub uses: i64,
    /// Until when, RFC 3339.
    pub expires: String,
}

/// What is said when a code is redeemed.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Redeeming {
    /// The code.
    pub code: String,
    /// Code of the service item.
    pub item: Option<String>,
    /// Case number.
    pub case_number: Option<String>,
    /// Who works on the case; kept encrypted.
    pub operator: Option<String>,
}

impl Redeeming {
    /// Checks the members but for the code.
    ///
    /// # Errors
    /// The first [`BadParameter`].
    pub fn check(&self) -> Result<(), BadParameter> {
        code_or_none("item", self.item.as_ref())?;
        code_or_none("case_number", self.case_number.as_ref())?;
        words_or_none("operator", self.operator.as_ref())
    }
}

/// What a code shows.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ShownLicence {
    /// Identifier of the record of this look, for the holder's list.
    pub record: String,
    /// Identifier of the licence's version (GB/T 36904), without the object identifier.
    pub identifier: String,
    /// Code of its type.
    pub type_code: String,
    /// Name of its type.
    #[schema(value_type = Object)]
    pub type_name: Words,
    /// Name of the issuing body.
    pub issuer: String,
    /// Code of the issuing body.
    pub issuer_code: String,
    /// `active`, `suspended`, `lost`, `cancelled`, `revoked`, `withdrawn`, `transferred` or `expired`.
    pub state: String,
    /// The state in Chinese.
    pub state_zh: String,
    /// The state in English.
    pub state_en: String,
    /// Whether it is in force now; only then `fields` are shown.
    pub in_force: bool,
    /// From when it holds, RFC 3339.
    pub valid_from: String,
    /// Until when; long-term where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<String>,
    /// The fields that the holder shows.
    #[schema(value_type = Vec<Object>)]
    pub fields: Vec<ShownLicenceField>,
    /// An agent shows it in the holder's place.
    pub by_agent: bool,
    /// How often the code shows it further.
    pub left: i64,
    /// When it was shown, RFC 3339.
    pub time: String,
    /// Leaf of the log that records it.
    pub leaf: u64,
}

/// A field with its titles.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ShownLicenceField {
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

/// An agent is to show a licence in its holder's place.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLicenceDelegation {
    /// The licence, by identifier or id.
    pub licence: String,
    /// Its holder.
    pub holder: Party,
    /// The agent.
    pub agent: Party,
    /// Fields that the agent may show; all when left out.
    pub fields: Option<Vec<String>>,
    /// Items that the agent may show it for; any when left out.
    pub items: Option<Vec<String>>,
    /// Until when, RFC 3339; at most a year from now.
    #[schema(value_type = String)]
    pub until: jiff::Timestamp,
    /// How often the licence may be shown under it, 1 to 1000.
    pub count: u32,
}

impl NewLicenceDelegation {
    /// Checks the members but for the end.
    ///
    /// # Errors
    /// The first [`BadParameter`].
    pub fn check(&self) -> Result<(), BadParameter> {
        let bad = |name, reason| Err(BadParameter { name, reason });
        self.holder.check("holder")?;
        self.agent.check("agent")?;
        if self.fields.as_ref().is_some_and(|fields| fields.is_empty() || fields.len() > bounds::FIELDS) {
            return bad("fields", "name 1 to 200 fields, or leave it out for all");
        }
        if self.items.as_ref().is_some_and(|items| items.is_empty() || items.len() > bounds::ITEMS) {
            return bad("items", "name 1 to 50 items, or leave it out for any");
        }
        for item in self.items.iter().flatten() {
            code_or_none("items", Some(item))?;
        }
        if !bounds::COUNT.contains(&self.count) { bad("count", "1 to 1000") } else { Ok(()) }
    }
}

/// A delegation. The agent's number is told to nobody.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LicenceDelegation {
    /// Identifier.
    pub id: String,
    /// Version, also its `ETag`.
    pub version: i64,
    /// The licence: type, issuer and serial of its identifier.
    pub licence: String,
    /// Kind of the agent's number.
    pub agent_kind: String,
    /// Fields that the agent may show; `null` for all.
    pub fields: Option<Vec<String>>,
    /// Items that the agent may show it for; `null` for any.
    pub items: Option<Vec<String>>,
    /// Until when, RFC 3339.
    pub until: String,
    /// How often the licence may be shown under it.
    pub count: i64,
    /// How much of that was given out as codes.
    pub used: i64,
    /// `active`, `revoked`, `expired` or `used`.
    pub state: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// When it was taken back, RFC 3339.
    pub ended: Option<String>,
}

/// Whose licences, or whose delegations.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfHolder {
    /// The holder; where delegations are listed the agent may be named instead.
    pub holder: Option<Party>,
    /// The agent to whom delegations were given.
    pub agent: Option<Party>,
    /// One licence only, by identifier or id.
    pub licence: Option<String>,
    /// Cursor of an earlier page.
    pub after: Option<String>,
    /// Most in a page, 1 to 200; 50 when left out.
    pub limit: Option<u32>,
}

impl OfHolder {
    /// The one who is named.
    ///
    /// # Errors
    /// [`BadParameter`] when nobody is, or both are.
    pub fn party(&self) -> Result<&Party, BadParameter> {
        let (party, name) = match (&self.holder, &self.agent) {
            (Some(party), None) => (party, "holder"),
            (None, Some(party)) => (party, "agent"),
            _ => return Err(BadParameter { name: "holder", reason: "name the holder, or the agent" }),
        };
        party.check(name)?;
        if self.after.as_ref().is_some_and(|after| uuid::Uuid::try_parse(after).is_err()) {
            return Err(BadParameter { name: "after", reason: "send `next` of the page before" });
        }
        code_or_none("licence", self.licence.as_ref())?;
        Ok(party)
    }
}

fn code_or_none(name: &'static str, text: Option<&String>) -> Result<(), BadParameter> {
    let good = |text: &String| is_shown_text(text, 100) && !text.contains(char::is_whitespace);
    match text {
        Some(text) if !good(text) => {
            Err(BadParameter { name, reason: "write 1 to 100 visible characters without spaces" })
        }
        _ => Ok(()),
    }
}

fn words_or_none(name: &'static str, text: Option<&String>) -> Result<(), BadParameter> {
    match text {
        Some(text) if !is_shown_text(text, 200) => {
            Err(BadParameter { name, reason: "write 1 to 200 visible characters" })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cannot_be_meant_is_named_and_a_number_is_never_printed() {
        let good = json!({ "licence": "A.B.C", "holder": { "kind": "111", "number": "110105194912310025" } });
        let read = |value: &Json| serde_json::from_value::<NewShowCode>(value.clone()).unwrap();
        assert!(read(&good).check().is_ok());
        assert!(!format!("{:?}", read(&good)).contains("1949"));
        for (name, value) in [
            ("seconds", json!(9)),
            ("seconds", json!(301)),
            ("uses", json!(0)),
            ("uses", json!(6)),
            ("fields", json!([])),
            ("item", json!("a b")),
            ("purpose", json!("\u{202E}x")),
            ("holder", json!({ "kind": "1", "number": "x" })),
        ] {
            let mut body = good.clone();
            body[name] = value;
            assert_eq!(read(&body).check().unwrap_err().name, name);
        }
        assert!(serde_json::from_value::<NewShowCode>(json!({ "licence": "a", "code": "mine" })).is_err());
    }
}
