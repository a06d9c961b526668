//! `POST /v1/files/sign`: a file of any kind is signed by a seal; the signature stands beside it.
//!
//! The file comes whole and is only read: digested as it comes (and once more where the seal is over SM3), spilled beyond
//! a bound, never parsed. What is signed is a CMS whose content is detached (RFC 5652 §5.2) or an SES_Signature over the
//! digest. The file was here, so what the record says of it is known and not told, and rules that bind documents bind it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http;
use axum::response::Response;
use crypto::DigestAlgorithm;
use http::HeaderMap;
use pdf::syntax::Source;
use serde::Deserialize;
use utoipa::IntoParams;

use super::digest::{self, DigestOrder};
use super::http::tools;
use super::intake::take;
use super::model::{BadParameter, is_identifier, is_shown_text};
use super::parameters::{Format, Level};
use super::replay::ReplayKey;
use super::service::DocumentError;
use super::two_phase::{alone, property};
use crate::app::App;
use crate::journal::CommitError;
use crate::policy::{Resource, SignFile};
use crate::problem::{Problem, Result};
use crate::server::Session;
use crate::server::spill::Spooled;

/// Parameters of `POST /v1/files/sign`; the body is the file.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct SignFileQuery {
    /// Identifier of the seal.
    seal: String,
    /// `cms` (a detached CMS; when left out) or `ses` (an SES_Signature of GB/T 38540).
    format: Option<Format>,
    /// `b-b`, or `b-t` for a time-stamp inside the signature.
    level: Option<Level>,
    /// What an SES_Signature says of the file (propertyInfo): visible ASCII, at most 1024 characters; its length when
    /// left out.
    property_info: Option<String>,
    /// Case number for the record.
    case_number: Option<String>,
    /// Code of the service item for the record.
    item: Option<String>,
    /// Kind of the document for the record, as rules of use name it.
    document_kind: Option<String>,
    /// What it is signed for; kept where it can be erased.
    purpose: Option<String>,
    /// Who works on the case at the caller's; kept where it can be erased.
    operator: Option<String>,
}

/// What is wanted, checked; the file is still to come.
#[derive(Debug, Clone)]
struct Wish {
    seal: String,
    format: Format,
    level: Level,
    property: Option<String>,
    case_number: Option<String>,
    item: Option<String>,
    document_kind: Option<String>,
    purpose: Option<String>,
    operator: Option<String>,
}

impl SignFileQuery {
    fn check(self) -> std::result::Result<Wish, BadParameter> {
        let bad = |name, reason| Err(BadParameter { name, reason });
        if !is_identifier(&self.seal) {
            return bad("seal", "write the seal's identifier: letters, digits, `-`, `_` and `.`, at most 64");
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
        let (format, level) = (self.format.unwrap_or_default(), self.level.unwrap_or_default());
        if level > Level::BT {
            return bad(
                "level",
                "a signature beside a file is made at `b-b` or `b-t`: nothing can be appended to the file",
            );
        }
        let property = property(format, self.property_info)?;
        Ok(Wish {
            seal: self.seal,
            format,
            level,
            property,
            case_number: self.case_number,
            item: self.item,
            document_kind: self.document_kind,
            purpose: self.purpose,
            operator: self.operator,
        })
    }
}

/// Have a seal sign a file of any kind.
///
/// The body is the file, of whatever media type. The answer is a detached CMS over it, or with `format=ses` an
/// SES_Signature over its digest, recorded as a use of the seal of the kind `file` before it leaves.
#[utoipa::path(
    post,
    path = "/v1/files/sign",
    params(SignFileQuery, ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request answer the same for 24 hours")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 201, description = "The signature, DER",
         content((Vec<u8> = "application/pkcs7-signature"), (Vec<u8> = "application/octet-stream")),
         headers(("Location" = String, description = "The record"),
                 ("Cinnabar-Leaf" = u64, description = "Its leaf of the log"))),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "documents"
)]
pub(super) async fn sign_file(
    State(app): State<Arc<App>>,
    session: Session,
    query: std::result::Result<Query<SignFileQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let unsealed = app.unsealed()?;
    let wish = query?.0.check()?;
    let chain = app.desk.chain(&app).map_err(Problem::internal)?;
    let ready = || app.desk.seals.ready(&app.db, unsealed.custody.as_ref(), &chain, &wish.seal);
    let seal = ready().await?;
    let resource = Resource::seal(&seal.summary.id, &seal.summary.organisation);
    let resource = resource.at_version(seal.summary.version);
    // Nothing is taken in from those who may not, and nothing is signed for those who may no longer.
    session.permit::<SignFile>(resource.clone())?;
    let file = take(&app, &session, &headers, body).await?;
    let permit = session.renewed()?.permit::<SignFile>(resource)?;
    let text = format!("{wish:?}");
    let caller = &session.caller().id;
    let replay = ReplayKey::of(&headers, caller, "files/sign", &[text.as_bytes(), &file.sha256()])?;
    let algorithm = digest::algorithm(&seal, wish.format)?;
    let order = DigestOrder {
        seal: wish.seal.clone(),
        format: wish.format,
        digest: digested(&app, &file, algorithm).await?,
        algorithm,
        property: match wish.format {
            Format::Cms => None,
            Format::Ses => Some(wish.property.clone().unwrap_or_else(|| format!("/Length {}", file.len()))),
        },
        seen: true,
        document_digest: hex::encode(file.sha256()),
        document_length: file.len(),
        level: wish.level,
        reserved: None,
        case_number: wish.case_number.clone(),
        item: wish.item.clone(),
        document_kind: wish.document_kind.clone(),
        purpose: wish.purpose.clone(),
        operator: wish.operator.clone(),
    };
    match digest::sign(&app, tools(&app, &unsealed)?, permit, &seal, order, replay).await {
        Ok(signed) => alone(
            signed,
            match wish.format {
                Format::Cms => "application/pkcs7-signature",
                Format::Ses => wish.format.media_type(),
            },
        ),
        Err(error) => {
            if let DocumentError::Commit(CommitError::Conflict { .. }) = error {
                session.renewed()?;
                ready().await?;
            }
            Err(error.into())
        }
    }
}

/// The file's digest; that of its arrival is at hand.
async fn digested(
    app: &App,
    file: &Arc<Spooled>,
    algorithm: DigestAlgorithm,
) -> std::result::Result<Vec<u8>, DocumentError> {
    if algorithm == DigestAlgorithm::Sha256 {
        return Ok(file.sha256().to_vec());
    }
    let file = file.clone();
    app.desk.work(move || over(file.as_ref(), algorithm)).await?.map_err(DocumentError::Unread)
}

fn over(source: &dyn Source, algorithm: DigestAlgorithm) -> std::io::Result<Vec<u8>> {
    let mut hasher = algorithm.hasher();
    let mut part = vec![0; usize::try_from(source.len()).unwrap_or(PART).min(PART)];
    let mut offset = 0;
    while offset < source.len() {
        let next = usize::try_from(source.len() - offset).unwrap_or(PART).min(part.len());
        let part = part.get_mut(..next).unwrap_or_default();
        source.read_at(offset, part)?;
        hasher.update(part);
        offset += next as u64;
    }
    Ok(hasher.finish())
}

/// 64 KiB: fast to hash, small to hold.
const PART: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_any_length_has_the_digest_of_its_octets() {
        for length in [0, 1, PART - 1, PART, PART + 1, 3 * PART + 7] {
            let octets: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let found = over(&octets.as_slice(), DigestAlgorithm::Sha512).unwrap();
            assert_eq!(found, DigestAlgorithm::Sha512.digest(&octets), "{length}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        let query = || SignFileQuery {
            seal: "bureau".into(),
            format: None,
            level: None,
            property_info: None,
            case_number: None,
            item: None,
            document_kind: None,
            purpose: None,
            operator: None,
        };
        assert!(query().check().is_ok());
        let ses = || SignFileQuery { format: Some(Format::Ses), ..query() };
        assert!(SignFileQuery { property_info: Some("/Length 7".into()), ..ses() }.check().is_ok());
        for (query, name) in [
            (SignFileQuery { seal: "../x".into(), ..query() }, "seal"),
            (SignFileQuery { level: Some(Level::BLta), ..query() }, "level"),
            (SignFileQuery { item: Some("\u{202E}".into()), ..query() }, "item"),
            (SignFileQuery { property_info: Some("x".into()), ..query() }, "property_info"),
            (SignFileQuery { property_info: Some("公".into()), ..ses() }, "property_info"),
            (SignFileQuery { property_info: Some("x".repeat(1025)), ..ses() }, "property_info"),
        ] {
            assert_eq!(query.clone().check().unwrap_err().name, name, "{query:?}");
        }
    }
}
