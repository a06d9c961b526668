//! `cinnabar seal-status`: asks the service how things stand with a seal, by its code, its signer's certificate or the seal
//! itself. Files stay here: only their digests are sent.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use crypto::DigestAlgorithm;
use jiff::Timestamp;
use pki::Certificate;
use serde_json::Value;

use super::{Failure, Global, Outcome, Output, Remote, Tone, block_on};

/// Options of `cinnabar seal-status`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar seal-status --code 37030000001721 --identity credentials/verifier
  cinnabar seal-status --certificate signer.pem --at 2026-11-20T08:00:00+08:00 --identity credentials/verifier
  cinnabar seal-status --seal bureau.esl --json --identity credentials/verifier

--certificate and --seal take a file, of which only the SHA-256 is sent, or that digest in hexadecimal.")]
pub struct SealStatusArgs {
    #[command(flatten)]
    which: Which,
    /// Also tell how things stood then
    #[arg(long, value_name = "RFC3339")]
    at: Option<Timestamp>,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// The seal's code: 14 digits
    #[arg(long)]
    code: Option<String>,
    /// The signer's certificate, PEM or DER
    #[arg(long, value_name = "FILE|SHA256")]
    certificate: Option<PathBuf>,
    /// The seal (SESeal)
    #[arg(long, value_name = "FILE|SHA256")]
    seal: Option<PathBuf>,
}

/// Runs `cinnabar seal-status`.
pub fn run(args: SealStatusArgs, global: &Global, output: Output) -> Outcome {
    let Which { code, certificate, seal } = &args.which;
    let mut query = match (code, certificate, seal) {
        (Some(code), ..) => vec![("code", code.clone())],
        (None, Some(certificate), _) => vec![("certificate", digest(certificate, fingerprint)?)],
        (None, None, Some(seal)) => vec![("seal", digest(seal, of_seal)?)],
        (None, None, None) => return Err("name a seal: --code, --certificate or --seal".into()),
    };
    query.extend(args.at.map(|at| ("at", at.to_string())));
    let path = format!("/v1/seal-status?{}", super::query(&query));
    let client = args.remote.client(global)?;
    let answer = block_on(async { client.get(&path).await })??.json();
    output.result(&answer, &lines(&answer));
    Ok(ExitCode::SUCCESS)
}

/// The digest that was given, or that of the file named.
fn digest(given: &Path, of: fn(&[u8]) -> Result<String, Failure>) -> Result<String, Failure> {
    let text = given.to_string_lossy();
    if text.len() == 64 && text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    let octets = std::fs::read(given).map_err(|error| format!("cannot read `{text}`: {error}"))?;
    of(&octets).map_err(|error| format!("`{text}`: {error}").into())
}

fn fingerprint(octets: &[u8]) -> Result<String, Failure> {
    let certificates = Certificate::from_pem_or_der(octets)?;
    let first = certificates.first().ok_or("no certificate inside")?;
    Ok(hex::encode(first.sha256_fingerprint()))
}

fn of_seal(octets: &[u8]) -> Result<String, Failure> {
    let seal = eseal::Seal::parse(octets)?.value;
    Ok(hex::encode(DigestAlgorithm::Sha256.digest(seal.der())))
}

fn lines(answer: &Value) -> Vec<(Tone, String)> {
    let text = |value: &Value, member: &str| value.get(member).and_then(Value::as_str).map(ToOwned::to_owned);
    let name = text(answer, "name").unwrap_or_else(|| "(personal seal; its name is not told by code)".into());
    let organisation = text(answer, "organisation").unwrap_or_default();
    let mut lines = vec![(Tone::Head, format!("{name} ({organisation})"))];
    for (label, member) in
        [("code", "code"), ("kind", "kind_name"), ("from", "valid_from"), ("to", "valid_to")]
    {
        lines.extend(text(answer, member).map(|value| (Tone::Plain, format!("  {label:<8} {value}"))));
    }
    if let Some(version) = answer.get("version").and_then(Value::as_i64) {
        let current = answer.get("current").and_then(Value::as_bool) == Some(true);
        let words = if current { "in force" } else { "replaced by a newer one" };
        lines.push((Tone::Plain, format!("  {:<8} {version}, {words}", "version")));
    }
    for member in ["then", "now"] {
        let Some(state) = answer.get(member).filter(|state| state.is_object()) else { continue };
        let word = text(state, "state").unwrap_or_default();
        let zh = text(state, "state_name").unwrap_or_default();
        let since = text(state, "since").map(|since| format!(" since {since}")).unwrap_or_default();
        let tone = if word == "active" { Tone::Good } else { Tone::Warn };
        let at = text(state, "at").unwrap_or_default();
        lines.push((tone, format!("  {member:<8} {word} {zh}{since} (at {at})")));
    }
    lines
}
