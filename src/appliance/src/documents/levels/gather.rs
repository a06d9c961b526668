//! Finding what paths lack: our own authorities' statements in process, foreign ones through `fetch`, each once.

use std::collections::HashSet;
use std::sync::Arc;

use pdf::ltv::{Known, KnownError, Material};
use pki::material::Lack;
use pki::ocsp::{BasicResponse, IssuerId, RequestBuilder};
use pki::path::{Purpose, TrustAnchors};
use pki::{Certificate, Crl};

use super::own::{self, Statement};
use super::{LevelError, MAX_ROUNDS};
use crate::app::{App, Authority};

/// What the paths of certificates are made of.
///
/// # Errors
/// [`LevelError`] when one does not hold or evidence cannot be had.
pub(super) async fn paths(
    app: &Arc<App>,
    leaves: &[(Certificate, Purpose)],
    anchors: &TrustAnchors,
    known: &mut Known,
    at: i64,
) -> Result<Material, LevelError> {
    let mut finder = Finder::new(app, at);
    for _ in 0..MAX_ROUNDS {
        let (mut material, mut lacking) = (Material::default(), Vec::new());
        for (leaf, purpose) in leaves {
            let found = known
                .material_of(leaf, anchors, at, *purpose)
                .map_err(|failure| LevelError::Path { subject: leaf.subject().to_string(), failure })?;
            material.merge(found.0);
            lacking.extend(found.1);
        }
        if lacking.is_empty() {
            return Ok(material);
        }
        finder.find(&lacking, known).await?;
    }
    Err(finder.exhausted())
}

/// The material of a certificate of ours, all of it made in this process; `None` when its path leaves this appliance.
pub(super) async fn ours(
    app: &App,
    authorities: &[Authority],
    leaf: &Certificate,
    now: i64,
) -> Result<Option<Material>, LevelError> {
    let path = own::path(authorities, leaf);
    if !path.last().is_some_and(Certificate::is_self_issued) {
        return Ok(None);
    }
    let mut material = Material::default();
    for (certificate, issuer) in path.iter().zip(path.iter().skip(1)) {
        if certificate.has_no_rev_avail() && !certificate.is_ca() {
            continue;
        }
        match own::statement(app, certificate, issuer, now).await? {
            Statement::Ocsp(der) => material.ocsp.push(der.to_vec()),
            Statement::Crls(lists) => {
                for list in lists {
                    if !material.crls.contains(&list.to_vec()) {
                        material.crls.push(list.to_vec());
                    }
                }
            }
        }
    }
    material.certificates = path.iter().map(|one| one.der().to_vec()).collect();
    Ok(Some(material))
}

/// Looks for what lacks, and never twice for the same.
pub(super) struct Finder<'a> {
    app: &'a Arc<App>,
    authorities: Vec<Authority>,
    asked: HashSet<(bool, [u8; 32])>,
    now: i64,
}

impl<'a> Finder<'a> {
    pub(super) fn new(app: &'a Arc<App>, now: i64) -> Self {
        Self { app, authorities: own::authorities(app), asked: HashSet::new(), now }
    }

    /// Finds each of `lacking` and adds it to what is known.
    pub(super) async fn find(&mut self, lacking: &[Lack], known: &mut Known) -> Result<(), LevelError> {
        for lack in lacking {
            let about = (matches!(lack, Lack::Issuer { .. }), *lack.of().sha256_fingerprint());
            if !self.asked.insert(about) {
                let why = "what was found does not settle it".to_owned();
                return Err(LevelError::Evidence { what: lack.to_string(), why });
            }
            match lack {
                Lack::Issuer { of, urls } => self.issuer(lack, of, urls, known).await?,
                Lack::Revocation { of, issuer, ocsp, crls } => {
                    if let Some(own) = own::issuer(&self.authorities, of) {
                        match own::statement(self.app, of, &own.certificate, self.now).await? {
                            Statement::Ocsp(der) => known.add_ocsp_der(&der)?,
                            Statement::Crls(lists) => {
                                for list in lists {
                                    known.add_crl_der(&list)?;
                                }
                            }
                        }
                    } else {
                        self.revocation(lack, (of, issuer), (ocsp, crls), known).await?;
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn exhausted(&self) -> LevelError {
        LevelError::Evidence {
            what: "the evidence for all paths".to_owned(),
            why: format!("each of {MAX_ROUNDS} rounds of looking for it found that more is needed"),
        }
    }

    async fn issuer(
        &self,
        lack: &Lack,
        of: &Certificate,
        urls: &[String],
        known: &mut Known,
    ) -> Result<(), LevelError> {
        if let Some(own) = own::issuer(&self.authorities, of) {
            return Ok(known.add_certificate(own.certificate.clone())?);
        }
        let mut why = "its certificate names no address for it".to_owned();
        for url in urls.iter().take(MAX_URLS) {
            let key = format!("issuer {url}");
            let parsed = |der: &[u8]| Certificate::from_pem_or_der(der).map_err(|error| error.to_string());
            let fetched = self.get(&key, url, "application/pkix-cert", |der| parsed(der).map(|_| None)).await;
            match fetched.map_err(|why| why.to_string()).and_then(|der| parsed(&der)) {
                Ok(found) => {
                    let settles = found.iter().any(|found| issued(found, of));
                    for certificate in found {
                        known.add_certificate(certificate)?;
                    }
                    if settles {
                        return Ok(());
                    }
                    self.app.levels.cache.forget(&key);
                    why = format!("`{url}`: it is another's certificate");
                }
                Err(error) => why = format!("`{url}`: {error}"),
            }
        }
        Err(LevelError::Evidence { what: lack.to_string(), why })
    }

    /// Asks one address after the other, responders first, until what came settles it: an answer that is old, does not know
    /// the certificate or is signed by nobody who may is no reason to leave it at that.
    async fn revocation(
        &self,
        lack: &Lack,
        (of, issuer): (&Certificate, &Certificate),
        (ocsp, crls): (&[String], &[String]),
        known: &mut Known,
    ) -> Result<(), LevelError> {
        let mut why = "its certificate names neither a responder nor a list".to_owned();
        let (by, about) = (hex::encode(issuer.sha256_fingerprint()), hex::encode(of.sha256_fingerprint()));
        // By SHA-1, which every responder knows (RFC 9919 §3.1).
        let request = RequestBuilder { ids: vec![IssuerId::of(issuer).sha1_id(of.serial())], nonce: None };
        for url in ocsp.iter().take(MAX_URLS) {
            let Some(request) = request.to_der() else { break };
            let key = format!("ocsp {by} {about} {url}");
            match self.ask(&key, url, issuer, request).await {
                Ok(der) => {
                    known.add_ocsp_der(&der)?;
                    if settled(known, (of, issuer), self.now) {
                        return Ok(());
                    }
                    self.app.levels.cache.forget(&key);
                    why = format!("`{url}`: its answer does not settle it");
                }
                Err(error) => why = format!("`{url}`: {error}"),
            }
        }
        for url in crls.iter().take(MAX_URLS) {
            let key = |url: &str| format!("crl {by} {url}");
            let judged = |der: &[u8]| list_until(der, issuer);
            match self.get(&key(url), url, "application/pkix-crl", judged).await {
                Ok(der) => {
                    let list = Crl::from_der(&der).map_err(KnownError::from)?;
                    let freshest = list.freshest_uris().first().cloned();
                    known.add_crl(list)?;
                    // Its delta, where it names one: not having it is no fault.
                    if let Some(url) = freshest
                        && let Ok(der) = self.get(&key(&url), &url, "application/pkix-crl", judged).await
                    {
                        known.add_crl_der(&der)?;
                    }
                    if settled(known, (of, issuer), self.now) {
                        return Ok(());
                    }
                    self.app.levels.cache.forget(&key(url));
                    why = format!("`{url}`: its list does not settle it");
                }
                Err(error) => why = format!("`{url}`: {error}"),
            }
        }
        Err(LevelError::Evidence { what: lack.to_string(), why })
    }

    /// What is at `url`, if `judged` takes it for what is looked for; it says until when it holds, if it says so itself.
    async fn get(
        &self,
        key: &str,
        url: &str,
        accept: &str,
        judged: impl Fn(&[u8]) -> Result<Option<i64>, String>,
    ) -> Result<Arc<[u8]>, Arc<str>> {
        let app = self.app;
        let fetch = async {
            let answer = app.fetch.get(url, app.config.documents.levels.largest, accept).await;
            let body = answer.map_err(|error| error.to_string())?.body;
            let until = held(self.now, judged(&body)?);
            Ok((body, until))
        };
        app.levels.cache.get(key, self.now, fetch).await
    }

    async fn ask(
        &self,
        key: &str,
        url: &str,
        issuer: &Certificate,
        request: Vec<u8>,
    ) -> Result<Arc<[u8]>, Arc<str>> {
        let app = self.app;
        let fetch = async {
            let largest = app.config.documents.levels.largest;
            let answer = app.fetch.post(url, "application/ocsp-request", request, largest).await;
            let body = answer.map_err(|error| error.to_string())?.body;
            let until = held(self.now, response_until(&body, issuer)?);
            Ok((body, until))
        };
        app.levels.cache.get(key, self.now, fetch).await
    }
}

/// Whether `issuer` is who issued `of`.
fn issued(issuer: &Certificate, of: &Certificate) -> bool {
    issuer.subject() == of.issuer() && of.verify_signature(issuer.spki()).is_ok()
}

/// Whether what is known says, at `now`, if the certificate is revoked. What no evidence can mend is for the whole path's
/// validation to tell.
fn settled(known: &Known, (of, issuer): (&Certificate, &Certificate), now: i64) -> bool {
    let anchors = TrustAnchors::new(vec![issuer.clone()]);
    known.material_of(of, &anchors, now, Purpose::Any).map_or(true, |(_, lacking)| {
        !lacking.iter().any(|lack| matches!(lack, Lack::Revocation { of: about, .. } if about == of))
    })
}

/// Until when an OCSPResponse says that it holds, if one of the issuer's responders signed it.
fn response_until(der: &[u8], issuer: &Certificate) -> Result<Option<i64>, String> {
    let response = BasicResponse::from_response_der(der).map_err(|error| error.to_string())?;
    response.verify(issuer, response.produced_at()).map_err(|error| error.to_string())?;
    Ok(response.singles().iter().filter_map(|single| single.next_update).min())
}

/// Until when a list says that it holds, if its issuer signed it. An indirect one is somebody else's, who is known when the
/// whole path is: it is not kept.
fn list_until(der: &[u8], issuer: &Certificate) -> Result<Option<i64>, String> {
    let list = Crl::from_der(der).map_err(|error| error.to_string())?;
    if list.issuer() != issuer.subject() {
        return if list.scope().indirect { Ok(Some(0)) } else { Err("it is another's list".to_owned()) };
    }
    list.verify_signature(issuer.spki()).map_err(|error| error.to_string())?;
    Ok(list.next_update())
}

/// Until when something is kept: a day at most, so that newer statements are learnt of; never longer than it holds.
fn held(now: i64, until: Option<i64>) -> i64 {
    until.map_or(now.saturating_add(MINUTE), |until| until.min(now.saturating_add(DAY)))
}

/// Addresses tried of each kind.
const MAX_URLS: usize = 4;
const MINUTE: i64 = 60;
const DAY: i64 = 86_400;

#[cfg(test)]
mod tests;
