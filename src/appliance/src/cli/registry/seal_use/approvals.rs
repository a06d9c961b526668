//! Requests for approval.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::{Failure, Global, Output, Remote, done, members, segment, table};

/// Options of `cinnabar seal-use request`.
#[derive(Debug, Args)]
pub struct RequestArgs {
    /// The seal
    seal: String,
    /// The document as it will be sent; only its SHA-256 goes to the service
    document: PathBuf,
    /// What it is for; whoever approves reads it
    #[arg(long)]
    purpose: String,
    /// Code of the service item, as the use will say it
    #[arg(long)]
    item: Option<String>,
    /// Case number, as the use will say it
    #[arg(long)]
    case_number: Option<String>,
    /// Kind of the document, as the use will say it
    #[arg(long)]
    document_kind: Option<String>,
    /// Who works on the case
    #[arg(long)]
    operator: Option<String>,
    /// The rule [default: the first that asks for approvals and fits]
    #[arg(long)]
    rule: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar seal-use requests`.
#[derive(Debug, Args)]
pub struct RequestsArgs {
    /// Show one, with what it is for
    id: Option<String>,
    /// Only those in this state
    #[arg(long, default_value = "open", value_parser = ["open", "refused", "withdrawn", "used", "any"])]
    state: String,
    /// Only those for this seal
    #[arg(long)]
    seal: Option<String>,
    /// Only those for seals of this organisation
    #[arg(long)]
    organisation: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar seal-use approve`.
#[derive(Debug, Args)]
#[group(id = "seen", required = true, multiple = false, args = ["document", "sha256"])]
pub struct ApproveArgs {
    /// The request
    id: String,
    /// The document that you have seen
    document: Option<PathBuf>,
    /// Its SHA-256 instead, hexadecimal
    #[arg(long)]
    sha256: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar seal-use refuse`.
#[derive(Debug, Args)]
pub struct RefuseArgs {
    /// The request
    id: String,
    /// Why; whoever asked reads it
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar seal-use withdraw`.
#[derive(Debug, Args)]
pub struct WithdrawArgs {
    /// The request
    id: String,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn request(args: RequestArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let mut body = json!({
        "seal": args.seal,
        "document_sha256": sha256(&args.document)?,
        "purpose": args.purpose,
    });
    let optional = [
        ("item", args.item),
        ("case_number", args.case_number),
        ("document_kind", args.document_kind),
        ("operator", args.operator),
        ("rule", args.rule),
    ];
    if let Some(members) = body.as_object_mut() {
        members.extend(optional.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into()))));
    }
    let client = args.remote.client(global)?;
    let answer = client.json(Method::POST, "/v1/seal-uses/requests", &body).await?;
    let answered = answer.json();
    let id = answered.get("id").and_then(Value::as_str).unwrap_or_default();
    let needed = answered.get("needed").unwrap_or(&Value::Null);
    let given = answered.get("given").unwrap_or(&Value::Null);
    done(&answer, &format!("request {id} has {given} of {needed} approvals"), output);
    Ok(())
}

pub(super) async fn requests(args: RequestsArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let client = args.remote.client(global)?;
    if let Some(id) = args.id {
        members(&client.get(&format!("/v1/seal-uses/requests/{}", segment(&id)?)).await?.json(), output);
        return Ok(());
    }
    let mut query = vec![("state", args.state)];
    query.extend(args.seal.map(|seal| ("seal", seal)));
    query.extend(args.organisation.map(|organisation| ("organisation", organisation)));
    let query = format!("?{}", crate::cli::query(&query));
    let items = super::all(&client, "/v1/seal-uses/requests", &query).await?;
    let columns = ["id", "seal", "caller", "item", "case_number", "state", "expires", "document_sha256"];
    table(&items, &columns, output);
    Ok(())
}

pub(super) async fn approve(args: ApproveArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let digest = match (&args.document, &args.sha256) {
        (Some(path), _) => sha256(path)?,
        (None, Some(digest)) => digest.to_ascii_lowercase(),
        (None, None) => return Err("name the document that you have seen, or its --sha256".into()),
    };
    let at = format!("/v1/seal-uses/requests/{}/approve", segment(&args.id)?);
    let body = json!({ "document_sha256": digest });
    let answer = args.remote.client(global)?.json(Method::POST, &at, &body).await?;
    let what = match answer.json().get("state").and_then(Value::as_str) {
        Some("approved") => format!("request {} is approved", args.id),
        _ => format!("your approval of request {} is entered; others are needed", args.id),
    };
    done(&answer, &what, output);
    Ok(())
}

pub(super) async fn refuse(args: RefuseArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let at = format!("/v1/seal-uses/requests/{}/refuse", segment(&args.id)?);
    let body = json!({ "reason": args.reason });
    let answer = args.remote.client(global)?.json(Method::POST, &at, &body).await?;
    done(&answer, &format!("request {} is refused", args.id), output);
    Ok(())
}

pub(super) async fn withdraw(args: WithdrawArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let at = format!("/v1/seal-uses/requests/{}/withdraw", segment(&args.id)?);
    let answer = args.remote.client(global)?.send(Method::POST, &at, &[], Bytes::new()).await?;
    done(&answer, &format!("request {} is taken back", args.id), output);
    Ok(())
}

/// SHA-256 of a file, hexadecimal, a piece at a time.
fn sha256(path: &Path) -> Result<String, Failure> {
    use std::io::Read as _;
    let failed = |error: std::io::Error| format!("cannot read `{}`: {error}", path.display());
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut piece).map_err(failed)?;
        if read == 0 {
            return Ok(hex::encode(context.finish()));
        }
        context.update(piece.get(..read).unwrap_or_default());
    }
}
