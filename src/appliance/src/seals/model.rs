//! Seals, their versions and applications for them, as they travel.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

pub use super::kinds::{Ground, HolderKind, Level, SealKind};
pub use super::state::{ApplicationState, Operation, SealState};

/// A seal's record, the picture left out.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SealSummary {
    /// Identifier.
    pub id: String,
    /// Version of the record, also its `ETag`.
    pub version: i64,
    /// Name as it stands on the seal.
    pub name: String,
    /// The organisation whose seal it is.
    pub organisation: String,
    /// Width in millimetres.
    pub width_mm: f64,
    /// Height in millimetres.
    pub height_mm: f64,
    /// SHA-256 fingerprint of its certificate, hexadecimal.
    pub certificate: String,
    /// Whether it may be used.
    pub state: SealState,
    /// Seal code: 6 digits of the administrative division, 8 of a serial number. `null` like the members below for a
    /// seal that was made before seals had applications; renewing it fills them in.
    pub code: Option<String>,
    /// What it is for, by the platform's number.
    #[schema(value_type = Option<u8>)]
    pub kind: Option<SealKind>,
    /// Level of government.
    pub level: Option<Level>,
    /// Who holds it.
    pub holder_kind: Option<HolderKind>,
    /// The credit code of the organisation that holds it; never a person's number.
    pub holder_number: Option<String>,
    /// Cryptographic suite of its key.
    pub suite: Option<String>,
    /// How often it has been made.
    pub number: Option<i64>,
    /// Filing number of its present version.
    pub filing: Option<String>,
    /// From when it may be used, RFC 3339.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub valid_from: Option<Timestamp>,
    /// Until when, RFC 3339.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub valid_to: Option<Timestamp>,
    /// Whether rules of use bind it.
    pub governed: bool,
    /// Why it is suspended.
    pub ground: Option<Ground>,
}

impl SealSummary {
    /// The same as it is at `now` (microseconds): an active seal past its end has expired.
    #[must_use]
    pub fn at(mut self, now: i64) -> Self {
        self.state = self.state.at(self.valid_to.map(Timestamp::as_microsecond), now);
        self
    }

    /// The suite of its key; that of older seals is the international one.
    #[must_use]
    pub fn suite(&self) -> &str {
        self.suite.as_deref().unwrap_or(crypto::Suite::INTERNATIONAL.name)
    }
}

/// One making of a seal.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SealVersion {
    /// Identifier: `SEAL.NUMBER`.
    pub id: String,
    /// The seal.
    pub seal: String,
    /// From 1.
    pub number: i64,
    /// Name as it stands on the seal.
    pub name: String,
    /// Media type of the picture.
    pub picture_type: String,
    /// Width in millimetres.
    pub width_mm: f64,
    /// Height in millimetres.
    pub height_mm: f64,
    /// SHA-256 fingerprint of the certificate, hexadecimal.
    pub certificate: String,
    /// Cryptographic suite of the key.
    pub suite: String,
    /// SHA-256 of the SESeal (GB/T 38540), hexadecimal.
    pub eseal_digest: Option<String>,
    /// From when it was to be used, RFC 3339.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub valid_from: Option<Timestamp>,
    /// Until when, RFC 3339.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub valid_to: Option<Timestamp>,
    /// Filing number.
    pub filing: Option<String>,
    /// The application that it was made for.
    pub application: Option<String>,
    /// `active`, `superseded` or `cancelled`.
    pub state: String,
    /// When it was made, RFC 3339.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub made_at: Option<Timestamp>,
    /// When another took its place, or the seal was cancelled, RFC 3339.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

/// An application as it stands.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Application {
    /// Identifier.
    pub id: String,
    /// Version of the record, also its `ETag`.
    pub version: i64,
    /// What it is for.
    pub operation: Operation,
    /// The seal it is about.
    pub seal: String,
    /// The organisation whose seal that is, or will be.
    pub organisation: String,
    /// How far it is.
    pub state: ApplicationState,
    /// What was applied for; a person's number is left out.
    #[schema(value_type = Object)]
    pub wanted: super::order::Order,
    /// Who applied.
    pub applicant: String,
    /// Who approved or refused it.
    pub approver: Option<String>,
    /// Who carried it out.
    pub maker: Option<String>,
    /// Why it was refused, withdrawn or failed.
    pub reason: Option<String>,
    /// When it was made, RFC 3339.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created: Option<Timestamp>,
    /// When it was approved, refused or withdrawn, RFC 3339.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided: Option<Timestamp>,
    /// When it was carried out, RFC 3339.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub carried_out: Option<Timestamp>,
    /// The version of the seal that came of it: `SEAL.NUMBER`.
    pub made: Option<String>,
}

/// Micrometres as millimetres.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "at most 100,000")]
pub fn to_mm(micrometres: i64) -> f64 {
    micrometres as f64 / 1000.0
}
