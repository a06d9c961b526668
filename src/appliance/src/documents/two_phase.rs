//! Two-phase signing over the API: the document, or its digest alone, and a signature that is made elsewhere or here.
//!
//! `prepare` and `embed` are for callers that hold their own key and have no PDF library. `sign-digest` is for callers
//! that keep the document: a seal of this service signs its digest. What is signed there is a CMS's signed attributes
//! (or the TBS_Sign of an SES_Signature) with the digest among them, as for any document, so custody signs a message and
//! no pre-hashed value: the caller chooses a document it does not show, never the octets that the key signs. Since nobody here sees the document it is
//! an act of its own (`document.sign-digest`), which policies may forbid per seal or caller, and what the record says of
//! the document is the caller's word, marked `two-phase`.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, http};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use pdf::sign::SignatureRequest;
use pdf::syntax::{Document, Limits};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::digest::{self, DigestOrder};
use super::http::{LEAF, tools};
use super::intake::{Form, expect_pdf, named, spilled, take};
use super::model::{BadParameter, is_identifier, is_shown_text};
use super::parameters::{Format, Level, Place, SealQuery};
use super::preparation::Preparation;
use super::replay::ReplayKey;
use super::sealing::{Look, SealingError, lacks_end, signature_request};
use super::service::{DocumentError, Sealed};
use crate::app::App;
use crate::config::Digest;
use crate::journal::CommitError;
use crate::policy::{ReadSeal, Resource, SignDigest, VerifyDocument};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;

/// What a client needs to prepare a signature by a seal.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TwoPhaseTerms {
    /// Identifier of the seal.
    pub seal: String,
    /// Name as it stands on the seal.
    pub name: String,
    /// Width in millimetres.
    pub width_mm: f64,
    /// Height in millimetres.
    pub height_mm: f64,
    /// The digest algorithm of its signatures.
    #[schema(value_type = String)]
    pub algorithm: Digest,
    /// Octets to reserve for its signature.
    pub reserve: usize,
}

/// Which level is meant.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct TermsQuery {
    /// `b-b` or `b-t`; higher levels are reached by raising the signed document.
    level: Option<Level>,
    /// `cms` or `ses`.
    format: Option<Format>,
}

/// What preparing a signature by this seal takes.
#[utoipa::path(
    get,
    path = "/v1/seals/{id}/two-phase",
    params(("id" = String, Path, description = "Identifier of the seal"), TermsQuery),
    responses(
        (status = 200, description = "The terms", body = TwoPhaseTerms),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "documents"
)]
pub(super) async fn terms(
    State(app): State<Arc<App>>,
    session: Session,
    Path(id): Path<String>,
    query: std::result::Result<Query<TermsQuery>, QueryRejection>,
) -> Result<Json<TwoPhaseTerms>> {
    let unsealed = app.unsealed()?;
    let Query(TermsQuery { level, format }) = query?;
    let level = two_phase_level(level)?;
    let chain = app.desk.chain(&app).map_err(Problem::internal)?;
    let seal = app.desk.seals.ready(&app.db, unsealed.custody.as_ref(), &chain, &id).await?;
    session.permit::<ReadSeal>(Resource::seal(&seal.summary.id, &seal.summary.organisation))?;
    let (reserve, algorithm) = digest::reserve(&app, &seal, format.unwrap_or_default(), level).await?;
    let algorithm = digest_of(algorithm)?;
    let summary = &seal.summary;
    Ok(Json(TwoPhaseTerms {
        seal: summary.id.clone(),
        name: summary.name.clone(),
        width_mm: summary.width_mm,
        height_mm: summary.height_mm,
        algorithm,
        reserve,
    }))
}

/// Parameters of `POST /v1/documents/sign-digest`.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct SignDigestQuery {
    /// Identifier of the seal.
    seal: String,
    /// The digest over the ByteRange of the prepared document, hexadecimal.
    digest: String,
    /// Its algorithm: that of the seal's signatures.
    #[param(value_type = String)]
    algorithm: Digest,
    /// SHA-256 of the document before it was prepared, hexadecimal; for the record.
    document_digest: String,
    /// Its length in octets; for the record.
    document_length: u64,
    /// `cms` (a detached CMS; when left out) or `ses` (an SES_Signature of GB/T 38540).
    format: Option<Format>,
    /// What an SES_Signature says of the digest (propertyInfo): visible ASCII, at most 1024 characters; for a PDF
    /// `/ByteRange [a b c d]`.
    property_info: Option<String>,
    /// `b-b`, or `b-t` for a time-stamp inside the signature.
    level: Option<Level>,
    /// Octets reserved; nothing is signed when they are too few.
    reserved: Option<usize>,
    /// Case number for the record.
    case_number: Option<String>,
    /// Code of the service item for the record.
    item: Option<String>,
    /// Kind of the document for the record.
    document_kind: Option<String>,
    /// What it is sealed for; kept where it can be erased.
    purpose: Option<String>,
    /// Who works on the case at the caller's; kept where it can be erased.
    operator: Option<String>,
}

impl SignDigestQuery {
    fn check(self) -> std::result::Result<DigestOrder, BadParameter> {
        let bad = |name, reason| Err(BadParameter { name, reason });
        if !is_identifier(&self.seal) {
            return bad("seal", "write the seal's identifier: letters, digits, `-`, `_` and `.`, at most 64");
        }
        let algorithm = crypto::DigestAlgorithm::from(self.algorithm);
        let Some(digest) = octets(&self.digest, algorithm.output_len()) else {
            return bad(
                "digest",
                "write the digest in lower-case hexadecimal, as long as its algorithm makes it",
            );
        };
        if octets(&self.document_digest, 32).is_none() {
            return bad("document_digest", "write the document's SHA-256 in lower-case hexadecimal");
        }
        for (name, text) in [
            ("case_number", &self.case_number),
            ("item", &self.item),
            ("document_kind", &self.document_kind),
            ("purpose", &self.purpose),
            ("operator", &self.operator),
        ] {
            if text.as_ref().is_some_and(|text| !is_shown_text(text, 256)) {
                return bad(name, "write 1 to 256 visible characters, or leave it out");
            }
        }
        let format = self.format.unwrap_or_default();
        let property = property(format, self.property_info)?;
        Ok(DigestOrder {
            seal: self.seal,
            format,
            digest,
            algorithm,
            property,
            seen: false,
            document_digest: self.document_digest,
            document_length: self.document_length,
            level: self.level.unwrap_or_default(),
            reserved: self.reserved,
            case_number: self.case_number,
            item: self.item,
            document_kind: self.document_kind,
            purpose: self.purpose,
            operator: self.operator,
        })
    }
}

/// What an SES_Signature is to say of its content: an IA5String, of which only what shows is taken.
pub(super) fn property(
    format: Format,
    given: Option<String>,
) -> std::result::Result<Option<String>, BadParameter> {
    let Some(text) = given else { return Ok(None) };
    let bad = |reason| Err(BadParameter { name: "property_info", reason });
    if format != Format::Ses {
        return bad("only an SES_Signature has it: ask for `format=ses` or leave it out");
    }
    if text.len() > MOST_PROPERTY || !text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return bad("write at most 1024 visible ASCII characters");
    }
    Ok(Some(text))
}

fn octets(text: &str, length: usize) -> Option<Vec<u8>> {
    let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    hex::decode(text).ok().filter(|octets| lower && octets.len() == length)
}

/// Have a seal sign the digest of a document that stays with the caller.
///
/// The answer is a detached CMS (PAdES B-B or B-T) whose message digest is `digest`, or with `format=ses` an SES_Signature
/// whose dataHash it is, recorded as a use of the seal of the kind `two-phase` before it leaves. Put it into the prepared document with `cinnabar pdf embed` or
/// `/v1/documents/embed`.
#[utoipa::path(
    post,
    path = "/v1/documents/sign-digest",
    params(SignDigestQuery, ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request answer the same for 24 hours")),
    responses(
        (status = 201, description = "The signature, DER",
         content((Vec<u8> = "application/cms"), (Vec<u8> = "application/octet-stream")),
         headers(("Location" = String, description = "The record"),
                 ("Cinnabar-Leaf" = u64, description = "Its leaf of the log"))),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "documents"
)]
pub(super) async fn sign_digest(
    State(app): State<Arc<App>>,
    session: Session,
    query: std::result::Result<Query<SignDigestQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response> {
    let unsealed = app.unsealed()?;
    let order = query?.0.check()?;
    two_phase_level(Some(order.level))?;
    let chain = app.desk.chain(&app).map_err(Problem::internal)?;
    let seal = app.desk.seals.ready(&app.db, unsealed.custody.as_ref(), &chain, &order.seal).await?;
    let resource = Resource::seal(&seal.summary.id, &seal.summary.organisation);
    let permit = session.permit::<SignDigest>(resource.at_version(seal.summary.version))?;
    let text = format!("{order:?}");
    let replay = ReplayKey::of(&headers, &session.caller().id, "documents/sign-digest", &[text.as_bytes()])?;
    let tools = tools(&app, &unsealed)?;
    let (id, format) = (order.seal.clone(), order.format);
    let signed = match digest::sign(&app, tools, permit, &seal, order, replay).await {
        Ok(signed) => signed,
        Err(error) => {
            if let DocumentError::Commit(CommitError::Conflict { .. }) = error {
                session.renewed()?;
                app.desk.seals.ready(&app.db, unsealed.custody.as_ref(), &chain, &id).await?;
            }
            return Err(error.into());
        }
    };
    alone(signed, format.media_type())
}

/// The answer that is a signature by itself.
pub(super) fn alone(signed: Sealed, media_type: &'static str) -> Result<Response> {
    let mut response = (StatusCode::CREATED, signed.tail).into_response();
    let set = response.headers_mut();
    set.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Some((record, leaf)) = signed.records.first() {
        let location = HeaderValue::try_from(format!("/v1/seal-uses/{record}")).map_err(Problem::internal)?;
        set.insert(header::LOCATION, location);
        set.insert(LEAF, HeaderValue::from(*leaf));
    }
    Ok(response)
}

/// Parameters of `POST /v1/documents/prepare`.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PrepareQuery {
    /// A seal of this service, whose picture is shown and whose size is reserved; for keys of one's own leave it out.
    seal: Option<String>,
    /// What the signature will be: `cms` or `ses`.
    format: Option<Format>,
    /// Octets to reserve for the signature; needed without `seal`.
    reserve: Option<usize>,
    /// The digest algorithm that it will be over; `sha-256` when left out. With `seal` it is that of the seal.
    #[param(value_type = Option<String>)]
    algorithm: Option<Digest>,
    /// Name of the signer as viewers show it, without `seal`.
    name: Option<String>,
    /// `b-b` or `b-t`, with `seal`.
    level: Option<Level>,
    /// Page to show the seal on, from 1; negative numbers count from the last page.
    page: Option<i32>,
    /// Left edge of the seal, in millimetres from the left of the page as a reader sees it.
    x_mm: Option<f64>,
    /// Upper edge of the seal, in millimetres from the top of the page as a reader sees it.
    y_mm: Option<f64>,
    /// Text on which the seal is centred.
    keyword: Option<String>,
    /// Which occurrence of the text, from 1.
    occurrence: Option<u32>,
    /// Name of the signature field.
    field: Option<String>,
    /// Certifies the document: 1, 2 or 3.
    certify: Option<u8>,
    /// Reason shown by viewers.
    reason: Option<String>,
    /// Place shown by viewers.
    location: Option<String>,
}

/// Prepare a signature whose key is elsewhere.
///
/// Answers the digest that a detached CMS has to be over and everything that `embed` needs; nothing is recorded, for
/// nothing is signed. With `seal` it shows the seal's picture, to be signed by `sign-digest`.
#[utoipa::path(
    post,
    path = "/v1/documents/prepare",
    params(PrepareQuery),
    request_body(content = Vec<u8>, content_type = "application/pdf"),
    responses(
        (status = 200, description = "The prepared signature", body = Preparation),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "documents"
)]
pub(super) async fn prepare(
    State(app): State<Arc<App>>,
    session: Session,
    query: std::result::Result<Query<PrepareQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Preparation>> {
    let unsealed = app.unsealed()?;
    let query = query?.0;
    expect_pdf(&headers)?;
    session.permit::<VerifyDocument>(Resource::document())?;
    let level = two_phase_level(query.level)?;
    let (seal, reserve, algorithm) = match &query.seal {
        Some(id) => {
            let chain = app.desk.chain(&app).map_err(Problem::internal)?;
            let seal = app.desk.seals.ready(&app.db, unsealed.custody.as_ref(), &chain, id).await?;
            session.permit::<ReadSeal>(Resource::seal(&seal.summary.id, &seal.summary.organisation))?;
            let (reserve, algorithm) =
                digest::reserve(&app, &seal, query.format.unwrap_or_default(), level).await?;
            let algorithm = digest_of(algorithm)?;
            (Some(seal), query.reserve.unwrap_or(reserve), algorithm)
        }
        None => {
            let missing = BadParameter {
                name: "reserve",
                reason: "without `seal`, say how large the signature may be",
            };
            (None, query.reserve.ok_or(missing)?, query.algorithm.unwrap_or(Digest::Sha256))
        }
    };
    if reserve > MOST_RESERVED {
        return Err(BadParameter { name: "reserve", reason: "at most 1 MiB is reserved" }.into());
    }
    let name = query.name.clone();
    if name.as_ref().is_some_and(|name| !is_shown_text(name, 256)) {
        return Err(BadParameter { name: "name", reason: "write 1 to 256 visible characters" }.into());
    }
    let request = query.place().check()?;
    if seal.is_none() && request.place != Place::Invisible {
        let reason = "only a `seal` has a picture; prepare with your own by `cinnabar pdf prepare`";
        return Err(BadParameter { name: "seal", reason }.into());
    }
    let document = take(&app, &session, &headers, body).await?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?.div_euclid(1_000_000);
    let job = move || {
        let limits = Limits::default();
        let opened = Document::open(document.as_ref(), &limits).map_err(|error| {
            Problem::from(SealingError::Open { truncated: lacks_end(document.as_ref()), error })
        })?;
        let named = seal.as_ref().map(|seal| seal.summary.name.as_str()).or(name.as_deref());
        let look = Look { name: named, picture: seal.as_ref().map(|seal| seal.picture()), ..Look::default() };
        let signature = signature_request(&opened, &request, &look, now)?;
        let signature = SignatureRequest { digest: algorithm.into(), ..signature };
        let prepared = pdf::sign::prepare(&opened, &signature, reserve)
            .map_err(|error| super::problems::preparing(&error))?;
        Preparation::of(prepared, document.as_ref(), algorithm, request.format)
            .map_err(super::problems::digesting)
    };
    Ok(Json(app.desk.work(job).await??))
}

/// The parts of `POST /v1/documents/embed`, in this order.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the form, which is read part by part")]
pub(super) struct EmbedForm {
    /// What `prepare` answered.
    prepared: Preparation,
    /// The detached CMS over its digest, or the SES_Signature where that was prepared; DER.
    #[schema(format = Binary, content_media_type = "application/cms")]
    cms: Vec<u8>,
}

/// Put a signature into what was prepared for it.
///
/// The answer is what to append to the original document, octet for octet; it is given only for a sound detached
/// CMS, or SES_Signature where that was prepared, over the prepared digest.
#[utoipa::path(
    post,
    path = "/v1/documents/embed",
    request_body(content = EmbedForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "The octets to append", content_type = "application/octet-stream",
         headers(("Content-Digest" = String, description = "RFC 9530, over these octets"))),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "documents"
)]
pub(super) async fn embed(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    session.permit::<VerifyDocument>(Resource::document())?;
    let mut form = Form::open(&app, &headers, body)?;
    let mut hold = app.config.limits.spill_threshold;
    let mut part = async |name| {
        let Some(field) = form.next().await? else {
            return Err(Problem::new(Kind::MalformedRequest, format!("The `{name}` part is missing.")));
        };
        named(&field, name)?;
        // Both parts together hold what one body may.
        let (part, checked) = form.any(&app, &session, field, MOST_PREPARED, hold, true).await?;
        checked?;
        hold = hold.saturating_sub(part.held());
        Ok::<_, Problem>(part)
    };
    let (prepared, cms) = (part("prepared").await?, part("cms").await?);
    form.end().await?;
    let tail = app.desk.embedded(move || {
        let prepared = Preparation::read(&prepared.octets().map_err(Problem::internal)?)?;
        Ok::<_, Problem>(prepared.embed(&cms.octets().map_err(Problem::internal)?)?.tail)
    });
    let (turn, tail) = tail.await?;
    // It may wait long for its reader, and is spilled as what came was.
    let tail = spilled(&app, &session, tail?.into()).await?;
    drop(turn);
    let digest = tail.sha256();
    let mut response = Response::new(Arc::new(tail).into_body(Bytes::new()));
    let set = response.headers_mut();
    set.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    let digest = HeaderValue::try_from(format!("sha-256=:{}:", STANDARD.encode(digest)));
    set.insert("content-digest", digest.map_err(Problem::internal)?);
    Ok(response)
}

impl PrepareQuery {
    fn place(self) -> SealQuery {
        SealQuery {
            seal: self.seal.unwrap_or_else(|| "none".to_owned()),
            format: self.format,
            page: self.page,
            x_mm: self.x_mm,
            y_mm: self.y_mm,
            keyword: self.keyword,
            occurrence: self.occurrence,
            field: self.field,
            certify: self.certify,
            reason: self.reason,
            location: self.location,
            ..SealQuery::default()
        }
    }
}

fn two_phase_level(level: Option<Level>) -> std::result::Result<Level, BadParameter> {
    match level.unwrap_or_default() {
        level @ (Level::BB | Level::BT) => Ok(level),
        Level::BLt | Level::BLta => Err(BadParameter {
            name: "level",
            reason: "two-phase signatures are made at `b-b` or `b-t`; raise the signed document afterwards",
        }),
    }
}

fn digest_of(algorithm: crypto::DigestAlgorithm) -> Result<Digest> {
    [Digest::Sha256, Digest::Sha384, Digest::Sha512, Digest::Sm3]
        .into_iter()
        .find(|digest| crypto::DigestAlgorithm::from(*digest) == algorithm)
        .ok_or_else(|| Problem::internal(format!("a seal signs over {}", algorithm.name())))
}

/// Octets that the parts of `embed` may have: appearances with pictures make up the most of them.
const MOST_PREPARED: u64 = 16 * 1024 * 1024;

/// Characters of propertyInfo: a range of octets takes a tenth of it.
const MOST_PROPERTY: usize = 1024;

/// Octets that may be reserved: CMS with many certificates and a time-stamp stay below a tenth of it.
const MOST_RESERVED: usize = 1024 * 1024;
