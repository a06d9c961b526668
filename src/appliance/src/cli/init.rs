//! `cinnabar init`: the key ceremony as a command.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use crypto::Suite;
use serde_json::json;
use zeroize::Zeroizing;

use super::{Failure, Outcome, Output, Tone, block_on};
use crate::ceremony::{self, Hierarchy, Plan, UnlockPlan};
use crate::config::Pkcs11;

/// Options of `cinnabar init`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar init --dir /srv/cinnabar --organisation 示范市政务服务数据管理局
  cinnabar init --dir /srv/cinnabar --unlock shares --shares 5 --threshold 3
  cinnabar init --dir /srv/cinnabar --unlock credential --credential-file /etc/credstore/cinnabar-kek
  cinnabar init --dir /srv/cinnabar --hierarchy keys/both-suites.toml
  cinnabar init --dir /srv/cinnabar --hierarchy keys/both-suites.toml --keystore-suite shangmi
  cinnabar init --dir /srv/cinnabar --database postgres://cinnabar@%2Frun%2Fpostgresql/cinnabar
  cinnabar init --dir /srv/cinnabar --pkcs11-module /usr/lib/softhsm/libsofthsm2.so --pkcs11-token cinnabar --pkcs11-pin-file /etc/credstore/pin")]
pub struct InitArgs {
    /// Folder to set up; must be empty or not exist yet
    #[arg(long)]
    dir: PathBuf,
    /// The organisation that runs the appliance; stands in the subjects of its authorities
    #[arg(long, default_value = "Cinnabar")]
    organisation: String,
    /// How the keystore is unlocked after every start
    #[arg(long, value_enum, default_value_t = UnlockKind::Passphrase)]
    unlock: UnlockKind,
    /// With --unlock shares: how many shares are made
    #[arg(long, default_value_t = 5)]
    shares: u8,
    /// With --unlock shares: how many of them unlock
    #[arg(long, default_value_t = 3)]
    threshold: u8,
    /// With --unlock passphrase: read it from this file instead of the terminal
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
    /// With --unlock credential: where the 32-octet credential is written, mode 0600
    #[arg(long)]
    credential_file: Option<PathBuf>,
    /// Host names and addresses of the platform API, for its server certificate
    #[arg(long = "host", default_values_t = [String::from("localhost"), String::from("127.0.0.1"), String::from("::1")])]
    hosts: Vec<String>,
    /// Port of the platform API
    #[arg(long, default_value_t = 8443)]
    port: u16,
    /// Port of the public listener (checkpoints, tiles, CRLs)
    #[arg(long, default_value_t = 8080)]
    public_port: u16,
    /// Port of the public verification pages, over HTTPS
    #[arg(long, default_value_t = 8444)]
    portal_port: u16,
    /// Port of the enrolment listener (EST, ACME) [default: no such listener]
    #[arg(long)]
    enrolment_port: Option<u16>,
    /// Database [default: SQLite in the folder]
    #[arg(long)]
    database: Option<String>,
    /// Whose algorithms seal the keys in the keystore: international (AES-256-GCM) or shangmi (SM4-GCM)
    #[arg(long, value_name = "SUITE", default_value = "international", value_parser = Suite::by_name)]
    keystore_suite: &'static Suite,
    /// Another key hierarchy than the built-in one
    #[arg(long)]
    hierarchy: Option<PathBuf>,
    /// The root's key is kept elsewhere: requests are written to the folder, and the ceremony waits for certificates
    #[arg(long)]
    root_offline: bool,
    /// PKCS#11 module of the token that holds the keys of authorities and signers; without --hierarchy all of them
    #[arg(long, requires = "pkcs11_pin_file")]
    pkcs11_module: Option<PathBuf>,
    /// The token's label
    #[arg(long, requires = "pkcs11_module", conflicts_with = "pkcs11_serial")]
    pkcs11_token: Option<String>,
    /// The token's serial number, where several have one label
    #[arg(long, requires = "pkcs11_module")]
    pkcs11_serial: Option<String>,
    /// File with the PIN of the token's user, mode 0600; read at every start, too
    #[arg(long, requires = "pkcs11_module")]
    pkcs11_pin_file: Option<PathBuf>,
    /// Make the keys of new seals in the token, too
    #[arg(long, requires = "pkcs11_module")]
    pkcs11_seals: bool,
    /// Name of the log (first line of its checkpoints) [default: localhost/ORGANISATION-free random name]
    #[arg(long)]
    log_origin: Option<String>,
    /// Work although swap is active, and start so later: secrets may reach the disk
    #[arg(long)]
    allow_swap: bool,
    /// Take the machine's clock as right without a judge (said in the health report)
    #[arg(long)]
    assume_clock: bool,
}

/// Ways to unlock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum UnlockKind {
    /// A passphrase (Argon2id)
    Passphrase,
    /// k of n shares (Shamir)
    Shares,
    /// A systemd credential, for unattended start
    Credential,
}

/// Runs `cinnabar init`.
pub fn run(args: InitArgs, output: Output) -> Outcome {
    let hierarchy = match &args.hierarchy {
        Some(path) => {
            std::fs::read_to_string(path).map_err(|e| format!("cannot read `{}`: {e}", path.display()))?
        }
        None if args.pkcs11_module.is_some() => ceremony::default_in_token(),
        None => ceremony::DEFAULT_HIERARCHY.to_owned(),
    };
    let hierarchy = if args.root_offline { ceremony::with_root_offline(&hierarchy) } else { hierarchy };
    Hierarchy::parse(&hierarchy)?;
    let pkcs11 = token(&args)?;
    let plan = Plan {
        pkcs11,
        keystore_suite: args.keystore_suite,
        unlock: unlock(&args)?,
        directory: args.dir,
        organisation: args.organisation,
        hosts: args.hosts,
        port: args.port,
        public_port: args.public_port,
        portal_port: args.portal_port,
        enrolment_port: args.enrolment_port,
        database: args.database,
        hierarchy,
        log_origin: args.log_origin,
        allow_swap: args.allow_swap,
        assume_clock: args.assume_clock,
    };
    custody::harden(custody::Hardening { allow_swap: plan.allow_swap })?;
    let steps = output.progress(plan.steps()?, "key ceremony");
    let done = block_on(ceremony::perform(&plan, &mut |line| {
        steps.suspend(|| output.remark(Tone::Dim, line));
        steps.inc(1);
    }))??;
    steps.finish_and_clear();
    let config = done.config.display().to_string();
    let mut lines = vec![
        (Tone::Good, format!("set up: {}", plan.directory.display())),
        (Tone::Plain, format!("configuration {config}, transcript {}", done.transcript.display())),
        (Tone::Plain, format!("log key {}", done.log_key)),
    ];
    for share in &done.shares {
        lines.push((Tone::Warn, format!("share: {}", share.as_str())));
    }
    if !done.shares.is_empty() {
        let text = "hand each share to another person now: they are shown this once and stored nowhere";
        lines.push((Tone::Warn, text.into()));
    }
    lines.push((Tone::Head, format!("next: cinnabar serve --config {config}")));
    lines.push((Tone::Head, format!("then: cinnabar unseal --config {config}")));
    let shares: Vec<&str> = done.shares.iter().map(|s| s.as_str()).collect();
    output.result(
        &json!({
            "directory": plan.directory, "config": config, "transcript": done.transcript,
            "log_key": done.log_key, "shares": shares, "leaves": done.leaves,
        }),
        &lines,
    );
    Ok(ExitCode::SUCCESS)
}

fn token(args: &InitArgs) -> Result<Option<Pkcs11>, Failure> {
    let Some(module) = &args.pkcs11_module else { return Ok(None) };
    if args.pkcs11_token.is_none() && args.pkcs11_serial.is_none() {
        return Err("name the token: --pkcs11-token LABEL, or --pkcs11-serial NUMBER".into());
    }
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    Ok(Some(Pkcs11 {
        module: absolute(module),
        token: args.pkcs11_token.clone(),
        serial: args.pkcs11_serial.clone(),
        pin_file: args.pkcs11_pin_file.as_ref().map(absolute),
        pin_credential: None,
        sessions: 8,
        seals: args.pkcs11_seals,
    }))
}

fn unlock(args: &InitArgs) -> Result<UnlockPlan, Failure> {
    Ok(match args.unlock {
        UnlockKind::Shares => UnlockPlan::Shares { threshold: args.threshold, shares: args.shares },
        UnlockKind::Credential => {
            let path = args
                .credential_file
                .clone()
                .ok_or("--unlock credential needs --credential-file FILE: where the credential is written")?;
            UnlockPlan::Credential { path }
        }
        UnlockKind::Passphrase => UnlockPlan::Passphrase(passphrase(args.passphrase_file.as_deref())?),
    })
}

/// A new passphrase: from the file's first line, or typed twice.
fn passphrase(file: Option<&std::path::Path>) -> Result<Zeroizing<String>, Failure> {
    let typed = match file {
        Some(path) => super::admin::passphrase_from(path)?,
        None => {
            let first = Zeroizing::new(rpassword::prompt_password("New passphrase: ")?);
            let second = Zeroizing::new(rpassword::prompt_password("Once more: ")?);
            if first != second {
                return Err("the two passphrases differ; nothing was set up".into());
            }
            first
        }
    };
    if typed.chars().count() < 12 {
        return Err("the passphrase needs at least 12 characters; several words are easier to type".into());
    }
    Ok(typed)
}
