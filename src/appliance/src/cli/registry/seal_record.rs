//! `cinnabar seal-record`: the life of seals, and looking at them. (`cinnabar seal` uses one.)

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::seal_apply::{self, CancelArgs, ChangeArgs, NewArgs, RemakeArgs, RenewArgs};
use super::seal_steps::{self, ApplicationsArgs, PauseArgs, ReasonArgs, StepArgs, StopArgs};
use super::seal_table::{self, ExportArgs, ImportArgs};
use super::{Global, Outcome, Output, Remote, Tone, all, block_on, segment, table};
use crate::seals::state;

/// `cinnabar seal-record …`
#[derive(Debug, Subcommand)]
pub enum SealRecordCommand {
    /// A new seal from application to making, where all three persons are at hand
    #[command(
        after_help = "Example:\n  cinnabar seal-record add bureau-seal --organisation bureau --picture seal.png --width-mm 42 \\\n      --identity credentials/approval --approver credentials/officer-1 --maker credentials/officer-2\n\nWithout --approver and --maker it applies and says how to go on: three different persons make a seal."
    )]
    Add(NewArgs),
    /// Apply for a new seal
    #[command(
        after_help = "Example:\n  cinnabar seal-record apply bureau-seal --organisation bureau --name 示例市行政审批局 --picture seal.png --width-mm 42"
    )]
    Apply(NewArgs),
    /// Apply for a seal to be changed: a new version, the present one keeps verifying
    #[command(
        after_help = "Example:\n  cinnabar seal-record change bureau-seal --name 示例市数据局 --picture new.png"
    )]
    Change(ChangeArgs),
    /// Apply for a seal to be renewed for a further term
    #[command(after_help = "Example:\n  cinnabar seal-record renew bureau-seal --reason 证书即将到期")]
    Renew(RenewArgs),
    /// Apply for a seal to be made anew after loss or compromise of its key
    #[command(after_help = "Example:\n  cinnabar seal-record remake bureau-seal --ground compromise")]
    Remake(RemakeArgs),
    /// Apply for a seal to be cancelled: its certificate is revoked with it
    #[command(after_help = "Example:\n  cinnabar seal-record cancel bureau-seal --ground closure")]
    Cancel(CancelArgs),
    /// List applications for seals
    #[command(after_help = "Example:\n  cinnabar seal-record applications --state applied")]
    Applications(ApplicationsArgs),
    /// Approve an application; another person than the applicant
    #[command(
        after_help = "Example:\n  cinnabar seal-record approve 0199d1c2-… --identity credentials/officer-1"
    )]
    Approve(StepArgs),
    /// Refuse an application
    #[command(
        after_help = "Example:\n  cinnabar seal-record refuse 0199d1c2-… --reason 授权书缺盖章 --identity credentials/officer-1"
    )]
    Refuse(ReasonArgs),
    /// Take an application back
    #[command(after_help = "Example:\n  cinnabar seal-record withdraw 0199d1c2-… --reason 填写有误")]
    Withdraw(ReasonArgs),
    /// Carry an approved application out; neither the applicant nor the approver
    #[command(
        after_help = "Example:\n  cinnabar seal-record make 0199d1c2-… --identity credentials/officer-2"
    )]
    Make(StepArgs),
    /// Suspend a seal until it is resumed
    #[command(
        after_help = "Example:\n  cinnabar seal-record suspend bureau-seal --ground closure --hold --identity credentials/officer-1"
    )]
    Suspend(PauseArgs),
    /// Resume a suspended seal
    #[command(
        after_help = "Example:\n  cinnabar seal-record resume bureau-seal --identity credentials/officer-1"
    )]
    Resume(StepArgs),
    /// Stop a seal at once, on suspicion; takes one officer alone
    #[command(
        after_help = "Example:\n  cinnabar seal-record stop bureau-seal --ground compromise --revoke --identity credentials/officer-1"
    )]
    Stop(StopArgs),
    /// List seals
    #[command(
        after_help = "Example:\n  cinnabar seal-record list --state active --ends-within-days 60 --identity credentials/officer-1"
    )]
    List(ListArgs),
    /// Show one seal
    #[command(
        after_help = "Example:\n  cinnabar seal-record show bureau-seal --json --identity credentials/officer-1"
    )]
    Show(ShowArgs),
    /// List the versions of a seal
    #[command(
        after_help = "Example:\n  cinnabar seal-record versions bureau-seal --identity credentials/officer-1"
    )]
    Versions(ShowArgs),
    /// Fetch the structure of a seal (SESeal, GB/T 38540)
    #[command(
        after_help = "Example:\n  cinnabar seal-record structure bureau-seal seal.esl --identity credentials/officer-1"
    )]
    Structure(StructureArgs),
    /// Say what may be done with a seal in which state, and by whom; needs no server
    #[command(after_help = "Example:\n  cinnabar seal-record states")]
    States,
    /// Draw a seal without making it; needs no server
    #[command(
        after_help = "Examples:\n  cinnabar seal-record preview --name 示范县行政审批服务局 --code 37030000001721 --out seal.svg\n  cinnabar seal-record preview --shape name-seal --name 李建国 --filling --out name.png"
    )]
    Preview(Box<super::seal_preview::PreviewArgs>),
    /// Apply for the seals of a whole county with one table
    #[command(
        after_help = "Example:\n  cinnabar seal-record import county.csv --out results.csv --identity credentials/officer-1\n\nColumns: 印章标识 seal, 单位标识 organisation, 印章名称 name; and, where wanted, 印章类型 kind, 级别 level, 统一社会信用代码 holder_number, 用途 purpose, 有效期至 valid_to …\nSent again, rows that are known are left alone."
    )]
    Import(ImportArgs),
    /// Export the filing record of a seal, signed by the seal-maker
    #[command(
        after_help = "Example:\n  cinnabar seal-record export bureau-seal --out filing/bureau-seal --identity credentials/officer-1\n\nThe signature is checked with any tool that knows CMS:\n  openssl cms -verify -binary -inform DER -in record.json.p7s -content record.json -CAfile root.pem -purpose any"
    )]
    Export(ExportArgs),
}

/// Options of `cinnabar seal-record list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only those of this organisation
    #[arg(long)]
    organisation: Option<String>,
    /// Only the one with this code
    #[arg(long)]
    code: Option<String>,
    /// Only those with this in their name
    #[arg(long)]
    name: Option<String>,
    /// Only those in this state: active, suspended, expired, cancelled
    #[arg(long)]
    state: Option<String>,
    /// Only those of this kind: 0 to 6, or 99
    #[arg(long)]
    kind: Option<u8>,
    /// Only active ones whose time ends within so many days
    #[arg(long)]
    ends_within_days: Option<u32>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar seal-record show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Which seal
    id: String,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar seal-record structure`.
#[derive(Debug, Args)]
pub struct StructureArgs {
    /// Which seal
    id: String,
    /// File to write
    out: PathBuf,
    /// Of this version [default: the present one]
    #[arg(long)]
    number: Option<u32>,
    #[command(flatten)]
    remote: Remote,
}

/// Runs `cinnabar seal-record …`.
pub fn seal_record(command: SealRecordCommand, global: &Global, output: Output) -> Outcome {
    use SealRecordCommand as C;
    block_on(async {
        match command {
            C::Add(args) | C::Apply(args) => seal_apply::make(args, global, output).await?,
            C::Change(args) => seal_apply::change(args, global, output).await?,
            C::Renew(args) => seal_apply::renew(args, global, output).await?,
            C::Remake(args) => seal_apply::remake(args, global, output).await?,
            C::Cancel(args) => seal_apply::cancel(args, global, output).await?,
            C::Applications(args) => seal_steps::list(args, global, output).await?,
            C::Approve(args) => seal_steps::approve(args, global, output).await?,
            C::Refuse(args) => seal_steps::refuse(args, global, output).await?,
            C::Withdraw(args) => seal_steps::withdraw(args, global, output).await?,
            C::Make(args) => seal_steps::make(args, global, output).await?,
            C::Suspend(args) => seal_steps::suspend(args, global, output).await?,
            C::Resume(args) => seal_steps::resume(args, global, output).await?,
            C::Stop(args) => seal_steps::stop(args, global, output).await?,
            C::List(args) => list(args, global, output).await?,
            C::Show(args) => show(args, global, output).await?,
            C::Versions(args) => versions(args, global, output).await?,
            C::Structure(args) => structure(args, global, output).await?,
            C::States => states(output),
            C::Import(args) => return seal_table::import(args, global, output).await,
            C::Export(args) => seal_table::export(args, global, output).await?,
            C::Preview(args) => super::seal_preview::preview(&args, global, output)?,
        }
        Ok(ExitCode::SUCCESS)
    })?
}

async fn list(args: ListArgs, global: &Global, output: Output) -> Result<(), super::Failure> {
    let given = [
        ("organisation", args.organisation),
        ("code", args.code),
        ("name", args.name),
        ("state", args.state),
        ("kind", args.kind.map(|kind| kind.to_string())),
        ("ends_within_days", args.ends_within_days.map(|days| days.to_string())),
    ];
    let items = all(&args.remote.client(global)?, "/v1/seals", &filter(given)).await?;
    let columns = ["id", "code", "organisation", "kind", "state", "valid_to", "number", "name"];
    table(&items, &columns, output);
    Ok(())
}

async fn show(args: ShowArgs, global: &Global, output: Output) -> Result<(), super::Failure> {
    let answer = args.remote.client(global)?.get(&format!("/v1/seals/{}", segment(&args.id)?)).await?.json();
    let members = answer.as_object().ok_or("the service answered with something that is no seal")?;
    let lines: Vec<_> = members
        .iter()
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            (Tone::Plain, format!("  {name:<18} {text}"))
        })
        .collect();
    output.result(&answer, &lines);
    Ok(())
}

async fn versions(args: ShowArgs, global: &Global, output: Output) -> Result<(), super::Failure> {
    let path = format!("/v1/seals/{}/versions", segment(&args.id)?);
    let items = all(&args.remote.client(global)?, &path, "").await?;
    table(&items, &["number", "state", "made_at", "ended_at", "valid_to", "suite", "filing", "name"], output);
    Ok(())
}

async fn structure(args: StructureArgs, global: &Global, output: Output) -> Result<(), super::Failure> {
    let id = segment(&args.id)?;
    let path = match args.number {
        None => format!("/v1/seals/{id}/eseal"),
        Some(number) => format!("/v1/seals/{id}/versions/{number}/eseal"),
    };
    let answer = args.remote.client(global)?.get(&path).await?;
    std::fs::write(&args.out, &answer.body)
        .map_err(|error| format!("cannot write `{}`: {error}", args.out.display()))?;
    let digest = hex::encode(crypto::DigestAlgorithm::Sha256.digest(&answer.body));
    let told = serde_json::json!({ "file": args.out, "octets": answer.body.len(), "sha256": digest });
    output.result(&told, &[(Tone::Good, format!("{} octets, SHA-256 {digest}", answer.body.len()))]);
    Ok(())
}

fn states(output: Output) {
    let rows = state::table();
    let items: Vec<_> = rows
        .iter()
        .map(|[act, by, from, to]| serde_json::json!({ "act": act, "by": by, "from": from, "to": to }))
        .collect();
    table(&items, &["act", "from", "to", "by"], output);
}

/// The members that were given, as a query; empty when there are none.
pub(super) fn filter<const N: usize>(given: [(&str, Option<String>); N]) -> String {
    let given: Vec<_> = given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    if given.is_empty() { String::new() } else { format!("?{}", crate::cli::query(&given)) }
}
