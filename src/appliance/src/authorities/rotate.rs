//! Replacing the key of a delegated signer: OCSP responder, time-stamping unit, seal maker, signer of credentials, publisher.
//!
//! The new key is made in the custody of its place, its certificate comes from the same authority by the same way as
//! every other (intent, lint, signature, record), and the former one retires in the same unit: it signs nothing more,
//! and is destroyed when nobody can be waiting for it any longer ([`super::keeper`]).

use std::sync::Arc;

use crypto::Suite;
use custody::{Algorithm, Custody, CustodyError, KeyInfo, Usage};
use pki::Subject;
use pki::issue::Wish;
use pki::profile::Way;
use serde_json::json;

use super::error::AuthorityError;
use super::records::{self, New};
use super::register::{Generation, Standing};
use crate::app::App;
use crate::ceremony::{Key, Role};
use crate::certificates::{self, Order};
use crate::identity::Caller;
use crate::journal::{Act, CommitError, Committed, generations};
use crate::policy::{Permit, RotateKey};
use crate::problem::{Kind, Problem};
use crate::store::Row;

/// A generation that came into use.
#[derive(Debug)]
pub struct Replaced {
    /// Its row.
    pub row: Row,
    /// The act's place in the log and its receipt.
    pub committed: Committed,
}

/// Replaces the key of the signer in the permit's place, for the authority generation `issuer`, or the one in use.
///
/// # Errors
/// [`AuthorityError`]; the former key then stays in use.
pub async fn rotate(
    app: &Arc<App>,
    permit: &Permit<RotateKey>,
    issuer: Option<&str>,
) -> Result<Replaced, AuthorityError> {
    let slot = permit.resource().id().to_owned();
    let key = delegate(app, &slot)?;
    let unsealed = app.unsealed()?;
    let issuer = match issuer {
        Some(label) => label.to_owned(),
        None => authority_in_use(app, key)?,
    };
    let register = app.register_of_authorities();
    let id = register.next(&slot);
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let info = make_key(&unsealed.custody, key, &id).await?;
    // Each authority has a responder of its own (RFC 6960 §4.2.2.2); of other signers one serves for all.
    let served = |one: &Generation| key.role != Role::Ocsp || one.issuer.as_deref() == Some(issuer.as_str());
    let former = register.newest(key.role, |one| one.slot == slot && served(one)).cloned();
    let wish = wish(app, key, &info, now)?;
    let order = Order::new(profile_of(key.role), Way::Appliance, wish)
        .from_authority(&issuer)
        .replacing(former.as_ref().and_then(fingerprint));
    let act = permit.act();
    let signed = signed(app, &unsealed, act, permit.caller(), &order).await?;
    let certificate = signed.row.id().to_owned();
    let row = records::row(New {
        id: &id,
        slot: &slot,
        role: key.role,
        key_label: &id,
        certificate: Some(&certificate),
        request: None,
        crosses: None,
        standing: Standing::Active,
        proposer: None,
        created: now,
    });
    let mut unit = signed.unit.insert(row.clone()).bump(generations::AUTHORITIES);
    if let Some(former) = &former {
        unit = unit.update(standing(former, Standing::Retiring, now));
    }
    let committed = unsealed.journal.commit(unit).await?;
    app.read_authorities().await?;
    crate::status::seat(app).await;
    tracing::info!(slot, id, issuer, "a signer's key was replaced");
    Ok(Replaced { row, committed })
}

/// Intent, signature: what remains is the unit.
pub(super) async fn signed(
    app: &App,
    unsealed: &crate::app::Unsealed,
    act: Act,
    requester: &Caller,
    order: &Order<'_>,
) -> Result<certificates::Signed, AuthorityError> {
    let intended = certificates::intend(app, unsealed, act, requester, order).await?;
    Ok(intended.sign(app, unsealed).await?)
}

/// A key for signing in the suite of its place, made in that place's custody. One that an attempt which broke off left
/// behind was never used, and is.
pub(super) async fn make_key(
    custody: &Arc<dyn Custody>,
    place: &Key,
    label: &str,
) -> Result<KeyInfo, AuthorityError> {
    let (custody, label) = (custody.clone(), label.to_owned());
    let algorithm = Algorithm::of_suite(place.suite.unwrap_or(&Suite::INTERNATIONAL));
    let make = move || match custody.generate(&label, algorithm, Usage::Sign) {
        Err(CustodyError::Exists { .. }) => custody.key(&label),
        answer => answer,
    };
    let made = tokio::task::spawn_blocking(make).await.map_err(Problem::internal)?;
    Ok(made?)
}

/// What the hierarchy says of a key's certificate, for this public key.
pub(super) fn wish(app: &App, key: &Key, info: &KeyInfo, now: i64) -> Result<Wish, AuthorityError> {
    let organisation = &app.config.appliance.organisation;
    let name = key.name.replace("{organisation}", organisation);
    let registered = Subject::default().organization(organisation.as_str()).named(name);
    let profiles = app.profiles();
    let profile = profiles.get(profile_of(key.role));
    let profile = profile.ok_or_else(|| {
        let name = profile_of(key.role);
        let detail = format!("There is no certificate profile `{name}`: add `{name}.toml` to the profiles.");
        Problem::new(Kind::NotReady, detail)
    })?;
    let seconds = now.div_euclid(1_000_000);
    Ok(Wish {
        subject: profile.subject_from(&registered, None),
        names: key.role.names(&app.config.appliance.public_url),
        public_key: info.public_key.clone().unwrap_or_default(),
        not_before: None,
        not_after: Some(seconds + i64::from(key.days) * 86_400 - 1),
    })
}

/// The former row in its new standing.
pub(super) fn standing(former: &Generation, to: Standing, now: i64) -> Row {
    former.row.clone().next_version().with("state", to.as_str()).with("changed", now)
}

pub(super) fn fingerprint(generation: &Generation) -> Option<String> {
    generation.row.value("certificate").as_text().map(ToOwned::to_owned)
}

/// The profile of certificates for keys with a role.
pub(super) const fn profile_of(role: Role) -> &'static str {
    match role {
        Role::RootCa => "root",
        Role::IssuingCa => "issuing-ca",
        Role::Ocsp => "ocsp",
        Role::TimeStamp => "time-stamp",
        Role::SealMaker => "seal-maker",
        Role::CredentialSigner => "credential-signer",
        Role::Publisher => "publisher",
        Role::LogCheckpoint | Role::Data => "",
    }
}

fn delegate<'a>(app: &'a App, slot: &str) -> Result<&'a Key, AuthorityError> {
    let key = app.hierarchy.key(slot);
    let key = key.ok_or_else(|| Problem::new(Kind::NotFound, "The key hierarchy has no such place."))?;
    if key.role.is_delegate() {
        return Ok(key);
    }
    let detail = match key.role {
        Role::RootCa | Role::IssuingCa => {
            "That is an authority: it is replaced with `cinnabar authority rollover`, by two officers."
        }
        _ => {
            "Only the keys of OCSP responders, time-stamping units, seal makers, signers of credentials and publishers \
              are rotated by command."
        }
    };
    Err(Problem::new(Kind::InvalidParameter, detail).into())
}

fn authority_in_use(app: &App, key: &Key) -> Result<String, AuthorityError> {
    let slot = key.issuer.as_deref().unwrap_or_default();
    let current = app.register_of_authorities().current(slot).map(|one| one.id.clone());
    let label = current.unwrap_or_else(|| slot.to_owned());
    app.authority(&label)?;
    Ok(label)
}

/// What entries of replacements say.
pub(super) fn facts(id: &str, certificate: &str, issuer: &str) -> serde_json::Value {
    json!({ "generation": id, "certificate": certificate, "issuer": issuer })
}
