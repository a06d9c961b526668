//! Show-codes.

use std::path::PathBuf;

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::{Failure, Global, Output, Remote, Tone, given, party};

/// Options of `cinnabar licence show-code`.
#[derive(Debug, Args)]
pub struct ShowCodeArgs {
    /// The licence, by identifier or id
    licence: String,
    /// Who shows it, KIND:NUMBER (111 citizen ID, 001 credit code); the number `-` is read from the standard input
    #[arg(long)]
    holder: String,
    /// The delegation under which an agent shows it
    #[arg(long)]
    delegation: Option<String>,
    /// A field to show [default: those that anyone may see]
    #[arg(long = "field")]
    fields: Vec<String>,
    /// How long the code holds
    #[arg(long)]
    seconds: Option<u32>,
    /// How often it shows
    #[arg(long)]
    uses: Option<u32>,
    /// Code of the service item that it is for
    #[arg(long)]
    item: Option<String>,
    /// What it is for
    #[arg(long)]
    purpose: Option<String>,
    /// Write the QR symbol to this file, SVG
    #[arg(long)]
    qr: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar licence redeem`.
#[derive(Debug, Args)]
pub struct RedeemArgs {
    /// The code, or the address that its symbol says
    code: String,
    /// Code of the service item
    #[arg(long)]
    item: Option<String>,
    /// Case number
    #[arg(long)]
    case_number: Option<String>,
    /// Who works on the case
    #[arg(long)]
    operator: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn show_code(args: ShowCodeArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let body = given(&[
        ("licence", args.licence.into()),
        ("holder", party(&args.holder)?),
        ("delegation", args.delegation.into()),
        ("fields", json!(args.fields)),
        ("seconds", args.seconds.into()),
        ("uses", args.uses.into()),
        ("item", args.item.into()),
        ("purpose", args.purpose.into()),
    ]);
    let answer = args.remote.client(global)?.json(Method::POST, "/v1/show-codes", &body).await?;
    let code = answer.json();
    let text = |name: &str| code.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(path) = &args.qr {
        std::fs::write(path, text("qr"))
            .map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
    }
    let shown = if code.get("url").is_some_and(Value::is_string) { text("url") } else { text("code") };
    let uses = code.get("uses").and_then(Value::as_i64).unwrap_or_default();
    output.result(
        &code,
        &[(Tone::Good, shown), (Tone::Plain, format!("  until {}, {uses} uses", text("expires")))],
    );
    Ok(())
}

pub(super) async fn redeem(args: RedeemArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let code = args.code.split_once("#s=").map_or(args.code.as_str(), |(_, code)| code);
    let body = given(&[
        ("code", code.into()),
        ("item", args.item.into()),
        ("case_number", args.case_number.into()),
        ("operator", args.operator.into()),
    ]);
    let answer = args.remote.client(global)?.json(Method::POST, "/v1/show-codes/redeem", &body).await?;
    let shown = answer.json();
    let text = |name: &str| shown.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let good = shown.get("in_force").and_then(Value::as_bool) == Some(true);
    let tone = if good { Tone::Good } else { Tone::Bad };
    let mut lines = vec![
        (tone, format!("{} {} {}", text("identifier"), text("state_zh"), text("state_en"))),
        (Tone::Plain, format!("  {} ({})", text("issuer"), text("issuer_code"))),
    ];
    for field in shown.get("fields").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| field.get(name).and_then(Value::as_str).unwrap_or_default();
        let value = match field.get("value") {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        };
        lines.push((Tone::Plain, format!("  {} {}: {value}", text("zh"), text("en"))));
    }
    output.result(&shown, &lines);
    Ok(())
}
