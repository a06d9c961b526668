//! What callers send and read about taking licences: queries, annotated copies, who looked.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use super::{Party, code_or_none, words_or_none};
use crate::documents::model::{BadParameter, is_shown_text};

/// A department takes licences by their holder.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLicenceQuery {
    /// The holder.
    pub holder: Party,
    /// Code of the licence type.
    #[serde(rename = "type")]
    pub type_code: String,
    /// Code of the service item.
    pub item: String,
    /// Case number.
    pub case_number: String,
    /// Purpose: a word of the type's rules.
    pub purpose: String,
    /// Who works on the case; kept encrypted, the holder is not told.
    pub operator: String,
    /// Cursor of an earlier answer.
    pub after: Option<String>,
}

impl NewLicenceQuery {
    /// Checks the members.
    ///
    /// # Errors
    /// The first [`BadParameter`].
    pub fn check(&self) -> Result<(), BadParameter> {
        self.holder.check("holder")?;
        code_or_none("type", Some(&self.type_code))?;
        code_or_none("item", Some(&self.item))?;
        code_or_none("case_number", Some(&self.case_number))?;
        code_or_none("purpose", Some(&self.purpose))?;
        code_or_none("after", self.after.as_ref())?;
        words_or_none("operator", Some(&self.operator))
    }
}

/// The answer to a query.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LicenceQueryAnswer {
    /// Identifier of the query.
    pub query: String,
    /// The licences of that type that the holder has, at most 50.
    pub licences: Vec<TakenLicence>,
    /// Cursor of the next answer, if there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// When it was answered, RFC 3339.
    pub time: String,
    /// Leaf of the log that records it.
    pub leaf: u64,
}

/// One licence as it is taken.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TakenLicence {
    /// Identifier of the licence's version (GB/T 36904), without the object identifier.
    pub identifier: String,
    /// State, as where a code shows it.
    pub state: String,
    /// The state in Chinese.
    pub state_zh: String,
    /// The state in English.
    pub state_en: String,
    /// From when it holds, RFC 3339.
    pub valid_from: String,
    /// Until when; long-term where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<String>,
    /// The fields that the rule of the type says are necessary.
    #[schema(value_type = Object)]
    pub fields: Map<String, Json>,
    /// Where the sealed document is had, for ten minutes, where the rule allows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
}

/// An annotated copy is wanted.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLicenceCopy {
    /// The holder, where the platform that holders use asks.
    pub holder: Option<Party>,
    /// The query by which a department took the licence.
    pub query: Option<String>,
    /// What the copy is for; stands on every page.
    pub purpose: String,
    /// Whom it is for; stands on every page.
    pub recipient: String,
    /// Until when it serves, RFC 3339; at most two years from now.
    #[schema(value_type = String)]
    pub until: jiff::Timestamp,
}

impl NewLicenceCopy {
    /// Checks the members but for the end.
    ///
    /// # Errors
    /// The first [`BadParameter`].
    pub fn check(&self) -> Result<(), BadParameter> {
        if let Some(holder) = &self.holder {
            holder.check("holder")?;
        }
        for (name, text, most) in [("purpose", &self.purpose, 60), ("recipient", &self.recipient, 60)] {
            if !is_shown_text(text, most) {
                return Err(BadParameter { name, reason: "write 1 to 60 visible characters" });
            }
        }
        Ok(())
    }
}

/// One look at a licence.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LicenceUse {
    /// Identifier.
    pub id: String,
    /// The licence: type, issuer and serial of its identifier.
    pub licence: String,
    /// Identifier of the version that was seen.
    pub identifier: String,
    /// `show` (a code), `query`, `document`, `copy` or `verification`.
    pub kind: String,
    /// Registration of who looked; `system:portal` for a stranger on the public pages.
    pub viewer: String,
    /// Organisation of who looked; empty for a stranger.
    pub organisation: String,
    /// Name of that organisation.
    pub organisation_name: Option<String>,
    /// The delegation under which an agent showed it.
    pub delegation: Option<String>,
    /// The query.
    pub query: Option<String>,
    /// Code of the service item.
    pub item: Option<String>,
    /// Case number.
    pub case_number: Option<String>,
    /// Purpose, as a word of the type's rules.
    pub purpose: Option<String>,
    /// Which fields were seen; never what stood in them.
    pub fields: Vec<String>,
    /// Where the licence stood.
    pub state: String,
    /// When, RFC 3339.
    pub time: String,
    /// Leaf of the log that proves it.
    pub leaf: Option<i64>,
}

/// One page of looks, newest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LicenceUses {
    /// The looks.
    pub items: Vec<LicenceUse>,
    /// Cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// An annotated copy, as it is listed; what it was for is told by its metadata.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LicenceCopyLine {
    /// Which copy of the licence, from 1.
    pub number: i64,
    /// Identifier of the licence's version that was copied.
    pub identifier: String,
    /// The organisation that had it made.
    pub organisation: String,
    /// The registration that had it made.
    pub caller: String,
    /// The query by which a department had taken the licence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// SHA-256 of its file, hexadecimal.
    pub sha256: String,
    /// When it was made, RFC 3339.
    pub made: String,
    /// Until when it serves.
    pub until: String,
    /// Whether that is over: it is not given out any more.
    pub over: bool,
    /// Where its file is had.
    pub url: String,
}
