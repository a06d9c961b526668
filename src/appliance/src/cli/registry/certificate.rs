//! `cinnabar certificate`.

use std::process::ExitCode;

use super::{Global, Outcome, Output, Remote, all, block_on, status, table};
use crate::cli::certificate_verify::{self, CertificateVerifyArgs};
use clap::{Args, Subcommand};

/// `cinnabar certificate …`
#[derive(Debug, Subcommand)]
pub enum CertificateCommand {
    /// List certificates
    #[command(
        after_help = "Example:\n  cinnabar certificate list --caller approval --identity credentials/officer-1"
    )]
    List(ListArgs),
    /// Revoke a certificate; its holder is cut off within five seconds
    #[command(
        after_help = "Example:\n  cinnabar certificate revoke 3f2a… --reason keyCompromise --identity credentials/officer-1"
    )]
    Revoke(status::RevokeArgs),
    /// Put a certificate on hold, as if revoked, until it is released
    #[command(after_help = "Example:\n  cinnabar certificate hold 3f2a… --identity credentials/officer-1")]
    Hold(status::OneArgs),
    /// Release a certificate from hold
    #[command(after_help = "Example:\n  cinnabar certificate release 3f2a… --identity credentials/officer-1")]
    Release(status::OneArgs),
    /// Count, then revoke, every certificate that fits
    #[command(after_help = "Example:
  cinnabar certificate revoke-many --caller approval --identity credentials/officer-1
  cinnabar certificate revoke-many --caller approval --expected 3 --reason superseded --identity credentials/officer-1")]
    RevokeMany(status::ManyArgs),
    /// Say whether a certificate is valid; needs no server
    Verify(Box<CertificateVerifyArgs>),
}

/// Options of `cinnabar certificate list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only those of this caller
    #[arg(long)]
    caller: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Runs `cinnabar certificate …`.
pub fn certificate(command: CertificateCommand, global: &Global, output: Output) -> Outcome {
    if let CertificateCommand::Verify(args) = &command {
        return certificate_verify::run(args, output);
    }
    block_on(async {
        match command {
            CertificateCommand::Verify(_) => {}
            CertificateCommand::List(args) => {
                let query = match args.caller {
                    Some(caller) => format!("?{}", crate::cli::query(&[("caller", caller)])),
                    None => String::new(),
                };
                let items = all(&args.remote.client(global)?, "/v1/certificates", &query).await?;
                table(&items, &["fingerprint", "profile", "caller", "state", "not_after", "subject"], output);
            }
            CertificateCommand::Revoke(args) => status::revoke(args, global, output).await?,
            CertificateCommand::Hold(args) => status::hold(args, global, output).await?,
            CertificateCommand::Release(args) => status::release(args, global, output).await?,
            CertificateCommand::RevokeMany(args) => status::revoke_many(args, global, output).await?,
        }
        Ok(ExitCode::SUCCESS)
    })?
}
