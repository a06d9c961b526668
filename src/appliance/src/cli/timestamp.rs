//! `cinnabar timestamp`: has a file time-stamped by this appliance or by a foreign authority (RFC 3161), and verifies
//! time-stamps with neither server nor network.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use crypto::DigestAlgorithm;
use der::asn1::ObjectIdentifier;
use http::Method;
use jiff::Timestamp;
use pki::cms::{Limits, TimeStampToken};
use pki::path::TrustAnchors;
use pki::tsp::{Imprint, QUERY, TimeStampReq, TimeStampResp, check_response};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};

use super::verify::{certificates, revocation_lists};
use super::{Failure, Global, Outcome, Output, Remote, Tone, block_on};
use crate::config::Fetch;
use crate::fetch::Client;
use crate::timestamps::client::{self, Wanted};
use crate::timestamps::http::BATCH_PROOF;
use crate::timestamps::verify::{Terms, Verdict, algorithm, judge};

/// `cinnabar timestamp …`
#[derive(Debug, Subcommand)]
pub enum TimestampCommand {
    /// Have a file time-stamped
    Request(Box<RequestArgs>),
    /// Verify a file's time-stamp; needs no server
    Verify(VerifyArgs),
}

/// Options of `cinnabar timestamp request`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar timestamp request contract.pdf --out contract.tsr --identity credentials/approval
  cinnabar timestamp request contract.pdf --out contract.tsr --receipt contract.receipt --identity credentials/approval
  cinnabar timestamp request contract.pdf --out contract.tsr --tsa http://tsa.example/tsr --digest sha-512

The file itself stays here: only its digest is sent. The response is held against the request before it is written;
whether its authority is trusted, `cinnabar timestamp verify` says.")]
pub struct RequestArgs {
    /// The file
    file: PathBuf,
    /// Where the response is written (RFC 3161 TimeStampResp); must not exist yet unless --force
    #[arg(long)]
    out: PathBuf,
    /// Address of a foreign authority, instead of the service; only its very host is connected to
    #[arg(long, value_name = "URL", conflicts_with_all = ["server", "identity", "receipt"])]
    tsa: Option<String>,
    /// Roots that an `https:` authority is judged by, PEM
    #[arg(long, num_args = 1.., value_name = "ROOT.pem", requires = "tsa")]
    tls_root: Vec<PathBuf>,
    /// Digest algorithm
    #[arg(long, value_enum, default_value_t = Digest::Sha256)]
    digest: Digest,
    /// Policy that the token must be under, as dotted numbers
    #[arg(long, value_name = "OID")]
    policy: Option<ObjectIdentifier>,
    /// Certificates among which the authority's may be, when it sends none
    #[arg(long, num_args = 1.., value_name = "CERT.pem")]
    untrusted: Vec<PathBuf>,
    /// Also fetch the receipt of the log entry that records the token, and write it here
    #[arg(long)]
    receipt: Option<PathBuf>,
    /// Replace existing output files
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Digest algorithms by name.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Digest {
    /// SHA-256
    #[value(name = "sha-256")]
    Sha256,
    /// SHA-384
    #[value(name = "sha-384")]
    Sha384,
    /// SHA-512
    #[value(name = "sha-512")]
    Sha512,
    /// SM3
    #[value(name = "sm3")]
    Sm3,
}

/// Options of `cinnabar timestamp verify`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar timestamp verify contract.pdf contract.tsr --trust-anchor root.pem --crl platform-ca.crl
  cinnabar timestamp verify contract.pdf contract.tsr --trust-anchor root.pem --untrusted ca.pem --crl ca.crl --json

The authority's certificate needs revocation information (a CRL) unless it says that there is none (RFC 9608); for the
authorities above it, what is at hand is used.

Exit codes:
  0  the token is valid and trusted: the file existed at its time
  3  the token is broken, for another file, or its authority may not stamp
  4  it cannot be decided: no path to a trust anchor, no revocation information, an unknown algorithm
  6  the token cannot be read
  2  wrong usage, unreadable files among it")]
pub struct VerifyArgs {
    /// The file
    file: PathBuf,
    /// The response or the bare token, DER
    token: PathBuf,
    /// Certificates that are trusted, PEM or DER
    #[arg(long, num_args = 1.., value_name = "ROOT.pem")]
    trust_anchor: Vec<PathBuf>,
    /// Further certificates that may be on a path, PEM or DER
    #[arg(long, num_args = 1.., value_name = "CERT.pem")]
    untrusted: Vec<PathBuf>,
    /// Revocation lists, PEM or DER
    #[arg(long, num_args = 1.., value_name = "CRL")]
    crl: Vec<PathBuf>,
    /// Verify as of this time [default: now]
    #[arg(long, value_name = "RFC3339")]
    at: Option<Timestamp>,
}

impl From<Digest> for DigestAlgorithm {
    fn from(digest: Digest) -> Self {
        match digest {
            Digest::Sha256 => Self::Sha256,
            Digest::Sha384 => Self::Sha384,
            Digest::Sha512 => Self::Sha512,
            Digest::Sm3 => Self::Sm3,
        }
    }
}

/// Runs `cinnabar timestamp …`.
pub fn run(command: TimestampCommand, global: &Global, output: Output) -> Outcome {
    match command {
        TimestampCommand::Request(args) => request(&args, global, output),
        TimestampCommand::Verify(args) => verify(&args, output).or_else(|failure| {
            output.error(failure.as_ref());
            Ok(ExitCode::from(2))
        }),
    }
}

/// What came back, checked.
struct Got {
    response: Vec<u8>,
    token: TimeStampToken,
    leaf: Option<String>,
    proof: Option<String>,
}

fn request(args: &RequestArgs, global: &Global, output: Output) -> Outcome {
    for path in std::iter::once(&args.out).chain(args.receipt.as_ref()) {
        if path.exists() && !args.force {
            return Err(format!("`{}` exists; add --force to replace it", path.display()).into());
        }
    }
    let digest = digest(&args.file, args.digest.into())?;
    let got = block_on(async {
        match &args.tsa {
            Some(url) => foreign(args, url, &digest).await,
            None => own(args, global, &digest).await,
        }
    })??;
    write(&args.out, &got.response)?;
    let (shown, info) = (args.out.display().to_string(), got.token.info());
    let mut value = described(&got.token);
    if let Some(members) = value.as_object_mut() {
        members.insert("output".into(), shown.clone().into());
        members.insert("leaf".into(), got.leaf.clone().into());
        members.insert("batch_proof".into(), got.proof.into());
    }
    let mut lines = vec![
        (Tone::Good, format!("time-stamped: {shown}")),
        (Tone::Plain, format!("at {} under policy {}", time(&got.token), info.policy)),
    ];
    lines.extend(got.leaf.map(|leaf| (Tone::Plain, format!("log leaf {leaf}"))));
    output.result(&value, &lines);
    Ok(ExitCode::SUCCESS)
}

async fn foreign(args: &RequestArgs, url: &str, digest: &[u8]) -> Result<Got, Failure> {
    let bounds = Fetch { roots: args.tls_root.clone(), seconds: 30, ..Fetch::default() };
    let fetch = Client::to_host_of(url, &bounds).await?;
    let further = certificates("--untrusted", &args.untrusted)?;
    let wanted = Wanted { algorithm: args.digest.into(), digest, policy: args.policy, further: &further };
    let stamped = client::stamp(&fetch, url, wanted).await?;
    Ok(Got { response: stamped.response, token: stamped.token, leaf: None, proof: None })
}

async fn own(args: &RequestArgs, global: &Global, digest: &[u8]) -> Result<Got, Failure> {
    let client = args.remote.client(global)?;
    let further = certificates("--untrusted", &args.untrusted)?;
    let mut nonce = [0; 8];
    SystemRandom::new().fill(&mut nonce).map_err(|_| "the system gave no randomness")?;
    let request = TimeStampReq::new(Imprint::new(args.digest.into(), digest)?, args.policy, nonce);
    let body = request.to_der().into();
    let answer = client.send(Method::POST, "/v1/timestamps", &[("content-type", QUERY)], body).await?;
    let (_, token, _) = check_response(&answer.body, &request, &further)?;
    let leaf = answer.header("cinnabar-leaf").ok_or("the answer names no log leaf")?.to_owned();
    if let Some(path) = &args.receipt {
        let receipt = client.get(&format!("/v1/receipts/{leaf}")).await?;
        write(path, &receipt.body)?;
    }
    let proof = answer.header(BATCH_PROOF).map(ToOwned::to_owned);
    Ok(Got { response: answer.body.to_vec(), token, leaf: Some(leaf), proof })
}

fn verify(args: &VerifyArgs, output: Output) -> Outcome {
    let anchors = TrustAnchors::new(certificates("--trust-anchor", &args.trust_anchor)?);
    let untrusted = certificates("--untrusted", &args.untrusted)?;
    let crls = revocation_lists("--crl", &args.crl)?;
    let shown = args.token.display().to_string();
    let bytes = std::fs::read(&args.token).map_err(|e| format!("cannot read `{shown}`: {e}"))?;
    let token = match token(&bytes) {
        Ok(token) => token,
        Err(reason) => {
            let value = json!({ "verdict": "unreadable", "path": shown, "reason": reason });
            output.result(&value, &[(Tone::Bad, format!("unreadable: {shown}: {reason}"))]);
            return Ok(ExitCode::from(6));
        }
    };
    let now = || Timestamp::from_second(Timestamp::now().as_second());
    let at = args.at.map_or_else(now, Ok)?;
    let terms = Terms { anchors: &anchors, untrusted: &untrusted, crls: &crls, at: at.as_second() };
    let (verdict, signer) = match algorithm(&token) {
        Ok(algorithm) => judge(&token, algorithm, &digest(&args.file, algorithm)?, terms),
        Err(verdict) => (verdict, None),
    };
    let (word, tone, code, reason) = match verdict {
        Verdict::Valid => ("valid", Tone::Good, 0, None),
        Verdict::Invalid(reason) => ("invalid", Tone::Bad, 3, Some(reason)),
        Verdict::Undecided(reason) => ("undecided", Tone::Warn, 4, Some(reason)),
    };
    let mut value = described(&token);
    let signer = signer.map(|signer| signer.subject().to_string());
    if let Some(members) = value.as_object_mut() {
        members.insert("verdict".into(), word.into());
        members.insert("reason".into(), reason.clone().into());
        members.insert("signer".into(), signer.clone().into());
        members.insert("path".into(), shown.into());
        members.insert("at".into(), at.to_string().into());
    }
    let because = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let mut lines = vec![(tone, format!("{word}{because}")), (Tone::Plain, format!("time {}", time(&token)))];
    lines.extend(signer.map(|signer| (Tone::Plain, format!("by {signer}"))));
    output.result(&value, &lines);
    Ok(ExitCode::from(code))
}

/// The token of a response, or a bare one.
fn token(bytes: &[u8]) -> Result<TimeStampToken, String> {
    let limits = Limits::default();
    let bare = TimeStampToken::parse(bytes, &limits);
    let Ok(response) = TimeStampResp::parse(bytes) else { return bare.map_err(|error| error.to_string()) };
    if let Ok(token) = bare {
        return Ok(token);
    }
    let token = response.token.ok_or("the response carries no token: the authority refused")?;
    TimeStampToken::parse(&token, &limits).map_err(|error| error.to_string())
}

fn time(token: &TimeStampToken) -> String {
    let info = token.info();
    let micros = info.gen_time.saturating_mul(1_000_000).saturating_add(info.gen_time_micros.into());
    Timestamp::from_microsecond(micros).map_or_else(|_| micros.to_string(), |time| time.to_string())
}

fn described(token: &TimeStampToken) -> Value {
    let info = token.info();
    json!({
        "time": time(token),
        "accuracy_microseconds": info.accuracy_micros,
        "policy": info.policy.to_string(),
        "serial": hex::encode(&info.serial),
        "digest_algorithm": info.imprint_algorithm.to_string(),
        "digest": hex::encode(&info.imprint),
    })
}

fn digest(path: &Path, algorithm: DigestAlgorithm) -> Result<Vec<u8>, Failure> {
    use std::io::Read;
    let failed = |e: std::io::Error| format!("cannot read `{}`: {e}", path.display());
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut hasher = algorithm.hasher();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = file.read(&mut buffer).map_err(failed)?;
        if length == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(buffer.get(..length).unwrap_or_default());
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|e| format!("cannot write `{}`: {e}", path.display()).into())
}
