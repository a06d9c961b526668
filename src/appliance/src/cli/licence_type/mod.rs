//! `cinnabar licence-type`: the catalogue of licence types, from draft to retirement.

mod draft;
mod preview;
mod read;
mod steps;

use std::process::ExitCode;

use clap::Subcommand;

use super::registry::{all, change, done, segment, table};
use super::{Failure, Global, Outcome, Output, Remote, Tone, block_on};

/// `cinnabar licence-type …`
#[derive(Debug, Subcommand)]
pub enum LicenceTypeCommand {
    /// Draft a licence type, or a new version of one
    #[command(after_help = "Examples:
  cinnabar licence-type draft food-operation-permit.json --issuer bureau=permits --identity credentials/licensing
  cinnabar licence-type draft permit.json --templates pages/ --issuer bureau=permits \\
      --identity credentials/licensing --submitter credentials/officer-1 --reviewer credentials/officer-2

With --submitter and --reviewer the draft is handed in and published at once, by two officers. The first version of a type whose
code begins with the credit code of another body is drafted by a security officer:
  cinnabar licence-type draft permit.json --organisation bureau --issuer bureau=permits --identity credentials/officer-1")]
    Draft(Box<draft::DraftArgs>),
    /// Hand a draft in for review
    #[command(
        after_help = "Example:\n  cinnabar licence-type submit 11990000MB0F00012G001 1 --identity credentials/officer-1"
    )]
    Submit(steps::StepArgs),
    /// Publish a version that others drafted and handed in
    #[command(
        after_help = "Example:\n  cinnabar licence-type publish 11990000MB0F00012G001 1 --identity credentials/officer-2"
    )]
    Publish(steps::StepArgs),
    /// Refuse a version
    #[command(after_help = "Example:
  cinnabar licence-type refuse 11990000MB0F00012G001 1 --reason 经营项目缺少预包装食品 --identity credentials/officer-2")]
    Refuse(steps::ReasonArgs),
    /// Take back a version that is not decided on
    #[command(
        after_help = "Example:\n  cinnabar licence-type withdraw 11990000MB0F00012G001 1 --identity credentials/licensing"
    )]
    Withdraw(steps::ReasonArgs),
    /// Retire a type for good: nothing is issued of it any more
    #[command(after_help = "Example:
  cinnabar licence-type retire 11990000MB0F00012G001 --reason 改为备案管理 --identity credentials/officer-1")]
    Retire(steps::RetireArgs),
    /// List licence types
    #[command(
        after_help = "Example:\n  cinnabar licence-type list --search 食品 --identity credentials/verifying"
    )]
    List(read::ListArgs),
    /// Show a type with its versions, or one version with its faults
    #[command(after_help = "Examples:
  cinnabar licence-type show 11990000MB0F00012G001 --identity credentials/licensing
  cinnabar licence-type show 11990000MB0F00012G001 2 --files pages/ --identity credentials/licensing")]
    Show(read::ShowArgs),
    /// Judge the templates of a definition on this machine, with the longest texts of its schema
    #[command(after_help = "Example:\n  cinnabar licence-type check food-operation-permit.json")]
    Check(preview::CheckArgs),
    /// Draw a template on this machine, marked as a sample
    #[command(after_help = "Examples:
  cinnabar licence-type preview food-operation-permit.json --values food-operation-permit.sample.json --out permit.pdf
  cinnabar licence-type preview food-operation-permit.json --form overprint --out longest.pdf")]
    Preview(preview::PreviewArgs),
    /// Fetch the published catalogue
    #[command(after_help = "Examples:
  cinnabar licence-type catalogue --identity credentials/verifying
  cinnabar licence-type catalogue --signed catalogue.jwt --identity credentials/verifying")]
    Catalogue(read::CatalogueArgs),
}

/// Runs `cinnabar licence-type …`.
pub fn run(command: LicenceTypeCommand, global: &Global, output: Output) -> Outcome {
    block_on(async {
        match command {
            LicenceTypeCommand::Draft(args) => draft::run(*args, global, output).await?,
            LicenceTypeCommand::Submit(args) => steps::submit(args, global, output).await?,
            LicenceTypeCommand::Publish(args) => steps::publish(args, global, output).await?,
            LicenceTypeCommand::Refuse(args) => steps::refuse(args, global, output).await?,
            LicenceTypeCommand::Withdraw(args) => steps::withdraw(args, global, output).await?,
            LicenceTypeCommand::Retire(args) => steps::retire(args, global, output).await?,
            LicenceTypeCommand::List(args) => read::list(args, global, output).await?,
            LicenceTypeCommand::Show(args) => read::show(args, global, output).await?,
            LicenceTypeCommand::Check(args) => preview::check(&args, global, output)?,
            LicenceTypeCommand::Preview(args) => preview::preview(&args, global, output)?,
            LicenceTypeCommand::Catalogue(args) => read::catalogue(args, global, output).await?,
        }
        Ok(ExitCode::SUCCESS)
    })?
}
