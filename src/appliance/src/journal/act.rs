//! Who did what to what, on what authority: the head of every log entry.

use serde_json::{Map, Value, json};

/// The one who acts, as the log names it. No personal data: officers are named by their registered caller id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Actor {
    /// Caller id; `system:NAME` for the appliance's own acts.
    pub id: String,
    /// `machine`, `officer`, `operator` or `system`.
    pub kind: String,
    /// Organisation id; empty for the appliance itself.
    pub organisation: String,
    /// Hexadecimal SHA-256 fingerprint of the certificate used; empty when there was none.
    pub fingerprint: String,
}

impl Actor {
    /// The appliance itself, in one of its roles: `system:NAME`.
    #[must_use]
    pub fn system(name: &str) -> Self {
        Self {
            id: format!("system:{name}"),
            kind: "system".to_owned(),
            organisation: String::new(),
            fingerprint: String::new(),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let mut members = Map::new();
        members.insert("id".to_owned(), Value::from(self.id.as_str()));
        members.insert("kind".to_owned(), Value::from(self.kind.as_str()));
        if !self.organisation.is_empty() {
            members.insert("organisation".to_owned(), Value::from(self.organisation.as_str()));
        }
        if !self.fingerprint.is_empty() {
            members.insert("certificate".to_owned(), Value::from(self.fingerprint.as_str()));
        }
        Value::Object(members)
    }
}

/// One act: made from a permit (`Permit::act`), or by the appliance itself ([`Act::system`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Who.
    pub actor: Actor,
    /// What, as the policies name it: `document.seal`.
    pub action: String,
    /// To what: kind and id of the resource, no personal data.
    pub resource: String,
    /// Ids of the policies that permitted it.
    pub policies: Vec<String>,
    /// Id of the request that asked for it.
    pub request: String,
}

impl Act {
    /// An act of the appliance itself: start, ceremony, aggregates.
    #[must_use]
    pub fn system(name: &str, action: &str, resource: &str) -> Self {
        Self {
            actor: Actor::system(name),
            action: action.to_owned(),
            resource: resource.to_owned(),
            policies: Vec::new(),
            request: String::new(),
        }
    }

    pub(super) fn put(&self, members: &mut Map<String, Value>) {
        members.insert("action".to_owned(), Value::from(self.action.as_str()));
        members.insert("actor".to_owned(), self.actor.to_json());
        members.insert("policies".to_owned(), json!(self.policies));
        members.insert("request".to_owned(), Value::from(self.request.as_str()));
        members.insert("resource".to_owned(), Value::from(self.resource.as_str()));
    }
}

/// A refused request of an identified caller (decision 11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Who asked.
    pub actor: Actor,
    /// What was asked for.
    pub action: String,
    /// On what; may be empty.
    pub resource: String,
    /// Name of the problem type it was answered with: `denied`, `certificate-revoked`, `body-too-large`, …
    pub reason: String,
    /// Ids of the policies that forbade it, if any did.
    pub policies: Vec<String>,
    /// Id of the request.
    pub request: String,
}
