//! What is applied for: read, checked, and kept with the application.
//!
//! An [`Order`] is what the `wanted` column holds. A person's number is taken out of it before that: it is kept as a
//! keyed hash and encrypted, and stands in the entry's side record.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::drawing::Drawing;
use super::identifiers::holder_number;
use super::kinds::{Ground, HolderKind, Level, SealKind};
use super::model::to_mm;
use super::state::Operation;
use crate::documents::model::{BadParameter, is_identifier, is_shown_text};

/// Who holds, or is to hold, a seal.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// An organisation or a person.
    pub kind: HolderKind,
    /// Credit code of the organisation (18 characters), or identity number of the person.
    #[serde(default)]
    pub number: Option<String>,
    /// Name of the holder, where it is not the seal's; of a person it becomes the common name of the certificate.
    #[serde(default)]
    pub name: Option<String>,
}

/// An application: the body of `POST /v1/seal-applications`, or its part `request`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApplication {
    /// What is applied for.
    pub operation: Operation,
    /// Identifier of the seal, chosen by the applicant when it is new: letters, digits, `-`, `_`, `.`, at most 64.
    pub seal: String,
    /// The organisation whose seal it is to be; needed for `make`, never changed.
    #[serde(default)]
    pub organisation: Option<String>,
    /// Name as it stands on the seal; needed for `make`.
    #[serde(default)]
    pub name: Option<String>,
    /// What it is for: 0 to 6, or 99; 1 (statutory name) when left out.
    #[serde(default)]
    #[schema(value_type = Option<u8>)]
    pub kind: Option<SealKind>,
    /// Level of government.
    #[serde(default)]
    pub level: Option<Level>,
    /// Who holds it; the organisation when left out.
    #[serde(default)]
    pub holder: Option<Holder>,
    /// Cryptographic suite of its key: `international` or `shangmi`; that of the configuration when left out.
    #[serde(default)]
    pub suite: Option<String>,
    /// Administrative division of the seal's code: 6 digits; that of the configuration when left out.
    #[serde(default)]
    pub division: Option<String>,
    /// Width in millimetres.
    #[serde(default)]
    pub width_mm: Option<f64>,
    /// Height in millimetres; the width when left out.
    #[serde(default)]
    pub height_mm: Option<f64>,
    /// Until when the seal is to be valid, RFC 3339; as long as its certificate when left out.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub valid_to: Option<Timestamp>,
    /// With `change`: a new key and certificate also where the name stays.
    #[serde(default)]
    pub new_certificate: bool,
    /// Whether the seal's key also signs hashes that come ready-made (CSC `signHash`): nobody here then sees what is
    /// sealed. As it was when left out, not at all for a new seal. A key that is to do otherwise is made anew.
    #[serde(default)]
    pub remote_hashes: Option<bool>,
    /// With `remake` and `cancel`: why. It becomes the reason of the certificate's revocation.
    #[serde(default)]
    pub ground: Option<Ground>,
    /// In the applicant's words; kept where it can be erased.
    #[serde(default)]
    pub reason: Option<String>,
    /// How the picture is to be drawn, when none is sent.
    #[serde(default)]
    pub draw: Option<Drawing>,
}

/// What is kept of an application: everything but personal detail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Order {
    /// Name on the seal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<SealKind>,
    /// Level of government.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// Who holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder_kind: Option<HolderKind>,
    /// Credit code of an organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder_number: Option<String>,
    /// Name of the holder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder_name: Option<String>,
    /// Cryptographic suite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// Administrative division of the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub division: Option<String>,
    /// Width in micrometres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width_um: Option<i64>,
    /// Height in micrometres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height_um: Option<i64>,
    /// Until when, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<i64>,
    /// A new key and certificate in any case.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub new_certificate: bool,
    /// Whether the key also signs hashes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_hashes: Option<bool>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ground: Option<Ground>,
}

/// A checked application.
#[derive(Debug, Clone)]
pub struct Checked {
    /// What is applied for.
    pub operation: Operation,
    /// The seal.
    pub seal: String,
    /// The organisation, where the application names it.
    pub organisation: Option<String>,
    /// What is kept.
    pub order: Order,
    /// The number of a natural person: not in the order.
    pub person_number: Option<String>,
    /// The applicant's words.
    pub reason: Option<String>,
    /// How the picture is to be drawn.
    pub draw: Option<Drawing>,
}

impl NewApplication {
    /// Checks everything that can be checked without the register.
    ///
    /// # Errors
    /// The first [`BadParameter`].
    pub fn check(self) -> Result<Checked, BadParameter> {
        let bad = |name, reason| BadParameter { name, reason };
        let organisation = self.organisation.as_ref();
        for (name, id) in [("seal", Some(&self.seal)), ("organisation", organisation)] {
            if id.is_some_and(|id| !is_identifier(id)) {
                return Err(bad(name, "write letters, digits, `-`, `_`, `.`, at most 64"));
            }
        }
        let makes = self.operation == Operation::Make;
        if makes && RESERVED.contains(&self.seal.as_str()) {
            return Err(bad("seal", "this word stands for something else in the API; choose another"));
        }
        if makes && self.organisation.is_none() {
            return Err(bad("organisation", "say whose seal it is to be"));
        }
        if !makes && self.organisation.is_some() {
            return Err(bad("organisation", "a seal keeps its organisation; leave it out"));
        }
        if makes && self.name.is_none() {
            return Err(bad("name", "say what stands on the seal"));
        }
        let holder = self.holder.as_ref();
        for (name, text) in [("name", self.name.as_ref()), ("holder", holder.and_then(|h| h.name.as_ref()))] {
            if text.is_some_and(|text| !is_shown_text(text, 64)) {
                return Err(bad(name, "write 1 to 64 visible characters"));
            }
        }
        if self.reason.as_ref().is_some_and(|text| !is_shown_text(text, 500)) {
            return Err(bad("reason", "write 1 to 500 visible characters"));
        }
        if self.suite.as_deref().is_some_and(|name| crypto::Suite::by_name(name).is_err()) {
            return Err(bad("suite", "write the name of a suite: `international` or `shangmi`"));
        }
        if self.division.as_deref().is_some_and(|digits| !is_division(digits)) {
            return Err(bad("division", "write the 6 digits of an administrative division (GB/T 2260)"));
        }
        if self.operation == Operation::Cancel && self.appearance_given() {
            return Err(bad("operation", "cancelling changes nothing else; leave the other members out"));
        }
        if matches!(self.operation, Operation::Change | Operation::Renew) && self.ground.is_some() {
            return Err(bad("ground", "say it with `remake` or `cancel` only"));
        }
        let width_um = self.width_mm.map(|mm| micrometres("width_mm", mm)).transpose()?;
        let height_um = self.height_mm.map(|mm| micrometres("height_mm", mm)).transpose()?.or(width_um);
        let (holder_kind, number, holder_name) = match self.holder {
            None => (None, None, None),
            Some(holder) => (Some(holder.kind), holder.number, holder.name),
        };
        let person = holder_kind == Some(HolderKind::Person);
        let number = match (holder_kind, number) {
            (Some(kind), Some(text)) => {
                Some(holder_number(kind, &text).map_err(|error| bad("holder", error.told()))?)
            }
            (_, number) => number,
        };
        let (organisation_number, person_number) = if person { (None, number) } else { (number, None) };
        Ok(Checked {
            operation: self.operation,
            seal: self.seal,
            organisation: self.organisation,
            order: Order {
                name: self.name,
                kind: self.kind,
                level: self.level,
                holder_kind,
                holder_number: organisation_number,
                holder_name,
                suite: self.suite,
                division: self.division,
                width_um,
                height_um,
                valid_to: self.valid_to.map(Timestamp::as_second),
                new_certificate: self.new_certificate,
                remote_hashes: self.remote_hashes,
                ground: self.ground,
            },
            person_number,
            reason: self.reason,
            draw: self.draw,
        })
    }

    fn appearance_given(&self) -> bool {
        self.name.is_some()
            || self.kind.is_some()
            || self.level.is_some()
            || self.holder.is_some()
            || self.suite.is_some()
            || self.width_mm.is_some()
            || self.height_mm.is_some()
            || self.valid_to.is_some()
            || self.draw.is_some()
            || self.new_certificate
            || self.remote_hashes.is_some()
    }
}

impl Order {
    /// Its size in millimetres, where it names one.
    #[must_use]
    pub fn size_mm(&self) -> Option<(f64, f64)> {
        let width = self.width_um?;
        Some((to_mm(width), to_mm(self.height_um.unwrap_or(width))))
    }
}

/// Whether it can be an administrative division: six digits.
#[must_use]
pub fn is_division(digits: &str) -> bool {
    digits.len() == 6 && digits.bytes().all(|octet| octet.is_ascii_digit())
}

/// Seals in use measure 15 to 60 mm; a little room on both sides.
#[expect(clippy::cast_possible_truncation, reason = "bounded by the check above it")]
fn micrometres(name: &'static str, millimetres: f64) -> Result<i64, BadParameter> {
    if !(5.0..=100.0).contains(&millimetres) {
        return Err(BadParameter { name, reason: "write millimetres from 5 to 100" });
    }
    Ok((millimetres * 1000.0).round() as i64)
}

/// Words that stand beside identifiers of seals in the API's paths.
const RESERVED: [&str; 1] = ["preview"];

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(more: Value) -> Result<Checked, BadParameter> {
        let mut all = json!({ "operation": "make", "seal": "bureau", "organisation": "bureau",
            "name": "示范市行政审批局", "width_mm": 42 });
        let members = all.as_object_mut().unwrap();
        for (name, value) in more.as_object().unwrap() {
            members.insert(name.clone(), value.clone());
        }
        members.retain(|_, value| !value.is_null());
        serde_json::from_value::<NewApplication>(all).unwrap().check()
    }

    #[test]
    fn a_round_seal_needs_one_measure() {
        let checked = check(json!({})).unwrap();
        assert_eq!(checked.order.size_mm(), Some((42.0, 42.0)));
    }

    #[test]
    fn a_persons_number_does_not_stand_in_the_order() {
        let number = "11010519491231002X";
        let person = json!({ "holder": { "kind": "person", "number": number, "name": "某某" } });
        let checked = check(person).unwrap();
        assert_eq!(checked.person_number.as_deref(), Some(number));
        assert!(!serde_json::to_string(&checked.order).unwrap().contains(number));
        let code = "91350100M000100Y43";
        let company = check(json!({ "holder": { "kind": "organisation", "number": code } })).unwrap();
        assert_eq!(company.order.holder_number.as_deref(), Some(code));
    }

    #[test]
    fn orders_are_read_as_they_were_kept() {
        let order =
            check(json!({ "kind": 6, "level": "county", "valid_to": "2027-01-01T00:00:00Z" })).unwrap().order;
        let kept = serde_json::to_string(&order).unwrap();
        assert_eq!(serde_json::from_str::<Order>(&kept).unwrap(), order);
    }

    #[test]
    fn each_impossible_member_is_named() {
        for (more, name) in [
            (json!({ "seal": "a/b" }), "seal"),
            (json!({ "seal": "preview" }), "seal"),
            (json!({ "holder": { "kind": "person", "number": "110105194912310021" } }), "holder"),
            (json!({ "holder": { "kind": "organisation", "number": "91350100M000100Y44" } }), "holder"),
            (json!({ "organisation": "" }), "organisation"),
            (json!({ "organisation": null }), "organisation"),
            (json!({ "name": null }), "name"),
            (json!({ "name": "x\u{0}" }), "name"),
            (json!({ "width_mm": 4.9 }), "width_mm"),
            (json!({ "height_mm": 101 }), "height_mm"),
            (json!({ "suite": "gost" }), "suite"),
            (json!({ "division": "3703" }), "division"),
            (json!({ "operation": "renew", "name": null }), "organisation"),
            (json!({ "operation": "renew", "organisation": null, "ground": "loss" }), "ground"),
            (json!({ "operation": "cancel", "organisation": null }), "operation"),
        ] {
            assert_eq!(check(more.clone()).unwrap_err().name, name, "{more}");
        }
    }
}
