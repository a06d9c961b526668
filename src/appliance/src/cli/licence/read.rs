//! `cinnabar licence show|list|download`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Failure, Global, Output, Remote, Tone, all, segment, table};
use crate::cli::client::Client;
use crate::cli::{json_text, query};

/// Options of `cinnabar licence show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Its identifier (GB/T 36904), with or without the OID, or TYPE.ISSUER.SERIAL
    identifier: String,
    /// With the fields that are personal; this is entered in the log
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar licence list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only of this type
    #[arg(long = "type")]
    type_code: Option<String>,
    /// Only those issued by this organisation
    #[arg(long)]
    organisation: Option<String>,
    /// Only in this state: active, suspended, lost, cancelled, revoked, withdrawn, transferred, expired
    #[arg(long)]
    state: Option<String>,
    /// Only those that are over within so many days, by when they end
    #[arg(long, value_name = "DAYS")]
    ends_within: Option<u16>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar licence download`.
#[derive(Debug, Args)]
pub struct DownloadArgs {
    /// Its identifier (GB/T 36904), or TYPE.ISSUER.SERIAL
    identifier: String,
    /// original, duplicate, overprint, credential or qr
    kind: String,
    /// Where to write it
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn show(args: ShowArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let more = if args.all { "?fields=all" } else { "" };
    let at = format!("/v1/licences/{}{more}", segment(&args.identifier)?);
    let value = args.remote.client(global)?.get(&at).await?.json();
    output.result(&value, &[(Tone::Plain, json_text(&value))]);
    Ok(())
}

pub(super) async fn list(args: ListArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let conditions = [
        ("type", args.type_code),
        ("organisation", args.organisation),
        ("state", args.state),
        ("ends_within", args.ends_within.map(|days| days.to_string())),
    ];
    let conditions: Vec<(&str, String)> =
        conditions.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let query = if conditions.is_empty() { String::new() } else { format!("?{}", query(&conditions)) };
    let items = all(&args.remote.client(global)?, "/v1/licences", &query).await?;
    table(&items, &["identifier", "state", "organisation", "valid_from", "valid_to"], output);
    Ok(())
}

pub(super) async fn download(args: DownloadArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let octets = fetch(&args.remote.client(global)?, &args.identifier, &args.kind, &args.out).await?;
    let value = serde_json::json!({ "identifier": args.identifier, "kind": args.kind, "octets": octets });
    output.result(&value, &[(Tone::Good, format!("{} octets in {}", octets, args.out.display()))]);
    Ok(())
}

/// Fetches what was made of a licence into a file of its owner's alone; how many octets.
pub(super) async fn fetch(
    client: &Client,
    identifier: &str,
    kind: &str,
    path: &Path,
) -> Result<usize, Failure> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let at = format!("/v1/licences/{}/documents/{}", segment(identifier)?, segment(kind)?);
    let answer = client.get(&at).await?;
    let failed = |error: std::io::Error| format!("cannot write `{}`: {error}", path.display());
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.map_err(failed)?.write_all(&answer.body).map_err(failed)?;
    Ok(answer.body.len())
}
