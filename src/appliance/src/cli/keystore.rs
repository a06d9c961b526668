//! `cinnabar keystore`: changing how the keystore is unlocked. Works on its files; the service may run meanwhile.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use custody::{
    CREDENTIAL_LEN, CredentialSource, Hardening, Keystore, Method, PassphraseCost, Sealed, Secret, Share,
    Unlock, harden, write_secret_file,
};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::json;
use zeroize::Zeroizing;

use super::admin::{ask, passphrase_from};
use super::{Failure, Global, Outcome, Output, Tone};
use crate::config::Config;

/// `cinnabar keystore …`
#[derive(Debug, Subcommand)]
pub enum KeystoreCommand {
    /// Make new shares, or change to another way of unlocking
    Reshare(Box<ReshareArgs>),
}

/// Options of `cinnabar keystore reshare`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar keystore reshare --unlock shares --shares 5 --threshold 3
  cinnabar keystore reshare --unlock passphrase --share-file li.share --share-file wang.share
  cinnabar keystore reshare --unlock credential --credential-file /etc/credstore/cinnabar-kek --passphrase-file old

The old shares, passphrase or credential no longer open the keystore, but they still open older backups of it:
destroy both together.")]
pub struct ReshareArgs {
    /// How the keystore is unlocked from now on
    #[arg(long, value_enum)]
    unlock: NewMethod,
    /// With --unlock shares: how many are made
    #[arg(long, default_value_t = 5)]
    shares: u8,
    /// With --unlock shares: how many of them unlock
    #[arg(long, default_value_t = 3)]
    threshold: u8,
    /// With --unlock credential: the file; made with mode 0600 when it does not exist
    #[arg(long, required_if_eq("unlock", "credential"))]
    credential_file: Option<PathBuf>,
    /// With --unlock passphrase: read the new one from this file's first line
    #[arg(long)]
    new_passphrase_file: Option<PathBuf>,
    /// The present passphrase, in this file's first line
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
    /// A present share, in this file's first line; several times for several
    #[arg(long = "share-file")]
    share_files: Vec<PathBuf>,
}

/// Ways to unlock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum NewMethod {
    /// k of n shares (Shamir)
    Shares,
    /// A passphrase (Argon2id)
    Passphrase,
    /// A systemd credential, for unattended start
    Credential,
}

/// Runs `cinnabar keystore …`.
pub fn run(command: KeystoreCommand, global: &Global, output: Output) -> Outcome {
    let KeystoreCommand::Reshare(args) = command;
    let config = Config::load(&global.config)?;
    harden(Hardening { allow_swap: config.process.allow_swap })?;
    let sealed = Keystore::open(&config.keystore.directory)?;
    let keystore = sealed.unseal(&present(&args, &sealed, &config)?)?;
    let unlock = wanted(&args)?;
    let shares = keystore.rewrap(&unlock)?;

    // Tried before anybody relies on it.
    let again = Keystore::open(&config.keystore.directory)?;
    let secret = match unlock {
        Unlock::Shares { threshold, .. } => {
            Secret::Shares(shares.iter().take(threshold.into()).cloned().collect())
        }
        Unlock::Passphrase { passphrase, .. } => Secret::Passphrase(passphrase),
        Unlock::Credential(source) => Secret::Credential(source),
    };
    again.unseal(&secret)?;

    let texts: Vec<Zeroizing<String>> = shares.iter().map(Share::to_text).collect();
    let mut lines =
        vec![(Tone::Good, format!("the keystore opens by {} from now on", method(again.method())))];
    lines.extend(texts.iter().map(|text| (Tone::Warn, format!("share: {}", text.as_str()))));
    if !texts.is_empty() {
        let text = "hand each share to another person now: they are shown this once and stored nowhere";
        lines.push((Tone::Warn, text.into()));
    }
    let text = "what opened it before still opens older backups: destroy both together";
    lines.push((Tone::Warn, text.into()));
    let shown: Vec<&str> = texts.iter().map(|text| text.as_str()).collect();
    output.result(
        &json!({
            "keystore": again.id(), "method": method(again.method()), "generation": again.generation(), "shares": shown,
        }),
        &lines,
    );
    Ok(ExitCode::SUCCESS)
}

fn method(method: &Method) -> &'static str {
    match method {
        Method::Shares { .. } => "shares",
        Method::Passphrase { .. } => "passphrase",
        Method::Credential { .. } => "credential",
        #[allow(unreachable_patterns, reason = "a method of a later version")]
        _ => "another method",
    }
}

/// What opens the keystore now.
fn present(args: &ReshareArgs, sealed: &Sealed, config: &Config) -> Result<Secret, Failure> {
    Ok(match sealed.method() {
        Method::Shares { threshold, .. } => {
            let mut shares = Vec::new();
            for path in &args.share_files {
                shares.push(share(sealed, &passphrase_from(path)?)?);
            }
            while shares.len() < usize::from(*threshold) {
                let text = ask(&format!("Present share {} of {threshold}: ", shares.len() + 1))?;
                shares.push(share(sealed, &text)?);
            }
            Secret::Shares(shares)
        }
        Method::Passphrase { .. } => Secret::Passphrase(match &args.passphrase_file {
            Some(path) => passphrase_from(path)?,
            None => ask("Present passphrase: ")?,
        }),
        Method::Credential { name, .. } => Secret::Credential(match &config.keystore.credential {
            Some(path) => CredentialSource::File(path.clone()),
            None => CredentialSource::Systemd { name: name.clone() },
        }),
        #[allow(unreachable_patterns, reason = "a method of a later version")]
        _ => return Err("the keystore is unlocked in a way this program does not know".into()),
    })
}

fn share(sealed: &Sealed, text: &str) -> Result<Share, Failure> {
    let share: Share = text.parse().map_err(|e| format!("that is no share: {e}"))?;
    sealed.check_share(&share)?;
    Ok(share)
}

/// What shall open it.
fn wanted(args: &ReshareArgs) -> Result<Unlock, Failure> {
    Ok(match args.unlock {
        NewMethod::Shares => Unlock::Shares { threshold: args.threshold, count: args.shares },
        NewMethod::Passphrase => {
            let passphrase = match &args.new_passphrase_file {
                Some(path) => passphrase_from(path)?,
                None => {
                    let first = ask("New passphrase: ")?;
                    if first != ask("Once more: ")? {
                        return Err("the two passphrases differ; nothing was changed".into());
                    }
                    first
                }
            };
            Unlock::Passphrase { passphrase, cost: PassphraseCost::default() }
        }
        NewMethod::Credential => {
            let path =
                args.credential_file.clone().ok_or("--unlock credential needs --credential-file FILE")?;
            if !path.exists() {
                let mut secret = Zeroizing::new([0; CREDENTIAL_LEN]);
                SystemRandom::new()
                    .fill(secret.as_mut_slice())
                    .map_err(|_| "the system gave no randomness")?;
                write_secret_file(&path, secret.as_slice())?;
            }
            Unlock::Credential(CredentialSource::File(path))
        }
    })
}
