//! `cinnabar trust-list`: which other regions' licences and seals are taken here.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::registry::{change, done, segment, table};
use super::{Failure, Global, Outcome, Output, Remote, Tone, block_on};
use crate::config::Config;

/// `cinnabar trust-list …`
#[derive(Debug, Subcommand)]
pub enum TrustListCommand {
    /// Bring a signed list in; another officer approves it
    #[command(after_help = "Examples:
  cinnabar trust-list import national-7.jwt --identity credentials/officer-1
  cinnabar trust-list import --url https://trust.example/national.jwt --identity credentials/officer-1")]
    Import(ImportArgs),
    /// Show a list with its regions, or all lists on record
    #[command(after_help = "Examples:
  cinnabar trust-list show --identity credentials/officer-2
  cinnabar trust-list show 0193… --identity credentials/officer-2")]
    Show(ShowArgs),
    /// List the regions that are recognised now
    #[command(after_help = "Example:\n  cinnabar trust-list regions --identity credentials/auditor-1")]
    Regions(OnlyRemote),
    /// Put a list in force that another officer brought in
    #[command(after_help = "Example:\n  cinnabar trust-list approve 0193… --identity credentials/officer-2")]
    Approve(WhichArgs),
    /// Refuse a list that waits for review
    #[command(
        after_help = "Example:\n  cinnabar trust-list refuse 0193… --reason 根证书指纹与公布的不一致 --identity credentials/officer-2"
    )]
    Refuse(WhyArgs),
    /// Take a list out of force; its regions are foreign at once
    #[command(
        after_help = "Example:\n  cinnabar trust-list withdraw 0193… --reason 该地区密钥泄露 --identity credentials/officer-1"
    )]
    Withdraw(WhyArgs),
    /// Fetch this platform's own entry, for whoever makes lists
    #[command(after_help = "Example:\n  cinnabar trust-list entry --out hunan.jwt")]
    Entry(EntryArgs),
    /// Have a list of regions' entries signed by this platform's publisher
    #[command(after_help = "Example:
  cinnabar trust-list sign hunan.jwt zhejiang.jwt --list east --number 7 --days 90 --out east-7.jwt \\
    --identity credentials/officer-1")]
    Sign(SignArgs),
}

/// Options of `cinnabar trust-list import`.
#[derive(Debug, Args)]
#[group(id = "from", required = true, multiple = false, args = ["file", "url"])]
pub struct ImportArgs {
    /// The signed list
    file: Option<PathBuf>,
    /// Have the service fetch it from this address (`[fetch]` says what it may)
    #[arg(long)]
    url: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar trust-list show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Which list; all on record without
    id: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Who asks.
#[derive(Debug, Args)]
pub struct OnlyRemote {
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar trust-list approve`.
#[derive(Debug, Args)]
pub struct WhichArgs {
    /// The list's identifier here
    id: String,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar trust-list refuse` and `withdraw`.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The list's identifier here
    id: String,
    /// Why
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar trust-list entry`.
#[derive(Debug, Args)]
pub struct EntryArgs {
    /// Address of the public listener [default: `appliance.public_url` of the configuration]
    #[arg(long)]
    public: Option<String>,
    /// Write it to this file instead of standard output
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Options of `cinnabar trust-list sign`.
#[derive(Debug, Args)]
pub struct SignArgs {
    /// Entries of the regions, each as it was published; none for a list that recognises nobody
    entries: Vec<PathBuf>,
    /// Name of the list; the same from number to number
    #[arg(long)]
    list: String,
    /// Its number, above all before it
    #[arg(long)]
    number: u64,
    /// For how many days it is good
    #[arg(long, default_value_t = 90)]
    days: u32,
    /// Write it to this file instead of standard output
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

/// Runs `cinnabar trust-list`.
pub fn run(command: TrustListCommand, global: &Global, output: Output) -> Outcome {
    match command {
        TrustListCommand::Import(args) => import(&args, global, output)?,
        TrustListCommand::Show(args) => show(&args, global, output)?,
        TrustListCommand::Regions(args) => {
            let client = args.remote.client(global)?;
            let answer = block_on(async { client.get("/v1/regions").await })??.json();
            table(&items(&answer), &["id", "zh", "en", "divisions", "verification", "until"], output);
        }
        TrustListCommand::Approve(args) => {
            let said = format!("trust list {} is in force", args.id);
            step(&args.remote, &args.id, "approve", &Value::Null, &said, global, output)?;
        }
        TrustListCommand::Refuse(args) => {
            let (why, said) =
                (json!({ "reason": args.reason }), format!("trust list {} is refused", args.id));
            step(&args.remote, &args.id, "refuse", &why, &said, global, output)?;
        }
        TrustListCommand::Withdraw(args) => {
            let said = format!("trust list {} is out of force; its regions are foreign now", args.id);
            let why = json!({ "reason": args.reason });
            step(&args.remote, &args.id, "withdraw", &why, &said, global, output)?;
        }
        TrustListCommand::Entry(args) => entry(&args, global, output)?,
        TrustListCommand::Sign(args) => sign(&args, global, output)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn import(args: &ImportArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let body = match (&args.file, &args.url) {
        (Some(file), _) => json!({ "token": read(file)? }),
        (None, url) => json!({ "url": url }),
    };
    let client = args.remote.client(global)?;
    let answer = block_on(async { client.json(Method::POST, "/v1/trust-lists", &body).await })??;
    let list = answer.json();
    let text = |name: &str| {
        list.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned))
    };
    let told = |name: &str| text(name).unwrap_or_default();
    let lines = [
        (Tone::Good, format!("trust list {} is {}", told("id"), told("state"))),
        (
            Tone::Plain,
            format!("  list     {} number {}, {} regions", told("list"), told("number"), told("regions")),
        ),
        (Tone::Plain, format!("  issuer   {}", told("issuer"))),
        (Tone::Plain, format!("  signer   SHA-256 {}", told("signer"))),
        (
            Tone::Warn,
            "compare the signer with what its publisher says by another way, before it is approved".into(),
        ),
        (Tone::Head, format!("next: cinnabar trust-list approve {} (another officer)", told("id"))),
    ];
    output.result(&list, &lines);
    Ok(())
}

fn show(args: &ShowArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let client = args.remote.client(global)?;
    let Some(id) = &args.id else {
        let answer = block_on(async { client.get("/v1/trust-lists").await })??.json();
        table(
            &items(&answer),
            &["id", "list", "number", "state", "regions", "issuer", "next_update"],
            output,
        );
        return Ok(());
    };
    let path = format!("/v1/trust-lists/{}", segment(id)?);
    let list = block_on(async { client.get(&path).await })??.json();
    let shown = |value: &Value, name: &str| match value.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let mut lines = vec![(Tone::Head, format!("{} number {}", shown(&list, "list"), shown(&list, "number")))];
    for name in ["state", "issuer", "signer", "digest", "next_update", "importer", "created"] {
        lines.push((Tone::Plain, format!("  {name:<12} {}", shown(&list, name))));
    }
    for region in list.get("names").and_then(Value::as_array).into_iter().flatten() {
        let name = [shown(region, "id"), shown(region, "zh"), shown(region, "en")].join(" · ");
        lines.push((Tone::Head, format!("  {name}")));
        for part in
            ["divisions", "types", "roots", "seal_makers", "credentials", "status_lists", "verification"]
        {
            lines.push((Tone::Plain, format!("    {part:<12} {}", shown(region, part))));
        }
    }
    output.result(&list, &lines);
    Ok(())
}

fn step(
    remote: &Remote,
    id: &str,
    name: &str,
    body: &Value,
    said: &str,
    global: &Global,
    output: Output,
) -> Result<(), Failure> {
    let client = remote.client(global)?;
    let record = format!("/v1/trust-lists/{}", segment(id)?);
    let at = format!("{record}/{name}");
    let answer = block_on(change(&client, Method::POST, &record, &at, body))??;
    done(&answer, said, output);
    Ok(())
}

fn entry(args: &EntryArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let config = Config::load(&global.config)?;
    let public = args.public.clone().unwrap_or_else(|| config.appliance.public_url.clone());
    let url = format!("{}/licences/trust-entry", public.trim_end_matches('/'));
    let answer = block_on(async {
        let client = crate::fetch::Client::to_host_of(&url, &config.fetch).await?;
        client.get(&url, licence::trust_list::LONGEST as u64, "application/jwt").await
    })??;
    let token = String::from_utf8(answer.body)?;
    deliver(&token, args.out.as_deref(), "this platform's entry", output)
}

fn sign(args: &SignArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let entries = args.entries.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
    let body = json!({ "list": args.list, "number": args.number, "days": args.days, "entries": entries });
    let client = args.remote.client(global)?;
    let answer = block_on(async { client.json(Method::POST, "/v1/trust-lists/sign", &body).await })??.json();
    let token = answer.get("token").and_then(Value::as_str).unwrap_or_default();
    let what = format!("trust list {} number {}", args.list, args.number);
    deliver(token, args.out.as_deref(), &what, output)
}

fn deliver(token: &str, out: Option<&Path>, what: &str, output: Output) -> Result<(), Failure> {
    match out {
        Some(path) => {
            std::fs::write(path, format!("{token}\n"))
                .map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
            let line = (Tone::Good, format!("{what}: {}", path.display()));
            output.result(&json!({ "file": path }), &[line]);
        }
        None => output.result(&json!({ "token": token }), &[(Tone::Plain, token.to_owned())]),
    }
    Ok(())
}

fn read(file: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("cannot read `{}`: {error}", file.display()))?;
    Ok(text.trim().to_owned())
}

fn items(answer: &Value) -> Vec<Value> {
    answer.get("items").and_then(Value::as_array).cloned().unwrap_or_default()
}
