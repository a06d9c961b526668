//! The shape of a profile file; unknown keys refuse.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub version: u32,
    pub description: String,
    pub issuer: Issuer,
    pub ask: Vec<Ask>,
    #[serde(default)]
    pub approvals: u32,
    pub keys: Vec<String>,
    pub key_usage: Vec<String>,
    #[serde(default)]
    pub extended_key_usage: Vec<String>,
    #[serde(default)]
    pub extended_key_usage_critical: bool,
    pub validity: Validity,
    #[serde(default)]
    pub copy_subject: bool,
    #[serde(default)]
    pub subject: Vec<Attribute>,
    pub names: Option<Names>,
    pub authority: Option<Authority>,
    #[serde(default)]
    pub policies: Vec<Policy>,
    #[serde(default)]
    pub revocation: Revocation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Issuer {
    #[serde(rename = "self")]
    Itself,
    Root,
    Machine,
    Server,
    Seal,
    Officer,
    Named,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Ask {
    Officer,
    Holder,
    Est,
    Acme,
    Appliance,
    Ceremony,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Validity {
    pub days: u32,
    pub longest_days: Option<u32>,
    #[serde(default)]
    pub negotiable: bool,
    #[serde(default = "backdate")]
    pub backdate_seconds: u32,
}

fn backdate() -> u32 {
    300
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Attribute {
    pub attribute: String,
    pub from: From,
    pub value: Option<String>,
    #[serde(default)]
    pub required: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum From {
    Register,
    Request,
    Fixed,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Names {
    #[serde(default)]
    pub critical: bool,
    #[serde(default)]
    pub least: usize,
    #[serde(default)]
    pub wildcards: bool,
    pub dns: Option<Count>,
    pub ip: Option<Count>,
    pub email: Option<Count>,
    pub uri: Option<Count>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Count {
    #[serde(default)]
    pub least: usize,
    pub most: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Authority {
    pub path_length: Option<u32>,
    #[serde(default)]
    pub permitted: Subtrees,
    #[serde(default)]
    pub excluded: Subtrees,
}

/// Bases by kind of name: `dns = ["example.cn"]`, `ip = ["10.0.0.0/8"]`.
pub(super) type Subtrees = BTreeMap<String, Vec<String>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Policy {
    pub oid: String,
    pub cps: Option<String>,
}

#[expect(clippy::struct_excessive_bools, reason = "independent extensions, each in or out")]
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Revocation {
    pub crl: bool,
    pub ocsp: bool,
    pub ca_issuers: bool,
    pub no_rev_avail: bool,
    pub ocsp_nocheck: bool,
}
