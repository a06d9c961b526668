//! `cinnabar certificate revoke`, `hold`, `release` and `revoke-many`.

use bytes::Bytes;
use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::{Failure, Global, Output, Remote, Tone, done, segment};
use crate::cli::client::Client;

/// Options of `cinnabar certificate revoke`.
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// Hexadecimal SHA-256 fingerprint, as `certificate list` shows it
    fingerprint: String,
    #[command(flatten)]
    grounds: Grounds,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar certificate hold` and `release`.
#[derive(Debug, Args)]
pub struct OneArgs {
    /// Hexadecimal SHA-256 fingerprint, as `certificate list` shows it
    fingerprint: String,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar certificate revoke-many`.
#[derive(Debug, Args)]
pub struct ManyArgs {
    /// Issued by this authority
    #[arg(long)]
    issuer: Option<String>,
    /// Of this profile
    #[arg(long)]
    profile: Option<String>,
    /// Of this organisation
    #[arg(long)]
    organisation: Option<String>,
    /// Of this caller
    #[arg(long)]
    caller: Option<String>,
    /// Ending at or after this time, RFC 3339
    #[arg(long)]
    expires_from: Option<String>,
    /// Ending before this time, RFC 3339
    #[arg(long)]
    expires_before: Option<String>,
    /// This certificate; may be repeated
    #[arg(long = "fingerprint")]
    fingerprints: Vec<String>,
    /// This serial number of the issuer; may be repeated
    #[arg(long = "serial")]
    serials: Vec<String>,
    /// Revoke that many; without it the certificates that fit are counted only
    #[arg(long)]
    expected: Option<u64>,
    #[command(flatten)]
    grounds: Grounds,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
struct Grounds {
    /// Why, in the words of RFC 5280
    #[arg(long, default_value = "unspecified", value_parser = [
        "unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation",
        "privilegeWithdrawn",
    ])]
    reason: String,
    /// Since when the key is known or suspected to be misused, RFC 3339
    #[arg(long)]
    invalid_from: Option<String>,
}

/// Revokes one certificate.
pub async fn revoke(args: RevokeArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let client = args.remote.client(global)?;
    let body = json!({ "reason": args.grounds.reason, "invalid_from": args.grounds.invalid_from });
    let (at, plain) = address(&args.fingerprint, "revoke")?;
    let answer = client.json(Method::POST, &at, &body).await?;
    done(&answer, &format!("certificate {plain} is revoked"), output);
    Ok(())
}

/// Holds one certificate.
pub async fn hold(args: OneArgs, global: &Global, output: Output) -> Result<(), Failure> {
    one(&args, "hold", "on hold", global, output).await
}

/// Releases one certificate.
pub async fn release(args: OneArgs, global: &Global, output: Output) -> Result<(), Failure> {
    one(&args, "release", "good again", global, output).await
}

async fn one(args: &OneArgs, verb: &str, now: &str, global: &Global, output: Output) -> Result<(), Failure> {
    let (at, plain) = address(&args.fingerprint, verb)?;
    let answer = args.remote.client(global)?.send(Method::POST, &at, &[], Bytes::new()).await?;
    done(&answer, &format!("certificate {plain} is {now}"), output);
    Ok(())
}

/// Counts, or revokes part after part until nothing is left.
pub async fn revoke_many(args: ManyArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let client = args.remote.client(global)?;
    let filter = json!({
        "issuer": args.issuer,
        "profile": args.profile,
        "organisation": args.organisation,
        "caller": args.caller,
        "expires_from": args.expires_from,
        "expires_before": args.expires_before,
        "fingerprints": args.fingerprints,
        "serials": args.serials,
    });
    let mut body = json!({
        "filter": filter,
        "reason": args.grounds.reason,
        "invalid_from": args.grounds.invalid_from,
        "dry_run": args.expected.is_none(),
        "expected": args.expected,
    });
    let (mut revoked, mut leaves) = (0, Vec::new());
    loop {
        let answer = part(&client, &body).await?;
        let number = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or_default();
        let remaining = number("remaining");
        revoked += number("revoked");
        leaves.extend(answer.get("leaves").and_then(Value::as_array).cloned().unwrap_or_default());
        let value = json!({ "revoked": revoked, "remaining": remaining, "leaves": leaves });
        if args.expected.is_none() {
            let next = format!("{remaining} certificates fit; revoke them with --expected {remaining}");
            output.result(&value, &[(Tone::Plain, next)]);
            return Ok(());
        }
        if remaining == 0 {
            let lines = [(Tone::Good, format!("{revoked} certificates are revoked"))];
            output.result(&value, &lines);
            return Ok(());
        }
        if number("revoked") == 0 {
            return Err(format!("{revoked} certificates are revoked, {remaining} are left: try again").into());
        }
        if let Some(members) = body.as_object_mut() {
            members.insert("expected".to_owned(), remaining.into());
        }
    }
}

async fn part(client: &Client, body: &Value) -> Result<Value, Failure> {
    Ok(client.json(Method::POST, "/v1/certificates/revoke", body).await?.json())
}

fn address(fingerprint: &str, verb: &str) -> Result<(String, String), Failure> {
    let plain = fingerprint.replace(':', "").to_ascii_lowercase();
    Ok((format!("/v1/certificates/{}/{verb}", segment(&plain)?), plain))
}
