//! The command line `cinnabar`: parsing, dispatch, exit codes.
//!
//! One file per group of commands. Commands that need no server work on files alone (`init`, `verify`,
//! `receipt verify`, `audit verify`, `policy`, `backup`, `restore`, `upgrade`, `config check`); the others
//! talk to the platform API as the caller named with `--identity`, or to the admin socket.
//!
//! Exit codes: 0 done; 1 refused or failed; 2 wrong usage; `verify` also 3 invalid or altered, 4 cannot be
//! decided, 5 no signature, 6 cannot be processed.

mod acme;
mod admin;
mod append;
mod audit;
mod certificate_verify;
mod check;
mod client;
mod init;
mod keystore;
mod leaf;
mod licence;
mod licence_type;
mod maintenance;
mod noted;
mod output;
mod pdf;
mod placing;
mod policy;
mod receipt;
mod registry;
mod restore;
mod seal;
mod seal_status;
mod serve;
mod sign_file;
mod timestamp;
mod trust_list;
mod verify;
mod whole;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::config::Config;
pub use output::{Output, Tone, json_text, paragraph};
pub use serve::capabilities;

/// Seals, proves and watches: the trust-services appliance of a government-services platform.
#[derive(Debug, Parser)]
#[command(
    name = "cinnabar",
    version,
    arg_required_else_help = true,
    after_help = "Examples:
  cinnabar init --dir /srv/cinnabar --organisation 示范市政务服务数据管理局
  cinnabar serve --config /srv/cinnabar/cinnabar.toml
  cinnabar seal result.pdf sealed.pdf --seal bureau --page 1 --x-mm 120 --y-mm 220
  cinnabar verify sealed.pdf --trust-anchor root.pem --crl seals-ca.crl

Exit codes:
  0 done; 1 refused or failed; 2 wrong usage
  verify only: 3 invalid or altered; 4 cannot be decided; 5 no signature; 6 cannot be processed"
)]
pub struct Cli {
    /// Options every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options every command takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The appliance's configuration file
    #[arg(long, global = true, env = "CINNABAR_CONFIG", default_value = "/etc/cinnabar/cinnabar.toml")]
    pub config: PathBuf,
    /// Print one JSON document instead of words
    #[arg(long, global = true)]
    pub json: bool,
}

/// Where the service is and as whom to speak to it.
#[derive(Debug, Clone, Args)]
pub struct Remote {
    /// Address of the platform API [default: the first listener of the configuration]
    #[arg(long, env = "CINNABAR_SERVER")]
    pub server: Option<String>,
    /// Credential folder: certificate.pem, chain.pem, key.pem, root.pem
    #[arg(long, env = "CINNABAR_IDENTITY")]
    pub identity: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set up a new appliance: the key ceremony, its database, first operator and officers
    Init(Box<init::InitArgs>),
    /// Run the service (it starts sealed)
    Serve(serve::ServeArgs),
    /// Open the keystore of the running service
    Unseal(admin::UnsealArgs),
    /// Say how the running service is
    Status(admin::StatusArgs),
    /// Have a PDF sealed by the service
    Seal(Box<seal::SealArgs>),
    /// Have a file of any kind signed by a seal; the signature stands beside it
    SignFile(Box<sign_file::SignFileArgs>),
    /// Make and list seals
    #[command(subcommand)]
    SealRecord(registry::SealRecordCommand),
    /// Rules of use of seals, approvals, records of use
    #[command(subcommand)]
    SealUse(registry::SealUseCommand),
    /// Issue licences, read them, and what their life brings
    #[command(subcommand)]
    Licence(licence::LicenceCommand),
    /// Trust lists: which other regions' licences and seals are taken here
    #[command(subcommand)]
    TrustList(trust_list::TrustListCommand),
    /// Ask how things stand with a seal
    SealStatus(seal_status::SealStatusArgs),
    /// The catalogue of licence types: draft, review, publish, retire
    #[command(subcommand)]
    LicenceType(licence_type::LicenceTypeCommand),
    /// Verify the signatures of a PDF, a CMS, a time-stamp or an electronic seal; needs no server
    Verify(Box<verify::VerifyArgs>),
    /// Work on PDF files without a server
    #[command(subcommand)]
    Pdf(pdf::PdfCommand),
    /// Have a file time-stamped, or verify a time-stamp
    #[command(subcommand)]
    Timestamp(timestamp::TimestampCommand),
    /// Fetch a receipt, or verify one offline
    #[command(subcommand)]
    Receipt(receipt::ReceiptCommand),
    /// Verify the log against the database, look at its entries
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Check the authorization policies, or explain a decision
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Manage organisations
    #[command(subcommand)]
    Organisation(registry::OrganisationCommand),
    /// Manage callers: approval systems, officers, operators
    #[command(subcommand)]
    Caller(registry::CallerCommand),
    /// List, revoke and verify certificates
    #[command(subcommand)]
    Certificate(registry::CertificateCommand),
    /// Look at authorities and replace them
    #[command(subcommand)]
    Authority(registry::AuthorityCommand),
    /// Replace keys of delegated signers
    #[command(subcommand)]
    Key(registry::KeyCommand),
    /// ACME: bindings for platform servers
    #[command(subcommand)]
    Acme(acme::AcmeCommand),
    /// Change how the keystore is unlocked
    #[command(subcommand)]
    Keystore(keystore::KeystoreCommand),
    /// Write a backup of everything the appliance needs
    Backup(maintenance::BackupArgs),
    /// Restore a backup into an empty folder
    Restore(restore::RestoreArgs),
    /// Bring the database of an older version up to this one
    Upgrade(maintenance::UpgradeArgs),
    /// Work with the configuration file
    #[command(subcommand)]
    Config(maintenance::ConfigCommand),
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  cinnabar completions bash > /etc/bash_completion.d/cinnabar")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Why a command failed: printed for the operator, exit code 1 unless said otherwise.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What a command ends with.
pub type Outcome = Result<ExitCode, Failure>;

/// Runs the command line.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let output = Output { json: cli.global.json };
    match dispatch(cli, output) {
        Ok(code) => code,
        Err(failure) => {
            output.error(failure.as_ref());
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: Cli, output: Output) -> Outcome {
    let global = cli.global;
    match cli.command {
        Command::Init(args) => init::run(*args, output),
        Command::Serve(args) => serve::run(args, &global),
        Command::Unseal(args) => admin::unseal(args, &global, output),
        Command::Status(args) => admin::status(args, &global, output),
        Command::Seal(args) => seal::run(*args, &global, output),
        Command::SignFile(args) => sign_file::run(&args, &global, output),
        Command::LicenceType(command) => licence_type::run(command, &global, output),
        Command::SealRecord(command) => registry::seal_record(command, &global, output),
        Command::SealUse(command) => registry::seal_use(command, &global, output),
        Command::Licence(command) => licence::licence(command, &global, output),
        Command::TrustList(command) => trust_list::run(command, &global, output),
        Command::SealStatus(args) => seal_status::run(args, &global, output),
        Command::Verify(args) => verify::run(*args, output),
        Command::Pdf(command) => pdf::run(command, output),
        Command::Timestamp(command) => timestamp::run(command, &global, output),
        Command::Receipt(command) => receipt::run(command, &global, output),
        Command::Audit(command) => audit::run(command, &global, output),
        Command::Policy(command) => policy::run(command, &global, output),
        Command::Organisation(command) => registry::organisation(command, &global, output),
        Command::Caller(command) => registry::caller(command, &global, output),
        Command::Acme(command) => acme::run(command, &global, output),
        Command::Certificate(command) => registry::certificate(command, &global, output),
        Command::Authority(command) => registry::authority(command, &global, output),
        Command::Key(command) => registry::key(command, &global, output),
        Command::Keystore(command) => keystore::run(command, &global, output),
        Command::Backup(args) => maintenance::backup(args, &global, output),
        Command::Restore(args) => restore::run(args, output),
        Command::Upgrade(args) => maintenance::upgrade(args, &global, output),
        Command::Config(maintenance::ConfigCommand::Check) => check::run(&global, output),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "cinnabar", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Runs a future on a small runtime of its own: for commands that make one or a few requests.
fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future))
}

impl Remote {
    /// The client this command speaks through. The address defaults to the configuration's first
    /// listener; the identity has no default, for nobody acts as somebody else by accident.
    fn client(&self, global: &Global) -> Result<client::Client, Failure> {
        let server = match &self.server {
            Some(server) => server.clone(),
            None => default_server(&global.config)?,
        };
        let Some(directory) = &self.identity else {
            return Err("name the credential folder to act with: --identity DIR or CINNABAR_IDENTITY".into());
        };
        Ok(client::Client::platform(&server, &client::Identity::new(directory))?)
    }
}

/// A query string, percent-encoded (RFC 3986 §2.3: only unreserved characters stay as they are).
fn query(pairs: &[(&str, String)]) -> String {
    let encode = |text: &str| -> String {
        text.bytes()
            .map(|b| match b {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    char::from(b).to_string()
                }
                _ => format!("%{b:02X}"),
            })
            .collect()
    };
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    pairs.join("&")
}

fn default_server(path: &Path) -> Result<String, Failure> {
    let config = Config::load(path)?;
    let first = config.listeners.platform.addresses.first().ok_or("no platform listener configured")?;
    Ok(format!("https://localhost:{}", first.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_help_with_an_example() {
        fn visit(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            if command.has_subcommands() {
                command.get_subcommands().filter(|c| c.get_name() != "help").for_each(|c| visit(c, &path));
                return;
            }
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(command.get_about().is_some(), "{path} has no help");
            assert!(help.contains("cinnabar "), "{path} has no example");
        }
        Cli::command().get_subcommands().for_each(|c| visit(c, "cinnabar"));
    }
}
