//! Asking for certificates on the command line: requests, approvals, renewal, search, profiles.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Failure, Global, Output, Remote, Tone, done, segment, table};
use crate::cli::{
    client::{Answer, Client},
    paragraph,
};

/// Options of `cinnabar certificate list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Common name, or the whole subject when it holds `=`; a final `*` stands for anything
    #[arg(long)]
    subject: Option<String>,
    /// Alternative name; `*.DOMAIN` for everything below a domain, a final `*` for anything
    #[arg(long)]
    san: Option<String>,
    /// Serial number, hexadecimal
    #[arg(long)]
    serial: Option<String>,
    /// SHA-256 fingerprint or its beginning
    #[arg(long)]
    fingerprint: Option<String>,
    /// SHA-256 of the public key
    #[arg(long)]
    key: Option<String>,
    /// Only those of this profile
    #[arg(long)]
    profile: Option<String>,
    /// Only those of this organisation
    #[arg(long)]
    organisation: Option<String>,
    /// Only those of this caller
    #[arg(long)]
    caller: Option<String>,
    /// Only those of this authority
    #[arg(long)]
    issuer: Option<String>,
    /// Only those in this state
    #[arg(long, value_parser = ["good", "held", "revoked", "expired"])]
    state: Option<String>,
    /// Valid until this moment or longer, RFC 3339
    #[arg(long)]
    expires_after: Option<String>,
    /// Valid until before this moment, RFC 3339
    #[arg(long)]
    expires_before: Option<String>,
    /// Most to list
    #[arg(long, default_value_t = 1000)]
    most: usize,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar certificate show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Hexadecimal SHA-256 fingerprint
    fingerprint: String,
    /// Print the certificate with its chain, PEM
    #[arg(long)]
    pem: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar certificate request`.
#[derive(Debug, Args)]
pub struct RequestArgs {
    /// The certification request (PKCS#10), PEM or DER
    csr: PathBuf,
    /// The profile, as `certificate profiles` lists them
    #[arg(long)]
    profile: String,
    /// The registered caller that it names or is for
    #[arg(long)]
    caller: Option<String>,
    /// The organisation it is for [default: the caller's, else your own]
    #[arg(long)]
    organisation: Option<String>,
    /// Days of validity [default: the profile's]
    #[arg(long)]
    days: Option<u32>,
    /// Write the certificate with its chain here, PEM
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar certificate renew`.
#[derive(Debug, Args)]
pub struct RenewArgs {
    /// Hexadecimal SHA-256 fingerprint of the certificate to be renewed
    fingerprint: String,
    /// The certification request of the new key, PEM or DER
    csr: PathBuf,
    /// Days of validity [default: the profile's]
    #[arg(long)]
    days: Option<u32>,
    /// Write the certificate with its chain here, PEM
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar certificate requests`.
#[derive(Debug, Args)]
pub struct RequestsArgs {
    /// Show one, with everything that an approval stands for
    id: Option<String>,
    /// Only those in this state
    #[arg(long, default_value = "pending", value_parser = [
        "pending", "approved", "issued", "refused", "cancelled", "expired", "any",
    ])]
    state: String,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar certificate approve`.
#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The request, as `certificate requests` lists them
    id: String,
    /// SHA-256 of the certification request that you have seen, as `certificate requests ID` shows it
    #[arg(long)]
    csr_digest: String,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar certificate refuse`.
#[derive(Debug, Args)]
pub struct RefuseArgs {
    /// The request
    id: String,
    /// Why; its requester reads it
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    remote: Remote,
}

/// One request, and whom to ask.
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// The request
    id: String,
    #[command(flatten)]
    remote: Remote,
}

/// Nothing but whom to ask.
#[derive(Debug, Args)]
pub struct ProfilesArgs {
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn list(args: ListArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let filters = [
        ("subject", args.subject),
        ("san", args.san),
        ("serial", args.serial),
        ("fingerprint", args.fingerprint),
        ("key", args.key),
        ("profile", args.profile),
        ("organisation", args.organisation),
        ("caller", args.caller),
        ("issuer", args.issuer),
        ("state", args.state),
        ("expires_after", args.expires_after),
        ("expires_before", args.expires_before),
    ];
    let filters: Vec<(&str, String)> =
        filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let client = args.remote.client(global)?;
    let mut items: Vec<Value> = Vec::new();
    let mut after: Option<String> = None;
    while items.len() < args.most {
        let mut query = filters.clone();
        query.push(("limit", (args.most - items.len()).min(200).to_string()));
        query.extend(after.take().map(|after| ("after", after)));
        let page = client.get(&format!("/v1/certificates?{}", crate::cli::query(&query))).await?.json();
        let found = member(&page, "/items")
            .as_array()
            .ok_or("the service answered with something that is no list")?;
        items.extend(found.iter().cloned());
        match member(&page, "/next").as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => break,
        }
    }
    table(
        &items,
        &["fingerprint", "profile", "organisation", "caller", "state", "not_after", "subject"],
        output,
    );
    Ok(())
}

pub(super) async fn show(args: ShowArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let at = format!("/v1/certificates/{}", plain(&args.fingerprint)?);
    let client = args.remote.client(global)?;
    if args.pem {
        let accept = [("accept", "application/pem-certificate-chain")];
        let answer = client.send(Method::GET, &at, &accept, Bytes::new()).await?;
        let pem = String::from_utf8_lossy(&answer.body).into_owned();
        let lines: Vec<_> = pem.lines().map(|line| (Tone::Plain, line.to_owned())).collect();
        output.result(&json!({ "pem": pem }), &lines);
        return Ok(());
    }
    members(&client.get(&at).await?.json(), output);
    Ok(())
}

pub(super) async fn request(args: RequestArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let mut query = vec![("profile", args.profile)];
    query.extend(args.caller.map(|caller| ("caller", caller)));
    query.extend(args.organisation.map(|organisation| ("organisation", organisation)));
    query.extend(args.days.map(|days| ("days", days.to_string())));
    let at = format!("/v1/certificates?{}", crate::cli::query(&query));
    let answer = ask(&args.remote.client(global)?, &at, &args.csr).await?;
    answered(&answer, args.out.as_deref(), output)
}

pub(super) async fn renew(args: RenewArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let mut at = format!("/v1/certificates/{}/renew", plain(&args.fingerprint)?);
    if let Some(days) = args.days {
        at = format!("{at}?days={days}");
    }
    let answer = ask(&args.remote.client(global)?, &at, &args.csr).await?;
    answered(&answer, args.out.as_deref(), output)
}

pub(super) async fn requests(args: RequestsArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let client = args.remote.client(global)?;
    if let Some(id) = args.id {
        members(&client.get(&format!("/v1/certificate-requests/{}", segment(&id)?)).await?.json(), output);
        return Ok(());
    }
    let query = format!("?{}", crate::cli::query(&[("state", args.state)]));
    let items = super::all(&client, "/v1/certificate-requests", &query).await?;
    table(&items, &["id", "profile", "organisation", "requester", "needed", "state", "expires"], output);
    Ok(())
}

pub(super) async fn approve(args: ApproveArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let at = format!("/v1/certificate-requests/{}/approve", segment(&args.id)?);
    let body = json!({ "csr_digest": plain(&args.csr_digest)? });
    let answer = args.remote.client(global)?.json(Method::POST, &at, &body).await?;
    let what = match member(&answer.json(), "/certificate").as_str() {
        Some(certificate) => format!("request {} is approved; certificate {certificate} is issued", args.id),
        None => format!("request {} is approved; further approvals are needed", args.id),
    };
    done(&answer, &what, output);
    Ok(())
}

pub(super) async fn refuse(args: RefuseArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let at = format!("/v1/certificate-requests/{}/refuse", segment(&args.id)?);
    let body = json!({ "reason": args.reason });
    let answer = args.remote.client(global)?.json(Method::POST, &at, &body).await?;
    done(&answer, &format!("request {} is refused", args.id), output);
    Ok(())
}

pub(super) async fn cancel(args: CancelArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let at = format!("/v1/certificate-requests/{}/cancel", segment(&args.id)?);
    let answer = args.remote.client(global)?.send(Method::POST, &at, &[], Bytes::new()).await?;
    done(&answer, &format!("request {} is taken back", args.id), output);
    Ok(())
}

pub(super) async fn profiles(args: ProfilesArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let items = super::all(&args.remote.client(global)?, "/v1/certificate-profiles", "").await?;
    table(&items, &["name", "ask", "approvals", "keys", "days", "description"], output);
    Ok(())
}

async fn ask(client: &Client, at: &str, csr: &Path) -> Result<Answer, Failure> {
    let body = std::fs::read(csr).map_err(|error| format!("cannot read `{}`: {error}", csr.display()))?;
    let key = uuid::Uuid::new_v4().to_string();
    let headers = [
        ("content-type", "application/pkcs10"),
        ("accept", "application/json"),
        ("idempotency-key", key.as_str()),
    ];
    Ok(client.send(Method::POST, at, &headers, Bytes::from(body)).await?)
}

/// Says what came of asking, and writes the certificate where there is one.
fn answered(answer: &Answer, out: Option<&Path>, output: Output) -> Result<(), Failure> {
    let body = answer.json();
    if answer.head.status == StatusCode::ACCEPTED {
        let id = member(&body, "/id").as_str().unwrap_or_default();
        let digest = member(&body, "/csr_digest").as_str().unwrap_or_default();
        let lines = [
            (Tone::Warn, format!("request {id} awaits {} approvals", member(&body, "/needed"))),
            (Tone::Plain, format!("  cinnabar certificate approve {id} --csr-digest {digest}")),
        ];
        output.result(&body, &lines);
        return Ok(());
    }
    let fingerprint = member(&body, "/certificate/fingerprint").as_str().unwrap_or_default();
    let mut lines = vec![
        (Tone::Good, format!("certificate {fingerprint} is issued")),
        (Tone::Plain, format!("  log leaf {}", member(&body, "/leaf"))),
    ];
    if let Some(out) = out {
        let chain = member(&body, "/chain").as_array().map(Vec::as_slice).unwrap_or_default();
        let pem: String =
            [member(&body, "/pem")].into_iter().chain(chain).filter_map(Value::as_str).collect();
        std::fs::write(out, pem).map_err(|error| format!("cannot write `{}`: {error}", out.display()))?;
        lines.push((Tone::Plain, format!("  {}", out.display())));
    }
    output.result(&body, &lines);
    Ok(())
}

/// Prints the members of one record.
fn members(record: &Value, output: Output) {
    let line = |(name, value): (&String, &Value)| {
        let text = match value {
            Value::Null => return None,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some(paragraph(Tone::Plain, &format!("  {name:<16} "), 19, &text))
    };
    let lines: Vec<_> = record.as_object().into_iter().flatten().filter_map(line).flatten().collect();
    output.result(record, &lines);
}

/// A hexadecimal name as paths take it.
fn plain(text: &str) -> Result<String, Failure> {
    segment(&text.replace(':', "").to_ascii_lowercase())
}

/// A member of an answer by its path (RFC 6901), null where there is none.
fn member<'a>(body: &'a Value, path: &str) -> &'a Value {
    body.pointer(path).unwrap_or(&Value::Null)
}
