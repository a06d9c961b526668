//! Evidence of our own authorities, without leaving the process: what the OCSP responder keeps ready and the newest lists.
//!
//! Nothing is verified again here: it was made by this appliance from its own records.

use bytes::Bytes;
use pki::Certificate;
use pki::ocsp::{IssuerId, RequestBuilder};

use crate::app::{App, Authority};
use crate::status::ocsp::{Answer, answer};

use super::LevelError;

/// What says that a certificate of our own is not revoked.
#[derive(Debug, Clone)]
pub(super) enum Statement {
    /// OCSPResponse, DER.
    Ocsp(Bytes),
    /// CertificateLists, DER: a full one, and its delta where there is one.
    Crls(Vec<Bytes>),
}

/// The authorities of this appliance, as far as their certificates are there.
pub(super) fn authorities(app: &App) -> Vec<Authority> {
    app.authority_labels().iter().filter_map(|label| app.authority(label).ok()).collect()
}

/// The one of them that issued `certificate`.
pub(super) fn issuer<'a>(authorities: &'a [Authority], certificate: &Certificate) -> Option<&'a Authority> {
    let named = authorities.iter().filter(|one| one.certificate.subject() == certificate.issuer());
    let mut by_key = named.filter(|one| {
        let (wanted, found) = (certificate.authority_key_id(), one.certificate.subject_key_id());
        wanted.is_none() || found.is_none() || wanted == found
    });
    by_key.next()
}

/// The path of a certificate of ours up to where our authorities end, itself first; empty when it is not ours.
pub(super) fn path(authorities: &[Authority], leaf: &Certificate) -> Vec<Certificate> {
    let mut path = vec![leaf.clone()];
    while let Some(last) = path.last().filter(|last| !last.is_self_issued() && path.len() < MAX_PATH) {
        let Some(issuer) = issuer(authorities, last) else { break };
        path.push(issuer.certificate.clone());
    }
    if path.len() == 1 { Vec::new() } else { path }
}

/// What our own responder or the newest list of `issuer` says about `certificate`.
///
/// # Errors
/// [`LevelError::Evidence`] when neither can be had.
pub(super) async fn statement(
    app: &App,
    certificate: &Certificate,
    issuer: &Certificate,
    now: i64,
) -> Result<Statement, LevelError> {
    // A response about one certificate stays small when its authority's list grows; for an authority's own certificate
    // the list of its issuer is the small one, and is there when no responder is.
    let list = || lists(app, certificate, now).map(Statement::Crls);
    if certificate.is_ca()
        && let Some(list) = list()
    {
        return Ok(list);
    }
    let id = IssuerId::of(issuer).id(certificate.serial());
    let request = RequestBuilder { ids: vec![id], nonce: None }.to_der();
    let said = match request {
        Some(request) => match answer(app, None, &request, None, now).await {
            Answer::Stored(stored) => Some(stored.der.clone()),
            Answer::Fresh(der) => Some(der),
            Answer::Error(_) => None,
        },
        None => None,
    };
    said.map(Statement::Ocsp).or_else(list).ok_or_else(|| LevelError::Evidence {
        what: format!("revocation information about `{}`", certificate.subject()),
        why: "neither a list nor a responder of this appliance speaks of it".to_owned(),
    })
}

/// The list that the certificate's own distribution points name, and the delta that it names itself (freshestCRL): some
/// validators take the one only together with the other.
fn lists(app: &App, certificate: &Certificate, now: i64) -> Option<Vec<Bytes>> {
    let at = |url: &String| {
        let (_, path) = url.split_once("/crl/")?;
        app.status.lists.at(path).filter(|list| list.next_update > now)
    };
    let full = certificate.crl_distribution_points().iter().find_map(at)?;
    let deltas = full.crl().map(pki::Crl::freshest_uris).unwrap_or_default();
    let delta = deltas.iter().find_map(at);
    Some([Some(full.der.clone()), delta.map(|delta| delta.der.clone())].into_iter().flatten().collect())
}

/// As path validation allows by default.
const MAX_PATH: usize = 8;
