//! `cinnabar audit`: has the record been altered, and what does it say. Works on the database of the configuration,
//! with the service stopped or running; needs no key but the log's public one.

use std::path::PathBuf;
use std::process::ExitCode;

use bytes::Bytes;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};
use tlog::{SignedCheckpoint, VerifierKey};

use super::{Failure, Global, Outcome, Output, Remote, Tone, block_on, leaf, receipt};
use crate::audit::{self, AuditReport, Options, Progress};
use crate::config::Config;
use crate::journal::last_released;
use crate::store::{Db, Value as Cell};

/// `cinnabar audit …`
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Re-derive the log from the rows, and check every row against its entry
    Verify(VerifyArgs),
    /// Show one entry
    #[command(after_help = "Examples:
  cinnabar audit show 1042
  cinnabar audit show 1042 --identity credentials/auditor-1    with personal detail; the read is entered")]
    Show(ShowArgs),
    /// Erase an entry's personal detail for good; every proof keeps verifying
    #[command(after_help = "Example:\n  cinnabar audit erase 1042 --identity credentials/officer-1")]
    Erase(EraseArgs),
    /// List entries, the newest last
    #[command(after_help = "Example:\n  cinnabar audit list --from 1000 --limit 50")]
    List(ListArgs),
}

/// Options of `cinnabar audit verify`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar audit verify --config /srv/cinnabar/cinnabar.toml
  cinnabar audit verify --checkpoint kept/checkpoint-1000 --log-key kept/log.key --json

A log that was cut or replaced as a whole is found only against an earlier checkpoint: the one this node released
last is taken from its state folder; bring others that were kept elsewhere with --checkpoint.

Exit codes: 0 nothing was altered; 1 something was, the first bad row is named; 2 wrong usage")]
pub struct VerifyArgs {
    /// An earlier checkpoint that the log must extend; several times for several
    #[arg(long = "checkpoint")]
    checkpoints: Vec<PathBuf>,
    /// The log's public key, a file or the key itself [default: the configuration's]
    #[arg(long)]
    log_key: Option<String>,
}

/// Options of `cinnabar audit show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Index of the entry
    leaf: u64,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar audit erase`.
#[derive(Debug, Args)]
pub struct EraseArgs {
    /// Index of the entry
    leaf: u64,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar audit list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// First entry [default: so that the newest are shown]
    #[arg(long)]
    from: Option<u64>,
    /// Most entries
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
}

/// Runs `cinnabar audit …`.
pub fn run(command: AuditCommand, global: &Global, output: Output) -> Outcome {
    match command {
        AuditCommand::Verify(args) => verify(&args, &Config::load(&global.config)?, output),
        AuditCommand::Show(args) if args.remote.identity.is_some() => show_with_detail(&args, global, output),
        AuditCommand::Show(args) => show(&args, &Config::load(&global.config)?, output),
        AuditCommand::List(args) => list(&args, &Config::load(&global.config)?, output),
        AuditCommand::Erase(args) => erase(&args, global, output),
    }
}

fn verify(args: &VerifyArgs, config: &Config, output: Output) -> Outcome {
    let keys = match &args.log_key {
        Some(text) => receipt::log_keys(text)?,
        None => receipt::log_keys(&config.log.verifier_key.display().to_string())?,
    };
    // Before the rows are looked at: they can only have gone on since.
    let mut checkpoints = Vec::new();
    for path in &args.checkpoints {
        let bytes = std::fs::read(path).map_err(|e| format!("cannot read `{}`: {e}", path.display()))?;
        let checkpoint = SignedCheckpoint::parse(&bytes)
            .map_err(|e| format!("`{}` is no checkpoint: {e}", path.display()))?;
        checkpoints.push(checkpoint);
    }
    checkpoints.extend(last_released(&config.appliance.state)?);
    let report = block_on(check(&config.database.url, &keys.all_keys(), &checkpoints, output))??;
    output.result(&serde_json::to_value(&report)?, &lines(&report));
    Ok(if report.sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Audits a database, showing progress.
pub async fn check(
    url: &str,
    keys: &[VerifierKey],
    checkpoints: &[SignedCheckpoint],
    output: Output,
) -> Result<AuditReport, Failure> {
    let db = Db::open(&url.parse()?).await?;
    let mut bar: Option<(&'static str, indicatif::ProgressBar)> = None;
    let mut progress = |at: Progress| {
        if bar.as_ref().is_none_or(|(stage, _)| *stage != at.stage) {
            if let Some((_, old)) = bar.take() {
                old.finish_and_clear();
            }
            bar = Some((at.stage, output.progress(at.total, at.stage)));
        }
        if let Some((_, bar)) = &bar {
            bar.set_position(at.done);
        }
    };
    let report =
        audit::verify(&db, Options { keys, checkpoints, vault: None, progress: &mut progress }).await;
    if let Some((_, bar)) = bar {
        bar.finish_and_clear();
    }
    db.close().await;
    Ok(report?)
}

/// The outcome in words, the first bad row first.
pub fn lines(report: &AuditReport) -> Vec<(Tone, String)> {
    let mut lines = vec![(
        Tone::Plain,
        format!(
            "log {}: {} entries, {} rows, {} tiles, {} side records ({} erased), {} earlier checkpoints",
            report.origin,
            report.entries,
            report.rows,
            report.tiles,
            report.details,
            report.details_erased,
            report.checkpoints
        ),
    )];
    for finding in &report.findings {
        let text = format!("  {} `{}`: {}", finding.table, finding.id, finding.explanation);
        lines.push((Tone::Bad, text));
    }
    if report.more > 0 {
        lines.push((Tone::Bad, format!("  and {} findings more", report.more)));
    }
    lines.push(if report.sound {
        (
            Tone::Good,
            format!("sound: the rows make the root {}, every row is what its entry says", report.root),
        )
    } else {
        (
            Tone::Bad,
            "altered: do not rely on this record; restore a backup from before (cinnabar restore)".into(),
        )
    });
    lines
}

fn show(args: &ShowArgs, config: &Config, output: Output) -> Outcome {
    let found = entries(config, args.leaf, 1)?.into_iter().find(|(index, _)| *index == args.leaf);
    let Some((index, entry)) = found else {
        return Err(format!("the log has no leaf {}", args.leaf).into());
    };
    let mut lines = vec![(Tone::Head, format!("leaf {index}"))];
    lines.extend(leaf::describe(&entry));
    output.result(&json!({ "leaf": index, "entry": entry }), &lines);
    Ok(ExitCode::SUCCESS)
}

/// From the service, which opens the side record and enters the read.
fn show_with_detail(args: &ShowArgs, global: &Global, output: Output) -> Outcome {
    let client = args.remote.client(global)?;
    let answer = block_on(client.get(&format!("/v1/audit/entries/{}", args.leaf)))??;
    let value = answer.json();
    let mut lines = vec![(Tone::Head, format!("leaf {}", args.leaf))];
    lines.extend(leaf::describe(value.get("entry").unwrap_or(&Value::Null)));
    match value.get("detail") {
        None | Some(Value::Null) => lines.push((Tone::Dim, "  no personal detail".into())),
        Some(Value::String(word)) => lines.push((Tone::Warn, format!("  personal detail: {word}"))),
        Some(detail) => lines.push((Tone::Plain, format!("  personal detail: {detail}"))),
    }
    let read = answer.header("cinnabar-leaf").unwrap_or_default();
    lines.push((Tone::Dim, format!("  this read is leaf {read}")));
    output.result(&value, &lines);
    Ok(ExitCode::SUCCESS)
}

fn erase(args: &EraseArgs, global: &Global, output: Output) -> Outcome {
    let client = args.remote.client(global)?;
    let key = uuid::Uuid::new_v4().to_string();
    let at = format!("/v1/audit/entries/{}/erase", args.leaf);
    let headers = [("idempotency-key", key.as_str())];
    let answer = block_on(client.send(Method::POST, &at, &headers, Bytes::new()))??;
    let erasure = answer.header("cinnabar-leaf").unwrap_or_default();
    output.result(
        &json!({ "erased": args.leaf, "leaf": erasure.parse::<u64>().ok() }),
        &[
            (Tone::Good, format!("the personal detail of leaf {} is erased", args.leaf)),
            (Tone::Plain, format!("  log leaf {erasure}")),
            (
                Tone::Warn,
                "  backups taken before still hold it: destroy them when their time has come".into(),
            ),
        ],
    );
    Ok(ExitCode::SUCCESS)
}

fn list(args: &ListArgs, config: &Config, output: Output) -> Outcome {
    let from = match args.from {
        Some(from) => from,
        None => size(config)?.saturating_sub(args.limit.into()),
    };
    let entries = entries(config, from, args.limit)?;
    let lines: Vec<_> = entries
        .iter()
        .map(|(index, entry)| {
            let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str).unwrap_or("-");
            let time = leaf::time(entry).map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
            let time = time.unwrap_or_default();
            (
                Tone::Plain,
                format!(
                    "{index:>8}  {time}  {:<24} {:<20} {}",
                    text("/action"),
                    text("/actor/id"),
                    text("/resource")
                ),
            )
        })
        .collect();
    let items: Vec<Value> =
        entries.iter().map(|(index, entry)| json!({ "leaf": index, "entry": entry })).collect();
    output.result(&json!({ "items": items }), &lines);
    Ok(ExitCode::SUCCESS)
}

fn size(config: &Config) -> Result<u64, Failure> {
    block_on(async {
        let db = Db::open(&config.database.url.parse()?).await?;
        let head = db.fetch_optional("SELECT size FROM head WHERE id = 1", &[]).await?;
        db.close().await;
        Ok(head.ok_or("the database holds no log")?.int("size")?.unsigned_abs())
    })?
}

fn entries(config: &Config, from: u64, limit: u32) -> Result<Vec<(u64, Value)>, Failure> {
    let from = i64::try_from(from).map_err(|_| "no log is that long")?;
    block_on(async {
        let db = Db::open(&config.database.url.parse()?).await?;
        let sql = "SELECT leaf, body FROM entries WHERE leaf >= $1 ORDER BY leaf LIMIT $2";
        let records = db.fetch_all(sql, &[Cell::Int(from), Cell::Int(limit.into())]).await?;
        db.close().await;
        let mut entries = Vec::with_capacity(records.len());
        for record in &records {
            let index = record.int("leaf")?.unsigned_abs();
            let entry = serde_json::from_slice(record.bytes("body")?)
                .map_err(|e| format!("leaf {index} is no entry ({e}); run `cinnabar audit verify`"))?;
            entries.push((index, entry));
        }
        Ok(entries)
    })?
}
