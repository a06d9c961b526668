//! `GET /v1/seals/{id}/filing`: the filing record (备案) of a seal, for the authority that files it.
//!
//! What a filing authority needs (《电子印章管理办法》 国办发〔2025〕33号: filing, cancellation on record): who holds which seal since
//! when, its picture, its SESeal, its certificate, the application it was made for with its documents' digests, and its earlier
//! versions. The record is JSON; the seal-maker of the seal's suite signs its very octets as CMS, so that it can be checked
//! wherever it is kept. A person's number is masked unless it is asked for. Each export is an entry before it leaves.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, header};
use pki::Certificate;
use pki::cms::sign::CmsSigner;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::attachments::{AttachedDocument, of_application};
use super::kinds::{HolderKind, SealKind};
use super::model::{Application, SealVersion};
use super::picture::media_type;
use super::records::{self, bytes, int, optional, text};
use crate::app::{App, Unsealed};
use crate::documents::http::LEAF;
use crate::journal::Unit;
use crate::policy::{FileSeal, Resource};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::store::Row;
use crate::store::tables::{CERTIFICATES, ORGANISATIONS, SEALS};

/// The route.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(filing))
}

/// What the record is to hold.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct FilingQuery {
    /// With a person's number in clear, where a person holds the seal.
    #[serde(default)]
    person_number: bool,
}

/// The filing record of a seal, and what goes with it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Filing {
    /// The record: JSON, of which each octet is signed.
    record: String,
    /// Signature of the seal-maker over the octets of `record`: CMS (RFC 5652, or GM/T 0010) without content, base64.
    signature: String,
    /// The picture, base64.
    picture: String,
    /// Its media type.
    picture_type: String,
    /// The SESeal (GB/T 38540), base64; `null` where the seal was made without.
    eseal: Option<String>,
    /// The seal's certificate, PEM.
    certificate: String,
    /// The seal-maker's certificate, PEM.
    maker: String,
}

/// Export the filing record of a seal
#[utoipa::path(
    get,
    path = "/v1/seals/{id}/filing",
    params(("id" = String, Path, description = "Identifier of the seal"), FilingQuery),
    responses(
        (status = 200, description = "The record, signed", body = Filing),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "seals"
)]
async fn filing(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    query: std::result::Result<Query<FilingQuery>, QueryRejection>,
) -> Result<Response> {
    let Query(query) = query?;
    let unsealed = app.unsealed()?;
    let seal = app.db.row(&SEALS, &id).await?;
    let seal =
        seal.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such seal.").with("zh", "没有该印章"))?;
    let resource = Resource::seal(&id, text(&seal, "organisation")).at_version(seal.version());
    let permit = session.permit::<FileSeal>(resource)?;
    let now = unsealed.journal.clock().now().map_err(crate::journal::CommitError::ClockUntrusted)?;
    let made = match int(&seal, "number") {
        Some(number) => records::version(&app.db, &id, number).await?,
        None => None,
    };
    let number = query.person_number.then(|| person_number(&app, &unsealed, &seal)).transpose()?.flatten();
    let record = record(&app, &seal, number.as_deref(), now).await?.to_string();
    let (signature, maker) = signed(&app, &unsealed, &seal, record.as_bytes())?;
    let certificate = certificate(&app, &seal).await?;
    let facts = json!({
        "seal": id, "version": seal.version(), "record": sha256(record.as_bytes()),
        "person_number": number.is_some(),
    });
    let unit = Unit::new(permit.act()).facts(facts).guard(&SEALS, seal.id(), seal.version());
    let committed = unsealed.journal.commit(unit).await?;
    let picture = bytes(&seal, "picture").unwrap_or_default();
    let filing = Filing {
        record,
        signature: STANDARD.encode(signature),
        picture_type: media_type(&picture).to_owned(),
        picture: STANDARD.encode(picture),
        eseal: made.as_ref().and_then(|row| bytes(row, "eseal")).map(|octets| STANDARD.encode(octets)),
        certificate: certificate.to_pem(),
        maker: maker.to_pem(),
    };
    let mut response = Json(filing).into_response();
    response.headers_mut().insert(LEAF, HeaderValue::from(committed.leaf));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Everything about a seal, as its authority files it. Names are those of the API.
async fn record(app: &App, seal: &Row, number: Option<&str>, now: i64) -> Result<Value> {
    let versions = records::versions(&app.db, seal.id()).await?;
    let present = versions.iter().find(|row| int(row, "number") == int(seal, "number"));
    let application = match present.and_then(|row| optional(row, "application")) {
        Some(id) => records::application(&app.db, &id).await?,
        None => None,
    };
    let documents = match &application {
        Some(row) => of_application(&app.db, row.id()).await?,
        None => Vec::new(),
    };
    let organisation = app.db.row(&ORGANISATIONS, text(seal, "organisation")).await?;
    let certificate = certificate(app, seal).await?;
    let picture = bytes(seal, "picture").unwrap_or_default();
    let summary = records::summary(seal).at(now);
    let kind = summary.kind.map(|kind| json!({ "number": kind.number(), "name": SealKind::zh(kind) }));
    let history: Vec<Value> = versions.iter().map(|row| json!(SealVersion::from(row))).collect();
    let application = application.as_ref().map(Application::try_from).transpose()?;
    let documents: Vec<AttachedDocument> = documents.iter().map(AttachedDocument::from).collect();
    Ok(json!({
        "format": "cinnabar-seal-filing/1",
        "exported": jiff::Timestamp::from_microsecond(now).map_err(Problem::internal)?,
        "filing": summary.filing,
        "code": summary.code,
        "kind": kind,
        "level_name": summary.level.map(super::kinds::Level::zh),
        "state_name": summary.state.zh(),
        "organisation": {
            "id": text(seal, "organisation"),
            "name": organisation.as_ref().map(|row| text(row, "name")),
        },
        "holder": holder(seal, number),
        "picture": {
            "media_type": media_type(&picture), "sha256": sha256(&picture),
            "width_mm": summary.width_mm, "height_mm": summary.height_mm,
        },
        "eseal_sha256": present.and_then(|row| optional(row, "eseal_digest")),
        "certificate": {
            "sha256": hex::encode(certificate.sha256_fingerprint()),
            "serial": hex::encode(certificate.serial()),
            "not_before": jiff::Timestamp::from_second(certificate.not_before()).map_err(Problem::internal)?,
            "not_after": jiff::Timestamp::from_second(certificate.not_after()).map_err(Problem::internal)?,
        },
        "application": application,
        "documents": documents,
        "versions": history,
        "seal": summary,
    }))
}

/// Who holds the seal; a person's number only where it is asked for.
fn holder(seal: &Row, number: Option<&str>) -> Value {
    let kind = optional(seal, "holder_kind").and_then(|word| HolderKind::parse(&word));
    let number = match kind {
        Some(HolderKind::Person) => number.map(ToOwned::to_owned),
        _ => optional(seal, "holder_number"),
    };
    json!({ "kind": kind, "kind_name": kind.map(HolderKind::zh), "number": number })
}

/// The number of the person who holds the seal, opened.
fn person_number(app: &App, unsealed: &Unsealed, seal: &Row) -> Result<Option<String>> {
    let Some(sealed) = bytes(seal, "holder_sealed") else { return Ok(None) };
    let label = app.hierarchy.data_key("side-records").map(|key| key.label.clone());
    let label = label.ok_or_else(|| Problem::internal("the hierarchy has no key for personal detail"))?;
    let number = super::service::holder_number(unsealed.custody.as_ref(), &label, &sealed)?;
    Ok(Some(number))
}

async fn certificate(app: &App, seal: &Row) -> Result<Certificate> {
    let row = app.db.row(&CERTIFICATES, text(seal, "certificate")).await?;
    let der = row.as_ref().and_then(|row| bytes(row, "der"));
    let der = der.ok_or_else(|| Problem::internal("a seal's certificate is not on record"))?;
    Certificate::from_der(&der).map_err(Problem::internal)
}

/// The seal-maker's signature over the record, and its certificate.
fn signed(app: &App, unsealed: &Unsealed, seal: &Row, record: &[u8]) -> Result<(Vec<u8>, Certificate)> {
    let suite = optional(seal, "suite");
    let suite = suite.as_deref().unwrap_or(crypto::Suite::INTERNATIONAL.name);
    let suite = crypto::Suite::by_name(suite).map_err(Problem::internal)?;
    let maker = app.seal_maker(suite).ok_or_else(|| {
        let text = "The key hierarchy has no seal maker for the seal's suite; extend it.";
        Problem::new(Kind::NotReady, text).with("zh", "未配置该密码套件的制章者")
    })?;
    let signer = unsealed.custody.signer(&maker.label)?;
    let cms = CmsSigner::typed(suite, signer, &maker.certificate, &[]).map_err(Problem::internal)?;
    let signature = cms.sign(&cms.digest_algorithm().digest(record)).map_err(Problem::internal)?;
    Ok((signature, maker.certificate))
}

fn sha256(octets: &[u8]) -> String {
    hex::encode(crypto::DigestAlgorithm::Sha256.digest(octets))
}
