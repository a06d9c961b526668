//! Verifying in the shape of GB/T 36906's shared-service interface: `POST /v1/shared/verify-info` and `/v1/shared/verify-file`,
//! for platforms that speak it. Names of members are those of the metadata (GB/T 36903, pinyin keys), answers carry the
//! standard's result codes. Judges nothing itself, but hands on to its neighbours here.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use http::HeaderMap;
use licence::identifier::Identifier;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::fields;
use super::file::by_file;
use super::identifier::{Entry, by_entries};
use super::verdict::{Audience, Code, FileCode, Reason, Verdict};
use crate::app::App;
use crate::documents::intake::{expect_pdf, take};
use crate::policy::{Resource, VerifyLicence};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(info)).routes(routes!(file))
}

/// Information of a licence to be verified, by the keys of its metadata.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct SharedInformation {
    /// 证照标识: the identifier.
    #[serde(rename = "ZZBS")]
    pub identifier: String,
    /// What is said of it, by key of the metadata: `CZZT` the holder, `CZZTDM` the holder's code, `KZ_…` fields of the type.
    /// At least one.
    #[serde(flatten)]
    pub entries: BTreeMap<String, String>,
}

/// The answer to a verification.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SharedVerdict {
    /// Of information: 0 correct and valid, 1 not yet active, 2 suspended, 3 void, 4 incomplete, 5 not found, 6 does not match.
    /// Of a file: 0 pass, 1 the seal fails, 2 it fails.
    pub code: u8,
    /// The code in Chinese.
    pub message: String,
    /// The code in English.
    pub message_en: String,
    /// Why, in Chinese.
    pub reasons: Vec<String>,
    /// 证照标识.
    #[serde(rename = "ZZBS", skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// 证照状态, the ministry's word.
    #[serde(rename = "ZZZT", skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// 证照名称.
    #[serde(rename = "ZZMC", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// 证照颁发机构.
    #[serde(rename = "ZZBFJG", skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// 有效期起始日期 (RFC 3339).
    #[serde(rename = "ZZYXQQSRQ", skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<String>,
    /// 有效期截止日期 (RFC 3339); long-term where it is absent.
    #[serde(rename = "ZZYXQJZRQ", skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<String>,
    /// When it was verified (RFC 3339).
    pub verified: String,
}

/// Verify a licence's information (GB/T 36906)
///
/// All that is said must be right; each key must be of a field that the type lets verifiers name.
#[utoipa::path(post, path = "/v1/shared/verify-info", tag = "shared-service", request_body = SharedInformation,
    responses((status = 200, description = "The verdict", body = SharedVerdict),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn info(
    State(app): State<Arc<App>>,
    session: Session,
    body: std::result::Result<Json<SharedInformation>, JsonRejection>,
) -> Result<Json<SharedVerdict>> {
    app.require_unsealed()?;
    let Json(asked) = body?;
    let permit = session.permit::<VerifyLicence>(Resource::appliance())?;
    let entries = entries(&app, &asked).await?;
    let verdict = by_entries(&app, &Audience::Verifier(&permit), &asked.identifier, &entries).await?;
    let code = verdict.code;
    Ok(Json(told(verdict, code.number(), (code.zh(), code.en()))))
}

/// Which file is to be verified.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SharedFile {
    /// 证照标识: the identifier that the file should be of; of any licence when it is left out.
    #[serde(rename = "ZZBS")]
    pub identifier: Option<String>,
}

/// Verify a licence's file (GB/T 36906)
///
/// It passes where it is genuine and the licence in force: there is one code for both, so that who reads nothing else takes no
/// licence that was revoked, suspended or replaced.
#[utoipa::path(post, path = "/v1/shared/verify-file", tag = "shared-service", params(SharedFile),
    request_body(content((Vec<u8> = "application/pdf"))),
    responses((status = 200, description = "The verdict", body = SharedVerdict),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn file(
    State(app): State<Arc<App>>,
    session: Session,
    query: std::result::Result<Query<SharedFile>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<SharedVerdict>> {
    app.require_unsealed()?;
    let Query(query) = query?;
    expect_pdf(&headers)?;
    let wanted = query.identifier.as_deref().map(Identifier::parse).transpose();
    let wanted = wanted.map_err(|error| Problem::new(Kind::InvalidParameter, format!("`ZZBS`: {error}.")))?;
    let permit = session.permit::<VerifyLicence>(Resource::appliance())?;
    let sent = take(&app, &session, &headers, body).await?;
    let mut verdict = by_file(&app, &Audience::Verifier(&permit), sent).await?;
    let found = verdict.licence.as_ref().map(|licence| licence.identifier.as_str());
    let other =
        wanted.is_some_and(|wanted| found.is_some_and(|found| found != wanted.identifier.to_string()));
    let mut code = verdict.file.unwrap_or(FileCode::Fails);
    if code == FileCode::Pass && verdict.code != Code::Valid {
        code = FileCode::Fails;
    }
    if other {
        code = FileCode::Fails;
        verdict.licence = None;
        verdict.reasons =
            vec![Reason::new("another-licence", "该文件是另一证照的文件", "the file is another licence's")];
    }
    let words = match code {
        FileCode::Pass => ("验证通过", "passes"),
        FileCode::SealFails => ("印章验证不通过", "the seal fails"),
        FileCode::Fails => ("验证不通过", "fails"),
    };
    Ok(Json(told(verdict, code.number(), words)))
}

/// What is said, by the fields of the type; a key that nobody may name becomes a field that there is none of.
async fn entries(app: &App, asked: &SharedInformation) -> Result<Vec<Entry>> {
    let parsed = Identifier::parse(&asked.identifier).ok();
    let published = match &parsed {
        Some(parsed) => fields::of_type(app, parsed.identifier.type_code()).await?,
        None => None,
    };
    let definition = published.as_ref().map(|published| published.compiled.definition());
    let field = |key: &str| {
        let holder = definition.map(|definition| &definition.holder_fields);
        match key {
            "CZZT" => holder.map(|holder| holder.name.clone()),
            "CZZTDM" => holder.map(|holder| holder.number.clone()),
            key => {
                let mut all = published.iter().flat_map(|published| published.compiled.fields());
                all.find(|field| field.key == key).map(|field| field.name.clone())
            }
        }
    };
    let entry = |(key, value): (&String, &String)| Entry {
        field: field(key).unwrap_or_else(|| key.clone()),
        value: value.clone(),
    };
    Ok(asked.entries.iter().take(MOST_ENTRIES).map(entry).collect())
}

fn told(verdict: Verdict, code: u8, (zh, en): (&str, &str)) -> SharedVerdict {
    let licence = verdict.licence;
    let of = |member: fn(&super::verdict::Facts) -> String| licence.as_ref().map(member);
    SharedVerdict {
        code,
        message: zh.to_owned(),
        message_en: en.to_owned(),
        reasons: verdict.reasons.into_iter().map(|reason| reason.zh).collect(),
        identifier: of(|licence| format!("{}.{}", licence::identifier::OID, licence.identifier)),
        state: of(|licence| licence.state_zh.clone()),
        name: of(|licence| licence.type_name.clone()),
        issuer: licence.as_ref().and_then(|licence| licence.issuer.clone()),
        valid_from: of(|licence| licence.valid_from.clone()),
        valid_to: licence.as_ref().and_then(|licence| licence.valid_to.clone()),
        verified: verdict.verified,
    }
}

/// Entries looked at: more fields than any type lets a verifier name.
const MOST_ENTRIES: usize = 16;
