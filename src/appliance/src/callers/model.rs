//! What travels: organisations, callers, proposals, certificates.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::identity::{CallerKind, Role};

/// An organisation.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Organisation {
    /// Identifier, chosen when it is registered, never used again for another.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is, for example `bureau`.
    pub kind: String,
    /// `active` or `retired`.
    pub state: String,
    /// Version, also the `ETag`.
    pub version: i64,
}

/// A new organisation.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrganisation {
    /// 1 to 63 of `a-z`, `0-9`, `-`; begins with a letter or digit.
    pub id: String,
    /// 1 to 200 characters.
    pub name: String,
    /// What it is.
    #[serde(default = "bureau")]
    pub kind: String,
}

/// A change of an organisation; what is absent stays.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganisationChange {
    /// Its new name.
    pub name: Option<String>,
    /// What it is from now on.
    pub kind: Option<String>,
}

/// A registered caller.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CallerRecord {
    /// Identifier, chosen when it is registered, never used again for another.
    pub id: String,
    /// What it is.
    pub kind: CallerKind,
    /// The URI its certificates carry.
    pub uri: String,
    /// The organisation it acts for.
    pub organisation: String,
    /// The registered person, for officers and operators.
    pub person: Option<String>,
    /// What it is entrusted with.
    pub roles: Vec<Role>,
    /// `proposed`, `active` or `retired`.
    pub state: String,
    /// When it was registered, RFC 3339.
    pub created: String,
    /// Version, also the `ETag`.
    pub version: i64,
}

/// A new caller. Officers and operators, and only they, name a person, and await a second officer's approval.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCaller {
    /// 1 to 63 of `a-z`, `0-9`, `-`; begins with a letter or digit.
    pub id: String,
    /// What it is.
    #[serde(default = "machine")]
    pub kind: CallerKind,
    /// The organisation it acts for.
    pub organisation: String,
    /// The registered person behind an officer or operator.
    pub person: Option<String>,
    /// What it is entrusted with. Machines take `sealer` and `verifier`.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// Hexadecimal SHA-256 of the SubjectPublicKeyInfo of an officer's or operator's key: the first certificate
    /// is issued for this key and no other.
    pub key: Option<String>,
}

/// A change of a caller; what is absent stays. Further roles await a second officer's approval.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallerChange {
    /// All its roles from now on.
    pub roles: Option<Vec<Role>>,
}

/// What one officer proposed and another must approve.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Proposal {
    /// Identifier.
    pub id: String,
    /// The caller it is about.
    pub caller: String,
    /// Registration of the officer who proposed it.
    pub proposer: String,
    /// All roles the caller is to have.
    pub roles: Vec<Role>,
    /// Hexadecimal SHA-256 of the SubjectPublicKeyInfo that a new person's first certificate is issued for;
    /// compare it with what that person says before you approve. Absent where only roles are proposed.
    pub key: Option<String>,
    /// `open` or `approved`.
    pub state: String,
    /// When it was proposed, RFC 3339.
    pub created: String,
    /// Version, also the `ETag`.
    pub version: i64,
}

/// Which part of a list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// `next` of the page before.
    #[serde(default)]
    pub after: String,
    /// Most items, 1 to 200.
    #[serde(default = "fifty")]
    pub limit: u32,
}

/// One page of organisations.
#[derive(Debug, Serialize, ToSchema)]
pub struct Organisations {
    /// The organisations.
    pub items: Vec<Organisation>,
    /// What to send as `after` for the next page; absent on the last.
    pub next: Option<String>,
}

/// One page of callers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Callers {
    /// The callers.
    pub items: Vec<CallerRecord>,
    /// What to send as `after` for the next page; absent on the last.
    pub next: Option<String>,
}

/// One page of proposals.
#[derive(Debug, Serialize, ToSchema)]
pub struct Proposals {
    /// The proposals.
    pub items: Vec<Proposal>,
    /// What to send as `after` for the next page; absent on the last.
    pub next: Option<String>,
}

fn bureau() -> String {
    "bureau".to_owned()
}

fn machine() -> CallerKind {
    CallerKind::Machine
}

fn fifty() -> u32 {
    50
}
