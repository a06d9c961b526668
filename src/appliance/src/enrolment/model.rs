//! What travels about enrolment secrets.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A one-time secret to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSecret {
    /// The certificate profile that it enrols for.
    #[serde(default = "machine")]
    #[schema(default = "machine")]
    pub profile: String,
    /// How long it can be used, in hours: 1 to 168.
    #[serde(default = "day")]
    #[schema(default = 24, minimum = 1, maximum = 168)]
    pub hours: u32,
}

/// A one-time secret that was just made: the only time it is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MadeSecret {
    /// The secret: six groups of five letters and digits. HTTP Basic password; the caller's id is the user name.
    #[schema(example = "7K2MQ-…")]
    pub secret: String,
    /// What is known of it from now on.
    #[serde(flatten)]
    pub record: SecretRecord,
}

/// What is known of a one-time secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SecretRecord {
    /// Its identifier, which is no secret.
    pub id: String,
    /// The caller that it authenticates.
    pub caller: String,
    /// The certificate profile that it enrols for.
    pub profile: String,
    /// The officer who had it made.
    pub issued: String,
    /// When it was made.
    pub created: String,
    /// When it can no longer be used.
    pub expires: String,
    /// When it was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_at: Option<String>,
    /// `open`, `used` or `withdrawn`. An open one can be used until it expires.
    pub state: String,
}

/// One-time secrets of a caller, the newest last.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Secrets {
    /// The secrets.
    pub items: Vec<SecretRecord>,
}

fn machine() -> String {
    "machine".to_owned()
}

const fn day() -> u32 {
    24
}
