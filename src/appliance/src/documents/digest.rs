//! Signing a digest whose document stays with the caller, from permit to receipt.

use std::sync::Arc;

use bytes::Bytes;
use pdf::sign::{CmsSigner, SignError};
use serde_json::json;

use super::levels;
use super::parameters::{Level, Place, SealRequest};
use super::records::{self, Use};
use super::replay::{Answer, Kept, ReplayKey};
use super::service::{DocumentError, Sealed, Tools, known};
use crate::app::App;
use crate::journal::{CommitError, Unit};
use crate::policy::{Permit, SignDigest};
use crate::seals::ReadySeal;
use crate::store::tables::{CERTIFICATES, SEALS};

/// A digest to be signed by a seal.
#[derive(Debug, Clone)]
pub struct DigestOrder {
    /// Identifier of the seal.
    pub seal: String,
    /// What the CMS states as its message digest.
    pub digest: Vec<u8>,
    /// Its algorithm.
    pub algorithm: crypto::DigestAlgorithm,
    /// SHA-256 of the document, hexadecimal, as the caller says.
    pub document_digest: String,
    /// Its length, as the caller says.
    pub document_length: u64,
    /// `b-b` or `b-t`.
    pub level: Level,
    /// Octets reserved, if the caller said.
    pub reserved: Option<usize>,
    /// Case number for the record.
    pub case_number: Option<String>,
    /// Service item for the record.
    pub item: Option<String>,
}

/// Octets that a CMS by `seal` takes at most. A time-stamp service that was not met yet is met first, which measures its
/// tokens.
///
/// # Errors
/// [`DocumentError`], when there is no time-stamp service for the level.
pub async fn reserve(app: &Arc<App>, seal: &Arc<ReadySeal>, level: Level) -> Result<usize, DocumentError> {
    let raising = levels::prepare(app, std::slice::from_ref(&seal.certificate), level.into()).await?;
    if level > Level::BB && pdf::ltv::TimeStampSource::size_hint(&raising) == 0 {
        levels::token(app, &crypto::DigestAlgorithm::Sha256.digest(seal.certificate.der())).await?;
    }
    Ok(raising.signer(&**seal).size_hint())
}

/// Signs. What is returned is durable; what is not recorded does not leave.
///
/// # Errors
/// [`DocumentError`]; nothing was then recorded, [`CommitError::OutcomeUnknown`] excepted.
pub async fn sign(
    app: &Arc<App>,
    tools: Tools<'_>,
    permit: Permit<SignDigest>,
    seal: &Arc<ReadySeal>,
    order: DigestOrder,
    replay: Option<ReplayKey>,
) -> Result<Sealed, DocumentError> {
    if let Some(known) = known(tools, replay.as_ref()).await? {
        return Ok(known);
    }
    let time = tools.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    seal.usable_at(time.div_euclid(1_000_000))?;
    let (wanted, asked) = (seal.digest_algorithm(), order.algorithm);
    if wanted != asked {
        return Err(DocumentError::Algorithm { wanted: wanted.name(), asked: asked.name() });
    }
    let raising = levels::prepare(app, std::slice::from_ref(&seal.certificate), order.level.into()).await?;
    let needed = raising.signer(&**seal).size_hint();
    if let Some(reserved) = order.reserved.filter(|reserved| *reserved < needed) {
        return Err(DocumentError::Reserve { needed, reserved });
    }
    let (signer, digest) = (seal.clone(), order.digest.clone());
    let waits = raising.waits();
    let cms = app.desk.work_waiting(waits, move || raising.signer(&*signer).sign(&digest)).await?;
    let cms = cms.map_err(|error| DocumentError::Signing(SignError::Signer(error)))?;
    // A token larger than any before: what does not fit is not recorded either.
    if let Some(reserved) = order.reserved.filter(|reserved| *reserved < cms.len()) {
        return Err(DocumentError::Reserve { needed: cms.len(), reserved });
    }
    let record = uuid::Uuid::now_v7().to_string();
    let cms_digest = hex::encode(crypto::DigestAlgorithm::Sha256.digest(&cms));
    let kept = Kept { answer: Answer::of(vec![record.clone()], cms_digest.clone()), tail: Bytes::from(cms) };
    let mut unit = unit(&permit, seal, &order, &record, &cms_digest, time);
    if let Some(key) = &replay {
        unit = unit.cache_insert(key.row(&kept, time, tools.custody, tools.replay_key)?);
    }
    match tools.journal.commit(unit).await {
        Ok(committed) => {
            Ok(Sealed { tail: kept.tail, records: vec![(record, committed.leaf)], result_digest: cms_digest })
        }
        Err(error) => {
            if let CommitError::Conflict { .. } = error {
                app.desk.seals.forget(&seal.summary.id);
            }
            match (&error, known(tools, replay.as_ref()).await?) {
                (CommitError::Exists { .. } | CommitError::OutcomeUnknown(_), Some(known)) => Ok(known),
                _ => Err(error.into()),
            }
        }
    }
}

fn unit(
    permit: &Permit<SignDigest>,
    seal: &ReadySeal,
    order: &DigestOrder,
    record: &str,
    cms_digest: &str,
    time: i64,
) -> Unit {
    let signed_digest = hex::encode(&order.digest);
    let certificate = hex::encode(seal.certificate.sha256_fingerprint());
    let used = Use {
        id: record,
        caller: &permit.caller().id,
        time,
        original_digest: &order.document_digest,
        original_length: order.document_length,
        result_digest: "",
        result_length: 0,
        level: order.level,
        signed_digest: Some(&signed_digest),
    };
    let request = SealRequest {
        case_number: order.case_number.clone(),
        item: order.item.clone(),
        ..SealRequest::new(order.seal.clone(), Place::Elsewhere)
    };
    let facts = json!({
        "record": record,
        "kind": records::TWO_PHASE,
        "seal": seal.summary.id,
        "certificate": certificate,
        "level": order.level,
        "signed": { "algorithm": order.algorithm.name(), "digest": signed_digest },
        "cms": { "sha256": cms_digest },
        // The caller's word: the document was not seen.
        "told": { "sha256": order.document_digest, "octets": order.document_length },
    });
    Unit::new(permit.act())
        .facts(facts)
        .insert(records::row(used, seal, &request))
        .guard(&SEALS, &seal.summary.id, seal.summary.version)
        .guard(&CERTIFICATES, certificate, seal.certificate_version)
        .guard(&CERTIFICATES, &permit.caller().fingerprint, 1)
}
