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
            let fetched = self.get(url, "application/pkix-cert", |_| Some(i64::MAX)).await;
            match fetched.map(|der| Certificate::from_pem_or_der(&der)) {
                Ok(Ok(found)) => {
                    for certificate in found {
                        known.add_certificate(certificate)?;
                    }
                    return Ok(());
                }
                Ok(Err(error)) => why = format!("`{url}`: {error}"),
                Err(error) => why = error.to_string(),
            }
        }
        Err(LevelError::Evidence { what: lack.to_string(), why })
    }

    async fn revocation(
        &self,
        lack: &Lack,
        (of, issuer): (&Certificate, &Certificate),
        (ocsp, crls): (&[String], &[String]),
        known: &mut Known,
    ) -> Result<(), LevelError> {
        let mut why = "its certificate names neither a responder nor a list".to_owned();
        // By SHA-1, which every responder knows (RFC 9919 §3.1).
        let request = RequestBuilder { ids: vec![IssuerId::of(issuer).sha1_id(of.serial())], nonce: None };
        for url in ocsp.iter().take(MAX_URLS) {
            let Some(request) = request.to_der() else { break };
            let fetched = self.ask(url, of, request).await;
            match fetched.map(|der| known.add_ocsp_der(&der)) {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error @ KnownError::TooMuch { .. })) => return Err(error.into()),
                Ok(Err(error)) => why = format!("`{url}`: {error}"),
                Err(error) => why = error.to_string(),
            }
        }
        for url in crls.iter().take(MAX_URLS) {
            let until = |der: &[u8]| Crl::from_der(der).ok()?.next_update();
            let fetched = self.get(url, "application/pkix-crl", until).await;
            let freshest = fetched.as_ref().ok().and_then(|der| Crl::from_der(der).ok());
            match fetched.map(|der| known.add_crl_der(&der)) {
                Ok(Ok(())) => {
                    // Its delta, where it names one: not having it is no fault.
                    for url in freshest.iter().flat_map(|list| list.freshest_uris()).take(1) {
                        if let Ok(der) = self.get(url, "application/pkix-crl", until).await {
                            let _ = known.add_crl_der(&der);
                        }
                    }
                    return Ok(());
                }
                Ok(Err(error @ KnownError::TooMuch { .. })) => return Err(error.into()),
                Ok(Err(error)) => why = format!("`{url}`: {error}"),
                Err(error) => why = error.to_string(),
            }
        }
        Err(LevelError::Evidence { what: lack.to_string(), why })
    }

    async fn get(
        &self,
        url: &str,
        accept: &str,
        until: impl Fn(&[u8]) -> Option<i64>,
    ) -> Result<Arc<[u8]>, Arc<str>> {
        let app = self.app;
        let fetch = async {
            let answer = app.fetch.get(url, app.config.documents.levels.largest, accept).await;
            let body = answer.map_err(|error| error.to_string())?.body;
            let until = until(&body).map_or(self.now + MINUTE, |until| self.held(until));
            Ok((body, until))
        };
        app.levels.cache.get(url, self.now, fetch).await
    }

    async fn ask(&self, url: &str, of: &Certificate, request: Vec<u8>) -> Result<Arc<[u8]>, Arc<str>> {
        let app = self.app;
        let key = format!("{url} {}", hex::encode(of.sha256_fingerprint()));
        let fetch = async {
            let largest = app.config.documents.levels.largest;
            let answer = app.fetch.post(url, "application/ocsp-request", request, largest).await;
            let body = answer.map_err(|error| error.to_string())?.body;
            let response = BasicResponse::from_response_der(&body).map_err(|error| error.to_string())?;
            let until = response.singles().iter().filter_map(|single| single.next_update).min();
            let until = until.map_or(self.now + MINUTE, |until| self.held(until));
            Ok((body, until))
        };
        app.levels.cache.get(&key, self.now, fetch).await
    }

    /// Until when something is kept: a day at most, so that newer statements are learnt of.
    fn held(&self, until: i64) -> i64 {
        until.min(self.now + DAY).max(self.now + MINUTE)
    }
}

/// Addresses tried of each kind.
const MAX_URLS: usize = 4;
const MINUTE: i64 = 60;
const DAY: i64 = 86_400;
