//! What callers send and read about rules, requests, delegations and figures.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::{IntoParams, ToSchema};

use super::error::UsageError;
use super::model::Terms;
use super::records::Rule;
use crate::callers::records::{text, time};
use crate::documents::model::{BadParameter, is_identifier, is_shown_text};
use crate::store::Row;

/// A rule of use.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RuleRecord {
    /// Identifier.
    pub id: String,
    /// Version, also its `ETag`.
    pub version: i64,
    /// The seal that it governs.
    pub seal: String,
    /// What it is called.
    pub name: String,
    /// What it admits.
    pub terms: Terms,
    /// `active` or `retired`.
    pub state: String,
    /// The officer who set it last.
    pub officer: String,
    /// When it was set first, RFC 3339.
    pub created: Option<String>,
    /// When it was changed last, RFC 3339.
    pub changed: Option<String>,
}

impl RuleRecord {
    pub(super) fn of(row: Row) -> Result<Self, UsageError> {
        let rule = Rule::read(row)?;
        let row = &rule.row;
        Ok(Self {
            id: row.id().to_owned(),
            version: row.version(),
            seal: text(row, "seal").to_owned(),
            name: text(row, "name").to_owned(),
            state: text(row, "state").to_owned(),
            officer: text(row, "officer").to_owned(),
            created: time(row, "created"),
            changed: time(row, "changed"),
            terms: rule.terms.clone(),
        })
    }
}

/// One page of rules.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rules {
    /// The rules.
    pub items: Vec<RuleRecord>,
    /// Cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// Which rules to list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RuleQuery {
    /// Rules of this seal.
    pub seal: String,
    /// Cursor of an earlier page.
    pub after: Option<String>,
    /// Most in a page, 1 to 200.
    pub limit: Option<u32>,
}

/// A request that officers approve one use of a seal.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRequest {
    /// The seal.
    pub seal: String,
    /// SHA-256 of the document as it will be sent, hexadecimal.
    pub document_sha256: String,
    /// What it is for; whoever approves reads it.
    pub purpose: String,
    /// Code of the service item, as the use will say it.
    pub item: Option<String>,
    /// Case number, as the use will say it.
    pub case_number: Option<String>,
    /// Kind of the document, as the use will say it.
    pub document_kind: Option<String>,
    /// Who works on the case, where a machine asks.
    pub operator: Option<String>,
    /// The rule; when left out the first that admits the use but for the approval.
    pub rule: Option<String>,
}

impl NewRequest {
    /// Checks the members.
    ///
    /// # Errors
    /// The first [`BadParameter`].
    pub fn check(&self) -> Result<(), BadParameter> {
        let bad = |name, reason| Err(BadParameter { name, reason });
        if !is_identifier(&self.seal) {
            return bad("seal", "write the seal's identifier");
        }
        if digest(&self.document_sha256).is_none() {
            return bad("document_sha256", "write the document's SHA-256 in lower-case hexadecimal");
        }
        if !is_shown_text(&self.purpose, 500) {
            return bad("purpose", "write 1 to 500 visible characters");
        }
        for (name, text) in [
            ("item", &self.item),
            ("case_number", &self.case_number),
            ("document_kind", &self.document_kind),
            ("operator", &self.operator),
        ] {
            if text.as_ref().is_some_and(|text| !is_shown_text(text, 256)) {
                return bad(name, "write 1 to 256 visible characters, or leave it out");
            }
        }
        Ok(())
    }
}

/// A SHA-256 in lower-case hexadecimal.
pub(super) fn digest(text: &str) -> Option<[u8; 32]> {
    let mut octets = [0; 32];
    let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    (lower && hex::decode_to_slice(text, &mut octets).is_ok()).then_some(octets)
}

/// What is approved.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approving {
    /// SHA-256 of the document that the officer has seen, hexadecimal.
    pub document_sha256: String,
}

/// Why a request is refused.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refusing {
    /// Why; whoever asked reads it.
    pub reason: String,
}

/// A request as it stands.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RequestRecord {
    /// Identifier.
    pub id: String,
    /// Version, also its `ETag`.
    pub version: i64,
    /// The rule under which it is asked.
    pub rule: String,
    /// The seal.
    pub seal: String,
    /// The seal's organisation.
    pub organisation: String,
    /// Who asked, and alone may use the approval.
    pub caller: String,
    /// SHA-256 of the one document, hexadecimal.
    pub document_sha256: String,
    /// Kind of the document.
    pub document_kind: Option<String>,
    /// Code of the service item.
    pub item: Option<String>,
    /// Case number.
    pub case_number: Option<String>,
    /// `open`, `approved` (enough approvals count now), `refused`, `withdrawn`, `expired` or `used`.
    pub state: &'static str,
    /// How many must approve; `null` where the rule asks for nobody any more.
    pub needed: Option<u8>,
    /// How many approvals count now; only where one request is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given: Option<usize>,
    /// What was said; only where one request is read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<WordRecord>,
    /// When it was made, RFC 3339.
    pub created: Option<String>,
    /// Until when its approvals serve, RFC 3339.
    pub expires: Option<String>,
    /// The record of the use that consumed it.
    pub seal_use: Option<String>,
    /// Purpose and operator as the requester wrote them, `"erased"` once they were; only for people who read one request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub detail: Option<Json>,
    /// Why it was refused; as `detail`, and for whoever asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub refusal: Option<Json>,
}

/// What one officer said.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WordRecord {
    /// Registration of the officer.
    pub officer: String,
    /// `approve` or `refuse`.
    pub word: String,
    /// The named officer in whose place, where it is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_place_of: Option<String>,
    /// When, RFC 3339.
    pub time: Option<String>,
    /// Its leaf of the log.
    pub leaf: Option<i64>,
}

/// Requests.
#[derive(Debug, Serialize, ToSchema)]
pub struct Requests {
    /// The requests, newest first.
    pub items: Vec<RequestRecord>,
    /// Cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// Which requests to list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RequestQuery {
    /// `open` (when left out), `refused`, `withdrawn`, `used` or `any`.
    pub state: Option<String>,
    /// Of this seal.
    pub seal: Option<String>,
    /// Of seals of this organisation. Left out: a machine sees its own organisation's, people see all.
    pub organisation: Option<String>,
    /// Cursor of an earlier page.
    pub after: Option<String>,
    /// Most in a page, 1 to 200.
    pub limit: Option<u32>,
}

impl RequestRecord {
    /// The request without what was said of it. `now` in microseconds.
    pub(super) fn of(row: &Row, rule: Option<&Rule>, now: i64) -> Self {
        let owned = |column: &str| row.value(column).as_text().map(ToOwned::to_owned);
        let expired = row.value("expires").as_int().is_none_or(|until| until <= now);
        Self {
            id: row.id().to_owned(),
            version: row.version(),
            rule: text(row, "rule").to_owned(),
            seal: text(row, "seal").to_owned(),
            organisation: text(row, "organisation").to_owned(),
            caller: text(row, "caller").to_owned(),
            document_sha256: text(row, "document_digest").to_owned(),
            document_kind: owned("document_kind"),
            item: owned("item"),
            case_number: owned("case_number"),
            state: match text(row, "state") {
                "open" if expired => "expired",
                "open" => "open",
                "refused" => "refused",
                "withdrawn" => "withdrawn",
                _ => "used",
            },
            needed: rule.and_then(|rule| rule.terms.approval.as_ref()).map(|approval| approval.needed),
            given: None,
            words: Vec::new(),
            created: time(row, "created"),
            expires: time(row, "expires"),
            seal_use: owned("seal_use"),
            detail: None,
            refusal: None,
        }
    }
}

impl WordRecord {
    pub(super) fn of(row: &Row) -> Self {
        let (officer, seat) = (text(row, "caller"), text(row, "seat"));
        Self {
            officer: officer.to_owned(),
            word: text(row, "word").to_owned(),
            in_place_of: Some(seat)
                .filter(|seat| !seat.is_empty() && *seat != officer)
                .map(ToOwned::to_owned),
            time: time(row, "time"),
            leaf: row.value("leaf").as_int(),
        }
    }
}

/// An officer lets another decide in their place.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDelegation {
    /// Registration of the other officer.
    pub delegate: String,
    /// Until when, RFC 3339; at most a year ahead.
    #[schema(value_type = String)]
    pub until: jiff::Timestamp,
}

/// A delegation.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DelegationRecord {
    /// Identifier.
    pub id: String,
    /// Version, also its `ETag`.
    pub version: i64,
    /// The rule.
    pub rule: String,
    /// The named officer.
    pub officer: String,
    /// Who decides in their place.
    pub delegate: String,
    /// Until when, RFC 3339.
    pub until: Option<String>,
    /// `active` or `revoked`.
    pub state: String,
    /// When it was given, RFC 3339.
    pub created: Option<String>,
}

/// Delegations under a rule.
#[derive(Debug, Serialize, ToSchema)]
pub struct Delegations {
    /// The delegations, oldest first.
    pub items: Vec<DelegationRecord>,
}

impl From<&Row> for DelegationRecord {
    fn from(row: &Row) -> Self {
        Self {
            id: row.id().to_owned(),
            version: row.version(),
            rule: text(row, "rule").to_owned(),
            officer: text(row, "officer").to_owned(),
            delegate: text(row, "delegate").to_owned(),
            until: time(row, "until"),
            state: text(row, "state").to_owned(),
            created: time(row, "created"),
        }
    }
}
