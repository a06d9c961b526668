//! `cinnabar organisation`.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::json;

use super::{Global, Outcome, Output, Remote, all, block_on, change, done, segment, table};
use std::process::ExitCode;

/// `cinnabar organisation …`
#[derive(Debug, Subcommand)]
pub enum OrganisationCommand {
    /// Register an organisation
    #[command(
        after_help = "Example:\n  cinnabar organisation add bureau --name 示例市行政审批局 --identity credentials/officer-1"
    )]
    Add(AddArgs),
    /// Change an organisation's name or kind
    #[command(
        after_help = "Example:\n  cinnabar organisation change bureau --name 示例市数据局 --identity credentials/officer-1"
    )]
    Change(ChangeArgs),
    /// Retire an organisation; its name is never used again
    #[command(
        after_help = "Example:\n  cinnabar organisation retire bureau --identity credentials/officer-1"
    )]
    Retire(RetireArgs),
    /// List organisations
    #[command(after_help = "Example:\n  cinnabar organisation list --json --identity credentials/officer-1")]
    List(ListArgs),
}

/// Options of `cinnabar organisation add`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// Identifier: 1 to 63 of a-z, 0-9 and -
    id: String,
    /// Its name
    #[arg(long)]
    name: String,
    /// What it is [default: bureau]
    #[arg(long)]
    kind: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar organisation change`.
#[derive(Debug, Args)]
#[group(id = "change", required = true, multiple = true, args = ["name", "kind"])]
pub struct ChangeArgs {
    /// Which organisation
    id: String,
    /// Its new name
    #[arg(long)]
    name: Option<String>,
    /// What it is from now on
    #[arg(long)]
    kind: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar organisation retire`.
#[derive(Debug, Args)]
pub struct RetireArgs {
    /// Which organisation
    id: String,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar organisation list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    remote: Remote,
}

/// Runs `cinnabar organisation …`.
pub fn organisation(command: OrganisationCommand, global: &Global, output: Output) -> Outcome {
    block_on(async {
        match command {
            OrganisationCommand::Add(args) => {
                let mut body = json!({ "id": args.id, "name": args.name });
                if let (Some(members), Some(kind)) = (body.as_object_mut(), args.kind) {
                    members.insert("kind".into(), kind.into());
                }
                let client = args.remote.client(global)?;
                let answer = client.json(Method::POST, "/v1/organisations", &body).await?;
                done(&answer, &format!("organisation {} is registered", args.id), output);
            }
            OrganisationCommand::Change(args) => {
                let at = format!("/v1/organisations/{}", segment(&args.id)?);
                let body = json!({ "name": args.name, "kind": args.kind });
                let answer = change(&args.remote.client(global)?, Method::PATCH, &at, &at, &body).await?;
                done(&answer, &format!("organisation {} is changed", args.id), output);
            }
            OrganisationCommand::Retire(args) => {
                let at = format!("/v1/organisations/{}", segment(&args.id)?);
                let client = args.remote.client(global)?;
                let answer =
                    change(&client, Method::POST, &at, &format!("{at}/retire"), &json!(null)).await?;
                done(&answer, &format!("organisation {} is retired", args.id), output);
            }
            OrganisationCommand::List(args) => {
                let items = all(&args.remote.client(global)?, "/v1/organisations", "").await?;
                table(&items, &["id", "kind", "state", "name"], output);
            }
        }
        Ok(ExitCode::SUCCESS)
    })?
}
