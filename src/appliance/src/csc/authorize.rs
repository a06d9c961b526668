//! `credentials/authorize`: gives out signature activation data (CSC API v1 §11.6, v2 §11.6).

use std::sync::Arc;

use axum::Json;
use serde::Deserialize;
use serde_json::{Value, json};

use super::activation::{self, MOST, SECONDS};
use super::body;
use super::credentials::ready;
use super::error::parameter;
use super::records;
use crate::app::App;
use crate::journal::Unit;
use crate::policy::{AuthorizeSignature, Resource};
use crate::problem::Result;
use crate::server::Session;
use crate::store::tables::SEALS;

/// What is asked for, in the names of both versions.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// The seal.
    #[serde(rename = "credentialID")]
    credential: String,
    /// How many signatures.
    num_signatures: u32,
    /// The hashes that will be signed, Base64 (v2; `hash` in v1). For `signatures/signDoc` those of the documents.
    #[serde(alias = "hash")]
    hashes: Option<Vec<String>>,
    /// Object identifier of their algorithm (v2).
    #[serde(rename = "hashAlgorithmOID", alias = "hashAlgo")]
    hash_algorithm: Option<String>,
}

/// Gives out activation data for exactly these hashes.
///
/// # Errors
/// The problem to answer.
pub async fn authorize(app: &Arc<App>, session: &Session, asked: Asked) -> Result<Json<Value>> {
    let unsealed = app.unsealed()?;
    let given = asked.hashes.ok_or_else(|| {
        parameter("hashes", "name the hashes to be signed: activation data is bound to them (SCAL 2)")
    })?;
    let hashes = body::hashes("hashes", &given, MOST)?;
    if usize::try_from(asked.num_signatures).ok() != Some(hashes.len()) {
        return Err(parameter("numSignatures", "write the number of the hashes"));
    }
    if let Some(named) = &asked.hash_algorithm {
        let algorithm = body::digest_algorithm("hashAlgorithmOID", named)?;
        if hashes.iter().any(|hash| hash.len() != algorithm.output_len()) {
            return Err(parameter("hashes", "the hashes are not of the length of their algorithm"));
        }
    }
    let seal = ready(app, session, &unsealed, &asked.credential).await?;
    let resource = Resource::seal(&seal.summary.id, &seal.summary.organisation);
    let permit = session.permit::<AuthorizeSignature>(resource.at_version(seal.summary.version))?;
    let now = unsealed.journal.clock().now().map_err(crate::journal::CommitError::ClockUntrusted)?;
    let data = activation::draw()?;
    let binding = activation::binding(session, &seal, &hashes);
    let row = records::new(&activation::kept(&data), &binding, now, now.saturating_add(SECONDS * 1_000_000));
    let shown: Vec<String> = hashes.iter().map(hex::encode).collect();
    let unit = Unit::new(permit.act())
        .facts(json!({ "seal": seal.summary.id, "hashes": shown, "expires_in": SECONDS }))
        .guard(&SEALS, &seal.summary.id, seal.summary.version)
        .insert(row);
    unsealed.journal.commit(unit).await?;
    Ok(Json(json!({ "SAD": data.as_str(), "expiresIn": SECONDS })))
}
