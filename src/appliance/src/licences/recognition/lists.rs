//! Bringing a trust list in, reviewing it, putting it in force, taking it out; signing one for others.

use std::sync::Arc;

use crypto::DigestAlgorithm;
use licence::credential::Trust;
use licence::credential::signed::{self, Document};
use licence::trust_list::{ENTRY, Entry, LIST, LONGEST, List, TrustListError, apart};
use pki::Certificate;
use pki::path::TrustAnchors;
use serde_json::json;

use super::error::RecognitionError;
use super::records::{self, int, text};
use super::{own, regions};
use crate::app::App;
use crate::ceremony::Role;
use crate::config::Publisher;
use crate::identity::Caller;
use crate::journal::{Act, CommitError, Committed, Unit, generations};
use crate::licences::signers;
use crate::policy::{
    ApproveTrustList, ImportTrustList, Permit, RefuseTrustList, SignTrustList, WithdrawTrustList,
};
use crate::seals::service::person_of;
use crate::store::tables::TRUST_LISTS;
use crate::store::{Row, Value};

/// A list whose signature is believed.
pub(super) struct Believed {
    /// What it says.
    pub list: List,
    /// Who issued it.
    pub issuer: String,
    /// Who signed it.
    pub signer: Certificate,
    /// Until when it may be used, Unix seconds.
    pub until: i64,
}

/// A step that was taken.
pub(super) struct Done {
    pub row: Row,
    pub committed: Option<Committed>,
}

/// Reads a list and judges who signed it, at `at`, Unix seconds.
///
/// # Errors
/// [`RecognitionError`]: not signed by somebody who may, over, or not holding together.
pub(super) fn believed(app: &App, token: &str, at: i64) -> Result<Believed, RecognitionError> {
    let document = Document::parse(shorter(token)?, LIST)?;
    let issuer = document.claimed().0.unwrap_or_default().to_owned();
    let crls = app.status.lists.full();
    let verified = if own::name(app).as_ref() == Some(&issuer) {
        // A name is no proof: whoever certifies documents elsewhere could write ours. Own publishers are known one by one.
        let (nobody, known) = (TrustAnchors::default(), signers::known(app, Role::Publisher));
        document.verify(&Trust::new(&nobody).knowing(&known), at)?
    } else {
        let publisher = app.config.recognition.publishers.iter().find(|one| one.uri == issuer);
        let publisher = publisher.ok_or_else(|| RecognitionError::Stranger(issuer.clone()))?;
        let (authorities, known): (Vec<_>, Vec<_>) =
            pinned(publisher)?.into_iter().partition(Certificate::is_ca);
        let anchors = TrustAnchors::new(authorities);
        document.verify(&Trust { crls: &crls, ..Trust::new(&anchors).knowing(&known) }, at)?
    };
    let list = List::read(&verified.members)?;
    let until = verified.expires.map_or(list.next_update, |expires| expires.min(list.next_update));
    Ok(Believed { list, issuer, signer: verified.signer, until })
}

/// The certificates that a publisher elsewhere is known by. Whom documents are trusted of is another question: any of those
/// authorities could certify the name.
fn pinned(publisher: &Publisher) -> Result<Vec<Certificate>, RecognitionError> {
    let mut certificates = Vec::new();
    for path in &publisher.certificates {
        let unread = |reason: String| RecognitionError::Pinned { path: path.clone(), reason };
        let octets = std::fs::read(path).map_err(|error| unread(error.to_string()))?;
        certificates
            .extend(Certificate::from_pem_or_der(&octets).map_err(|error| unread(error.to_string()))?);
    }
    Ok(certificates)
}

fn shorter(token: &str) -> Result<&str, RecognitionError> {
    if token.len() <= LONGEST {
        return Ok(token);
    }
    let reason = format!("{} octets where {LONGEST} are read", token.len());
    Err(TrustListError::Member { at: "list".to_owned(), reason }.into())
}

/// What a list on record says; it was believed when it was brought in.
///
/// # Errors
/// [`RecognitionError`] when it does not read.
pub(super) fn content(token: &str) -> Result<List, RecognitionError> {
    Ok(List::read(Document::parse(shorter(token)?, LIST)?.unverified())?)
}

/// That a list may be put in force now: above what was, of the same issuer, and beside what else is in force.
async fn judged(app: &App, believed: &Believed, at: i64) -> Result<Option<Row>, RecognitionError> {
    let list = &believed.list;
    let highest = records::highest(&app.db, &list.name).await?;
    let known =
        highest.as_ref().and_then(|row| int(row, "number")).and_then(|number| u64::try_from(number).ok());
    list.follows(known, at)?;
    if let Some(row) = &highest
        && text(row, "state") == "active"
        && text(row, "issuer") != believed.issuer
    {
        return Err(RecognitionError::OtherIssuer {
            list: list.name.clone(),
            known: text(row, "issuer").to_owned(),
            found: believed.issuer.clone(),
        });
    }
    beside_own(app, list)?;
    let others = regions::read(app, at).await?;
    for other in others.iter().filter(|other| other.list != list.name) {
        for region in &list.regions {
            apart(region, &other.entry)?;
        }
    }
    Ok(highest.filter(|row| text(row, "state") == "active"))
}

/// That no region of a list claims what is this platform's own: its keys of all generations, divisions, status lists.
///
/// # Errors
/// [`RecognitionError::Own`].
pub(super) fn beside_own(app: &App, list: &List) -> Result<(), RecognitionError> {
    let own = own::claims(app)?;
    list.regions.iter().try_for_each(|region| {
        apart(region, &own).map_err(|claim| RecognitionError::Own { region: region.id.clone(), claim })
    })
}

/// Brings a list in, for another officer to review. The same list again is answered with what is on record.
pub(super) async fn import(
    app: &Arc<App>,
    permit: &Permit<ImportTrustList>,
    token: &str,
    source: Option<&str>,
) -> Result<Done, RecognitionError> {
    let unsealed = app.unsealed()?;
    let token = token.trim();
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let at = now.div_euclid(1_000_000);
    let digest = hex::encode(DigestAlgorithm::Sha256.digest(token.as_bytes()));
    if let Some(row) = records::standing(&app.db, &digest).await? {
        return Ok(Done { row, committed: None });
    }
    let believed = believed(app, token, at)?;
    judged(app, &believed, at).await?;
    let caller = permit.caller();
    let row = Row::new(&TRUST_LISTS, vec![Value::Null; TRUST_LISTS.columns.len()])
        .with("id", uuid::Uuid::now_v7().to_string())
        .with("version", 1)
        .with("list", believed.list.name.as_str())
        .with("number", i64::try_from(believed.list.number).unwrap_or(i64::MAX))
        .with("state", "review")
        .with("issuer", believed.issuer.as_str())
        .with("signer", hex::encode(believed.signer.sha256_fingerprint()))
        .with("token", token)
        .with("digest", digest)
        .with("source", source)
        .with("regions", i64::try_from(believed.list.regions.len()).unwrap_or(i64::MAX))
        .with("next_update", believed.list.next_update)
        .with("importer", caller.id.as_str())
        .with("importer_person", person_of(caller))
        .with("created", now);
    let unit = Unit::new(permit.act()).facts(facts(&row)).insert(row.clone());
    let committed = unsealed.journal.commit(unit).await?;
    Ok(Done { row, committed: Some(committed) })
}

/// Fetches a list.
pub(super) async fn fetched(app: &App, url: &str) -> Result<String, RecognitionError> {
    let answer = app.fetch.get(url, LONGEST as u64, "application/jwt, application/jose, text/plain").await?;
    String::from_utf8(answer.body).map_err(|_| RecognitionError::NoText)
}

/// Puts a list in force that waits; the one in force until now is superseded in the same unit.
pub(super) async fn approve(
    app: &Arc<App>,
    permit: &Permit<ApproveTrustList>,
    row: Row,
) -> Result<Done, RecognitionError> {
    let unsealed = app.unsealed()?;
    in_state(&row, "review")?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let at = now.div_euclid(1_000_000);
    // Read before they are judged by; guarded below.
    let beside = records::open(&app.db).await?;
    // Judged again: who may sign, and what else is in force, may have changed while it waited.
    let believed = believed(app, text(&row, "token"), at)?;
    let former = judged(app, &believed, at).await?;
    let row = decided(row, "active", permit.caller(), now);
    let mut unit = Unit::new(permit.act()).facts(facts(&row)).bump(generations::RECOGNITION);
    // Nobody else's approval may fall between the judgement and this commit: two lists that claim the same would both stand.
    for other in beside {
        if other.id() != row.id() && former.as_ref().is_none_or(|former| former.id() != other.id()) {
            unit = unit.guard(&TRUST_LISTS, other.id(), other.version());
        }
    }
    if let Some(former) = former {
        let former = former.next_version().with("state", "superseded").with("ended", now);
        unit = unit.fact("superseded", json!(former.id())).update(former);
    }
    let committed = unsealed.journal.commit(unit.update(row.clone())).await?;
    regions::refresh(app).await?;
    Ok(Done { row, committed: Some(committed) })
}

/// Refuses a list that waits.
pub(super) async fn refuse(
    app: &Arc<App>,
    permit: &Permit<RefuseTrustList>,
    row: Row,
    reason: &str,
) -> Result<Done, RecognitionError> {
    let unsealed = app.unsealed()?;
    in_state(&row, "review")?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let row = decided(row, "refused", permit.caller(), now).with("reason", reason);
    finish(app, permit.act(), row, reason, false).await
}

/// Takes a list out of force: its regions are foreign at once.
pub(super) async fn withdraw(
    app: &Arc<App>,
    permit: &Permit<WithdrawTrustList>,
    row: Row,
    reason: &str,
) -> Result<Done, RecognitionError> {
    let unsealed = app.unsealed()?;
    in_state(&row, "active")?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let row = row.next_version().with("state", "withdrawn").with("reason", reason).with("ended", now);
    finish(app, permit.act(), row, reason, true).await
}

async fn finish(
    app: &Arc<App>,
    act: Act,
    row: Row,
    reason: &str,
    moves: bool,
) -> Result<Done, RecognitionError> {
    let unsealed = app.unsealed()?;
    let unit = Unit::new(act).facts(facts(&row)).detail(json!({ "reason": reason })).update(row.clone());
    let unit = if moves { unit.bump(generations::RECOGNITION) } else { unit };
    let committed = unsealed.journal.commit(unit).await?;
    if moves {
        regions::refresh(app).await?;
    }
    Ok(Done { row, committed: Some(committed) })
}

fn decided(row: Row, state: &str, by: &Caller, now: i64) -> Row {
    row.next_version()
        .with("state", state)
        .with("reviewer", by.id.as_str())
        .with("reviewer_person", person_of(by))
        .with("decided", now)
}

fn in_state(row: &Row, wanted: &str) -> Result<(), RecognitionError> {
    let state = text(row, "state");
    if state == wanted {
        return Ok(());
    }
    Err(RecognitionError::Closed { id: row.id().to_owned(), state: state.to_owned() })
}

/// What every entry about a list says.
fn facts(row: &Row) -> serde_json::Value {
    json!({
        "trust_list": row.id(),
        "list": text(row, "list"),
        "number": int(row, "number"),
        "issuer": text(row, "issuer"),
        "signer": text(row, "signer"),
        "digest": text(row, "digest"),
        "state": text(row, "state"),
    })
}

/// A list of these entries, signed by this platform's publisher; `until` is when the next one comes, Unix seconds.
pub(super) async fn sign(
    app: &Arc<App>,
    permit: &Permit<SignTrustList>,
    name: &str,
    number: u64,
    until: i64,
    entries: &[String],
) -> Result<(String, Committed), RecognitionError> {
    let unsealed = app.unsealed()?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?.div_euclid(1_000_000);
    let regions = entries.iter().map(|entry| own_word(entry, now)).collect::<Result<Vec<_>, _>>()?;
    let list = List::new(name, number, until, regions)?;
    list.follows(None, now)?;
    let token = signed::sign(&list.members(), LIST, now, Some(until), &own::publisher(app)?)?;
    let digest = hex::encode(DigestAlgorithm::Sha256.digest(token.as_bytes()));
    let regions: Vec<_> = list.regions.iter().map(|region| region.id.as_str()).collect();
    let facts = json!({ "list": name, "number": number, "regions": regions, "digest": digest });
    let committed = unsealed.journal.commit(Unit::new(permit.act()).facts(facts)).await?;
    Ok((token, committed))
}

/// An entry that a region published of itself: signed under its own root by a publisher it names. That it *is* that region,
/// the officer who signs the list knows by another way.
fn own_word(token: &str, at: i64) -> Result<Entry, RecognitionError> {
    let document = Document::parse(shorter(token.trim())?, ENTRY)?;
    // Read without belief, to learn what it says its root is; then believed under that root alone.
    let entry = Entry::read(document.unverified(), "entry")?;
    let anchors = TrustAnchors::new(entry.roots.clone());
    let verified = document.verify(&Trust::new(&anchors), at)?;
    if !entry.publishers.contains(&verified.signer) {
        return Err(RecognitionError::Stranger(verified.issuer));
    }
    Ok(entry)
}
