//! `cinnabar licence show-code`, `redeem`, `delegate`, `delegations`, `undelegate`, `query`, `annotate`, `copies`, `copy`, `uses`,
//! `figures`: showing and taking licences.

mod codes;
mod delegations;
mod figures;
mod taking;

use std::io::BufRead;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{Failure, Global, Output, Remote, Tone, done, segment, table};

/// Showing and taking licences.
#[derive(Debug, Subcommand)]
pub enum ShowingCommand {
    /// Have a code given out by which a holder shows a licence
    #[command(after_help = "Examples:
  cinnabar licence show-code 11990000MB0F00012G001.11990000MB0F00012G.2026000001 --holder 001:92990101MA0TEXT12L --identity credentials/citizens
  cinnabar licence show-code … --holder 111:- --field operator --field representative --uses 2 --qr code.svg --identity credentials/citizens < number.txt")]
    ShowCode(codes::ShowCodeArgs),
    /// See what a holder's code shows; each time counts
    #[command(after_help = "Example:
  cinnabar licence redeem 'https://verify.example.gov.cn/#s=3q2-7w…' --case-number 2026-17 --identity credentials/inspection")]
    Redeem(codes::RedeemArgs),
    /// Let an agent show a licence in its holder's place
    #[command(after_help = "Example:
  cinnabar licence delegate 11990000MB0F00012G001.11990000MB0F00012G.2026000001 --holder 001:92990101MA0TEXT12L --agent 111:990101199102030027 --until 2026-12-31T16:00:00Z --count 3 --item 000131002000 --identity credentials/citizens")]
    Delegate(delegations::DelegateArgs),
    /// List what a holder has delegated, or what an agent was given
    #[command(after_help = "Example:
  cinnabar licence delegations --holder 001:92990101MA0TEXT12L --identity credentials/citizens")]
    Delegations(delegations::DelegationsArgs),
    /// Take a delegation back; codes made under it show nothing any more
    #[command(after_help = "Example:
  cinnabar licence undelegate 0193… --version 2 --holder 001:92990101MA0TEXT12L --identity credentials/citizens")]
    Undelegate(delegations::UndelegateArgs),
    /// Take licences by their holder, for an item and a case
    #[command(after_help = "Example:
  cinnabar licence query --type 11990000MB0F00012G001 --holder 001:92990101MA0TEXT12L --purpose catering-inspection --item 000131002000 --case-number 2026-17 --operator 李办事 --documents cases/17 --identity credentials/inspection")]
    Query(taking::QueryArgs),
    /// Have a copy made that says what it is for and until when
    #[command(after_help = "Example:
  cinnabar licence annotate 11990000MB0F00012G001.11990000MB0F00012G.2026000001 --holder 001:92990101MA0TEXT12L --purpose 办理贷款 --recipient 示例银行 --until 2026-12-31T16:00:00Z --out copy.pdf --identity credentials/citizens")]
    Annotate(taking::AnnotateArgs),
    /// List the annotated copies of a licence that you may fetch
    #[command(after_help = "Example:
  cinnabar licence copies 11990000MB0F00012G001.11990000MB0F00012G.2026000001 --identity credentials/citizens")]
    Copies(taking::CopiesArgs),
    /// Fetch the file of an annotated copy again, while it serves
    #[command(after_help = "Example:
  cinnabar licence copy 11990000MB0F00012G001.11990000MB0F00012G.2026000001 3 --out copy.pdf --identity credentials/citizens")]
    Copy(taking::CopyArgs),
    /// See who looked at a licence, or at all licences of a holder
    #[command(after_help = "Examples:
  cinnabar licence uses 11990000MB0F00012G001.11990000MB0F00012G.2026000001 --identity credentials/licensing
  cinnabar licence uses --holder 001:92990101MA0TEXT12L --identity credentials/citizens")]
    Uses(taking::UsesArgs),
    /// Count how often licences were shown and taken: by month, type, department, item
    #[command(after_help = "Examples:
  cinnabar licence figures --from 2026-01 --to 2026-12 --identity credentials/licensing
  cinnabar licence figures --by type,month --json --identity credentials/officer-1
  cinnabar licence figures --type 11990000MB0F00012G001 --department inspection --by item --identity credentials/officer-1")]
    Figures(figures::FiguresArgs),
}

/// Runs one of them.
pub(super) async fn showing(command: ShowingCommand, global: &Global, output: Output) -> Result<(), Failure> {
    match command {
        ShowingCommand::ShowCode(args) => codes::show_code(args, global, output).await,
        ShowingCommand::Redeem(args) => codes::redeem(args, global, output).await,
        ShowingCommand::Delegate(args) => delegations::delegate(args, global, output).await,
        ShowingCommand::Delegations(args) => delegations::list(args, global, output).await,
        ShowingCommand::Undelegate(args) => delegations::undelegate(args, global, output).await,
        ShowingCommand::Query(args) => taking::query(args, global, output).await,
        ShowingCommand::Annotate(args) => taking::annotate(args, global, output).await,
        ShowingCommand::Copies(args) => taking::copies(args, global, output).await,
        ShowingCommand::Copy(args) => taking::copy(args, global, output).await,
        ShowingCommand::Uses(args) => taking::uses(args, global, output).await,
        ShowingCommand::Figures(args) => figures::figures(args, global, output).await,
    }
}

/// `KIND:NUMBER`; a number `-` is the next line of the standard input, so that it does not stand in the list of processes.
fn party(text: &str) -> Result<Value, Failure> {
    let (kind, number) =
        text.split_once(':').ok_or("write KIND:NUMBER, for example 111:- for a citizen's number")?;
    let mut number = number.to_owned();
    if number == "-" {
        number.clear();
        std::io::stdin().lock().read_line(&mut number)?;
    }
    Ok(json!({ "kind": kind, "number": number.trim() }))
}

/// The members that were given.
fn given(members: &[(&str, Value)]) -> Value {
    let filled = members
        .iter()
        .filter(|(_, value)| !value.is_null() && value.as_array().is_none_or(|all| !all.is_empty()));
    Value::Object(filled.map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}
