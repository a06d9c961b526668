//! What travels: bindings.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::acme::records::text;
use crate::callers::records::time;
use crate::store::Row;

/// A binding.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Binding {
    /// The key identifier that clients name (`--eab-kid`, `--kid`).
    pub id: String,
    /// The machine in whose name its account orders.
    pub caller: String,
    /// That machine's organisation.
    pub organisation: String,
    /// Profile of the certificates.
    pub profile: String,
    /// What may be ordered: `host.example`, `.example` for all names below, `10.0.0.0/8`.
    pub names: Vec<String>,
    /// When it was given out, RFC 3339.
    pub created: String,
    /// Until when an account can be made with it, RFC 3339.
    pub expires: Option<String>,
    /// `open`, `used` (it has its account) or `withdrawn`.
    pub state: String,
    /// Version, also the `ETag`.
    pub version: i64,
}

/// A binding just given out; the key is shown this once.
#[derive(Serialize, ToSchema)]
pub struct NewBinding {
    /// The binding.
    #[serde(flatten)]
    pub binding: Binding,
    /// The HMAC key, base64url (`--eab-hmac-key`, `--hmac`).
    pub key: String,
    /// The directory that clients are pointed at.
    pub directory: String,
}

/// What a binding is to be for.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BindingWish {
    /// The registered machine in whose name its account orders.
    pub caller: String,
    /// What may be ordered: `host.example`, `.example` for all names below, `10.0.0.0/8`. 1 to 100.
    pub names: Vec<String>,
    /// Profile of the certificates; that of the configuration when absent.
    pub profile: Option<String>,
    /// For how many days an account can be made with it, 1 to 365; 7 when absent.
    pub days: Option<u32>,
}

/// Which part of a list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BindingPage {
    /// `next` of the page before.
    #[serde(default)]
    pub after: String,
    /// Most items, 1 to 200.
    #[serde(default = "fifty")]
    pub limit: u32,
}

/// One page of bindings.
#[derive(Debug, Serialize, ToSchema)]
pub struct Bindings {
    /// The bindings.
    pub items: Vec<Binding>,
    /// What to send as `after` for the next page; absent on the last.
    pub next: Option<String>,
}

impl From<&Row> for Binding {
    fn from(row: &Row) -> Self {
        Self {
            id: row.id().to_owned(),
            caller: text(row, "caller").to_owned(),
            organisation: text(row, "organisation").to_owned(),
            profile: text(row, "profile").to_owned(),
            names: serde_json::from_str(text(row, "names")).unwrap_or_default(),
            created: time(row, "created").unwrap_or_default(),
            expires: time(row, "expires"),
            state: text(row, "state").to_owned(),
            version: row.version(),
        }
    }
}

fn fifty() -> u32 {
    50
}
