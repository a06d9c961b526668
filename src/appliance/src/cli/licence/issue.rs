//! `cinnabar licence issue` and `issue-with-seal`.

use std::path::PathBuf;

use bytes::Bytes;
use clap::Args;
use http::Method;
use serde_json::{Map, Value, json};

use super::read::fetch;
use super::{Failure, Global, Output, Remote, Tone, done, segment};
use crate::cli::client::{Answer, Client};

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

/// Options of `cinnabar licence issue-with-seal`.
#[derive(Debug, Args)]
pub struct WithSealArgs {
    /// The application for the holder's seal, approved and not yet carried out (`cinnabar seal-record applications`)
    #[arg(long, value_name = "APPLICATION")]
    seal: String,
    /// Write the certificate of the seal here, with its chain, PEM
    #[arg(long)]
    certificate: Option<PathBuf>,
    #[command(flatten)]
    licence: IssueArgs,
}

pub(super) async fn issue(args: IssueArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let order = order(&args)?;
    let client = args.remote.client(global)?;
    let answer = send(&client, "/v1/licences", &args, &order).await?;
    let identifier = fetched(&client, &answer, &args).await?;
    done(&answer, &format!("issued {identifier}"), output);
    Ok(())
}

pub(super) async fn with_seal(args: WithSealArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let WithSealArgs { seal, certificate, licence: args } = args;
    let body = json!({ "licence": order(&args)?, "seal": seal });
    let client = args.remote.client(global)?;
    let answer = send(&client, "/v1/licences/with-seal", &args, &body).await?;
    let identifier = fetched(&client, &answer, &args).await?;
    let mut value = answer.json();
    let of_seal = |name: &str| {
        let text = value.pointer(&format!("/seal/{name}")).and_then(Value::as_str);
        text.unwrap_or("-").to_owned()
    };
    let [id, code, name, fingerprint, until] = ["id", "code", "name", "certificate", "valid_to"].map(of_seal);
    if let Some(path) = &certificate {
        let at = format!("/v1/certificates/{}", segment(&fingerprint)?);
        let accept = [("accept", "application/pem-certificate-chain")];
        let pem = client.send(Method::GET, &at, &accept, Bytes::new()).await?;
        std::fs::write(path, &pem.body)
            .map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
    }
    let leaf = answer.header("cinnabar-leaf").unwrap_or_default();
    if let Some(members) = value.as_object_mut() {
        members.insert("leaf".into(), leaf.parse::<u64>().map_or(Value::Null, Into::into));
    }
    let lines = [
        (Tone::Good, format!("issued {identifier} with the seal of its holder, in one act")),
        (Tone::Plain, format!("  seal {id}: {name}, code {code}, until {until}")),
        (Tone::Plain, format!("  certificate of the seal {fingerprint}")),
        (Tone::Plain, format!("  log leaf {leaf}, one receipt for both")),
    ];
    output.result(&value, &lines);
    Ok(())
}

/// What is asked for.
fn order(args: &IssueArgs) -> Result<Value, Failure> {
    let mut order = Map::new();
    order.insert("type".to_owned(), args.type_code.as_str().into());
    order.insert("fields".to_owned(), read_json(&args.fields)?);
    if let Some(key) = &args.holder_key {
        order.insert("holder_key".to_owned(), read_json(key)?);
    }
    for (name, value) in [
        ("valid_from", &args.valid_from),
        ("item", &args.item),
        ("case_number", &args.case_number),
        ("basis", &args.basis),
        ("serial", &args.serial),
    ] {
        if let Some(value) = value {
            order.insert(name.to_owned(), value.as_str().into());
        }
    }
    Ok(Value::Object(order))
}

async fn send(client: &Client, path: &str, args: &IssueArgs, body: &Value) -> Result<Answer, Failure> {
    let key = args.idempotency_key.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
    Ok(client.send(Method::POST, path, &headers, Bytes::from(body.to_string())).await?)
}

/// The identifier of what was issued; its original is fetched where it was asked for.
async fn fetched(client: &Client, answer: &Answer, args: &IssueArgs) -> Result<String, Failure> {
    let identifier = answer.json().get("identifier").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(path) = &args.original {
        fetch(client, &identifier, "original", path).await?;
    }
    Ok(identifier)
}

/// A JSON file.
fn read_json(path: &std::path::Path) -> Result<Value, Failure> {
    let text = std::fs::read(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    Ok(serde_json::from_slice(&text).map_err(|error| format!("`{}` is no JSON: {error}", path.display()))?)
}
