//! `credentials/list` and `credentials/info`: seals as credentials (CSC API v1 §11.4 and §11.5, v2 §11.4 and §11.5).

use std::sync::Arc;

use axum::Json;
use crypto::SignatureScheme;
use der::Decode;
use der::asn1::{AnyRef, ObjectIdentifier};
use pki::Certificate;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::activation::MOST;
use super::body::base64;
use super::error::parameter;
use crate::app::{App, Unsealed};
use crate::documents::model::is_identifier;
use crate::policy::{ListSeals, ReadSeal, Resource};
use crate::problem::{Kind, Problem, Result};
use crate::seals::model::SealState;
use crate::seals::{ReadySeal, records};
use crate::server::Session;
use crate::store::Row;
use crate::store::tables::CERTIFICATES;

/// Which version of the protocol is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 1.0.4.0.
    One,
    /// 2.0.0.2.
    Two,
}

impl Version {
    /// As `info` names it.
    #[must_use]
    pub const fn specs(self) -> &'static str {
        match self {
            Self::One => "1.0.4.0",
            Self::Two => "2.0.0.2",
        }
    }
}

/// Which credentials are asked for.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ListAsked {
    /// Most in an answer, 1 to 100.
    max_results: Option<u32>,
    /// `nextPageToken` of the answer before.
    page_token: Option<String>,
    /// Whether to describe each (v2).
    credential_info: bool,
    /// Whether to leave out what cannot be used (v2).
    only_valid: bool,
    /// `none`, `single` (the default) or `chain`.
    certificates: Option<String>,
    /// Whether to tell what stands in the certificate.
    cert_info: bool,
    /// Whether to tell how to authorise.
    auth_info: bool,
}

/// Which credential is asked for.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InfoAsked {
    /// The seal.
    #[serde(rename = "credentialID")]
    credential: String,
    /// `none`, `single` (the default) or `chain`.
    certificates: Option<String>,
    /// Whether to tell what stands in the certificate.
    #[serde(default)]
    cert_info: bool,
    /// Whether to tell how to authorise.
    #[serde(default)]
    auth_info: bool,
}

/// What is to be told of a credential.
struct Told {
    version: Version,
    chain: bool,
    certificates: bool,
    certificate: bool,
    authorisation: bool,
}

/// Lists the seals of the caller's organisation.
///
/// # Errors
/// The problem to answer.
pub async fn list(
    app: &Arc<App>,
    session: &Session,
    asked: ListAsked,
    version: Version,
) -> Result<Json<Value>> {
    let told = told(version, asked.certificates.as_deref(), asked.cert_info, asked.auth_info)?;
    let organisation = &session.caller().organisation;
    session.permit::<ListSeals>(Resource::organisation(organisation))?;
    let limit = asked.max_results.unwrap_or(50).clamp(1, 100);
    let after = asked.page_token.unwrap_or_default();
    if !after.is_empty() && !is_identifier(&after) {
        return Err(parameter("pageToken", "send what the answer before said"));
    }
    let filter = records::SealFilter { organisation: Some(organisation.clone()), ..Default::default() };
    let mut seals = records::list(&app.db, &filter, &after, limit + 1).await?;
    let more = seals.len() > limit as usize;
    seals.truncate(limit as usize);
    let next = seals.last().filter(|_| more).map(|seal| seal.id.clone());
    let (mut identifiers, mut infos) = (Vec::new(), Vec::new());
    for seal in seals {
        if session.permit::<ReadSeal>(Resource::seal(&seal.id, &seal.organisation)).is_err() {
            continue;
        }
        let described = describe(app, &seal, &told).await?;
        if version == Version::Two
            && asked.only_valid
            && described.pointer("/key/status") != Some(&"enabled".into())
        {
            continue;
        }
        if asked.credential_info {
            let mut described = described;
            if let Some(members) = described.as_object_mut() {
                members.insert("credentialID".into(), seal.id.clone().into());
            }
            infos.push(described);
        }
        identifiers.push(seal.id);
    }
    let mut answer = Map::new();
    answer.insert("credentialIDs".into(), json!(identifiers));
    if version == Version::Two && asked.credential_info {
        answer.insert("credentialInfos".into(), json!(infos));
    }
    if version == Version::Two && asked.only_valid {
        answer.insert("onlyValid".into(), true.into());
    }
    if let Some(next) = next {
        answer.insert("nextPageToken".into(), next.into());
    }
    Ok(Json(Value::Object(answer)))
}

/// Describes one seal.
///
/// # Errors
/// The problem to answer.
pub async fn info(
    app: &Arc<App>,
    session: &Session,
    asked: InfoAsked,
    version: Version,
) -> Result<Json<Value>> {
    let told = told(version, asked.certificates.as_deref(), asked.cert_info, asked.auth_info)?;
    let found = records::find(&app.db, &asked.credential).await?.ok_or_else(unknown)?;
    session.permit::<ReadSeal>(Resource::seal(&found.summary.id, &found.summary.organisation))?;
    Ok(Json(describe(app, &found.summary, &told).await?))
}

/// The seal with this identifier, ready for use. Why it cannot be used is told to those alone who may read it.
///
/// # Errors
/// The problem to answer.
pub async fn ready(app: &App, session: &Session, unsealed: &Unsealed, id: &str) -> Result<Arc<ReadySeal>> {
    let found = records::find(&app.db, id).await?.ok_or_else(unknown)?;
    session.permit::<ReadSeal>(Resource::seal(&found.summary.id, &found.summary.organisation))?;
    let chain = app.desk.chain(app).map_err(Problem::internal)?;
    app.desk.seals.ready(&app.db, unsealed.custody.as_ref(), &chain, id).await.map_err(|error| match error {
        crate::seals::SealError::Unknown(_) => unknown(),
        other => other.into(),
    })
}

fn unknown() -> Problem {
    Problem::new(Kind::NotFound, "Invalid parameter credentialID: there is no such credential.")
}

fn told(
    version: Version,
    certificates: Option<&str>,
    certificate: bool,
    authorisation: bool,
) -> Result<Told> {
    let (certificates, chain) = match certificates {
        None | Some("single") => (true, false),
        Some("chain") => (true, true),
        Some("none") => (false, false),
        Some(_) => return Err(parameter("certificates", "write `none`, `single` or `chain`")),
    };
    Ok(Told { version, chain, certificates, certificate, authorisation })
}

async fn describe(app: &App, seal: &crate::seals::model::SealSummary, told: &Told) -> Result<Value> {
    let row = app.db.row(&CERTIFICATES, &seal.certificate).await?;
    let row =
        row.ok_or_else(|| Problem::internal(format!("seal `{}` has no certificate on record", seal.id)))?;
    let certificate =
        Certificate::from_der(row.value("der").as_bytes().unwrap_or_default()).map_err(Problem::internal)?;
    let status = status(&row, &certificate);
    let enabled = seal.state == SealState::Active && status == "valid";
    let mut cert = Map::new();
    cert.insert("status".into(), status.into());
    if told.certificates {
        let mut all = vec![base64(certificate.der())];
        if told.chain {
            let above = |one: &Certificate| one.subject_key_id() == certificate.authority_key_id();
            let chain = app.desk.chain(app).map_err(Problem::internal)?;
            all.extend(chain.iter().filter(|one| above(one)).map(|one| base64(one.der())));
        }
        cert.insert("certificates".into(), json!(all));
    }
    if told.certificate {
        let time = |at: i64| {
            let shown = jiff::Timestamp::from_second(at).unwrap_or_default();
            shown.strftime("%Y%m%d%H%M%SZ").to_string()
        };
        cert.insert("issuerDN".into(), certificate.issuer().to_string().into());
        cert.insert("serialNumber".into(), hex::encode_upper(certificate.serial()).into());
        cert.insert("subjectDN".into(), certificate.subject().to_string().into());
        cert.insert("validFrom".into(), time(certificate.not_before()).into());
        cert.insert("validTo".into(), time(certificate.not_after()).into());
    }
    let mut answer = json!({
        "description": seal.name,
        "key": key(&certificate, enabled)?,
        "cert": cert,
        "SCAL": "2",
        "multisign": MOST,
        "lang": "zh-CN",
    });
    if let Some(members) = answer.as_object_mut() {
        match told.version {
            Version::One => {
                members.insert("authMode".into(), "implicit".into());
            }
            Version::Two if told.authorisation => {
                members.insert("auth".into(), json!({ "mode": "implicit", "expression": "", "objects": [] }));
            }
            Version::Two => {}
        }
    }
    Ok(answer)
}

fn status(row: &Row, certificate: &Certificate) -> &'static str {
    let now = jiff::Timestamp::now().as_second();
    match row.value("state").as_text() {
        Some("good") if certificate.is_valid_at(now) => "valid",
        Some("good") => "expired",
        Some("held" | "hold") => "suspended",
        _ => "revoked",
    }
}

fn key(certificate: &Certificate, enabled: bool) -> Result<Value> {
    let algorithm = algorithm(certificate)?;
    let spki = spki::SubjectPublicKeyInfoRef::from_der(certificate.spki()).map_err(Problem::internal)?;
    let curve =
        spki.algorithm.parameters.and_then(|any: AnyRef<'_>| any.decode_as::<ObjectIdentifier>().ok());
    let mut key = json!({
        "status": if enabled { "enabled" } else { "disabled" },
        "algo": [algorithm.0.to_string()],
        "len": 256,
    });
    if let (Some(curve), Some(members)) = (curve, key.as_object_mut()) {
        members.insert("curve".into(), curve.to_string().into());
    }
    Ok(key)
}

/// The signature algorithm of a seal's key, and the scheme behind it.
///
/// # Errors
/// A problem: no key of ours.
pub fn algorithm(certificate: &Certificate) -> Result<(ObjectIdentifier, SignatureScheme)> {
    let spki = certificate.spki();
    let fits = |(_, scheme): &(ObjectIdentifier, SignatureScheme)| {
        SignatureScheme::from_algorithm(&scheme.algorithm_identifier(), spki).is_ok_and(|own| own == *scheme)
    };
    algorithms().find(fits).ok_or_else(|| Problem::internal("the key of a seal is of no suite"))
}

/// The signature algorithms of all suites.
pub fn algorithms() -> impl Iterator<Item = (ObjectIdentifier, SignatureScheme)> {
    crypto::Suite::ALL.iter().filter_map(|suite| {
        let identifier = suite.signature.algorithm_identifier();
        let identifier = spki::AlgorithmIdentifierRef::from_der(&identifier).ok()?.oid;
        Some((identifier, suite.signature))
    })
}
