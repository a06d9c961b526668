//! How certificates leave: JSON, PEM or DER by what the client accepts, with receipt and version; and how the answer to a
//! repeated request is found again (decision 32).

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use pki::Certificate;

use super::error::CertificateError;
use super::issue::{Issued, on_record};
use super::model::{CertificateRecord, IssuedCertificate, RequestRecord};
use super::records;
use super::request::{Outcome, Pending};
use crate::app::{App, Unsealed};
use crate::documents::http::LEAF;
use crate::documents::replay::{ReplayError, ReplayKey};
use crate::journal::{CommitError, Unit};
use crate::problem::{Kind, Problem, Result};
use crate::store::Row;

/// In which form a client wants certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The record, JSON.
    Json,
    /// The certificate and its chain, PEM (RFC 8555 §9.1).
    Pem,
    /// The certificate alone, DER (RFC 2585).
    Der,
}

impl Form {
    /// What `Accept` asks for; `usual` when it asks for nothing in particular.
    pub(super) fn of(headers: &HeaderMap, usual: Self) -> Result<Self> {
        let Some(accept) = headers.get(header::ACCEPT) else { return Ok(usual) };
        let accept = accept.to_str().unwrap_or_default();
        let mut best: Option<(u32, Self)> = None;
        for range in accept.split(',').take(32) {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let form = match kind.as_str() {
                "application/json" => Self::Json,
                "application/pem-certificate-chain" | "application/x-pem-file" => Self::Pem,
                "application/pkix-cert" => Self::Der,
                "*/*" | "application/*" => usual,
                _ => continue,
            };
            let quality = parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse::<f32>().ok());
            let quality = quality_of(quality.unwrap_or(1.0));
            if quality > 0 && best.is_none_or(|(known, _)| quality > known) {
                best = Some((quality, form));
            }
        }
        best.map(|(_, form)| form).ok_or_else(|| {
            Problem::new(
                Kind::NotAcceptable,
                "Accept `application/json`, `application/pem-certificate-chain` or `application/pkix-cert`.",
            )
        })
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1000")]
fn quality_of(quality: f32) -> u32 {
    (quality.clamp(0.0, 1.0) * 1000.0) as u32
}

/// A certificate just issued, or answered again.
pub(super) fn issued(issued: &Issued, form: Form) -> Response {
    let mut response = match form {
        Form::Json => {
            let body = IssuedCertificate {
                certificate: CertificateRecord::from(&issued.row),
                pem: issued.certificate.to_pem(),
                chain: issued.chain.iter().map(Certificate::to_pem).collect(),
                leaf: issued.committed.leaf,
                receipt: issued.committed.receipt.to_text(),
            };
            (StatusCode::CREATED, Json(body)).into_response()
        }
        form => (StatusCode::CREATED, encoded(&issued.certificate, &issued.chain, form)).into_response(),
    };
    marks(response.headers_mut(), &issued.row, Some(issued.committed.leaf));
    set(response.headers_mut(), header::LOCATION, &format!("/v1/certificates/{}", issued.row.id()));
    content_type(response.headers_mut(), form);
    response
}

/// A request that awaits approvals.
pub(super) fn pending(pending: &Pending) -> Response {
    let mut response = (StatusCode::ACCEPTED, Json(RequestRecord::of(&pending.row, &[]))).into_response();
    let leaf = pending.committed.as_ref().map(|committed| committed.leaf);
    marks(response.headers_mut(), &pending.row, leaf);
    set(response.headers_mut(), header::LOCATION, &format!("/v1/certificate-requests/{}", pending.row.id()));
    set(response.headers_mut(), header::RETRY_AFTER, "60");
    response
}

/// What came of asking.
pub(super) fn outcome(outcome: &Outcome, form: Form) -> Response {
    match outcome {
        Outcome::Issued(one) => issued(one, form),
        Outcome::Pending(one) => pending(one),
    }
}

/// A certificate on record.
pub(super) fn read(
    row: &Row,
    certificate: &Certificate,
    chain: &[Certificate],
    form: Form,
    headers: &HeaderMap,
) -> Response {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|tag| tag.to_str().ok()).unwrap_or_default();
    let tag = format!("\"{}\"", row.version());
    let mut response = match form {
        // RFC 9110 §13.1.2.
        _ if known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag) => {
            StatusCode::NOT_MODIFIED.into_response()
        }
        Form::Json => Json(CertificateRecord::from(row)).into_response(),
        form => encoded(certificate, chain, form).into_response(),
    };
    if response.status() == StatusCode::OK {
        content_type(response.headers_mut(), form);
    }
    marks(response.headers_mut(), row, None);
    set(response.headers_mut(), header::VARY, "accept");
    response
}

fn encoded(certificate: &Certificate, chain: &[Certificate], form: Form) -> Vec<u8> {
    match form {
        Form::Der => certificate.der().to_vec(),
        _ => [certificate].into_iter().chain(chain).map(Certificate::to_pem).collect::<String>().into_bytes(),
    }
}

fn content_type(headers: &mut HeaderMap, form: Form) {
    let kind = match form {
        Form::Json => return,
        Form::Pem => "application/pem-certificate-chain",
        Form::Der => "application/pkix-cert",
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
}

/// Version and leaf of a row.
pub(super) fn marks(headers: &mut HeaderMap, row: &Row, leaf: Option<u64>) {
    set(headers, header::ETAG, &format!("\"{}\"", row.version()));
    let known = row.value("leaf").as_int().and_then(|leaf| u64::try_from(leaf).ok());
    if let Some(leaf) = leaf.or(known) {
        headers.insert(LEAF, HeaderValue::from(leaf));
    }
}

pub(super) fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// The idempotency of one request: what was answered before, and the row that keeps an answer.
pub(super) struct Replay<'a> {
    key: Option<ReplayKey>,
    unsealed: &'a Arc<Unsealed>,
    label: &'a str,
}

impl<'a> Replay<'a> {
    /// By the request's header; `parts` tell one request from another.
    pub(super) fn of(
        app: &'a App,
        unsealed: &'a Arc<Unsealed>,
        headers: &HeaderMap,
        caller: &str,
        route: &str,
        parts: &[&[u8]],
    ) -> Result<Self> {
        let label = app.hierarchy.data_key("replay").map(|key| key.label.as_str());
        let label = label.ok_or_else(|| Problem::internal("the hierarchy has no `replay` key"))?;
        Ok(Self { key: ReplayKey::of(headers, caller, route, parts)?, unsealed, label })
    }

    /// What was answered to the same request before.
    pub(super) async fn known(&self, app: &App) -> std::result::Result<Option<Outcome>, CertificateError> {
        let Some(key) = &self.key else { return Ok(None) };
        let Some(kept) = key.open(&app.db, &self.unsealed.custody, self.label).await? else {
            return Ok(None);
        };
        let damaged = || ReplayError::Damaged("it names nothing on record".to_owned());
        let text = std::str::from_utf8(&kept).map_err(|_| damaged())?;
        match text.split_once(' ') {
            Some(("certificate", id)) => {
                let row = records::certificate(&app.db, id).await?.ok_or_else(damaged)?;
                Ok(Some(Outcome::Issued(Box::new(on_record(app, row).await?))))
            }
            Some(("request", id)) => {
                let row = records::request(&app.db, id).await?.ok_or_else(damaged)?;
                Ok(Some(Outcome::Pending(Box::new(Pending { row, committed: None }))))
            }
            _ => Err(damaged().into()),
        }
    }

    /// Keeps the answer in the act's own unit.
    pub(super) fn keep(
        &self,
        what: &str,
        row: &Row,
        unit: Unit,
    ) -> std::result::Result<Unit, CertificateError> {
        let Some(key) = &self.key else { return Ok(unit) };
        let now = self.unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
        let text = format!("{what} {}", row.id());
        Ok(unit.cache_insert(key.seal(text.as_bytes(), now, &self.unsealed.custody, self.label)?))
    }

    /// The loser of a race, and who does not know the outcome, get what is on record.
    pub(super) async fn after(&self, app: &App, error: CertificateError) -> Result<Outcome> {
        let unsettled = matches!(
            &error,
            CertificateError::Commit(CommitError::Exists { .. } | CommitError::OutcomeUnknown(_))
        );
        match self.known(app).await {
            Ok(Some(known)) if unsettled => Ok(known),
            _ => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(accept: &str) -> Option<Form> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        Form::of(&headers, Form::Json).ok()
    }

    #[test]
    fn what_is_accepted_most_is_sent() {
        assert_eq!(Form::of(&HeaderMap::new(), Form::Pem).ok(), Some(Form::Pem));
        assert_eq!(form("*/*"), Some(Form::Json));
        assert_eq!(form("application/pkix-cert"), Some(Form::Der));
        assert_eq!(form("application/json;q=0.5, application/pem-certificate-chain"), Some(Form::Pem));
        assert_eq!(form("text/html, application/*;q=0.1"), Some(Form::Json));
        assert_eq!(form("text/html"), None);
        assert_eq!(form("application/json;q=0"), None);
    }
}
