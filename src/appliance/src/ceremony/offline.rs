//! The root's key is elsewhere: requests go out, certificates come in, and the ceremony waits in between.
//!
//! Into `requests` go a certification request of each issuing authority and the extensions that its certificate must
//! have, as OpenSSL reads them; from there come the root's certificate (`root.pem`, by the root's label) and theirs
//! (`LABEL.pem`). Each is judged when it appears; one that does not fit is told, and can be replaced while we wait.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crypto::Signer;
use pki::profile::{Profile, Source, SubjectRules, builtin};
use pki::request::CertificationRequest;
use pki::{Certificate, Subject};

use super::certify::{Terms, Wanted};
use super::error::CeremonyError;
use super::hierarchy::Key;
use crate::authorities::{Unfit, judged, root};

/// What goes out for one authority.
pub(super) struct Request<'a> {
    pub key: &'a Key,
    pub request: CertificationRequest,
}

fn profile() -> Result<&'static Profile, CeremonyError> {
    builtin().get("issuing-ca").ok_or(CeremonyError::NoAuthority("issuing-ca"))
}

/// The request for an authority's certificate, under the name that its profile gives.
pub(super) fn request<'a>(
    key: &'a Key,
    wanted: &Wanted,
    signer: &dyn Signer,
    terms: &Terms,
) -> Result<Request<'a>, CeremonyError> {
    let registered = Subject::default().organization(&terms.organisation).named(&wanted.name);
    let profile = profile()?;
    let given = profile.subject_from(&registered, None);
    let mut subject = Subject::default();
    if let SubjectRules::Attributes(rules) = profile.subject() {
        for rule in rules {
            // Whoever signs elsewhere does not know what our profile fixes: the request says the whole name.
            let value = match &rule.from {
                Source::Fixed(value) => Some(value),
                _ => given.attributes().iter().find(|(kind, _)| *kind == rule.kind).map(|(_, value)| value),
            };
            subject = value.into_iter().fold(subject, |subject, value| subject.with(rule.kind, value));
        }
    }
    let der = CertificationRequest::make(signer, &subject, &[])?;
    let request = CertificationRequest::from_der(&der).map_err(CeremonyError::Request)?;
    Ok(Request { key, request })
}

/// The extensions that the certificates must have.
pub(super) fn extensions(root: &str, terms: &Terms) -> String {
    let url = &terms.public_url;
    format!(
        "# For `openssl x509 -req -extfile` or `openssl ca -extfile`, section issuing_ca.\n\
         [issuing_ca]\n\
         basicConstraints = critical, CA:TRUE, pathlen:0\n\
         keyUsage = critical, keyCertSign, cRLSign\n\
         subjectKeyIdentifier = hash\n\
         authorityKeyIdentifier = keyid\n\
         certificatePolicies = 2.5.29.32.0\n\
         crlDistributionPoints = URI:{url}/crl/{root}.crl\n\
         authorityInfoAccess = caIssuers;URI:{url}/ca/{root}.cer\n"
    )
}

/// Waits until the root's certificate and every requested one lie in `folder` and are good. Ends when they are, or
/// when the operator breaks off.
pub(super) async fn wait(
    folder: &Path,
    root_label: &str,
    requests: &[Request<'_>],
    say: &mut dyn FnMut(&str),
) -> Result<(Certificate, BTreeMap<String, Certificate>), CeremonyError> {
    let mut told = BTreeMap::new();
    loop {
        let now = now();
        if let Some(root) = came(folder, root_label, &mut told, say, |pem| root(pem, now)) {
            let mut all = BTreeMap::new();
            for Request { key, request } in requests {
                let profile = profile()?;
                let judge = |pem: &[u8]| judged(profile, pem, request, &root, now);
                if let Some(certificate) = came(folder, &key.label, &mut told, say, judge) {
                    all.insert(key.label.clone(), certificate);
                }
            }
            if all.len() == requests.len() {
                return Ok((root, all));
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Unix time now.
pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// The certificate of a label, if it is there and good; what is wrong with it is told once.
fn came(
    folder: &Path,
    label: &str,
    told: &mut BTreeMap<String, String>,
    say: &mut dyn FnMut(&str),
    judge: impl Fn(&[u8]) -> Result<Certificate, Unfit>,
) -> Option<Certificate> {
    let pem = std::fs::read(folder.join(format!("{label}.pem"))).ok()?;
    match judge(&pem) {
        Ok(certificate) => Some(certificate),
        Err(unfit) => {
            let fault = format!("requests/{label}.pem is not taken: {unfit}; replace it");
            if told.insert(label.to_owned(), fault.clone()).as_ref() != Some(&fault) {
                say(&fault);
            }
            None
        }
    }
}
