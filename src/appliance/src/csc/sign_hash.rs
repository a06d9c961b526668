//! `signatures/signHash`: signs hashes as they are (CSC API v1 §11.9, v2 §11.10).
//!
//! The one blind use of a key (decision 16): nobody here sees what was hashed. The seal's key must have been made for it,
//! a rule that binds documents forbids it, activation data names the very hashes, and every signature is a record of its
//! own with `blind` in its entry. One unit records all of them and uses the activation data up.

use std::sync::Arc;

use axum::Json;
use custody::CustodyError;
use der::asn1::ObjectIdentifier;
use serde::Deserialize;
use serde_json::{Value, json};

use super::activation::{self, MOST};
use super::body::{self, base64};
use super::credentials::{algorithm, ready};
use super::error::parameter;
use super::records;
use crate::app::App;
use crate::documents::parameters::{Level, Place, SealRequest};
use crate::documents::records::{HASH, Use, row};
use crate::journal::{CommitError, Unit};
use crate::policy::{Permit, Resource, SignHash};
use crate::problem::{Kind, Problem, Result};
use crate::seals::ReadySeal;
use crate::seals::usage::{self, Admission, Claim};
use crate::server::Session;
use crate::store::Row;
use crate::store::tables::{CERTIFICATES, SEALS};

/// What is asked for, in the names of both versions.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HashAsked {
    /// The seal.
    #[serde(rename = "credentialID")]
    credential: String,
    /// The activation data.
    #[serde(rename = "SAD")]
    activation: Option<String>,
    /// The hashes, Base64 (v2; `hash` in v1).
    #[serde(alias = "hash")]
    hashes: Vec<String>,
    /// Object identifier of their algorithm (v2; `hashAlgo` in v1); that of `signAlgo` when left out.
    #[serde(rename = "hashAlgorithmOID", alias = "hashAlgo")]
    hash_algorithm: Option<String>,
    /// Object identifier of the signature algorithm, one of those in `key/algo`.
    sign_algo: String,
    /// `S`, the only mode there is.
    operation_mode: Option<String>,
}

/// Signs all of them.
///
/// # Errors
/// The problem to answer; nothing was then signed.
pub async fn sign(app: &Arc<App>, session: &Session, asked: HashAsked) -> Result<Json<Value>> {
    let unsealed = app.unsealed()?;
    if asked.operation_mode.as_deref().is_some_and(|mode| mode != "S") {
        return Err(parameter("operationMode", "only `S`, synchronous, is offered"));
    }
    let hashes = body::hashes("hashes", &asked.hashes, MOST)?;
    let seal = ready(app, session, &unsealed, &asked.credential).await?;
    fitting(&seal, &asked, &hashes)?;
    let resource = Resource::seal(&seal.summary.id, &seal.summary.organisation);
    let permit = session.permit::<SignHash>(resource.at_version(seal.summary.version))?;
    let time = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    seal.usable_at(time.div_euclid(1_000_000))?;
    let caller = permit.caller().clone();
    let claims: Vec<Claim<'_>> = hashes.iter().map(|hash| claim(&seal, hash)).collect();
    // Before anything is signed, and before the activation data is looked at: it stays good for another time.
    let early = usage::admit_all(app, &caller, &claims).await?;
    let binding = activation::binding(session, &seal, &hashes);
    let row = activation::presented(app, asked.activation.as_deref(), &binding, time).await?;
    let signatures = signed(&unsealed.custody, &seal, &permit, hashes.clone()).await?;
    let build = |admissions| unit(&permit, &seal, &hashes, &signatures, row.clone(), time, admissions);
    if let Err(error) = usage::record(app, &unsealed.journal, &caller, &claims, early, build).await {
        if error.is_conflict() {
            app.desk.seals.forget(&seal.summary.id);
        }
        // Another request with the same activation data may have been faster.
        activation::presented(app, asked.activation.as_deref(), &binding, time).await?;
        return Err(crate::documents::DocumentError::from(error).into());
    }
    let shown: Vec<String> = signatures.iter().map(|signature| base64(signature)).collect();
    Ok(Json(json!({ "signatures": shown })))
}

/// What rules of use are asked about: a use whose document nobody here sees.
fn claim<'a>(seal: &'a ReadySeal, hash: &[u8]) -> Claim<'a> {
    let document = hash.first_chunk().copied().unwrap_or_default();
    Claim { seal, document, blind: true, item: None, case_number: None, document_kind: None }
}

/// That the algorithms are those of the seal's key.
fn fitting(seal: &ReadySeal, asked: &HashAsked, hashes: &[Vec<u8>]) -> Result<()> {
    let (own, scheme) = algorithm(&seal.certificate)?;
    let named = ObjectIdentifier::new(&asked.sign_algo).ok();
    if named != Some(own) {
        return Err(parameter("signAlgo", &format!("the credential signs by {own}")));
    }
    let digest = scheme.cms_digest();
    if let Some(named) = &asked.hash_algorithm
        && body::digest_algorithm("hashAlgorithmOID", named)? != digest
    {
        return Err(parameter("hashAlgorithmOID", &format!("the credential signs over {}", digest.name())));
    }
    if hashes.iter().any(|hash| hash.len() != digest.output_len()) {
        return Err(parameter("hashes", &format!("the credential signs over {}", digest.name())));
    }
    Ok(())
}

/// The signatures, made where a device may be waited for.
async fn signed(
    custody: &Arc<dyn custody::Custody>,
    seal: &ReadySeal,
    permit: &Permit<SignHash>,
    hashes: Vec<Vec<u8>>,
) -> Result<Vec<Vec<u8>>> {
    let signer = custody.prehashed_signer(&seal.key_label, permit).map_err(|error| match error {
        CustodyError::Usage { .. } => Problem::new(
            Kind::Forbidden,
            "The seal's key does not sign hashes; use signatures/signDoc, or have the seal made anew with `remote_hashes`.",
        ),
        other => other.into(),
    })?;
    let job = move || {
        let sign = |hash: &Vec<u8>| {
            // INVARIANT: `fitting` lets no other length pass.
            let hash = hash.first_chunk().copied().unwrap_or_default();
            signer.sign_prehashed(&hash)
        };
        hashes.iter().map(sign).collect::<std::result::Result<Vec<_>, _>>()
    };
    let signatures = tokio::task::spawn_blocking(job).await.map_err(Problem::internal)?;
    signatures.map_err(Problem::internal)
}

fn unit(
    permit: &Permit<SignHash>,
    seal: &ReadySeal,
    hashes: &[Vec<u8>],
    signatures: &[Vec<u8>],
    spent: Row,
    time: i64,
    admissions: Vec<Option<Admission>>,
) -> Unit {
    let certificate = hex::encode(seal.certificate.sha256_fingerprint());
    let mut unit: Option<Unit> = None;
    let mut admissions = admissions.into_iter();
    for (hash, signature) in hashes.iter().zip(signatures) {
        let admission = admissions.next().flatten();
        let (record, hash) = (uuid::Uuid::now_v7().to_string(), hex::encode(hash));
        let used = Use {
            id: &record,
            caller: &permit.caller().id,
            time,
            original_digest: &hash,
            original_length: 0,
            result_digest: "",
            result_length: 0,
            level: Level::BB,
            signed_digest: Some(&hash),
            document_digest: None,
            kind: Some(HASH),
            format: None,
            rule: admission.as_ref().map(Admission::rule),
            approval: admission.as_ref().and_then(Admission::approval),
        };
        let request = SealRequest::new(seal.summary.id.clone(), Place::Elsewhere);
        let facts = json!({
            "record": record,
            "kind": HASH,
            "blind": true,
            "seal": seal.summary.id,
            "certificate": certificate,
            "hash": hash,
            "signature": hex::encode(crypto::DigestAlgorithm::Sha256.digest(signature)),
        });
        let mut part = Unit::new(permit.act()).facts(facts).insert(row(used, seal, &request));
        if unit.is_none() {
            part = part
                .guard(&SEALS, &seal.summary.id, seal.summary.version)
                .guard(&CERTIFICATES, &certificate, seal.certificate_version)
                .guard(&CERTIFICATES, &permit.caller().fingerprint, 1)
                .update(records::used(spent.clone()));
        }
        if let Some(admission) = admission {
            part = admission.into_unit(part, &record);
        }
        unit = Some(match unit {
            None => part,
            Some(unit) => unit.also(part),
        });
    }
    // INVARIANT: activation data is for one hash at least.
    unit.unwrap_or_else(|| Unit::new(permit.act()))
}
