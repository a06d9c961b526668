//! `cinnabar licence issue`.

use std::path::PathBuf;

use bytes::Bytes;
use clap::Args;
use http::Method;
use serde_json::{Map, Value};

use super::read::fetch;
use super::{Failure, Global, Output, Remote, done};

/// Options of `cinnabar licence issue`.
#[derive(Debug, Args)]
pub struct IssueArgs {
    /// Code of the type
    #[arg(long = "type")]
    type_code: String,
    /// JSON file with the fields
    #[arg(long)]
    fields: PathBuf,
    /// The day from which it holds, YYYY-MM-DD [default: today]
    #[arg(long)]
    valid_from: Option<String>,
    /// Code of the service item
    #[arg(long)]
    item: Option<String>,
    /// Case number
    #[arg(long)]
    case_number: Option<String>,
    /// Legal basis
    #[arg(long)]
    basis: Option<String>,
    /// The serial of its identifier, 7 to 32 of 0-9A-Z [default: the next free one]
    #[arg(long)]
    serial: Option<String>,
    /// JSON file with the holder's public key (JWK, P-256) that the credential is bound to
    #[arg(long)]
    holder_key: Option<PathBuf>,
    /// Repeated with the same key, the command finds the licence of the first time
    #[arg(long)]
    idempotency_key: Option<String>,
    /// Write the sealed original here
    #[arg(long)]
    original: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn issue(args: IssueArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let mut order = Map::new();
    order.insert("type".to_owned(), args.type_code.into());
    order.insert("fields".to_owned(), json(&args.fields)?);
    if let Some(key) = &args.holder_key {
        order.insert("holder_key".to_owned(), json(key)?);
    }
    for (name, value) in [
        ("valid_from", args.valid_from),
        ("item", args.item),
        ("case_number", args.case_number),
        ("basis", args.basis),
        ("serial", args.serial),
    ] {
        if let Some(value) = value {
            order.insert(name.to_owned(), value.into());
        }
    }
    let client = args.remote.client(global)?;
    let key = args.idempotency_key.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
    let body = Bytes::from(Value::Object(order).to_string());
    let answer = client.send(Method::POST, "/v1/licences", &headers, body).await?;
    let identifier = answer.json().get("identifier").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(path) = &args.original {
        fetch(&client, &identifier, "original", path).await?;
    }
    done(&answer, &format!("issued {identifier}"), output);
    Ok(())
}

/// A JSON file.
fn json(path: &std::path::Path) -> Result<Value, Failure> {
    let text = std::fs::read(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    Ok(serde_json::from_slice(&text).map_err(|error| format!("`{}` is no JSON: {error}", path.display()))?)
}
