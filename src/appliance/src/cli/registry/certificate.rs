//! `cinnabar certificate`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::json;

use super::{Global, Outcome, Output, Remote, all, block_on, done, segment, table};
use crate::cli::certificate_verify::{self, CertificateVerifyArgs};

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
    Revoke(RevokeArgs),
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

/// Options of `cinnabar certificate revoke`.
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// Hexadecimal SHA-256 fingerprint, as `certificate list` shows it
    fingerprint: String,
    /// Why, in the words of RFC 5280
    #[arg(long, default_value = "unspecified", value_parser = [
        "unspecified", "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation", "privilegeWithdrawn",
    ])]
    reason: String,
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
            CertificateCommand::Revoke(args) => {
                let plain = args.fingerprint.replace(':', "").to_ascii_lowercase();
                let at = format!("/v1/certificates/{}/revoke", segment(&plain)?);
                let body = json!({ "reason": args.reason });
                let answer = args.remote.client(global)?.json(Method::POST, &at, &body).await?;
                done(&answer, &format!("certificate {plain} is revoked"), output);
            }
        }
        Ok(ExitCode::SUCCESS)
    })?
}
