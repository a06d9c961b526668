//! Signing a digest, from permit to receipt: of a document that stays with the caller, or of a file that came.

use std::sync::Arc;

use bytes::Bytes;
use pdf::sign::SignError;
use serde_json::json;

use super::levels;
use super::parameters::{Format, Level, Place, SealRequest};
use super::records::{self, Use};
use super::replay::{Answer, Kept, ReplayKey};
use super::service::{DocumentError, Sealed, Tools, known};
use super::signers::{Manner, certificates, guarded, signer};
use crate::app::App;
use crate::journal::{CommitError, Unit};
use crate::policy::{Action, Permit};
use crate::seals::ReadySeal;
use crate::seals::usage::{self, Admission, Claim};
use crate::store::tables::CERTIFICATES;

/// A digest to be signed by a seal.
#[derive(Debug, Clone)]
pub struct DigestOrder {
    /// Identifier of the seal.
    pub seal: String,
    /// What the signature is.
    pub format: Format,
    /// What is signed: the message digest of a CMS, the dataHash of an SES_Signature.
    pub digest: Vec<u8>,
    /// Its algorithm.
    pub algorithm: crypto::DigestAlgorithm,
    /// What an SES_Signature says of it (propertyInfo).
    pub property: Option<String>,
    /// Whether the document was seen here, or all that is known of it is what the caller says.
    pub seen: bool,
    /// SHA-256 of the document, hexadecimal.
    pub document_digest: String,
    /// Its length.
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

/// Octets that a signature by `seal` takes at most, and the digest it is over. A time-stamp service that was not met yet
/// is met first, which measures its tokens.
///
/// # Errors
/// [`DocumentError`], when there is no time-stamp service for the level, or the seal does not sign in that format.
pub async fn reserve(
    app: &Arc<App>,
    seal: &Arc<ReadySeal>,
    format: Format,
    level: Level,
) -> Result<(usize, crypto::DigestAlgorithm), DocumentError> {
    let raising = levels::prepare(app, &certificates(seal, format)?, level.into()).await?;
    if level > Level::BB && pdf::ltv::TimeStampSource::size_hint(&raising) == 0 {
        let algorithm = levels::imprint(app, seal.signer.scheme().cms_digest());
        levels::token(app, algorithm, &algorithm.digest(seal.certificate.der())).await?;
    }
    let signer = signer(seal, Manner { format, time: 0, property: None }, Some(&raising))?;
    Ok((signer.size_hint(), signer.digest_algorithm()))
}

/// The digest that signatures by `seal` are over.
///
/// # Errors
/// [`SealError::NotUsable`](crate::seals::SealError): the seal does not sign in that format.
pub fn algorithm(seal: &ReadySeal, format: Format) -> Result<crypto::DigestAlgorithm, DocumentError> {
    Ok(signer(seal, Manner { format, time: 0, property: None }, None)?.digest_algorithm())
}

/// Signs. What is returned is durable; what is not recorded does not leave.
///
/// # Errors
/// [`DocumentError`]; nothing was then recorded, [`CommitError::OutcomeUnknown`] excepted.
pub async fn sign<A: Action>(
    app: &Arc<App>,
    tools: Tools<'_>,
    permit: Permit<A>,
    seal: &Arc<ReadySeal>,
    order: DigestOrder,
    replay: Option<ReplayKey>,
) -> Result<Sealed, DocumentError> {
    if let Some(known) = known(tools, replay.as_ref()).await? {
        return Ok(known);
    }
    let time = tools.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    seal.usable_at(time.div_euclid(1_000_000))?;
    let caller = permit.caller().clone();
    let claims = [claim(seal, &order)];
    let early = usage::admit_all(app, &caller, &claims).await?;
    let raising = levels::prepare(app, &certificates(seal, order.format)?, order.level.into()).await?;
    let (by, wish) = (seal.clone(), order.clone());
    let waits = raising.waits();
    let job = move || {
        let time = time.div_euclid(1_000_000);
        let manner = Manner { format: wish.format, time, property: wish.property.as_deref() };
        let signer = signer(&by, manner, Some(&raising))?;
        let (wanted, asked) = (signer.digest_algorithm(), wish.algorithm);
        if wanted != asked {
            return Err(DocumentError::Algorithm { wanted: wanted.name(), asked: asked.name() });
        }
        let needed = signer.size_hint();
        if let Some(reserved) = wish.reserved.filter(|reserved| *reserved < needed) {
            return Err(DocumentError::Reserve { needed, reserved });
        }
        signer.sign(&wish.digest).map_err(|error| DocumentError::Signing(SignError::Signer(error)))
    };
    let signed = app.desk.work_waiting(waits, job).await??;
    // A token larger than any before: what does not fit is not recorded either.
    if let Some(reserved) = order.reserved.filter(|reserved| *reserved < signed.len()) {
        return Err(DocumentError::Reserve { needed: signed.len(), reserved });
    }
    let record = uuid::Uuid::now_v7().to_string();
    let digest = hex::encode(crypto::DigestAlgorithm::Sha256.digest(&signed));
    let kept = Kept { answer: Answer::of(vec![record.clone()], digest.clone()), tail: Bytes::from(signed) };
    let cached =
        replay.as_ref().map(|key| key.row(&kept, time, tools.custody, tools.replay_key)).transpose()?;
    let build = |admissions: Vec<Option<Admission>>| {
        let admission = admissions.into_iter().next().flatten();
        let unit = unit(&permit, seal, &order, &record, &digest, time, admission);
        cached.iter().cloned().fold(unit, Unit::cache_insert)
    };
    match usage::record(app, tools.journal, &caller, &claims, early, build).await {
        Ok(committed) => {
            Ok(Sealed { tail: kept.tail, records: vec![(record, committed.leaf)], result_digest: digest })
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

/// What rules of use are asked about: a document that nobody here sees, or a file that came.
fn claim<'a>(seal: &'a ReadySeal, order: &'a DigestOrder) -> Claim<'a> {
    let mut document = [0; 32];
    // Checked when it was read; what is not a SHA-256 fits no approval.
    let _ = hex::decode_to_slice(&order.document_digest, &mut document);
    Claim {
        seal,
        document,
        blind: !order.seen,
        item: order.item.as_deref(),
        case_number: order.case_number.as_deref(),
        document_kind: order.document_kind.as_deref(),
    }
}

fn unit<A: Action>(
    permit: &Permit<A>,
    seal: &ReadySeal,
    order: &DigestOrder,
    record: &str,
    digest: &str,
    time: i64,
    admission: Option<Admission>,
) -> Unit {
    let signed_digest = hex::encode(&order.digest);
    let kind = if order.seen { records::FILE } else { records::TWO_PHASE };
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
        kind: Some(kind),
        signed_digest: Some(&signed_digest),
        document_digest: None,
        format: (order.seen || !order.format.is_usual()).then(|| order.format.as_str()),
        rule: admission.as_ref().map(Admission::rule),
        approval: admission.as_ref().and_then(Admission::approval),
    };
    let request = SealRequest {
        format: order.format,
        case_number: order.case_number.clone(),
        item: order.item.clone(),
        document_kind: order.document_kind.clone(),
        purpose: order.purpose.clone(),
        operator: order.operator.clone(),
        ..SealRequest::new(order.seal.clone(), Place::Elsewhere)
    };
    let document = json!({ "sha256": order.document_digest, "octets": order.document_length });
    let mut facts = json!({
        "record": record,
        "kind": kind,
        "seal": seal.summary.id,
        "certificate": certificate,
        "level": order.level,
        "signed": { "algorithm": order.algorithm.name(), "digest": signed_digest },
        (order.format.as_str()): { "sha256": digest },
        // The caller's word where the document was not seen.
        (if order.seen { "file" } else { "told" }): document,
    });
    if let (Some(facts), Some(property)) = (facts.as_object_mut(), &order.property) {
        facts.insert("property".into(), json!(property));
    }
    let unit = Unit::new(permit.act()).facts(facts).insert(records::row(used, seal, &request));
    let unit = guarded(unit, seal, order.format).guard(&CERTIFICATES, &permit.caller().fingerprint, 1);
    let unit = match admission {
        Some(admission) => admission.into_unit(unit, record),
        None => unit,
    };
    records::personal(&request).into_iter().fold(unit, Unit::detail)
}
