//! Making a seal: key in custody, certificate from the seals' authority, record; one act.

use std::sync::Arc;

use custody::{Algorithm, CustodyError, Usage};
use pdf::appearance::ImageError;
use pki::Subject;
use pki::issue::Wish;
use serde_json::json;

use super::model::NewSeal;
use super::records;
use crate::app::{App, Unsealed};
use crate::certificates::{CertificateError, Order, Signed, Way, intend};
use crate::journal::{Act, CommitError, Committed, Unit};
use crate::policy::{MakeSeal, Permit};
use crate::store::tables::ORGANISATIONS;
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
        .insert(records::row(&new, &picture, owner, &fingerprint, &key_label))
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
