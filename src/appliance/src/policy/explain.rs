//! `cinnabar policy explain`: what would be decided, by which policies, and why.

use std::path::Path;
use std::sync::OnceLock;

use cedar_policy::Decision;

use super::engine::{Facts, Policy};
use super::load::PolicyError;
use super::resource::Resource;
use crate::identity::{Caller, CallerKind, Role};

/// A question to the policies, asked without a request.
#[derive(Debug)]
pub struct Question {
    /// Identifier of the caller's registration.
    pub caller: String,
    /// What the caller is.
    pub kind: CallerKind,
    /// Its organisation.
    pub organisation: String,
    /// Its roles.
    pub roles: Vec<Role>,
    /// The registered person, for officers and operators.
    pub person: Option<String>,
    /// The act's name, for example `document.seal`.
    pub action: String,
    /// What it is about.
    pub resource: Resource,
    /// Came over the local admin socket.
    pub local: bool,
    /// The person who proposed what is to be approved.
    pub proposer: Option<String>,
    /// The person who applied for a seal.
    pub applicant: Option<String>,
    /// The person who approved that.
    pub approver: Option<String>,
    /// The certificate to be renewed is in the last third of its validity.
    pub due: Option<bool>,
}

/// The answer.
#[derive(Debug, serde::Serialize)]
pub struct Explanation {
    /// Whether the act would be permitted.
    pub permitted: bool,
    /// The policies that determined it, each with its author's reason. Empty: no policy speaks for it.
    pub policies: Vec<(String, String)>,
    /// Errors while deciding; any of them denies.
    pub errors: Vec<String>,
    /// The set of policies asked, by its digest.
    pub digest: String,
}

/// Asks the policies of a folder.
///
/// # Errors
/// [`PolicyError`] when the folder's policies cannot be loaded.
pub fn explain(folder: &Path, question: &Question) -> Result<Explanation, PolicyError> {
    let policy = Policy::load(folder)?;
    let set = policy.current();
    let caller = Caller {
        id: question.caller.clone(),
        kind: question.kind,
        organisation: question.organisation.clone(),
        roles: question.roles.clone(),
        person: question.person.clone(),
        fingerprint: String::new(),
        serial: String::new(),
        principal: OnceLock::new(),
    };
    let facts = Facts {
        local: question.local,
        proposer: question.proposer.clone(),
        applicant: question.applicant.clone(),
        approver: question.approver.clone(),
        due: question.due,
        ..Facts::default()
    };
    let (decision, policies, errors) =
        match policy.evaluate(&set, &caller, &question.action, &question.resource, &facts) {
            Ok(outcome) => outcome,
            Err(fault) => (Decision::Deny, Vec::new(), vec![fault.0]),
        };
    let reason = |id: &String| set.reasons().get(id).cloned().unwrap_or_default();
    Ok(Explanation {
        permitted: decision == Decision::Allow && errors.is_empty(),
        policies: policies.iter().map(|id| (id.clone(), reason(id))).collect(),
        errors,
        digest: set.digest().to_owned(),
    })
}
