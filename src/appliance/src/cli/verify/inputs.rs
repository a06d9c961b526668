//! Certificates, revocation information and policies from files.

use std::path::PathBuf;

use pdf::verify::{Options, SignatureContainer};
use pki::Certificate;
use pki::crl::Crl;
use pki::ocsp::BasicResponse;
use pki::path::{RevocationPolicy, TrustAnchors};
use pki::validation::SignaturePolicy;

use super::args::Lists;
use crate::cli::Failure;
use crate::documents::{SealMakers, Seals};

/// What a verification leans on.
pub(super) struct Inputs {
    pub(super) anchors: TrustAnchors,
    pub(super) untrusted: Vec<Certificate>,
    pub(super) crls: Vec<Crl>,
    pub(super) ocsp: Vec<BasicResponse>,
    seal_makers: Vec<Certificate>,
    any_seal_maker: bool,
    policy: Option<SignaturePolicy>,
}

impl Inputs {
    pub(super) fn read(lists: &Lists) -> Result<Self, Failure> {
        Ok(Self {
            anchors: TrustAnchors::new(certificates("--trust-anchor", &lists.trust_anchor)?),
            untrusted: certificates("--untrusted", &lists.untrusted)?,
            crls: revocation_lists("--crl", &lists.crl)?,
            ocsp: responses("--ocsp", &lists.ocsp)?,
            seal_makers: certificates("--seal-maker", &lists.seal_maker)?,
            any_seal_maker: lists.any_seal_maker,
            policy: lists.policy.as_deref().map(policy).transpose()?,
        })
    }

    /// The verifier of seals: by the makers named, or by whoever is certified under an anchor. That this will do, somebody
    /// has to say.
    pub(super) fn seals(&self) -> Seals {
        let strangers =
            if self.seal_makers.is_empty() { self.anchors.clone() } else { TrustAnchors::default() };
        let known = self.seal_makers.clone();
        Seals::by(SealMakers { known, strangers, to_be_named: !self.any_seal_maker })
    }

    /// At a time, Unix seconds. Without a policy the signer's certificate needs revocation information, and the
    /// authorities above it are judged by what is at hand: the rules of this command since it exists.
    pub(super) fn options<'o>(
        &'o self,
        containers: &'o [&'o dyn SignatureContainer],
        at: i64,
    ) -> Options<'o> {
        let demanded = match &self.policy {
            Some(policy) => Options::under(policy, &self.anchors, at),
            None => Options {
                revocation: RevocationPolicy::Required,
                ca_revocation: RevocationPolicy::IfAvailable,
                ..Options::new(&self.anchors, at)
            },
        };
        Options { untrusted: &self.untrusted, crls: &self.crls, ocsp: &self.ocsp, containers, ..demanded }
    }
}

/// A policy that comes with the program, or a file.
fn policy(name: &str) -> Result<SignaturePolicy, Failure> {
    if let Some(known) = SignaturePolicy::builtin(name) {
        return Ok(known.clone());
    }
    let names: Vec<&str> = SignaturePolicy::builtin_texts().iter().map(|(name, _)| *name).collect();
    let text = std::fs::read_to_string(name).map_err(|e| {
        format!("`{name}` (--policy) is neither one of {} nor a file to be read: {e}", names.join(", "))
    })?;
    SignaturePolicy::parse(&text).map_err(|e| format!("`{name}` (--policy): {e}").into())
}

pub(in crate::cli) fn certificates(flag: &str, paths: &[PathBuf]) -> Result<Vec<Certificate>, Failure> {
    files(flag, "certificate", paths, |bytes| Certificate::from_pem_or_der(bytes).map_err(|e| e.to_string()))
}

pub(in crate::cli) fn revocation_lists(flag: &str, paths: &[PathBuf]) -> Result<Vec<Crl>, Failure> {
    files(flag, "revocation list", paths, |bytes| Crl::from_pem_or_der(bytes).map_err(|e| e.to_string()))
}

fn responses(flag: &str, paths: &[PathBuf]) -> Result<Vec<BasicResponse>, Failure> {
    files(flag, "OCSP response", paths, |bytes| {
        BasicResponse::from_any_der(bytes).map(|response| vec![response]).map_err(|e| e.to_string())
    })
}

fn files<T>(
    flag: &str,
    what: &str,
    paths: &[PathBuf],
    parse: impl Fn(&[u8]) -> Result<Vec<T>, String>,
) -> Result<Vec<T>, Failure> {
    let mut all = Vec::new();
    for path in paths {
        let shown = path.display();
        let bytes = std::fs::read(path).map_err(|e| format!("cannot read `{shown}` ({flag}): {e}"))?;
        let found = parse(&bytes).map_err(|e| format!("`{shown}` ({flag}) holds no readable {what}: {e}"))?;
        if found.is_empty() {
            return Err(format!("`{shown}` ({flag}) holds no {what}").into());
        }
        all.extend(found);
    }
    Ok(all)
}
