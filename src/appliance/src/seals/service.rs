//! Making a seal: key in custody, certificate from the seals' authority, record; one act.

use std::sync::Arc;

use custody::{Algorithm, CustodyError, Usage};
use pdf::appearance::ImageError;
use pki::Subject;
use pki::issue::Wish;
use serde_json::json;

use serde::Deserialize;
use utoipa::IntoParams;

use super::model::SealState;
use super::records;
use crate::app::{App, Unsealed};
use crate::certificates::{CertificateError, Order, Signed, Way, intend};
use crate::documents::model::{BadParameter, is_identifier, is_shown_text};
use crate::journal::{Act, CommitError, Committed, Unit};
use crate::policy::{MakeSeal, Permit};
use crate::store::Value;
use crate::store::tables::{ORGANISATIONS, SEALS};
use crate::store::{Row, StoreError};

/// Why a seal was not made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The picture is not fit for a seal.
    #[error("the picture cannot be used: {0}")]
    Picture(#[from] ImageError),
    /// The name is taken; names are never reused.
    #[error("there is a seal `{0}` already")]
    Taken(String),
    /// The organisation is not registered or not active.
    #[error("organisation `{0}` is not registered, or not active")]
    Organisation(String),
    /// The key was not made.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// The certificate was not made.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// It could not be recorded.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a seal. What is about to be made is recorded before the key is, and the certificate's intent before it is
/// signed (decision 2); what fails in between stays as an intent without its seal.
///
/// # Errors
/// [`MakeError`].
pub async fn make(
    app: &Arc<App>,
    unsealed: &Unsealed,
    permit: Permit<MakeSeal>,
    new: NewSeal,
    picture: Vec<u8>,
) -> Result<Committed, MakeError> {
    super::picture::read(&picture)?;
    if records::find(&app.db, &new.id).await?.is_some() {
        return Err(MakeError::Taken(new.id));
    }
    let organisation = app.db.row(&ORGANISATIONS, &new.organisation).await?;
    let organisation = organisation
        .filter(|row| row.value("state").as_text() == Some("active"))
        .ok_or_else(|| MakeError::Organisation(new.organisation.clone()))?;
    let key_label = format!("seal-{}", uuid::Uuid::now_v7().simple());
    let act = permit.act();
    let intent = Unit::new(Act { action: "seal.intend".into(), ..act.clone() });
    unsealed.journal.commit(intent.facts(json!({ "seal": new.id, "key": key_label }))).await?;
    unsealed.custody.generate(&key_label, Algorithm::P256, Usage::Sign)?;
    let signed = match certificate(app, unsealed, &permit, &new, &organisation, &key_label).await {
        Ok(signed) => signed,
        Err(error) => {
            unsealed.custody.destroy(&key_label)?;
            return Err(error);
        }
    };
    let fingerprint = signed.row.id().to_owned();
    let owner = &permit.caller().id;
    let unit = Unit::new(act)
        .facts(json!({ "seal": new.id, "certificate": fingerprint, "key": key_label }))
        .insert(row(&new, &picture, owner, &fingerprint, &key_label))
        .guard(&ORGANISATIONS, organisation.id(), organisation.version())
        .also(signed.unit);
    match unsealed.journal.commit(unit).await {
        Ok(committed) => Ok(committed),
        Err(error) => {
            // The key of a seal that is not on record serves nothing. When the outcome is unknown it stays.
            if !matches!(error, CommitError::OutcomeUnknown(_)) {
                unsealed.custody.destroy(&key_label)?;
            }
            Err(match error {
                CommitError::Exists { table: "seals", .. } => MakeError::Taken(new.id),
                other => other.into(),
            })
        }
    }
}

async fn certificate(
    app: &Arc<App>,
    unsealed: &Unsealed,
    permit: &Permit<MakeSeal>,
    new: &NewSeal,
    organisation: &Row,
    key_label: &str,
) -> Result<Signed, MakeError> {
    let name = organisation.value("name").as_text().unwrap_or_default();
    let subject = Subject::default().organization(name.chars().take(64).collect::<String>()).named(&new.name);
    let wish = Wish {
        subject,
        names: Vec::new(),
        public_key: unsealed.custody.signer(key_label)?.public_key().to_vec(),
        not_before: None,
        not_after: None,
    };
    let order = Order::new("seal-organisation", Way::Appliance, wish).for_organisation(organisation.id());
    let act = Act { action: "certificate.issue".into(), ..permit.act() };
    let intended = intend(app, unsealed, act, permit.caller(), &order).await?;
    Ok(intended.sign(app, unsealed).await?)
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

/// The row of a new seal.
#[must_use]
pub fn row(new: &NewSeal, picture: &[u8], owner: &str, certificate: &str, key_label: &str) -> Row {
    Row::new(
        &SEALS,
        vec![
            new.id.as_str().into(),
            1.into(),
            new.name.as_str().into(),
            new.organisation.as_str().into(),
            owner.into(),
            picture.to_vec().into(),
            new.width_um.into(),
            new.height_um.into(),
            certificate.into(),
            key_label.into(),
            SealState::Active.as_str().into(),
        ]
        .into_iter()
        .chain(std::iter::repeat_n(Value::Null, SEALS.columns.len() - 11))
        .collect(),
    )
}
