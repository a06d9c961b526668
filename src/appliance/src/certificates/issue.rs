//! Issuing: intend → sign → record, in that order by the types.
//!
//! [`intend`] applies the profile, lints the result and enters what is about to be signed; only an [`Intended`] can be
//! signed; what comes of it is a unit that enters the certificate and takes the intent away, which the outermost caller
//! commits, alone or with the rest of its act (decisions 1 and 2). A process that ends in between leaves an intent, which
//! the keeper enters as abandoned.

use std::sync::Arc;

use crypto::{SignatureScheme, Suite};
use pki::Certificate;
use pki::issue::{IssueError, IssuerRef, Linted, Places, prepare, serial_from_random};
use pki::profile::{IssuedBy, Profile, Way};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::json;

use super::error::CertificateError;
use super::holder::Holder;
use super::order::{Order, way_name};
use super::records::{self, About, NewIntent};
use crate::app::{App, Authority, Unsealed};
use crate::ceremony::{CustodyKind, Kind};
use crate::identity::{Caller, CallerKind};
use crate::journal::{Act, CommitError, Committed, JournalError, Unit};
use crate::store::Row;
use crate::store::tables::INTENTS;

/// A certificate that passed every lint and whose intent is on record.
#[derive(Debug)]
pub struct Intended {
    linted: Linted,
    authority: Authority,
    act: Act,
    intent: Row,
    requester: Option<String>,
    replaces: Option<String>,
    shard: u32,
    way: Way,
}

/// A signed certificate that is not on record yet: it may leave only after its unit is committed.
#[derive(Debug)]
pub struct Signed {
    /// The certificate.
    pub certificate: Certificate,
    /// Its row, as the unit inserts it.
    pub row: Row,
    /// Enters the certificate and its names and takes the intent away; to be joined with the rest of the act.
    pub unit: Unit,
}

/// A certificate on record.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate.
    pub certificate: Certificate,
    /// The authorities above it, the issuer first, the root left out.
    pub chain: Vec<Certificate>,
    /// Its row.
    pub row: Row,
    /// The act's place in the log and its receipt.
    pub committed: Committed,
}

/// Issues one certificate: intent, signature and record. `with` adds to the unit that records it what else belongs to
/// the act: a one-time secret used up, an answer kept for a replay. Profiles that need approvals go through
/// [`ask`](super::ask).
///
/// # Errors
/// [`CertificateError`]; then no certificate has left, and what was intended is entered as abandoned later.
pub async fn issue(
    app: &Arc<App>,
    act: Act,
    requester: &Caller,
    order: Order<'_>,
    with: impl FnOnce(&Row, Unit) -> Result<Unit, CertificateError>,
) -> Result<Issued, CertificateError> {
    let unsealed = app.unsealed().map_err(|_| CertificateError::Sealed)?;
    let intended = intend(app, &unsealed, act, requester, &order).await?;
    let label = intended.authority.label.clone();
    let signed = intended.sign(app, &unsealed).await?;
    record(app, &unsealed, signed, &label, |row, unit| with(row, guarded(unit, &order))).await
}

/// Enters a signed certificate and lets it go.
pub(super) async fn record(
    app: &App,
    unsealed: &Unsealed,
    signed: Signed,
    issuer: &str,
    with: impl FnOnce(&Row, Unit) -> Result<Unit, CertificateError>,
) -> Result<Issued, CertificateError> {
    let Signed { certificate, row, unit } = signed;
    let chain = chain_of(app, issuer)?;
    let committed = unsealed.journal.commit(with(&row, unit)?).await?;
    Ok(Issued { certificate, chain, row, committed })
}

/// What the order was decided on is as it was.
pub(super) fn guarded(unit: Unit, order: &Order<'_>) -> Unit {
    match order.holder {
        Some(holder) => holder.guard(unit),
        None => unit,
    }
}

/// A certificate that is on record, with the receipt of the newest entry about it.
///
/// # Errors
/// [`CertificateError`].
pub async fn on_record(app: &App, row: Row) -> Result<Issued, CertificateError> {
    let unsealed = app.unsealed().map_err(|_| CertificateError::Sealed)?;
    let der = row.value("der").as_bytes().unwrap_or_default();
    let certificate = Certificate::from_der(der).map_err(IssueError::from)?;
    let issuer = row.value("issuer").as_text().unwrap_or_default();
    let chain = chain_of(app, issuer)?;
    let leaf = row.value("leaf").as_int().and_then(|leaf| u64::try_from(leaf).ok());
    let leaf = leaf.ok_or_else(|| JournalError::NotFound("leaf of that certificate".to_owned()))?;
    let receipt = unsealed.journal.receipt(leaf).await?;
    let time = row.value("changed").as_int().unwrap_or_default();
    Ok(Issued { certificate, chain, row, committed: Committed { leaf, receipt, time } })
}

/// Applies the profile, lints, and enters the intent. `act` heads the entries of intent and certificate.
///
/// # Errors
/// [`CertificateError`]; nothing was signed.
pub async fn intend(
    app: &App,
    unsealed: &Unsealed,
    act: Act,
    requester: &Caller,
    order: &Order<'_>,
) -> Result<Intended, CertificateError> {
    // The appliance itself is not in the register.
    let requester = (requester.kind != CallerKind::System).then_some(requester.id.as_str());
    let (intended, unit) = plan(app, unsealed, act, requester, order).await?;
    unsealed.journal.commit(unit).await?;
    Ok(intended)
}

/// As [`intend`], the unit of the intent left to the caller, who must commit it before anything is signed.
pub(super) async fn plan(
    app: &App,
    unsealed: &Unsealed,
    act: Act,
    requester: Option<&str>,
    order: &Order<'_>,
) -> Result<(Intended, Unit), CertificateError> {
    let profiles = app.profiles();
    let profile =
        profiles.get(order.profile).ok_or_else(|| CertificateError::Profile(order.profile.to_owned()))?;
    allowed(profile, order)?;
    let authority = authority(app, profile, order)?;
    let scheme = scheme(app, unsealed, &authority.label).await?;
    let time = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let mut serial = [0; 20];
    SystemRandom::new().fill(&mut serial).map_err(|_| CertificateError::Random)?;
    let serial = serial_from_random(serial);
    let shard = shard(app, &serial);
    let linted = prepare(
        profile,
        &order.wish,
        IssuerRef::Ca(&authority.certificate),
        &places(app, &authority.label, shard),
        serial,
        time.div_euclid(1_000_000),
        scheme,
    )?;
    let serial = crate::identity::serial_hex(&serial);
    let tbs_digest = hex::encode(linted.tbs_digest());
    let subject = linted.draft().subject().to_string();
    let intent = records::intent_row(NewIntent {
        issuer: &authority.label,
        serial: &serial,
        profile: profile.name(),
        subject: &subject,
        tbs_digest: &tbs_digest,
        caller: order.holder.map(Holder::id),
        organisation: order.organisation,
        created: time,
    });
    let facts = json!({
        "issuer": authority.label,
        "serial": serial,
        "profile": profile.name(),
        "tbs": tbs_digest,
        "way": way_name(order.way),
    });
    let entry = Act { action: INTEND.to_owned(), ..act.clone() };
    let unit = Unit::new(entry).facts(facts).insert(intent.clone());
    let intended = Intended {
        linted,
        authority,
        act,
        intent,
        requester: requester.map(ToOwned::to_owned),
        replaces: order.replaces.clone(),
        shard,
        way: order.way,
    };
    Ok((intended, unit))
}

/// Whether an authority's key signs in this process; a device makes its callers wait.
fn at_hand(app: &App, label: &str) -> bool {
    app.hierarchy.key(&app.slot_of(label)).is_none_or(|key| key.custody == CustodyKind::File)
}

/// How an authority's key signs. An authority whose device is away is refused here, before anything is entered.
async fn scheme(app: &App, unsealed: &Unsealed, label: &str) -> Result<SignatureScheme, CertificateError> {
    if at_hand(app, label) {
        return Ok(unsealed.custody.signer(label)?.scheme());
    }
    let (custody, label) = (unsealed.custody.clone(), label.to_owned());
    let asked = tokio::task::spawn_blocking(move || Ok(custody.signer(&label)?.scheme()));
    asked.await.map_err(|error| CertificateError::CutOff(error.to_string()))?
}

impl Intended {
    /// Id of the intent's row: authority and serial.
    #[must_use]
    pub fn id(&self) -> &str {
        self.intent.id()
    }

    /// Label of the authority that will sign.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.authority.label
    }

    /// Signs. The certificate must not leave before the unit in the answer is committed.
    ///
    /// # Errors
    /// [`CertificateError`] when the key does not serve.
    pub async fn sign(self, app: &App, unsealed: &Unsealed) -> Result<Signed, CertificateError> {
        let Self { linted, authority, act, intent, requester, replaces, shard, way } = self;
        let certificate = if at_hand(app, &authority.label) {
            linted.sign(unsealed.custody.signer(&authority.label)?.as_ref())?
        } else {
            // A device answers in milliseconds and must not hold up the thread's other requests.
            let (custody, label) = (unsealed.custody.clone(), authority.label.clone());
            let signed = tokio::task::spawn_blocking(move || {
                Ok::<_, CertificateError>(linted.sign(custody.signer(&label)?.as_ref())?)
            });
            signed.await.map_err(|error| CertificateError::CutOff(error.to_string()))??
        };
        let text = |column: &str| intent.value(column).as_text();
        let about = About {
            issuer: &authority.label,
            profile: text("profile").unwrap_or_default(),
            caller: text("caller"),
            organisation: text("organisation"),
            requester: requester.as_deref(),
            shard,
            replaces: replaces.as_deref(),
        };
        let (row, names) = records::with_names(&certificate, about);
        let facts = json!({
            "certificate": row.id(),
            "issuer": authority.label,
            "serial": text("serial"),
            "profile": about.profile,
            "way": way_name(way),
            "replaces": replaces,
        });
        let unit = Unit::new(act).facts(facts).delete(&INTENTS, intent.id(), 1).insert(row.clone());
        let unit = names.into_iter().fold(unit, Unit::cache_insert);
        Ok(Signed { certificate, row, unit })
    }
}

/// The authority's certificate and those above it, the root left out: what a server sends besides its own.
///
/// # Errors
/// When a certificate cannot be read.
pub fn chain_of(app: &App, label: &str) -> Result<Vec<Certificate>, CertificateError> {
    let mut chain = Vec::new();
    let mut at = app.authority(label)?.certificate;
    let all = app.authorities()?;
    while !at.is_self_issued() && chain.len() < LONGEST_CHAIN {
        // By key, not by name alone: the generations of an authority share their name.
        let above = all.iter().map(|authority| &authority.certificate).find(|above| {
            above.subject() == at.issuer()
                && (at.authority_key_id().is_none() || above.subject_key_id() == at.authority_key_id())
        });
        let above = above.cloned();
        chain.push(at);
        match above {
            Some(above) => at = above,
            None => break,
        }
    }
    Ok(chain)
}

fn allowed(profile: &Profile, order: &Order<'_>) -> Result<(), CertificateError> {
    if !profile.may_ask(order.way) {
        let profile = profile.name().to_owned();
        return Err(CertificateError::Way { profile, way: way_name(order.way) });
    }
    if needs_approval(profile, order.way) && !order.approved {
        let needed = profile.approvals();
        return Err(CertificateError::Unapproved { profile: profile.name().to_owned(), needed });
    }
    Ok(())
}

/// Whether officers must approve before a certificate of this profile is issued to whoever asks that way.
pub(super) fn needs_approval(profile: &Profile, way: Way) -> bool {
    profile.approvals() > 0 && !matches!(way, Way::Appliance | Way::Ceremony)
}

fn authority(app: &App, profile: &Profile, order: &Order<'_>) -> Result<Authority, CertificateError> {
    if let Some(label) = order.issuer {
        return Ok(app.authority(label)?);
    }
    let kind = match profile.issuer() {
        IssuedBy::Machine => Kind::Machine,
        IssuedBy::Server => Kind::Server,
        IssuedBy::Seal => Kind::Seal,
        IssuedBy::Officer => Kind::Officer,
        IssuedBy::Itself | IssuedBy::Root | IssuedBy::Named => {
            return Err(CertificateError::Issuer(profile.name().to_owned()));
        }
    };
    // A key gets its certificate from the side of the hierarchy that is of its suite: whoever verifies one signature
    // of a path verifies all of them.
    let suite = Suite::of_key(&order.wish.public_key);
    let missing = || CertificateError::Suite { profile: profile.name().to_owned(), suite: suite.name };
    app.issuer_of(kind, suite)?.ok_or_else(missing)
}

/// The CRL shard of a certificate: any of the authority's, by octets that are random.
fn shard(app: &App, serial: &[u8; 20]) -> u32 {
    let [_, octet, ..] = serial;
    match app.config.certificates.crl_shards {
        0 | 1 => 0,
        shards => 1 + u32::from(*octet) % shards,
    }
}

/// Where a certificate's status and its issuer are found; the list's address is byte for byte its shard's.
fn places(app: &App, label: &str, shard: u32) -> Places {
    let base = &app.config.appliance.public_url;
    let crl = match shard {
        0 => format!("{base}/crl/{label}.crl"),
        shard => format!("{base}/crl/{label}/{shard}.crl"),
    };
    Places {
        crl: Some(crl),
        ocsp: Some(format!("{base}/ocsp/{label}")),
        ca_issuers: Some(format!("{base}/ca/{label}.cer")),
    }
}

/// The act of an intent's entry.
const INTEND: &str = "certificate.intend";
/// More authorities above one another than any hierarchy has.
const LONGEST_CHAIN: usize = 8;
