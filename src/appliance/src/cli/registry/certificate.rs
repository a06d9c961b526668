//! `cinnabar certificate`.

use std::process::ExitCode;

use clap::Subcommand;

use super::certificate_ask::{
    self as ask, ApproveArgs, CancelArgs, ListArgs, ProfilesArgs, RefuseArgs, RenewArgs, RequestArgs,
    RequestsArgs, ShowArgs,
};
use super::{Global, Outcome, Output, block_on, status};
use crate::cli::certificate_verify::{self, CertificateVerifyArgs};

/// `cinnabar certificate …`
#[derive(Debug, Subcommand)]
pub enum CertificateCommand {
    /// Search certificates
    #[command(after_help = "Examples:
  cinnabar certificate list --caller approval --identity credentials/officer-1
  cinnabar certificate list --san '*.example.cn' --state good --identity credentials/officer-1
  cinnabar certificate list --expires-before 2027-01-01T00:00:00Z --json --identity credentials/officer-1")]
    List(Box<ListArgs>),
    /// Show a certificate's record, or the certificate itself
    #[command(
        after_help = "Example:\n  cinnabar certificate show 3f2a… --pem --identity credentials/officer-1"
    )]
    Show(ShowArgs),
    /// Have a certificate issued for a certification request
    #[command(after_help = "Example:
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout portal.key -subj /CN=portal \\
      -addext subjectAltName=DNS:portal.example.cn -out portal.csr
  cinnabar certificate request portal.csr --profile server --out portal.pem --identity credentials/officer-1")]
    Request(Box<RequestArgs>),
    /// Renew a certificate for another key; names stay as they are
    #[command(
        after_help = "Example:\n  cinnabar certificate renew 3f2a… new.csr --out new.pem --identity credentials/officer-1"
    )]
    Renew(RenewArgs),
    /// List requests that await approvals, or show one
    #[command(after_help = "Examples:
  cinnabar certificate requests --identity credentials/officer-2
  cinnabar certificate requests 0193… --identity credentials/officer-2")]
    Requests(RequestsArgs),
    /// Approve a request that another person made; the last approval issues
    #[command(
        after_help = "Example:\n  cinnabar certificate approve 0193… --csr-digest 5d1e… --identity credentials/officer-2"
    )]
    Approve(ApproveArgs),
    /// Refuse a request that another person made
    #[command(
        after_help = "Example:\n  cinnabar certificate refuse 0193… --reason '不是本局人员' --identity credentials/officer-2"
    )]
    Refuse(RefuseArgs),
    /// Take a request back
    #[command(after_help = "Example:\n  cinnabar certificate cancel 0193… --identity credentials/officer-1")]
    Cancel(CancelArgs),
    /// List certificate profiles
    #[command(after_help = "Example:\n  cinnabar certificate profiles --identity credentials/officer-1")]
    Profiles(ProfilesArgs),
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

/// Runs `cinnabar certificate …`.
pub fn certificate(command: CertificateCommand, global: &Global, output: Output) -> Outcome {
    if let CertificateCommand::Verify(args) = &command {
        return certificate_verify::run(args, output);
    }
    block_on(async {
        match command {
            CertificateCommand::Verify(_) => {}
            CertificateCommand::List(args) => ask::list(*args, global, output).await?,
            CertificateCommand::Show(args) => ask::show(args, global, output).await?,
            CertificateCommand::Request(args) => ask::request(*args, global, output).await?,
            CertificateCommand::Renew(args) => ask::renew(args, global, output).await?,
            CertificateCommand::Requests(args) => ask::requests(args, global, output).await?,
            CertificateCommand::Approve(args) => ask::approve(args, global, output).await?,
            CertificateCommand::Refuse(args) => ask::refuse(args, global, output).await?,
            CertificateCommand::Cancel(args) => ask::cancel(args, global, output).await?,
            CertificateCommand::Profiles(args) => ask::profiles(args, global, output).await?,
            CertificateCommand::Revoke(args) => status::revoke(args, global, output).await?,
            CertificateCommand::Hold(args) => status::hold(args, global, output).await?,
            CertificateCommand::Release(args) => status::release(args, global, output).await?,
            CertificateCommand::RevokeMany(args) => status::revoke_many(args, global, output).await?,
        }
        Ok(ExitCode::SUCCESS)
    })?
}
