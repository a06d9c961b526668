//! `cinnabar licence`: issuing licences, one or many, reading them, and what their life brings.
//!
//! One file per group of commands; each act answers with the leaf of its log entry.

mod batch;
mod issue;
mod keys;
mod life;
mod read;
mod showing;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;

use super::registry::{all, done, segment, table};
use super::{Failure, Global, Outcome, Output, Remote, Tone, block_on};

/// `cinnabar licence …`
#[derive(Debug, Subcommand)]
pub enum LicenceCommand {
    /// Issue a licence: checked, numbered, rendered, sealed, with its credentials
    #[command(after_help = "Examples:
  cinnabar licence issue --type 11100000000013338W011 --fields permit.json --identity credentials/licensing
  cinnabar licence issue --type 11100000000013338W011 --fields permit.json --case-number 2026-0815 \\
      --item 000131003000 --original permit.pdf --identity credentials/licensing")]
    Issue(Box<issue::IssueArgs>),
    /// Issue a licence together with its holder's seal and the certificate of that: all in one act, or nothing
    #[command(after_help = "Example:
  cinnabar seal-record apply example-company --organisation example-company --name 示例市朱砂信息技术有限公司 --picture seal.png \\
      --width-mm 40 --kind 1 --holder organisation --holder-number 91990000MA0E000186 --identity credentials/officer-2
  cinnabar seal-record approve 0193… --identity credentials/officer-1
  cinnabar licence issue-with-seal --type 11990000MB0F00012G002 --fields company.json --seal 0193… \\
      --original licence.pdf --certificate seal.pem --identity credentials/window

Who carries it out may issue licences of the type and make seals, and has neither applied for the seal nor approved it. The
seal's holder is the licence's.")]
    IssueWithSeal(Box<issue::WithSealArgs>),
    /// Show a licence
    #[command(after_help = "Examples:
  cinnabar licence show 11100000000013338W011.11430000006122244L.2026000000001.001.U --identity credentials/licensing
  cinnabar licence show 11100000000013338W011.11430000006122244L.2026000000001 --all --identity credentials/licensing")]
    Show(read::ShowArgs),
    /// List licences
    #[command(after_help = "Examples:
  cinnabar licence list --type 11100000000013338W011 --state suspended --identity credentials/licensing
  cinnabar licence list --ends-within 30 --identity credentials/licensing")]
    List(read::ListArgs),
    /// Fetch what was made of a licence: its pages, its credential, the text of its QR symbol
    #[command(after_help = "Example:
  cinnabar licence download 11100000000013338W011.11430000006122244L.2026000000001.001.U original --out permit.pdf \\
      --identity credentials/licensing")]
    Download(read::DownloadArgs),
    /// Showing and taking licences
    #[command(flatten)]
    Showing(showing::ShowingCommand),
    /// Verify a licence: by its number and a field, its file, a show-code, its QR symbol or a presentation
    Verify(Box<verify::VerifyArgs>),
    /// Issue many licences from one file, or take many over, in the background
    #[command(subcommand)]
    Batch(batch::BatchCommand),
    /// What befalls a licence after it was issued
    #[command(flatten)]
    Life(life::LifeCommand),
    /// The keys that protect licences at rest
    #[command(subcommand)]
    Keys(keys::KeysCommand),
}

/// Runs `cinnabar licence …`.
pub fn licence(command: LicenceCommand, global: &Global, output: Output) -> Outcome {
    if let LicenceCommand::Verify(args) = command {
        return verify::run(&args, global, output);
    }
    block_on(async {
        match command {
            LicenceCommand::Issue(args) => issue::issue(*args, global, output).await?,
            LicenceCommand::IssueWithSeal(args) => issue::with_seal(*args, global, output).await?,
            LicenceCommand::Show(args) => read::show(args, global, output).await?,
            LicenceCommand::List(args) => read::list(args, global, output).await?,
            LicenceCommand::Download(args) => read::download(args, global, output).await?,
            LicenceCommand::Showing(command) => showing::showing(command, global, output).await?,
            LicenceCommand::Batch(command) => batch::batch(command, global, output).await?,
            LicenceCommand::Life(command) => life::life(command, global, output).await?,
            LicenceCommand::Keys(command) => keys::keys(command, global, output).await?,
            // Its exit code is its own, above.
            LicenceCommand::Verify(_) => {}
        }
        Ok::<_, Failure>(())
    })??;
    Ok(ExitCode::SUCCESS)
}
