//! `--online`: what paths lack, fetched from where the certificates say, through the guarded client (decision 35).

use std::collections::HashSet;
use std::path::PathBuf;

use ipnet::IpNet;
use pdf::ltv;
use pdf::syntax::{Document, Limits};
use pdf::verify::{self, Format, PlainLimits, Report, SignatureContainer, plain_certificates};
use pki::Certificate;
use pki::crl::Crl;
use pki::material::{self, Lack};
use pki::ocsp::{BasicResponse, IssuerId, RequestBuilder};
use pki::path::Purpose;

use super::args::Lists;
use super::inputs::Inputs;
use crate::cli::Failure;
use crate::config::Fetch;
use crate::documents::FileSource;
use crate::fetch::{Client, FetchError};

/// Adds what can be had to `inputs`; answers what was done and what failed, for people.
pub(super) async fn fetch(
    lists: &Lists,
    source: &FileSource,
    report: &Report,
    inputs: &mut Inputs,
    at: i64,
) -> Result<Vec<String>, Failure> {
    let client = guarded(&lists.allow_network, &lists.allow_port, Fetch::default().roots)?;
    let mut finder = Finder { client, asked: HashSet::new(), remarks: Vec::new() };
    let pool = certificates(source, report, inputs, at);
    let leaves = leaves(&pool, report);
    inputs.untrusted.extend(pool);
    for _ in 0..MOST_ROUNDS {
        let mut lacking: Vec<Lack> = Vec::new();
        for (leaf, purpose) in &leaves {
            let known = material::Known {
                certificates: &inputs.untrusted,
                crls: &inputs.crls,
                ocsp: &inputs.ocsp,
                anchors: &inputs.anchors,
            };
            // What does not hold whatever is fetched, the verdict says.
            lacking.extend(
                material::of(leaf, known, at, *purpose).map(|found| found.lacking).unwrap_or_default(),
            );
        }
        let mut found = false;
        for lack in lacking {
            found |= finder.find(&lack, inputs).await;
        }
        if !found {
            break;
        }
    }
    Ok(finder.remarks)
}

/// The client for addresses that come out of files: whoever made the file chose them, so that they are public ones or within
/// the networks that the user named, on ports the user named (server-side request forgery; see `fetch`).
pub(in crate::cli) fn guarded(
    networks: &[IpNet],
    ports: &[u16],
    roots: Vec<PathBuf>,
) -> Result<Client, FetchError> {
    let networks = if networks.is_empty() { everywhere() } else { networks.to_vec() };
    let bounds =
        Fetch { networks, ports: ports.to_vec(), roots, seconds: 15, bytes: LARGEST, ..Fetch::default() };
    Client::new(&bounds)
}

/// All addresses: the guard leaves out what is not public (see `fetch`).
fn everywhere() -> Vec<IpNet> {
    ["0.0.0.0/0", "::/0"].iter().filter_map(|network| network.parse().ok()).collect()
}

/// The certificates inside the file.
fn certificates(source: &FileSource, report: &Report, inputs: &Inputs, at: i64) -> Vec<Certificate> {
    let seals = inputs.seals();
    let containers: [&dyn SignatureContainer; 1] = [&seals];
    if report.file.format != Format::Pdf {
        return plain_certificates(source, &containers, &PlainLimits::default()).unwrap_or_default();
    }
    let document = Document::open(source, &Limits::default());
    let surveyed = document.ok().and_then(|document| ltv::survey(&document).ok());
    match surveyed {
        Some(survey) => survey.known.certificates().to_vec(),
        None => {
            let options = inputs.options(&containers, at);
            verify::certificates(source, &options, &Limits::default()).unwrap_or_default()
        }
    }
}

/// Signers, makers of their seals, and whoever may sign time-stamps.
fn leaves(pool: &[Certificate], report: &Report) -> Vec<(Certificate, Purpose)> {
    let signed = |certificate: &Certificate| {
        let print = hex::encode(certificate.sha256_fingerprint());
        report.signatures.iter().any(|signature| {
            let maker = signature.seal.as_ref().and_then(|seal| seal.maker_fingerprint.as_ref());
            signature.signer_fingerprint.as_ref() == Some(&print) || maker == Some(&print)
        })
    };
    let purpose = |certificate: &Certificate| {
        let stamps = Purpose::from_name("timeStamping");
        let alone = certificate.extended_key_usages().is_some_and(|uses| uses.len() == 1);
        let stamping = alone
            && certificate
                .extended_key_usages()
                .is_some_and(|uses| uses.iter().any(|id| Purpose::from_name(&id.to_string()) == stamps));
        match (stamping, signed(certificate)) {
            (true, _) => Some(Purpose::TimeStamping),
            (false, true) => Some(Purpose::DocumentSigning),
            (false, false) => None,
        }
    };
    pool.iter()
        .filter_map(|certificate| Some((certificate.clone(), purpose(certificate)?)))
        .take(MOST_LEAVES)
        .collect()
}

/// Looks for each thing once.
struct Finder {
    client: Client,
    asked: HashSet<String>,
    remarks: Vec<String>,
}

impl Finder {
    /// Whether anything new was found.
    async fn find(&mut self, lack: &Lack, inputs: &mut Inputs) -> bool {
        match lack {
            Lack::Issuer { urls, .. } => {
                for url in urls.iter().take(MOST_URLS) {
                    let Some(der) = self.get(url, "application/pkix-cert").await else { continue };
                    match Certificate::from_pem_or_der(&der) {
                        Ok(found) => {
                            inputs.untrusted.extend(found);
                            return true;
                        }
                        Err(error) => self.remarks.push(format!("`{url}`: {error}")),
                    }
                }
                false
            }
            Lack::Revocation { of, issuer, ocsp, crls } => {
                for url in ocsp.iter().take(MOST_URLS) {
                    let Some(response) = self.ask(url, of, issuer).await else { continue };
                    inputs.ocsp.push(response);
                    return true;
                }
                for url in crls.iter().take(MOST_URLS) {
                    let Some(der) = self.get(url, "application/pkix-crl").await else { continue };
                    match Crl::from_pem_or_der(&der) {
                        Ok(found) => {
                            inputs.crls.extend(found);
                            return true;
                        }
                        Err(error) => self.remarks.push(format!("`{url}`: {error}")),
                    }
                }
                false
            }
        }
    }

    async fn get(&mut self, url: &str, accept: &str) -> Option<Vec<u8>> {
        if !self.asked.insert(url.to_owned()) {
            return None;
        }
        match self.client.get(url, LARGEST, accept).await {
            Ok(answer) => {
                self.remarks.push(format!("fetched `{url}`"));
                Some(answer.body)
            }
            Err(error) => {
                self.remarks.push(error.to_string());
                None
            }
        }
    }

    /// By SHA-1 identifiers, which every responder knows (RFC 9919 §3.1).
    async fn ask(&mut self, url: &str, of: &Certificate, issuer: &Certificate) -> Option<BasicResponse> {
        if !self.asked.insert(format!("{url} {}", hex::encode(of.sha256_fingerprint()))) {
            return None;
        }
        let ids = vec![IssuerId::of(issuer).sha1_id(of.serial())];
        let request = RequestBuilder { ids, nonce: None }.to_der()?;
        let answer = self.client.post(url, "application/ocsp-request", request, LARGEST).await;
        let remark = match answer {
            Ok(answer) => match BasicResponse::from_response_der(&answer.body) {
                Ok(response) => {
                    self.remarks.push(format!("asked `{url}`"));
                    return Some(response);
                }
                Err(error) => format!("`{url}`: {error}"),
            },
            Err(error) => error.to_string(),
        };
        self.remarks.push(remark);
        None
    }
}

/// Rounds: an issuer found may lack its own issuer, and each needs revocation information.
const MOST_ROUNDS: usize = 8;
/// Signers and authorities whose paths are completed.
const MOST_LEAVES: usize = 64;
/// Addresses tried of one certificate.
pub(in crate::cli) const MOST_URLS: usize = 4;
/// Octets of one answer; national CRLs reach some 10 MB.
pub(in crate::cli) const LARGEST: u64 = 64 << 20;
