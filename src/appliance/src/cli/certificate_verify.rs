//! `cinnabar certificate verify`: says whether a certificate is valid (RFC 5280 §6). Files in, a verdict out; no server,
//! no network, no configuration.
//!
//! Its options, exit codes and JSON names are a fixed contract that scripts lean on. Unlike `cinnabar verify`, which asks
//! whether a signature can be relied on and so never takes a revoked or expired certificate for proof of the contrary, the
//! question here is the certificate itself, at one time.

mod inputs;
mod report;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::error::ErrorKind;
use clap::{ArgMatches, Args, FromArgMatches};
use jiff::Timestamp;
use pki::path::{
    ObjectIdentifier, PeerName, Policy, PolicyInputs, Purpose, Request, RevocationPolicy, examine,
};

use super::verify::{swallowed, take_back};
use super::{Outcome, Output};
use inputs::Inputs;

/// Options of `cinnabar certificate verify`, with LEAF wherever it stood.
#[derive(Debug)]
pub struct CertificateVerifyArgs {
    leaf: PathBuf,
    lists: Lists,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar certificate verify leaf.pem --trust-anchor root.pem --untrusted ca.pem
  cinnabar certificate verify leaf.pem --trust-anchor root.pem --untrusted ca.pem --crl root.crl ca.crl --json
  cinnabar certificate verify api.pem --trust-anchor root.pem --purpose serverAuth --name api.example.cn
  cinnabar certificate verify old.pem --trust-anchor root.pem --at 2024-11-22T08:00:00+08:00

Files are PEM or DER; several certificates or lists may stand in one PEM file. Certificates after the first in LEAF are
taken as untrusted ones. A trust anchor need not be self-signed; what it says of itself (validity, name constraints, path
length) is honoured. A .toml file as in policies/trust is an anchor with what it is trusted for.

Revocation is asked for as soon as a --crl or --ocsp is given, and not otherwise. With CRLs every certificate below
the anchor needs evidence, with OCSP responses alone the end certificate does, unless a certificate says that there is
none (RFC 9608). Evidence must be of the time in question; evidence from later counts only where it names the certificate
as revoked. An extendedKeyUsage in an intermediate limits what is below it.

Exit codes:
  0  valid
  3  invalid: revoked, expired, not valid yet, a wrong signature, a broken rule, another name or purpose, a weak algorithm
  4  undecidable: no path to a trust anchor, no usable revocation evidence, an unsupported algorithm
  6  an input is unreadable
  2  wrong usage")]
struct Lists {
    /// The certificate to verify
    leaf: Option<PathBuf>,
    /// Certificates that are trusted; several after one flag or with several
    #[arg(long, num_args = 1.., value_name = "R.pem")]
    trust_anchor: Vec<PathBuf>,
    /// Further certificates that may be on the path or have signed revocation evidence
    #[arg(long, num_args = 1.., value_name = "I.pem")]
    untrusted: Vec<PathBuf>,
    /// Certificate revocation lists, complete, delta or indirect
    #[arg(long, num_args = 1.., value_name = "C.crl")]
    crl: Vec<PathBuf>,
    /// OCSP responses
    #[arg(long, num_args = 1.., value_name = "R.der")]
    ocsp: Vec<PathBuf>,
    /// Verify as of this time [default: now]
    #[arg(long, value_name = "RFC3339")]
    at: Option<Timestamp>,
    /// Acceptable certificate policies [default: any]
    #[arg(long, num_args = 1.., value_name = "OID", value_parser = policy)]
    policy: Vec<ObjectIdentifier>,
    /// The path must be valid for an acceptable policy
    #[arg(long)]
    require_explicit_policy: bool,
    /// Do not follow policy mappings
    #[arg(long)]
    inhibit_policy_mapping: bool,
    /// Do not take anyPolicy in a certificate for a policy
    #[arg(long)]
    inhibit_any_policy: bool,
    /// What the certificate is used for: serverAuth, clientAuth, codeSigning, emailProtection, timeStamping, ocspSigning,
    /// documentSigning, any, or an object identifier [default: any]
    #[arg(long, value_name = "EKU", value_parser = purpose)]
    purpose: Option<Purpose>,
    /// Whom the certificate must name among its alternative names
    #[arg(long, value_name = "DNS|IP|EMAIL", value_parser = PeerName::from_str)]
    name: Option<PeerName>,
}

fn policy(text: &str) -> Result<ObjectIdentifier, String> {
    let text = if text == "any" || text == "anyPolicy" { "2.5.29.32.0" } else { text };
    ObjectIdentifier::new(text).map_err(|_| "not a dotted object identifier".to_owned())
}

fn purpose(text: &str) -> Result<Purpose, String> {
    Purpose::from_name(text)
        .ok_or_else(|| "neither a known extended key usage nor a dotted object identifier".to_owned())
}

impl Args for CertificateVerifyArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        Lists::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Lists::augment_args_for_update(command)
    }
}

impl FromArgMatches for CertificateVerifyArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        let names = ["trust_anchor", "untrusted", "crl", "ocsp"];
        let is_certificate = |path: &Path| {
            let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
            ending.is_some_and(|ending| ["pem", "crt", "cer"].iter().any(|known| ending == *known))
        };
        let swallowed =
            if matches.contains_id("leaf") { None } else { swallowed(matches, &names, is_certificate) };
        let mut lists = Lists::from_arg_matches_mut(matches)?;
        let mut values = [&mut lists.trust_anchor, &mut lists.untrusted, &mut lists.crl, &mut lists.ocsp];
        let leaf = take_back(lists.leaf.take(), swallowed, &names, &mut values);
        let missing =
            "name the certificate to verify: cinnabar certificate verify LEAF.pem --trust-anchor R.pem…\n";
        let leaf = leaf.ok_or_else(|| clap::Error::raw(ErrorKind::MissingRequiredArgument, missing))?;
        Ok(Self { leaf, lists })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Runs `cinnabar certificate verify`.
pub fn run(args: &CertificateVerifyArgs, output: Output) -> Outcome {
    let lists = &args.lists;
    let at = lists.at.unwrap_or_else(Timestamp::now);
    let inputs = match Inputs::read(args) {
        Ok(inputs) => inputs,
        Err(reason) => return Ok(report::unreadable(&args.leaf, &reason, at, output)),
    };
    let request = Request {
        untrusted: &inputs.untrusted,
        crls: &inputs.crls,
        ocsp: &inputs.ocsp,
        purpose: lists.purpose.unwrap_or(Purpose::Any),
        name: lists.name.as_ref(),
        policies: PolicyInputs {
            acceptable: &lists.policy,
            require_explicit: lists.require_explicit_policy,
            inhibit_mapping: lists.inhibit_policy_mapping,
            inhibit_any: lists.inhibit_any_policy,
        },
        policy: strictness(lists),
        ..Request::new(&inputs.leaf, &inputs.anchors, floor(at))
    };
    let examined = examine(&request);
    let findings = report::Findings { args, inputs: &inputs, at, examined: &examined };
    Ok(report::print(&findings, output))
}

/// A whole second has passed only when it is over.
fn floor(at: Timestamp) -> i64 {
    let nanoseconds = at.as_nanosecond();
    i64::try_from(nanoseconds.div_euclid(1_000_000_000)).unwrap_or_else(|_| at.as_second())
}

fn strictness(lists: &Lists) -> Policy {
    let (revocation, ca_revocation) = match (lists.crl.is_empty(), lists.ocsp.is_empty()) {
        (true, true) => (RevocationPolicy::Waived, RevocationPolicy::Waived),
        (false, _) => (RevocationPolicy::Required, RevocationPolicy::Required),
        (true, false) => (RevocationPolicy::Required, RevocationPolicy::IfAvailable),
    };
    Policy {
        ca_revocation,
        later_evidence: false,
        signature_budget: SIGNATURES,
        max_path: CERTIFICATES,
        ..Policy::new(revocation)
    }
}

/// A second of work at worst.
const SIGNATURES: u32 = 512;

/// Twice as long as the longest path of the public suites.
const CERTIFICATES: usize = 16;

#[cfg(test)]
mod tests;
