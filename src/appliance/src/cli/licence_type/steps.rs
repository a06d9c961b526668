//! `cinnabar licence-type submit|publish|refuse|withdraw|retire`.

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::super::client::{Answer, Client};
use super::{Failure, Global, Output, Remote, change, done, segment};

/// Options of a step that takes nothing else.
#[derive(Debug, Args)]
pub struct StepArgs {
    /// Code of the type
    code: String,
    /// Which version
    number: i64,
    #[command(flatten)]
    remote: Remote,
}

/// Options of a step with a reason.
#[derive(Debug, Args)]
pub struct ReasonArgs {
    #[command(flatten)]
    step: StepArgs,
    /// Why; a refusal needs it
    #[arg(long)]
    reason: Option<String>,
}

/// Options of `cinnabar licence-type retire`.
#[derive(Debug, Args)]
pub struct RetireArgs {
    /// Code of the type
    code: String,
    /// Why
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn submit(args: StepArgs, global: &Global, output: Output) -> Result<(), Failure> {
    take(args, "submit", &Value::Null, "is handed in; another officer publishes it", global, output).await
}

pub(super) async fn publish(args: StepArgs, global: &Global, output: Output) -> Result<(), Failure> {
    take(args, "publish", &Value::Null, "is in force", global, output).await
}

pub(super) async fn refuse(args: ReasonArgs, global: &Global, output: Output) -> Result<(), Failure> {
    take(args.step, "refuse", &json!({ "reason": args.reason }), "is refused", global, output).await
}

pub(super) async fn withdraw(args: ReasonArgs, global: &Global, output: Output) -> Result<(), Failure> {
    take(args.step, "withdraw", &json!({ "reason": args.reason }), "is taken back", global, output).await
}

pub(super) async fn retire(args: RetireArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let record = format!("/v1/licence-types/{}", segment(&args.code)?);
    let body = json!({ "reason": args.reason });
    let client = args.remote.client(global)?;
    let answer = change(&client, Method::POST, &record, &format!("{record}/retire"), &body).await?;
    done(&answer, &format!("licence type {} is retired", args.code), output);
    Ok(())
}

async fn take(
    args: StepArgs,
    what: &str,
    body: &Value,
    told: &str,
    global: &Global,
    output: Output,
) -> Result<(), Failure> {
    let answer = step(&args.remote.client(global)?, &args.code, args.number, what, body).await?;
    done(&answer, &format!("version {} of {} {told}", args.number, args.code), output);
    Ok(())
}

/// Takes a step of a version at the record that is read now.
pub(super) async fn step(
    client: &Client,
    code: &str,
    number: i64,
    what: &str,
    body: &Value,
) -> Result<Answer, Failure> {
    let record = format!("/v1/licence-types/{}/versions/{number}", segment(code)?);
    change(client, Method::POST, &record, &format!("{record}/{what}"), body).await
}
