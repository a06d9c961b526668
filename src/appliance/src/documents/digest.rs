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
use crate::seals::usage::{self, Admission, Claim};
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
    /// Kind of the document for the record.
    pub document_kind: Option<String>,
    /// What it is sealed for.
    pub purpose: Option<String>,
    /// Who works on the case.
    pub operator: Option<String>,
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
    let caller = permit.caller().clone();
    let claims = [claim(seal, &order)];
    let early = usage::admit_all(app, &caller, &claims).await?;
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
    let cached =
        replay.as_ref().map(|key| key.row(&kept, time, tools.custody, tools.replay_key)).transpose()?;
    let build = |admissions: Vec<Option<Admission>>| {
        let admission = admissions.into_iter().next().flatten();
        let unit = unit(&permit, seal, &order, &record, &cms_digest, time, admission);
        cached.iter().cloned().fold(unit, Unit::cache_insert)
    };
    match usage::record(app, tools.journal, &caller, &claims, early, build).await {
        Ok(committed) => {
            Ok(Sealed { tail: kept.tail, records: vec![(record, committed.leaf)], result_digest: cms_digest })
        }
        Err(error) => {
            if error.is_conflict() {
                app.desk.seals.forget(&seal.summary.id);
            }
            match known(tools, replay.as_ref()).await? {
                Some(known) if error.is_unsettled() => Ok(known),
                _ => Err(error.into()),
            }
        }
    }
}

/// What rules of use are asked about: a use whose document nobody here sees.
fn claim<'a>(seal: &'a ReadySeal, order: &'a DigestOrder) -> Claim<'a> {
    let mut document = [0; 32];
    // Checked when it was read; what is not a SHA-256 fits no approval.
    let _ = hex::decode_to_slice(&order.document_digest, &mut document);
    Claim {
        seal,
        document,
        blind: true,
        item: order.item.as_deref(),
        case_number: order.case_number.as_deref(),
        document_kind: order.document_kind.as_deref(),
    }
}

fn unit(
    permit: &Permit<SignDigest>,
    seal: &ReadySeal,
    order: &DigestOrder,
    record: &str,
    cms_digest: &str,
    time: i64,
    admission: Option<Admission>,
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
        document_digest: None,
        format: None,
        rule: admission.as_ref().map(Admission::rule),
        approval: admission.as_ref().and_then(Admission::approval),
    };
    let request = SealRequest {
        case_number: order.case_number.clone(),
        item: order.item.clone(),
        document_kind: order.document_kind.clone(),
        purpose: order.purpose.clone(),
        operator: order.operator.clone(),
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
    let unit = Unit::new(permit.act())
        .facts(facts)
        .insert(records::row(used, seal, &request))
        .guard(&SEALS, &seal.summary.id, seal.summary.version)
        .guard(&CERTIFICATES, certificate, seal.certificate_version)
        .guard(&CERTIFICATES, &permit.caller().fingerprint, 1);
    let unit = match admission {
        Some(admission) => admission.into_unit(unit, record),
        None => unit,
    };
    records::personal(&request).into_iter().fold(unit, Unit::detail)
}
