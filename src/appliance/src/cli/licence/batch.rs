//! `cinnabar licence batch`: many licences from one file, and how far they are.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::Value;

use super::{Failure, Global, Output, Remote, Tone, done, segment, table};
use crate::cli::client::Client;
use crate::cli::query;

/// `cinnabar licence batch …`
#[derive(Debug, Subcommand)]
pub enum BatchCommand {
    /// Hand a file in: CSV (UTF-8 or GB 18030) or one JSON order a line; with `--import` of licences that exist already
    #[command(after_help = "Examples:
  cinnabar licence batch start permits.csv --type 11100000000013338W011 --wait --identity credentials/licensing
  cinnabar licence batch start permits.jsonl --type 11100000000013338W011 --identity credentials/licensing
  cinnabar licence batch start old-permits.csv --import --type 11100000000013338W011 --wait \\
      --identity credentials/licensing

Of `--import` the columns beside the fields are identifier 证照标识, valid_from 有效期起, valid_to 有效期止 (长期: no end),
state 证照状态, ground 状态原因, checked_to 年检有效期止, item, case_number, basis, source 来源.")]
    Start(StartArgs),
    /// Say how far it is, and follow it to its end
    #[command(
        after_help = "Example:\n  cinnabar licence batch show 0193… --wait --identity credentials/licensing"
    )]
    Show(ShowArgs),
    /// Say what became of each line
    #[command(
        after_help = "Example:\n  cinnabar licence batch lines 0193… --state failed --identity credentials/licensing"
    )]
    Lines(LinesArgs),
    /// Stop it; lines that wait stay
    #[command(after_help = "Example:\n  cinnabar licence batch stop 0193… --identity credentials/licensing")]
    Stop(OneArgs),
    /// Have it go on
    #[command(
        after_help = "Example:\n  cinnabar licence batch resume 0193… --identity credentials/licensing"
    )]
    Resume(OneArgs),
    /// List those of the own organisation, the newest first
    #[command(after_help = "Example:\n  cinnabar licence batch list --identity credentials/licensing")]
    List(ListArgs),
}

/// Options of `cinnabar licence batch start`.
#[derive(Debug, Args)]
pub struct StartArgs {
    /// The file; `.csv`, or anything else for JSON lines
    file: PathBuf,
    /// Code of the type
    #[arg(long = "type")]
    type_code: String,
    /// The lines are licences that exist already: take them over with their identifiers
    #[arg(long)]
    import: bool,
    /// Follow it to its end
    #[arg(long)]
    wait: bool,
    /// Repeated with the same key, the command finds the job of the first time
    #[arg(long)]
    idempotency_key: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar licence batch show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The job
    id: String,
    /// Follow it to its end
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar licence batch lines`.
#[derive(Debug, Args)]
pub struct LinesArgs {
    /// The job
    id: String,
    /// Only in this state: waiting, done, failed; or `warned`, those done with warnings
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Which job.
#[derive(Debug, Args)]
pub struct OneArgs {
    /// The job
    id: String,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar licence batch list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn batch(command: BatchCommand, global: &Global, output: Output) -> Result<(), Failure> {
    match command {
        BatchCommand::Start(args) => start(args, global, output).await,
        BatchCommand::Show(args) => show(args, global, output).await,
        BatchCommand::Lines(args) => lines(args, global, output).await,
        BatchCommand::Stop(args) => steer(args, "stop", global, output).await,
        BatchCommand::Resume(args) => steer(args, "resume", global, output).await,
        BatchCommand::List(args) => {
            let page = args.remote.client(global)?.get("/v1/licence-jobs?limit=100").await?.json();
            let jobs = page.get("jobs").and_then(Value::as_array).cloned().unwrap_or_default();
            table(
                &jobs,
                &["id", "kind", "type", "state", "total", "done", "warned", "failed", "created"],
                output,
            );
            Ok(())
        }
    }
}

async fn start(args: StartArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let octets = std::fs::read(&args.file)
        .map_err(|error| format!("cannot read `{}`: {error}", args.file.display()))?;
    let csv = args.file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let media_type = if csv { "text/csv" } else { "application/x-ndjson" };
    let client = args.remote.client(global)?;
    let key = args.idempotency_key.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let mut conditions = vec![("type", args.type_code)];
    conditions.extend(args.import.then(|| ("kind", "import".to_owned())));
    let at = format!("/v1/licence-jobs?{}", query(&conditions));
    let headers = [("content-type", media_type), ("idempotency-key", key.as_str())];
    let answer = client.send(Method::POST, &at, &headers, Bytes::from(octets)).await?;
    let id = answer.json().get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    if args.wait {
        output.remark(Tone::Dim, &format!("job {id}"));
        return follow(&client, &id, output).await;
    }
    done(&answer, &format!("job {id}"), output);
    Ok(())
}

async fn show(args: ShowArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let client = args.remote.client(global)?;
    if args.wait {
        return follow(&client, &args.id, output).await;
    }
    let job = client.get(&format!("/v1/licence-jobs/{}", segment(&args.id)?)).await?.json();
    told(&job, output);
    Ok(())
}

/// Shows the progress until nothing waits any more.
async fn follow(client: &Client, id: &str, output: Output) -> Result<(), Failure> {
    let at = format!("/v1/licence-jobs/{}", segment(id)?);
    let mut bar = None;
    loop {
        let job = client.get(&at).await?.json();
        let number = |name: &str| job.get(name).and_then(Value::as_u64).unwrap_or_default();
        let bar = bar.get_or_insert_with(|| output.progress(number("total"), "licences"));
        bar.set_position(number("done") + number("failed"));
        if matches!(job.get("state").and_then(Value::as_str), Some("done" | "stopped") | None) {
            bar.finish_and_clear();
            told(&job, output);
            return if number("waiting") > 0 {
                Err(format!(
                    "it stopped with {} lines waiting: `cinnabar licence batch lines {id} --state waiting` says why, \
                     `cinnabar licence batch resume {id}` has it go on",
                    number("waiting")
                )
                .into())
            } else if number("failed") == 0 {
                Ok(())
            } else {
                Err(format!(
                    "{} lines failed: `cinnabar licence batch lines {id} --state failed`",
                    number("failed")
                )
                .into())
            };
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn told(job: &Value, output: Output) {
    let text = |name: &str| job.get(name).map(|value| value.to_string().trim_matches('"').to_owned());
    let of = |name: &str| text(name).unwrap_or_default();
    let line = format!(
        "{} {}: {} of {} {}, {} failed, {} waiting",
        of("id"),
        of("state"),
        of("done"),
        of("total"),
        if of("kind") == "import" { "taken over" } else { "issued" },
        of("failed"),
        of("waiting")
    );
    let tone = if of("failed") == "0" { Tone::Good } else { Tone::Warn };
    let mut said = vec![(tone, line)];
    if !matches!(of("warned").as_str(), "" | "0") {
        let look = format!("cinnabar licence batch lines {} --state warned", of("id"));
        said.push((Tone::Warn, format!("{} with warnings: `{look}`", of("warned"))));
    }
    output.result(job, &said);
}

async fn lines(args: LinesArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let client = args.remote.client(global)?;
    let at = format!("/v1/licence-jobs/{}/lines", segment(&args.id)?);
    let state = args.state.map(|state| format!("?{}", query(&[("state", state)]))).unwrap_or_default();
    let mut items = super::all(&client, &at, &state).await?;
    for item in &mut items {
        if output.json {
            continue;
        }
        let detail = item.pointer("/problem/detail").cloned();
        let words = item.get("warnings").and_then(Value::as_array).map(|warnings| {
            let words = warnings.iter().filter_map(|one| one.get("en").and_then(Value::as_str));
            Value::from(words.collect::<Vec<_>>().join("; "))
        });
        if let Some(members) = item.as_object_mut() {
            members.extend(detail.map(|detail| ("problem".to_owned(), detail)));
            members.extend(words.map(|words| ("warnings".to_owned(), words)));
        }
    }
    table(&items, &["line", "state", "identifier", "problem", "warnings"], output);
    Ok(())
}

async fn steer(args: OneArgs, step: &str, global: &Global, output: Output) -> Result<(), Failure> {
    let client = args.remote.client(global)?;
    let at = format!("/v1/licence-jobs/{}/{step}", segment(&args.id)?);
    let answer = client.send(Method::POST, &at, &[], Bytes::new()).await?;
    done(&answer, &format!("{step}: job {}", args.id), output);
    Ok(())
}

/// How often the progress is asked for.
const LOOK: Duration = Duration::from_millis(500);
