//! Seals as the rest of the appliance sees them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::documents::model::{BadParameter, is_identifier, is_shown_text};

/// Whether a seal may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SealState {
    /// 正常: may be used.
    Active,
    /// 停用: may not be used until it is resumed.
    Suspended,
    /// 注销: never again.
    Cancelled,
}

impl SealState {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Active, Self::Suspended, Self::Cancelled].into_iter().find(|s| s.as_str() == word)
    }
}

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
}

/// Parameters of `POST /v1/seals`; the body is the picture.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct NewSealQuery {
    /// Identifier: letters, digits, `-`, `_`, `.`, at most 64.
    pub id: String,
    /// Name as it stands on the seal; becomes the common name of its certificate.
    pub name: String,
    /// The organisation whose seal it is.
    pub organisation: String,
    /// Width in millimetres.
    pub width_mm: f64,
    /// Height in millimetres; the width when left out.
    pub height_mm: Option<f64>,
}

/// A checked request for a new seal. Sizes in micrometres.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSeal {
    /// Identifier.
    pub id: String,
    /// Name.
    pub name: String,
    /// Organisation.
    pub organisation: String,
    /// Width in micrometres.
    pub width_um: i64,
    /// Height in micrometres.
    pub height_um: i64,
}

impl NewSealQuery {
    /// Checks the parameters.
    ///
    /// # Errors
    /// The first [`BadParameter`].
    pub fn check(self) -> Result<NewSeal, BadParameter> {
        for (name, id) in [("id", &self.id), ("organisation", &self.organisation)] {
            if !is_identifier(id) {
                return Err(BadParameter {
                    name,
                    reason: "write letters, digits, `-`, `_`, `.`, at most 64",
                });
            }
        }
        if !is_shown_text(&self.name, 64) {
            return Err(BadParameter { name: "name", reason: "write 1 to 64 visible characters" });
        }
        let width_um = micrometres("width_mm", self.width_mm)?;
        let height_um = micrometres("height_mm", self.height_mm.unwrap_or(self.width_mm))?;
        Ok(NewSeal { id: self.id, name: self.name, organisation: self.organisation, width_um, height_um })
    }
}

/// Seals in use measure 15 to 60 mm; a little room on both sides.
#[expect(clippy::cast_possible_truncation, reason = "bounded by the check above it")]
fn micrometres(name: &'static str, millimetres: f64) -> Result<i64, BadParameter> {
    if !(5.0..=100.0).contains(&millimetres) {
        return Err(BadParameter { name, reason: "write millimetres from 5 to 100" });
    }
    Ok((millimetres * 1000.0).round() as i64)
}

/// Micrometres as millimetres.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "at most 100,000")]
pub fn to_mm(micrometres: i64) -> f64 {
    micrometres as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query() -> NewSealQuery {
        NewSealQuery {
            id: "bureau".into(),
            name: "示范市行政审批局".into(),
            organisation: "bureau".into(),
            width_mm: 42.0,
            height_mm: None,
        }
    }

    #[test]
    fn a_round_seal_needs_one_measure() {
        let seal = query().check().unwrap();
        assert_eq!((seal.width_um, seal.height_um), (42_000, 42_000));
    }

    #[test]
    fn each_impossible_parameter_is_named() {
        for (query, name) in [
            (NewSealQuery { id: "a/b".into(), ..query() }, "id"),
            (NewSealQuery { organisation: String::new(), ..query() }, "organisation"),
            (NewSealQuery { name: "x\u{0}".into(), ..query() }, "name"),
            (NewSealQuery { width_mm: f64::NAN, ..query() }, "width_mm"),
            (NewSealQuery { height_mm: Some(4.9), ..query() }, "height_mm"),
        ] {
            assert_eq!(query.check().unwrap_err().name, name);
        }
    }
}
