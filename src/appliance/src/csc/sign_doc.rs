//! `signatures/signDoc`: seals documents, or signs digests of documents that were prepared elsewhere (CSC API v2 §11.11).
//!
//! The activation data names the hashes of what is sent: SHA-256 of each document, then the digests as they are. It is
//! used up before the first document is sealed; each document is then an act of its own, as in a batch.

use std::sync::Arc;

use axum::Json;
use crypto::DigestAlgorithm;
use serde::Deserialize;
use serde_json::{Value, json};

use super::activation::{self, MOST};
use super::body::{self, base64};
use super::credentials::ready;
use super::error::parameter;
use super::records;
use crate::app::App;
use crate::documents::csc::{self, Wish};
use crate::documents::parameters::Level;
use crate::journal::{CommitError, Unit};
use crate::policy::{AuthorizeSignature, Resource};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::server::limits::{Full, Place};

/// Octets of a request: 24 MiB of documents in Base64.
pub const LARGEST: usize = 32 * 1024 * 1024;

/// The levels in the protocol's words.
pub const LEVELS: [(&str, Level); 4] = [
    ("Ades-B-B", Level::BB),
    ("Ades-B-T", Level::BT),
    ("Ades-B-LT", Level::BLt),
    ("Ades-B-LTA", Level::BLta),
];

/// What is asked for.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocAsked {
    /// The seal.
    #[serde(rename = "credentialID")]
    credential: Option<String>,
    /// The activation data.
    #[serde(rename = "SAD")]
    activation: Option<String>,
    /// PDFs to be sealed.
    #[serde(default)]
    documents: Vec<WholeDocument>,
    /// Digests over the byte ranges of prepared PDFs.
    #[serde(default)]
    document_digests: Vec<Digests>,
    /// `S`, the only mode there is.
    operation_mode: Option<String>,
}

/// One PDF.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct WholeDocument {
    /// The PDF, Base64.
    document: String,
    /// `P`: PAdES.
    signature_format: String,
    /// `Ades-B-B` (the default) to `Ades-B-LTA`.
    conformance_level: Option<String>,
    /// `Revision` (the default: an approval signature) or `Certification`.
    signed_envelope_property: Option<String>,
    /// `Reason` and `Location`.
    #[serde(default)]
    signed_props: Vec<Property>,
}

/// One attribute to be signed.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct Property {
    /// Its name.
    attribute_name: String,
    /// Its value.
    attribute_value: Option<String>,
}

/// Digests of one kind.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct Digests {
    /// Base64.
    hashes: Vec<String>,
    /// Their algorithm.
    #[serde(rename = "hashAlgorithmOID")]
    hash_algorithm: String,
    /// `P`.
    signature_format: String,
    /// `Ades-B-B` or `Ades-B-T`.
    conformance_level: Option<String>,
}

/// A place for a request with documents.
///
/// # Errors
/// A problem, when too many are under way.
pub fn place(app: &App, session: &Session) -> Result<Place<String>> {
    app.desk.batches.take_for(session.caller().id.clone()).map_err(|full| {
        let (kind, text) = match full {
            Full::Peer => {
                (Kind::TooManyRequests, "The caller has its share of documents under way; wait for one.")
            }
            Full::Total => (Kind::Overloaded, "Too many documents are under way; try again shortly."),
        };
        Problem::new(kind, text).retry_after(2)
    })
}

/// Seals all of them.
///
/// # Errors
/// The problem to answer. Documents sealed before the one that failed stay on record, and do not leave.
pub async fn sign(app: &Arc<App>, session: &Session, asked: DocAsked) -> Result<Json<Value>> {
    let unsealed = app.unsealed()?;
    if asked.operation_mode.as_deref().is_some_and(|mode| mode != "S") {
        return Err(parameter("operationMode", "only `S`, synchronous, is offered"));
    }
    let credential = asked
        .credential
        .as_deref()
        .ok_or_else(|| parameter("credentialID", "name the seal as credentials/list does"))?;
    let documents = asked.documents.iter().map(whole).collect::<Result<Vec<_>>>()?;
    let digests = asked.document_digests.iter().map(digests).collect::<Result<Vec<_>>>()?;
    let digests: Vec<_> = digests.into_iter().flatten().collect();
    let count = documents.len() + digests.len();
    if count == 0 || count > MOST {
        return Err(parameter("documents", &format!("send 1 to {MOST} documents or digests")));
    }
    let hashes: Vec<Vec<u8>> = documents
        .iter()
        .map(|(document, _)| DigestAlgorithm::Sha256.digest(document))
        .chain(digests.iter().map(|(digest, ..)| digest.clone()))
        .collect();
    let seal = ready(app, session, &unsealed, credential).await?;
    let resource = Resource::seal(&seal.summary.id, &seal.summary.organisation);
    let permit = session.permit::<AuthorizeSignature>(resource.at_version(seal.summary.version))?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let binding = activation::binding(session, &seal, &hashes);
    let row = activation::presented(app, asked.activation.as_deref(), &binding, now).await?;
    let spent = Unit::new(permit.act())
        .facts(json!({ "seal": seal.summary.id, "spent": true, "count": count }))
        .update(records::used(row));
    unsealed.journal.commit(spent).await.map_err(|error| match error {
        // Another request with the same activation data was faster.
        CommitError::Conflict { .. } => super::error::unfit(),
        other => other.into(),
    })?;
    let (mut sealed, mut signed) = (Vec::new(), Vec::new());
    for (document, wish) in documents {
        let session = session.renewed()?;
        sealed.push(base64(&csc::seal(app, &session, &unsealed, credential, document, wish).await?));
    }
    for (digest, algorithm, level) in digests {
        let wish = csc::DigestWish { digest, algorithm, level };
        let session = session.renewed()?;
        signed.push(base64(&csc::sign_digest(app, &session, &unsealed, &seal, wish).await?));
    }
    let mut answer = serde_json::Map::new();
    if !sealed.is_empty() {
        answer.insert("DocumentWithSignature".into(), json!(sealed));
    }
    if !signed.is_empty() {
        answer.insert("SignatureObject".into(), json!(signed));
    }
    Ok(Json(Value::Object(answer)))
}

fn whole(asked: &WholeDocument) -> Result<(Vec<u8>, Wish)> {
    pades(&asked.signature_format)?;
    let certify = match asked.signed_envelope_property.as_deref() {
        None | Some("Revision") => false,
        Some("Certification") => true,
        Some(_) => return Err(parameter("signed_envelope_property", "write `Revision` or `Certification`")),
    };
    let mut wish =
        Wish { level: level(asked.conformance_level.as_deref())?, certify, reason: None, location: None };
    for property in &asked.signed_props {
        let value = property.attribute_value.clone();
        match property.attribute_name.as_str() {
            "Reason" | "reason" => wish.reason = value,
            "Location" | "location" => wish.location = value,
            name => {
                return Err(parameter(
                    "signed_props",
                    &format!("`{name}` is not taken, `Reason` and `Location` are"),
                ));
            }
        }
    }
    Ok((body::octets("document", &asked.document)?, wish))
}

fn digests(asked: &Digests) -> Result<Vec<(Vec<u8>, DigestAlgorithm, Level)>> {
    pades(&asked.signature_format)?;
    let algorithm = body::digest_algorithm("hashAlgorithmOID", &asked.hash_algorithm)?;
    let level = level(asked.conformance_level.as_deref())?;
    if level > Level::BT {
        let text = "a digest is signed at `Ades-B-B` or `Ades-B-T`; raise the signed document afterwards";
        return Err(parameter("conformance_level", text));
    }
    let hashes = body::hashes("documentDigests", &asked.hashes, MOST)?;
    if hashes.iter().any(|hash| hash.len() != algorithm.output_len()) {
        return Err(parameter("documentDigests", "the hashes are not of the length of their algorithm"));
    }
    Ok(hashes.into_iter().map(|hash| (hash, algorithm, level)).collect())
}

fn pades(format: &str) -> Result<()> {
    if format == "P" { Ok(()) } else { Err(parameter("signature_format", "only `P`, PAdES, is offered")) }
}

/// The protocol's texts spell the first letters in two ways.
fn level(word: Option<&str>) -> Result<Level> {
    let Some(word) = word else { return Ok(Level::BB) };
    let known = LEVELS.iter().find(|(own, _)| own.eq_ignore_ascii_case(word));
    known.map(|(_, level)| *level).ok_or_else(|| {
        let words = LEVELS.map(|(word, _)| word).join(", ");
        parameter("conformance_level", &format!("write one of {words}"))
    })
}
