//! Making a seal: key in custody, certificate from the seals' authority, record; one act.

use std::sync::Arc;

use crypto::Signer;
use custody::{Algorithm, Custody, CustodyError, Usage};
use pdf::appearance::{ImageError, ImageLimits, SealImage};
use pki::Certificate;
use ring::rand::SystemRandom;
use serde_json::json;

use super::model::NewSeal;
use super::records;
use crate::app::Authority;
use crate::ceremony::{self, CertifyError, Terms, Wanted, certificate_row, certify};
use crate::journal::{CommitError, Committed, Journal, Unit};
use crate::policy::{MakeSeal, Permit};
use crate::store::{Db, StoreError};

/// What making a seal works with.
#[derive(Clone, Copy)]
pub struct Workshop<'a> {
    /// Reading.
    pub db: &'a Db,
    /// Recording.
    pub journal: &'a Journal,
    /// Keys.
    pub custody: &'a Arc<dyn Custody>,
    /// The seals' authority.
    pub authority: &'a Authority,
    /// Base of CRL addresses.
    pub public_url: &'a str,
}

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
    Certify(#[from] CertifyError),
    /// It could not be recorded.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a seal. The intent is recorded before anything is signed, so that a certificate is never signed
/// that nobody knows of (decision 2); what fails in between stays as an intent without its seal.
///
/// # Errors
/// [`MakeError`].
pub async fn make(
    shop: Workshop<'_>,
    permit: Permit<MakeSeal>,
    new: NewSeal,
    picture: Vec<u8>,
) -> Result<Committed, MakeError> {
    SealImage::from_png(&picture, &ImageLimits::default())?;
    if records::find(shop.db, &new.id).await?.is_some() {
        return Err(MakeError::Taken(new.id));
    }
    let organisation = shop.db.row(&crate::store::tables::ORGANISATIONS, &new.organisation).await?;
    let organisation = organisation
        .filter(|row| row.value("state").as_text() == Some("active"))
        .ok_or_else(|| MakeError::Organisation(new.organisation.clone()))?;
    let time = shop.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let key_label = format!("seal-{}", uuid::Uuid::now_v7().simple());
    let owner = permit.caller().id.clone();
    let act = permit.act();
    let mut intent = act.clone();
    intent.action = "seal.intend".into();
    let intent = Unit::new(intent).facts(json!({ "seal": new.id, "key": key_label }));
    shop.journal.commit(intent).await?;
    shop.custody.generate(&key_label, Algorithm::P256, Usage::Sign)?;
    let certificate = match certificate(shop, &new, &organisation, &key_label, time.div_euclid(1_000_000)) {
        Ok(certificate) => certificate,
        Err(error) => {
            shop.custody.destroy(&key_label)?;
            return Err(error);
        }
    };
    let fingerprint = hex::encode(certificate.sha256_fingerprint());
    let issued = certificate_row(&certificate, &shop.authority.label, "seal-organisation", None);
    let unit = Unit::new(act)
        .facts(json!({ "seal": new.id, "certificate": fingerprint, "key": key_label }))
        .insert(issued)
        .insert(records::row(&new, &picture, &owner, &fingerprint, &key_label))
        .guard(&crate::store::tables::ORGANISATIONS, organisation.id(), organisation.version());
    match shop.journal.commit(unit).await {
        Ok(committed) => Ok(committed),
        Err(error) => {
            // The key of a seal that is not on record serves nothing. When the outcome is unknown it stays.
            if !matches!(error, CommitError::OutcomeUnknown(_)) {
                shop.custody.destroy(&key_label)?;
            }
            Err(match error {
                CommitError::Exists { table: "seals", .. } => MakeError::Taken(new.id),
                other => other.into(),
            })
        }
    }
}

fn certificate(
    shop: Workshop<'_>,
    new: &NewSeal,
    organisation: &crate::store::Row,
    key_label: &str,
    now: i64,
) -> Result<Certificate, MakeError> {
    let own = shop.custody.signer(key_label)?;
    let signer = shop.custody.signer(&shop.authority.label)?;
    let wanted = Wanted {
        profile: "seal-organisation",
        name: new.name.clone(),
        alternative_names: Vec::new(),
        days: None,
    };
    let authority = ceremony::Authority {
        label: &shop.authority.label,
        certificate: &shop.authority.certificate,
        signer: signer.as_ref(),
    };
    let name = organisation.value("name").as_text().unwrap_or_default();
    let terms =
        Terms { organisation: name.chars().take(64).collect(), public_url: shop.public_url.to_owned(), now };
    let own: &dyn Signer = own.as_ref();
    Ok(certify(&wanted, own.public_key(), Some(authority), own, &terms, &SystemRandom::new())?)
}
