//! `cinnabar acme`: letting platform servers get their certificates by ACME.

use bytes::Bytes;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::registry::{all, change, done, segment, table};
use super::{Global, Outcome, Output, Remote, Tone, block_on};

/// `cinnabar acme …`
#[derive(Debug, Subcommand)]
pub enum AcmeCommand {
    /// Bindings: how a platform server's account is let in
    #[command(subcommand)]
    Binding(BindingCommand),
}

/// `cinnabar acme binding …`
#[derive(Debug, Subcommand)]
pub enum BindingCommand {
    /// Give out a binding; its key is shown once
    #[command(
        after_help = "Example:\n  cinnabar acme binding add --caller portal --name portal.example.gov --name .portal.example.gov \\\n    --identity credentials/officer-1"
    )]
    Add(AddArgs),
    /// List the bindings given out
    #[command(after_help = "Example:\n  cinnabar acme binding list --identity credentials/officer-1")]
    List(ListArgs),
    /// Withdraw a binding; its account stops at once
    #[command(
        after_help = "Example:\n  cinnabar acme binding withdraw 0193… --identity credentials/officer-1"
    )]
    Withdraw(WithdrawArgs),
}

/// Options of `cinnabar acme binding add`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// The registered machine in whose name certificates are ordered
    #[arg(long)]
    caller: String,
    /// What may be ordered: `host.example`, `.example` for all names below, `10.0.0.0/8`; several times for several
    #[arg(long = "name", required = true)]
    names: Vec<String>,
    /// Profile of the certificates; the configuration's unless named
    #[arg(long)]
    profile: Option<String>,
    /// For how many days an account can be made with it
    #[arg(long, default_value_t = 7)]
    days: u32,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar acme binding list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar acme binding withdraw`.
#[derive(Debug, Args)]
pub struct WithdrawArgs {
    /// The binding's identifier
    id: String,
    #[command(flatten)]
    remote: Remote,
}

/// Runs `cinnabar acme`.
pub fn run(command: AcmeCommand, global: &Global, output: Output) -> Outcome {
    let AcmeCommand::Binding(command) = command;
    match command {
        BindingCommand::Add(args) => add(args, global, output),
        BindingCommand::List(args) => {
            let client = args.remote.client(global)?;
            let items = block_on(all(&client, "/v1/acme/bindings", ""))??;
            table(&items, &["id", "state", "caller", "profile", "names", "expires"], output);
            Ok(std::process::ExitCode::SUCCESS)
        }
        BindingCommand::Withdraw(args) => {
            let client = args.remote.client(global)?;
            let record = format!("/v1/acme/bindings/{}", segment(&args.id)?);
            let at = format!("{record}/withdraw");
            let answer = block_on(change(&client, Method::POST, &record, &at, &Value::Null))??;
            done(&answer, &format!("binding {} is withdrawn", args.id), output);
            Ok(std::process::ExitCode::SUCCESS)
        }
    }
}

fn add(args: AddArgs, global: &Global, output: Output) -> Outcome {
    let client = args.remote.client(global)?;
    let mut body = json!({ "caller": args.caller, "names": args.names, "days": args.days });
    if let (Some(profile), Some(members)) = (args.profile, body.as_object_mut()) {
        members.insert("profile".into(), profile.into());
    }
    let headers = [("content-type", "application/json")];
    let body = Bytes::from(body.to_string());
    let answer = block_on(client.send(Method::POST, "/v1/acme/bindings", &headers, body))??;
    let given = answer.json();
    let text = |member: &str| given.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let lines = [
        (Tone::Good, format!("binding for {} is open; this is the only time its key is shown", args.caller)),
        (Tone::Plain, format!("  directory  {}", text("directory"))),
        (Tone::Plain, format!("  key id     {}", text("id"))),
        (Tone::Plain, format!("  HMAC key   {}", text("key"))),
        (Tone::Dim, format!("  log leaf {}", answer.header("cinnabar-leaf").unwrap_or_default())),
    ];
    output.result(&given, &lines);
    Ok(std::process::ExitCode::SUCCESS)
}
