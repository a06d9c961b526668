//! `cinnabar caller enrolment-secret`: one-time secrets with which a machine enrols for its first certificate.

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::{Client, Failure, Global, Output, Remote, Tone, done, segment, table};

/// Options of `cinnabar caller enrolment-secret`.
#[derive(Debug, Args)]
pub struct SecretArgs {
    /// Which caller; a machine
    id: String,
    /// The certificate profile that it enrols for
    #[arg(long, default_value = "machine")]
    profile: String,
    /// How long it can be used, in hours: 1 to 168
    #[arg(long, default_value_t = 24)]
    hours: u32,
    /// List the caller's secrets (not what they are) instead of making one
    #[arg(long, conflicts_with_all = ["profile", "hours", "withdraw"])]
    list: bool,
    /// Withdraw the secret of this identifier instead of making one
    #[arg(long, value_name = "SECRET", conflicts_with_all = ["profile", "hours"])]
    withdraw: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Runs `cinnabar caller enrolment-secret`.
pub async fn secret(args: SecretArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let at = format!("/v1/callers/{}/enrolment-secrets", segment(&args.id)?);
    let client = args.remote.client(global)?;
    if args.list {
        let answer = client.get(&at).await?.json();
        let items = answer.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
        table(&items, &["id", "profile", "state", "issued", "created", "expires", "used_at"], output);
    } else if let Some(which) = &args.withdraw {
        let at = format!("{at}/{}/withdraw", segment(which)?);
        let answer = client.json(Method::POST, &at, &json!({})).await?;
        done(&answer, &format!("secret {which} of caller {} is withdrawn", args.id), output);
    } else {
        let body = json!({ "profile": args.profile, "hours": args.hours });
        make_secret(&client, &args.id, &body, output).await?;
    }
    Ok(())
}

/// Has a secret made and shows it, this once.
pub async fn make_secret(client: &Client, id: &str, body: &Value, output: Output) -> Result<(), Failure> {
    let at = format!("/v1/callers/{}/enrolment-secrets", segment(id)?);
    let answer = client.json(Method::POST, &at, body).await?;
    let mut value = answer.json();
    let leaf = answer.header("cinnabar-leaf").and_then(|leaf| leaf.parse::<u64>().ok());
    if let Some(members) = value.as_object_mut() {
        members.insert("leaf".into(), leaf.into());
    }
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let lines = [
        (Tone::Good, format!("secret: {}", text("secret"))),
        (Tone::Warn, "hand it over now: it is shown this once and kept as a hash".into()),
        (
            Tone::Plain,
            format!("  for caller {id}, profile {}, once, until {}", text("profile"), text("expires")),
        ),
        (Tone::Plain, format!("  identifier {}", text("id"))),
        (Tone::Plain, format!("  log leaf {}", leaf.unwrap_or_default())),
    ];
    output.result(&value, &lines);
    Ok(())
}
