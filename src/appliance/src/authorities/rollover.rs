//! Replacing an authority: a new key and certificate in its place, with an overlap and cross-certificates.
//!
//! Two persons: one proposes (the key is made, and a request for its certificate), another approves (the root signs) or,
//! where the root's key is elsewhere, imports the certificate that was made there. From then on the new generation
//! issues; the former one goes on answering for what it issued until the last of that has ended. The new generation
//! keeps the name and changes the key (RFC 4210 §4.4), so that the two cross-certificates, old key certified by the new
//! one and the reverse, are self-issued and lengthen no path (RFC 5280 §6.1.4 (l)); labels and addresses differ.

use std::sync::Arc;

use pki::Certificate;
use pki::Subject;
use pki::issue::Wish;
use pki::profile::Way;
use pki::request::CertificationRequest;
use serde_json::json;

use super::error::AuthorityError;
use super::judge::judged;
use super::records::{self, New};
use super::register::{Generation, Standing};
use super::rotate::{Replaced, facts, make_key, signed, standing};
use crate::app::{App, Unsealed};
use crate::ceremony::{CustodyKind, Key, Role};
use crate::certificates::{self, Order};
use crate::identity::Caller;
use crate::journal::{Act, CommitError, Committed, Unit, generations};
use crate::policy::{ApproveAuthority, ImportAuthority, Permit, ProposeAuthority};
use crate::problem::{Kind, Problem};
use crate::store::Row;

/// A proposed generation.
#[derive(Debug)]
pub struct Proposed {
    /// Its row.
    pub row: Row,
    /// The act's place in the log and its receipt.
    pub committed: Committed,
}

/// Proposes a new generation of the permit's place: makes its key and the request for its certificate.
///
/// # Errors
/// [`AuthorityError`].
pub async fn propose(app: &Arc<App>, permit: &Permit<ProposeAuthority>) -> Result<Proposed, AuthorityError> {
    let slot = permit.resource().id().to_owned();
    let key = replaceable(app, &slot)?;
    let unsealed = app.unsealed()?;
    let register = app.register_of_authorities();
    if let Some(open) = register.of_slot(&slot).find(|one| one.standing == Standing::Pending) {
        let detail =
            format!("`{}` is proposed already: have it approved, or its certificate imported.", open.id);
        return Err(Problem::new(Kind::Conflict, detail).into());
    }
    let former = in_use(app, &slot)?;
    let caller = permit.caller();
    let person = caller.person.clone().filter(|person| !person.is_empty());
    let person = person.ok_or_else(|| Problem::new(Kind::Forbidden, "Only a registered person proposes."))?;
    let id = register.next(&slot);
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    make_key(&unsealed.custody, key, &id).await?;
    let request = request_for(&unsealed, &id, &subject_of(&former)).await?;
    let row = records::row(New {
        id: &id,
        slot: &slot,
        role: key.role,
        key_label: &id,
        certificate: None,
        request: Some(request.der().to_vec()),
        crosses: None,
        standing: Standing::Pending,
        proposer: Some((&caller.id, &person)),
        created: now,
    });
    let unit = Unit::new(permit.act())
        .facts(json!({ "generation": id, "request": certificates::digest(request.der()) }))
        .insert(row.clone())
        .bump(generations::AUTHORITIES);
    let committed = unsealed.journal.commit(unit).await?;
    app.read_authorities().await?;
    Ok(Proposed { row, committed })
}

/// Has the root of this appliance sign what another person proposed, and puts it in use.
///
/// # Errors
/// [`AuthorityError`].
pub async fn approve(
    app: &Arc<App>,
    permit: &Permit<ApproveAuthority>,
    pending: &Generation,
) -> Result<Replaced, AuthorityError> {
    let unsealed = app.unsealed()?;
    let key = replaceable(app, &pending.slot)?;
    other_person(permit.caller(), pending)?;
    let request = request_of(pending)?;
    let issuer = key.issuer.as_deref().unwrap_or_default();
    if app.hierarchy.key(issuer).is_some_and(|root| root.custody == CustodyKind::Offline) {
        let detail =
            "The root's key is elsewhere: have the request signed there, and import the certificate.";
        return Err(Problem::new(Kind::Conflict, detail).into());
    }
    let issuer =
        app.register_of_authorities().current(issuer).map_or(issuer.to_owned(), |one| one.id.clone());
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let wish = Wish {
        subject: subject(request.subject()),
        names: Vec::new(),
        public_key: request.spki().to_vec(),
        not_before: None,
        not_after: Some(now.div_euclid(1_000_000) + i64::from(key.days) * 86_400 - 1),
    };
    let order = Order::new("issuing-ca", Way::Appliance, wish).from_authority(&issuer);
    let signed = signed(app, &unsealed, permit.act(), permit.caller(), &order).await?;
    let part = Part { row: signed.row, certificate: signed.certificate, unit: signed.unit };
    put_in_use(app, &unsealed, permit.act(), permit.caller(), pending, part, now).await
}

/// Takes the certificate that a root elsewhere made for what another person proposed, and puts it in use.
///
/// # Errors
/// [`AuthorityError`]; a certificate for another key, by another root or against the profile is refused, with what
/// is wrong with it.
pub async fn import(
    app: &Arc<App>,
    permit: &Permit<ImportAuthority>,
    pending: &Generation,
    pem: &[u8],
) -> Result<Replaced, AuthorityError> {
    let unsealed = app.unsealed()?;
    let key = replaceable(app, &pending.slot)?;
    if pending.row.value("person").as_text().is_some() {
        other_person(permit.caller(), pending)?;
    }
    let request = request_of(pending)?;
    let issuer = key.issuer.as_deref().unwrap_or_default();
    let root = app.authority(issuer)?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let profiles = app.profiles();
    let profile = profiles.get("issuing-ca").ok_or_else(|| Problem::internal("no profile `issuing-ca`"))?;
    let certificate = judged(profile, pem, &request, &root.certificate, now.div_euclid(1_000_000))
        .map_err(|wrong| Problem::new(Kind::CertificateUnusable, format!("{wrong}.")))?;
    let about = certificates::records::About {
        issuer: &root.label,
        profile: "issuing-ca",
        requester: Some(&permit.caller().id),
        ..certificates::records::About::default()
    };
    let (row, names) = certificates::records::with_names(&certificate, about);
    let unit = Unit::new(permit.act()).facts(facts(&pending.id, row.id(), &root.label)).insert(row.clone());
    let unit = names.into_iter().fold(unit, Unit::cache_insert);
    let part = Part { row, certificate, unit };
    put_in_use(app, &unsealed, permit.act(), permit.caller(), pending, part, now).await
}

/// A certificate with the unit that enters it.
struct Part {
    row: Row,
    certificate: Certificate,
    unit: Unit,
}

async fn put_in_use(
    app: &Arc<App>,
    unsealed: &Unsealed,
    act: Act,
    caller: &Caller,
    pending: &Generation,
    part: Part,
    now: i64,
) -> Result<Replaced, AuthorityError> {
    let Part { row: issued, certificate, unit } = part;
    let former = app.register_of_authorities().current(&pending.slot).cloned();
    let row = standing(pending, Standing::Active, now).with("certificate", issued.id());
    let mut unit = unit.update(row.clone()).bump(generations::AUTHORITIES).bump(generations::CERTIFICATES);
    if let Some(former) = &former {
        unit = unit.update(standing(former, Standing::Retiring, now));
    }
    let committed = unsealed.journal.commit(unit).await?;
    app.read_authorities().await?;
    write(app, &pending.id, &certificate);
    // In use from here on. What follows makes it more useful, and is told when it fails.
    if let Some(former) = former.filter(|former| former.certificate.is_some()) {
        for (subject, by) in [(&pending.id, &former.id), (&former.id, &pending.id)] {
            if let Err(error) = cross(app, unsealed, act.clone(), caller, subject, by).await {
                tracing::error!(%error, subject, by, "no cross-certificate");
            }
        }
    }
    if let Err(error) = super::keeper::keep(app).await {
        tracing::error!(%error, "the new authority's responder comes later");
    }
    crate::status::seat(app).await;
    crate::status::renew_now(app).await;
    Ok(Replaced { row, committed })
}

/// Certifies the key of one generation by another of the same name.
async fn cross(
    app: &Arc<App>,
    unsealed: &Unsealed,
    act: Act,
    caller: &Caller,
    subject: &str,
    by: &str,
) -> Result<(), AuthorityError> {
    let (of, issuer) = (app.authority(subject)?, app.authority(by)?);
    let wish = Wish {
        subject: Subject::copied(of.certificate.subject().clone()),
        names: Vec::new(),
        public_key: of.certificate.spki().to_vec(),
        not_before: None,
        not_after: Some(of.certificate.not_after().min(issuer.certificate.not_after())),
    };
    let act = Act { action: "authority.cross".to_owned(), ..act };
    let order = Order::new("cross-ca", Way::Appliance, wish).from_authority(by);
    let signed = signed(app, unsealed, act, caller, &order).await?;
    let id = format!("{subject}-by-{by}");
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let row = records::row(New {
        id: &id,
        slot: &app.slot_of(subject),
        role: Role::IssuingCa,
        key_label: subject,
        certificate: Some(signed.row.id()),
        request: None,
        crosses: Some(by),
        standing: Standing::Active,
        proposer: None,
        created: now,
    });
    let unit = signed.unit.insert(row).bump(generations::AUTHORITIES);
    unsealed.journal.commit(unit).await?;
    app.read_authorities().await?;
    write(app, &id, &signed.certificate);
    Ok(())
}

/// A certificate file for operators beside the others; what the service works with is the table.
fn write(app: &App, label: &str, certificate: &Certificate) {
    let path = app.config.appliance.certificates.join(format!("{label}.pem"));
    if let Err(error) = std::fs::write(&path, certificate.to_pem()) {
        tracing::warn!(%error, path = %path.display(), "the certificate was not written beside the others");
    }
}

async fn request_for(
    unsealed: &Unsealed,
    label: &str,
    subject: &Subject,
) -> Result<CertificationRequest, AuthorityError> {
    let (custody, label, subject) = (unsealed.custody.clone(), label.to_owned(), subject.clone());
    let make = move || {
        let signer = custody.signer(&label)?;
        let der = CertificationRequest::make(signer.as_ref(), &subject, &[]).map_err(Problem::from)?;
        let request = CertificationRequest::from_der(&der).map_err(Problem::internal)?;
        Ok::<_, AuthorityError>(request)
    };
    tokio::task::spawn_blocking(make).await.map_err(Problem::internal)?
}

/// The request of a pending generation.
///
/// # Errors
/// A problem when it is not pending.
pub fn request_of(pending: &Generation) -> Result<CertificationRequest, Problem> {
    let der = pending.row.value("request").as_bytes();
    match der {
        Some(der) if pending.standing == Standing::Pending => {
            CertificationRequest::from_der(der).map_err(Problem::internal)
        }
        _ => Err(Problem::new(Kind::Conflict, "It awaits no certificate.")),
    }
}

/// Four eyes compare registered persons.
fn other_person(caller: &Caller, pending: &Generation) -> Result<(), Problem> {
    let proposer = pending.row.value("person").as_text().unwrap_or_default();
    if caller.person.as_deref().is_none_or(|person| person.is_empty() || person == proposer) {
        return Err(Problem::new(Kind::Forbidden, "Another person than the proposer must carry it out."));
    }
    Ok(())
}

fn replaceable<'a>(app: &'a App, slot: &str) -> Result<&'a Key, Problem> {
    let key = app.hierarchy.key(slot);
    let key = key.ok_or_else(|| Problem::new(Kind::NotFound, "The key hierarchy has no such place."))?;
    match key.role {
        Role::IssuingCa => Ok(key),
        Role::RootCa => Err(Problem::new(
            Kind::InvalidParameter,
            "A root is trusted by its key: another root is another hierarchy, begun with `cinnabar init`.",
        )),
        _ => Err(Problem::new(Kind::InvalidParameter, "That is no authority: use `cinnabar key rotate`.")),
    }
}

fn in_use(app: &App, slot: &str) -> Result<Certificate, AuthorityError> {
    let current = app.register_of_authorities().current(slot).map_or(slot.to_owned(), |one| one.id.clone());
    Ok(app.authority(&current)?.certificate)
}

fn subject_of(certificate: &Certificate) -> Subject {
    subject(certificate.subject())
}

fn subject(name: &pki::Name) -> Subject {
    name.attributes().into_iter().fold(Subject::default(), |all, (kind, value)| all.with(kind, value))
}

/// The person that a permit must not be for.
#[must_use]
pub fn proposer_of(pending: Option<&Generation>) -> String {
    let person = pending.and_then(|one| one.row.value("person").as_text());
    person.unwrap_or_default().to_owned()
}
