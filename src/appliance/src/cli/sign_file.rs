//! `cinnabar sign-file`: has a file of any kind signed by a seal; the signature is written beside it.
//!
//! The file is streamed to the service, which is also told its digest, so that a file cut short is refused and not signed.

use std::path::PathBuf;
use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use crypto::DigestAlgorithm;
use http::Method;
use serde_json::json;

use super::noted::Noted;
use super::placing::word;
use super::seal::{again, file_body};
use super::{Failure, Global, Outcome, Output, Remote, Tone, block_on, query, whole};
use crate::documents::parameters::{Format, Level};

/// Options of `cinnabar sign-file`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar sign-file register.csv --seal bureau --out register.csv.p7s --identity credentials/approval
  cinnabar sign-file archive.zip --seal bureau --level b-t --case-number 2026-0042 --out archive.zip.p7s
  cinnabar sign-file decision.ofd --seal bureau --format ses --out decision.ofd.ses

A CMS verifies with `openssl cms -verify -binary -inform DER -in FILE.p7s -content FILE`, and both formats with
`cinnabar verify FILE.p7s --content FILE`.")]
pub struct SignFileArgs {
    /// The file to sign; it is not changed
    file: PathBuf,
    /// Which seal
    #[arg(long)]
    seal: String,
    /// Where the signature is written
    #[arg(long, value_name = "FILE.p7s|FILE.ses")]
    out: PathBuf,
    /// What the signature is: cms (detached) or ses (SES_Signature of GB/T 38540) [default: cms]
    #[arg(long, value_name = "cms|ses", value_parser = word::<Format>)]
    format: Option<Format>,
    /// With a time-stamp inside: b-t
    #[arg(long, value_name = "b-b|b-t", value_parser = word::<Level>)]
    level: Option<Level>,
    /// With --format ses: what the signature says of the file [default: its length]
    #[arg(long)]
    property_info: Option<String>,
    #[command(flatten)]
    noted: Noted,
    /// Replace an existing output file
    #[arg(long)]
    force: bool,
    /// Key that makes a repeated request answer the same [default: a new one]
    #[arg(long)]
    idempotency_key: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

impl SignFileArgs {
    fn path(&self) -> String {
        let mut pairs = vec![("seal", self.seal.clone())];
        let more = [
            ("format", self.format.map(|format| format.as_str().to_owned())),
            ("level", self.level.map(|level| level.as_str().to_owned())),
            ("property_info", self.property_info.clone()),
        ];
        pairs.extend(more.into_iter().filter_map(|(name, value)| Some((name, value?))));
        pairs.extend(self.noted.pairs());
        format!("/v1/files/sign?{}", query(&pairs))
    }
}

/// Runs `cinnabar sign-file`.
pub fn run(args: &SignFileArgs, global: &Global, output: Output) -> Outcome {
    if args.out.exists() && !args.force {
        return Err(format!("`{}` exists; add --force to replace it", args.out.display()).into());
    }
    whole::apart(&args.out, [&args.file])?;
    let client = args.remote.client(global)?;
    let digest = format!("sha-256=:{}:", STANDARD.encode(digest(&args.file)?));
    let key = args.idempotency_key.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let headers = [
        ("content-type", "application/octet-stream"),
        ("content-digest", digest.as_str()),
        ("idempotency-key", key.as_str()),
    ];
    let done = block_on(async {
        let body = file_body(&args.file)?;
        let answer = client.stream(Method::POST, &args.path(), &headers, body).await?;
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let leaf = header("cinnabar-leaf").ok_or("the answer names no log leaf")?.to_owned();
        let record = header("location").unwrap_or_default().to_owned();
        let body = http_body_util::Limited::new(answer.into_body(), MOST);
        let octets = http_body_util::BodyExt::collect(body).await.map(|body| body.to_bytes());
        Ok::<_, Failure>((leaf, record, octets.map_err(|error| format!("the answer broke off: {error}"))?))
    })?;
    let (leaf, record, octets) = done.map_err(|error| again(error, &key))?;
    whole::write(&args.out, &octets, args.force)?;
    let shown = args.out.display().to_string();
    output.result(
        &json!({ "output": shown, "leaf": leaf, "record": record, "octets": octets.len() }),
        &[
            (Tone::Good, format!("signed: {shown}")),
            (Tone::Plain, format!("record {record}, log leaf {leaf}")),
        ],
    );
    Ok(ExitCode::SUCCESS)
}

/// SHA-256 of the file, read piece by piece.
fn digest(path: &std::path::Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| format!("cannot read `{}`: {error}", path.display());
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut hasher = DigestAlgorithm::Sha256.hasher();
    let mut part = vec![0; 64 << 10];
    loop {
        let read = std::io::Read::read(&mut file, &mut part).map_err(failed)?;
        if read == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(part.get(..read).unwrap_or_default());
    }
}

/// Octets that a signature may have: a seal's picture makes up the most of it.
const MOST: usize = 16 << 20;
