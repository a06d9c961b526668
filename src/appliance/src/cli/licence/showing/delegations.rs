//! Delegations.

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::{Failure, Global, Output, Remote, done, given, party, segment, table};

/// Options of `cinnabar licence delegate`.
#[derive(Debug, Args)]
pub struct DelegateArgs {
    /// The licence, by identifier or id
    licence: String,
    /// Its holder, KIND:NUMBER; the number `-` is read from the standard input, before the agent's
    #[arg(long)]
    holder: String,
    /// The agent, likewise
    #[arg(long)]
    agent: String,
    /// A field that the agent may show [default: all]
    #[arg(long = "field")]
    fields: Vec<String>,
    /// Code of an item that the agent may show it for [default: any]
    #[arg(long = "item")]
    items: Vec<String>,
    /// Until when, RFC 3339
    #[arg(long)]
    until: jiff::Timestamp,
    /// How often
    #[arg(long)]
    count: u32,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar licence delegations`.
#[derive(Debug, Args)]
#[group(id = "whose", required = true, multiple = false, args = ["holder", "agent"])]
pub struct DelegationsArgs {
    /// The holder, KIND:NUMBER; the number `-` is read from the standard input
    #[arg(long)]
    holder: Option<String>,
    /// The agent, likewise
    #[arg(long)]
    agent: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar licence undelegate`.
#[derive(Debug, Args)]
pub struct UndelegateArgs {
    /// The delegation
    id: String,
    /// Its version, as it was listed
    #[arg(long)]
    version: i64,
    /// The holder, KIND:NUMBER; the number `-` is read from the standard input
    #[arg(long)]
    holder: String,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn delegate(args: DelegateArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let body = given(&[
        ("licence", args.licence.into()),
        ("holder", party(&args.holder)?),
        ("agent", party(&args.agent)?),
        ("fields", json!(args.fields)),
        ("items", json!(args.items)),
        ("until", args.until.to_string().into()),
        ("count", args.count.into()),
    ]);
    let key = uuid::Uuid::new_v4().to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
    let client = args.remote.client(global)?;
    let answer =
        client.send(Method::POST, "/v1/licence-delegations", &headers, body.to_string().into()).await?;
    let id = answer.json().get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    done(&answer, &format!("delegation {id}"), output);
    Ok(())
}

pub(super) async fn list(args: DelegationsArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let mut asked = given(&[
        ("holder", args.holder.as_deref().map(party).transpose()?.into()),
        ("agent", args.agent.as_deref().map(party).transpose()?.into()),
        ("limit", 200.into()),
    ]);
    let client = args.remote.client(global)?;
    let items = super::taking::pages(&client, "/v1/licence-delegations/of-holder", &mut asked).await?;
    table(&items, &["id", "version", "licence", "state", "used", "count", "until"], output);
    Ok(())
}

pub(super) async fn undelegate(args: UndelegateArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let at = format!("/v1/licence-delegations/{}/revoke", segment(&args.id)?);
    let body = json!({ "holder": party(&args.holder)? });
    let tag = format!("\"{}\"", args.version);
    let headers = [("content-type", "application/json"), ("if-match", tag.as_str())];
    let answer =
        args.remote.client(global)?.send(Method::POST, &at, &headers, body.to_string().into()).await?;
    done(&answer, &format!("delegation {} taken back", args.id), output);
    Ok(())
}
