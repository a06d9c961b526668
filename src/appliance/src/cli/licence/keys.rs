//! `cinnabar licence keys`: how the keys stand that protect licences at rest, and rotating them.

use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use serde_json::{Value, json};

use super::{Failure, Global, Output, Remote, Tone, done};

/// `cinnabar licence keys …`
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Say which keys are in use, and how much is still under former ones
    #[command(after_help = "Example:\n  cinnabar licence keys show --identity credentials/officer-1")]
    Show(ShowArgs),
    /// Begin to use new keys; what there is follows in the background, while everything goes on
    #[command(after_help = "Example:\n  cinnabar licence keys rotate all --identity credentials/officer-1")]
    Rotate(RotateArgs),
}

/// Options of `cinnabar licence keys show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar licence keys rotate`.
#[derive(Debug, Args)]
pub struct RotateArgs {
    /// Which keys
    which: Which,
    #[command(flatten)]
    remote: Remote,
}

/// Which keys to rotate.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// The key that wraps the data keys of licences
    Wrapping,
    /// The key of the hashes by which holders are found
    Holders,
    /// Both
    All,
}

pub(super) async fn keys(command: KeysCommand, global: &Global, output: Output) -> Result<(), Failure> {
    match command {
        KeysCommand::Show(args) => {
            let view = args.remote.client(global)?.get("/v1/licence-keys").await?.json();
            let of = |name: &str| view.get(name).map_or_else(String::new, Value::to_string);
            let lines = [
                (Tone::Plain, format!("wrapping {}: {} to re-wrap", of("wrapping"), of("to_rewrap"))),
                (Tone::Plain, format!("holders {}: {} to re-hash", of("holders"), of("to_rehash"))),
            ];
            let mut lines = lines.to_vec();
            for (name, what) in [("unreadable", "licences"), ("unreadable_holders", "entries of the index")] {
                if view.get(name).and_then(Value::as_i64).is_some_and(|many| many > 0) {
                    let text = format!("{} {what} do not open: restore them from a backup", of(name));
                    lines.push((Tone::Warn, text));
                }
            }
            output.result(&view, &lines);
        }
        KeysCommand::Rotate(args) => {
            let which = match args.which {
                Which::Wrapping => "wrapping",
                Which::Holders => "holders",
                Which::All => "all",
            };
            let client = args.remote.client(global)?;
            let body = json!({ "keys": which });
            let answer = client.json(Method::POST, "/v1/licence-keys/rotate", &body).await?;
            done(&answer, "new keys are in use", output);
        }
    }
    Ok(())
}
