//! `cinnabar licence change|renew|correct|check|report-loss|reissue|suspend|resume|cancel|revoke|withdraw|transfer|erase|
//! import|events|states`.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::{Args, Subcommand};
use http::Method;
use licence::life::{Ground, Operation, State};
use serde_json::{Map, Value, json};

use super::super::registry::change;
use super::{Failure, Global, Output, Remote, Tone, done, segment, table};

/// What befalls a licence after it was issued.
#[derive(Debug, Subcommand)]
pub enum LifeCommand {
    /// Change a licence: a new version with other fields, the old one is kept
    #[command(after_help = "Example:
  cinnabar licence change 11100000000013338W011.11430000006122244L.2026000000001 --set name=示例餐饮店 \\
      --reason 名称变更 --identity credentials/licensing

`--fields FILE` takes a JSON file with the fields that differ; `null` in it takes one away.")]
    Change(ChangeArgs),
    /// Renew a licence: a new version with a later end
    #[command(after_help = "Example:
  cinnabar licence renew 11100000000013338W011.11430000006122244L.2026000000001 --identity credentials/licensing")]
    Renew(ChangeArgs),
    /// Mend a mistake in a licence: a new version
    #[command(after_help = "Example:
  cinnabar licence correct 11100000000013338W011.11430000006122244L.2026000000001 --set address=示范路1号 \\
      --reason 地址录入有误 --identity credentials/licensing")]
    Correct(ChangeArgs),
    /// Enter the annual check of a licence
    #[command(after_help = "Example:
  cinnabar licence check 11100000000013338W011.11430000006122244L.2026000000001 --to 2027-06-30 \\
      --identity credentials/licensing")]
    Check(CheckArgs),
    /// Enter that a licence is reported lost
    #[command(after_help = "Example:
  cinnabar licence report-loss 11100000000013338W011.11430000006122244L.2026000000001 --reason 正本遗失 \\
      --identity credentials/licensing")]
    ReportLoss(StepArgs),
    /// Issue a lost or damaged licence anew: a new version with the same fields
    #[command(after_help = "Example:
  cinnabar licence reissue 11100000000013338W011.11430000006122244L.2026000000001 --reason 正本遗失 \\
      --identity credentials/licensing")]
    Reissue(StepArgs),
    /// Suspend a licence until it is resumed
    #[command(after_help = "Example:
  cinnabar licence suspend 11100000000013338W011.11430000006122244L.2026000000001 --ground rectification \\
      --basis 《食品安全法》第一百二十六条 --reason 限期整改 --identity credentials/licensing")]
    Suspend(StepArgs),
    /// Lift a suspension or a report of loss
    #[command(after_help = "Example:
  cinnabar licence resume 11100000000013338W011.11430000006122244L.2026000000001 --reason 整改合格 \\
      --identity credentials/licensing")]
    Resume(StepArgs),
    /// Cancel a licence, for ever
    #[command(after_help = "Example:
  cinnabar licence cancel 11100000000013338W011.11430000006122244L.2026000000001 --ground holders-request \\
      --basis 《行政许可法》第七十条 --reason 歇业 --case-number 2026-0815 --identity credentials/licensing

A machine names the case in which the holder applied for it.")]
    Cancel(StepArgs),
    /// Revoke a licence as a punishment, for ever; takes an officer
    #[command(after_help = "Example:
  cinnabar licence revoke 11100000000013338W011.11430000006122244L.2026000000001 --ground penalty \\
      --basis 《食品安全法》第一百二十三条 --reason 情节严重 --identity credentials/officer-1")]
    Revoke(StepArgs),
    /// Withdraw a licence that should not have been issued, for ever; takes an officer
    #[command(after_help = "Example:
  cinnabar licence withdraw 11100000000013338W011.11430000006122244L.2026000000001 --ground deceit \\
      --basis 《行政许可法》第六十九条 --reason 提供虚假材料 --identity credentials/officer-1")]
    Withdraw(StepArgs),
    /// Transfer a licence to another issuing body, for ever
    #[command(after_help = "Example:
  cinnabar licence transfer 11100000000013338W011.11430000006122244L.2026000000001 --to 11370300MB28559184 \\
      --ground jurisdiction --reason 经营场所迁移 --case-number 2026-0815 --identity credentials/licensing

A machine names the case in which the holder applied for it.")]
    Transfer(TransferArgs),
    /// Erase what is personal of a licence that leads nowhere any more, for ever; takes a security officer
    #[command(after_help = "Example:
  cinnabar licence erase 11100000000013338W011.11430000006122244L.2026000000001 --ground retention-over \\
      --basis 《个人信息保护法》第四十七条 --reason 保存期限届满 --identity credentials/officer-1

Where the licence stands is told as before; its fields, documents and holders are gone. Backups made before hold them until
they are destroyed themselves.")]
    Erase(EraseArgs),
    /// Take over a licence that exists already, with its identifier
    #[command(after_help = "Example:
  cinnabar licence import old-permit.json --document old-permit.pdf --identity credentials/licensing

The file is JSON: {\"identifier\": \"…\", \"valid_from\": \"2024-03-01\", \"fields\": {…}}.")]
    Import(ImportArgs),
    /// Show what befell a licence
    #[command(after_help = "Example:
  cinnabar licence events 11100000000013338W011.11430000006122244L.2026000000001 --words \\
      --identity credentials/licensing")]
    Events(EventsArgs),
    /// Say what may be done to a licence in which state, and on which grounds; needs no server
    #[command(after_help = "Example:\n  cinnabar licence states")]
    States,
}

/// Options of most steps.
#[derive(Debug, Args)]
pub struct StepArgs {
    /// Which licence: `TYPE.ISSUER.SERIAL`, or the identifier of any of its versions
    id: String,
    /// Why, in your words; kept encrypted with the licence
    #[arg(long)]
    reason: Option<String>,
    /// On which ground; `cinnabar licence states` lists them
    #[arg(long)]
    ground: Option<String>,
    /// The provision it rests on
    #[arg(long)]
    basis: Option<String>,
    /// Code of the service item
    #[arg(long)]
    item: Option<String>,
    /// Case number
    #[arg(long)]
    case_number: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar licence erase`.
#[derive(Debug, Args)]
pub struct EraseArgs {
    /// Which licence: `TYPE.ISSUER.SERIAL`, or the identifier of any of its versions
    id: String,
    /// Why, in your words; kept where it can be erased
    #[arg(long)]
    reason: String,
    /// The provision it rests on; told to whoever asks for the licence
    #[arg(long)]
    basis: String,
    /// On which ground: purpose-achieved, retention-over, consent-withdrawn, unlawful, other
    #[arg(long)]
    ground: String,
    #[command(flatten)]
    remote: Remote,
}

/// Options of what changes fields.
#[derive(Debug, Args)]
pub struct ChangeArgs {
    #[command(flatten)]
    step: StepArgs,
    /// JSON file with the fields that differ
    #[arg(long)]
    fields: Option<PathBuf>,
    /// A field with its new text; may be repeated
    #[arg(long, value_name = "FIELD=TEXT")]
    set: Vec<String>,
    /// A field to be taken away; may be repeated
    #[arg(long, value_name = "FIELD")]
    unset: Vec<String>,
    /// The first day of the term, YYYY-MM-DD; of renewals and corrections
    #[arg(long)]
    valid_from: Option<String>,
}

/// Options of `cinnabar licence check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    step: StepArgs,
    /// The last day that the check covers, YYYY-MM-DD
    #[arg(long)]
    to: String,
}

/// Options of `cinnabar licence transfer`.
#[derive(Debug, Args)]
pub struct TransferArgs {
    #[command(flatten)]
    step: StepArgs,
    /// Credit code of the body that takes it over
    #[arg(long)]
    to: String,
}

/// Options of `cinnabar licence import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// JSON file with identifier, fields and term
    file: PathBuf,
    /// The PDF that was issued then; kept as it is
    #[arg(long)]
    document: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar licence events`.
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// Which licence
    id: String,
    /// With the reasons; the look is entered in the log
    #[arg(long)]
    words: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Runs one of these commands.
pub(super) async fn life(command: LifeCommand, global: &Global, output: Output) -> Result<(), Failure> {
    use LifeCommand as C;
    let none = Map::new;
    match command {
        C::Change(args) => fields(Operation::Change, args, global, output).await,
        C::Renew(args) => fields(Operation::Renew, args, global, output).await,
        C::Correct(args) => fields(Operation::Correct, args, global, output).await,
        C::Check(args) => {
            let more = Map::from_iter([("checked_to".to_owned(), args.to.into())]);
            step(Operation::Check, args.step, more, global, output).await
        }
        C::ReportLoss(args) => step(Operation::ReportLoss, args, none(), global, output).await,
        C::Reissue(args) => step(Operation::Reissue, args, none(), global, output).await,
        C::Suspend(args) => step(Operation::Suspend, args, none(), global, output).await,
        C::Resume(args) => step(Operation::Resume, args, none(), global, output).await,
        C::Cancel(args) => step(Operation::Cancel, args, none(), global, output).await,
        C::Revoke(args) => step(Operation::Revoke, args, none(), global, output).await,
        C::Withdraw(args) => step(Operation::Withdraw, args, none(), global, output).await,
        C::Transfer(args) => {
            let more = Map::from_iter([("to".to_owned(), args.to.into())]);
            step(Operation::Transfer, args.step, more, global, output).await
        }
        C::Erase(args) => erase(args, global, output).await,
        C::Import(args) => import(args, global, output).await,
        C::Events(args) => events(args, global, output).await,
        C::States => {
            states(output);
            Ok(())
        }
    }
}

async fn fields(
    operation: Operation,
    args: ChangeArgs,
    global: &Global,
    output: Output,
) -> Result<(), Failure> {
    let mut differ = match &args.fields {
        None => Map::new(),
        Some(path) => match json_file(path)? {
            Value::Object(members) => members,
            _ => return Err(format!("`{}` holds no JSON object", path.display()).into()),
        },
    };
    for pair in &args.set {
        let (name, text) =
            pair.split_once('=').ok_or_else(|| format!("`{pair}` is not of the form FIELD=TEXT"))?;
        differ.insert(name.to_owned(), text.into());
    }
    differ.extend(args.unset.iter().map(|name| (name.clone(), Value::Null)));
    let mut more = Map::new();
    if !differ.is_empty() {
        more.insert("fields".to_owned(), Value::Object(differ));
    }
    if let Some(day) = args.valid_from {
        more.insert("valid_from".to_owned(), day.into());
    }
    step(operation, args.step, more, global, output).await
}

/// Takes a step at the version of the licence that is read now.
async fn step(
    operation: Operation,
    args: StepArgs,
    mut body: Map<String, Value>,
    global: &Global,
    output: Output,
) -> Result<(), Failure> {
    for (name, value) in [
        ("reason", args.reason),
        ("ground", args.ground),
        ("basis", args.basis),
        ("item", args.item),
        ("case_number", args.case_number),
    ] {
        if let Some(value) = value {
            body.insert(name.to_owned(), value.into());
        }
    }
    let record = format!("/v1/licences/{}", segment(&args.id)?);
    let client = args.remote.client(global)?;
    let (read, at) = (format!("{record}/events"), format!("{record}/{}", operation.as_str()));
    let answer = change(&client, Method::POST, &read, &at, &Value::Object(body)).await?;
    let now = answer.json();
    let text = |name: &str| now.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let what = format!("licence {} is {}: {}", text("identifier"), operation.word_en(), text("state"));
    done(&answer, &what, output);
    Ok(())
}

async fn erase(args: EraseArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let record = format!("/v1/licences/{}", segment(&args.id)?);
    let body = json!({ "reason": args.reason, "basis": args.basis, "ground": args.ground });
    let client = args.remote.client(global)?;
    // Whoever erases need not be one who may read.
    let (read, at) = (format!("{record}/events"), format!("{record}/erase"));
    let answer = change(&client, Method::POST, &read, &at, &body).await?;
    let now = answer.json();
    let text = |name: &str| now.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let what = format!("what was personal of licence {} is erased; it is {}", text("id"), text("state"));
    done(&answer, &what, output);
    Ok(())
}

async fn import(args: ImportArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let order = json_file(&args.file)?;
    let document = args.document.as_ref().map(|path| {
        std::fs::read(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
    });
    let (kind, body) = form(&order, document.transpose()?.as_deref());
    let key = uuid::Uuid::new_v4().to_string();
    let headers = [("content-type", kind.as_str()), ("idempotency-key", key.as_str())];
    let client = args.remote.client(global)?;
    let answer = client.send(Method::POST, "/v1/licences/import", &headers, body).await?;
    let now = answer.json();
    let warnings = now.get("warnings").and_then(Value::as_array).map_or(0, Vec::len);
    let identifier = now.get("identifier").and_then(Value::as_str).unwrap_or_default();
    let what = match warnings {
        0 => format!("licence {identifier} is taken over"),
        some => format!("licence {identifier} is taken over, with {some} warning(s) on its record"),
    };
    done(&answer, &what, output);
    Ok(())
}

async fn events(args: EventsArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let words = if args.words { "?words=true" } else { "" };
    let path = format!("/v1/licences/{}/events{words}", segment(&args.id)?);
    let answer = args.remote.client(global)?.get(&path).await?.json();
    let mut events = answer.get("events").and_then(Value::as_array).cloned().unwrap_or_default();
    if args.words && !output.json {
        for event in &mut events {
            let reason = event.pointer("/words/reason").cloned().unwrap_or_default();
            if let Some(members) = event.as_object_mut() {
                members.insert("words".to_owned(), reason);
            }
        }
    }
    let mut columns = vec!["time", "operation", "before", "after", "ground", "identifier", "caller", "leaf"];
    if args.words {
        columns.push("words");
    }
    table(&events, &columns, output);
    Ok(())
}

/// The table of the life of licences.
fn states(output: Output) {
    let operations = Operation::ALL.into_iter().filter(|operation| !operation.begins());
    let items: Vec<Value> = operations
        .map(|operation| {
            let rule = operation.rule();
            let from: Vec<_> = rule.from.iter().map(|state: &State| state.as_str()).collect();
            let grounds: Vec<_> = Ground::of(operation).map(Ground::as_str).collect();
            json!({
                "operation": operation.as_str(),
                "zh": operation.word_zh(),
                "from": from,
                "to": rule.to.as_str(),
                "version": operation.makes_version(),
                "grounds": grounds,
            })
        })
        .collect();
    table(&items, &["operation", "zh", "from", "to", "version", "grounds"], output);
    if !output.json {
        output.remark(
            Tone::Dim,
            "What a type allows stands in its definition; the policies say who may do it.",
        );
    }
}

fn json_file(path: &Path) -> Result<Value, Failure> {
    let text = std::fs::read(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    Ok(serde_json::from_slice(&text).map_err(|error| format!("`{}` is no JSON: {error}", path.display()))?)
}

/// The order as a body: a form where a document comes along.
fn form(request: &Value, document: Option<&[u8]>) -> (String, Bytes) {
    let Some(document) = document else {
        return ("application/json".to_owned(), Bytes::from(request.to_string()));
    };
    let boundary = format!("cinnabar-{}", uuid::Uuid::new_v4().simple());
    let mut body = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"request\"\r\ncontent-type: application/json\r\n\r\n\
         {request}\r\n--{boundary}\r\ncontent-disposition: form-data; name=\"document\"; filename=\"document.pdf\"\r\n\
         content-type: application/pdf\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(document);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body.into())
}
