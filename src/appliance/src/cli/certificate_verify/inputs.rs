//! Reading the files a verification is asked about.

use std::path::{Path, PathBuf};

use pki::crl::Crl;
use pki::ocsp::BasicResponse;
use pki::path::TrustAnchors;
use pki::{Certificate, pem};

use super::CertificateVerifyArgs;

/// What was read.
pub(super) struct Inputs {
    pub(super) leaf: Certificate,
    pub(super) anchors: TrustAnchors,
    pub(super) untrusted: Vec<Certificate>,
    pub(super) crls: Vec<Crl>,
    pub(super) ocsp: Vec<BasicResponse>,
    /// What stood among others in a file, could not be read and was left out.
    pub(super) notes: Vec<String>,
}

impl Inputs {
    /// Reads everything, or says which file cannot be read and why.
    pub(super) fn read(args: &CertificateVerifyArgs) -> Result<Self, String> {
        let lists = &args.lists;
        let mut notes = Vec::new();
        let mut of_leaf = read(&args.leaf, CERTIFICATE, certificate)?.into_iter();
        // The certificate in question itself is never left out.
        let leaf = of_leaf.next().unwrap_or_else(|| Err("no certificate".into()))?;
        let mut untrusted = keep(of_leaf, &mut notes);
        let (files, certificates): (Vec<_>, Vec<_>) = lists
            .trust_anchor
            .iter()
            .cloned()
            .partition(|path| path.extension().is_some_and(|e| e == "toml"));
        let anchors = TrustAnchors::new(many(&certificates, CERTIFICATE, certificate, &mut notes)?);
        let mut anchors = anchors.anchors().to_vec();
        for file in files {
            anchors.push(crate::trust::anchor(&file).map_err(|fault| fault.to_string())?);
        }
        untrusted.extend(many(&lists.untrusted, CERTIFICATE, certificate, &mut notes)?);
        Ok(Self {
            leaf,
            anchors: TrustAnchors::constrained(anchors),
            untrusted,
            crls: many(&lists.crl, CRL, |der| Crl::from_der(der).map_err(|e| e.to_string()), &mut notes)?,
            ocsp: many(&lists.ocsp, OCSP, response, &mut notes)?,
            notes,
        })
    }
}

/// A kind of file: what it holds in words, and its PEM labels (RFC 7468 §5.1 names older ones).
type Kind = (&'static str, &'static [&'static str]);

const CERTIFICATE: Kind = ("certificate", &["CERTIFICATE", "X509 CERTIFICATE", "X.509 CERTIFICATE"]);
const CRL: Kind = ("revocation list", &["X509 CRL", "CRL"]);
const OCSP: Kind = ("OCSP response", &["OCSP RESPONSE"]);

fn certificate(der: &[u8]) -> Result<Certificate, String> {
    Certificate::from_der(der).map_err(|error| error.to_string())
}

/// As responders answer, or the inner part that signatures carry.
fn response(der: &[u8]) -> Result<BasicResponse, String> {
    let answered = BasicResponse::from_response_der(der);
    answered.or_else(|error| BasicResponse::from_der(der).map_err(|_| error.to_string()))
}

/// All of one kind in all files; every file must hold at least one that can be read.
fn many<T>(
    paths: &[PathBuf],
    kind: Kind,
    parse: impl Fn(&[u8]) -> Result<T, String>,
    notes: &mut Vec<String>,
) -> Result<Vec<T>, String> {
    let mut all = Vec::new();
    for path in paths {
        let mut found = read(path, kind, &parse)?;
        if found.iter().all(Result::is_err) {
            // None can be read: the first says why.
            found.truncate(1);
            all.extend(found.into_iter().collect::<Result<Vec<_>, _>>()?);
        } else {
            all.extend(keep(found, notes));
        }
    }
    Ok(all)
}

fn keep<T>(found: impl IntoIterator<Item = Result<T, String>>, notes: &mut Vec<String>) -> Vec<T> {
    let mut kept = Vec::new();
    for one in found {
        match one {
            Ok(value) => kept.push(value),
            Err(reason) => notes.push(format!("left out: {reason}")),
        }
    }
    kept
}

/// What one file holds, one or more; each readable or not.
fn read<T>(
    path: &Path,
    (what, labels): Kind,
    parse: impl Fn(&[u8]) -> Result<T, String>,
) -> Result<Vec<Result<T, String>>, String> {
    let shown = path.display();
    let bytes = std::fs::read(path).map_err(|error| format!("cannot read `{shown}`: {error}"))?;
    let explain = |error: String| format!("`{shown}` holds no readable {what}: {error}");
    if !pem::is_pem(&bytes) {
        return Ok(vec![parse(&bytes).map_err(explain)]);
    }
    let mut missing = String::new();
    for label in labels {
        match pem::decode(&bytes, label) {
            Ok(blocks) => return Ok(blocks.iter().map(|der| parse(der).map_err(explain)).collect()),
            Err(error) if missing.is_empty() => missing = error.to_string(),
            Err(_) => {}
        }
    }
    Err(explain(missing))
}
