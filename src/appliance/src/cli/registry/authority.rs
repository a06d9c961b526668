//! `cinnabar authority` and `cinnabar key`.

use std::path::PathBuf;
use std::process::ExitCode;

use bytes::Bytes;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::{Failure, Global, Outcome, Output, Remote, Tone, block_on, done, segment, table};
use crate::cli::paragraph;

/// `cinnabar authority …`
#[derive(Debug, Subcommand)]
pub enum AuthorityCommand {
    /// List authorities and delegated signers, present and former
    #[command(after_help = "Example:\n  cinnabar authority list --identity credentials/officer-1")]
    List(Remote),
    /// Propose that an authority be replaced by one with a new key; another officer approves
    #[command(
        after_help = "Example:\n  cinnabar authority rollover platform-ca --identity credentials/officer-1"
    )]
    Rollover(OneArgs),
    /// Have the root sign the authority that another officer proposed, and put it in use
    #[command(
        after_help = "Example:\n  cinnabar authority approve platform-ca-2 --identity credentials/officer-2"
    )]
    Approve(OneArgs),
    /// Fetch the certification request of an authority that awaits its certificate
    #[command(
        after_help = "Example:\n  cinnabar authority request platform-ca-2 --out platform-ca-2.csr --identity credentials/officer-1"
    )]
    Request(RequestArgs),
    /// Import the certificate that a root elsewhere made, and put the authority in use
    #[command(
        after_help = "Example:\n  cinnabar authority import platform-ca-2 platform-ca-2.pem --identity credentials/officer-2"
    )]
    Import(ImportArgs),
    /// Import the revocation list that a root elsewhere signed
    #[command(
        after_help = "Example:\n  cinnabar authority import-crl root root.crl --identity credentials/officer-1"
    )]
    ImportCrl(ImportArgs),
}

/// `cinnabar key …`
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Replace the key of an OCSP responder, time-stamping unit or seal maker
    #[command(after_help = "Example:\n  cinnabar key rotate ocsp-platform --identity credentials/officer-1")]
    Rotate(OneArgs),
}

/// A label, and as whom to speak.
#[derive(Debug, Args)]
pub struct OneArgs {
    /// Label, as the key hierarchy or `authority list` shows it
    label: String,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar authority request`.
#[derive(Debug, Args)]
pub struct RequestArgs {
    /// Label, as `authority list` shows it
    label: String,
    /// File for the request, PEM [default: the terminal]
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar authority import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Label, as `authority list` shows it
    label: String,
    /// The file, PEM or DER
    file: PathBuf,
    #[command(flatten)]
    remote: Remote,
}

/// Runs `cinnabar authority …`.
pub fn authority(command: AuthorityCommand, global: &Global, output: Output) -> Outcome {
    block_on(async {
        match command {
            AuthorityCommand::List(remote) => {
                let answer = remote.client(global)?.get("/v1/authorities").await?.json();
                let items = answer.get("authorities").and_then(Value::as_array).cloned().unwrap_or_default();
                table(&items, &["label", "slot", "role", "state", "issuer", "not_after"], output);
            }
            AuthorityCommand::Rollover(args) => {
                let answer = post(&args, global, "authorities", "rollover").await?;
                let label = label_of(&answer);
                let what = format!(
                    "proposed as `{label}`: another officer runs `cinnabar authority approve {label}`, or has its \
                     request signed by the root elsewhere and runs `cinnabar authority import {label} FILE`"
                );
                done(&answer, &what, output);
            }
            AuthorityCommand::Approve(args) => {
                let answer = post(&args, global, "authorities", "approve").await?;
                done(&answer, &format!("authority `{}` is in use", label_of(&answer)), output);
            }
            AuthorityCommand::Request(args) => {
                let at = format!("/v1/authorities/{}/request", segment(&args.label)?);
                let answer = args.remote.client(global)?.get(&at).await?;
                let pem = String::from_utf8_lossy(&answer.body).into_owned();
                let shown = match &args.out {
                    Some(path) => {
                        std::fs::write(path, &pem)
                            .map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
                        vec![(Tone::Good, format!("request written to {}", path.display()))]
                    }
                    None => paragraph(Tone::Plain, "", 0, &pem),
                };
                output.result(&json!({ "label": args.label, "request": pem }), &shown);
            }
            AuthorityCommand::Import(args) => {
                let answer = hand_in(&args, global, "import", "application/x-pem-file").await?;
                done(&answer, &format!("authority `{}` is in use", args.label), output);
            }
            AuthorityCommand::ImportCrl(args) => {
                let answer = hand_in(&args, global, "crl", "application/pkix-crl").await?;
                done(&answer, &format!("the list of `{}` is published", args.label), output);
            }
        }
        Ok(ExitCode::SUCCESS)
    })?
}

/// Runs `cinnabar key …`.
pub fn key(command: KeyCommand, global: &Global, output: Output) -> Outcome {
    block_on(async {
        let KeyCommand::Rotate(args) = command;
        let answer = post(&args, global, "keys", "rotate").await?;
        done(&answer, &format!("`{}` signs from now on", label_of(&answer)), output);
        Ok(ExitCode::SUCCESS)
    })?
}

async fn hand_in(
    args: &ImportArgs,
    global: &Global,
    act: &str,
    kind: &str,
) -> Result<crate::cli::client::Answer, Failure> {
    let path = &args.file;
    let content =
        std::fs::read(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    let at = format!("/v1/authorities/{}/{act}", segment(&args.label)?);
    let client = args.remote.client(global)?;
    Ok(client.send(Method::POST, &at, &[("content-type", kind)], Bytes::from(content)).await?)
}

async fn post(
    args: &OneArgs,
    global: &Global,
    what: &str,
    act: &str,
) -> Result<crate::cli::client::Answer, Failure> {
    let at = format!("/v1/{what}/{}/{act}", segment(&args.label)?);
    Ok(args.remote.client(global)?.send(Method::POST, &at, &[], Bytes::new()).await?)
}

fn label_of(answer: &crate::cli::client::Answer) -> String {
    answer.json().get("label").and_then(Value::as_str).unwrap_or_default().to_owned()
}
