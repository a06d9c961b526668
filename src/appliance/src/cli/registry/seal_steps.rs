//! `cinnabar seal-record applications|approve|refuse|withdraw|make|suspend|resume|stop`.

use bytes::Bytes;
use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::super::client::{Answer, Client};
use super::seal_record::filter;
use super::{Failure, Global, Output, Remote, all, change, done, segment, table};

/// Options of `cinnabar seal-record applications`.
#[derive(Debug, Args)]
pub struct ApplicationsArgs {
    /// Only those of this organisation
    #[arg(long)]
    organisation: Option<String>,
    /// Only those about this seal
    #[arg(long)]
    seal: Option<String>,
    /// Only those in this state: applied, approved, refused, withdrawn, done, failed
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of a step that takes nothing else.
#[derive(Debug, Args)]
pub struct StepArgs {
    /// Which application, or which seal
    id: String,
    #[command(flatten)]
    remote: Remote,
}

/// Options of a step with a reason.
#[derive(Debug, Args)]
pub struct ReasonArgs {
    /// Which application
    id: String,
    /// Why; a refusal needs it
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar seal-record suspend`.
#[derive(Debug, Args)]
pub struct PauseArgs {
    /// Which seal
    id: String,
    /// loss, damage, compromise, closure or other
    #[arg(long, default_value = "other")]
    ground: String,
    /// Why, in your words
    #[arg(long)]
    reason: Option<String>,
    /// Also put its certificate on hold
    #[arg(long)]
    hold: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar seal-record stop`.
#[derive(Debug, Args)]
pub struct StopArgs {
    #[command(flatten)]
    pause: PauseArgs,
    /// Also revoke its certificate, with the reason that the ground gives; then only `remake` helps
    #[arg(long, conflicts_with = "hold")]
    revoke: bool,
}

pub(super) async fn list(args: ApplicationsArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let query = filter([("organisation", args.organisation), ("seal", args.seal), ("state", args.state)]);
    let items = all(&args.remote.client(global)?, "/v1/seal-applications", &query).await?;
    let columns =
        ["id", "operation", "seal", "organisation", "state", "applicant", "approver", "maker", "made"];
    table(&items, &columns, output);
    Ok(())
}

pub(super) async fn approve(args: StepArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let answer = step(&args.remote.client(global)?, &args.id, "approve", &Value::Null).await?;
    done(&answer, &format!("application {} is approved", args.id), output);
    Ok(())
}

pub(super) async fn refuse(args: ReasonArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let body = json!({ "reason": args.reason });
    let answer = step(&args.remote.client(global)?, &args.id, "refuse", &body).await?;
    done(&answer, &format!("application {} is refused", args.id), output);
    Ok(())
}

pub(super) async fn withdraw(args: ReasonArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let body = json!({ "reason": args.reason });
    let answer = step(&args.remote.client(global)?, &args.id, "withdraw", &body).await?;
    done(&answer, &format!("application {} is taken back", args.id), output);
    Ok(())
}

pub(super) async fn make(args: StepArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let answer = step(&args.remote.client(global)?, &args.id, "carry-out", &Value::Null).await?;
    done(&answer, &format!("application {} is carried out", args.id), output);
    Ok(())
}

pub(super) async fn suspend(args: PauseArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let body = json!({ "ground": args.ground, "reason": args.reason, "hold": args.hold });
    let record = format!("/v1/seals/{}", segment(&args.id)?);
    let client = args.remote.client(global)?;
    let answer = change(&client, Method::POST, &record, &format!("{record}/suspend"), &body).await?;
    done(&answer, &format!("seal {} is suspended", args.id), output);
    Ok(())
}

pub(super) async fn resume(args: StepArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let record = format!("/v1/seals/{}", segment(&args.id)?);
    let client = args.remote.client(global)?;
    let answer = change(&client, Method::POST, &record, &format!("{record}/resume"), &Value::Null).await?;
    done(&answer, &format!("seal {} is resumed", args.id), output);
    Ok(())
}

pub(super) async fn stop(args: StopArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let StopArgs { pause, revoke } = args;
    let body =
        json!({ "ground": pause.ground, "reason": pause.reason, "hold": pause.hold, "revoke": revoke });
    let path = format!("/v1/seals/{}/stop", segment(&pause.id)?);
    let headers = [("content-type", "application/json")];
    let client = pause.remote.client(global)?;
    let answer = client.send(Method::POST, &path, &headers, Bytes::from(body.to_string())).await?;
    done(&answer, &format!("seal {} is stopped", pause.id), output);
    Ok(())
}

/// Takes a step of an application at the version that is read now.
pub(super) async fn step(client: &Client, id: &str, what: &str, body: &Value) -> Result<Answer, Failure> {
    let record = format!("/v1/seal-applications/{}", segment(id)?);
    change(client, Method::POST, &record, &format!("{record}/{what}"), body).await
}
